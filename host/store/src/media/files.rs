//! Files as those who uploaded them list them: the media of one area in the order in which they were stored, page by page
//! in either direction. What a client's dialect calls all that is not known here.

use creel_policy::media::{Area, MediaId, MediaRef};
use rusqlite::{OptionalExtension as _, Transaction};

use super::{Medium, row};
use crate::db::{Store, StoreError, limit, signed};

/// Which files come first. Those of one moment follow each other by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOrder {
    /// The oldest.
    Oldest,
    /// The newest.
    Newest,
}

/// Where a page lies in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilePlace<'a> {
    /// It begins with the first file.
    First,
    /// It begins behind this one.
    Behind(&'a MediaRef),
    /// It ends before this one.
    Before(&'a MediaRef),
}

/// Those of one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurposeWanted<'a> {
    /// In the words of the uploader.
    pub purpose: &'a str,
    /// Whether those are meant too of which nobody said what they are for.
    pub or_none: bool,
}

/// Which files are wanted.
#[derive(Clone, Copy, Debug)]
pub struct FilesWanted<'a> {
    /// Those of one purpose alone.
    pub purpose: Option<PurposeWanted<'a>>,
    /// None but these.
    pub only: Option<&'a [MediaId]>,
    /// What comes first.
    pub order: FileOrder,
    /// Where the page lies.
    pub place: FilePlace<'a>,
    /// How many at most.
    pub count: usize,
}

/// Some files, in the order that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePage {
    /// The files.
    pub files: Vec<Medium>,
    /// Whether there are more, beyond the end that the page was asked to grow to.
    pub has_more: bool,
}

impl Store {
    /// A page of the files of an area, without those whose time is over. A page lies beside a file that is or was one of
    /// the area's: whoever removes files while it goes through them misses none. `None` where it is nobody's there.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn files(&self, area: &Area, wanted: &FilesWanted<'_>, now_ms: u64) -> Result<Option<FilePage>, StoreError> {
        self.read(|transaction| {
            let from = match wanted.place {
                FilePlace::First => None,
                FilePlace::Behind(media) | FilePlace::Before(media) => match created(transaction, area, media)? {
                    Some(created_ms) => Some((created_ms, media.id.as_str())),
                    None => return Ok(None),
                },
            };
            page(transaction, area, wanted, (from, now_ms)).map(Some)
        })
    }
}

/// When a file of the area was stored, be it there or gone.
fn created(transaction: &Transaction<'_>, area: &Area, media: &MediaRef) -> Result<Option<i64>, StoreError> {
    if media.area != *area {
        return Ok(None);
    }
    let mut statement = transaction.prepare_cached("SELECT created_ms FROM media WHERE area = ?1 AND id = ?2")?;
    Ok(statement.query_row((area.to_string(), media.id.as_str()), |row| row.get(0)).optional()?)
}

fn page(
    transaction: &Transaction<'_>,
    area: &Area,
    wanted: &FilesWanted<'_>,
    (from, now_ms): (Option<(i64, &str)>, u64),
) -> Result<FilePage, StoreError> {
    let is_backwards = matches!(wanted.place, FilePlace::Before(_));
    let (beyond, direction, outset) = match (wanted.order, is_backwards) {
        (FileOrder::Oldest, false) | (FileOrder::Newest, true) => (">", "ASC", (-1, "")),
        (FileOrder::Newest, false) | (FileOrder::Oldest, true) => ("<", "DESC", (i64::MAX, "")),
    };
    let query = format!(
        "SELECT {} FROM media
         WHERE area = :area AND expired_ms IS NULL AND (created_ms, id) {beyond} (:from_ms, :from_id)
           AND (ends_ms IS NULL OR ends_ms > :now)
           AND (:purpose IS NULL OR purpose = :purpose OR (purpose IS NULL AND :or_none))
           AND (:only IS NULL OR id IN (SELECT value FROM json_each(:only)))
         ORDER BY created_ms {direction}, id {direction} LIMIT :count",
        row::COLUMNS
    );
    let only = wanted.only.map(|ids| ids.iter().map(MediaId::as_str).collect::<Vec<_>>());
    let only = only.map(|ids| serde_json::to_string(&ids)).transpose();
    let only = only.map_err(|error| StoreError::Corrupt { what: format!("list of ids: {error}") })?;
    let (from_ms, from_id) = from.unwrap_or(outset);
    let mut statement = transaction.prepare_cached(&query)?;
    let values = rusqlite::named_params! {
        ":area": area.to_string(),
        ":from_ms": from_ms,
        ":from_id": from_id,
        ":now": signed(now_ms)?,
        ":purpose": wanted.purpose.map(|wanted| wanted.purpose),
        ":or_none": wanted.purpose.is_some_and(|wanted| wanted.or_none),
        ":only": only,
        // One more tells whether there are more.
        ":count": limit(wanted.count.saturating_add(1)),
    };
    let rows = statement.query_and_then(values, row::read)?;
    let mut files = rows.map(|row| row.map(|row| row.medium)).collect::<Result<Vec<_>, _>>()?;
    let has_more = files.len() > wanted.count;
    files.truncate(wanted.count);
    if is_backwards {
        files.reverse();
    }
    Ok(FilePage { files, has_more })
}
