//! Making a message durable, and finding it again. What follows on it is in `progress`.

use creel_policy::ids::ChannelId;
use creel_policy::limits::{ATTACHMENTS_MAX, INBOUND_TEXT_BYTES_MAX};
use rusqlite::{OptionalExtension as _, Row, Transaction};

use super::{
    Attachment, AttachmentState, InboundId, InboundRecord, InboundState, Inserted, NewInbound, TurnError, bounded,
    read_channel, read_media,
};
use crate::db::{Store, StoreError, limit, signed, unsigned};
use crate::limits::{CHANNEL_JSON_BYTES_MAX, KEY_BYTES_MAX};

impl Store {
    /// Makes a message durable, once for each channel and network identity.
    ///
    /// # Errors
    ///
    /// [`TurnError::TooLarge`], [`TurnError::TooManyAttachments`], [`TurnError::Store`].
    pub fn inbound_insert(&self, message: &NewInbound) -> Result<Inserted, TurnError> {
        check(message)?;
        self.write(|transaction| {
            let known = transaction
                .prepare_cached("SELECT id FROM inbound WHERE channel = ?1 AND message_id = ?2")?
                .query_row((message.channel.as_str(), &message.message_id), |row| row.get(0))
                .optional()?;
            if let Some(id) = known {
                return Ok(Inserted::Duplicate(InboundId(id)));
            }
            let mut insert = transaction.prepare_cached(
                "INSERT INTO inbound (channel, message_id, session, sender_json, conversation_json, text, reply_to,
                   sent_at_ms, received_ms, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'received')",
            )?;
            let id = insert.insert((
                message.channel.as_str(),
                &message.message_id,
                &message.session,
                &message.sender_json,
                &message.conversation_json,
                &message.text,
                &message.reply_to,
                signed(message.sent_at_ms)?,
                signed(message.received_ms)?,
            ))?;
            let mut insert =
                transaction.prepare_cached("INSERT INTO attachment (inbound, position, json) VALUES (?1, ?2, ?3)")?;
            for (position, json) in message.attachments.iter().enumerate() {
                insert.execute((id, limit(position), json))?;
            }
            Ok(Inserted::New(InboundId(id)))
        })
    }

    /// A message, however far it has come.
    ///
    /// # Errors
    ///
    /// [`TurnError::UnknownInbound`], [`TurnError::Store`].
    pub fn inbound(&self, id: InboundId) -> Result<InboundRecord, TurnError> {
        self.read(|transaction| find(transaction, id))
    }

    /// The oldest message of a session that is neither answered nor failed: the one whose turn it is.
    ///
    /// # Errors
    ///
    /// [`TurnError::Store`].
    pub fn inbound_next(&self, session: &str) -> Result<Option<InboundRecord>, TurnError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT id FROM inbound WHERE session = ?1 AND state IN ('received', 'ready') ORDER BY id LIMIT 1",
            )?;
            let id: Option<i64> = statement.query_row([session], |row| row.get(0)).optional()?;
            id.map(|id| find(transaction, InboundId(id))).transpose()
        })
    }

    /// The sessions that have a message that is neither answered nor failed, with their channel, in the order of their
    /// keys, those behind `after`; at most `count`. After a restart these are taken up again.
    ///
    /// # Errors
    ///
    /// [`TurnError::Store`].
    pub fn inbound_sessions(&self, after: &str, count: usize) -> Result<Vec<(String, ChannelId)>, TurnError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(WAITING)?;
            let rows = statement.query_and_then((after, limit(count)), |row| {
                Ok::<_, TurnError>((row.get(0)?, read_channel(&row.get::<_, String>(1)?)?))
            })?;
            rows.collect()
        })
    }
}

/// Goes from session to session in the index.
const WAITING: &str = "
  WITH RECURSIVE waiting (session) AS (
    SELECT min(session) FROM inbound INDEXED BY inbound_next WHERE state IN ('received', 'ready') AND session > ?1
    UNION ALL
    SELECT (SELECT min(i.session) FROM inbound i INDEXED BY inbound_next
            WHERE i.state IN ('received', 'ready') AND i.session > waiting.session)
    FROM waiting WHERE waiting.session IS NOT NULL
    LIMIT ?2
  )
  SELECT waiting.session, channel FROM waiting JOIN inbound ON inbound.id = (
    SELECT min(i.id) FROM inbound i INDEXED BY inbound_next
    WHERE i.state IN ('received', 'ready') AND i.session = waiting.session)
  ORDER BY waiting.session";

/// Reads a message with its attachments.
pub(super) fn find(transaction: &Transaction<'_>, id: InboundId) -> Result<InboundRecord, TurnError> {
    let mut statement = transaction.prepare_cached(
        "SELECT channel, message_id, session, sender_json, conversation_json, text, reply_to, sent_at_ms, received_ms,
           state, reason
         FROM inbound WHERE id = ?1",
    )?;
    let found = statement.query_row([id.0], |row| Ok(read_record(id, row))).optional()?;
    let mut record = found.ok_or(TurnError::UnknownInbound { id })??;
    let mut statement = transaction
        .prepare_cached("SELECT json, media, failure FROM attachment WHERE inbound = ?1 ORDER BY position")?;
    let attachments = statement.query_and_then([id.0], |row| {
        let state = match (row.get::<_, Option<String>>(1)?, row.get::<_, Option<String>>(2)?) {
            (Some(media), _) => AttachmentState::Stored(read_media(&media)?),
            (None, Some(failure)) => AttachmentState::Failed(failure),
            (None, None) => AttachmentState::Pending,
        };
        Ok::<_, StoreError>(Attachment { json: row.get(0)?, state })
    })?;
    record.attachments = attachments.collect::<Result<_, _>>()?;
    Ok(record)
}

fn read_record(id: InboundId, row: &Row<'_>) -> Result<InboundRecord, StoreError> {
    let message = NewInbound {
        channel: read_channel(&row.get::<_, String>(0)?)?,
        message_id: row.get(1)?,
        session: row.get(2)?,
        sender_json: row.get(3)?,
        conversation_json: row.get(4)?,
        text: row.get(5)?,
        attachments: Vec::new(),
        reply_to: row.get(6)?,
        sent_at_ms: unsigned(row.get(7)?)?,
        received_ms: unsigned(row.get(8)?)?,
    };
    let state = InboundState::read(&row.get::<_, String>(9)?)?;
    Ok(InboundRecord { id, state, reason: row.get(10)?, message, attachments: Vec::new() })
}

fn check(message: &NewInbound) -> Result<(), TurnError> {
    bounded("the text of the message", &message.text, INBOUND_TEXT_BYTES_MAX)?;
    bounded("the identity of the message", &message.message_id, KEY_BYTES_MAX)?;
    bounded("the session key", &message.session, KEY_BYTES_MAX)?;
    bounded("the sender", &message.sender_json, CHANNEL_JSON_BYTES_MAX)?;
    bounded("the conversation", &message.conversation_json, CHANNEL_JSON_BYTES_MAX)?;
    bounded("the answered message's identity", message.reply_to.as_deref().unwrap_or_default(), KEY_BYTES_MAX)?;
    if message.attachments.len() > ATTACHMENTS_MAX {
        return Err(TurnError::TooManyAttachments { attachments_max: ATTACHMENTS_MAX });
    }
    message.attachments.iter().try_for_each(|json| bounded("an attachment", json, CHANNEL_JSON_BYTES_MAX))
}
