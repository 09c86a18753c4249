//! Tests of every text that people get, word for word.

use std::io;
use std::path::PathBuf;

use creel_engine::LoadError;
use creel_policy::ids::PluginId;
use creel_policy::problem::Problem;
use creel_store::audit::AuditRecord;
use creel_store::state::StateError;
use serde_json::json;

use super::*;
use crate::boot::BootError;
use crate::error::CommandError;
use crate::places::NoPlace;
use crate::plugins::{Absence, FileRefusal, PluginVeto};

fn id(text: &str) -> PluginId {
    PluginId::parse(text).expect("an id")
}

fn view<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
    serde_json::from_value(json).expect("a view")
}

#[test]
fn a_credential_is_told_with_its_derivation() {
    let view = view(json!({
        "daemon": { "pid": 7, "version": "0.1.0", "home": "/h", "state_dir": "/s", "config_path": "/s/creel.json5",
                    "config_sha256": "00", "started_ms": 0 },
        "provider": "anthropic", "use": "image", "profile": null,
        "winner": { "id": "anthropic:default", "source": "env:KEY", "class": "api_key", "fingerprint": "1a2b3c4d" },
        "candidates": [
            { "id": "anthropic:default", "source": "env:KEY", "class": "api_key", "verdict": "chosen", "reason": "first" },
            { "id": "env:TOKEN", "source": "env:TOKEN", "class": null, "verdict": "passed-over", "reason": "not set" },
        ],
        "failure": null, "hint": null,
    }));
    let expect = "\
anthropic, for image: `anthropic:default` is sent (api_key, env:KEY, fingerprint 1a2b3c4d)
     candidate          source     class    verdict      reason
  1  anthropic:default  env:KEY    api_key  chosen       first
  2  env:TOKEN          env:TOKEN           passed-over  not set
answered by the daemon: process 7, version 0.1.0, started 1970-01-01T00:00:00Z, home `/h`, state directory `/s`, configuration `/s/creel.json5`
";
    assert_eq!(auth(&view, Style::Plain), expect);
}

#[test]
fn no_credential_is_told_with_what_to_write() {
    let check = |winner: serde_json::Value, failure: Option<&str>, hint: Option<&str>, expect: &str| {
        let view = view(json!({ "daemon": null, "provider": "p", "use": "chat", "winner": winner, "candidates": [],
                                "failure": failure, "hint": hint }));
        assert_eq!(auth(&view, Style::Plain), expect);
    };
    let failed = "p, for chat: no credential can be sent: nothing is there\nhint: set `KEY`\n";
    check(json!(null), Some("nothing is there"), Some("set `KEY`"), failed);
    check(json!(null), None, None, "p, for chat: no credential is sent: the plugin declares none\n");
    let none = json!({ "id": "none", "source": "none", "class": null, "fingerprint": null });
    check(none, None, None, "p, for chat: no credential is sent, and none is needed\n");
}

#[test]
fn a_shell_is_told_apart_from_the_daemon() {
    let compared = |comparison: serde_json::Value| {
        let view = view(json!({ "daemon": null, "provider": "p", "use": "chat", "winner": null, "candidates": [],
                                "failure": null, "hint": null, "comparison": comparison }));
        auth(&view, Style::Plain).lines().skip(1).map(|line| format!("{line}\n")).collect::<String>()
    };
    let expect = "\
1 of 2 variables differ between the daemon and this shell
  variable  daemon  shell
  KEY       set     unset  only the daemon has it
  TOKEN     blank   blank  the same
";
    let all = json!([
        { "name": "KEY", "daemon": "set", "shell": "unset", "same": false, "detail": "only the daemon has it" },
        { "name": "TOKEN", "daemon": "blank", "shell": "blank", "same": true },
    ]);
    assert_eq!(compared(all), expect);
    assert_eq!(compared(json!([])), "no variable of the environment can decide\n");
    assert_eq!(compared(json!(null)), "");
    let home = json!({ "what": "home", "daemon": "/root", "caller": null });
    let expect = "warning: the daemon's home directory is `/root`, and that of this shell not set\n";
    assert_eq!(difference(&view(home), Style::Plain), expect);
}

#[test]
fn a_probe_is_told_with_its_word_and_what_to_ask_next() {
    let status_of = |probe: serde_json::Value| {
        let winner = json!({ "id": "a:b", "source": "env:KEY", "class": "api_key", "fingerprint": "1a2b3c4d", "age_ms": 61_000 });
        let uses = json!([{ "use": "image", "models": ["a/m"], "winner": winner, "state": "ok", "detail": "first", "probe": probe }]);
        status(&view(json!({ "daemon": null, "providers": [{ "provider": "a", "uses": uses }] })), Style::Plain)
    };
    let expect = "\
a
  use    state  models  credential                                                      probe                                   why
  image  ok     a/m     a:b (api_key, env:KEY, fingerprint 1a2b3c4d, read 61 s ago)  auth: invalid x-api-key (12 ms)  first
hint: `creel explain auth a --compare-shell` says why this credential is sent, and what your shell has instead
";
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = status_of(json!({ "status": "auth", "message": "invalid x-api-key", "ms": 12 }));
    assert_eq!(squeeze(&told), squeeze(expect));
    assert!(!status_of(json!({ "status": "ok", "message": "x", "ms": 1 })).contains("hint:"));
    assert!(!status_of(json!(null)).contains("probe"));
}

#[test]
fn decisions_are_told_a_line_each() {
    let record = |verdict: &str, rule: &str| AuditRecord {
        at_ms: 61_000,
        plugin: "agent:bob".to_owned(),
        action: "admit".to_owned(),
        verdict: verdict.to_owned(),
        rule: rule.to_owned(),
        target: "openai/gpt".to_owned(),
    };
    let expect = "  when                  for        verdict  action  target      rule
  1970-01-01T00:01:01Z  agent:bob  allowed  admit   openai/gpt  the agent's grant
  1970-01-01T00:01:01Z  agent:bob  model    admit   openai/gpt  `models` does not name it
";
    let records = [record("allowed", "the agent's grant"), record("model", "`models` does not\nname it")];
    assert_eq!(decisions(&records, Style::Plain), expect);
    assert_eq!(decisions(&[], Style::Plain), "nothing was found\n");
}

#[test]
fn a_medium_is_told_with_its_roots() {
    let roots = json!([{ "name": "inbound", "path": "/s/media/inbound", "mode": "read", "verdict": "matches" }]);
    let allowed = view(json!({ "daemon": null, "input": "media/inbound/a.jpg", "uri": "media://inbound/a.jpg",
        "verdict": "allowed", "reason": null, "detail": null, "roots": roots, "content_type": "image/jpeg", "size": 9 }));
    let expect = "\
allowed: `media/inbound/a.jpg` is media://inbound/a.jpg (image/jpeg, 9 bytes)
  root     verdict  mode  directory
  inbound  matches  read  /s/media/inbound
";
    assert_eq!(media(&allowed, Style::Plain), expect);
    let refused = view(json!({ "daemon": null, "input": "/etc/\u{1b}[2Jpasswd", "uri": null, "verdict": "refused",
        "reason": "path-not-allowed", "detail": "not under an allowed directory", "roots": [],
        "content_type": null, "size": null }));
    let expect = "refused: `/etc/ [2Jpasswd`: path-not-allowed: not under an allowed directory\n";
    assert!(media(&refused, Style::Plain).starts_with(expect));
}

#[test]
fn a_route_is_told_with_its_candidates() {
    let direct = view(json!({ "daemon": null, "needs": ["text", "image"],
        "candidates": [
            { "model": "o/a", "role": "primary", "verdict": "passed-over", "reason": "takes no image" },
            { "model": "o/b", "role": "imageModel", "verdict": "taken", "reason": "takes all" },
        ],
        "plan": { "direct": { "chain": [{ "model": "o/b" }, { "model": "o/c" }] } }, "failure": null, "hint": null }));
    let expect = "\
needs text, image: goes to `o/b`, then `o/c`
  model  as          verdict      reason
  o/a    primary     passed-over  takes no image
  o/b    imageModel  taken        takes all
";
    assert_eq!(route(&direct, Style::Plain), expect);
    let described = view(json!({ "daemon": null, "needs": ["text"], "candidates": [], "failure": null, "hint": null,
        "plan": { "describe": { "describers": [{ "model": "o/d" }], "chain": [{ "model": "o/a" }] } } }));
    let expect = "needs text: pictures are described by `o/d`, the answer is by `o/a`\n";
    assert_eq!(route(&described, Style::Plain), expect);
    let none = view(json!({ "daemon": null, "needs": ["text"], "candidates": [], "plan": null,
        "failure": "no model is configured", "hint": "write one" }));
    let expect = "needs text: no model can answer: no model is configured\nhint: write one\n";
    assert_eq!(route(&none, Style::Plain), expect);
}

#[test]
fn egress_is_told_with_what_is_granted() {
    let view = view(json!({ "daemon": null, "plugin": "signal", "entry": "channels.signal", "verdict": "refused",
        "rule": "no-grant: `signal` has no endpoint at `https://evil.example`",
        "grants": [{ "endpoint": "daemon", "base": "http://127.0.0.1:8080", "allow": ["GET /a", "POST /b"],
                     "source": "channels.signal.httpUrl", "may_be_private": true }] }));
    let expect = "\
refused for signal (`channels.signal`): no-grant: `signal` has no endpoint at `https://evil.example`
  endpoint  server                 may be asked    said by
  daemon    http://127.0.0.1:8080  GET /a, POST /b  channels.signal.httpUrl  may be at a private address
";
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeeze(&egress(&view, Style::Plain)), squeeze(expect));
}

#[test]
fn an_error_is_told_with_its_cause_and_hint() {
    let check = |error: CommandError, expect: &str| assert_eq!(failure(&error, Style::Plain), expect);
    check(
        CommandError::Place(NoPlace::NoHome),
        "error: no state directory is named, and there is no home directory to look in\n\
         hint: pass `--state-dir`, or set `CREEL_STATE_DIR`\n",
    );
    check(
        CommandError::Listen { address: ([127, 0, 0, 1], 80).into(), source: io::ErrorKind::AddrInUse.into() },
        "error: could not listen on 127.0.0.1:80: address in use\n\
         hint: stop the other program, or pass `--listen` with another port\n",
    );
    check(
        CommandError::Boot(BootError::State(StateError::Locked { pid: Some(7) })),
        "error: another creel daemon uses this state directory (process 7)\n\
         hint: ask it with `creel models status`, or give this one its own `--state-dir`\n",
    );
    check(
        CommandError::NoPlugin { id: id("weather"), searched: vec!["/a".into(), "/b".into()] },
        "error: no plugin `weather` was found\nhint: build it with `creel plugin build`; it was sought in `/a`, `/b`\n",
    );
    check(
        CommandError::Component(FileRefusal::WritableByOthers { path: "/p.wasm".into(), mode: 0o666 }),
        "error: `/p.wasm` can be written by others (mode 0666)\nhint: run `chmod go-w /p.wasm`\n",
    );
    check(CommandError::NoCurrentDirectory, "error: the current directory is gone\n");
}

#[test]
fn every_problem_of_a_file_is_told_with_its_place() {
    let problem = |line, hint: Option<&str>| Problem {
        file: "creel.json5".into(),
        line,
        column: 3,
        key: "models.provders".into(),
        message: "is not a key".into(),
        hint: hint.map(str::to_owned),
    };
    let error =
        CommandError::Boot(BootError::Config(vec![problem(2, Some("did you mean `providers`?")), problem(9, None)]));
    let expect = "\
error: the configuration is not valid
creel.json5:2:3: models.provders: is not a key
  hint: did you mean `providers`?
creel.json5:9:3: models.provders: is not a key
";
    assert_eq!(failure(&error, Style::Plain), expect);
}

#[test]
fn an_absent_plugin_is_told_with_what_to_do() {
    let check = |one: Absence, expect: &str| assert_eq!(absence(&one), expect);
    check(
        Absence::NotFound { id: id("weather"), searched: vec![PathBuf::from("/a")] },
        "no component of plugin `weather` was found; build it with `creel plugin build`; it was sought in `/a`",
    );
    check(
        Absence::Veto(PluginVeto::NotApproved { id: id("weather"), path: "/a/weather.wasm".into() }),
        "plugin `weather` is not approved; to allow it, run `creel plugin approve /a/weather.wasm`",
    );
    let veto =
        PluginVeto::Changed { id: id("weather"), path: "/a/w.wasm".into(), pinned: "aa".into(), found: "bb".into() };
    check(
        Absence::Veto(veto),
        "plugin `weather` has changed since it was approved: component bb, approved was aa; \
         to allow it, run `creel plugin approve /a/w.wasm`",
    );
    check(
        Absence::Load { id: id("weather"), error: LoadError::NoManifest },
        "plugin `weather` could not be loaded: the component holds no manifest: build it with `creel plugin build`, \
         which puts `plugin.toml` into it; build it anew with `creel plugin build`",
    );
}

#[test]
fn colours_are_left_out_where_they_are_not_wanted() {
    assert_eq!(note("x\u{7}y", Style::Plain), "note: x y\n");
    assert_eq!(note("x", Style::Coloured), "\u{1b}[1mnote:\u{1b}[0m x\n");
}
