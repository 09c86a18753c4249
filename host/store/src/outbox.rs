//! What is to be delivered. It is durable before it is tried and stays until it is settled; a try that ended without a
//! word is counted, so that a crash repeats at most one delivery. When to try again is not decided here.

use creel_policy::ids::ChannelId;
use creel_policy::media::MediaRef;
use rusqlite::Transaction;

use crate::db::{Store, StoreError, limit, signed, unsigned};
use crate::limits::{CHANNEL_JSON_BYTES_MAX, KEY_BYTES_MAX, REASON_BYTES_MAX, cut};
use crate::media::{Holder, refer};
use crate::session::{self, NewEntry, Role};
use crate::turn::{InboundId, TurnError, bounded, read_channel, read_media_list, write_media_list};

/// Numbers what is to be delivered, in the order in which it was put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct OutboxId(pub(crate) i64);

impl std::fmt::Display for OutboxId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A message that is to go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOutbound {
    /// Over which channel.
    pub channel: ChannelId,
    /// Of which session.
    pub session: String,
    /// Where it goes, as JSON.
    pub conversation_json: String,
    /// What it says.
    pub text: String,
    /// Media that go with it.
    pub media: Vec<MediaRef>,
    /// The network's identity of the message that it answers.
    pub reply_to: Option<String>,
}

/// A message that is not delivered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its number.
    pub id: OutboxId,
    /// The message.
    pub message: NewOutbound,
    /// The message that it answers, by our number.
    pub inbound: Option<InboundId>,
    /// Tries that were begun.
    pub attempts: u32,
    /// Tries that ended without a word, as in a crash: each may have delivered it.
    pub interrupted: u32,
    /// Not to be tried before.
    pub next_attempt_ms: u64,
    /// What the last try came to.
    pub last_error: Option<String>,
}

/// Goes from session to session in the index, so that it reads as many rows as there are sessions and no more.
const HEADS: &str = "
  WITH RECURSIVE waiting (session) AS (
    SELECT min(session) FROM outbox INDEXED BY outbox_next WHERE state IN ('pending', 'under-way')
    UNION ALL
    SELECT (SELECT min(o.session) FROM outbox o INDEXED BY outbox_next
            WHERE o.state IN ('pending', 'under-way') AND o.session > waiting.session)
    FROM waiting WHERE waiting.session IS NOT NULL
  )
  SELECT id, channel, outbox.session, conversation_json, text, media_json, reply_to, inbound, attempts,
    interrupted + (state = 'under-way'), next_attempt_ms, last_error
  FROM waiting JOIN outbox ON outbox.id = (
    SELECT min(o.id) FROM outbox o INDEXED BY outbox_next
    WHERE o.state IN ('pending', 'under-way') AND o.session = waiting.session)
  WHERE channel IN (SELECT value FROM json_each(?1))
  ORDER BY next_attempt_ms, id LIMIT ?2";

impl Store {
    /// Puts a message into the outbox that answers none, and at the end of its session's log: whoever is asked next in the
    /// session knows that it was sent.
    ///
    /// # Errors
    ///
    /// [`TurnError::TooLarge`], [`TurnError::Store`].
    pub fn outbox_put(&self, message: &NewOutbound, now_ms: u64) -> Result<OutboxId, TurnError> {
        self.write(|transaction| {
            let id = insert(transaction, message, None, now_ms)?;
            let (text, media) = (message.text.as_str(), message.media.as_slice());
            let session = message.session.as_str();
            let entry = NewEntry { session, role: Role::Assistant, text, media, reply: None, inbound: None };
            session::append(transaction, &entry, now_ms)?;
            Ok(id)
        })
    }

    /// The oldest message of each session that is not settled, those first that are due first; at most `count`, and only
    /// of these channels. However much waits in one session, it stands in nobody's way.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn outbox_heads(&self, channels: &[ChannelId], count: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let channels = serde_json::Value::from_iter(channels.iter().map(ChannelId::as_str)).to_string();
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(HEADS)?;
            statement.query_and_then((channels, limit(count)), read_row)?.collect()
        })
    }

    /// Notes that a try begins; to be called before the first byte leaves.
    ///
    /// # Errors
    ///
    /// [`TurnError::UnknownDelivery`] when it is settled.
    pub fn outbox_begin(&self, id: OutboxId) -> Result<(), TurnError> {
        self.settle(
            id,
            "UPDATE outbox
             SET interrupted = interrupted + (state = 'under-way'), state = 'under-way', attempts = attempts + 1
             WHERE id = ?1 AND state IN ('pending', 'under-way')",
            [&id.0],
        )
    }

    /// Notes that a try has failed, and when the next one may be.
    ///
    /// # Errors
    ///
    /// [`TurnError::UnknownDelivery`] when it is settled.
    pub fn outbox_attempt(&self, id: OutboxId, error: &str, next_attempt_ms: u64) -> Result<(), TurnError> {
        self.settle(
            id,
            "UPDATE outbox SET state = 'pending', last_error = ?2, next_attempt_ms = ?3
             WHERE id = ?1 AND state IN ('pending', 'under-way')",
            (id.0, cut(error, REASON_BYTES_MAX), signed(next_attempt_ms)?),
        )
    }

    /// Notes that it is delivered, and what the network calls it.
    ///
    /// # Errors
    ///
    /// [`TurnError::UnknownDelivery`] when it is settled.
    pub fn outbox_delivered(&self, id: OutboxId, network_id: &str, now_ms: u64) -> Result<(), TurnError> {
        self.settle(
            id,
            "UPDATE outbox SET state = 'delivered', network_id = ?2, settled_ms = ?3
             WHERE id = ?1 AND state IN ('pending', 'under-way')",
            (id.0, cut(network_id, KEY_BYTES_MAX), signed(now_ms)?),
        )
    }

    /// Notes that it will not be delivered, and why.
    ///
    /// # Errors
    ///
    /// [`TurnError::UnknownDelivery`] when it is settled.
    pub fn outbox_given_up(&self, id: OutboxId, reason: &str, now_ms: u64) -> Result<(), TurnError> {
        self.settle(
            id,
            "UPDATE outbox SET state = 'given-up', last_error = ?2, settled_ms = ?3
             WHERE id = ?1 AND state IN ('pending', 'under-way')",
            (id.0, cut(reason, REASON_BYTES_MAX), signed(now_ms)?),
        )
    }

    fn settle(&self, id: OutboxId, update: &str, values: impl rusqlite::Params) -> Result<(), TurnError> {
        self.write(|transaction| match transaction.prepare_cached(update)?.execute(values)? {
            0 => Err(TurnError::UnknownDelivery { id }),
            _ => Ok(()),
        })
    }
}

pub(crate) fn insert(
    transaction: &Transaction<'_>,
    message: &NewOutbound,
    inbound: Option<InboundId>,
    now_ms: u64,
) -> Result<OutboxId, TurnError> {
    bounded("the session key", &message.session, KEY_BYTES_MAX)?;
    bounded("the conversation", &message.conversation_json, CHANNEL_JSON_BYTES_MAX)?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO outbox (channel, session, conversation_json, text, media_json, reply_to, inbound, state,
           next_attempt_ms, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?8)",
    )?;
    let id = insert.insert((
        message.channel.as_str(),
        &message.session,
        &message.conversation_json,
        &message.text,
        write_media_list(&message.media)?,
        &message.reply_to,
        inbound.map(|id| id.0),
        signed(now_ms)?,
    ))?;
    refer(transaction, &message.media, Holder::Outbox(OutboxId(id)), &message.session)?;
    Ok(OutboxId(id))
}

fn read_row(row: &rusqlite::Row<'_>) -> Result<OutboxRow, StoreError> {
    let message = NewOutbound {
        channel: read_channel(&row.get::<_, String>(1)?)?,
        session: row.get(2)?,
        conversation_json: row.get(3)?,
        text: row.get(4)?,
        media: read_media_list(&row.get::<_, String>(5)?)?,
        reply_to: row.get(6)?,
    };
    Ok(OutboxRow {
        id: OutboxId(row.get(0)?),
        message,
        inbound: row.get::<_, Option<i64>>(7)?.map(InboundId),
        attempts: row.get(8)?,
        interrupted: row.get(9)?,
        next_attempt_ms: unsigned(row.get(10)?)?,
        last_error: row.get(11)?,
    })
}

#[cfg(test)]
mod tests;
