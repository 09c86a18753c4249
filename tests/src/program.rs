//! The `creel` program in a home of its own, which may be reached by a link, and its daemon. Asserts nothing itself.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A home directory with a state directory in it, `.creel`.
pub struct Program {
    temp: TempDir,
    home: PathBuf,
}

/// What a command came to.
pub struct Ran {
    /// Its exit status.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it complained of.
    pub err: String,
}

/// A running `creel serve`; killed when dropped.
pub struct Daemon {
    child: Child,
    address: String,
}

impl Program {
    /// A home with that configuration in its state directory.
    pub fn with(config: &str) -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let home = temp.path().join("home");
        fs::create_dir_all(home.join(".creel")).expect("a directory");
        fs::set_permissions(home.join(".creel"), fs::Permissions::from_mode(0o700)).expect("ours");
        let program = Self { temp, home };
        program.configure(config);
        program
    }

    /// The same home, whose name is a symbolic link from now on.
    pub fn behind_a_link(mut self) -> Self {
        let link = self.temp.path().join("link");
        symlink(&self.home, &link).expect("a link");
        self.home = link;
        self
    }

    /// Writes another configuration.
    pub fn configure(&self, config: &str) {
        fs::write(self.state().join("creel.json5"), config).expect("written");
    }

    /// Writes a file of its owner's alone into the state directory.
    pub fn keep(&self, name: &str, text: &str) {
        let path = self.state().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    }

    /// A directory beside the home.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// The home, by the name that the program knows.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The state directory, by the name that the program knows.
    pub fn state(&self) -> PathBuf {
        self.home.join(".creel")
    }

    /// The state directory without any link.
    pub fn real_state(&self) -> PathBuf {
        self.state().canonicalize().expect("it is there")
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().expect("the program can be run");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts it with pipes for input and output, and with these variables.
    pub fn start(&self, args: &[&str], variables: &[(&str, &str)]) -> Child {
        let mut command = self.command(args);
        command.envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().expect("the program can be run")
    }

    /// Starts a daemon, and waits until it listens.
    pub fn serve(&self) -> Daemon {
        let log = fs::File::create(self.beside("log")).expect("a log");
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the program can be run");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        // Killed by what is dropped, wherever this ends.
        let mut daemon = Daemon { child, address: String::new() };
        daemon.address = address.unwrap_or_else(|| panic!("{line}{}", self.log()));
        daemon
    }

    /// What the daemon has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.beside("log")).expect("a log")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(crate::components::creel());
        command.args(args).env_clear().env("HOME", &self.home).current_dir(self.temp.path()).stdin(Stdio::null());
        command
    }
}

impl Ran {
    /// What it printed, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

impl Daemon {
    /// Where it listens: address and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Tells it to stop, and waits until it has.
    pub fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
