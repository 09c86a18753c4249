//! What can keep a measurement from being made. What a measured program does wrong is a finding and no error.

use std::io;
use std::path::PathBuf;

/// Why nothing was measured, or not all of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The fake upstream has no port.
    #[error("the fake upstream cannot listen")]
    Listen(#[source] io::Error),
    /// There is no runtime to wait in.
    #[error("could not set up the asynchronous runtime")]
    Runtime(#[source] io::Error),
    /// A program is not there, or may not run.
    #[error("could not start `{program}`")]
    Start {
        /// Its name.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// A program has ended, or said nothing for too long.
    #[error("`{program}` did not become ready: {reason}")]
    NotReady {
        /// Its name.
        program: String,
        /// The last it said, or that it says nothing.
        reason: String,
    },
    /// A program has failed.
    #[error("`{program}` failed: {reason}")]
    Failed {
        /// Its name.
        program: String,
        /// The last it said.
        reason: String,
    },
    /// A file of the harness.
    #[error("could not use `{}`", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A request to a program on this machine.
    #[error("no answer from `{address}`")]
    Ask {
        /// Where it was sought.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// What a program printed is not what it prints.
    #[error("`{program}` printed what cannot be read: {text}")]
    Unread {
        /// Its name.
        program: &'static str,
        /// The beginning of it.
        text: String,
    },
    /// A name that the command line must not have.
    #[error("`{name}` is none of {known}")]
    Unknown {
        /// What was named.
        name: String,
        /// What there is.
        known: String,
    },
}

impl LoadError {
    /// The error and its causes in one line.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }
}
