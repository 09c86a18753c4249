//! Files of directories that the operator has granted become media, read by the host. Plugins name them relative to
//! the granted directory and never see it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, MetadataExt as _};
use creel_policy::media::{Area, MediaRefusal, MediaRefusalCode};

use crate::beneath::{self, NoFile};
use crate::db::Store;
use crate::limits::INGEST_NAME_BYTES_MAX;
use crate::media::{MediaError, Medium};

/// `proc` and `sysfs`, as the kernel names them (`linux/magic.h`).
const KERNEL_FILE_SYSTEMS: [i64; 2] = [0x9fa0, 0x6265_6572];

/// A directory that the operator has granted. Holding it is the power to read beneath it; it has no path.
#[derive(Debug)]
pub struct GrantedDir(Dir);

/// Why a directory cannot be granted.
#[derive(Debug, thiserror::Error)]
pub enum GrantedDirError {
    /// It begins nowhere.
    #[error("`{}` is not an absolute path", path.display())]
    NotAbsolute {
        /// As it was configured.
        path: PathBuf,
    },
    /// The whole file system.
    #[error("`{}` is the root of the file system: pass a narrower directory", path.display())]
    FileSystemRoot {
        /// As it was configured.
        path: PathBuf,
    },
    /// The state directory, with its keys and sessions, lies beneath it.
    #[error("`{}` holds the state directory: pass a narrower directory", path.display())]
    HoldsState {
        /// As it was configured.
        path: PathBuf,
    },
    /// It lies within the state directory, whose files are Creel's own.
    #[error("`{}` lies within the state directory: what Creel keeps there is not yours to grant", path.display())]
    WithinState {
        /// As it was configured.
        path: PathBuf,
    },
    /// What looks like files there is the kernel (attack 120).
    #[error("`{}` lies in a file system of the kernel, which holds no media", path.display())]
    Kernel {
        /// As it was configured.
        path: PathBuf,
    },
    /// It is not there, no directory, or not for us to read.
    #[error("could not open the directory `{}`", path.display())]
    Open {
        /// As it was configured.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A file that is to become a medium.
#[derive(Clone, Debug)]
pub struct Ingest<'a> {
    /// Relative to the granted directory; may lie in directories below it.
    pub name: &'a str,
    /// Where the medium shall go.
    pub area: Area,
    /// Bytes that it may have.
    pub bytes_max: u64,
}

impl GrantedDir {
    /// Opens a directory that the operator's configuration names. The directory itself may be a symbolic link; nothing
    /// beneath it is followed.
    ///
    /// # Errors
    ///
    /// [`GrantedDirError`], e.g. for `/` and for a directory that holds the state directory.
    pub fn open_ambient(path: &Path, store: &Store) -> Result<Self, GrantedDirError> {
        let path = path.to_owned();
        if !path.is_absolute() {
            return Err(GrantedDirError::NotAbsolute { path });
        }
        let (dir, canonical) = Self::open_canonical(&path)?;
        if canonical.parent().is_none() {
            return Err(GrantedDirError::FileSystemRoot { path });
        }
        let state = store.root().display_path();
        if state.starts_with(&canonical) {
            return Err(GrantedDirError::HoldsState { path });
        }
        if canonical.starts_with(state) {
            return Err(GrantedDirError::WithinState { path });
        }
        Ok(dir)
    }

    /// As [`Self::open_ambient`], for the directory that an agent works in: it may lie in the state directory, beside
    /// what Creel keeps there and not among it.
    pub(crate) fn of_workspace(path: &Path, store: &Store) -> Result<Self, GrantedDirError> {
        let (dir, canonical) = Self::open_canonical(path)?;
        let state = store.root().display_path();
        let is_own = canonical.strip_prefix(state).is_ok_and(|below| {
            let first = below.components().next().and_then(|first| first.as_os_str().to_str());
            first.is_some_and(|first| first == "workspace" || first.starts_with("workspace-"))
        });
        if is_own { Ok(dir) } else { Self::open_ambient(path, store) }
    }

    /// As [`Self::open_ambient`], for the directory of a single file that is granted: nothing else in it is.
    pub(crate) fn of_file(path: &Path, store: &Store) -> Result<Self, GrantedDirError> {
        let (dir, canonical) = Self::open_canonical(path)?;
        if canonical.starts_with(store.root().display_path()) {
            return Err(GrantedDirError::WithinState { path: path.to_owned() });
        }
        Ok(dir)
    }

    #[expect(clippy::disallowed_methods, reason = "the door to directories that the operator grants")]
    fn open_canonical(path: &Path) -> Result<(Self, PathBuf), GrantedDirError> {
        let failed = |source| GrantedDirError::Open { path: path.to_owned(), source };
        let canonical = std::fs::canonicalize(path).map_err(failed)?;
        let dir = Dir::open_ambient_dir(&canonical, ambient_authority()).map_err(failed)?;
        let kind = rustix::fs::fstatfs(&dir).map_err(|error| failed(error.into()))?.f_type;
        if KERNEL_FILE_SYSTEMS.contains(&kind) {
            return Err(GrantedDirError::Kernel { path: path.to_owned() });
        }
        Ok((Self(dir), canonical))
    }

    /// The directory itself, for whoever reads beneath it.
    pub(crate) fn into_dir(self) -> Dir {
        self.0
    }
}

impl Store {
    /// Stores a file of a granted directory as a medium.
    ///
    /// # Errors
    ///
    /// `path-not-allowed` for a name that leads out, `invalid-path` for one that is malformed, leads over a symbolic
    /// link, or whose file changed while it was read; `not-found`, `not-file`, `too-large`.
    pub fn ingest(&self, dir: &GrantedDir, file: &Ingest<'_>, now_ms: u64) -> Result<Medium, MediaError> {
        let (parents, last) = read_name(file.name)?;
        let failed = MediaError::io("read a file of a granted directory");
        let mut parent = dir.0.try_clone().map_err(&failed)?;
        for segment in parents {
            parent = beneath::open_dir(&parent, segment).map_err(no_file)?;
        }
        let (mut opened, before) = beneath::open_file(&parent, last).map_err(no_file)?;
        // Whoever has the other name of a hard link may have got no more of the file than that (case O7).
        if before.nlink() > 1 {
            return Err(refuse(MediaRefusalCode::InvalidPath, "the file has a second name (a hard link) elsewhere"));
        }
        if before.size() > file.bytes_max {
            let rule = format!("a file from here has at most {} bytes", file.bytes_max);
            return Err(MediaRefusal::new(MediaRefusalCode::TooLarge, rule).into());
        }
        let mut new = self.media_begin(file.area.clone(), Some(last), file.bytes_max)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = opened.read(&mut buffer).map_err(&failed)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            new.write(bytes)?;
        }
        let after = Metadata::from_file(&opened).map_err(&failed)?;
        if stamp(&before) != stamp(&after) {
            return Err(refuse(MediaRefusalCode::InvalidPath, "the file changed while it was read"));
        }
        new.finish(now_ms)
    }
}

fn stamp(metadata: &Metadata) -> (u64, i64, i64) {
    (metadata.size(), metadata.mtime(), metadata.mtime_nsec())
}

/// Splits a relative name into directories and file.
fn read_name(name: &str) -> Result<(Vec<&str>, &str), MediaError> {
    use MediaRefusalCode as Code;
    let is_drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if name.starts_with(['/', '~']) || is_drive || name.starts_with("\\\\") {
        return Err(refuse(Code::PathNotAllowed, "the name is relative to the granted directory"));
    }
    if name.len() > INGEST_NAME_BYTES_MAX {
        let rule = format!("the name has at most {INGEST_NAME_BYTES_MAX} bytes");
        return Err(refuse(Code::InvalidPath, &rule));
    }
    if name.contains('\\') || name.chars().any(char::is_control) {
        return Err(refuse(Code::InvalidPath, "the name holds no `\\` and no control characters"));
    }
    let mut segments: Vec<&str> = name.split('/').collect();
    if segments.contains(&"..") {
        return Err(refuse(Code::PathNotAllowed, "the name holds no `..`"));
    }
    if segments.iter().any(|segment| segment.is_empty() || *segment == ".") {
        return Err(refuse(Code::InvalidPath, "the name holds no empty segment and no `.`"));
    }
    match segments.pop() {
        Some(last) => Ok((segments, last)),
        None => Err(refuse(Code::InvalidPath, "the name must not be empty")),
    }
}

fn no_file(no: NoFile) -> MediaError {
    match no {
        NoFile::Missing => refuse(MediaRefusalCode::NotFound, "no such file lies in the granted directory"),
        NoFile::Symlink => refuse(MediaRefusalCode::InvalidPath, "the name leads over a symbolic link"),
        NoFile::NotFile => refuse(MediaRefusalCode::NotFile, "the name is not a regular file's"),
        NoFile::Io(source) => MediaError::Io { deed: "read a file of a granted directory", source },
    }
}

fn refuse(code: MediaRefusalCode, rule: &str) -> MediaError {
    MediaError::Refused(MediaRefusal::new(code, rule))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
