//! The durable turn: a message that came in, from `received` over `ready` to `answered` or `failed`. Each step is one
//! transaction, so that a crash between two of them loses nothing, and each may be done again without harm. What is
//! said in a session is in `session`, what goes out in `outbox`.

use creel_policy::ids::ChannelId;
use creel_policy::media::{MediaRef, MediaRefusal};

use crate::db::StoreError;

mod progress;
mod received;

/// Numbers the messages that came in, in the order of their arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct InboundId(pub(crate) i64);

impl std::fmt::Display for InboundId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InboundState {
    /// It is durable; its attachments are not all collected.
    Received,
    /// Its media are in the store and its text in the session log: the model can be asked.
    Ready,
    /// The reply is durable, in the session log and in the outbox.
    Answered,
    /// Given up, with the reason kept; an apology may have gone to the outbox.
    Failed,
}

impl InboundState {
    const ALL: [Self; 4] = [Self::Received, Self::Ready, Self::Answered, Self::Failed];

    /// The state as it is stored and printed: `received`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Ready => "ready",
            Self::Answered => "answered",
            Self::Failed => "failed",
        }
    }

    fn read(text: &str) -> Result<Self, StoreError> {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == text);
        state.ok_or_else(|| StoreError::Corrupt { what: format!("state of a message: {text:?}") })
    }
}

impl std::fmt::Display for InboundState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message that was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInbound {
    /// The channel it came over.
    pub channel: ChannelId,
    /// The network's identity of it; a second one with the same is a double.
    pub message_id: String,
    /// The session it belongs to.
    pub session: String,
    /// Who sent it, as JSON.
    pub sender_json: String,
    /// Where the reply goes, as JSON.
    pub conversation_json: String,
    /// What it says.
    pub text: String,
    /// What came with it and is still to be collected: the channel's own words for each, as JSON.
    pub attachments: Vec<String>,
    /// The network's identity of the message that it answers.
    pub reply_to: Option<String>,
    /// When it was sent, as the network says.
    pub sent_at_ms: u64,
    /// When it came in.
    pub received_ms: u64,
}

/// Whether a message is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is durable now.
    New(InboundId),
    /// It was so before.
    Duplicate(InboundId),
}

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundRecord {
    /// Its number.
    pub id: InboundId,
    /// How far it has come.
    pub state: InboundState,
    /// Why it failed.
    pub reason: Option<String>,
    /// The message, without its attachments.
    pub message: NewInbound,
    /// Its attachments, in order.
    pub attachments: Vec<Attachment>,
}

/// An attachment of a stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The channel's own words for it, as JSON.
    pub json: String,
    /// What came of collecting it.
    pub state: AttachmentState,
}

/// What came of collecting an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachmentState {
    /// Nothing yet.
    Pending,
    /// It is a medium.
    Stored(MediaRef),
    /// It was given up, with the reason.
    Failed(String),
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What it said.
    pub text: String,
    /// Media that it made.
    pub media: Vec<MediaRef>,
    /// Which model it was, as `provider/model`.
    pub model: String,
    /// How route and credential came about, as JSON.
    pub derivation_json: String,
    /// Tokens used, as JSON.
    pub usage_json: Option<String>,
}

/// Why a step of a turn was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// No message has that number.
    #[error("no message has the number {id}")]
    UnknownInbound {
        /// The number.
        id: InboundId,
    },
    /// The message has come too far for that, or not far enough.
    #[error("message {id} is `{state}`, which does not go on to `{wanted}`")]
    WrongState {
        /// The message.
        id: InboundId,
        /// Its state.
        state: InboundState,
        /// The state that was to follow.
        wanted: InboundState,
    },
    /// The message has fewer attachments.
    #[error("message {id} has no attachment {position}")]
    UnknownAttachment {
        /// The message.
        id: InboundId,
        /// Counted from 0.
        position: usize,
    },
    /// Attachments are neither stored nor given up.
    #[error("message {id} has {pending} attachments that are still to be collected")]
    AttachmentsPending {
        /// The message.
        id: InboundId,
        /// How many.
        pending: usize,
    },
    /// A field has more bytes than it may have.
    #[error("{what} has more than {bytes_max} bytes")]
    TooLarge {
        /// Which.
        what: &'static str,
        /// The bound.
        bytes_max: usize,
    },
    /// More attachments than a message may have.
    #[error("a message has at most {attachments_max} attachments")]
    TooManyAttachments {
        /// The bound.
        attachments_max: usize,
    },
    /// No delivery has that number, or it is settled.
    #[error("no delivery under number {id} is outstanding")]
    UnknownDelivery {
        /// The number.
        id: crate::outbox::OutboxId,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for TurnError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Reads a handle that a row holds.
pub(crate) fn read_media(text: &str) -> Result<MediaRef, StoreError> {
    let corrupt = |_: MediaRefusal| StoreError::Corrupt { what: format!("name of a medium: {text:?}") };
    MediaRef::parse(text).map_err(corrupt)
}

/// Reads the handles that a row holds as a JSON list.
pub(crate) fn read_media_list(json: &str) -> Result<Vec<MediaRef>, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Corrupt { what: format!("list of media: {json:?}") })
}

/// Writes handles as a JSON list.
pub(crate) fn write_media_list(media: &[MediaRef]) -> Result<String, StoreError> {
    serde_json::to_string(media).map_err(|_| StoreError::Corrupt { what: "list of media".to_owned() })
}

/// Reads a channel id that a row holds.
pub(crate) fn read_channel(text: &str) -> Result<ChannelId, StoreError> {
    ChannelId::parse(text).map_err(|_| StoreError::Corrupt { what: format!("channel id: {text:?}") })
}

/// Says which field is too large.
pub(crate) fn bounded(what: &'static str, text: &str, bytes_max: usize) -> Result<(), TurnError> {
    if text.len() > bytes_max { Err(TurnError::TooLarge { what, bytes_max }) } else { Ok(()) }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
