//! A directory that is only looked at: that of the older gateway, or our own before it is opened for good. Files are
//! opened beneath a held directory, for reading, and never over a symbolic link; nothing here can write.

use std::io;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, MetadataExt as _};
use zeroize::Zeroizing;

use crate::beneath::{self, NoFile};

/// Entries of one directory that are looked at; more lie in no media directory that people keep.
const ENTRIES_MAX: usize = 100_000;

/// A directory that is held for reading. Holding it is the power to read beneath it, and to write nowhere.
#[derive(Debug)]
pub struct OlderDir {
    dir: Dir,
    path: PathBuf,
}

/// Why something beneath the directory was not read.
#[derive(Debug, thiserror::Error)]
pub enum OlderError {
    /// The directory itself.
    #[error("could not open the directory `{}`", path.display())]
    Open {
        /// As it was given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A symbolic link, or one on the way.
    #[error("`{}` is a symbolic link, or lies behind one", path.display())]
    Symlink {
        /// Which.
        path: PathBuf,
    },
    /// A directory, a pipe or a device where a file is meant to be, or the other way round.
    #[error("`{}` is not what it should be", path.display())]
    WrongKind {
        /// Which.
        path: PathBuf,
    },
    /// More bytes than such a file may have, or more entries than a directory.
    #[error("`{}` has more than {most} bytes or entries", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The bound.
        most: u64,
    },
    /// Not UTF-8.
    #[error("`{}` is not UTF-8 text", path.display())]
    NotText {
        /// Which.
        path: PathBuf,
    },
    /// The operating system said no.
    #[error("could not read `{}`", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// What lies under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OlderKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, which is not followed.
    Symlink,
    /// A pipe, a socket, a device.
    Other,
}

/// What the file system says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OlderEntry {
    /// The name in its directory.
    pub name: String,
    /// What lies there.
    pub kind: OlderKind,
    /// Bytes.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
    /// The user id of its owner.
    pub owner: u32,
}

impl OlderDir {
    /// Opens a directory for reading. It may itself be a symbolic link; nothing beneath it is followed.
    ///
    /// # Errors
    ///
    /// [`OlderError::Open`].
    #[expect(clippy::disallowed_methods, reason = "the door to directories that are only read")]
    pub fn open_ambient(path: &Path) -> Result<Self, OlderError> {
        let open = || {
            let canonical = std::fs::canonicalize(path)?;
            Ok((Dir::open_ambient_dir(&canonical, ambient_authority())?, canonical))
        };
        let (dir, path) = open().map_err(|source| OlderError::Open { path: path.to_owned(), source })?;
        Ok(Self { dir, path })
    }

    /// The canonical path, for the operator's eyes: nothing is opened by it.
    #[must_use]
    pub fn display_path(&self) -> &Path {
        &self.path
    }

    /// What the file system says of the directory itself.
    ///
    /// # Errors
    ///
    /// [`OlderError::Io`].
    pub fn own_entry(&self) -> Result<OlderEntry, OlderError> {
        let metadata = self.dir.dir_metadata().map_err(|source| self.io("", source))?;
        Ok(entry(String::new(), &metadata))
    }

    /// Opens a directory beneath; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`OlderError`], e.g. for a symbolic link.
    pub fn below(&self, name: &str) -> Result<Option<Self>, OlderError> {
        let mut dir = self.dir.try_clone().map_err(|source| self.io(name, source))?;
        for segment in name.split('/') {
            match beneath::open_dir(&dir, segment) {
                Ok(found) => dir = found,
                Err(NoFile::Missing) => return Ok(None),
                Err(no) => return Err(self.explain(name, no)),
            }
        }
        Ok(Some(Self { dir, path: self.path.join(name) }))
    }

    /// What lies under a name of this directory, if anything does. Links are not followed.
    ///
    /// # Errors
    ///
    /// [`OlderError::Io`].
    pub fn entry(&self, name: &str) -> Result<Option<OlderEntry>, OlderError> {
        match self.dir.symlink_metadata(name) {
            Ok(metadata) => Ok(Some(entry(name.to_owned(), &metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.io(name, source)),
        }
    }

    /// Everything that lies directly in the directory, by name. Names that are not text are left out.
    ///
    /// # Errors
    ///
    /// [`OlderError::TooLarge`], [`OlderError::Io`].
    pub fn entries(&self) -> Result<Vec<OlderEntry>, OlderError> {
        let mut found = Vec::new();
        for listed in self.dir.entries().map_err(|source| self.io("", source))? {
            if found.len() == ENTRIES_MAX {
                return Err(OlderError::TooLarge { path: self.path.clone(), most: ENTRIES_MAX as u64 });
            }
            let name = listed.map_err(|source| self.io("", source))?.file_name();
            let Some(name) = name.to_str() else { continue };
            // What vanished meanwhile is not there.
            found.extend(self.entry(name)?);
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Reads a text file directly in the directory; `None` where there is none. The text may hold secrets.
    ///
    /// # Errors
    ///
    /// [`OlderError`], e.g. for a symbolic link or a file that is too large.
    pub fn read_text(&self, name: &str, bytes_max: u64) -> Result<Option<Zeroizing<String>>, OlderError> {
        let (file, _) = match beneath::open_file(&self.dir, name) {
            Ok(opened) => opened,
            Err(NoFile::Missing) => return Ok(None),
            Err(no) => return Err(self.explain(name, no)),
        };
        let bytes = beneath::read_bounded(&file, bytes_max).map_err(|source| self.io(name, source))?;
        let too_large = || OlderError::TooLarge { path: self.path.join(name), most: bytes_max };
        let bytes = Zeroizing::new(bytes.ok_or_else(too_large)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| OlderError::NotText { path: self.path.join(name) })?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    fn io(&self, name: &str, source: io::Error) -> OlderError {
        OlderError::Io { path: self.path.join(name), source }
    }

    fn explain(&self, name: &str, no: NoFile) -> OlderError {
        let path = self.path.join(name);
        match no {
            NoFile::Missing => OlderError::Io { path, source: io::ErrorKind::NotFound.into() },
            NoFile::Symlink => OlderError::Symlink { path },
            NoFile::NotFile => OlderError::WrongKind { path },
            NoFile::Io(source) => OlderError::Io { path, source },
        }
    }
}

fn entry(name: String, metadata: &Metadata) -> OlderEntry {
    let file_type = metadata.file_type();
    let kind = if file_type.is_symlink() {
        OlderKind::Symlink
    } else if file_type.is_file() {
        OlderKind::File
    } else if file_type.is_dir() {
        OlderKind::Directory
    } else {
        OlderKind::Other
    };
    OlderEntry { name, kind, size: metadata.size(), mode: metadata.mode() & 0o7777, owner: metadata.uid() }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn files_are_read_and_links_are_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("older");
        std::fs::create_dir_all(root.join("media/inbound")).unwrap();
        std::fs::write(root.join("a.json"), "{}").unwrap();
        std::fs::set_permissions(root.join("a.json"), std::fs::Permissions::from_mode(0o640)).unwrap();
        std::fs::write(temp.path().join("outside"), "outside").unwrap();
        symlink(temp.path().join("outside"), root.join("link")).unwrap();
        symlink(temp.path(), root.join("up")).unwrap();
        let dir = OlderDir::open_ambient(&root).unwrap();
        assert_eq!(dir.read_text("a.json", 2).unwrap().as_deref().map(String::as_str), Some("{}"));
        assert!(matches!(dir.read_text("a.json", 1), Err(OlderError::TooLarge { .. })));
        assert!(dir.read_text("none", 1).unwrap().is_none());
        assert!(matches!(dir.read_text("link", 100), Err(OlderError::Symlink { .. })));
        assert!(matches!(dir.read_text("media", 100), Err(OlderError::WrongKind { .. })));
        assert!(matches!(dir.below("up"), Err(OlderError::Symlink { .. })));
        assert!(dir.below("media/none").unwrap().is_none());
        assert!(dir.below("media/inbound").unwrap().unwrap().entries().unwrap().is_empty());
        let seen: Vec<_> = dir.entries().unwrap().into_iter().map(|one| (one.name, one.kind, one.mode)).collect();
        let kinds: Vec<_> = seen.iter().map(|(name, kind, _)| (name.as_str(), *kind)).collect();
        let expect = [
            ("a.json", OlderKind::File),
            ("link", OlderKind::Symlink),
            ("media", OlderKind::Directory),
            ("up", OlderKind::Symlink),
        ];
        assert_eq!(kinds, expect);
        assert_eq!(seen[0].2, 0o640);
        let link = temp.path().join("by-link");
        symlink(&root, &link).unwrap();
        assert_eq!(OlderDir::open_ambient(&link).unwrap().display_path(), root.canonicalize().unwrap());
        assert!(OlderDir::open_ambient(&temp.path().join("none")).is_err());
    }
}
