//! The program as operators and scripts meet it: what it prints, with which exit code, and what it never prints. No
//! plugin is loaded here.

#![expect(clippy::disallowed_methods, reason = "tests arrange files, processes and connections")]

mod approval;
mod place;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;

use place::{CONFIG, KEY, Place, STALE_TOKEN, WRITTEN_KEY};

#[test]
fn every_answer_is_the_same_with_and_without_a_daemon() {
    let place = Place::with(CONFIG);
    let questions: [&[&str]; 8] = [
        &["models", "status", "--json"],
        &["explain", "auth", "anthropic", "--for", "image", "--json"],
        &["explain", "auth", "anthropic", "--model", "claude-haiku-4-5", "--json"],
        &["explain", "auth", "nobody", "--json"],
        &["explain", "route", "--needs", "text,image", "--json"],
        &["explain", "media", "/etc/passwd", "--json"],
        &["explain", "media", "~/a b & c=é+%2F#x", "--json"],
        &["explain", "egress", "anthropic", "POST", "https://api.anthropic.com/v1/messages", "--json"],
    ];
    let ask = |question: &&[&str]| {
        let mut answer = place.json(question);
        let object = answer.as_object_mut().expect("an object");
        let daemon = object.remove("daemon").expect("who answers");
        object.remove("files");
        forget_ages(&mut answer);
        (daemon, answer, place.run(question).code)
    };
    let from_files: Vec<_> = questions.iter().map(ask).collect();
    let daemon = place.serve();
    for (question, (nobody, answer, code)) in questions.iter().zip(from_files) {
        let (who, by_daemon, code_by_daemon) = ask(question);
        assert_eq!(nobody, Value::Null);
        assert_eq!(who["pid"], daemon.child.id(), "{question:?}");
        assert_eq!((by_daemon, code_by_daemon), (answer, code), "{question:?}");
    }
    assert_eq!(daemon.stop(), Some(0));
}

/// Takes out how long ago values were read: the only thing that differs from one answer to the next.
fn forget_ages(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("age_ms");
            object.values_mut().for_each(forget_ages);
        }
        Value::Array(list) => list.iter_mut().for_each(forget_ages),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_shell_is_compared_with_the_daemon_and_no_value_travels() {
    // U10, and the third complaint of the story: is it the daemon's environment or my shell's?
    const OTHER_KEY: &str = "sk-ant-api03-another-key-of-the-shell";
    let place = Place::with(CONFIG);
    let daemon = place.serve();
    let args = ["explain", "auth", "anthropic", "--compare-shell"];
    let same = place.json(&[&args[..], &["--json"]].concat());
    let expect = serde_json::json!([
        { "name": "ANTHROPIC_API_KEY", "daemon": "set", "shell": "set", "same": true },
        { "name": "ANTHROPIC_OAUTH_TOKEN", "daemon": "set", "shell": "set", "same": true },
    ]);
    assert_eq!((&same["comparison"], &same["differences"]), (&expect, &serde_json::json!([])));
    assert_eq!((&same["variables"], &same["daemon"]["pid"]), (&Value::Null, &Value::from(daemon.child.id())));

    let home = place.temp.path().join("elsewhere");
    fs::create_dir(&home).expect("a directory");
    let mut command = place.command(&[&args[..], &["--json"]].concat());
    command.env("HOME", &home).env("ANTHROPIC_API_KEY", OTHER_KEY).env("ANTHROPIC_OAUTH_TOKEN", "  ");
    let output = command.output().expect("the program runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let other: Value = serde_json::from_str(&out).expect("JSON");
    let compared = &other["comparison"];
    assert_eq!((&compared[0]["same"], &compared[1]["same"]), (&Value::from(false), &Value::from(false)));
    assert_eq!((&compared[1]["daemon"], &compared[1]["shell"]), (&Value::from("set"), &Value::from("blank")));
    let detail = compared[0]["detail"].as_str().expect("a text");
    assert!(detail.starts_with("other values: fingerprint "), "{detail}");
    let theirs = place.temp.path().display();
    assert_eq!(other["differences"][0]["what"], "home");
    assert_eq!(other["differences"][0]["daemon"], theirs.to_string());
    assert_eq!(other["caller"]["home"], home.display().to_string());
    let warning =
        format!("warning: the daemon's home directory is `{theirs}`, and that of this shell `{}`\n", home.display());
    assert_eq!(err, warning);

    // What crosses the socket tells of variables, and holds none of their values.
    let mut socket = std::os::unix::net::UnixStream::connect(place.state.join("admin.sock")).expect("a connection");
    let request =
        "GET /v1/explain/auth?provider=anthropic&variables=true HTTP/1.1\r\nhost: creel\r\nconnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("\"variables\""), "{answer}");
    for secret in [KEY, STALE_TOKEN, OTHER_KEY] {
        assert!(!answer.contains(secret) && !out.contains(secret) && !err.contains(secret));
    }
    let ran = place.run(&args);
    assert!(ran.out.contains("\nthe daemon and this shell have the same variables\n"), "{}", ran.out);
    assert!(ran.out.contains(&format!("home `{theirs}`")), "{}", ran.out);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn without_a_daemon_there_is_nothing_to_compare_with() {
    let place = Place::with(CONFIG);
    let ran = place.run(&["explain", "auth", "anthropic", "--compare-shell", "--json"]);
    let answer: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((&answer["comparison"], &answer["variables"]), (&Value::Null, &Value::Null));
    assert!(ran.err.ends_with(", so that there is nothing to compare it with\n"), "{}", ran.err);
}

#[test]
fn the_help_shows_how_a_credential_is_proved() {
    let place = Place::empty();
    let status = place.run(&["models", "status", "--help"]).out;
    assert!(status.contains("\n  creel models status --probe --check   # the same after a real call\n"), "{status}");
    let auth = place.run(&["explain", "auth", "--help"]).out;
    assert!(auth.contains("\n  creel explain auth anthropic --compare-shell\n"), "{auth}");
}

#[test]
fn the_credential_of_the_story_is_explained() {
    let place = Place::with(CONFIG);
    let answer = place.json(&["explain", "auth", "anthropic", "--for", "image", "--json"]);
    assert_eq!(answer["winner"]["id"], "models.providers.anthropic.apiKey");
    assert_eq!(answer["winner"]["source"], "env:ANTHROPIC_API_KEY");
    assert_eq!(answer["winner"]["class"], "api_key");
    let verdicts: Vec<_> = answer["candidates"].as_array().expect("a list").iter().map(|one| &one["verdict"]).collect();
    assert_eq!(verdicts, ["chosen", "passed-over", "passed-over"]);
    let ran = place.run(&["explain", "auth", "anthropic", "--for", "image"]);
    assert_eq!(ran.code, Some(0));
    assert!(
        ran.out.starts_with("anthropic, for image: `models.providers.anthropic.apiKey` is sent (api_key, "),
        "{}",
        ran.out
    );
    let note = "this answer is from the files and the environment of this shell";
    assert_eq!(ran.err, format!("note: no daemon is running in `{}`; {note}\n", place.state.display()));
}

#[test]
fn answers_have_exit_codes() {
    let place = Place::with(CONFIG);
    let check = |args: &[&str], expect: i32| {
        let ran = place.run(args);
        assert_eq!(ran.code, Some(expect), "{args:?}: {}{}", ran.out, ran.err);
    };
    check(&["explain", "auth", "anthropic"], 0);
    check(&["explain", "auth", "ollama"], 0);
    check(&["explain", "auth", "nobody"], 3);
    check(&["explain", "auth", "no body"], 2);
    check(&["explain", "media", "/etc/passwd"], 3);
    check(&["explain", "egress", "anthropic", "POST", "https://api.anthropic.com/v1/messages"], 0);
    check(&["explain", "egress", "anthropic", "GET", "https://api.anthropic.com/v1/messages"], 3);
    check(&["explain", "egress", "nobody", "GET", "https://example.com/"], 3);
    check(&["explain", "route", "--needs", "smell"], 2);
    check(&["explain", "route", "--needs", "text,video"], 3);
    check(&["models", "status"], 0);
    check(&["models", "status", "--check"], 3);
    check(&["plugin", "list"], 0);
    check(&["plugin", "inspect", "nobody"], 5);
    check(&["plugin", "inspect", "./none.wasm"], 5);
    check(&["completions", "bash"], 0);
    check(&["--version"], 0);
    check(&["nonsense"], 2);
}

#[test]
fn a_configuration_that_is_not_valid_is_reported_whole() {
    let place = Place::with("{\n  models: { provders: {} },\n  agents: { defaults: { model: 7 } },\n}\n");
    for command in [&["serve"][..], &["models", "status"], &["plugin", "list"]] {
        let ran = place.run(command);
        assert_eq!(ran.code, Some(4), "{command:?}");
        assert!(ran.err.starts_with("error: the configuration is not valid\n"), "{}", ran.err);
        let file = place.state.canonicalize().expect("its real path").join("creel.json5");
        for problem in [":2:13: models.provders: ", ":3:32: agents.defaults.model: "] {
            assert!(ran.err.contains(&format!("\n{}{problem}", file.display())), "{problem}: {}", ran.err);
        }
        assert!(ran.err.contains("\n  hint: did you mean `providers`?\n"), "{}", ran.err);
    }
}

#[test]
fn without_a_state_directory_answers_make_none() {
    let place = Place::empty();
    assert_eq!(place.run(&["models", "status"]).out, "the configuration names no model\n");
    assert_eq!(place.run(&["explain", "auth", "anthropic"]).code, Some(0));
    let ran = place.run(&["explain", "media", "/etc/passwd"]);
    assert_eq!(ran.code, Some(5));
    assert!(
        ran.err.contains(&format!("error: there is no state directory `{}`\n", place.state.display())),
        "{}",
        ran.err
    );
    assert!(!place.state.exists());
}

#[test]
fn a_daemon_needs_a_configuration_and_says_which() {
    let place = Place::empty();
    let ran = place.run(&["serve"]);
    assert_eq!(ran.code, Some(4));
    let path = place.state.canonicalize().expect("it was made").join("creel.json5");
    assert!(
        ran.err.starts_with(&format!("error: there is no configuration `{}`\nhint: write ", path.display())),
        "{}",
        ran.err
    );
    let mode = fs::metadata(place.state).expect("it was made").permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
}

#[test]
fn a_second_daemon_is_told_of_the_first() {
    let place = Place::with(CONFIG);
    let daemon = place.serve();
    let ran = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ran.code, Some(1));
    let expect = format!("error: another creel daemon uses this state directory (process {})\n", daemon.child.id());
    assert!(ran.err.contains(&expect), "{}", ran.err);
    // The first is none the worse for it.
    assert_eq!(place.json(&["models", "status", "--json"])["daemon"]["pid"], daemon.child.id());
}

#[test]
fn a_daemon_that_was_killed_leaves_nothing_in_the_way() {
    let place = Place::with(CONFIG);
    let mut daemon = place.serve();
    daemon.child.kill().expect("it is killed");
    daemon.child.wait().expect("it ends");
    assert!(place.state.join("admin.sock").exists());
    assert_eq!(place.json(&["models", "status", "--json"])["daemon"], Value::Null);
    let next = place.serve();
    assert_eq!(place.json(&["models", "status", "--json"])["daemon"]["pid"], next.child.id());
    assert_eq!(next.stop(), Some(0));
}

#[test]
fn a_deep_state_directory_has_a_socket_too() {
    let deep = format!("{}/state", "d".repeat(120));
    let place = Place::at(&deep).configured(CONFIG);
    let daemon = place.serve();
    assert_eq!(place.json(&["models", "status", "--json"])["daemon"]["pid"], daemon.child.id());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn health_is_told_to_this_machine_by_its_own_name() {
    let place = Place::with(CONFIG);
    let daemon = place.serve();
    let answer = daemon.get(&daemon.address);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let health: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&health["status"], &health["pid"]), (&Value::from("ok"), &Value::from(daemon.child.id())));
    assert_eq!(health["plugins"], Value::Array(Vec::new()));
    for host in ["evil.example", "localhost.evil.example", "192.168.0.1", ""] {
        assert!(daemon.get(host).starts_with("HTTP/1.1 403 "), "{host}");
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn the_socket_is_the_users_alone() {
    let place = Place::with(CONFIG);
    let daemon = place.serve();
    let mode = fs::metadata(place.state.join("admin.sock")).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_plugin_that_is_not_there_is_named_and_stops_nothing() {
    let place = Place::with(CONFIG);
    let daemon = place.serve();
    let status = place.json(&["models", "status", "--json"]);
    let uses = &status["providers"][0]["uses"][0];
    assert_eq!(uses["state"], "no-plugin");
    let detail = uses["detail"].as_str().expect("a text");
    assert!(
        detail.starts_with("no component of plugin `anthropic` was found; build it with `creel plugin build`"),
        "{detail}"
    );
    assert!(place.log().contains(detail), "{}", place.log());
    assert_eq!(daemon.stop(), Some(0));
    for secret in [KEY, STALE_TOKEN, WRITTEN_KEY] {
        assert!(!place.log().contains(secret));
    }
}

#[test]
fn a_changed_configuration_is_noted() {
    let place = Place::with(CONFIG);
    let daemon = place.serve();
    assert_eq!(place.run(&["models", "status"]).err, "");
    fs::write(place.state.join("creel.json5"), "{}").expect("it is written");
    let ran = place.run(&["models", "status"]);
    assert!(ran.err.contains("has changed since the daemon read it: run `creel reload`\n"), "{}", ran.err);
    assert!(ran.out.contains("answered by the daemon: process "), "{}", ran.out);
    let other = place.temp.path().join("other.json5");
    fs::write(&other, "{}").expect("it is written");
    let ran = place.run(&["models", "status", "--config", other.to_str().expect("a path")]);
    assert!(ran.err.starts_with("note: the daemon uses `"), "{}", ran.err);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_others_can_read_is_no_place_for_secrets() {
    let place = Place::with(CONFIG);
    let profiles = place.state.join("auth-profiles.json");
    fs::write(&profiles, "{ \"version\": 1, \"profiles\": {} }").expect("it is written");
    fs::set_permissions(&profiles, fs::Permissions::from_mode(0o644)).expect("permissions");
    let ran = place.run(&["models", "status"]);
    assert_eq!(ran.code, Some(4));
    assert!(
        ran.err.contains("error: `auth-profiles.json` holds secrets and can be read or written by others"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("\nhint: run `chmod 600` on `auth-profiles.json` in the state directory\n"),
        "{}",
        ran.err
    );
}

/// Writes a file of stored profiles that nobody else may read.
fn store_profiles(place: &Place, name: &str, text: &str) -> PathBuf {
    let path = place.state.join(name);
    fs::create_dir_all(path.parent().expect("a directory")).expect("it is made");
    fs::write(&path, format!("{{ \"version\": 1, {text} }}")).expect("it is written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
    path
}

#[test]
fn the_agents_own_profiles_come_before_the_shared_ones() {
    let place = Place::with("{ agents: { defaults: { model: \"anthropic/claude-haiku-4-5\" } } }");
    let profile = |id: &str, kind: &str, field: &str, variable: &str| {
        format!(
            "\"{id}\": {{ \"type\": \"{kind}\", \"provider\": \"anthropic\", \"{field}\": {{ \"source\": \"env\", \
             \"provider\": \"default\", \"id\": \"{variable}\" }} }}"
        )
    };
    let key = profile("a:default", "api_key", "keyRef", "ANTHROPIC_API_KEY");
    let other = profile("a:other", "api_key", "keyRef", "GONE");
    store_profiles(
        &place,
        "auth-profiles.json",
        &format!("\"profiles\": {{ {key}, {other} }}, \"order\": {{ \"anthropic\": [\"a:other\"] }}"),
    );
    let sent = |place: &Place| {
        let answer = place.json(&["explain", "auth", "anthropic", "--json"]);
        let winner = &answer["winner"];
        (winner["id"].clone(), winner["source"].clone(), winner["class"].clone(), answer["failure"].clone())
    };
    let failed = "credential `a:other` (env:GONE) failed: unresolved_ref: env:GONE is not set";
    assert_eq!(sent(&place), (Value::Null, Value::Null, Value::Null, failed.into()));
    let token = profile("a:default", "token", "tokenRef", "ANTHROPIC_OAUTH_TOKEN");
    let order = "\"order\": { \"anthropic\": [\"a:other\", \"a:default\"] }";
    let own =
        store_profiles(&place, "agents/main/auth-profiles.json", &format!("\"profiles\": {{ {token} }}, {order}"));
    let expect = ("a:default".into(), "env:ANTHROPIC_OAUTH_TOKEN".into(), "token".into(), Value::Null);
    assert_eq!(sent(&place), expect);
    let answer = place.json(&["explain", "auth", "anthropic", "--json"]);
    let first = &answer["candidates"][0];
    assert_eq!((&first["id"], &first["verdict"]), (&"a:other".into(), &"passed-over".into()));
    assert_eq!(first["reason"], "unresolved_ref: env:GONE is not set");

    fs::set_permissions(own, fs::Permissions::from_mode(0o640)).expect("permissions");
    let ran = place.run(&["explain", "auth", "anthropic"]);
    assert_eq!(ran.code, Some(4));
    let exposed =
        "error: `agents/main/auth-profiles.json` holds secrets and can be read or written by others (mode 0640";
    assert!(ran.err.starts_with(exposed), "{}", ran.err);
}
