//! A message that comes in: what a test says about it, the files it leaves in the daemon's directory, its envelope.

use std::io;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::Signal;
use crate::exchange::lock;
use crate::pictures::{describe, sha256_hex};

/// A message somebody sends to the account.
#[derive(Clone, Debug)]
pub struct Message {
    /// None where the sender hides it.
    pub source_number: Option<String>,
    /// The account id of the sender.
    pub source_uuid: String,
    /// The profile name of the sender.
    pub name: String,
    /// None when there are only attachments.
    pub text: Option<String>,
    /// In order.
    pub attachments: Vec<Attachment>,
    /// The id of the group it was sent to.
    pub group: Option<String>,
    /// The message it answers.
    pub quote: Option<Quote>,
    /// The time of the message; otherwise the daemon's clock says it.
    pub timestamp_ms: Option<u64>,
    /// The message that it edits, by its time.
    pub edits: Option<u64>,
}

/// A quoted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The time of the quoted message, which is its name.
    pub timestamp_ms: u64,
    /// The author's number or account id.
    pub author: String,
    /// The text as the quoting side repeats it.
    pub text: String,
}

/// A file that comes with a message.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// What the sender claims.
    pub content_type: String,
    /// What the sender calls it.
    pub filename: Option<String>,
    /// The file.
    pub bytes: Vec<u8>,
    /// The id instead of one that the daemon would make; one that is no plain file name is announced and not written.
    pub id: Option<String>,
    /// Whether the daemon announces it and has no such file.
    pub is_missing: bool,
}

/// What came of a message that came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// The time of the message, which is its name.
    pub timestamp_ms: u64,
    /// The ids of the attachments, which are their file names in the daemon's directory.
    pub attachment_ids: Vec<String>,
    /// The envelope.
    pub envelope: Value,
}

impl Message {
    /// A message from somebody with a number.
    #[must_use]
    pub fn from_number(number: &str, uuid: &str, name: &str) -> Self {
        Self { source_number: Some(number.to_owned()), ..Self::from_hidden_number(uuid, name) }
    }

    /// A message from somebody who hides the number.
    #[must_use]
    pub fn from_hidden_number(uuid: &str, name: &str) -> Self {
        Self {
            source_number: None,
            source_uuid: uuid.to_owned(),
            name: name.to_owned(),
            text: None,
            attachments: Vec::new(),
            group: None,
            quote: None,
            timestamp_ms: None,
            edits: None,
        }
    }

    /// Says a text.
    #[must_use]
    pub fn saying(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    /// Brings a file.
    #[must_use]
    pub fn with(mut self, attachment: Attachment) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// Goes to a group.
    #[must_use]
    pub fn in_group(mut self, id: &str) -> Self {
        self.group = Some(id.to_owned());
        self
    }

    /// Answers another message.
    #[must_use]
    pub fn quoting(mut self, quote: Quote) -> Self {
        self.quote = Some(quote);
        self
    }

    /// Replaces an earlier message.
    #[must_use]
    pub fn editing(mut self, timestamp_ms: u64) -> Self {
        self.edits = Some(timestamp_ms);
        self
    }
}

impl Attachment {
    /// A file with a claimed type.
    #[must_use]
    pub fn new(content_type: &str, bytes: Vec<u8>) -> Self {
        Self { content_type: content_type.to_owned(), filename: None, bytes, id: None, is_missing: false }
    }

    /// A JPEG.
    #[must_use]
    pub fn jpeg(bytes: Vec<u8>) -> Self {
        Self::new("image/jpeg", bytes)
    }

    /// A PNG.
    #[must_use]
    pub fn png(bytes: Vec<u8>) -> Self {
        Self::new("image/png", bytes)
    }

    /// Has a name.
    #[must_use]
    pub fn named(mut self, filename: &str) -> Self {
        self.filename = Some(filename.to_owned());
        self
    }

    /// Is announced under this id.
    #[must_use]
    pub fn announced_as(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// Is announced, and is not there.
    #[must_use]
    pub fn missing(mut self) -> Self {
        self.is_missing = true;
        self
    }
}

/// Writes the attachments and makes the envelope.
pub(super) fn arrive(signal: &Signal, message: &Message) -> io::Result<(Value, Received)> {
    let timestamp_ms = message.timestamp_ms.unwrap_or_else(|| signal.now_ms());
    let mut attachment_ids = Vec::new();
    let mut attachments = Vec::new();
    for attachment in &message.attachments {
        let id = keep(signal, attachment)?;
        attachments.push(attachment_json(attachment, &id, timestamp_ms));
        attachment_ids.push(id);
    }
    {
        let mut contacts = lock(&signal.contacts);
        contacts.retain(|(_, uuid)| *uuid != message.source_uuid);
        contacts.push((message.source_number.clone(), message.source_uuid.clone()));
    }
    let data = data_json(signal, message, timestamp_ms, attachments);
    let mut envelope = json!({
        "source": message.source_number.as_ref().unwrap_or(&message.source_uuid),
        "sourceNumber": message.source_number,
        "sourceUuid": message.source_uuid,
        "sourceName": message.name,
        "sourceDevice": 1,
        "timestamp": timestamp_ms,
        "serverReceivedTimestamp": timestamp_ms + 12,
        "serverDeliveredTimestamp": timestamp_ms + 34,
    });
    match message.edits {
        None => envelope["dataMessage"] = data,
        Some(target) => envelope["editMessage"] = json!({"targetSentTimestamp": target, "dataMessage": data}),
    }
    Ok((envelope.clone(), Received { timestamp_ms, attachment_ids, envelope }))
}

/// Whether an id is one that the daemon makes: it puts `_` in the place of everything else.
pub(super) fn is_attachment_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !id.is_empty() && !id.starts_with('.') && id.bytes().all(is_plain)
}

fn keep(signal: &Signal, attachment: &Attachment) -> io::Result<String> {
    let number = signal.attachment_count.fetch_add(1, Ordering::Relaxed);
    let id = match &attachment.id {
        Some(id) => id.clone(),
        None => {
            let sum = sha256_hex(format!("{number} {}", sha256_hex(&attachment.bytes)).as_bytes());
            format!("{}{}", &sum[..20], extension(attachment))
        }
    };
    if !attachment.is_missing && is_attachment_id(&id) {
        std::fs::write(signal.config.attachments_dir.join(&id), &attachment.bytes)?;
    }
    Ok(id)
}

/// The extension that the daemon gives a file: by its claimed type, otherwise that of its name.
fn extension(attachment: &Attachment) -> String {
    let by_type = match attachment.content_type.as_str() {
        "image/jpeg" => Some("jpg"),
        "image/png" => Some("png"),
        "image/gif" => Some("gif"),
        "image/webp" => Some("webp"),
        "audio/aac" => Some("aac"),
        "audio/ogg" => Some("ogg"),
        "video/mp4" => Some("mp4"),
        "application/pdf" => Some("pdf"),
        "text/plain" => Some("txt"),
        _ => None,
    };
    let by_name = || attachment.filename.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end);
    match by_type.or_else(by_name) {
        Some(extension) if is_attachment_id(extension) => format!(".{extension}"),
        Some(_) | None => String::new(),
    }
}

fn attachment_json(attachment: &Attachment, id: &str, timestamp_ms: u64) -> Value {
    let picture = describe(&attachment.bytes).ok();
    json!({
        "contentType": attachment.content_type,
        "filename": attachment.filename,
        "id": id,
        "size": attachment.bytes.len(),
        "width": picture.as_ref().map(|picture| picture.width),
        "height": picture.as_ref().map(|picture| picture.height),
        "caption": null,
        "uploadTimestamp": timestamp_ms.saturating_sub(500),
    })
}

fn data_json(signal: &Signal, message: &Message, timestamp_ms: u64, attachments: Vec<Value>) -> Value {
    let mut data = json!({
        "timestamp": timestamp_ms,
        "message": message.text,
        "expiresInSeconds": 0,
        "isExpirationUpdate": false,
        "viewOnce": false,
    });
    if !attachments.is_empty() {
        data["attachments"] = Value::Array(attachments);
    }
    if let Some(id) = &message.group {
        let group = signal.config.groups.iter().find(|group| group.id == *id);
        let name = group.map(|group| group.name.as_str());
        data["groupInfo"] = json!({"groupId": id, "groupName": name, "revision": 3, "type": "DELIVER"});
    }
    if let Some(Quote { timestamp_ms, author, text }) = &message.quote {
        let (number, uuid) = if author.starts_with('+') { (Some(author), None) } else { (None, Some(author)) };
        data["quote"] = json!({
            "id": timestamp_ms, "author": author, "authorNumber": number, "authorUuid": uuid, "text": text,
            "attachments": [],
        });
    }
    data
}
