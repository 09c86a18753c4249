//! What the daemon's events look like on the wire, as far as this plugin reads them. Decides nothing; see `inbound`.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// One event: an envelope, and beside it what went wrong when it could not be decrypted.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    /// Our own number.
    pub(crate) account: Option<String>,
    pub(crate) envelope: Option<Envelope>,
    pub(crate) exception: Option<Exception>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Exception {
    pub(crate) message: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    /// What was there before the two that follow; a number or an account id.
    pub(crate) source: Option<String>,
    pub(crate) source_number: Option<String>,
    pub(crate) source_uuid: Option<String>,
    pub(crate) source_name: Option<String>,
    #[serde(default)]
    pub(crate) timestamp: u64,
    pub(crate) data_message: Option<DataMessage>,
    pub(crate) edit_message: Option<EditMessage>,
    pub(crate) story_message: Option<StoryMessage>,
    pub(crate) sync_message: Option<IgnoredAny>,
    pub(crate) call_message: Option<IgnoredAny>,
    pub(crate) receipt_message: Option<IgnoredAny>,
    pub(crate) typing_message: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataMessage {
    pub(crate) timestamp: Option<u64>,
    /// Null when only media came.
    pub(crate) message: Option<String>,
    pub(crate) is_expiration_update: Option<bool>,
    pub(crate) reaction: Option<IgnoredAny>,
    pub(crate) remote_delete: Option<IgnoredAny>,
    pub(crate) sticker: Option<IgnoredAny>,
    pub(crate) quote: Option<Quote>,
    pub(crate) mentions: Option<Vec<Mention>>,
    pub(crate) attachments: Option<Vec<WireAttachment>>,
    pub(crate) group_info: Option<GroupInfo>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditMessage {
    pub(crate) target_sent_timestamp: Option<u64>,
    pub(crate) data_message: Option<DataMessage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoryMessage {
    pub(crate) group_id: Option<String>,
    pub(crate) file_attachment: Option<WireAttachment>,
    pub(crate) text_attachment: Option<TextAttachment>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TextAttachment {
    pub(crate) text: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Quote {
    /// The timestamp of the quoted message.
    pub(crate) id: u64,
    /// A number or an account id, from older daemons.
    pub(crate) author: Option<String>,
    pub(crate) author_number: Option<String>,
    pub(crate) author_uuid: Option<String>,
}

/// Somebody named in the text, at a place counted in UTF-16 units.
#[derive(Debug, Deserialize)]
pub(crate) struct Mention {
    pub(crate) name: Option<String>,
    pub(crate) number: Option<String>,
    pub(crate) uuid: Option<String>,
    pub(crate) start: usize,
    pub(crate) length: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireAttachment {
    pub(crate) content_type: Option<String>,
    pub(crate) filename: Option<String>,
    /// Also the name of its file.
    pub(crate) id: Option<String>,
    pub(crate) size: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupInfo {
    pub(crate) group_id: Option<String>,
}
