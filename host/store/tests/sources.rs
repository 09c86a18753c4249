//! Where secrets come from, through the public door: real files, real commands, a real vault. Rows of the shared cases
//! are named by their ids.
//!
//! Where the design overrules a row: B16 and B21 (nothing is all-or-nothing: a reference that fails disables its owner,
//! and everything else stays up), B22 (the host decides on a reload; here it is shown that two snapshots do not meet).

#![expect(clippy::disallowed_methods, reason = "tests arrange files and look at processes")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "what a helper of a test cannot do fails the test")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use creel_policy::config::{Config, parse_config};
use creel_policy::credential::{Availability, Known as _, SecretSource};
use creel_policy::profiles::{Profiles, parse_profiles};
use creel_policy::secret_ref::{SecretRef, Source};
use creel_store::secrets::{Environment, FingerprintKey, Places, Secret, SecretSnapshot, open_vault};
use creel_store::state::StateRoot;

/// One at a time: a program that is being written in one thread cannot be run while another thread starts one.
static ALONE: Mutex<()> = Mutex::new(());

struct Lab {
    temp: tempfile::TempDir,
    root: StateRoot,
    key: FingerprintKey,
    _alone: MutexGuard<'static, ()>,
}

impl Lab {
    fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let temp = tempfile::tempdir().unwrap();
        let root = StateRoot::open_ambient(&temp.path().join("state")).unwrap();
        let key = root.fingerprint_key().unwrap();
        Self { temp, root, key, _alone: alone }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn resolve(&self, config: &Config, refs: &[&str], variables: &[(&str, &str)]) -> SecretSnapshot {
        let sources: Vec<SecretSource> = refs.iter().map(|text| SecretSource::Reference(reference(text))).collect();
        let environment = Environment::of(variables.iter().map(|(name, value)| (name.into(), value.into())));
        let places =
            Places { environment: &environment, key: &self.key, state: Some(&self.root), home: Some(self.temp.path()) };
        SecretSnapshot::resolve(&sources, (config, &Profiles::default()), &places)
    }

    /// What each reference comes to under these providers.
    fn ask(&self, secrets: &str, refs: &[&str]) -> Vec<String> {
        let snapshot =
            self.resolve(&config(secrets), refs, &[("PASSED", "passed on"), ("HIDDEN", "sk-hidden-variable")]);
        refs.iter().map(|text| shown(&snapshot, text)).collect()
    }

    fn one(&self, secrets: &str, reference: &str) -> String {
        self.ask(secrets, &[reference]).remove(0)
    }

    /// What one reference comes to when a shell runs this script.
    fn script(&self, script: &str, more: &str) -> String {
        self.one(&exec(script, more), "exec:e#id")
    }
}

fn config(secrets: &str) -> Config {
    let text = format!("{{ secrets: {{ {secrets} }} }}");
    parse_config("creel.json5", &text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// `file:alias#id`, `exec:alias#id` or `vault:name`.
fn reference(text: &str) -> SecretRef {
    let (source, rest) = text.split_once(':').unwrap();
    let source = Source::parse(source).unwrap();
    let (alias, id) = if source == Source::Vault { ("default", rest) } else { rest.split_once('#').unwrap() };
    SecretRef::parse(source, alias, id).unwrap()
}

fn shown(snapshot: &SecretSnapshot, text: &str) -> String {
    let source = SecretSource::Reference(reference(text));
    match (snapshot.availability(&source), snapshot.get(&source)) {
        (Availability::Present { .. }, Some(secret)) => format!("= {}", *secret.with_prefix("")),
        (Availability::Missing(what), None) => format!("missing: {what}"),
        (Availability::Blank, None) => "blank".to_owned(),
        (Availability::Refused(why), None) => format!("refused: {why}"),
        (other, _) => panic!("{other:?}"),
    }
}

fn shell() -> PathBuf {
    fs::canonicalize("/bin/sh").unwrap()
}

fn exec(script: &str, more: &str) -> String {
    let quoted = serde_json::to_string(script).unwrap();
    let shell = shell();
    format!("providers: {{ e: {{ source: 'exec', command: '{}', args: ['-c', {quoted}], {more} }} }}", shell.display())
}

fn file_provider(path: &Path, more: &str) -> String {
    format!("providers: {{ f: {{ source: 'file', path: '{}', {more} }} }}", path.display())
}

const ANSWER: &str = r#"printf '{"protocolVersion":1,"values":{"id":"sk-exec"}}'"#;
const MISSING: &str = "missing: not in the file (SECRET_REF_NOT_FOUND)";

#[test]
fn b2_a_pointer_into_a_file_of_json() {
    let lab = Lab::new();
    let path = lab.file("s.json", r#"{"providers":{"openai":{"apiKey":"sk-file"},"n":1,"a/b":" sk-slash\n"}}"#, 0o600);
    let refs =
        ["file:f#/providers/openai/apiKey", "file:f#/providers/a~1b", "file:f#/providers/none", "file:f#/providers/n"];
    let not_text = "refused: File provider \"f\" holds something there that is not a string";
    assert_eq!(lab.ask(&file_provider(&path, ""), &refs), ["= sk-file", "= sk-slash", MISSING, not_text]);
    let at_home = "providers: { f: { source: 'file', path: '~/s.json' } }";
    assert_eq!(lab.one(at_home, "file:f#/providers/openai/apiKey"), "= sk-file");
    let broken = lab.file("broken.json", r#"{"a":"sk-in-broken""#, 0o600);
    assert_eq!(lab.one(&file_provider(&broken, ""), "file:f#/a"), "refused: File provider \"f\" is not valid JSON");
}

#[test]
fn b3_a_file_that_is_one_value() {
    let lab = Lab::new();
    for (text, expect) in [
        ("raw-token-value\n", "= raw-token-value"),
        ("raw-token-value\r\n", "= raw-token-value"),
        ("raw-token-value", "= raw-token-value"),
        ("", "blank"),
        (" \n", "blank"),
        ("two\nlines\n", "refused: it holds a character that no header can carry, e.g. a line break"),
    ] {
        let path = lab.file("token", text, 0o600);
        assert_eq!(
            lab.one(&file_provider(&path, "mode: 'singleValue'"), "file:f#value"),
            expect,
            "B3, attack 70: {text:?}"
        );
    }
}

#[test]
fn b13_a_file_that_cannot_be_read_in_time_or_at_all() {
    let lab = Lab::new();
    let pipe = lab.path("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
    let about = |what: &str| format!("refused: File provider \"f\" {what}");
    let ask = |path: &Path, more: &str| lab.one(&file_provider(path, more), "file:f#/a");
    assert_eq!(ask(&pipe, "timeoutMs: 5"), about("path is not a regular file"));
    assert_eq!(ask(lab.temp.path(), ""), about("path is not a regular file"));
    assert_eq!(ask(&lab.path("none"), ""), about("file is not there"));
    assert_eq!(ask(&lab.path("none/none"), ""), about("cannot open the directory of its file: entity not found"));
    let long = lab.file("long", r#"{"a":"0123456789"}"#, 0o600);
    assert_eq!(ask(&long, "maxBytes: 17"), about("file has more than 17 bytes"));
    assert_eq!(ask(&long, "maxBytes: 18"), "= 0123456789");
}

#[test]
fn b19_a_file_that_others_can_reach() {
    let lab = Lab::new();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610] {
        let path = lab.file("s.json", r#"{"a":"sk-open"}"#, mode);
        let expect = format!("refused: File provider \"f\" file can be read or written by others (mode {mode:04o})");
        assert_eq!(lab.one(&file_provider(&path, ""), "file:f#/a"), expect);
        assert_eq!(lab.one(&file_provider(&path, "allowInsecurePath: true"), "file:f#/a"), "= sk-open");
    }
    let path = lab.file("s.json", r#"{"a":"sk-open"}"#, 0o400);
    assert_eq!(lab.one(&file_provider(&path, ""), "file:f#/a"), "= sk-open");
    symlink(&path, lab.path("link")).unwrap();
    let expect = "refused: File provider \"f\" path must not be a symlink";
    for more in ["", "allowInsecurePath: true"] {
        assert_eq!(lab.one(&file_provider(&lab.path("link"), more), "file:f#/a"), expect);
    }
}

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

#[test]
fn b14_b17_references_that_lead_nowhere() {
    let lab = Lab::new();
    let providers = "providers: { e: { source: 'env' }, v: { source: 'file', path: '/f', mode: 'singleValue' } }";
    let asked = lab.ask(providers, &["exec:e#id", "exec:none#id", "file:v#/a"]);
    assert_eq!(
        asked,
        [
            "refused: `secrets.providers.e` has source `env` but the reference asks for `exec`",
            "refused: no provider `none` is declared in `secrets.providers`",
            "refused: `secrets.providers.v` is a single value, and the id of its reference is `value`",
        ]
    );
}

#[test]
fn b15_one_bad_reference_disables_itself_alone() {
    let lab = Lab::new();
    let count = lab.path("count");
    let script = format!(
        r#"echo run >> '{}'; cat <<'EOF'
{{"protocolVersion":1,"values":{{"good":"sk-exec","redacted":"__OPENCLAW_REDACTED__","blank":" ","break":"a\nb"}},
 "errors":{{"none":{{"code":"SECRET_REF_NOT_FOUND"}}}}}}
EOF"#,
        count.display()
    );
    let path = lab.file("s.json", r#"{"good":"sk-file","redacted":"__OPENCLAW_REDACTED__"}"#, 0o600);
    let providers = format!(
        "{}, f: {{ source: 'file', path: '{}' }} }}",
        exec(&script, "env: { PATH: '/usr/bin:/bin' }").strip_suffix(" }").unwrap(),
        path.display()
    );
    let vault = vault(&lab, &config(&providers));
    vault.set("good", &Secret::parse("sk-vault").unwrap(), 0).unwrap();
    let redacted = "refused: it is the placeholder of a redacted value (SECRET_REF_REDACTED_VALUE)";
    let mut rows = [
        ("exec:e#none", "missing: not known to the command (SECRET_REF_NOT_FOUND)"),
        ("exec:e#redacted", redacted),
        ("exec:e#blank", "blank"),
        ("exec:e#break", "refused: it holds a character that no header can carry, e.g. a line break"),
        ("exec:e#good", "= sk-exec"),
        ("file:f#/none", MISSING),
        ("file:f#/redacted", redacted),
        ("file:f#/good", "= sk-file"),
        ("vault:none", "missing: not in the vault (SECRET_REF_NOT_FOUND)"),
        ("vault:good", "= sk-vault"),
    ];
    for _ in 0..2 {
        let refs: Vec<&str> = rows.iter().map(|(reference, _)| *reference).collect();
        let expect: Vec<&str> = rows.iter().map(|(_, expect)| *expect).collect();
        assert_eq!(lab.ask(&providers, &refs), expect);
        rows.reverse();
    }
    assert_eq!(fs::read_to_string(&count).unwrap(), "run\nrun\n", "once for each snapshot");
}

fn vault(lab: &Lab, config: &Config) -> creel_store::vault::Vault {
    let environment = Environment::of([]);
    let places = Places { environment: &environment, key: &lab.key, state: Some(&lab.root), home: None };
    open_vault(&config.secrets, &places).unwrap().unwrap()
}

#[test]
fn the_bounds_of_a_resolution_hold() {
    let lab = Lab::new();
    let refs = ["exec:e#id", "exec:e#id2", "exec:e#id3"];
    let asked = lab.ask(&format!("{}, resolution: {{ maxRefsPerProvider: 2 }}", exec(ANSWER, "")), &refs);
    assert_eq!(asked[0], "refused: provider `e` is asked for more than 2 secrets (`maxRefsPerProvider`)");
    let asked = lab.one(&format!("{}, resolution: {{ maxBatchBytes: 20 }}", exec(ANSWER, "")), refs[0]);
    assert_eq!(asked, "refused: Exec provider \"e\" would be asked with more than 20 bytes (`maxBatchBytes`)");
    // Two commands that wait for each other end only if they are asked at the same time, and one by one they do not.
    let pipes = [lab.path("one"), lab.path("two")];
    for pipe in &pipes {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    }
    let (one, two) = (pipes[0].display(), pipes[1].display());
    let provider = |script: String| {
        let script = serde_json::to_string(&format!("{script}; {ANSWER}")).unwrap();
        let shell = shell();
        format!("{{ source: 'exec', command: '{}', args: ['-c', {script}], timeoutMs: 2000 }}", shell.display())
    };
    let (a, b) =
        (provider(format!("echo > '{one}'; read x < '{two}'")), provider(format!("read x < '{one}'; echo > '{two}'")));
    let providers = |concurrency: u32| {
        format!("providers: {{ a: {a}, b: {b} }}, resolution: {{ maxProviderConcurrency: {concurrency} }}")
    };
    assert_eq!(lab.ask(&providers(2), &["exec:a#id", "exec:b#id"]), ["= sk-exec", "= sk-exec"]);
    let late = |alias: &str| format!("refused: Exec provider \"{alias}\" timed out after 2000 ms");
    assert_eq!(lab.ask(&providers(1), &["exec:a#id", "exec:b#id"]), [late("a"), late("b")]);
}

#[test]
fn b20_what_nothing_uses_runs_no_command() {
    let lab = Lab::new();
    let ran = lab.path("ran");
    let config = config(&exec(&format!("echo > '{}'; {ANSWER}", ran.display()), ""));
    let text = r#"{ "version": 1, "profiles": { "openai:default": { "type": "api_key", "provider": "openai",
        "keyRef": { "source": "exec", "provider": "e", "id": "id" } } } }"#;
    let profiles = parse_profiles("auth-profiles.json", text, &config.secrets).unwrap_or_default();
    let sources = [SecretSource::Reference(reference("exec:e#id"))];
    let environment = Environment::of(Vec::<(OsString, OsString)>::new());
    let places = Places { environment: &environment, key: &lab.key, state: Some(&lab.root), home: None };
    let snapshot = SecretSnapshot::resolve(&sources, (&config, &profiles), &places);
    let idle =
        "refused: nothing that is configured uses it, so it was not resolved (SECRETS_REF_IGNORED_INACTIVE_SURFACE)";
    assert_eq!(shown(&snapshot, "exec:e#id"), idle);
    assert_eq!(snapshot.idle().map(ToString::to_string).collect::<Vec<_>>(), ["exec:e#id"]);
    assert!(!ran.exists());
}

#[test]
fn b24_a_snapshot_keeps_what_it_read_while_another_is_made() {
    let lab = Lab::new();
    let path = lab.file("s.json", r#"{"a":"sk-old"}"#, 0o600);
    let config = config(&file_provider(&path, ""));
    let old = lab.resolve(&config, &["file:f#/a", "vault:v"], &[]);
    lab.file("s.json", r#"{"a":"sk-new"}"#, 0o600);
    vault(&lab, &config).set("v", &Secret::parse("sk-v").unwrap(), 0).unwrap();
    let new = lab.resolve(&config, &["file:f#/a", "vault:v"], &[]);
    fs::remove_file(&path).unwrap();
    let gone = lab.resolve(&config, &["file:f#/a"], &[]);
    assert_eq!(shown(&old, "file:f#/a"), "= sk-old");
    assert_eq!(shown(&old, "vault:v"), "missing: not in the vault (SECRET_REF_NOT_FOUND)");
    assert_eq!((shown(&new, "file:f#/a"), shown(&new, "vault:v")), ("= sk-new".to_owned(), "= sk-v".to_owned()));
    assert_eq!(shown(&gone, "file:f#/a"), "refused: File provider \"f\" file is not there");
}

#[test]
fn a_vault_that_cannot_be_opened_is_told_with_its_reason() {
    let lab = Lab::new();
    let passphrase = lab.file("passphrase", "correct horse\n", 0o600);
    let secrets = format!(
        "providers: {{ p: {{ source: 'file', path: '{}', mode: 'singleValue' }} }},
         vault: {{ key: 'passphrase', passphraseFrom: {{ source: 'file', provider: 'p', id: 'value' }} }}",
        passphrase.display()
    );
    let environment = Environment::of(Vec::<(OsString, OsString)>::new());
    let places = Places { environment: &environment, key: &lab.key, state: Some(&lab.root), home: None };
    let vault = open_vault(&config(&secrets).secrets, &places).unwrap().unwrap();
    vault.set("v", &Secret::parse("sk-v").unwrap(), 0).unwrap();
    assert_eq!(lab.one(&secrets, "vault:v"), "= sk-v");
    let other = "refused: the vault was locked with a key of kind `passphrase`, and `secrets.vault` of the configuration says `file`";
    assert_eq!(lab.one("", "vault:v"), other);
    fs::remove_file(&passphrase).unwrap();
    let gone =
        "refused: the passphrase of the vault cannot be had from `file:p#value`: File provider \"p\" file is not there";
    assert_eq!(lab.one(&secrets, "vault:v"), gone);
    fs::write(lab.path("state/vault.sealed"), "x").unwrap();
    fs::set_permissions(lab.path("state/vault.sealed"), fs::Permissions::from_mode(0o600)).unwrap();
    let damaged = "refused: the vault `vault.sealed` in the state directory is damaged: it was cut or changed";
    assert_eq!(lab.one("", "vault:v"), damaged);
}

#[test]
fn nothing_of_a_value_is_shown_or_written() {
    let lab = Lab::new();
    let path = lab.file("s.json", r#"{"a":"sk-from-a-file-0123456789","b":"sk-bad\nvalue"}"#, 0o600);
    let config = config(&file_provider(&path, ""));
    vault(&lab, &config).set("v", &Secret::parse("sk-from-the-vault-0123456789").unwrap(), 0).unwrap();
    let snapshot = lab.resolve(&config, &["file:f#/a", "file:f#/b", "vault:v"], &[]);
    let printed = format!("{snapshot:?}");
    assert!(printed.contains("file:f#/a") && printed.contains("vault:v"), "{printed}");
    let values = ["sk-from-a-file-0123456789", "sk-bad", "sk-from-the-vault-0123456789"];
    let spellings: Vec<_> = values.iter().flat_map(|value| Secret::parse(value).unwrap().spellings()).collect();
    let holds =
        |bytes: &[u8]| spellings.iter().any(|spelling| bytes.windows(spelling.len()).any(|part| part == &***spelling));
    assert!(!holds(printed.as_bytes()), "{printed}");
    for entry in fs::read_dir(lab.path("state")).unwrap() {
        let entry = entry.unwrap();
        assert!(!holds(&fs::read(entry.path()).unwrap()), "{:?} holds a value", entry.file_name());
    }
}
