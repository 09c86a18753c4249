//! What is read of the process, once: environment, directories, terminals and the clock. What it means is not known
//! here.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use creel_runtime::Clock;
use creel_store::secrets::Environment;

use crate::clock;
use crate::render::Style;

/// What is read of the process. Holds the environment, and so has no Debug.
pub(crate) struct Process {
    variables: Vec<(OsString, OsString)>,
    /// Where relative paths begin; `None` where it was removed.
    pub(crate) current_directory: Option<PathBuf>,
    /// This program's file.
    pub(crate) executable: Option<PathBuf>,
    /// Whether somebody can be asked.
    pub(crate) stdin_is_terminal: bool,
    /// Whether somebody reads the answers.
    pub(crate) stdout_is_terminal: bool,
    /// Whether somebody watches.
    pub(crate) stderr_is_terminal: bool,
}

impl Process {
    /// Reads it.
    pub(crate) fn ambient() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            current_directory: std::env::current_dir().ok(),
            executable: std::env::current_exe().and_then(std::fs::canonicalize).ok(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// A variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.variables.iter().find(|(variable, _)| variable == OsStr::new(name));
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    }

    /// The home directory.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.variable("HOME").map(Path::new).filter(|home| home.is_absolute())
    }

    /// All variables, for credentials.
    pub(crate) fn environment(&self) -> Environment {
        Environment::of(self.variables.iter().cloned())
    }

    /// All variables, for the tools of a build.
    pub(crate) fn build_environment(&self) -> crate::build::Environment {
        self.variables.iter().cloned().collect()
    }

    /// How standard output is written to.
    pub(crate) fn style_of_stdout(&self) -> Style {
        self.style(self.stdout_is_terminal)
    }

    /// How standard error is written to.
    pub(crate) fn style_of_stderr(&self) -> Style {
        self.style(self.stderr_is_terminal)
    }

    /// The time, for everything that asks for it.
    pub(crate) fn clock(&self) -> Clock {
        Arc::new(clock::now_ms)
    }

    fn style(&self, is_terminal: bool) -> Style {
        let is_dumb = self.variable("TERM").is_some_and(|term| term == "dumb");
        let is_coloured = is_terminal && !is_dumb && self.variable("NO_COLOR").is_none();
        if is_coloured { Style::Coloured } else { Style::Plain }
    }
}
