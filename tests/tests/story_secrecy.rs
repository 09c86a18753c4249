//! Everything that the `creel` program writes while it runs, is asked, fails and stops, searched for every secret that it
//! knows: state directory, log, answers on the administration socket, output of commands. Excluded by name are the two
//! files that the operator wrote himself.

#![expect(clippy::panic, reason = "a test that cannot be set up cannot go on")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use creel_fakes::anthropic::{self, error};
use creel_fakes::{Answer, ollama, pictures};
use creel_tests::components;
use creel_tests::house::Fakes;
use creel_tests::scene::{alice, alice_shows, files_below};
use creel_tests::search::{Written, holds, leaks, spellings};
use serde_json::json;
use tempfile::TempDir;

// Each looks different in each spelling.
const PROFILE_KEY: &str = "sk-ant-api03-profile+key/with=odd&signs%0123456789";
const FILE_KEY: &str = "sk-ant-api03-file+key/with=odd&signs%0123456789abc";
const EXEC_KEY: &str = "sk-ant-api03-exec+key/with=odd&signs%0123456789abcd";
const VAULT_KEY: &str = "sk-ant-api03-vault+key/with=odd&signs%0123456789abcde";
const VARIABLE_KEY: &str = "sk-ant-api03-variable+key/with=odd&signs%0123456789";
const STALE_TOKEN: &str = "sk-ant-oat01-stale+token/with=odd&signs%0123456789";
const SHELL_KEY: &str = "sk-ant-api03-shell+key/with=odd&signs%0123456789abc";
const CONFIG_KEY: &str = "ollama+key/with=odd&signs%of-the-configuration-0123";
const HEADER_VALUE: &str = "header+value/with=odd&signs%of-the-operator-0123456";
const PLAIN_HEADER: &str = "plain+header/with=odd&signs%of-the-operator-0123456";
const PASSPHRASE: &str = "correct+horse/battery=staple&and%a-long-tail-0123456";

/// What the operator wrote in plain text, in files of these names.
const WRITTEN_BY_HAND: [&str; 2] = ["creel.json5", "auth-profiles.json"];
/// Messages after which each of four credentials was refused or taken.
const MESSAGES_MAX: usize = 6;

const CONFIGURED: [(&str, &str); 9] = [
    ("the key of the profile", PROFILE_KEY),
    ("the key of the file", FILE_KEY),
    ("the key of the command", EXEC_KEY),
    ("the key of the vault", VAULT_KEY),
    ("the key of the environment", VARIABLE_KEY),
    ("the stale token", STALE_TOKEN),
    ("the key of the configuration", CONFIG_KEY),
    ("the value of a header", HEADER_VALUE),
    ("the plain value of a header", PLAIN_HEADER),
];

/// How the vault is locked, and how the log is written.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// With a key file that lies elsewhere, and a log in JSON.
    KeyFile,
    /// With a passphrase of the environment, and a log for people.
    Passphrase,
}

/// A state directory, and beside it the operator's other files.
struct Place {
    state: TempDir,
    beside: TempDir,
    manner: Manner,
}

struct Daemon {
    child: Child,
    address: String,
}

fn private(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("written");
    private(path, mode);
}

impl Place {
    fn new(fakes: &Fakes, manner: Manner) -> Self {
        let [state, beside] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        private(state.path(), 0o700);
        let place = Self { state, beside, manner };
        write(&place.beside("secrets.json"), &json!({"anthropic": {"key": FILE_KEY}}).to_string(), 0o600);
        let answer = json!({"protocolVersion": 1, "values": {"exec/key": EXEC_KEY}, "errors": {}});
        // What a command says besides is nobody's business, and may be anything.
        let script = format!("#!/bin/sh\necho 'debug: {EXEC_KEY}' >&2\necho '{answer}'\n");
        write(&place.beside("command"), &script, 0o700);
        place.configure(&place.config(fakes));
        let order = ["vault", "file", "exec", "plain"].map(|name| format!("anthropic:{name}"));
        let reference = |source: &str, provider: &str, id: &str| {
            let reference = json!({"source": source, "provider": provider, "id": id});
            json!({"type": "api_key", "provider": "anthropic", "keyRef": reference})
        };
        let profiles = json!({ "version": 1, "order": {"anthropic": order}, "profiles": {
            "anthropic:plain": {"type": "api_key", "provider": "anthropic", "key": PROFILE_KEY},
            "anthropic:file": reference("file", "store", "/anthropic/key"),
            "anthropic:exec": reference("exec", "run", "exec/key"),
            "anthropic:vault": reference("vault", "default", "anthropic/key"),
        } });
        write(&place.state.path().join("auth-profiles.json"), &profiles.to_string(), 0o600);
        place
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.beside.path().join(name)
    }

    fn config(&self, fakes: &Fakes) -> String {
        let vault = match self.manner {
            Manner::KeyFile => json!({"keyFile": self.beside("vault-key")}),
            Manner::Passphrase => json!({"key": "passphrase", "passphraseFrom": "${VAULT_PASSPHRASE}"}),
        };
        let header = json!({"source": "env", "provider": "default", "id": "HEADER_VALUE"});
        let anthropic =
            json!({"baseUrl": fakes.anthropic.base_url(), "headers": {"x-org": header, "x-team": PLAIN_HEADER}});
        let ollama = json!({"baseUrl": fakes.ollama.base_url(), "apiKey": CONFIG_KEY});
        let exec = json!({"source": "exec", "command": self.beside("command"), "allowInsecurePath": true});
        let store = json!({"source": "file", "path": self.beside("secrets.json")});
        format!(
            r#"{{ secrets: {{ vault: {vault}, providers: {{ store: {store}, run: {exec} }} }},
                 models: {{ providers: {{ anthropic: {anthropic}, ollama: {ollama} }} }},
                 agents: {{ defaults: {{ model: {{ primary: "anthropic/claude-haiku-4-5" }},
                                         imageModel: {{ primary: "ollama/qwen3-vl:8b" }} }} }}, {} }}"#,
            fakes.channel()
        )
    }

    fn configure(&self, config: &str) {
        write(&self.state.path().join("creel.json5"), config, 0o600);
    }

    fn command(&self) -> Command {
        let mut command = Command::new(components::creel());
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).current_dir(self.beside.path());
        command.env("HOME", self.beside.path()).env("CREEL_STATE_DIR", self.state.path());
        command.env("ANTHROPIC_API_KEY", VARIABLE_KEY).env("ANTHROPIC_OAUTH_TOKEN", STALE_TOKEN);
        command.env("HEADER_VALUE", HEADER_VALUE).env("VAULT_PASSPHRASE", PASSPHRASE).env("RUST_BACKTRACE", "full");
        command
    }

    fn log(&self) -> PathBuf {
        self.beside("daemon.log")
    }

    fn serve(&self) -> Daemon {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        match self.manner {
            Manner::KeyFile => command.args(["--log-format", "json", "--log-level", "trace"]),
            // Also what libraries say of connections.
            Manner::Passphrase => command.args(["--log-format", "human"]).env(
                "CREEL_LOG",
                "debug,creel=trace,creel_store=trace,creel_engine=trace,creel_runtime=trace,creel_gateway=trace,\
                 hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,tower=trace,axum=trace",
            ),
        };
        let log = fs::File::options().create(true).append(true).open(self.log()).expect("a log");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the program can be run");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let address = line.trim_end().strip_prefix("listening on ").map(str::to_owned);
        let address = address.unwrap_or_else(|| panic!("{line:?}: {}", fs::read_to_string(self.log()).expect("a log")));
        Daemon { child, address }
    }

    /// Runs a command of the operator's from a shell with another key; what it printed goes to `written`.
    fn run(&self, args: &[&str], input: &str, written: &mut Vec<Written>) -> String {
        let mut command = self.command();
        command.args(args).env("CREEL_LOG", "trace").env("ANTHROPIC_API_KEY", SHELL_KEY);
        let mut child = (command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn())
            .expect("the program can be run");
        // A program that needs no input may have ended by now.
        drop(child.stdin.take().expect("piped").write_all(input.as_bytes()));
        let output = child.wait_with_output().expect("it ends");
        let all = [output.stdout, output.stderr].concat();
        written.push((format!("`creel {}`", args.join(" ")), all.clone()));
        String::from_utf8(all).expect("text")
    }

    /// A plain request to the administration socket.
    fn admin(&self, (method, target): (&str, &str), written: &mut Vec<Written>) -> String {
        let stream = UnixStream::connect(self.state.path().join("admin.sock")).expect("it listens");
        let answer = exchange(stream, method, target, "localhost");
        written.push((format!("the answer to `{method} {target}`"), answer.clone().into_bytes()));
        answer
    }
}

fn exchange(mut stream: impl std::io::Read + std::io::Write, method: &str, target: &str, host: &str) -> String {
    write!(stream, "{method} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

impl Daemon {
    fn health(&self, host: &str) -> Written {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        (format!("/healthz for {host}"), exchange(stream, "GET", "/healthz", host).into_bytes())
    }

    /// As a service manager does.
    fn terminate(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told to stop");
        self.child.wait().expect("stopped").code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What an upstream says that sends back what it got: in the body as it is and in base64, and in a header.
fn echo(status: u16, kind: &str, key: &str) -> Answer {
    let spelled: Vec<_> =
        [key, HEADER_VALUE, PLAIN_HEADER].into_iter().flat_map(|secret| spellings(secret.as_bytes())).collect();
    let spelled: Vec<_> = spelled.into_iter().filter_map(|(_, text)| String::from_utf8(text).ok()).collect();
    error(status, kind, &format!("invalid x-api-key: {}", spelled.join(" ")))
        .header("x-you-sent", key)
        .header("x-you-sent-too", HEADER_VALUE)
        .header("www-authenticate", &format!("Basic realm=\"{}\"", STANDARD.encode(key)))
}

/// Alice writes, and the upstream sends back what it got, whatever it answers.
async fn converse(fakes: &Fakes) {
    for key in [VAULT_KEY, FILE_KEY, EXEC_KEY] {
        fakes.anthropic.script(echo(401, "authentication_error", key));
    }
    let mut told = 0;
    for _ in 0..MESSAGES_MAX {
        say(fakes, &mut told, &alice().saying("what is your key?")).await;
        if fakes.anthropic.requests().len() > 3 {
            break;
        }
    }
    let keys: Vec<_> =
        fakes.anthropic.requests().iter().filter_map(|one| one.header("x-api-key").map(str::to_owned)).collect();
    assert_eq!(keys, [VAULT_KEY, FILE_KEY, EXEC_KEY, PROFILE_KEY], "each was on the wire");
    assert!(fakes.anthropic.requests().iter().all(|one| one.header("x-org") == Some(HEADER_VALUE)));
    assert!(fakes.anthropic.requests().iter().all(|one| one.header("x-team") == Some(PLAIN_HEADER)));
    say(fakes, &mut told, &alice_shows(&pictures::jpeg(), "what is this?")).await;
    fakes.anthropic.script(echo(400, "invalid_request_error", PROFILE_KEY));
    say(fakes, &mut told, &alice().saying("and now?")).await;
    let page = format!("<html><h1>{PROFILE_KEY}</h1>{HEADER_VALUE} {}</html>", STANDARD.encode(PROFILE_KEY));
    fakes
        .anthropic
        .script(Answer::text(403, "text/html", page.clone()).header("location", &format!("/?key={PROFILE_KEY}")));
    say(fakes, &mut told, &alice().saying("and then?")).await;
    fakes.anthropic.script(Answer::text(200, "text/html", page).header("x-you-sent", PROFILE_KEY));
    say(fakes, &mut told, &alice().saying("at last?")).await;
}

async fn say(fakes: &Fakes, told: &mut usize, message: &creel_fakes::signal::Message) {
    *told += 1;
    fakes.signal.receive(message).expect("received");
    fakes.signal.wait_for_sent(*told).await.expect("a reply");
}

/// Everything that an operator can ask.
fn interrogate(place: &Place, daemon: &Daemon, written: &mut Vec<Written>) {
    for args in [
        "models status",
        "models status --json",
        "models status --probe --json",
        "models status --probe --check",
        "explain auth anthropic --json",
        "explain auth anthropic --for image",
        "explain auth ollama --json",
        "explain auth anthropic --compare-shell",
        "explain auth anthropic --compare-shell --json",
        "explain auth anthropic --profile anthropic:vault --json",
        "explain auth anthropic --profile anthropic:none",
        "explain route --json",
        "explain egress anthropic POST http://example.com/ --json",
        "plugin list --json",
        "secrets list",
        "secrets list --json",
        "secrets audit",
        "secrets audit --json",
        "secrets audit --check",
        "reload --json",
        "reload",
    ] {
        let args: Vec<_> = args.split(' ').collect();
        let output = place.run(&args, "", written);
        assert!(!output.is_empty() || args[0] == "reload", "{args:?}");
    }
    let status = place.admin(("GET", "/v1/status"), written);
    assert!(status.starts_with("HTTP/1.1 200 ") && status.contains("anthropic:vault"), "{status}");
    for target in
        ["/v1/plugins", "/v1/secrets/audit", "/v1/explain/auth?provider=anthropic", "/v1/explain/auth", "/none"]
    {
        place.admin(("GET", target), written);
    }
    place.admin(("POST", "/v1/probe"), written);
    written.extend([daemon.health(&daemon.address), daemon.health("evil.example")]);
    assert!(written.last().is_some_and(|(_, answer)| answer.starts_with(b"HTTP/1.1 403 ")));
}

/// Files that are not valid, with secrets in the wrong places: errors show where, and never what.
fn mislead(place: &Place, fakes: &Fakes, written: &mut Vec<Written>) {
    let good = place.config(fakes);
    let broken = [
        format!("{{ {CONFIG_KEY:?}: 1 "),
        good.replace("apiKey", "apiKy"),
        good.replace(&format!("\"apiKey\":\"{CONFIG_KEY}\""), &format!("\"apiKey\":[\"{CONFIG_KEY}\"]")),
        good.replace("\"source\":\"exec\"", &format!("\"source\":\"exec\",\"timeoutMs\":{:?}", EXEC_KEY)),
        good.replace("\"x-team\":", "\"x team\":"),
    ];
    for config in broken {
        assert_ne!(config, good);
        place.configure(&config);
        for command in ["reload", "models status", "secrets audit"] {
            let output = place.run(&command.split(' ').collect::<Vec<_>>(), "", written);
            let is_refused = output.contains("error:") || output.contains("problem:");
            assert!(is_refused || command != "reload", "{command}: {output}");
        }
    }
    place.configure(&good);
}

/// Everything that lies in the state directory, but for what the operator wrote there.
fn state(place: &Place) -> Vec<Written> {
    let regular = |name: &String| !WRITTEN_BY_HAND.contains(&name.as_str());
    files_below(place.state.path()).into_iter().filter(|(name, _)| regular(name)).collect()
}

async fn nothing_is_told(manner: Manner) {
    let mut anthropic = anthropic::Config::with_api_key(PROFILE_KEY);
    for key in [FILE_KEY, EXEC_KEY, VAULT_KEY] {
        anthropic = anthropic.and_api_key(key);
    }
    let fakes = Fakes::replying(anthropic, ollama::Config::new().requiring_key(CONFIG_KEY)).await;
    let place = Place::new(&fakes, manner);
    let mut written = Vec::new();
    let set = place.run(&["secrets", "set", "anthropic/key"], VAULT_KEY, &mut written);
    assert!(set.contains("set `anthropic/key` (fingerprint "), "{set}");
    let daemon = place.serve();
    converse(&fakes).await;
    fakes.anthropic.script_models(echo(401, "authentication_error", PROFILE_KEY));
    interrogate(&place, &daemon, &mut written);
    // Some of what lies there while it runs is taken away when it stops.
    written.extend(state(&place));
    mislead(&place, &fakes, &mut written);
    assert_eq!(daemon.terminate(), Some(0), "{}", fs::read_to_string(place.log()).expect("a log"));
    for args in ["models status --json", "explain auth anthropic --json", "secrets rotate", "secrets rm anthropic/key"]
    {
        place.run(&args.split(' ').collect::<Vec<_>>(), "", &mut written);
    }
    written.push(("the log".to_owned(), fs::read(place.log()).expect("a log")));
    written.extend(state(&place));
    written.push(("what Alice was sent".to_owned(), format!("{:?}", fakes.signal.sent()).into_bytes()));

    // What is searched is what it is taken for.
    let (_, log) = written.iter().find(|(name, _)| name == "the log").expect("a log");
    assert!(holds(log, "credential chosen") && holds(log, "DEBUG") && holds(log, "[redacted]"));
    assert_eq!(holds(log, "{\"timestamp\""), manner == Manner::KeyFile);
    assert!(written.iter().any(|(name, bytes)| name.starts_with("creel.db") && holds(bytes, "what is your key?")));
    for start in ["media/inbound/", "vault.sealed", "fingerprint.key"] {
        assert!(written.iter().any(|(name, _)| name.starts_with(start)), "{start}");
    }

    let mut secrets: Vec<(&str, &[u8])> = CONFIGURED.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    secrets.extend([("the key of the shell", SHELL_KEY.as_bytes()), ("the passphrase", PASSPHRASE.as_bytes())]);
    let key = fs::read(place.beside("vault-key")).unwrap_or_default();
    assert_eq!(key.is_empty(), manner == Manner::Passphrase);
    if !key.is_empty() {
        secrets.push(("the key of the vault", key.trim_ascii()));
    }
    assert_eq!(leaks(&secrets, &written), [""; 0]);
    // The same search finds what the operator wrote there himself.
    let by_hand =
        files_below(place.state.path()).into_iter().filter(|(name, _)| WRITTEN_BY_HAND.contains(&name.as_str()));
    let mut found = leaks(&secrets, &by_hand.collect::<Vec<_>>());
    found.sort();
    let expect = [
        "auth-profiles.json holds the key of the profile (as it is)",
        "creel.json5 holds the key of the configuration (as it is)",
        "creel.json5 holds the plain value of a header (as it is)",
    ];
    assert_eq!(found, expect);
}

/// Files of the older gateway with keys in plain text: shown without them, and taken over into the vault.
#[test]
fn an_import_into_the_vault_tells_no_secret() {
    let [state, beside] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    private(state.path(), 0o700);
    let place = Place { state, beside, manner: Manner::KeyFile };
    let older = place.beside("older");
    fs::create_dir_all(older.join("agents/main/agent")).expect("a directory");
    let config = json!({
        "models": {"providers": {"ollama": {"baseUrl": "http://127.0.0.1:11434", "apiKey": CONFIG_KEY, "models": []}}},
        "agents": {"defaults": {"model": {"primary": "anthropic/claude-haiku-4-5"}}},
    });
    let profiles = json!({"version": 1, "profiles": {
        "anthropic:plain": {"type": "api_key", "provider": "anthropic", "key": PROFILE_KEY},
        "anthropic:token": {"type": "token", "provider": "anthropic", "token": STALE_TOKEN},
    }});
    write(&older.join("openclaw.json"), &config.to_string(), 0o600);
    write(&older.join("agents/main/agent/auth-profiles.json"), &profiles.to_string(), 0o600);
    let mut written = Vec::new();
    let source = older.display().to_string();
    let shown = place.run(&["import", "openclaw", &source], "", &mut written);
    assert!(shown.contains("anthropic:plain"), "{shown}");
    let applied = place.run(&["import", "openclaw", &source, "--to-vault", "--apply"], "", &mut written);
    place.run(&["secrets", "audit", "--json"], "", &mut written);
    let listed = place.run(&["secrets", "list", "--json"], "", &mut written);
    assert_eq!(listed.matches("fingerprint").count(), 3, "{applied}{listed}");
    // Nothing is left out here: what was imported was written by the program.
    written.extend(files_below(place.state.path()));
    assert!(written.iter().any(|(name, bytes)| name == "creel.json5" && holds(bytes, "claude-haiku-4-5")));
    let secrets: [(&str, &[u8]); 3] = [
        ("the key of the configuration", CONFIG_KEY.as_bytes()),
        ("the key of the profile", PROFILE_KEY.as_bytes()),
        ("the token of the profile", STALE_TOKEN.as_bytes()),
    ];
    assert_eq!(leaks(&secrets, &written), [""; 0]);
}

#[test]
fn the_search_finds_what_was_planted() {
    let secret = CONFIG_KEY.as_bytes();
    let secrets: [(&str, &[u8]); 1] = [("it", secret)];
    for (spelling, text) in spellings(secret) {
        let planted = [b"before ", &text[..], b" behind"].concat();
        let expect = format!("there holds it ({spelling})");
        assert!(leaks(&secrets, &[("there".to_owned(), planted.clone())]).contains(&expect), "{spelling}");
        // One sign less, and it is something else.
        let near = [b"before ", &text[..text.len() - 1], b"~behind"].concat();
        assert!(!leaks(&secrets, &[("there".to_owned(), near)]).contains(&expect), "{spelling}");
    }
    // In base64 it is found wherever it stands in what was encoded.
    for before in ["", "a", "ab", "abc", "user:", "Bearer "] {
        let encoded = STANDARD.encode(format!("{before}{CONFIG_KEY} and more"));
        assert!(!leaks(&secrets, &[("there".to_owned(), encoded.into_bytes())]).is_empty(), "{before:?}");
    }
    // Of a state directory only what the operator wrote himself is left out.
    let directory = tempfile::tempdir().expect("a directory");
    let place = Place { state: directory, beside: tempfile::tempdir().expect("a directory"), manner: Manner::KeyFile };
    for name in ["creel.json5", "auth-profiles.json", "creel.json5.bak", "deep/auth-profiles.json", "creel.db-wal"] {
        let path = place.state.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, format!("x{CONFIG_KEY}x")).expect("written");
    }
    let mut found = leaks(&secrets, &state(&place));
    found.sort();
    let expect = ["creel.db-wal", "creel.json5.bak", "deep/auth-profiles.json"];
    assert_eq!(found, expect.map(|name| format!("{name} holds it (as it is)")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_logs_in_json_tells_no_secret() {
    nothing_is_told(Manner::KeyFile).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_logs_for_people_tells_no_secret() {
    nothing_is_told(Manner::Passphrase).await;
}
