//! A message that answers none, into a conversation: durable before whoever sends it is told that it will go. Who may send
//! where is said elsewhere, and how it gets to its network in `delivery`.

use std::convert::Infallible;

use creel_policy::ids::ChannelId;
use creel_policy::limits::{ATTACHMENTS_MAX, INBOUND_TEXT_BYTES_MAX};
use creel_policy::media::MediaRef;
use creel_store::outbox::{NewOutbound, OutboxId};
use creel_store::turn::TurnError;

use crate::conversation::{Conversation, write};
use crate::core::{Core, StoreFailed};

/// A message that is to go out.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Over which channel.
    pub channel: ChannelId,
    /// Where to, as the channel names it.
    pub conversation: String,
    /// The thread of the conversation.
    pub thread: Option<String>,
    /// Whether it is a group; `None`: as it was when somebody last wrote from there, else no group.
    pub is_group: Option<bool>,
    /// What it says.
    pub text: String,
    /// Media that go with it.
    pub media: Vec<MediaRef>,
    /// The network's identity of the message that it answers.
    pub reply_to: Option<String>,
}

/// A message that is durable now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its number in the outbox.
    pub id: OutboxId,
    /// The session that it belongs to.
    pub session: String,
}

/// A message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The channel does not run.
    #[error("no channel `{channel}` is running")]
    NoChannel {
        /// Which.
        channel: ChannelId,
    },
    /// It says nothing and has no media.
    #[error("the message is empty")]
    Empty,
    /// It says too much.
    #[error("a message has at most {INBOUND_TEXT_BYTES_MAX} bytes of text and {ATTACHMENTS_MAX} media")]
    TextTooLarge,
    /// Something else of it is too large.
    #[error(transparent)]
    Unfit(TurnError),
    /// The database failed.
    #[error("the message could not be put into the outbox")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreFailed> for SendError {
    fn from(StoreFailed(source): StoreFailed) -> Self {
        Self::Store(source)
    }
}

/// Puts a message into the outbox.
pub(crate) async fn send(core: &Core, outgoing: Outgoing) -> Result<Queued, SendError> {
    let Outgoing { channel, conversation, thread, is_group, text, media, reply_to } = outgoing;
    if !core.is_running(&channel) {
        return Err(SendError::NoChannel { channel });
    }
    if text.trim().is_empty() && media.is_empty() {
        return Err(SendError::Empty);
    }
    if text.len() > INBOUND_TEXT_BYTES_MAX || media.len() > ATTACHMENTS_MAX {
        return Err(SendError::TextTooLarge);
    }
    let asked = Conversation::of(conversation, thread, is_group.unwrap_or(false));
    let session = asked.session(&channel);
    let conversation = match is_group {
        Some(_) => asked,
        None => known(core, &session, asked).await?,
    };
    let conversation_json = write(&conversation);
    let message = NewOutbound { channel, session: session.clone(), conversation_json, text, media, reply_to };
    let now_ms = core.now_ms();
    match core.store(move |store| Ok::<_, Infallible>(store.outbox_put(&message, now_ms))).await? {
        Ok(id) => Ok(Queued { id, session }),
        Err(error @ TurnError::TooLarge { .. }) => Err(SendError::Unfit(error)),
        Err(error) => Err(SendError::Store(error.into())),
    }
}

/// The conversation as it was when somebody last wrote from there. Two conversations can make one session's name, and only
/// the one that was asked for will do.
async fn known(core: &Core, session: &str, asked: Conversation) -> Result<Conversation, StoreFailed> {
    let session = session.to_owned();
    let kept = core.store(move |store| store.conversation_of(&session)).await?;
    let kept = kept.and_then(|json| serde_json::from_str::<Conversation>(&json).ok());
    Ok(kept.filter(|kept| kept.is_same_place(&asked)).unwrap_or(asked))
}
