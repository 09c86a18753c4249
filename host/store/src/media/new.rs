//! A medium that is being written: bytes stream into a file that nobody can name, and become a medium as a whole or
//! not at all. Where the bytes come from is not known here.

use std::fs::{File, Permissions, TryLockError};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata};
use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::media::{Area, MediaId, MediaRef, MediaRefusal, MediaRefusalCode, kind_of};
use sha2::{Digest as _, Sha256};

use super::keeping::MediaPolicy;
use super::sniff::Sniffer;
use super::{MediaError, Medium, file_mark, pixels, row};
use crate::beneath;
use crate::db::Store;
use crate::limits::{MEDIA_NAME_CHARS_MAX, ROOM_BYTES};

/// A medium that is being written. Dropped before [`Self::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct NewMedium {
    area: Area,
    name: Option<String>,
    bytes_max: u64,
    bounds: Bounds,
    is_kept: bool,
    purpose: Option<String>,
    lasts_ms: Option<u64>,
    partial: Partial,
    file: File,
    hasher: Sha256,
    size: u64,
    sniffer: Sniffer,
}

/// What else a medium must keep to while it is written.
#[derive(Debug)]
struct Bounds {
    policy: MediaPolicy,
    /// Whether it adds to what lies in its area: a file that is taken in lies there already.
    is_added: bool,
    /// What its area had room for when it was last looked at, with what was written by then.
    room: u64,
    /// The size at which that is looked at again.
    look_again: u64,
}

/// The file under a name that is no medium's; removed when dropped.
#[derive(Debug)]
pub(super) struct Partial {
    store: Store,
    dir: Arc<Dir>,
    name: Option<String>,
}

/// A file that is written to its end and on disk, with all that is known of it.
pub(super) struct Written {
    pub(super) partial: Partial,
    pub(super) medium: Medium,
    pub(super) file_mark: String,
    /// Bytes that its area may hold, itself among them.
    pub(super) quota: u64,
}

impl Store {
    /// Begins a medium of at most `bytes_max` bytes, and never more than one medium may have.
    ///
    /// # Errors
    ///
    /// [`MediaError::Full`] where the area has no room for a single byte; [`MediaError::Store`], [`MediaError::Io`].
    pub fn media_begin(&self, area: Area, name: Option<&str>, bytes_max: u64) -> Result<NewMedium, MediaError> {
        let bounds = Bounds { policy: self.media_policy(), is_added: true, room: 0, look_again: 0 };
        let mut new = self.begin(area, name, bytes_max, bounds)?;
        new.judge_room(1)?;
        Ok(new)
    }

    /// As [`Self::media_begin`], for bytes that lie in the area already: they fill nothing, and were let in before.
    pub(super) fn media_begin_taking_in(&self, area: Area, name: &str) -> Result<NewMedium, MediaError> {
        let bounds = Bounds { policy: self.media_policy(), is_added: false, room: u64::MAX, look_again: u64::MAX };
        self.begin(area, Some(name), MEDIUM_BYTES_MAX, bounds)
    }

    fn begin(&self, area: Area, name: Option<&str>, bytes_max: u64, bounds: Bounds) -> Result<NewMedium, MediaError> {
        let failed = MediaError::io("begin a medium");
        let partial = beneath::partial_name().map_err(&failed)?;
        let create = || {
            let dir = self.make_area(&area)?;
            beneath::create_file(&dir, &partial, 0o600).map(|file| (dir, file))
        };
        let created = match create() {
            // The directory went between the two: once more (case L13).
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(),
            created => created,
        };
        let (dir, file) = created.map_err(&failed)?;
        let partial = Partial { store: self.clone(), dir, name: Some(partial) };
        // Held while it is written: a daemon that starts meanwhile sees that it is no leftover. A file system without
        // locks does not keep anybody from storing.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(failed(std::io::ErrorKind::WouldBlock.into()));
        }
        Ok(NewMedium {
            area,
            name: name.and_then(display_name),
            bytes_max: bytes_max.min(MEDIUM_BYTES_MAX),
            bounds,
            is_kept: false,
            purpose: None,
            lasts_ms: None,
            partial,
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

    /// Takes note of how many bytes the sender says there will be, and refuses at once what could not be stored. The
    /// bytes are counted all the same (attack 122).
    ///
    /// # Errors
    ///
    /// `too-large`, [`MediaError::Full`], [`MediaError::Store`].
    pub fn expect(&mut self, bytes: u64) -> Result<(), MediaError> {
        self.judge_bytes(bytes)?;
        let most = self.bounds.policy.bytes_max_of_any();
        if self.bounds.is_added && bytes > most {
            return Err(too_large(format!("a medium of any kind has at most {most} bytes (`media.maxMb`)")));
        }
        self.judge_room(bytes)
    }

    /// Makes it count as claimed from the first moment: whoever stores it is told of it, and no message may ever name it.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Takes note of what it is for, in the words of whoever stores it.
    pub fn purpose(&mut self, purpose: &str) {
        self.purpose = Some(purpose.to_owned());
    }

    /// Lets it end so many milliseconds after it was stored.
    pub fn lasts(&mut self, lasts_ms: u64) {
        self.lasts_ms = Some(lasts_ms);
    }

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// `too-large` as soon as there are too many, for whoever sends them or for their kind; [`MediaError::Full`] as soon
    /// as the area has no room for them; [`MediaError::Store`], [`MediaError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        let size = self.size.saturating_add(bytes.len() as u64);
        self.judge_bytes(size)?;
        self.sniffer.read(bytes);
        if self.bounds.is_added
            && let Some(content_type) = self.sniffer.settled(self.name.as_deref())
        {
            self.bounds.policy.judge_size(kind_of(content_type), size)?;
        }
        self.judge_room(size)?;
        self.file.write_all(bytes).map_err(MediaError::io("write a medium"))?;
        self.hasher.update(bytes);
        self.size = size;
        Ok(())
    }

    fn judge_bytes(&self, size: u64) -> Result<(), MediaError> {
        if size <= self.bytes_max {
            return Ok(());
        }
        Err(too_large(format!("a medium from here has at most {} bytes", self.bytes_max)))
    }

    /// Refuses what the area has no room for, by what was known a moment ago: the last word is said when the row is
    /// written.
    fn judge_room(&mut self, size: u64) -> Result<(), MediaError> {
        let quota = self.bounds.policy.quota(&self.area);
        if self.bounds.is_added && (size > self.bounds.room || size >= self.bounds.look_again) {
            let area = self.area.to_string();
            let stored: u64 = self.partial.store.read(|transaction| row::stored_bytes(transaction, &area))?;
            self.bounds.room = quota.saturating_sub(stored);
            self.bounds.look_again = size.saturating_add(ROOM_BYTES);
        }
        if size > self.bounds.room {
            return Err(MediaError::Full { area: self.area.clone(), bytes_max: quota });
        }
        Ok(())
    }

    /// Makes a medium of what was written: on disk and in the database when this returns.
    ///
    /// # Errors
    ///
    /// `too-large` for its kind, [`MediaError::Full`], [`MediaError::Store`], [`MediaError::Io`].
    pub fn finish(self, now_ms: u64) -> Result<Medium, MediaError> {
        let bits = beneath::random().map_err(MediaError::io("name a medium"))?;
        let (_, extension) = self.sniffer.verdict(self.name.as_deref());
        let media = MediaRef { area: self.area.clone(), id: MediaId::from_random(bits, Some(extension)) };
        if self.is_kept {
            return match self.finish_over(media, now_ms)? {
                (medium, true) => Ok(medium),
                (_, false) => Err(MediaError::io("name a medium")(std::io::ErrorKind::AlreadyExists.into())),
            };
        }
        let Written { mut partial, medium, file_mark, quota } = self.written(media, now_ms)?;
        let store = partial.store.clone();
        // The row comes first, unclaimed: whatever a crash leaves from here on, with or without a file, is found by its
        // row and goes when the next daemon starts. A file of ours without a row there never is.
        if !store.write(|transaction| row::insert(transaction, &medium, &file_mark, quota, false))? {
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

    /// As [`Self::finish`], claimed, and in the place of a file that lies there under that name; `false` when another
    /// process has taken that file in meanwhile, whose bytes stay.
    pub(super) fn finish_over(self, media: MediaRef, now_ms: u64) -> Result<(Medium, bool), MediaError> {
        let Written { mut partial, medium, file_mark, quota } = self.written(media, now_ms)?;
        let store = partial.store.clone();
        // The copy takes the place of the file before the row is there for all to see: a crash in between leaves a file
        // without a row, with the same bytes, which is taken in when it is next asked for. So the owner's file is never
        // one of those that go.
        let is_ours = store.write(|transaction| {
            let is_ours = row::insert(transaction, &medium, &file_mark, quota, true)?;
            if is_ours {
                partial.replace(&medium.media).map_err(MediaError::io("take a file in"))?;
            }
            Ok::<_, MediaError>(is_ours)
        })?;
        Ok((medium, is_ours))
    }

    /// Brings the file to its end and onto the disk, and gives all that is known of it.
    pub(super) fn written(mut self, media: MediaRef, now_ms: u64) -> Result<Written, MediaError> {
        let failed = MediaError::io("finish a medium");
        let (content_type, _) = self.sniffer.verdict(self.name.as_deref());
        if self.bounds.is_added {
            self.bounds.policy.judge_size(kind_of(content_type), self.size)?;
        }
        let quota = if self.bounds.is_added { self.bounds.policy.quota(&self.area) } else { u64::MAX };
        self.file.rewind().map_err(&failed)?;
        let pixels = pixels::size_of(content_type, &self.file).map_err(&failed)?;
        // Nobody writes to a medium again, the host included.
        self.file.set_permissions(Permissions::from_mode(0o400)).map_err(&failed)?;
        self.file.sync_all().map_err(&failed)?;
        let file_mark = Metadata::from_file(&self.file).map(|metadata| file_mark(&metadata)).map_err(&failed)?;
        let medium = Medium {
            media,
            content_type: content_type.to_owned(),
            declared_type: self.sniffer.declared().map(str::to_owned),
            size: self.size,
            sha256: beneath::hex(&self.hasher.finalize()),
            name: self.name,
            created_ms: now_ms,
            purpose: self.purpose,
            ends_ms: self.lasts_ms.map(|lasts_ms| now_ms.saturating_add(lasts_ms)),
            width: pixels.map(|(width, _)| width),
            height: pixels.map(|(_, height)| height),
        };
        Ok(Written { partial: self.partial, medium, file_mark, quota })
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

fn too_large(rule: String) -> MediaError {
    MediaRefusal::new(MediaRefusalCode::TooLarge, rule).into()
}

/// A sender's name for display: its last segment, on one line, of bounded length; `None` where nothing is left.
pub(super) fn display_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = last.chars().filter(|c| !c.is_control()).take(MEDIA_NAME_CHARS_MAX);
    let name = plain.collect::<String>().trim().to_owned();
    (!name.is_empty()).then_some(name)
}
