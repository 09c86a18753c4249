//! Takes one medium away because the operator says so. What goes by its age is in `sweep`.

use creel_policy::media::MediaRef;

use super::reference::{MediaHolder, holders};
use super::{MediaError, row};
use crate::db::Store;

/// What became of a medium that was to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone; its name stays known, as expired.
    Removed,
    /// There was none.
    NotThere,
    /// Something live refers to it: these.
    Held(Vec<MediaHolder>),
}

impl Store {
    /// Removes a medium. One that something live refers to stays, unless `force` says that it shall go all the same.
    ///
    /// # Errors
    ///
    /// [`MediaError::Store`], [`MediaError::Io`].
    pub fn media_remove(&self, media: &MediaRef, force: bool, now_ms: u64) -> Result<Removal, MediaError> {
        let idle_before_ms = self.idle_before_ms(now_ms);
        self.write(|transaction| {
            if row::find_in(transaction, media)?.is_none_or(|row| row.expired) {
                return Ok(Removal::NotThere);
            }
            let mut held = holders(transaction, media, idle_before_ms)?;
            held.retain(|holder| holder.live);
            if !held.is_empty() && !force {
                return Ok(Removal::Held(held));
            }
            let failed = MediaError::io("remove a medium");
            self.remove_blob(media).map_err(&failed)?;
            self.sync_areas().map_err(&failed)?;
            row::expire(transaction, media, now_ms)?;
            Ok(Removal::Removed)
        })
    }
}
