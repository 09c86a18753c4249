//! The rows that say what is known of each medium. Files are not looked at here.

use creel_policy::media::MediaRef;
use rusqlite::{OptionalExtension as _, Row, Transaction};

use super::{MediaError, Medium};
use crate::db::{Store, StoreError, signed, unsigned};
use crate::limits::MEDIA_STORE_BYTES_MAX;

/// A medium, and whether its file has been cleaned away.
pub(super) struct MediumRow {
    pub(super) medium: Medium,
    pub(super) expired: bool,
}

pub(super) fn find(store: &Store, media: &MediaRef) -> Result<Option<MediumRow>, StoreError> {
    store.read(|transaction| {
        let mut statement = transaction.prepare_cached(
            "SELECT content_type, size, sha256, name, width, height, created_ms, expired_ms IS NOT NULL
             FROM media WHERE area = ?1 AND id = ?2",
        )?;
        let columns = |row: &Row<'_>| {
            let medium = Medium {
                media: media.clone(),
                content_type: row.get(0)?,
                size: 0,
                sha256: row.get(2)?,
                name: row.get(3)?,
                width: row.get(4)?,
                height: row.get(5)?,
                created_ms: 0,
            };
            Ok((medium, row.get::<_, i64>(1)?, row.get::<_, i64>(6)?, row.get::<_, bool>(7)?))
        };
        let found = statement.query_row((media.area.to_string(), media.id.as_str()), columns).optional()?;
        let Some((medium, size, created_ms, expired)) = found else { return Ok(None) };
        let medium = Medium { size: unsigned(size)?, created_ms: unsigned(created_ms)?, ..medium };
        Ok(Some(MediumRow { medium, expired }))
    })
}

/// Adds a row, unless all media together would pass their bound; `false` when there is one of that name already. Until
/// it is claimed the medium is one that nobody counts on.
pub(super) fn insert(transaction: &Transaction<'_>, medium: &Medium, claimed: bool) -> Result<bool, MediaError> {
    let stored: i64 = stored_bytes(transaction)?;
    if unsigned(stored)?.saturating_add(medium.size) > MEDIA_STORE_BYTES_MAX {
        return Err(MediaError::Full { bytes_max: MEDIA_STORE_BYTES_MAX });
    }
    let mut statement = transaction
        .prepare_cached(
            "INSERT INTO media (area, id, content_type, size, sha256, name, width, height, created_ms, claimed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
        )
        .map_err(StoreError::from)?;
    let values = (
        medium.media.area.to_string(),
        medium.media.id.as_str(),
        &medium.content_type,
        signed(medium.size)?,
        &medium.sha256,
        &medium.name,
        medium.width,
        medium.height,
        signed(medium.created_ms)?,
        claimed,
    );
    Ok(statement.execute(values).map_err(StoreError::from)? == 1)
}

/// Lets a medium of that name be there again: its bytes are these, whether it was cleaned away or its file was.
pub(super) fn revive(transaction: &Transaction<'_>, medium: &Medium) -> Result<(), MediaError> {
    let mut statement = transaction
        .prepare_cached(
            "UPDATE media SET expired_ms = NULL, content_type = ?3, size = ?4, sha256 = ?5, created_ms = ?6
             WHERE area = ?1 AND id = ?2 AND (expired_ms IS NOT NULL OR sha256 <> ?5 OR size <> ?4)",
        )
        .map_err(StoreError::from)?;
    let (area, id) = (medium.media.area.to_string(), medium.media.id.as_str());
    let values = (area, id, &medium.content_type, signed(medium.size)?, &medium.sha256, signed(medium.created_ms)?);
    statement.execute(values).map_err(StoreError::from)?;
    Ok(())
}

/// Notes, in the transaction that names these media, that they are counted on from now on.
pub(crate) fn claim(transaction: &Transaction<'_>, media: &[MediaRef]) -> Result<(), StoreError> {
    let mut statement =
        transaction.prepare_cached("UPDATE media SET claimed = 1 WHERE area = ?1 AND id = ?2 AND claimed = 0")?;
    for media in media {
        statement.execute((media.area.to_string(), media.id.as_str()))?;
    }
    Ok(())
}

/// Takes a row back whose file did not come to be.
pub(super) fn remove(store: &Store, media: &MediaRef) -> Result<(), StoreError> {
    store.write(|transaction| {
        let key = (media.area.to_string(), media.id.as_str());
        transaction.execute("DELETE FROM media WHERE area = ?1 AND id = ?2", key)?;
        Ok(())
    })
}

fn stored_bytes(transaction: &Transaction<'_>) -> Result<i64, StoreError> {
    let mut sum = transaction.prepare_cached("SELECT coalesce(sum(size), 0) FROM media WHERE expired_ms IS NULL")?;
    Ok(sum.query_row([], |row| row.get(0))?)
}
