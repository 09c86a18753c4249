//! The `creel` program as its users run it: its output, its exit codes, and what survives it being killed.

#![expect(clippy::panic, reason = "a test that cannot be set up cannot go on")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use creel_fakes::pictures;
use creel_fakes::signal::{Attachment, Message};
use creel_tests::house::{ALICE, ALICE_UUID, API_KEY, Fakes, STALE_OAUTH_TOKEN};
use creel_tests::{components, workspace};
use serde_json::Value;

fn creel() -> Command {
    let mut command = Command::new(components::creel());
    command.current_dir(workspace::root()).env_clear();
    for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the program can be run")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("text")
}

#[test]
fn the_demo_ends_with_the_delivered_reply() {
    let output = run(creel().args(["demo", "--json"]));
    assert!(output.status.success(), "{}", stderr(&output));
    let steps: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let last = steps.last().expect("a step");
    assert_eq!(last["step"], "delivered");
    let media = last["media"].as_array().expect("media");
    assert_eq!(media.len(), 2);
    let text = last["text"].as_str().expect("text");
    for (medium, picture) in media.iter().zip([pictures::jpeg(), pictures::png()]) {
        let sha256 = pictures::sha256_hex(&picture);
        assert_eq!(medium["sha256"], sha256.as_str());
        assert!(medium["uri"].as_str().expect("a handle").starts_with("media://inbound/"));
        assert!(text.contains(&sha256), "{text}");
    }
    assert!(text.contains("a 640x480 JPEG, mainly orange"), "{text}");
    assert!(text.contains("a 200x100 PNG, mainly blue"), "{text}");
}

#[test]
fn the_demo_sends_a_picture_of_the_users_own() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("cat.jpg");
    let picture = pictures::jpeg_of(7);
    std::fs::write(&path, &picture).expect("written");
    let output = run(creel().args(["demo", "--image"]).arg(&path));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).trim_end().contains(&pictures::sha256_hex(&picture)), "{}", stdout(&output));

    std::fs::write(&path, "no picture").expect("written");
    let output = run(creel().args(["demo", "--image"]).arg(&path));
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("error: `{}` is not a JPEG, PNG, GIF or WebP picture\n", path.display());
    assert_eq!(stderr(&output), expected);
}

#[test]
fn the_live_demo_needs_a_key() {
    let output = run(creel().args(["demo", "--anthropic-live"]));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "error: `--anthropic-live` needs a key in `ANTHROPIC_API_KEY`\n");
}

/// A state directory and the daemon that may run in it.
struct Place {
    state: tempfile::TempDir,
}

/// A running `creel serve`; killed when dropped.
struct Daemon {
    child: Child,
    address: String,
}

impl Place {
    fn new(fakes: &Fakes) -> Self {
        let state = tempfile::tempdir().expect("a directory");
        private(state.path());
        let config = format!(
            r#"{{ models: {{ providers: {{ anthropic: {{ baseUrl: "{}" }}, ollama: {{ baseUrl: "{}" }} }} }},
                 agents: {{ defaults: {{ model: {{ primary: "ollama/glm-5:cloud" }},
                                         imageModel: {{ primary: "anthropic/claude-haiku-4-5" }} }} }},
                 {} }}"#,
            fakes.anthropic.base_url(),
            fakes.ollama.base_url(),
            fakes.channel()
        );
        let profiles = r#"{ "version": 1, "profiles": { "anthropic:default": { "type": "api_key", "provider": "anthropic",
            "keyRef": { "source": "env", "provider": "default", "id": "ANTHROPIC_API_KEY" } } } }"#;
        let path = state.path().join("auth-profiles.json");
        std::fs::write(state.path().join("creel.json5"), config).expect("written");
        std::fs::write(&path, profiles).expect("written");
        private(&path);
        Self { state }
    }

    fn command(&self) -> Command {
        let mut command = creel();
        command.env("ANTHROPIC_API_KEY", API_KEY).env("ANTHROPIC_OAUTH_TOKEN", STALE_OAUTH_TOKEN);
        command.env("CREEL_STATE_DIR", self.state.path());
        command
    }

    fn serve(&self) -> Daemon {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
        let log = std::fs::File::options().create(true).append(true).open(self.log()).expect("a log");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the program can be run");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let address = line.trim_end().strip_prefix("listening on ").map(str::to_owned);
        let address =
            address.unwrap_or_else(|| panic!("{line:?}: {}", std::fs::read_to_string(self.log()).expect("a log")));
        Daemon { child, address }
    }

    fn log(&self) -> PathBuf {
        self.state.path().join("daemon.log")
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = run(self.command().args(args).arg("--json"));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
    }
}

impl Daemon {
    /// As `kill -9` does.
    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// As a service manager does.
    fn terminate(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told to stop");
        self.child.wait().expect("stopped").code()
    }

    fn get(&self, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
}

fn alice() -> Message {
    Message::from_number(ALICE, ALICE_UUID, "Alice")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daemon_answers_explains_and_stops() {
    let fakes = Fakes::start().await;
    let place = Place::new(&fakes);
    let daemon = place.serve();
    let health = daemon.get("/healthz", &daemon.address);
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    let foreign = daemon.get("/healthz", "evil.example");
    assert!(foreign.starts_with("HTTP/1.1 403 "), "{foreign}");

    let picture = pictures::png();
    fakes.signal.receive(&alice().saying("?").with(Attachment::png(picture.clone()))).expect("received");
    let sent = fakes.signal.wait_for_sent(1).await.expect("a reply");
    assert!(sent[0].message.contains(&pictures::sha256_hex(&picture)), "{}", sent[0].message);
    assert_eq!(fakes.anthropic.requests()[0].header("x-api-key"), Some(API_KEY));

    // What was sent is what the running daemon says, before and after.
    let explained = place.json(&["explain", "auth", "anthropic", "--for", "image"]);
    assert_eq!(explained["daemon"]["pid"], daemon.child.id());
    assert_eq!(explained["winner"]["id"], "anthropic:default");
    let status = place.json(&["models", "status"]);
    assert_eq!(status["daemon"]["pid"], daemon.child.id());
    let uses = &status["providers"][0]["uses"][0];
    assert_eq!((&uses["use"], &uses["winner"]["id"]), (&Value::from("image"), &Value::from("anthropic:default")));
    assert_eq!(uses["winner"]["fingerprint"], explained["winner"]["fingerprint"]);

    // A real call takes the credential that was shown, by the daemon that showed it.
    let before = fakes.anthropic.requests().len();
    let probed = place.json(&["models", "status", "--probe", "--check"]);
    assert_eq!(probed["daemon"]["pid"], daemon.child.id());
    let image = &probed["providers"][0]["uses"][0];
    assert_eq!(
        (&image["probe"]["status"], &image["winner"]["id"]),
        (&Value::from("ok"), &Value::from("anthropic:default"))
    );
    let asked = fakes.anthropic.requests().split_off(before);
    assert_eq!(
        asked.iter().map(|one| (one.path.as_str(), one.header("x-api-key"))).collect::<Vec<_>>(),
        [("/v1/models", Some(API_KEY))]
    );

    // One daemon for each state directory.
    let second = run(place.command().args(["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(second.status.code(), Some(1), "{}", stderr(&second));
    assert!(stderr(&second).contains(&format!("{}", daemon.child.id())), "{}", stderr(&second));
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(place.json(&["models", "status"])["daemon"], Value::Null);

    // Without a daemon this program asks itself, and says so; a credential that is refused is a no.
    let output = run(place
        .command()
        .env("ANTHROPIC_API_KEY", "sk-ant-api03-wrong")
        .args(["models", "status", "--probe", "--check", "--json"]));
    let probed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &probed["daemon"]), (Some(3), &Value::Null));
    assert_eq!(probed["providers"][0]["uses"][0]["probe"]["status"], "auth");
    assert_eq!(probed["providers"][1]["uses"][0]["probe"]["status"], "ok");
    assert!(
        stderr(&output).contains("the environment of this shell, and the calls were made by this program\n"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_killed_while_the_model_thinks_answers_when_it_is_back() {
    let fakes = Fakes::start().await;
    let place = Place::new(&fakes);
    let daemon = place.serve();
    fakes.anthropic.hold();
    fakes.signal.receive(&alice().with(Attachment::jpeg(pictures::jpeg()))).expect("received");
    fakes.anthropic.wait_until_held(1).await.expect("asked");
    daemon.kill();
    fakes.anthropic.release();
    let daemon = place.serve();
    let sent = fakes.signal.wait_for_sent(1).await.expect("a reply");
    assert!(sent[0].message.contains(&pictures::sha256_hex(&pictures::jpeg())), "{}", sent[0].message);
    assert_eq!(fakes.anthropic.accepted().len(), 2, "the first answer was lost with the process");
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(fakes.signal.sent().len(), 1);
}

#[test]
fn a_configuration_that_is_wrong_says_where_and_what_to_write() {
    let state = tempfile::tempdir().expect("a directory");
    private(state.path());
    std::fs::write(state.path().join("creel.json5"), "{ modls: 1,\n  agents: { defaults: { modle: {} } } }")
        .expect("written");
    for command in [["models", "status"], ["explain", "route"]] {
        let output = run(creel().args(command).arg("--state-dir").arg(state.path()));
        assert_eq!(output.status.code(), Some(4));
        let file = state.path().join("creel.json5").display().to_string();
        let expected = format!(
            "error: the configuration is not valid\n{file}:1:3: modls: unknown key `modls`\n  hint: did you mean `models`?\n\
             {file}:2:25: agents.defaults.modle: unknown key `modle`\n  hint: did you mean `model`?\n"
        );
        assert_eq!(stderr(&output), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_reads_its_files_again_when_told_to() {
    let fakes = Fakes::start().await;
    let place = Place::new(&fakes);
    let absent = run(place.command().arg("reload"));
    assert_eq!(absent.status.code(), Some(5));
    let expected = format!(
        "error: no daemon is running in `{}`\nhint: start one with `creel serve`; it reads everything then\n",
        place.state.path().display()
    );
    assert_eq!(stderr(&absent), expected);

    let daemon = place.serve();
    let winner = || place.json(&["explain", "auth", "anthropic"])["winner"]["id"].clone();
    assert_eq!(winner(), "anthropic:default");
    let profiles = place.state.path().join("auth-profiles.json");
    std::fs::write(&profiles, r#"{ "version": 1, "profiles": {} }"#).expect("written");
    assert_eq!(winner(), "anthropic:default", "nothing is read behind the operator's back");
    let reloaded = place.json(&["reload"]);
    assert_eq!(reloaded["daemon"]["pid"], daemon.child.id());
    assert_eq!(reloaded["channels_restarted"], serde_json::json!([]));
    assert_eq!(winner(), "env:ANTHROPIC_API_KEY");

    // What cannot be read changes nothing, and says why.
    std::fs::write(&profiles, r#"{ "version": 2, "profiles": {} }"#).expect("written");
    let refused = run(place.command().arg("reload"));
    assert_eq!(refused.status.code(), Some(1));
    let expected = format!(
        "error: the daemon could not answer: the stored profiles are not valid\n{}:1:14: version: expected version 1\n",
        profiles.display()
    );
    assert_eq!(stderr(&refused), expected);
    assert_eq!(winner(), "env:ANTHROPIC_API_KEY");

    // SIGHUP does the same, to a daemon that is not on a terminal.
    let config = place.state.path().join("creel.json5");
    let text = std::fs::read_to_string(&config).expect("a file");
    std::fs::write(&config, text.replace("claude-haiku-4-5", "claude-sonnet-4-5")).expect("written");
    std::fs::write(&profiles, r#"{ "version": 1, "profiles": {} }"#).expect("written");
    let pid = rustix::process::Pid::from_child(&daemon.child);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("told to reload");
    let model = || place.json(&["models", "status"])["providers"][0]["uses"][0]["models"][0].clone();
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while model() != "anthropic/claude-sonnet-4-5" {
        assert!(std::time::Instant::now() < patience, "it did not reload");
    }
    assert_eq!(daemon.terminate(), Some(0));
}
