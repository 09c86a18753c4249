//! The one door through which a build starts other programs and looks for them. What to start is decided elsewhere.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use super::environment::Environment;

/// Lines that a program is ahead of whoever reads them, before it has to wait.
const LINES_AHEAD_MAX: usize = 256;

/// Bytes of what a program said that are kept for an error: a few hundred compiler messages.
pub(crate) const SAID_BYTES_MAX: usize = 256 << 10;

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) directory: PathBuf,
    /// Variables beside those of [`Environment::for_tools_in`].
    pub(crate) set: Vec<(OsString, OsString)>,
}

impl Call {
    /// A call without variables of its own.
    pub(crate) fn new<A: AsRef<OsStr>>(program: &Path, directory: &Path, arguments: &[A]) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(|argument| argument.as_ref().to_owned()).collect(),
            directory: directory.to_owned(),
            set: Vec::new(),
        }
    }
}

/// As one would type it: the program by its bare name.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.program.file_name().unwrap_or(self.program.as_os_str());
        write!(f, "{}", name.display())?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", argument.display()))
    }
}

/// One line of a running program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// From its standard output.
    Out(&'a str),
    /// From its standard error.
    Err(&'a str),
}

impl<'a> Line<'a> {
    /// The line, from wherever.
    pub(crate) fn text(self) -> &'a str {
        match self {
            Self::Out(text) | Self::Err(text) => text,
        }
    }
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success,
    /// For people, e.g. `exit status: 101`.
    Failure(String),
}

/// The machine that a build runs on.
pub(crate) trait Machine {
    /// Runs a program to its end and hands over each line as it comes.
    ///
    /// # Errors
    ///
    /// Where it could not be started or its output not be read.
    fn run(&self, call: &Call, on_line: &mut dyn FnMut(Line<'_>)) -> io::Result<Exit>;

    /// The program of that name: on the `PATH`, else in cargo's own `bin`.
    fn find(&self, program: &str) -> Option<PathBuf>;

    /// Whether there is a file or directory.
    fn is_there(&self, path: &Path) -> bool;

    /// What lies in a directory, in order; nothing where there is none.
    fn children(&self, directory: &Path) -> Vec<PathBuf>;

    /// The variables that tools start from.
    fn environment(&self) -> &Environment;
}

/// What a call that is short and quiet came to.
pub(crate) enum Answer {
    /// Its standard output, trimmed.
    Text(String),
    /// What it said on standard error, or how it ended.
    Failed(String),
}

/// Runs a call whose output is small, and keeps that.
pub(crate) fn ask(machine: &dyn Machine, call: &Call) -> Answer {
    let (mut out, mut err) = (Said::default(), Said::default());
    let ended = machine.run(call, &mut |line| match line {
        Line::Out(text) => out.push(text),
        Line::Err(text) => err.push(text),
    });
    match ended {
        Ok(Exit::Success) => Answer::Text(out.into_text()),
        Ok(Exit::Failure(how)) => Answer::Failed(err.into_text_or(&how)),
        Err(error) => Answer::Failed(format!("could not run `{}`: {error}", call.program.display())),
    }
}

/// What a program said, of which so much is kept.
#[derive(Default)]
pub(crate) struct Said {
    text: String,
    lines_left_out: usize,
}

impl Said {
    /// Keeps one more line, or counts it.
    pub(crate) fn push(&mut self, line: &str) {
        if self.text.len() + line.len() > SAID_BYTES_MAX {
            self.lines_left_out += 1;
            return;
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// All of it, without empty lines around.
    pub(crate) fn into_text(self) -> String {
        let mut text = self.text.trim_matches('\n').trim_end().to_owned();
        if self.lines_left_out > 0 {
            text.push_str(&format!("\n… and {} more lines", self.lines_left_out));
        }
        text
    }

    /// All of it, or other words where there was nothing.
    pub(crate) fn into_text_or(self, otherwise: &str) -> String {
        let text = self.into_text();
        if text.is_empty() { otherwise.to_owned() } else { text }
    }
}

/// This machine.
#[derive(Debug)]
pub(crate) struct AmbientMachine {
    environment: Environment,
}

impl AmbientMachine {
    /// This machine, with the variables that were handed in.
    pub(crate) fn new(environment: Environment) -> Self {
        Self { environment }
    }
}

impl Machine for AmbientMachine {
    fn run(&self, call: &Call, on_line: &mut dyn FnMut(Line<'_>)) -> io::Result<Exit> {
        let environment = self.environment.for_tools_in(&call.directory);
        let mut child = Command::new(&call.program)
            .args(&call.arguments)
            .current_dir(&call.directory)
            .env_clear()
            .envs(environment.iter())
            .envs(call.set.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (sender, receiver) = mpsc::sync_channel(LINES_AHEAD_MAX);
        let readers = [
            child.stdout.take().map(|pipe| read_lines(pipe, sender.clone(), OwnedLine::Out)),
            child.stderr.take().map(|pipe| read_lines(pipe, sender.clone(), OwnedLine::Err)),
        ];
        drop(sender);
        for line in receiver {
            match &line {
                OwnedLine::Out(text) => on_line(Line::Out(text)),
                OwnedLine::Err(text) => on_line(Line::Err(text)),
            }
        }
        let status = child.wait()?;
        for reader in readers.into_iter().flatten() {
            reader.join().map_err(|_| io::Error::other("the thread that read its output stopped"))??;
        }
        Ok(if status.success() { Exit::Success } else { Exit::Failure(status.to_string()) })
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        let on_path = self.environment.get("PATH").into_iter().flat_map(std::env::split_paths);
        let in_cargo = self.environment.cargo_home().map(|home| home.join("bin"));
        on_path.chain(in_cargo).map(|directory| directory.join(program)).find(|file| is_program(file))
    }

    fn is_there(&self, path: &Path) -> bool {
        path.exists()
    }

    fn children(&self, directory: &Path) -> Vec<PathBuf> {
        let entries = directory.read_dir().into_iter().flatten();
        let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.sort();
        paths
    }

    fn environment(&self) -> &Environment {
        &self.environment
    }
}

enum OwnedLine {
    Out(String),
    Err(String),
}

fn read_lines(
    pipe: impl Read + Send + 'static,
    lines: SyncSender<OwnedLine>,
    wrap: fn(String) -> OwnedLine,
) -> thread::JoinHandle<io::Result<()>> {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while pipe.read_until(b'\n', &mut bytes)? > 0 {
            let text = String::from_utf8_lossy(&bytes);
            if lines.send(wrap(text.trim_end_matches(['\n', '\r']).to_owned())).is_err() {
                return Ok(());
            }
            bytes.clear();
        }
        Ok(())
    })
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::RefCell;

    /// A machine whose programs answer from a list; what is not in it cannot be run.
    #[derive(Default)]
    pub(crate) struct Scripted {
        pub(crate) programs: Vec<&'static str>,
        pub(crate) paths: RefCell<Vec<PathBuf>>,
        pub(crate) answers: Vec<(&'static str, Result<&'static str, &'static str>)>,
        /// Paths that are there after a command was run.
        pub(crate) creates: Vec<(&'static str, &'static str)>,
        pub(crate) ran: RefCell<Vec<String>>,
        pub(crate) environment: Environment,
    }

    impl Machine for Scripted {
        fn run(&self, call: &Call, on_line: &mut dyn FnMut(Line<'_>)) -> io::Result<Exit> {
            let command = call.to_string();
            let times = self.ran.borrow().iter().filter(|earlier| **earlier == command).count();
            self.ran.borrow_mut().push(command.clone());
            let same: Vec<_> = self.answers.iter().filter(|(known, _)| *known == command).collect();
            let (_, answer) = same.get(times).or(same.last()).ok_or(io::ErrorKind::NotFound)?;
            let made = self.creates.iter().filter(|(known, _)| *known == command && answer.is_ok());
            self.paths.borrow_mut().extend(made.map(|(_, path)| path.into()));
            match answer {
                Ok(text) => text.lines().for_each(|line| on_line(Line::Out(line))),
                Err(text) => text.lines().for_each(|line| on_line(Line::Err(line))),
            }
            Ok(if answer.is_ok() { Exit::Success } else { Exit::Failure("exit status: 1".into()) })
        }

        fn find(&self, program: &str) -> Option<PathBuf> {
            let has_name = |path: &&&str| Path::new(path).file_name() == Some(OsStr::new(program));
            self.programs.iter().find(has_name).map(PathBuf::from)
        }

        fn is_there(&self, path: &Path) -> bool {
            self.paths.borrow().iter().any(|known| known == path)
        }

        fn children(&self, directory: &Path) -> Vec<PathBuf> {
            let paths = self.paths.borrow();
            let below = |path: &PathBuf| {
                let name = path.strip_prefix(directory).ok()?.components().next()?;
                Some(directory.join(name))
            };
            let mut children: Vec<_> = paths.iter().filter_map(below).collect();
            children.dedup();
            children
        }

        fn environment(&self) -> &Environment {
            &self.environment
        }
    }

    fn shell(script: &str) -> (Vec<String>, io::Result<Exit>) {
        let machine = AmbientMachine::new(std::env::vars_os().collect::<Environment>());
        let mut lines = Vec::new();
        let call = Call::new(Path::new("/bin/sh"), Path::new("/"), &["-c", script]);
        let ended = machine.run(&call, &mut |line| lines.push(format!("{line:?}")));
        (lines, ended)
    }

    #[test]
    fn lines_of_both_streams_come_through() {
        let (mut lines, ended) = shell("echo one; echo two >&2; printf 'three\\r\\nlast'");
        lines.sort();
        assert_eq!(lines, ["Err(\"two\")", "Out(\"last\")", "Out(\"one\")", "Out(\"three\")"]);
        assert_eq!(ended.expect("it ran"), Exit::Success);
    }

    #[test]
    fn more_lines_than_fit_the_queue_lose_nothing() {
        let (lines, ended) = shell("i=0; while [ $i -lt 2000 ]; do echo $i; echo e$i >&2; i=$((i+1)); done; exit 3");
        assert_eq!(lines.len(), 4000);
        assert_eq!(ended.expect("it ran"), Exit::Failure("exit status: 3".into()));
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let machine = AmbientMachine::new(std::env::vars_os().collect::<Environment>());
        let call = Call::new(Path::new("/nowhere/tool"), Path::new("/"), &["a"]);
        let Answer::Failed(said) = ask(&machine, &call) else { panic!("it ran") };
        assert_eq!(said, "could not run `/nowhere/tool`: No such file or directory (os error 2)");
    }

    #[test]
    fn what_was_said_is_kept_up_to_the_bound() {
        let mut said = Said::default();
        let line = "x".repeat(SAID_BYTES_MAX / 2);
        for _ in 0..5 {
            said.push(&line);
        }
        let text = said.into_text();
        assert!(text.len() < SAID_BYTES_MAX + 64, "{}", text.len());
        assert!(text.ends_with("\n… and 4 more lines"), "{}", &text[text.len() - 32..]);
        assert_eq!(Said::default().into_text_or("exit status: 1"), "exit status: 1");
    }
}
