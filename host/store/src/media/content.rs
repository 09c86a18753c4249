//! The end of a medium that is named by its content: the same bytes are one medium, however often they come.

use super::new::{NewMedium, Written};
use super::{MediaError, Medium, row};
use creel_policy::media::{MediaRef, MediaRefusal, MediaRefusalCode};

impl NewMedium {
    /// As [`Self::finish`], under a name that its bytes give it. Where such a medium was there once it is there again.
    ///
    /// # Errors
    ///
    /// `invalid-path` where the bytes are not those of `sha256`: they changed between two readings.
    pub(super) fn finish_by_content(self, media: MediaRef, sha256: &str, now_ms: u64) -> Result<Medium, MediaError> {
        let Written { mut partial, medium, file_mark, quota } = self.written(media, now_ms)?;
        if medium.sha256 != sha256 {
            let rule = "the file changed while it was read";
            return Err(MediaRefusal::new(MediaRefusalCode::InvalidPath, rule).into());
        }
        let store = partial.store().clone();
        // Counted on from the start, since it can be named again at any time. The row comes first: a crash in between
        // leaves one without a file, which the next taking mends. Bytes of the same name are these very bytes, so that
        // two who take it at once do not disturb each other.
        store.write(|transaction| {
            if !row::insert(transaction, &medium, &file_mark, quota, true)? {
                row::revive(transaction, &medium, &file_mark)?;
            }
            Ok::<_, MediaError>(())
        })?;
        partial.publish(&medium.media).map_err(MediaError::io("finish a medium"))?;
        Ok(medium)
    }
}
