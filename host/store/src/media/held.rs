//! Which session holds a medium.

use creel_policy::media::MediaRef;

use crate::db::{Store, StoreError};

impl Store {
    /// Whether a session's log, one of its messages or one of its deliveries names a medium.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn media_held_by(&self, media: &MediaRef, session: &str) -> Result<bool, StoreError> {
        self.read(|transaction| {
            let mut held = transaction.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM entry e, json_each(e.media_json) m WHERE e.session = ?2 AND m.value = ?1)",
            )?;
            Ok(held.query_row((media.to_string(), session), |row| row.get(0))?)
        })
    }
}
