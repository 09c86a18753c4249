//! A medium that is being written: bytes stream into a file that nobody can name, and become a medium as a whole or
//! not at all. Where the bytes come from is not known here.

use std::fs::{File, Permissions};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use cap_std::fs::Dir;
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
    area: Area,
    name: Option<String>,
    bytes_max: u64,
    partial: Partial,
    file: File,
    hasher: Sha256,
    size: u64,
    sniffer: Sniffer,
}

/// The file under a name that is no medium's; removed when dropped.
#[derive(Debug)]
pub(super) struct Partial {
    store: Store,
    dir: Arc<Dir>,
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
        let dir = self.make_area(&area).map_err(&failed)?;
        let file = beneath::create_file(&dir, &partial, 0o600).map_err(&failed)?;
        Ok(NewMedium {
            area,
            name: name.and_then(display_name),
            bytes_max: bytes_max.min(MEDIUM_BYTES_MAX),
            partial: Partial { store: self.clone(), dir, name: Some(partial) },
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
        let media = MediaRef { area: self.area.clone(), id: MediaId::from_random(bits, Some(extension)) };
        let (mut partial, medium) = self.written(media, now_ms)?;
        let store = partial.store.clone();
        // The row comes first, unclaimed: whatever a crash leaves from here on, with or without a file, is found by its
        // row and goes when the next daemon starts. A file of ours without a row there never is.
        if !store.write(|transaction| row::insert(transaction, &medium, false))? {
            return Err(MediaError::io("name a medium")(std::io::ErrorKind::AlreadyExists.into()));
        }
        if let Err(source) = partial.publish(&medium.media) {
            // What cannot be taken back now is unclaimed.
            if partial.remove().is_ok() {
                drop(row::remove(&store, &medium.media));
            }
            return Err(MediaError::io("finish a medium")(source));
        }
        Ok(medium)
    }

    /// As [`Self::finish`], in the place of a file that lies there under that name; `false` when another process has
    /// taken that file in meanwhile, whose bytes stay.
    pub(super) fn finish_over(self, media: MediaRef, now_ms: u64) -> Result<(Medium, bool), MediaError> {
        let (mut partial, medium) = self.written(media, now_ms)?;
        let store = partial.store.clone();
        // The copy takes the place of the file before the row is there for all to see: a crash in between leaves a file
        // without a row, with the same bytes, which is taken in when it is next asked for. So the owner's file is never
        // one of those that go.
        let is_ours = store.write(|transaction| {
            let is_ours = row::insert(transaction, &medium, true)?;
            if is_ours {
                partial.replace(&medium.media).map_err(MediaError::io("take a file in"))?;
            }
            Ok::<_, MediaError>(is_ours)
        })?;
        Ok((medium, is_ours))
    }

    /// Brings the file to its end and onto the disk, and gives all that is known of it.
    pub(super) fn written(mut self, media: MediaRef, now_ms: u64) -> Result<(Partial, Medium), MediaError> {
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
        Ok((self.partial, medium))
    }
}

impl Partial {
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Gives the file its name, durably. Until that is done it is one that is removed when dropped.
    pub(super) fn publish(&mut self, media: &MediaRef) -> std::io::Result<()> {
        self.rename(media)?;
        self.name = Some(media.id.as_str().to_owned());
        beneath::sync_dir(&self.dir)?;
        self.name = None;
        Ok(())
    }

    /// Gives the file the name of one that it is a copy of, durably. From then on it stands for that one, and stays.
    fn replace(&mut self, media: &MediaRef) -> std::io::Result<()> {
        self.rename(media)?;
        beneath::sync_dir(&self.dir)
    }

    fn rename(&mut self, media: &MediaRef) -> std::io::Result<()> {
        if let Some(partial) = &self.name {
            self.dir.rename(partial, &self.dir, media.id.as_str())?;
        }
        self.name = None;
        Ok(())
    }

    fn remove(&mut self) -> std::io::Result<()> {
        self.name.take().map_or(Ok(()), |name| self.dir.remove_file(name))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // What cannot be removed now is removed when the next daemon starts.
        drop(self.remove());
    }
}

/// A sender's name for display: its last segment, on one line, of bounded length; `None` where nothing is left.
pub(super) fn display_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = last.chars().filter(|c| !c.is_control()).take(MEDIA_NAME_CHARS_MAX);
    let name = plain.collect::<String>().trim().to_owned();
    (!name.is_empty()).then_some(name)
}
