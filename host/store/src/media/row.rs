//! The rows that say what is known of each medium. Files are not looked at here.

use creel_policy::media::{Area, MediaId, MediaRef};
use rusqlite::{OptionalExtension as _, Row, Transaction};

use super::{MediaError, Medium};
use crate::db::{Store, StoreError, signed, unsigned};

/// A medium, and whether its file has been cleaned away.
pub(super) struct MediumRow {
    pub(super) medium: Medium,
    pub(super) expired: bool,
    pub(super) claimed: bool,
    /// The mark of the file that was last seen to hold its bytes.
    pub(super) file_mark: Option<String>,
}

/// What [`read`] reads, in its order.
pub(super) const COLUMNS: &str = "area, id, content_type, declared_type, size, sha256, name, width, height, created_ms, \
                                  expired_ms IS NOT NULL, claimed, file_mark, purpose, ends_ms";

pub(super) fn find(store: &Store, media: &MediaRef) -> Result<Option<MediumRow>, StoreError> {
    store.read(|transaction| find_in(transaction, media))
}

pub(super) fn find_in(transaction: &Transaction<'_>, media: &MediaRef) -> Result<Option<MediumRow>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM media WHERE area = ?1 AND id = ?2");
    let mut statement = transaction.prepare_cached(&query)?;
    let found = statement.query_row((media.area.to_string(), media.id.as_str()), |row| Ok(read(row))).optional()?;
    found.transpose()
}

/// Whether a row has that name, whatever it says. The name may be one that no medium can have.
pub(super) fn is_known(transaction: &Transaction<'_>, (area, id): (&str, &str)) -> Result<bool, StoreError> {
    let mut statement = transaction.prepare_cached("SELECT 1 FROM media WHERE area = ?1 AND id = ?2")?;
    Ok(statement.query_row((area, id), |_| Ok(())).optional()?.is_some())
}

/// Reads a row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<MediumRow, StoreError> {
    let medium = Medium {
        media: read_name(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?)?,
        content_type: row.get(2)?,
        declared_type: row.get(3)?,
        size: unsigned(row.get(4)?)?,
        sha256: row.get(5)?,
        name: row.get(6)?,
        width: row.get(7)?,
        height: row.get(8)?,
        created_ms: unsigned(row.get(9)?)?,
        purpose: row.get(13)?,
        ends_ms: row.get::<_, Option<i64>>(14)?.map(unsigned).transpose()?,
    };
    Ok(MediumRow { medium, expired: row.get(10)?, claimed: row.get(11)?, file_mark: row.get(12)? })
}

/// Reads the name of a medium as it stands in two columns.
pub(super) fn read_name(area: &str, id: &str) -> Result<MediaRef, StoreError> {
    let corrupt = || StoreError::Corrupt { what: format!("name of a medium: {area:?} {id:?}") };
    let area = Area::parse(area).map_err(|_| corrupt())?;
    Ok(MediaRef { area, id: MediaId::parse(id).map_err(|_| corrupt())? })
}

/// Adds a row, unless the area would pass its quota; `false` when there is one of that name already. Until it is claimed
/// the medium is one that nobody counts on.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    medium: &Medium,
    file_mark: &str,
    quota: u64,
    claimed: bool,
) -> Result<bool, MediaError> {
    let area = medium.media.area.to_string();
    if stored_bytes(transaction, &area)?.saturating_add(medium.size) > quota {
        return Err(MediaError::Full { area: medium.media.area.clone(), bytes_max: quota });
    }
    let mut statement = transaction
        .prepare_cached(
            "INSERT INTO media (area, id, content_type, declared_type, size, sha256, name, width, height, created_ms,
               claimed, file_mark, purpose, ends_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING",
        )
        .map_err(StoreError::from)?;
    let values = (
        area,
        medium.media.id.as_str(),
        &medium.content_type,
        &medium.declared_type,
        signed(medium.size)?,
        &medium.sha256,
        &medium.name,
        medium.width,
        medium.height,
        signed(medium.created_ms)?,
        claimed,
        file_mark,
        &medium.purpose,
        medium.ends_ms.map(signed).transpose()?,
    );
    Ok(statement.execute(values).map_err(StoreError::from)? == 1)
}

/// Lets a medium of that name be there again: its bytes are these, whether it was cleaned away or its file was.
pub(super) fn revive(transaction: &Transaction<'_>, medium: &Medium, file_mark: &str) -> Result<(), MediaError> {
    let mut statement = transaction
        .prepare_cached(
            "UPDATE media SET expired_ms = NULL, content_type = ?3, size = ?4, sha256 = ?5, created_ms = ?6,
               file_mark = ?7, claimed = 1
             WHERE area = ?1 AND id = ?2 AND (expired_ms IS NOT NULL OR sha256 <> ?5 OR size <> ?4)",
        )
        .map_err(StoreError::from)?;
    let values = (
        medium.media.area.to_string(),
        medium.media.id.as_str(),
        &medium.content_type,
        signed(medium.size)?,
        &medium.sha256,
        signed(medium.created_ms)?,
        file_mark,
    );
    statement.execute(values).map_err(StoreError::from)?;
    Ok(())
}

/// Notes that the file of a medium is gone. Its name stays known.
pub(super) fn expire(transaction: &Transaction<'_>, media: &MediaRef, now_ms: u64) -> Result<(), StoreError> {
    let mut expire = transaction
        .prepare_cached("UPDATE media SET expired_ms = ?3 WHERE area = ?1 AND id = ?2 AND expired_ms IS NULL")?;
    expire.execute((media.area.to_string(), media.id.as_str(), signed(now_ms)?))?;
    Ok(())
}

/// Notes which file was seen to hold the bytes of a medium.
pub(super) fn mark(store: &Store, media: &MediaRef, file_mark: &str) -> Result<(), StoreError> {
    store.write(|transaction| {
        let mut mark = transaction.prepare_cached("UPDATE media SET file_mark = ?3 WHERE area = ?1 AND id = ?2")?;
        mark.execute((media.area.to_string(), media.id.as_str(), file_mark))?;
        Ok(())
    })
}

/// Takes a row back whose file did not come to be.
pub(super) fn remove(store: &Store, media: &MediaRef) -> Result<(), StoreError> {
    store.write(|transaction| {
        let key = (media.area.to_string(), media.id.as_str());
        transaction.execute("DELETE FROM media WHERE area = ?1 AND id = ?2", key)?;
        Ok(())
    })
}

/// Bytes of all media of an area.
pub(super) fn stored_bytes(transaction: &Transaction<'_>, area: &str) -> Result<u64, StoreError> {
    let mut total = transaction.prepare_cached("SELECT bytes FROM media_total WHERE area = ?1")?;
    let bytes: Option<i64> = total.query_row([area], |row| row.get(0)).optional()?;
    // A total that has gone astray keeps nobody from storing: `creel media verify` finds it.
    Ok(u64::try_from(bytes.unwrap_or(0)).unwrap_or(0))
}
