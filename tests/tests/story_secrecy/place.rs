//! The program as an operator has set it up, with a secret of its own in each place that can hold one. Asserts nothing
//! itself.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use creel_tests::components;
use creel_tests::house::Fakes;
use creel_tests::scene::files_below;
use creel_tests::search::Written;
use serde_json::json;
use tempfile::TempDir;

// Each looks different in each spelling.
pub(crate) const PROFILE_KEY: &str = "sk-ant-api03-profile+key/with=odd&signs%0123456789";
pub(crate) const FILE_KEY: &str = "sk-ant-api03-file+key/with=odd&signs%0123456789abc";
pub(crate) const EXEC_KEY: &str = "sk-ant-api03-exec+key/with=odd&signs%0123456789abcd";
pub(crate) const VAULT_KEY: &str = "sk-ant-api03-vault+key/with=odd&signs%0123456789abcde";
pub(crate) const VARIABLE_KEY: &str = "sk-ant-api03-variable+key/with=odd&signs%0123456789";
pub(crate) const STALE_TOKEN: &str = "sk-ant-oat01-stale+token/with=odd&signs%0123456789";
pub(crate) const SHELL_KEY: &str = "sk-ant-api03-shell+key/with=odd&signs%0123456789abc";
pub(crate) const CONFIG_KEY: &str = "ollama+key/with=odd&signs%of-the-configuration-0123";
pub(crate) const HEADER_VALUE: &str = "header+value/with=odd&signs%of-the-operator-0123456";
pub(crate) const PLAIN_HEADER: &str = "plain+header/with=odd&signs%of-the-operator-0123456";
pub(crate) const PASSPHRASE: &str = "correct+horse/battery=staple&and%a-long-tail-0123456";

/// What the operator wrote in plain text, in files of these names.
pub(crate) const WRITTEN_BY_HAND: [&str; 2] = ["creel.json5", "auth-profiles.json"];

pub(crate) const CONFIGURED: [(&str, &str); 9] = [
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
pub(crate) enum Manner {
    /// With a key file that lies elsewhere, and a log in JSON.
    KeyFile,
    /// With a passphrase of the environment, and a log for people.
    Passphrase,
}

/// A state directory, and beside it the operator's other files.
pub(crate) struct Place {
    pub(crate) state: TempDir,
    pub(crate) beside: TempDir,
    pub(crate) manner: Manner,
}

/// A running `creel serve`; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) address: String,
}

pub(crate) fn private(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

pub(crate) fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("written");
    private(path, mode);
}

impl Place {
    pub(crate) fn new(fakes: &Fakes, manner: Manner) -> Self {
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

    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.beside.path().join(name)
    }

    pub(crate) fn config(&self, fakes: &Fakes) -> String {
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

    pub(crate) fn configure(&self, config: &str) {
        write(&self.state.path().join("creel.json5"), config, 0o600);
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(components::creel());
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path))).current_dir(self.beside.path());
        command.env("HOME", self.beside.path()).env("CREEL_STATE_DIR", self.state.path());
        command.env("ANTHROPIC_API_KEY", VARIABLE_KEY).env("ANTHROPIC_OAUTH_TOKEN", STALE_TOKEN);
        command.env("HEADER_VALUE", HEADER_VALUE).env("VAULT_PASSPHRASE", PASSPHRASE).env("RUST_BACKTRACE", "full");
        command
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.beside("daemon.log")
    }

    pub(crate) fn serve(&self) -> Daemon {
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
    pub(crate) fn run(&self, args: &[&str], input: &str, written: &mut Vec<Written>) -> String {
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
    pub(crate) fn admin(&self, (method, target): (&str, &str), written: &mut Vec<Written>) -> String {
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
    pub(crate) fn health(&self, host: &str) -> Written {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        (format!("/healthz for {host}"), exchange(stream, "GET", "/healthz", host).into_bytes())
    }

    /// As a service manager does.
    pub(crate) fn terminate(mut self) -> Option<i32> {
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

/// Everything that lies in the state directory, but for what the operator wrote there.
pub(crate) fn state(place: &Place) -> Vec<Written> {
    let regular = |name: &String| !WRITTEN_BY_HAND.contains(&name.as_str());
    files_below(place.state.path()).into_iter().filter(|(name, _)| regular(name)).collect()
}
