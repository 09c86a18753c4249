//! What lies in the store, page by page, and how much of it in each area. Files are not looked at here.

use std::fmt;

use creel_policy::media::{Area, MediaRef};

use super::{Medium, row};
use crate::db::{Store, StoreError, limit, signed, unsigned};

/// Media in the order in which they were stored, and where the next page begins.
#[derive(Clone, Debug, Default)]
pub struct MediaPage {
    /// The media.
    pub media: Vec<Medium>,
    /// What to ask for the next page with; `None` behind the last.
    pub next: Option<MediaCursor>,
}

/// Where a page ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaCursor {
    created_ms: u64,
    media: MediaRef,
}

/// The text is no place where a page ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not where a page of media ends")]
pub struct BadCursor;

impl MediaCursor {
    /// Parses what [`fmt::Display`] wrote. One that somebody made up is a place like any other.
    ///
    /// # Errors
    ///
    /// [`BadCursor`].
    pub fn parse(text: &str) -> Result<Self, BadCursor> {
        let (created_ms, media) = text.split_once('@').ok_or(BadCursor)?;
        let created_ms = created_ms.parse().ok().filter(|ms| i64::try_from(*ms).is_ok()).ok_or(BadCursor)?;
        Ok(Self { created_ms, media: MediaRef::parse(media).map_err(|_| BadCursor)? })
    }

    /// What lies behind it is greater than this.
    pub(super) fn key(after: Option<&Self>) -> Result<(i64, String, String), StoreError> {
        Ok(match after {
            Some(Self { created_ms, media }) => {
                (signed(*created_ms)?, media.area.to_string(), media.id.as_str().to_owned())
            }
            None => (-1, String::new(), String::new()),
        })
    }

    /// Where a page of at most `count` ends, if more may follow.
    pub(super) fn behind(page: &[Medium], count: usize) -> Option<Self> {
        let last = page.last().filter(|_| page.len() == count);
        last.map(|medium| Self { created_ms: medium.created_ms, media: medium.media.clone() })
    }
}

impl fmt::Display for MediaCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.created_ms, self.media)
    }
}

/// How much an area holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AreaTotal {
    /// Its name.
    pub area: String,
    /// How many media.
    pub media: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that it may hold.
    pub quota_bytes: u64,
}

impl Store {
    /// The media of an area, or of all, that have not been cleaned away, oldest first; at most `count` of them.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn media_list(
        &self,
        area: Option<&Area>,
        after: Option<&MediaCursor>,
        count: usize,
    ) -> Result<MediaPage, StoreError> {
        let query = format!(
            "SELECT {} FROM media
             WHERE expired_ms IS NULL AND (?1 IS NULL OR area = ?1) AND (created_ms, area, id) > (?2, ?3, ?4)
             ORDER BY created_ms, area, id LIMIT ?5",
            row::COLUMNS
        );
        let (created_ms, after_area, id) = MediaCursor::key(after)?;
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(&query)?;
            let values = (area.map(Area::to_string), created_ms, after_area, id, limit(count));
            let rows = statement.query_and_then(values, row::read)?;
            let media = rows.map(|row| row.map(|row| row.medium)).collect::<Result<Vec<_>, _>>()?;
            Ok(MediaPage { next: MediaCursor::behind(&media, count), media })
        })
    }

    /// How much each area holds, and may hold.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn media_totals(&self) -> Result<Vec<AreaTotal>, StoreError> {
        let policy = self.media_policy();
        self.read(|transaction| {
            let mut statement =
                transaction.prepare_cached("SELECT area, media, bytes FROM media_total ORDER BY area")?;
            let rows = statement.query_and_then([], |row| {
                let name: String = row.get(0)?;
                let area = Area::parse(&name)
                    .map_err(|_| StoreError::Corrupt { what: format!("name of an area: {name:?}") })?;
                let (media, bytes) = (unsigned(row.get(1)?)?, unsigned(row.get(2)?)?);
                Ok::<_, StoreError>(AreaTotal { quota_bytes: policy.quota(&area), area: name, media, bytes })
            })?;
            rows.collect()
        })
    }
}
