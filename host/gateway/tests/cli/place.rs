//! A state directory, the program in an environment of its own, and a daemon. Asserts only that no secret is printed.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The right key, a stale token beside it, and a key that somebody wrote into the configuration.
pub(crate) const KEY: &str = "sk-ant-api03-the-right-key-of-the-test";
pub(crate) const STALE_TOKEN: &str = "sk-ant-oat01-the-stale-token-of-the-test";
pub(crate) const WRITTEN_KEY: &str = "written-into-the-configuration-0123456789";

pub(crate) const CONFIG: &str = r#"{
  models: { providers: { anthropic: { apiKey: { source: "env", provider: "default", id: "ANTHROPIC_API_KEY" } },
                         ollama: { apiKey: "written-into-the-configuration-0123456789" } } },
  agents: { defaults: { model: { primary: "ollama/glm-5:cloud" },
                        imageModel: { primary: "anthropic/claude-haiku-4-5" } } },
}"#;

/// A state directory, and the program in an environment of its own.
pub(crate) struct Place {
    pub(crate) temp: TempDir,
    pub(crate) state: PathBuf,
}

/// The program in a directory of its own, where no component lies beside it.
pub(crate) fn program() -> &'static PathBuf {
    static COPY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let copy = COPY.get_or_init(|| {
        let temp = tempfile::tempdir().expect("a directory");
        let path = temp.path().join("bin/creel");
        fs::create_dir(temp.path().join("bin")).expect("a directory");
        fs::copy(env!("CARGO_BIN_EXE_creel"), &path).expect("a copy");
        (temp, path)
    });
    &copy.1
}

/// What a command came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn empty() -> Self {
        Self::at("state")
    }

    pub(crate) fn at(state: &str) -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let state = temp.path().join(state);
        Self { temp, state }
    }

    pub(crate) fn with(config: &str) -> Self {
        Self::empty().configured(config)
    }

    pub(crate) fn configured(self, config: &str) -> Self {
        fs::create_dir_all(&self.state).expect("a state directory");
        fs::set_permissions(&self.state, fs::Permissions::from_mode(0o700)).expect("permissions");
        fs::write(self.state.join("creel.json5"), config).expect("a configuration");
        self
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(args).env_clear().env("HOME", self.temp.path()).env("CREEL_STATE_DIR", &self.state);
        command.env("ANTHROPIC_API_KEY", KEY).env("ANTHROPIC_OAUTH_TOKEN", STALE_TOKEN);
        command.current_dir(self.temp.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let ran = Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        for secret in [KEY, STALE_TOKEN, WRITTEN_KEY] {
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{args:?} printed a secret");
        }
        ran
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(args);
        let json = serde_json::from_str(&ran.out);
        assert!(json.is_ok(), "{args:?}: {}{}", ran.out, ran.err);
        json.expect("it was looked at above")
    }

    /// Starts a daemon and waits until it is ready.
    pub(crate) fn serve(&self) -> Daemon {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
        let log = fs::File::create(self.temp.path().join("log")).expect("a log");
        let mut child = command.stderr(log).spawn().expect("the program runs");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let address = line.strip_prefix("listening on ").map(|address| address.trim().to_owned());
        assert!(address.is_some(), "{line}{}", self.log());
        Daemon { child, address: address.unwrap_or_default() }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.temp.path().join("log")).expect("the log")
    }
}

/// A running daemon.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Daemon {
    pub(crate) fn get(&self, host: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        write!(stream, "GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("it is sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(status.success());
    }

    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended where the test went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
