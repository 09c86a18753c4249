//! What was made of pictures so that receivers take them, so that each is made once. It belongs to the bytes and to what
//! was wished: the same picture under another name has it too.

use creel_policy::media::MediaRef;
use rusqlite::OptionalExtension as _;

use crate::db::{Store, StoreError};
use crate::media::{Medium, claim};

/// What became of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownFit {
    /// It is sent as it is.
    Unchanged,
    /// This one is sent instead.
    Made(MediaRef),
}

impl Store {
    /// What was made of a picture under those wishes.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn fit_get(&self, picture: &Medium, wishes: &str) -> Result<Option<KnownFit>, StoreError> {
        let found: Option<Option<String>> = self.read(|transaction| {
            let mut statement =
                transaction.prepare_cached("SELECT media FROM fitted WHERE sha256 = ?1 AND wishes = ?2")?;
            Ok::<_, StoreError>(statement.query_row((&picture.sha256, wishes), |row| row.get(0)).optional()?)
        })?;
        let Some(media) = found else { return Ok(None) };
        let Some(media) = media else { return Ok(Some(KnownFit::Unchanged)) };
        let media = MediaRef::parse(&media);
        let media = media.map_err(|_| StoreError::Corrupt { what: "name of a fitted picture".to_owned() })?;
        Ok(Some(KnownFit::Made(media)))
    }

    /// Keeps what was made of a picture under those wishes.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn fit_put(&self, picture: &Medium, wishes: &str, fit: &KnownFit) -> Result<(), StoreError> {
        self.write(|transaction| {
            let media = match fit {
                KnownFit::Unchanged => None,
                KnownFit::Made(media) => Some(media),
            };
            transaction
                .prepare_cached(
                    "INSERT INTO fitted (sha256, wishes, media) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET media = excluded.media",
                )?
                .execute((&picture.sha256, wishes, media.map(ToString::to_string)))?;
            claim(transaction, media.map_or(&[], std::slice::from_ref))
        })
    }
}

#[cfg(test)]
mod tests {
    use creel_policy::media::Area;

    use super::*;
    use crate::fixture::{Fixture, PNG};

    #[test]
    fn a_fit_belongs_to_the_bytes_and_to_the_wishes() {
        let fixture = Fixture::new();
        let store = &fixture.store;
        let put = |area| store.media_put(area, None, PNG, 1).unwrap();
        let (picture, same, made) = (put(Area::Inbound), put(Area::Outbound), put(Area::Outbound).media);
        assert_eq!(store.fit_get(&picture, "a").unwrap(), None);
        store.fit_put(&picture, "a", &KnownFit::Unchanged).unwrap();
        store.fit_put(&picture, "b", &KnownFit::Made(made.clone())).unwrap();
        let fixture = fixture.restart();
        assert_eq!(fixture.store.fit_get(&same, "a").unwrap(), Some(KnownFit::Unchanged));
        assert_eq!(fixture.store.fit_get(&same, "b").unwrap(), Some(KnownFit::Made(made.clone())));
        // It is counted on: the next daemon does not clear it away.
        fixture.store.clear_leftovers(&fixture.root.lock().unwrap()).unwrap();
        assert_eq!(fixture.store.medium(&made).unwrap().media, made);
        fixture.store.fit_put(&picture, "b", &KnownFit::Unchanged).unwrap();
        assert_eq!(fixture.store.fit_get(&picture, "b").unwrap(), Some(KnownFit::Unchanged));
    }
}
