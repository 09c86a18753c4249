//! A program that the harness has started: what it says, what it uses, and that it ends with the harness. What it is
//! for is not known here.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::LoadError;

/// How long a program may take to end once it was told to.
const END_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether it has.
const END_PAUSE: Duration = Duration::from_millis(5);
/// Microseconds of a tick of `/proc/<pid>/stat`: the interface of Linux fixes 100 ticks a second.
const TICK_US: u64 = 10_000;

/// A program under way. It is ended when this is dropped, and by the kernel where the harness dies first.
pub(crate) struct Running {
    name: String,
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
    began: Instant,
}

/// What a program and all that it started have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// Time on a processor since the start, in user and kernel mode.
    pub(crate) cpu_us: u64,
    /// Memory now.
    pub(crate) rss_kib: u64,
}

impl Running {
    /// Starts a program with its errors written into a file. Its standard input is a pipe that closes with the harness.
    ///
    /// # Errors
    ///
    /// [`LoadError::Start`] or [`LoadError::File`].
    pub(crate) fn start(name: &str, command: &Command, logs: &Path) -> Result<Self, LoadError> {
        let log = logs.join(format!("{name}.log"));
        let errors = File::create(&log).map_err(|source| LoadError::File { path: log.clone(), source })?;
        let not_started = |source| LoadError::Start { program: name.to_owned(), source };
        let mut bound = Command::new("setpriv");
        bound.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (variable, value) in command.get_envs() {
            match value {
                Some(value) => bound.env(variable, value),
                None => bound.env_remove(variable),
            };
        }
        if let Some(directory) = command.get_current_dir() {
            bound.current_dir(directory);
        }
        bound.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let began = Instant::now();
        let mut child = bound.spawn().map_err(not_started)?;
        let (sender, lines) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            // It reads to the end, so that the program never waits for a reader.
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    sender.send(line).ok();
                }
            });
        }
        Ok(Self { name: name.to_owned(), child, lines, log, began })
    }

    /// Since it was started.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// What stands after `beginning` in the first line of its output that begins so.
    ///
    /// # Errors
    ///
    /// [`LoadError::NotReady`] where it ends or says nothing of the kind in time.
    pub(crate) fn says(&self, beginning: &str, wait: Duration) -> Result<String, LoadError> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(beginning) {
                        return Ok(rest.trim().to_owned());
                    }
                }
                Err(_) => return Err(self.not_ready()),
            }
        }
    }

    /// That it is not ready, with the last that it said of why.
    pub(crate) fn not_ready(&self) -> LoadError {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        LoadError::NotReady { program: self.name.clone(), reason: last_line(&said).to_owned() }
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// What it and its children have used so far.
    pub(crate) fn used(&self) -> Used {
        tree(self.child.id()).into_iter().fold(Used::default(), |sum, pid| {
            let one = used_by(pid);
            Used { cpu_us: sum.cpu_us + one.cpu_us, rss_kib: sum.rss_kib + one.rss_kib }
        })
    }

    fn end(&mut self) {
        if self.has_ended() {
            return;
        }
        drop(self.child.stdin.take());
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // One that has ended in between cannot be told to.
        pid.map(|pid| kill_process(pid, Signal::TERM).ok());
        let deadline = Instant::now() + END_MAX;
        while Instant::now() < deadline {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(END_PAUSE);
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The last line that says anything.
pub(crate) fn last_line(text: &str) -> &str {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing")
}

/// A process and all that descend from it.
fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if let Some(parent) = field(&stat, 1) {
            children.entry(u32::try_from(parent).unwrap_or(0)).or_default().push(pid);
        }
    }
    let (mut found, mut next) = (Vec::new(), VecDeque::from([root]));
    while let Some(pid) = next.pop_front() {
        found.push(pid);
        next.extend(children.remove(&pid).unwrap_or_default());
    }
    found
}

fn used_by(pid: u32) -> Used {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    Used { cpu_us: cpu_us(&stat), rss_kib: rss_kib(&status) }
}

/// The time on a processor of `/proc/<pid>/stat`.
fn cpu_us(stat: &str) -> u64 {
    (field(stat, 11).unwrap_or(0) + field(stat, 12).unwrap_or(0)) * TICK_US
}

/// The resident memory of `/proc/<pid>/status`.
fn rss_kib(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A field of `/proc/<pid>/stat`, counted from the one after the name, which may hold anything.
fn field(stat: &str, index: usize) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(index)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_read_as_it_writes() {
        let stat = "17 (a b) c) S 4 17 17 0 -1 4194560 1 2 3 4 25 7 1 1 20 0 3 0 99 1000 50";
        assert_eq!(field(stat, 1), Some(4));
        assert_eq!(cpu_us(stat), 320_000);
        assert_eq!(cpu_us(""), 0);
        assert_eq!(rss_kib("Name:\tx\nVmRSS:\t    1234 kB\n"), 1_234);
        assert_eq!(rss_kib("Name:\tx\n"), 0);
    }

    #[test]
    fn the_last_word_is_told() {
        assert_eq!(last_line("one\ntwo \n\n"), "two");
        assert_eq!(last_line("\n"), "it said nothing");
    }

    #[test]
    fn a_program_is_heard_and_ends_with_what_holds_it() {
        let logs = tempfile::tempdir().expect("a directory");
        let mut command = Command::new("sh");
        command.args(["-c", "echo ready 7; exec sleep 60"]);
        let running = Running::start("sleeper", &command, logs.path()).expect("it starts");
        assert_eq!(running.says("ready", Duration::from_secs(10)).ok().as_deref(), Some("7"));
        let pid = running.child.id();
        assert!(running.used().rss_kib > 0);
        drop(running);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn one_that_fails_says_why() {
        let logs = tempfile::tempdir().expect("a directory");
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such thing >&2; exit 1"]);
        let running = Running::start("failing", &command, logs.path()).expect("it starts");
        let error = running.says("ready", Duration::from_secs(10)).expect_err("it ends");
        assert_eq!(error.to_string(), "`failing` did not become ready: no such thing");
    }
}
