//! Stored media: what is known of each, and opening one for reading. How one comes to be is in `new` and `adopt`; where
//! the text that names one comes from is not known here (see `resolve`).

use std::fs::File;
use std::io::{self, Seek as _};

use cap_std::fs::{Metadata, MetadataExt as _};
use creel_policy::media::{Area, MediaRef, MediaRefusal, MediaRefusalCode};

use crate::beneath::{self, NoFile};
use crate::db::{Store, StoreError};

mod adopt;
mod area;
mod content;
mod files;
mod import;
mod inspect;
mod keeping;
mod list;
mod new;
mod partials;
mod pixels;
mod reference;
mod removal;
mod row;
mod sniff;
mod sweep;
mod verify;
mod visible;

pub(crate) use area::MediaDirs;
pub use files::{FileOrder, FilePage, FilePlace, FilesWanted, PurposeWanted};
pub use import::MediaImport;
pub use keeping::MediaPolicy;
pub use list::{AreaTotal, BadCursor, MediaCursor, MediaPage};
pub use new::NewMedium;
pub(crate) use partials::clear_partials;
pub use reference::MediaHolder;
pub(crate) use reference::{Holder, claim, mentioned, refer};
pub use removal::Removal;
pub use sweep::Swept;
pub use verify::{Flaw, FlawKind, Verification};
pub use visible::MediaWanted;

/// A stored medium. Its bytes never change while it exists.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Medium {
    /// Its name, the only one that is ever written down.
    pub media: MediaRef,
    /// Read from the bytes, not taken from whoever sent them.
    pub content_type: String,
    /// What the sender said that it is: a claim, and no more.
    pub declared_type: Option<String>,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, in lower-case hex.
    pub sha256: String,
    /// The name that the sender gave, for display only.
    pub name: Option<String>,
    /// When it was stored, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// What whoever uploaded it said that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// From when on it is not to be found any more, where whoever uploaded it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_ms: Option<u64>,
    /// Pixels from left to right, where it is a picture whose header says so.
    pub width: Option<u32>,
    /// Pixels from top to bottom.
    pub height: Option<u32>,
}

impl Medium {
    /// Whether the time that its uploader gave it is over.
    #[must_use]
    pub fn has_ended(&self, now_ms: u64) -> bool {
        self.ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms)
    }
}

/// Why a medium was not stored, found or opened.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// An expected answer: not there, too large, no file, …
    #[error(transparent)]
    Refused(#[from] MediaRefusal),
    /// The media of an area have reached their bound.
    #[error("the area `{area}` is full: its quota is {bytes_max} bytes (`media.quotaMb`)")]
    Full {
        /// Which.
        area: Area,
        /// Its bound.
        bytes_max: u64,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system said no.
    #[error("could not {deed}")]
    Io {
        /// What was being done.
        deed: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl MediaError {
    pub(crate) fn io(deed: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { deed, source }
    }
}

impl Store {
    /// Stores bytes as a medium.
    ///
    /// # Errors
    ///
    /// As [`NewMedium::finish`].
    pub fn media_put(&self, area: Area, name: Option<&str>, bytes: &[u8], now_ms: u64) -> Result<Medium, MediaError> {
        let mut new = self.media_begin(area, name, bytes.len() as u64)?;
        new.write(bytes)?;
        new.finish(now_ms)
    }

    /// What is known of a medium. A file that the older gateway has put into an area is taken in when it is first
    /// asked for.
    ///
    /// # Errors
    ///
    /// `not-found`, `expired` for one that was cleaned away, `invalid-path` for a symbolic link and for a file that is
    /// not what was stored, `not-file`, `too-large`.
    pub fn medium(&self, media: &MediaRef) -> Result<Medium, MediaError> {
        self.media_checked(media).map(|(medium, _)| medium)
    }

    /// Opens a medium for reading.
    ///
    /// # Errors
    ///
    /// As [`Self::medium`].
    pub fn media_open(&self, media: &MediaRef) -> Result<File, MediaError> {
        self.media_checked(media).map(|(_, file)| file)
    }

    /// The one way to a stored file: its row and the file itself, each checked against the other.
    fn media_checked(&self, media: &MediaRef) -> Result<(Medium, File), MediaError> {
        let row = match row::find(self, media)? {
            Some(row) => row,
            None => adopt::adopt(self, media)?,
        };
        if row.expired {
            return Err(refused(MediaRefusalCode::Expired, media, "was stored and has been cleaned away"));
        }
        let opened = self.area(&media.area).and_then(|area| beneath::open_file(&area, media.id.as_str()));
        let (mut file, metadata) = match opened {
            Ok(opened) => opened,
            Err(NoFile::Missing) => {
                return Err(refused(MediaRefusalCode::Expired, media, "was stored, and its file has been removed"));
            }
            Err(no) => return Err(no_file(no, media)),
        };
        let is_other = || refused(MediaRefusalCode::InvalidPath, media, "is not the file that was stored");
        if metadata.size() != row.medium.size {
            return Err(is_other());
        }
        let mark = file_mark(&metadata);
        if row.file_mark.as_ref() != Some(&mark) {
            // Another file than the one that was seen last: restored from a backup, or exchanged. Its bytes tell.
            let failed = MediaError::io("read a medium");
            if verify::sha256_of(&mut file).map_err(&failed)? != row.medium.sha256 {
                return Err(is_other());
            }
            file.rewind().map_err(&failed)?;
            row::mark(self, media, &mark)?;
        }
        Ok((row.medium, file))
    }
}

/// What tells a file from every other that has taken or could take its place: which it is, and when it was written.
fn file_mark(metadata: &Metadata) -> String {
    format!("{}:{}:{}.{:09}", metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

fn refused(code: MediaRefusalCode, media: &MediaRef, what: &str) -> MediaError {
    MediaError::Refused(MediaRefusal::new(code, format!("`{media}` {what}")))
}

pub(crate) fn no_file(no: NoFile, media: &MediaRef) -> MediaError {
    match no {
        NoFile::Missing => refused(MediaRefusalCode::NotFound, media, "is not stored"),
        NoFile::Symlink => refused(MediaRefusalCode::InvalidPath, media, "is a symbolic link"),
        NoFile::NotFile => refused(MediaRefusalCode::NotFile, media, "is not a regular file"),
        NoFile::Io(source) => MediaError::Io { deed: "open a medium", source },
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
