//! Cleans media away: old ones, and those that nobody ever counted on. What a turn or a delivery that is not finished
//! needs stays, however old it is: the older gateway's sweep looked at the clock alone, and took pictures from under the
//! turn that was to answer them.

use std::io;

use creel_policy::media::{Area, MediaId, MediaRef};

use super::MediaError;
use crate::beneath;
use crate::db::{Store, StoreError, signed, unsigned};

/// What a sweep has taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many media.
    pub media: u64,
    /// Their bytes.
    pub bytes: u64,
}

const REMOVE: &str = "remove a medium";
/// Media removed in one transaction; others that write wait no longer than that takes.
const SWEPT_AT_ONCE_MAX: i64 = 256;

const OLD_AND_UNUSED: &str = "
  WITH used (uri) AS (
    SELECT a.media FROM attachment a JOIN inbound i ON i.id = a.inbound
    WHERE i.state IN ('received', 'ready') AND a.media IS NOT NULL
    UNION
    SELECT m.value FROM outbox o, json_each(o.media_json) m WHERE o.state IN ('pending', 'under-way')
  )
  SELECT area, id, size FROM media
  WHERE expired_ms IS NULL AND created_ms < ?1 AND 'media://' || area || '/' || id NOT IN (SELECT uri FROM used)
  ORDER BY created_ms LIMIT ?2";

impl Store {
    /// Removes the media that were stored before `before_ms` and that nothing unfinished needs. Their names stay known,
    /// so that whoever asks for one hears `expired`.
    ///
    /// # Errors
    ///
    /// [`MediaError::Store`], [`MediaError::Io`]; what was removed up to then stays removed.
    pub fn media_sweep(&self, before_ms: u64, now_ms: u64) -> Result<Swept, MediaError> {
        let mut swept = Swept::default();
        loop {
            let some = self.write(|transaction| self.sweep_some(transaction, before_ms, now_ms))?;
            swept = Swept { media: swept.media + some.media, bytes: swept.bytes + some.bytes };
            if some.media == 0 {
                return Ok(swept);
            }
        }
    }

    fn sweep_some(
        &self,
        transaction: &rusqlite::Transaction<'_>,
        before_ms: u64,
        now_ms: u64,
    ) -> Result<Swept, MediaError> {
        let mut old = transaction.prepare_cached(OLD_AND_UNUSED).map_err(StoreError::from)?;
        let columns = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?));
        let rows = old.query_map((signed(before_ms)?, SWEPT_AT_ONCE_MAX), columns).map_err(StoreError::from)?;
        let mut swept = Swept::default();
        for row in rows {
            let (area, id, size) = row.map_err(StoreError::from)?;
            let media = read(&area, &id)?;
            // The file goes first: a crash leaves a row without a file, which is seen as expired.
            self.remove_blob(&media).map_err(MediaError::io(REMOVE))?;
            let mut expire = transaction
                .prepare_cached("UPDATE media SET expired_ms = ?3 WHERE area = ?1 AND id = ?2")
                .map_err(StoreError::from)?;
            expire.execute((&area, &id, signed(now_ms)?)).map_err(StoreError::from)?;
            swept = Swept { media: swept.media + 1, bytes: swept.bytes + unsigned(size)? };
        }
        if swept.media > 0 {
            self.sync_areas().map_err(MediaError::io(REMOVE))?;
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

    fn forget_some(&self, transaction: &rusqlite::Transaction<'_>) -> Result<usize, StoreError> {
        let failed = |source| StoreError::Io { deed: REMOVE, source };
        let mut unclaimed = transaction.prepare_cached("SELECT area, id FROM media WHERE claimed = 0 LIMIT ?1")?;
        let names = unclaimed
            .query_and_then([SWEPT_AT_ONCE_MAX], |row| read(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?))?;
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

    fn remove_blob(&self, media: &MediaRef) -> io::Result<()> {
        // Somebody else removed it or its area, or put a directory there: either way it is no medium any more.
        let Ok(area) = self.area(&media.area) else { return Ok(()) };
        match area.remove_file(media.id.as_str()) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => Ok(()),
            done => done,
        }
    }

    fn sync_areas(&self) -> io::Result<()> {
        let dirs = self.areas()?.into_iter().filter_map(|area| self.area(&area).ok());
        dirs.into_iter().try_for_each(|dir| beneath::sync_dir(&dir))
    }
}

fn read(area: &str, id: &str) -> Result<MediaRef, StoreError> {
    let corrupt = || StoreError::Corrupt { what: format!("name of a medium: {area:?} {id:?}") };
    let area = Area::parse(area).map_err(|_| corrupt())?;
    Ok(MediaRef { area, id: MediaId::parse(id).map_err(|_| corrupt())? })
}
