//! `creel import openclaw` through the program: what it shows, writes and leaves alone, and that no secret is ever shown.

#![expect(clippy::disallowed_methods, reason = "tests arrange files and processes")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Every secret of the fixture; none may be shown in any spelling.
const SECRETS: [&str; 7] = [
    "plain-key-of-openai-0123456789",
    "token-of-the-gateway-9876543210",
    "stored-key-of-anthropic-1357924680",
    "oauth-access-of-someone-2468013579",
    "oauth-refresh-of-someone-1122334455",
    "123456789:telegram-bot-token-abcdef",
    "dead-value-beside-a-reference-667788",
];

const CONFIG: &str = r#"{
  // the old key was plain-key-of-openai-0123456789
  meta: { lastTouchedVersion: "2026.4.15" },
  models: { mode: "merge", providers: {
    openai: { baseUrl: "https://api.openai.com/v1", api: "openai-completions",
              apiKey: "plain-key-of-openai-0123456789", models: [{ id: "gpt-5", name: "GPT 5", compat: {} }] },
    anthropic: { auth: "api-key", apiKey: "secretref-env:ANTHROPIC_API_KEY" },
    ollama: { baseUrl: "http://127.0.0.1:11434", apiKey: "ollama-local" },
    zai: { apiKey: "${ZAI_API_KEY}" },
  } },
  agents: { defaults: {
    model: { primary: "ollama/glm-5:cloud", fallbacks: ["opus", "not-a-model"] },
    imageModel: { primary: "anthropic/claude-haiku-4-5", fallbacks: [] },
    models: { "anthropic/claude-opus-4-5": { alias: "opus" } },
    workspace: "~/clawd",
  }, list: [{ id: "main" }] },
  auth: { profiles: { "anthropic:default": { provider: "anthropic", mode: "api_key" } } },
  channels: {
    signal: { account: "+15551234567", httpHost: "127.0.0.1", httpPort: 8081, autoStart: true, dmPolicy: "pairing",
              allowFrom: ["+15557654321"] },
    telegram: { botToken: "123456789:telegram-bot-token-abcdef" },
  },
  tools: { fs: { workspaceOnly: false } },
  plugins: { entries: { telegram: { enabled: true } } },
  gateway: { port: 18789, mode: "local", auth: { mode: "token", token: "token-of-the-gateway-9876543210" } },
  wizard: { lastRunCommand: "onboard" },
}
"#;

const PROFILES: &str = r#"{
  "version": 1,
  "profiles": {
    "anthropic:default": { "type": "api_key", "provider": "anthropic", "key": "stored-key-of-anthropic-1357924680" },
    "anthropic:work": { "type": "token", "provider": "anthropic", "token": "__env__:WORK_TOKEN" },
    "openai:me": { "type": "oauth", "provider": "openai", "access": "oauth-access-of-someone-2468013579",
                   "refresh": "oauth-refresh-of-someone-1122334455", "expires": 1999999999999 },
    "zai:both": { "type": "api_key", "provider": "zai", "key": "dead-value-beside-a-reference-667788",
                  "keyRef": { "source": "env", "provider": "default", "id": "ZAI_API_KEY" } },
    "bedrock:x": { "type": "aws-sdk", "provider": "bedrock" }
  },
  "order": { "anthropic": ["anthropic:default"] }
}
"#;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x02\0\0\0";

struct Place {
    temp: TempDir,
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn empty() -> Self {
        Self { temp: tempfile::tempdir().expect("a directory") }
    }

    /// A gateway as people have it.
    fn with_gateway() -> Self {
        let place = Self::empty();
        let agent = place.older().join("agents/main/agent");
        let inbound = place.older().join("media/inbound");
        fs::create_dir_all(&agent).expect("directories");
        fs::create_dir_all(inbound.join("nested")).expect("directories");
        fs::write(place.older().join("openclaw.json"), CONFIG).expect("a file");
        fs::write(agent.join("auth-profiles.json"), PROFILES).expect("a file");
        fs::write(place.older().join(".env"), format!("ZAI_API_KEY={}\n", SECRETS[0])).expect("a file");
        fs::write(inbound.join("cat.jpg"), PNG).expect("a file");
        fs::write(inbound.join("note---3f2504e0-4f89-11d3-9a0c-0305e82c3301.txt"), "hello").expect("a file");
        fs::write(place.temp.path().join("outside"), "outside").expect("a file");
        symlink(place.temp.path().join("outside"), inbound.join("link.png")).expect("a link");
        place
    }

    fn older(&self) -> PathBuf {
        self.temp.path().join(".openclaw")
    }

    fn state(&self) -> PathBuf {
        self.temp.path().join("state")
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
        command.args(args).env_clear().env("HOME", self.temp.path()).env("CREEL_STATE_DIR", self.state());
        command.current_dir(self.temp.path()).stdin(Stdio::null());
        let output = command.output().expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let ran = Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        for secret in SECRETS.iter().flat_map(|secret| spellings(secret)) {
            assert!(!ran.out.contains(&secret) && !ran.err.contains(&secret), "{args:?} printed {secret}: {}", ran.out);
        }
        ran
    }

    fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(args);
        let json = serde_json::from_str(&ran.out);
        assert!(json.is_ok(), "{args:?}: {}{}", ran.out, ran.err);
        json.expect("it was looked at above")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.state().join(name)).expect("a file")
    }
}

/// Raw, hex, percent, and the base64 that does not depend on what stands around it.
fn spellings(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
    vec![secret.to_owned(), hex.to_uppercase(), hex, percent, base64(secret.as_bytes())]
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = bytes.chunks_exact(3).flat_map(|three| {
        let bits = (u32::from(three[0]) << 16) | (u32::from(three[1]) << 8) | u32::from(three[2]);
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[((bits >> shift) & 63) as usize]))
    });
    whole.collect()
}

/// Everything in a tree: kind, mode, time of change and bytes.
fn fingerprint(root: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).expect("metadata");
        let bytes = if metadata.is_file() { fs::read(&path).expect("bytes") } else { Vec::new() };
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
        }
        found.insert(path, (metadata.mode(), metadata.mtime(), metadata.mtime_nsec(), bytes));
    }
    found
}

#[test]
fn a_dry_run_shows_everything_and_writes_nothing() {
    let place = Place::with_gateway();
    let before = fingerprint(place.temp.path());
    let ran = place.run(&["import", "openclaw"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(fingerprint(place.temp.path()), before);
    let older = place.older().canonicalize().expect("a path");
    let config = older.join("openclaw.json");
    let config = config.display();
    for line in [
        "+++ STATE/creel.json5",
        "+        apiKey: \"[secret, 30 characters]\",",
        "+        apiKey: { source: \"env\", provider: \"default\", id: \"ANTHROPIC_API_KEY\" },",
        "+      ollama: { baseUrl: \"http://127.0.0.1:11434\", apiKey: \"ollama-local\" },",
        "+      zai: { apiKey: \"${ZAI_API_KEY}\" },",
        "+  // left out: wizard: not supported by Creel; leave it out: it is a record of the older gateway's own",
        "+      \"access\": \"[secret, 34 characters]\",",
        &format!("  {config}:3:3: meta: not supported by Creel"),
        &format!(
            "  {config}:12:65: agents.defaults.model.fallbacks[1]: not a model: expected `provider/model`, e.g. `anthropic/claude-haiku-4-5`"
        ),
        &format!(
            "  {config}:12:57: agents.defaults.model.fallbacks[0]: is an alias: the file says `anthropic/claude-opus-4-5`"
        ),
        &format!("  {config}:21:5: channels.telegram: no plugin that is installed serves this channel"),
        "    hint: use `allowlist`, and name those who may write in `allowFrom`",
        "media: 2 new, 0 here before, 34 bytes; 2 skipped",
        "  skipped link.png: it is a symbolic link",
        "  skipped nested: it is a directory; media lie directly in theirs",
        "nothing was written; to write it, run this again with `--apply`",
    ] {
        let line = line.replace("STATE", &place.state().display().to_string());
        assert!(ran.out.lines().any(|out| out == line), "no line {line:?} in:\n{}", ran.out);
    }
    assert!(ran.out.contains("/.env: Creel reads no variables from files"), "{}", ran.out);
}

#[test]
fn an_import_is_written_once_and_can_be_called() {
    let place = Place::with_gateway();
    let before = fingerprint(&place.older());
    let ran = place.run(&["import", "openclaw", "--apply"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(fingerprint(&place.older()), before, "the source was touched");
    for name in ["creel.json5", "auth-profiles.json"] {
        let mode = fs::metadata(place.state().join(name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    let config = place.read("creel.json5");
    assert!(config.contains("apiKey: \"plain-key-of-openai-0123456789\""), "{config}");
    assert!(config.contains("httpUrl: \"http://127.0.0.1:8081\""), "{config}");
    assert!(!config.contains("telegram-bot-token"), "{config}");
    let profiles: Value = serde_json::from_str(&place.read("auth-profiles.json")).expect("JSON");
    let profile = |id: &str| profiles["profiles"][id].clone();
    assert_eq!(profile("anthropic:default")["key"], "stored-key-of-anthropic-1357924680");
    assert_eq!(profile("anthropic:work")["tokenRef"]["id"], "WORK_TOKEN");
    assert_eq!(profile("anthropic:work")["token"], Value::Null);
    assert_eq!(profile("openai:me")["refresh"], "oauth-refresh-of-someone-1122334455");
    assert_eq!(profile("zai:both")["key"], Value::Null);
    assert_eq!(profile("bedrock:x"), Value::Null);
    assert_eq!(profiles["order"]["anthropic"][0], "anthropic:default");

    let status = place.run(&["models", "status"]);
    assert_eq!(status.code, Some(0), "{}{}", status.out, status.err);
    assert!(status.out.contains("anthropic/claude-haiku-4-5"), "{}", status.out);

    // What older history holds leads to the media.
    let cat = place.older().canonicalize().expect("a path").join("media/inbound/cat.jpg").display().to_string();
    for reference in ["media/inbound/cat.jpg", "media://inbound/cat.jpg", &cat, "~/.openclaw/media/inbound/cat.jpg"] {
        let media = place.json(&["explain", "media", reference, "--json"]);
        assert_eq!((&media["uri"], &media["content_type"]), (&"media://inbound/cat.jpg".into(), &"image/png".into()));
    }

    // Again: nothing to do.
    let again = place.json(&["import", "openclaw", "--apply", "--json"]);
    let actions: Vec<&Value> = again["files"].as_array().expect("files").iter().map(|file| &file["action"]).collect();
    assert_eq!(actions, ["same", "same"]);
    assert_eq!((&again["media"]["new"], &again["media"]["there"]), (&0.into(), &2.into()));
    assert_eq!(again["files"][0]["diff"], "");
}

#[test]
fn what_is_there_is_never_lost() {
    let place = Place::with_gateway();
    fs::create_dir(place.state()).expect("a directory");
    fs::set_permissions(place.state(), fs::Permissions::from_mode(0o700)).expect("permissions");
    let mine = "{ models: { providers: { zai: { apiKey: 'plain-key-of-openai-0123456789' } } } }";
    fs::write(place.state().join("creel.json5"), mine).expect("a file");
    let before = fingerprint(place.temp.path());
    let ran = place.run(&["import", "openclaw", "--apply"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    let path = place.state().join("creel.json5");
    let expect = format!("nothing was written: `{}` is there and says something else\n", path.display());
    assert!(ran.out.contains(&expect), "{}", ran.out);
    assert_eq!(fingerprint(place.temp.path()), before);

    let ran = place.json(&["import", "openclaw", "--apply", "--force", "--json"]);
    assert_eq!(ran["applied"], true);
    assert_eq!(place.read("creel.json5.before-import-1"), mine);
    fs::write(&path, "{}").expect("a file");
    place.run(&["import", "openclaw", "--apply", "--force"]);
    assert_eq!(place.read("creel.json5.before-import-2"), "{}");
    assert_eq!(place.read("creel.json5.before-import-1"), mine);
}

#[test]
fn plain_text_goes_into_the_vault_when_asked() {
    let place = Place::with_gateway();
    let shown = place.json(&["import", "openclaw", "--to-vault", "--json"]);
    assert!(!place.state().exists());
    let secrets = shown["secrets"].as_array().expect("a list");
    let pairs: Vec<(&str, &str)> = secrets
        .iter()
        .map(|secret| (secret["key"].as_str().expect("a key"), secret["vault"].as_str().expect("a reference")))
        .collect();
    let expect = [
        ("models.providers.openai.apiKey", "vault:models/providers/openai/apiKey"),
        ("gateway.auth.token", "vault:gateway/auth/token"),
        ("profiles[\"anthropic:default\"].key", "vault:profiles/anthropic:default"),
    ];
    assert_eq!(pairs, expect);
    assert_eq!(secrets[0]["value"], "[secret, 30 characters]");

    let ran = place.run(&["import", "openclaw", "--to-vault", "--apply"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    let config = place.read("creel.json5");
    assert!(
        config.contains("{ source: \"vault\", provider: \"default\", id: \"models/providers/openai/apiKey\" }"),
        "{config}"
    );
    // Nothing of it is in the clear in the state directory, save what is renewed.
    for (path, (_, _, _, bytes)) in fingerprint(&place.state()) {
        for secret in SECRETS.into_iter().filter(|secret| !secret.starts_with("oauth-")) {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
    assert_eq!(place.run(&["models", "status"]).code, Some(0));
    // Again, and the vault holds them already.
    assert_eq!(place.run(&["import", "openclaw", "--to-vault", "--apply"]).code, Some(0));
}

#[test]
fn older_names_and_merged_profiles_are_found() {
    let place = Place::empty();
    let dir = place.temp.path().join("old");
    fs::create_dir_all(dir.join("agents/ops/agent")).expect("directories");
    fs::create_dir_all(dir.join("agents/main/agent")).expect("directories");
    fs::write(
        dir.join("clawdbot.json"),
        "{ agent: { model: 'anthropic/claude-haiku-4-5' }, signal: { account: '+1555' } }",
    )
    .expect("a file");
    let profile = |key: &str| {
        format!(
            "{{\"version\":1,\"profiles\":{{\"anthropic:default\":{{\"type\":\"api_key\",\"provider\":\"anthropic\",\"key\":\"${{{key}}}\"}}}}}}"
        )
    };
    fs::write(dir.join("agents/main/agent/auth-profiles.json"), profile("MAIN_KEY")).expect("a file");
    fs::write(dir.join("agents/ops/agent/auth-profiles.json"), profile("OPS_KEY")).expect("a file");
    let shown = place.json(&["import", "openclaw", "old", "--json"]);
    let texts: Vec<&str> =
        shown["files"].as_array().expect("files").iter().filter_map(|f| f["diff"].as_str()).collect();
    assert!(texts[0].contains("defaults: { model: \"anthropic/claude-haiku-4-5\" }"), "{}", texts[0]);
    assert!(texts[1].contains("${MAIN_KEY}") && !texts[1].contains("OPS_KEY"), "{}", texts[1]);
    let notes = shown["notes"].as_array().expect("notes");
    let message = "another file that comes first has a profile of this id, which stays";
    assert!(notes.iter().any(|note| note["message"] == message && note["line"] == 1), "{notes:?}");
    assert!(notes.iter().any(|note| note["message"] == "stands in `agents.defaults` now"), "{notes:?}");
}

#[test]
fn what_cannot_be_imported_is_told_with_its_exit_code() {
    let place = Place::empty();
    let check = |args: &[&str], code: i32, expect: &str| {
        let ran = place.run(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(expect), "{args:?}: {}", ran.err);
    };
    check(&["import", "openclaw"], 5, "/.openclaw`\nhint: name the directory of that gateway\n");
    fs::create_dir(place.temp.path().join(".clawdbot")).expect("a directory");
    check(&["import", "openclaw"], 5, "\nhint: an older one is there: name `");
    fs::create_dir(place.older()).expect("a directory");
    check(&["import", "openclaw"], 5, "holds no configuration, no stored profiles and no media\n");
    fs::write(place.older().join("openclaw.json"), "{ a: 1, a: 2 }").expect("a file");
    check(&["import", "openclaw"], 4, "/openclaw.json:1:9: a: the key appears twice, first on line 1\n");
    fs::remove_file(place.older().join("openclaw.json")).expect("it is removed");
    symlink("/etc/passwd", place.older().join("openclaw.json")).expect("a link");
    check(&["import", "openclaw"], 1, "/openclaw.json` is a symbolic link, or lies behind one\n");
    check(&["import", "openclaw", "--config", "x"], 2, "hint: leave out `--config`\n");
}

#[test]
fn conversations_are_taken_over_once_with_their_media() {
    let place = Place::with_gateway();
    let sessions = place.older().join("agents/main/sessions");
    fs::create_dir_all(&sessions).expect("directories");
    let list = r#"{ "agent:main:signal:direct:+15557654321": { "sessionId": "s" }, "agent:main:cron:x": { "sessionId": "t" } }"#;
    fs::write(sessions.join("sessions.json"), list).expect("a file");
    let cat = place.older().join("media/inbound/cat.jpg").display().to_string();
    let lines = [
        r#"{"type":"session","id":"s"}"#.to_owned(),
        format!(r#"{{"type":"message","id":"a","message":{{"role":"user","content":"look","MediaPath":"{cat}"}}}}"#),
        r#"{"type":"message","id":"b","message":{"role":"assistant","content":"a cat"}}"#.to_owned(),
        r#"{"type":"message","id":"c","message":{"role":"user","content":"and?","MediaPath":"/gone/b.ogg"}}"#
            .to_owned(),
        "broken".to_owned(),
    ];
    fs::write(sessions.join("s.jsonl"), lines.join("\n")).expect("a file");
    fs::write(sessions.join("old.jsonl"), "").expect("a file");

    let ran = place.run(&["import", "openclaw"]);
    for line in [
        "conversations: 1, with 3 messages new, 0 here before; 2 skipped",
        "  agent:main:signal:direct:+15557654321 as signal:+15557654321: 3 new, 0 here before, 2 media",
        "    left out lines that are not JSON objects: 1",
        "  skipped agent:main:cron:x: it is no conversation of a channel",
        "  skipped agents/main/sessions: transcripts that no session goes on with: 1",
    ] {
        assert!(ran.out.lines().any(|out| out == line), "no line {line:?} in:\n{}", ran.out);
    }
    let taken = place.json(&["import", "openclaw", "--apply", "--json"])["conversations"]["taken"][0].clone();
    assert_eq!((&taken["new"], &taken["there"], &taken["media"]), (&3.into(), &0.into(), &1.into()), "{taken}");
    assert_eq!(taken["missing"][0], "sound `b.ogg`: path-not-allowed");
    let again = place.json(&["import", "openclaw", "--apply", "--json"])["conversations"]["taken"][0].clone();
    assert_eq!((&again["new"], &again["there"], &again["late"]), (&0.into(), &3.into(), &0.into()), "{again}");
}
