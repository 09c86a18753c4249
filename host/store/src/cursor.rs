//! Where each channel was in its network's stream of messages. What is in a cursor only the channel's plugin knows.

use creel_policy::ids::ChannelId;
use creel_policy::limits::CURSOR_BYTES_MAX;
use rusqlite::OptionalExtension as _;

use crate::db::{Store, StoreError, signed};
use crate::turn::TurnError;

impl Store {
    /// The cursor that a channel has left.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn cursor_get(&self, channel: &ChannelId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached("SELECT value FROM cursor WHERE channel = ?1")?;
            Ok(statement.query_row([channel.as_str()], |row| row.get(0)).optional()?)
        })
    }

    /// Leaves a cursor. To be called once every message before it is durable.
    ///
    /// # Errors
    ///
    /// [`TurnError::TooLarge`], [`TurnError::Store`].
    pub fn cursor_put(&self, channel: &ChannelId, value: &[u8], now_ms: u64) -> Result<(), TurnError> {
        if value.len() > CURSOR_BYTES_MAX {
            return Err(TurnError::TooLarge { what: "the cursor", bytes_max: CURSOR_BYTES_MAX });
        }
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO cursor (channel, value, at_ms) VALUES (?1, ?2, ?3)
                     ON CONFLICT (channel) DO UPDATE SET value = excluded.value, at_ms = excluded.at_ms",
                )?
                .execute((channel.as_str(), value, signed(now_ms)?))?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, channel};

    #[test]
    fn the_last_cursor_of_each_channel_outlives_a_crash() {
        let fixture = Fixture::new();
        let other = ChannelId::parse("telegram").unwrap();
        assert_eq!(fixture.store.cursor_get(&channel()).unwrap(), None);
        fixture.store.cursor_put(&channel(), b"one", 1).unwrap();
        fixture.store.cursor_put(&other, b"", 1).unwrap();
        fixture.store.cursor_put(&channel(), b"\0two", 2).unwrap();
        let fixture = fixture.crash(0);
        assert_eq!(fixture.store.cursor_get(&channel()).unwrap().as_deref(), Some(b"\0two".as_slice()));
        assert_eq!(fixture.store.cursor_get(&other).unwrap().as_deref(), Some(b"".as_slice()));
    }

    #[test]
    fn a_cursor_is_bounded() {
        let fixture = Fixture::new();
        fixture.store.cursor_put(&channel(), &[0; CURSOR_BYTES_MAX], 1).unwrap();
        let refused = fixture.store.cursor_put(&channel(), &[0; CURSOR_BYTES_MAX + 1], 1).unwrap_err();
        assert_eq!(refused.to_string(), "the cursor has more than 65536 bytes");
    }
}
