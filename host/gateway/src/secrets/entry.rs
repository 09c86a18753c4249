//! How the value of a secret reaches Creel: from a prompt that shows nothing, from standard input, a variable or a file;
//! never from the command line, which others can read. What becomes of it is not known here.

use std::fs::File;
use std::io::{self, BufRead as _, Read, Write as _};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use creel_store::secrets::{BadSecret, Secret};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::cli::SetSecretArgs;
use crate::process::Process;

/// Bytes that are read of a value: more than a secret may have, so that too much is found.
const VALUE_BYTES_MAX: usize = 16 << 10;

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryError {
    /// The variable is not set, or empty.
    #[error("the variable `{name}` is not set")]
    NoVariable {
        /// Which.
        name: String,
    },
    /// A file that cannot be read.
    #[error("could not read `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard input cannot be read.
    #[error("could not read the value")]
    Input(#[source] io::Error),
    /// What was given is no secret.
    #[error("the value cannot be a secret: {0}")]
    Bad(BadSecret),
}

/// Reads the value from where the command line says.
pub(super) fn read(args: &SetSecretArgs, process: &Process) -> Result<Secret, EntryError> {
    let bytes = match (&args.from_env, &args.from_file) {
        (Some(name), _) => {
            let value = process.variable(name).ok_or_else(|| EntryError::NoVariable { name: name.clone() })?;
            Zeroizing::new(value.as_encoded_bytes().to_vec())
        }
        (None, Some(path)) => {
            let failed = |source| EntryError::File { path: path.clone(), source };
            of_file(path, process).map_err(failed)?
        }
        (None, None) if process.stdin_is_terminal => prompted(&args.name).map_err(EntryError::Input)?,
        (None, None) => bounded(io::stdin().lock()).map_err(EntryError::Input)?,
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| EntryError::Bad(BadSecret::NotPlain))?;
    Secret::parse(text).map_err(EntryError::Bad)
}

fn of_file(path: &Path, process: &Process) -> io::Result<Zeroizing<Vec<u8>>> {
    let path = process.current_directory.as_ref().map_or_else(|| path.to_owned(), |current| current.join(path));
    bounded(File::open(path)?)
}

fn bounded(reader: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(VALUE_BYTES_MAX + 1));
    reader.take(VALUE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Asks on the terminal, which shows nothing meanwhile.
fn prompted(name: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let stdin = io::stdin();
    let mut stderr = io::stderr().lock();
    write!(stderr, "value of `{name}` (it is not shown): ")?;
    stderr.flush()?;
    let hidden = Hidden::begin(&stdin)?;
    let mut line = Zeroizing::new(Vec::with_capacity(VALUE_BYTES_MAX + 1));
    let read = stdin.lock().take(VALUE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line);
    drop(hidden);
    // The line break that was typed was not shown either.
    writeln!(stderr)?;
    read.map(|_count| line)
}

/// A terminal that shows nothing of what is typed until this is dropped.
struct Hidden<T: AsFd>(T, Termios);

impl<T: AsFd> Hidden<T> {
    fn begin(terminal: T) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Self(terminal, before))
    }
}

impl<T: AsFd> Drop for Hidden<T> {
    fn drop(&mut self) {
        match tcsetattr(&self.0, OptionalActions::Now, &self.1) {
            // A terminal that is gone shows nothing anyway.
            Ok(()) | Err(_) => {}
        }
    }
}
