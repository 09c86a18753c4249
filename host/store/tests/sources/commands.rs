//! Commands as sources: what they are asked and given, what counts as an answer, how they are bounded, and where they may
//! stand.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::lab::{ANSWER, Lab, exec, shell};

#[test]
fn b4_to_b8_what_a_command_answers() {
    let lab = Lab::new();
    let about = |what: &str| format!("refused: Exec provider \"e\" {what}");
    assert_eq!(lab.script(ANSWER, ""), "= sk-exec", "B4");
    assert_eq!(lab.script("echo sk-raw", "jsonOnly: false"), "= sk-raw", "B5");
    assert_eq!(lab.script("echo '\"sk-text\"'", "jsonOnly: false"), "= sk-text", "B5");
    assert_eq!(lab.script("echo 123456", "jsonOnly: false"), "= 123456", "B5");
    assert_eq!(lab.script(ANSWER, "jsonOnly: false"), "= sk-exec", "B5");
    let invalid = about("returned invalid JSON");
    assert_eq!(lab.script("echo sk-raw", ""), invalid, "B6");
    let two = lab.ask(&exec("echo sk-raw", "jsonOnly: false"), &["exec:e#id", "exec:e#other"]);
    assert_eq!(two, [invalid.clone(), invalid], "B5: one value cannot be two");
    for version in [r#""protocolVersion":2,"#, r#""protocolVersion":"1","#, r#""protocolVersion":1.5,"#, ""] {
        let script = format!(r#"printf '{{{version}"values":{{"id":"sk-exec"}}}}'"#);
        let expect =
            if version.contains("\"1\"") { "returned JSON of another form" } else { "protocolVersion must be 1" };
        assert_eq!(lab.script(&script, ""), about(expect), "B7: {version}");
    }
    let other = r#"printf '{"protocolVersion":1,"values":{"other":"sk-other"}}'"#;
    assert_eq!(lab.script(other, ""), about("response missing id \"id\""), "B8");
    assert_eq!(lab.script("printf '{\"protocolVersion\":1}'", ""), about("response missing id \"id\""), "B8");
    let number = r#"printf '{"protocolVersion":1,"values":{"id":7}}'"#;
    assert_eq!(lab.script(number, ""), about("response for id \"id\" is not a string"));
    assert_eq!(lab.script("true", ""), about("returned empty output"));
    assert_eq!(lab.script("printf '[]'", ""), about("returned JSON of another form"));
}

#[test]
fn what_a_command_says_of_an_id_is_shown_without_values() {
    let lab = Lab::new();
    let about = |what: &str| format!("refused: Exec provider \"e\" failed for id \"id\"{what}");
    let said = |error: &str| {
        let text = format!(r#"{{"protocolVersion":1,"values":{{"x":"sk-other-value"}},"errors":{{"id":{error}}}}}"#);
        lab.script(&format!("cat <<'EOF'\n{text}\nEOF"), "")
    };
    assert_eq!(said(r#"{"message":"no such item"}"#), about(" (no such item)"));
    assert_eq!(said(r#"{"code":"LOCKED","message":"a\nb"}"#), about(" (LOCKED: a b)"));
    assert_eq!(said(r#"{"message":"got sk-other-value"}"#), about(""));
    assert_eq!(said("{}"), about(""));
    assert_eq!(said(r#"{"code":"SECRET_REF_NOT_FOUND"}"#), "missing: not known to the command (SECRET_REF_NOT_FOUND)");
    let long = said(&format!(r#"{{"message":"{}"}}"#, "ä".repeat(500)));
    assert!(long.len() < 300, "{long}");
}

#[test]
fn a_command_gets_what_the_operator_gave_it_and_is_asked_once() {
    let lab = Lab::new();
    let (asked, seen) = (lab.path("asked"), lab.path("seen"));
    let script = format!(
        r#"cat >> '{}'; echo >> '{}'; env > '{}'; printf '{{"protocolVersion":1,"values":{{"a":"sk-a","b":"sk-b"}}}}'"#,
        asked.display(),
        asked.display(),
        seen.display()
    );
    let more = "env: { GIVEN: 'given', PATH: '/usr/bin:/bin' }, passEnv: ['PASSED', 'UNSET']";
    assert_eq!(lab.ask(&exec(&script, more), &["exec:e#a", "exec:e#b"]), ["= sk-a", "= sk-b"]);
    let question = r#"{"protocolVersion":1,"provider":"e","ids":["a","b"]}"#;
    assert_eq!(fs::read_to_string(&asked).unwrap(), format!("{question}\n"), "B15: exactly once");
    let seen = fs::read_to_string(&seen).unwrap();
    let variables: BTreeMap<&str, &str> = seen.lines().filter_map(|line| line.split_once('=')).collect();
    let expect = [("GIVEN", "given"), ("PASSED", "passed on"), ("PATH", "/usr/bin:/bin")];
    for (name, value) in expect {
        assert_eq!(variables.get(name), Some(&value), "{seen}");
    }
    // A shell adds its own; nothing of the daemon's is among them.
    let own = ["GIVEN", "PASSED", "PATH", "PWD", "SHLVL", "_", "OLDPWD"];
    assert!(variables.keys().all(|name| own.contains(name)), "{seen}");
}

#[test]
fn a_command_is_bounded_and_nothing_of_it_is_left() {
    let lab = Lab::new();
    let about = |what: &str| format!("refused: Exec provider \"e\" {what}");
    let pids = lab.path("pids");
    let forever = format!("sleep 1000 & echo $! >> '{0}'; echo $$ >> '{0}'; wait", pids.display());
    let path = "env: { PATH: '/usr/bin:/bin' }";
    assert_eq!(lab.script(&forever, &format!("timeoutMs: 200, {path}")), about("timed out after 200 ms"));
    let talks = "while :; do echo x; sleep 0.02; done";
    assert_eq!(
        lab.script(talks, &format!("timeoutMs: 300, noOutputTimeoutMs: 250, {path}")),
        about("timed out after 300 ms")
    );
    let silent = format!("echo begun; {forever}");
    let bounds = format!("timeoutMs: 60000, noOutputTimeoutMs: 100, {path}");
    assert_eq!(lab.script(&silent, &bounds), about("produced no output for 100 ms"));
    let endless = "while :; do echo 0123456789; done";
    assert_eq!(lab.script(endless, "maxOutputBytes: 1000"), about("output exceeded 1000 bytes"));
    assert_eq!(
        lab.script("while :; do echo sk-in-stderr >&2; done", "timeoutMs: 200"),
        about("timed out after 200 ms")
    );
    assert_eq!(lab.script("echo sk-in-stderr >&2; exit 3", ""), about("failed: exit status: 3"));
    // A child that goes on holding the output does not hold us.
    assert_eq!(
        lab.script(&format!("sleep 1000 & {ANSWER}"), &format!("timeoutMs: 400, {path}")),
        about("timed out after 400 ms")
    );
    let pids = fs::read_to_string(&pids).unwrap();
    assert_eq!(pids.lines().count(), 4);
    for pid in pids.lines() {
        let is_gone = || match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')),
            Err(_) => true,
        };
        let gone = (0..1_000_000).any(|_| {
            is_gone() || {
                std::thread::yield_now();
                false
            }
        });
        assert!(gone, "process {pid} was left behind");
    }
}

#[test]
fn b9_to_b12_where_a_command_may_stand() {
    let lab = Lab::new();
    let script = format!("#!{}\n[ \"$1\" = --flag ] || exit 9\n{ANSWER}\n", shell().display());
    lab.file("Cellar/node/22/bin/node", &script, 0o755);
    fs::create_dir(lab.path("bin")).unwrap();
    symlink(lab.path("Cellar/node/22/bin/node"), lab.path("bin/node")).unwrap();
    let ask = |command: &Path, more: &str| {
        let providers = format!(
            "providers: {{ e: {{ source: 'exec', command: '{}', args: ['--flag'], {more} }} }}",
            command.display()
        );
        lab.one(&providers, "exec:e#id")
    };
    let about = |what: &str| format!("refused: Exec provider \"e\" {what}");
    let (link, node) = (lab.path("bin/node"), lab.path("Cellar/node/22/bin/node"));
    let trusted = |dir: &str| format!("allowSymlinkCommand: true, trustedDirs: ['{}']", lab.path(dir).display());
    assert_eq!(ask(&link, ""), about("command must not be a symlink"), "B9, B12");
    assert_eq!(
        ask(&link, &format!("trustedDirs: ['{}']", lab.temp.path().display())),
        about("command must not be a symlink")
    );
    assert_eq!(ask(&link, &trusted("Cellar")), "= sk-exec", "B10, B12");
    assert_eq!(ask(&link, &trusted("bin")), about("command is outside trustedDirs"), "B11");
    assert_eq!(ask(&link, &trusted("Cell")), about("command is outside trustedDirs"), "B11: no prefix of a name");
    assert_eq!(ask(&link, &trusted("Cellar/../bin")), about("command is outside trustedDirs"), "B11");
    assert_eq!(ask(&node, ""), "= sk-exec");
    assert_eq!(ask(&lab.path("none"), ""), about("command cannot be found: entity not found"));
    assert_eq!(ask(&lab.path("Cellar"), ""), about("command is not an executable file"));
    let plain = lab.file("plain", "", 0o644);
    assert_eq!(ask(&plain, ""), about("command is not an executable file"));
    for (path, mode, restored) in
        [(&node, 0o775, 0o755), (&node, 0o757, 0o755), (&lab.path("Cellar/node"), 0o777, 0o755)]
    {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let place = path.display();
        let expect = about(&format!("command can be replaced: `{place}` can be written by others (mode {mode:04o})"));
        assert_eq!(ask(&node, ""), expect);
        assert_eq!(ask(&node, "allowInsecurePath: true"), "= sk-exec");
        fs::set_permissions(path, fs::Permissions::from_mode(restored)).unwrap();
    }
}
