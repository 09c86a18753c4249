//! Cleans media away: old ones, those whose uploader gave them an end, and those that nobody ever counted on. What a live session, an unfinished turn or the
//! outbox refers to stays, however old it is: the older gateway's sweep looked at the clock alone, and took pictures from
//! under the turn that was to answer them.

use std::io;

use cap_std::fs::Dir;
use creel_policy::media::{Area, MediaRef};
use rusqlite::Transaction;

use super::reference::{is_held, live};
use super::{MediaError, partials, row};
use crate::beneath;
use crate::db::{Store, StoreError, limit, signed, unsigned};
use crate::limits::{MEDIA_AT_ONCE_MAX, UNCLAIMED_MS_MAX};

/// What a sweep has taken away, or would take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Swept {
    /// How many media.
    pub media: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many files that were put there by hand and that nobody has asked for.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
}

impl Swept {
    /// Whether it is nothing at all.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.media == 0 && self.files == 0
    }

    fn and(self, other: Self) -> Self {
        Self {
            media: self.media + other.media,
            bytes: self.bytes + other.bytes,
            files: self.files + other.files,
            file_bytes: self.file_bytes + other.file_bytes,
        }
    }
}

/// Whether a sweep removes, or only says what it would remove.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Remove,
    Look,
}

/// What a sweep goes by.
#[derive(Clone, Copy)]
struct Times {
    before_ms: u64,
    now_ms: u64,
    idle_before_ms: u64,
}

/// Where a batch ended: time, area, id.
type Place = (i64, String, String);

const REMOVE: &str = "remove a medium";

/// What goes for its age. What has an end of its own, and is past it, goes for that.
const OLD_AND_FREE: &str = concat!(
    "SELECT m.area, m.id, m.size, m.created_ms FROM media m
     WHERE m.expired_ms IS NULL AND m.created_ms < :before AND (m.claimed = 1 OR m.created_ms < :unclaimed_before)
       AND (m.ends_ms IS NULL OR m.ends_ms > :now)
       AND (m.created_ms, m.area, m.id) > (:after_ms, :after_area, :after_id)
       AND NOT EXISTS (SELECT 1 FROM media_reference r WHERE r.area = m.area AND r.id = m.id AND ",
    live!(),
    ") ORDER BY m.created_ms, m.area, m.id LIMIT :count"
);

const ENDED_AND_FREE: &str = concat!(
    "SELECT m.area, m.id, m.size, m.ends_ms FROM media m
     WHERE m.expired_ms IS NULL AND m.ends_ms IS NOT NULL AND m.ends_ms <= :now
       AND (m.claimed = 1 OR m.created_ms < :unclaimed_before)
       AND (m.ends_ms, m.area, m.id) > (:after_ms, :after_area, :after_id)
       AND NOT EXISTS (SELECT 1 FROM media_reference r WHERE r.area = m.area AND r.id = m.id AND ",
    live!(),
    ") ORDER BY m.ends_ms, m.area, m.id LIMIT :count"
);

impl Store {
    /// Removes the media that were stored before `before_ms`, or whose own end is over (as that of an uploaded file may
    /// be), and that nothing live refers to; and as old files that lie
    /// in an area, or beside the areas, without ever having been asked for (case L12). Names of media stay known, so that
    /// whoever asks for one hears `expired`. Links and directories stay. May run beside a daemon.
    ///
    /// # Errors
    ///
    /// [`MediaError::Store`], [`MediaError::Io`]; what was removed up to then stays removed.
    pub fn media_sweep(&self, before_ms: u64, now_ms: u64) -> Result<Swept, MediaError> {
        self.sweep(before_ms, now_ms, Deed::Remove)
    }

    /// What [`Self::media_sweep`] would remove.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn media_sweepable(&self, before_ms: u64, now_ms: u64) -> Result<Swept, MediaError> {
        self.sweep(before_ms, now_ms, Deed::Look)
    }

    fn sweep(&self, before_ms: u64, now_ms: u64, deed: Deed) -> Result<Swept, MediaError> {
        let times = Times { before_ms, now_ms, idle_before_ms: self.idle_before_ms(now_ms) };
        let ended = self.sweep_rows(ENDED_AND_FREE, times, deed)?;
        let mut swept = ended.and(self.sweep_rows(OLD_AND_FREE, times, deed)?);
        if before_ms == 0 {
            // No file is that old.
            return Ok(swept);
        }
        let failed = MediaError::io(REMOVE);
        for area in self.areas().map_err(&failed)? {
            let Ok(dir) = self.area(&area) else { continue };
            swept = swept.and(self.sweep_files(&dir, &area.to_string(), times, deed)?);
        }
        // The older gateway also stored beside its areas.
        Ok(swept.and(self.sweep_files(&self.media_dirs().media, "", times, deed)?))
    }

    /// Those media that a query finds, batch by batch.
    fn sweep_rows(&self, query: &str, times: Times, deed: Deed) -> Result<Swept, MediaError> {
        let mut swept = Swept::default();
        let mut after: Place = (-1, String::new(), String::new());
        loop {
            let work = |transaction: &Transaction<'_>| self.sweep_some(transaction, (query, &after), times, deed);
            let (some, last) = match deed {
                Deed::Remove => self.write(work)?,
                Deed::Look => self.read(work)?,
            };
            swept = swept.and(some);
            match last {
                Some(last) => after = last,
                None => return Ok(swept),
            }
        }
    }

    /// One batch, and where it ended; `None` behind the last.
    fn sweep_some(
        &self,
        transaction: &Transaction<'_>,
        (query, after): (&str, &Place),
        times: Times,
        deed: Deed,
    ) -> Result<(Swept, Option<Place>), MediaError> {
        let mut swept = Swept::default();
        let mut last = None;
        let old = free(transaction, query, times, after)?;
        for (area, id, size, at_ms) in &old {
            swept = swept.and(Swept { media: 1, bytes: unsigned(*size)?, ..Swept::default() });
            last = Some((*at_ms, area.clone(), id.clone()));
            if deed == Deed::Remove {
                let media = row::read_name(area, id)?;
                // The file goes first: a crash leaves a row without a file, which is seen as expired.
                self.remove_blob(&media).map_err(MediaError::io(REMOVE))?;
                row::expire(transaction, &media, times.now_ms)?;
            }
        }
        if deed == Deed::Remove && !old.is_empty() {
            self.sync_areas().map_err(MediaError::io(REMOVE))?;
        }
        Ok((swept, last.filter(|_| old.len() == MEDIA_AT_ONCE_MAX)))
    }

    /// The files of a directory that no row knows. What they are called does not matter: they are looked at by their age.
    fn sweep_files(&self, dir: &Dir, area: &str, times: Times, deed: Deed) -> Result<Swept, MediaError> {
        let failed = MediaError::io(REMOVE);
        let mut old = Vec::new();
        for entry in dir.entries().map_err(&failed)? {
            let name = entry.map_err(&failed)?.file_name();
            // What begins with a dot is being written, or is no medium at all; a name that is no text cannot be asked for.
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let Ok(metadata) = dir.symlink_metadata(name) else { continue };
            if metadata.is_file() && partials::modified_ms(&metadata) < times.before_ms {
                old.push((name.to_owned(), metadata.len()));
            }
        }
        let mut swept = Swept::default();
        for some in old.chunks(MEDIA_AT_ONCE_MAX) {
            // In a transaction that writes, so that nobody takes a file in between the look and the deed.
            let work = |transaction: &Transaction<'_>| {
                let mut swept = Swept::default();
                for (name, size) in some {
                    let key = (area, name.as_str());
                    if row::is_known(transaction, key)? || is_held(transaction, key, times.idle_before_ms)? {
                        continue;
                    }
                    if deed == Deed::Look || partials::remove(dir, name).map_err(MediaError::io(REMOVE))? {
                        swept = swept.and(Swept { files: 1, file_bytes: *size, ..Swept::default() });
                    }
                }
                Ok::<_, MediaError>(swept)
            };
            swept = swept.and(match deed {
                Deed::Remove => self.write(work)?,
                Deed::Look => self.read(work)?,
            });
        }
        Ok(swept)
    }

    /// Removes media that were stored for something that never came to name them, files and rows. Only the one daemon
    /// may, at its start: in a running one a medium is unclaimed for a moment before it is named.
    pub(crate) fn media_forget_unclaimed(&self) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        loop {
            let some = self.write(|transaction| self.forget_some(transaction))?;
            forgotten += some;
            if some == 0 {
                return Ok(forgotten);
            }
        }
    }

    fn forget_some(&self, transaction: &Transaction<'_>) -> Result<usize, StoreError> {
        let failed = |source| StoreError::Io { deed: REMOVE, source };
        let mut unclaimed = transaction.prepare_cached("SELECT area, id FROM media WHERE claimed = 0 LIMIT ?1")?;
        let names = unclaimed.query_and_then([limit(MEDIA_AT_ONCE_MAX)], |row| {
            row::read_name(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?)
        })?;
        let names: Vec<MediaRef> = names.collect::<Result<_, _>>()?;
        let mut forget = transaction.prepare_cached("DELETE FROM media WHERE area = ?1 AND id = ?2")?;
        for media in &names {
            self.remove_blob(media).map_err(failed)?;
            forget.execute((media.area.to_string(), media.id.as_str()))?;
        }
        if !names.is_empty() {
            // Before the rows are gone: a file of ours without a row would pass for one that was put there by hand.
            self.sync_areas().map_err(failed)?;
        }
        Ok(names.len())
    }

    /// Removes the file of a medium, if it is there.
    pub(super) fn remove_blob(&self, media: &MediaRef) -> io::Result<()> {
        // Somebody else removed it or its area, or put a directory there: either way it is no medium any more.
        let Ok(area) = self.area(&media.area) else { return Ok(()) };
        partials::remove(&area, media.id.as_str()).map(|_is_removed| ())
    }

    pub(super) fn sync_areas(&self) -> io::Result<()> {
        let dirs = self.areas()?.into_iter().filter_map(|area: Area| self.area(&area).ok());
        dirs.into_iter().try_for_each(|dir| beneath::sync_dir(&dir))
    }
}

fn free(
    transaction: &Transaction<'_>,
    query: &str,
    times: Times,
    (after_ms, after_area, after_id): &Place,
) -> Result<Vec<(String, String, i64, i64)>, StoreError> {
    let mut free = transaction.prepare_cached(query)?;
    let values = rusqlite::named_params! {
        ":before": signed(times.before_ms)?,
        ":now": signed(times.now_ms)?,
        ":unclaimed_before": signed(times.now_ms.saturating_sub(UNCLAIMED_MS_MAX))?,
        ":idle_before": signed(times.idle_before_ms)?,
        ":after_ms": after_ms,
        ":after_area": after_area,
        ":after_id": after_id,
        ":count": limit(MEDIA_AT_ONCE_MAX),
    };
    // Neither query has all of them.
    let values: Vec<_> = values.iter().copied().filter(|(name, _)| query.contains(name)).collect();
    let rows = free.query_map(values.as_slice(), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
