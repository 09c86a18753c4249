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
