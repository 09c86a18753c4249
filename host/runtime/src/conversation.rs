//! The channel's words for who and where, as they are kept in the store, and the session that they make.

use creel_engine::channel;
use creel_policy::ids::{ChannelId, session_key};
use serde::{Deserialize, Serialize};

/// Where a message came from and a reply goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conversation {
    id: String,
    is_group: bool,
    thread: Option<String>,
}

/// Who sent a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    id: String,
    aliases: Vec<String>,
    name: Option<String>,
}

/// An attachment that is still to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    token: String,
    name: Option<String>,
    content_type: Option<String>,
    size: Option<u64>,
}

impl Conversation {
    /// One session for each conversation of a channel, and for each thread of it.
    pub(crate) fn session(&self, channel: &ChannelId) -> String {
        session_key(channel, &self.id, self.thread.as_deref())
    }

    pub(crate) fn is_group(&self) -> bool {
        self.is_group
    }
}

impl Peer {
    /// What to call the sender towards a model.
    pub(crate) fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

impl From<channel::Conversation> for Conversation {
    fn from(wit: channel::Conversation) -> Self {
        let channel::Conversation { id, is_group, thread } = wit;
        Self { id, is_group, thread }
    }
}

impl From<Conversation> for channel::Conversation {
    fn from(kept: Conversation) -> Self {
        let Conversation { id, is_group, thread } = kept;
        Self { id, is_group, thread }
    }
}

impl From<channel::Peer> for Peer {
    fn from(wit: channel::Peer) -> Self {
        let channel::Peer { id, aliases, name } = wit;
        Self { id, aliases, name }
    }
}

impl From<channel::Attachment> for Waiting {
    fn from(wit: channel::Attachment) -> Self {
        let channel::Attachment { token, name, content_type, size } = wit;
        Self { token, name, content_type, size }
    }
}

impl From<Waiting> for channel::Attachment {
    fn from(kept: Waiting) -> Self {
        let Waiting { token, name, content_type, size } = kept;
        Self { token, name, content_type, size }
    }
}

/// Writes one of the above for the store.
pub(crate) fn write<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("strings, numbers and lists can always be written as JSON")
}
