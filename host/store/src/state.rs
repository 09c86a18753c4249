//! The state directory: opened once by its path, and reached through a held directory ever after. What the files in
//! it mean is not known here.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, MetadataExt as _};
use zeroize::Zeroizing;

use crate::beneath::{self, NoFile};

/// The state directory. Holding it is the power to read and write beneath it, and nowhere else.
#[derive(Debug)]
pub struct StateRoot {
    dir: Dir,
    path: PathBuf,
    home: Option<PathBuf>,
}

/// Why the state directory, or a file in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The directory could not be made or opened.
    #[error("could not open the state directory `{}`", path.display())]
    Open {
        /// As it was given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It belongs to somebody else.
    #[error("the directory `{}` belongs to user {owner}, not to the user that creel runs as", path.display())]
    ForeignOwner {
        /// The canonical path.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
    },
    /// Others could put files into it.
    #[error("the directory `{}` can be written by others (mode {mode:04o})", path.display())]
    WritableByOthers {
        /// The canonical path.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A name that is not a plain relative one.
    #[error("`{name}` names no file of the state directory")]
    BadName {
        /// As it was given.
        name: String,
    },
    /// A symbolic link stands where a file or directory of the state is meant to be.
    #[error("`{name}` in the state directory is a symbolic link")]
    Symlink {
        /// Relative to the state directory.
        name: String,
    },
    /// A directory, a pipe or a device stands where a file is meant to be, or a file where a directory is.
    #[error("`{name}` in the state directory is not what it should be")]
    WrongKind {
        /// Relative to the state directory.
        name: String,
    },
    /// A file that holds secrets can be read by others, or is not ours.
    #[error("`{name}` holds secrets and can be read or written by others (mode {mode:04o}, owner {owner})")]
    Exposed {
        /// Relative to the state directory.
        name: String,
        /// Its permission bits.
        mode: u32,
        /// The user id of its owner.
        owner: u32,
    },
    /// More bytes than such a file may have.
    #[error("`{name}` has more than {bytes_max} bytes")]
    TooLarge {
        /// Relative to the state directory.
        name: String,
        /// The bound.
        bytes_max: u64,
    },
    /// Not UTF-8.
    #[error("`{name}` is not UTF-8 text")]
    NotText {
        /// Relative to the state directory.
        name: String,
    },
    /// A key file that holds something else.
    #[error("`{name}` is not a key that creel made")]
    NotAKey {
        /// Relative to the state directory.
        name: String,
    },
    /// Another daemon has this state directory.
    #[error("another creel daemon uses this state directory ({})", process(*pid))]
    Locked {
        /// Its process id, where the lock file tells.
        pid: Option<u32>,
    },
    /// Anything else that the operating system said.
    #[error("could not {deed} `{name}` in the state directory")]
    Io {
        /// `read`, `write`, …
        deed: &'static str,
        /// Relative to the state directory.
        name: String,
        /// What it said.
        source: io::Error,
    },
}

/// Proof that this process is the one daemon of its state directory; given up when dropped, or when the process ends.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

const LOCK_FILE: &str = "daemon.lock";

impl StateRoot {
    /// Opens the state directory, made with mode 0700 where it is not there yet. A symbolic link on the way, or the
    /// directory itself being one, is followed here, once.
    ///
    /// # Errors
    ///
    /// [`StateError::Open`], and [`StateError::ForeignOwner`] or [`StateError::WritableByOthers`] where others could
    /// tamper with it.
    #[expect(clippy::disallowed_methods, reason = "the door to the state directory")]
    pub fn open_ambient(path: &Path) -> Result<Self, StateError> {
        let open = || {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            let canonical = std::fs::canonicalize(path)?;
            let dir = Dir::open_ambient_dir(&canonical, ambient_authority())?;
            let metadata = dir.dir_metadata()?;
            Ok((dir, canonical, metadata))
        };
        let (dir, path, metadata) = open().map_err(|source| StateError::Open { path: path.to_owned(), source })?;
        own_alone(&path, &metadata)?;
        Ok(Self { dir, path, home: None })
    }

    /// Says which directory `~/` means in the name of a medium: the daemon's home, as boot has read it.
    #[must_use]
    pub fn with_home(self, home: &Path) -> Self {
        Self { home: Some(home.to_owned()), ..self }
    }

    /// Becomes the one daemon of this state directory.
    ///
    /// # Errors
    ///
    /// [`StateError::Locked`] with the process that has it.
    pub fn lock(&self) -> Result<StateLock, StateError> {
        let failed = |source| StateError::Io { deed: "lock", name: LOCK_FILE.to_owned(), source };
        match beneath::create_file(&self.dir, LOCK_FILE, 0o600) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let mut file = self.open_lock_file()?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut text = String::new();
                (&file).take(32).read_to_string(&mut text).map_err(failed)?;
                return Err(StateError::Locked { pid: text.trim().parse().ok() });
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())?;
            file.sync_all()
        };
        write(&mut file).map_err(failed)?;
        Ok(StateLock { _file: file })
    }

    /// The canonical path, for the operator's eyes: nothing is opened by it.
    #[must_use]
    pub fn display_path(&self) -> &Path {
        &self.path
    }

    /// Reads a text file beneath the root, e.g. `creel.json5`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`StateError`] when it is there and is no text file of at most `bytes_max` bytes, or a symbolic link.
    pub fn read_text(&self, name: &str, bytes_max: u64) -> Result<Option<String>, StateError> {
        match self.open_named(name)? {
            Some((file, _)) => {
                let text = String::from_utf8(read_whole(&file, name, bytes_max)?);
                text.map(Some).map_err(|_| StateError::NotText { name: name.to_owned() })
            }
            None => Ok(None),
        }
    }

    /// Reads a text file that holds secrets; `None` where there is none.
    ///
    /// # Errors
    ///
    /// As [`Self::read_text`], and [`StateError::Exposed`] when others can read or write it.
    pub fn read_private(&self, name: &str, bytes_max: u64) -> Result<Option<Zeroizing<String>>, StateError> {
        let Some(bytes) = self.read_private_bytes(name, bytes_max)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).map_err(|_| StateError::NotText { name: name.to_owned() })?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    pub(crate) fn read_private_bytes(
        &self,
        name: &str,
        bytes_max: u64,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
        let Some(opened) = self.open_named(name)? else { return Ok(None) };
        read_own(&opened, name, bytes_max).map(Some)
    }

    /// Replaces a file directly beneath the root as a whole, mode 0600. After a crash it is the old one or the new.
    ///
    /// # Errors
    ///
    /// [`StateError::BadName`] for a name with a `/`; [`StateError::Io`].
    pub fn write_private(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        if segments(name)?.len() != 1 {
            return Err(StateError::BadName { name: name.to_owned() });
        }
        beneath::replace_file(&self.dir, name, bytes).map_err(|source| StateError::Io {
            deed: "write",
            name: name.to_owned(),
            source,
        })
    }

    /// Puts a file directly beneath the root, mode 0600, unless something stands there; says whether it did.
    ///
    /// # Errors
    ///
    /// [`StateError::BadName`] for a name with a `/`; [`StateError::Io`].
    pub fn put_private(&self, name: &str, bytes: &[u8]) -> Result<bool, StateError> {
        if segments(name)?.len() != 1 {
            return Err(StateError::BadName { name: name.to_owned() });
        }
        beneath::publish_file(&self.dir, name, bytes).map_err(|source| StateError::Io {
            deed: "write",
            name: name.to_owned(),
            source,
        })
    }

    /// Opens a directory of the state, e.g. `cache/compiled`, made with mode 0700 where it is not there yet.
    ///
    /// # Errors
    ///
    /// [`StateError`] where others could write to it, or a symbolic link is in its place.
    pub fn private_dir(&self, path: &str) -> Result<Dir, StateError> {
        let mut parent = self.dir.try_clone().map_err(|error| explain(error.into(), "open", path))?;
        for segment in segments(path)? {
            parent = self.open_private_dir(&parent, segment)?;
        }
        Ok(parent)
    }

    /// Opens a directory of the state by its last segment beneath `parent`, made where it is not there yet.
    pub(crate) fn open_private_dir(&self, parent: &Dir, path: &str) -> Result<Dir, StateError> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let dir = beneath::open_or_create_dir(parent, name).map_err(|no| explain(no, "open", path))?;
        let metadata = dir.dir_metadata().map_err(|error| explain(error.into(), "open", path))?;
        own_alone(&self.path.join(path), &metadata)?;
        Ok(dir)
    }

    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { dir: self.dir.try_clone()?, path: self.path.clone(), home: self.home.clone() })
    }

    fn open_lock_file(&self) -> Result<File, StateError> {
        let mut options = cap_std::fs::OpenOptions::new();
        options.read(true).write(true);
        beneath::open_file(&self.dir, LOCK_FILE).map_err(|no| explain(no, "lock", LOCK_FILE))?;
        let file = self.dir.open_with(LOCK_FILE, &options);
        let file = file.map_err(|source| StateError::Io { deed: "lock", name: LOCK_FILE.to_owned(), source })?;
        Ok(file.into_std())
    }

    fn open_named(&self, name: &str) -> Result<Option<(File, Metadata)>, StateError> {
        let mut segments = segments(name)?;
        let last = segments.pop().ok_or_else(|| StateError::BadName { name: name.to_owned() })?;
        let mut parent = self.dir.try_clone().map_err(|error| explain(error.into(), "read", name))?;
        for segment in segments {
            match beneath::open_dir(&parent, segment) {
                Ok(dir) => parent = dir,
                Err(NoFile::Missing) => return Ok(None),
                Err(no) => return Err(explain(no, "read", name)),
            }
        }
        match beneath::open_file(&parent, last) {
            Ok(opened) => Ok(Some(opened)),
            Err(NoFile::Missing) => Ok(None),
            Err(no) => Err(explain(no, "read", name)),
        }
    }
}

/// Reads a file that holds secrets, unless others than its owner could.
pub(crate) fn read_own(
    (file, metadata): &(File, Metadata),
    name: &str,
    bytes_max: u64,
) -> Result<Zeroizing<Vec<u8>>, StateError> {
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    if mode & 0o077 != 0 || owner != own_user() {
        return Err(StateError::Exposed { name: name.to_owned(), mode, owner });
    }
    read_whole(file, name, bytes_max).map(Zeroizing::new)
}

/// Says which file of the state it was.
pub(crate) fn explain(no: NoFile, deed: &'static str, name: &str) -> StateError {
    let name = name.to_owned();
    match no {
        NoFile::Missing => StateError::Io { deed, name, source: io::ErrorKind::NotFound.into() },
        NoFile::Symlink => StateError::Symlink { name },
        NoFile::NotFile => StateError::WrongKind { name },
        NoFile::Io(source) => StateError::Io { deed, name, source },
    }
}

/// Refuses a directory into which others could put what they like.
fn own_alone(path: &Path, metadata: &Metadata) -> Result<(), StateError> {
    if metadata.uid() != own_user() {
        return Err(StateError::ForeignOwner { path: path.to_owned(), owner: metadata.uid() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(StateError::WritableByOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

fn read_whole(file: &File, name: &str, bytes_max: u64) -> Result<Vec<u8>, StateError> {
    let failed = |source| StateError::Io { deed: "read", name: name.to_owned(), source };
    let bytes = beneath::read_bounded(file, bytes_max).map_err(failed)?;
    bytes.ok_or_else(|| StateError::TooLarge { name: name.to_owned(), bytes_max })
}

fn segments(name: &str) -> Result<Vec<&str>, StateError> {
    let segments: Vec<&str> = name.split('/').collect();
    let is_plain = |s: &&str| !s.is_empty() && *s != "." && *s != ".." && !s.contains('\0');
    if segments.iter().all(is_plain) { Ok(segments) } else { Err(StateError::BadName { name: name.to_owned() }) }
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "its process id is not known".to_owned(), |pid| format!("process {pid}"))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
