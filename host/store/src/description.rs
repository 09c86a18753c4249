//! What models said about pictures, so that each is described once. A description belongs to the bytes: the same
//! picture under another name has it too.

use creel_policy::ids::ModelRef;
use rusqlite::OptionalExtension as _;

use crate::db::{Store, StoreError, signed};
use crate::media::Medium;

impl Store {
    /// What `model` said about a medium when it was asked with the prompt of that hash.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn description_get(
        &self,
        medium: &Medium,
        model: &ModelRef,
        prompt_hash: &str,
    ) -> Result<Option<String>, StoreError> {
        self.read(|transaction| {
            let mut statement = transaction
                .prepare_cached("SELECT text FROM description WHERE sha256 = ?1 AND model = ?2 AND prompt_hash = ?3")?;
            let key = (&medium.sha256, model.to_string(), prompt_hash);
            Ok(statement.query_row(key, |row| row.get(0)).optional()?)
        })
    }

    /// Keeps what `model` said about a medium: the hash of the prompt, and the answer.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn description_put(
        &self,
        medium: &Medium,
        model: &ModelRef,
        (prompt_hash, text): (&str, &str),
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO description (sha256, model, prompt_hash, text, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET text = excluded.text, at_ms = excluded.at_ms",
                )?
                .execute((&medium.sha256, model.to_string(), prompt_hash, text, signed(now_ms)?))?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use creel_policy::media::Area;

    use super::*;
    use crate::fixture::{Fixture, PNG};

    #[test]
    fn a_description_belongs_to_the_bytes_the_model_and_the_prompt() {
        let fixture = Fixture::new();
        let store = &fixture.store;
        let put = |bytes: &[u8]| store.media_put(Area::Inbound, None, bytes, 1).unwrap();
        let (first, again, other) = (put(PNG), put(PNG), put(b"other"));
        let model = |text: &str| ModelRef::parse(text).unwrap();
        let (sees, blind) = (model("anthropic/claude-haiku-4-5"), model("ollama/glm-5:cloud"));
        store.description_put(&first, &sees, ("p1", "a cat"), 2).unwrap();
        store.description_put(&first, &sees, ("p1", "a grey cat"), 3).unwrap();
        let get = |medium, model, prompt| store.description_get(medium, model, prompt).unwrap();
        assert_eq!(get(&again, &sees, "p1").as_deref(), Some("a grey cat"));
        assert_eq!(get(&other, &sees, "p1"), None);
        assert_eq!(get(&first, &blind, "p1"), None);
        assert_eq!(get(&first, &sees, "p2"), None);
    }
}
