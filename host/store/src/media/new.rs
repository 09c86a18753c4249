//! A medium that is being written: bytes stream into a file that nobody can name, and become a medium as a whole or
//! not at all. Where the bytes come from is not known here.

use std::fs::{File, Permissions};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::media::{Area, MediaId, MediaRef, MediaRefusal, MediaRefusalCode};
use sha2::{Digest as _, Sha256};

use super::sniff::Sniffer;
use super::{MediaError, Medium, pixels, row};
use crate::beneath;
use crate::db::Store;
use crate::limits::MEDIA_NAME_CHARS_MAX;

/// A medium that is being written. Dropped before [`Self::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct NewMedium {
    store: Store,
    area: Area,
    name: Option<String>,
    bytes_max: u64,
    partial: Partial,
    file: File,
    hasher: Sha256,
    size: u64,
    sniffer: Sniffer,
}

/// The file without a name; removed when dropped.
#[derive(Debug)]
struct Partial {
    store: Store,
    area: Area,
    name: Option<String>,
}

impl Store {
    /// Begins a medium of at most `bytes_max` bytes, and never more than one medium may have.
    ///
    /// # Errors
    ///
    /// [`MediaError::Io`].
    pub fn media_begin(&self, area: Area, name: Option<&str>, bytes_max: u64) -> Result<NewMedium, MediaError> {
        let failed = MediaError::io("begin a medium");
        let partial = beneath::partial_name().map_err(&failed)?;
        let file = beneath::create_file(self.area(area), &partial, 0o600).map_err(&failed)?;
        Ok(NewMedium {
            store: self.clone(),
            area,
            name: name.and_then(display_name),
            bytes_max: bytes_max.min(MEDIUM_BYTES_MAX),
            partial: Partial { store: self.clone(), area, name: Some(partial) },
            file,
            hasher: Sha256::new(),
            size: 0,
            sniffer: Sniffer::new(),
        })
    }
}

impl NewMedium {
    /// Takes note of the type that the sender claims. It counts only where the bytes leave it open: a WebM, Ogg or MP4
    /// file may be sound alone.
    pub fn declare(&mut self, content_type: &str) {
        self.sniffer.declare(content_type);
    }

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// `too-large` as soon as there are too many; [`MediaError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        let size = self.size.saturating_add(bytes.len() as u64);
        if size > self.bytes_max {
            let rule = format!("a medium from here has at most {} bytes", self.bytes_max);
            return Err(MediaRefusal::new(MediaRefusalCode::TooLarge, rule).into());
        }
        self.file.write_all(bytes).map_err(MediaError::io("write a medium"))?;
        self.hasher.update(bytes);
        self.sniffer.read(bytes);
        self.size = size;
        Ok(())
    }

    /// Makes a medium of what was written: on disk and in the database when this returns.
    ///
    /// # Errors
    ///
    /// [`MediaError::Full`], [`MediaError::Store`], [`MediaError::Io`].
    pub fn finish(self, now_ms: u64) -> Result<Medium, MediaError> {
        let bits = beneath::random().map_err(MediaError::io("name a medium"))?;
        let (_, extension) = self.sniffer.verdict(self.name.as_deref());
        let media = MediaRef { area: self.area, id: MediaId::from_random(bits, Some(extension)) };
        let (medium, _) = self.finish_as(media, now_ms)?;
        Ok(medium)
    }

    /// As [`Self::finish`], under a given name; `false` when another has taken that name meanwhile, whose bytes stay.
    pub(super) fn finish_as(mut self, media: MediaRef, now_ms: u64) -> Result<(Medium, bool), MediaError> {
        let failed = MediaError::io("finish a medium");
        let (content_type, _) = self.sniffer.verdict(self.name.as_deref());
        self.file.rewind().map_err(&failed)?;
        let pixels = pixels::size_of(content_type, &self.file).map_err(&failed)?;
        // Nobody writes to a medium again, the host included.
        self.file.set_permissions(Permissions::from_mode(0o400)).map_err(&failed)?;
        self.file.sync_all().map_err(&failed)?;
        let medium = Medium {
            media,
            content_type: content_type.to_owned(),
            size: self.size,
            sha256: beneath::hex(&self.hasher.finalize()),
            name: self.name,
            created_ms: now_ms,
            width: pixels.map(|(width, _)| width),
            height: pixels.map(|(_, height)| height),
        };
        // The row comes first: a crash leaves a row that names nothing, which is seen as expired, and no file that
        // nothing names. Before this function returns nobody knows the name.
        if !row::insert(&self.store, &medium)? {
            return Ok((medium, false));
        }
        if let Err(source) = self.partial.publish(&medium.media) {
            row::remove(&self.store, &medium.media)?;
            return Err(failed(source));
        }
        Ok((medium, true))
    }
}

impl Partial {
    /// Gives the file its name, durably.
    fn publish(&mut self, media: &MediaRef) -> std::io::Result<()> {
        let dir = self.store.area(self.area);
        if let Some(partial) = &self.name {
            dir.rename(partial, dir, media.id.as_str())?;
        }
        self.name = None;
        beneath::sync_dir(dir)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(partial) = self.name.take() {
            // What cannot be removed now is removed when the next daemon starts.
            drop(self.store.area(self.area).remove_file(partial));
        }
    }
}

/// A sender's name for display: its last segment, on one line, of bounded length; `None` where nothing is left.
pub(super) fn display_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = last.chars().filter(|c| !c.is_control()).take(MEDIA_NAME_CHARS_MAX);
    let name = plain.collect::<String>().trim().to_owned();
    (!name.is_empty()).then_some(name)
}
