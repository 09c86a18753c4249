//! `creel secrets audit` through the program: each finding with its place and remedy, the exit codes for CI, and that no
//! value is ever shown.

#![expect(clippy::disallowed_methods, reason = "tests arrange files and processes")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const SECRETS: [&str; 5] = [
    "written-key-0123456789-of-openai",
    "stored-key-0123456789-of-zai",
    "value-in-the-environment-0123456789",
    "dead-0123456789-value",
    "old-file-0123456789-key",
];

struct Place {
    temp: TempDir,
    state: PathBuf,
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn with(config: &str, profiles: Option<&str>) -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let state = temp.path().join("state");
        let place = Self { temp, state };
        fs::create_dir(&place.state).expect("a directory");
        place.mode("", 0o700);
        place.file("creel.json5", config);
        if let Some(profiles) = profiles {
            place.file("auth-profiles.json", profiles);
        }
        place
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.state.join(name), text).expect("a file");
        self.mode(name, 0o600);
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.state.join(name), fs::Permissions::from_mode(mode)).expect("permissions");
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
        command.args(args).env_clear().env("HOME", self.temp.path()).env("CREEL_STATE_DIR", &self.state);
        command.env("ANTHROPIC_API_KEY", SECRETS[2]).current_dir(self.temp.path()).stdin(Stdio::null());
        let output = command.output().expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let ran = Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        for secret in SECRETS {
            let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
            // No long part of one either.
            for shown in [&secret[..12], &hex[..24]] {
                assert!(!ran.out.contains(shown) && !ran.err.contains(shown), "{args:?}: {}{}", ran.out, ran.err);
            }
        }
        ran
    }

    /// Code, severity, file name, place and key of each finding.
    fn findings(&self) -> Vec<String> {
        let ran = self.run(&["secrets", "audit", "--json"]);
        let json: Value = serde_json::from_str(&ran.out).unwrap_or_default();
        assert!(json["findings"].is_array(), "{}{}", ran.out, ran.err);
        let found = json["findings"].as_array().expect("it was looked at above");
        let line = |one: &Value| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            assert!(!text("message").is_empty() && !text("hint").is_empty(), "{one}");
            let file = text("file").rsplit('/').next().unwrap_or_default().to_owned();
            let key = text("key");
            format!("{} {} {file}:{}:{} {key}", text("code"), text("severity"), one["line"], one["column"])
        };
        found.iter().map(line).collect()
    }

    fn check(&self, args: &[&str], code: i32) {
        let all = [&["secrets", "audit"], args].concat();
        let ran = self.run(&all);
        assert_eq!(ran.code, Some(code), "{all:?}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn a_clean_state_directory_has_no_findings() {
    let config = r#"{ models: { providers: { anthropic: { auth: "api-key", apiKey: "${ANTHROPIC_API_KEY}" },
                                             ollama: { apiKey: "ollama-local" } } } }"#;
    let place = Place::with(config, None);
    assert_eq!(place.findings(), Vec::<String>::new());
    let ran = place.run(&["secrets", "audit", "--check", "--severity-min", "info"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "nothing was found\n"));
    let whence = "whether references resolve is said by the files and the environment of this shell";
    assert_eq!(ran.err, format!("note: no daemon is running in `{}`; {whence}\n", place.state.display()));
}

#[test]
fn each_finding_has_its_place_and_remedy() {
    let config = "{\n  models: { providers: {\n    openai: { apiKey: \"written-key-0123456789-of-openai\" },\n\
                  \x20   zai: { apiKey: \"${NOT_SET}\" },\n    anthropic: { apiKey: \"secretref-env:ANTHROPIC_API_KEY\" },\n  } },\n}\n";
    let profiles = r#"{ "version": 1, "profiles": {
  "zai:a": { "type": "api_key", "provider": "zai", "key": "stored-key-0123456789-of-zai" },
  "zai:b": { "type": "api_key", "provider": "zai", "key": "dead-0123456789-value",
             "keyRef": { "source": "file", "provider": "nowhere", "id": "/k" } },
  "anthropic:default": { "type": "api_key", "provider": "anthropic", "key": "stored-key-0123456789-of-zai" } } }"#;
    let place = Place::with(config, Some(profiles));
    place.file("openclaw.json", "{ env: { vars: { ANY: 'old-file-0123456789-key' } } }");
    place.file(".env", "# none\nZAI_API_KEY=old-file-0123456789-key\n");
    let expect = [
        "LEGACY_RESIDUE warn .env:2:1 ZAI_API_KEY",
        "PLAINTEXT_FOUND warn auth-profiles.json:2:59 profiles[\"zai:a\"].key",
        "LEGACY_RESIDUE warn auth-profiles.json:3:59 profiles[\"zai:b\"].key",
        "REF_UNRESOLVED error auth-profiles.json:4:24 profiles[\"zai:b\"].keyRef",
        "PLAINTEXT_FOUND warn auth-profiles.json:5:77 profiles[\"anthropic:default\"].key",
        "PLAINTEXT_FOUND warn creel.json5:3:23 models.providers.openai.apiKey",
        "REF_UNRESOLVED error creel.json5:4:20 models.providers.zai.apiKey",
        "REF_SHADOWED warn creel.json5:5:26 models.providers.anthropic.apiKey",
        "LEGACY_RESIDUE warn creel.json5:5:26 models.providers.anthropic.apiKey",
        "LEGACY_RESIDUE warn openclaw.json:1:23 env.vars.ANY",
    ];
    assert_eq!(place.findings(), expect);
    let ran = place.run(&["secrets", "audit"]);
    assert_eq!(ran.code, Some(0));
    let file = place.state.canonicalize().expect("a path").join("creel.json5");
    let line = format!(
        "error REF_UNRESOLVED {}:4:20: models.providers.zai.apiKey: `env:NOT_SET` does not resolve: not set\n  \
         hint: set `NOT_SET` in the daemon's environment, or correct the reference\n",
        file.display()
    );
    assert!(ran.out.contains(&line), "{}", ran.out);
    assert!(
        ran.out.contains("does not resolve: no provider `nowhere` is declared in `secrets.providers`"),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("2 of severity error, 8 of warn, 0 of info\n"), "{}", ran.out);
}

#[test]
fn a_reference_that_wins_shadows_the_profile() {
    let config = r#"{ models: { providers: { anthropic: { auth: "api-key", apiKey: "${ANTHROPIC_API_KEY}" } } } }"#;
    let profiles = r#"{ "version": 1, "profiles": { "anthropic:a": { "type": "api_key", "provider": "anthropic",
      "keyRef": { "source": "env", "provider": "default", "id": "ANTHROPIC_API_KEY" } } } }"#;
    let place = Place::with(config, Some(profiles));
    // The same value in both does no harm.
    assert_eq!(place.findings(), ["REF_SHADOWED info auth-profiles.json:1:46 profiles[\"anthropic:a\"]"]);
    // A model that names the profile sends it.
    let named = format!(
        "{}, agents: {{ defaults: {{ model: {{ primary: \"anthropic/claude-haiku-4-5\", profile: \"anthropic:a\" }} }} }} }}",
        &config[..config.len() - 2]
    );
    place.file("creel.json5", &named);
    assert_eq!(place.findings(), Vec::<String>::new());
}

#[test]
fn open_modes_are_found_where_nothing_else_would_run() {
    let config = r#"{ models: { providers: { openai: { apiKey: "written-key-0123456789-of-openai" } } } }"#;
    let place = Place::with(config, Some("{ \"version\": 1, \"profiles\": {} }"));
    place.mode("creel.json5", 0o640);
    place.mode("auth-profiles.json", 0o644);
    place.file("creel.lock", "");
    place.mode("creel.lock", 0o666);
    place.file("vault.key", "x");
    place.mode("vault.key", 0o604);
    place.mode("", 0o755);
    let open: Vec<String> = place.findings().into_iter().filter(|line| line.starts_with("OPEN_MODE")).collect();
    let expect = [
        "OPEN_MODE info state:0:0 ",
        "OPEN_MODE error auth-profiles.json:0:0 ",
        "OPEN_MODE error creel.json5:0:0 ",
        "OPEN_MODE error creel.lock:0:0 ",
        "OPEN_MODE error vault.key:0:0 ",
    ];
    assert_eq!(open, expect);
    place.mode("", 0o777);
    let ran = place.run(&["secrets", "audit"]);
    assert!(ran.out.contains("others can put files into it (mode 0777)\n  hint: run `chmod 700 "), "{}", ran.out);
    place.mode("", 0o700);
}

#[test]
fn checks_have_exit_codes() {
    let plain = Place::with(r#"{ gateway: { auth: { token: "written-key-0123456789-of-openai" } } }"#, None);
    plain.check(&[], 0);
    plain.check(&["--check"], 3);
    plain.check(&["--check", "--severity-min", "error"], 0);
    let unresolved = Place::with(r#"{ gateway: { auth: { token: "${NOT_SET}" } } }"#, None);
    unresolved.check(&["--check", "--severity-min", "error"], 5);
    unresolved.check(&[], 0);
    let broken = Place::with("{ models: 7 }", None);
    broken.check(&["--check"], 4);
    fs::remove_dir_all(&plain.state).expect("it is removed");
    plain.check(&[], 5);
    assert!(!plain.state.exists());
}

/// A daemon that ends with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended where the test went well.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_daemon_says_whether_references_resolve() {
    let config = "{ models: { providers: { anthropic: { auth: 'api-key', apiKey: '${ONLY_THE_DAEMON_HAS}' } } } }";
    let place = Place::with(config, None);
    let unresolved = "REF_UNRESOLVED error creel.json5:1:64 models.providers.anthropic.apiKey";
    assert_eq!(place.findings(), [unresolved]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env_clear().env("HOME", place.temp.path());
    command.env("CREEL_STATE_DIR", &place.state).env("ONLY_THE_DAEMON_HAS", SECRETS[2]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut daemon = Daemon(command.spawn().expect("the program runs"));
    let out = daemon.0.stdout.take().expect("its output");
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).expect("a line");
    assert!(line.starts_with("listening on "), "{line}");
    assert_eq!(place.findings(), Vec::<String>::new());
    let ran = place.run(&["secrets", "audit", "--check"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.out.contains(&format!("answered by the daemon: process {}, ", daemon.0.id())), "{}", ran.out);
    drop(daemon);
    assert_eq!(place.findings(), [unresolved]);
}
