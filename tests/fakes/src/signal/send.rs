//! The daemon's `send`: its parameters, what it records, and the ways in which it fails.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::rpc::RpcError;
use super::{Group, Signal};
use crate::exchange::lock;

/// What `send` takes. The daemon ignores others; here they are mistakes.
const KEYS: [&str; 17] = [
    "recipient",
    "recipients",
    "groupId",
    "groupIds",
    "message",
    "attachment",
    "attachments",
    "quoteTimestamp",
    "quoteAuthor",
    "quoteMessage",
    "mention",
    "mentions",
    "textStyle",
    "textStyles",
    "editTimestamp",
    "notifySelf",
    "viewOnce",
];

/// A message that was sent through the daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Numbers or account ids; empty for a group.
    pub recipients: Vec<String>,
    /// The group.
    pub group: Option<String>,
    /// The text; empty where there was none.
    pub message: String,
    /// In order.
    pub attachments: Vec<SentAttachment>,
    /// The time and the author of the quoted message.
    pub quote: Option<(u64, String)>,
    /// What the daemon gave the message as its time and name.
    pub timestamp_ms: u64,
}

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentAttachment {
    /// The type that a data URI names; none where a path was sent.
    pub content_type: Option<String>,
    /// The name.
    pub filename: Option<String>,
    /// The file.
    pub bytes: Vec<u8>,
    /// Whether it was named by a path of the daemon's machine and not sent along.
    pub was_path: bool,
}

/// How a `send` fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendFailure {
    /// Nobody has registered the recipient: -1.
    Unregistered,
    /// Signal's servers could not be reached: -1.
    Network,
    /// The recipient has a new key: -4.
    Untrusted,
    /// Too many messages: -5, with the seconds to wait where Signal says them.
    RateLimited(Option<u64>),
    /// Signal does not believe the captcha: -6.
    CaptchaRejected,
    /// Input or output failed in the daemon: -3.
    Io(String),
    /// The daemon is broken: -32603.
    Internal(String),
}

/// Where a message goes.
pub(super) enum Target<'a> {
    People(Vec<String>),
    Group(&'a Group),
}

/// Sends, or fails as a test asked.
pub(super) fn send(signal: &Signal, params: &Map<String, Value>) -> Result<Value, RpcError> {
    known(params, &KEYS)?;
    let target = targets(signal, params)?;
    let message = text(params, "message")?.unwrap_or_default();
    let attachments = list(params, "attachment")?;
    let attachments = attachments.iter().map(|text| parse_attachment(text)).collect::<Result<Vec<_>, _>>()?;
    let quote = quote(params)?;
    if message.is_empty() && attachments.is_empty() && quote.is_none() {
        let text = "Sending empty message is not allowed, either a message, attachment or sticker must be given.";
        return Err(RpcError::user(text));
    }
    let (recipients, group) = match &target {
        Target::People(recipients) => (recipients.clone(), None),
        Target::Group(group) => (group.members.clone(), Some(*group)),
    };
    if let Some(failure) = lock(&signal.failures).pop_front() {
        return Err(failure_error(signal, &failure, &recipients));
    }
    let timestamp_ms = signal.now_ms();
    let results = results(signal, &recipients, group);
    let is_success = |result: &Value| result["type"] == "SUCCESS";
    if !results.is_empty() && !results.iter().any(is_success) {
        let data = json!({"response": {"timestamp": timestamp_ms, "results": results}});
        return Err(RpcError { data: Some(data), ..RpcError::user("Failed to send message") });
    }
    let recipients = if group.is_some() { Vec::new() } else { recipients };
    let group = group.map(|group| group.id.clone());
    let count = {
        let mut sent = lock(&signal.sent);
        sent.push(Sent { recipients, group, message, attachments, quote, timestamp_ms });
        sent.len()
    };
    signal.sent_count.send_modify(|sent| *sent = count.max(*sent));
    Ok(json!({"timestamp": timestamp_ms, "results": results}))
}

/// Refuses parameters that are not in the list.
pub(super) fn known(params: &Map<String, Value>, keys: &[&str]) -> Result<(), RpcError> {
    match params.keys().find(|key| *key != "account" && !keys.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(RpcError::parameters(format!("unknown parameter `{key}`"))),
    }
}

/// Where a call goes: to people or to one group.
pub(super) fn targets<'a>(signal: &'a Signal, params: &Map<String, Value>) -> Result<Target<'a>, RpcError> {
    let (people, groups) = (list(params, "recipient")?, list(params, "groupId")?);
    match (people.as_slice(), groups.as_slice()) {
        ([], []) => Err(RpcError::user("No recipients given")),
        (people, []) => {
            if let Some(wrong) = people.iter().find(|person| !is_number(person) && !is_uuid(person)) {
                return Err(RpcError::user(format!("Invalid phone number '{wrong}'")));
            }
            Ok(Target::People(people.to_vec()))
        }
        ([], [group]) => {
            if STANDARD.decode(group).is_err() {
                return Err(RpcError::user(format!("Invalid group id: {group}")));
            }
            let found = signal.config.groups.iter().find(|known| known.id == *group);
            found.map(Target::Group).ok_or_else(|| RpcError::user(format!("Group not found: {group}")))
        }
        (_, _) => Err(RpcError::parameters("a message goes to people or to one group")),
    }
}

/// An address as results show it: number and account id, as far as they are known to belong together.
pub(super) fn address(recipient: &str, contacts: &[(Option<String>, String)]) -> Value {
    let is_same = |number: &Option<String>, uuid: &str| number.as_deref() == Some(recipient) || uuid == recipient;
    if let Some((number, uuid)) = contacts.iter().find(|(number, uuid)| is_same(number, uuid)) {
        return json!({"uuid": uuid, "number": number});
    }
    match is_number(recipient) {
        true => json!({"uuid": null, "number": recipient}),
        false => json!({"uuid": recipient, "number": null}),
    }
}

fn results(signal: &Signal, recipients: &[String], group: Option<&Group>) -> Vec<Value> {
    let contacts = lock(&signal.contacts);
    let result = |recipient: &String| {
        let is_known = !signal.config.unregistered.contains(recipient);
        let kind = if is_known { "SUCCESS" } else { "UNREGISTERED_FAILURE" };
        let mut result = json!({"recipientAddress": address(recipient, &contacts), "type": kind});
        if let Some(group) = group {
            result["groupId"] = json!(group.id);
        }
        result
    };
    recipients.iter().map(result).collect()
}

fn failure_error(signal: &Signal, failure: &SendFailure, recipients: &[String]) -> RpcError {
    let contacts = lock(&signal.contacts);
    let (code, message, kind) = match failure {
        SendFailure::Unregistered => (-1, "Failed to send message", Some("UNREGISTERED_FAILURE")),
        SendFailure::Network => (-1, "Failed to send message", Some("NETWORK_FAILURE")),
        SendFailure::Untrusted => (-4, "Failed to send message due to untrusted identities", Some("IDENTITY_FAILURE")),
        SendFailure::RateLimited(_) => (-5, "Failed to send message due to rate limiting", Some("RATE_LIMIT_FAILURE")),
        SendFailure::CaptchaRejected => (-6, "Captcha rejected, it may be outdated or used already", None),
        SendFailure::Io(message) => (-3, message.as_str(), None),
        SendFailure::Internal(message) => (-32603, message.as_str(), None),
    };
    let data = kind.map(|kind| {
        let result = |recipient: &String| {
            let mut result = json!({"recipientAddress": address(recipient, &contacts), "type": kind});
            if let SendFailure::RateLimited(retry_after_s) = failure {
                result["token"] = json!("8f8ad1ed-0000-4000-8000-000000000000");
                result["retryAfterSeconds"] = json!(retry_after_s);
            }
            result
        };
        let results: Vec<Value> = recipients.iter().map(result).collect();
        json!({"response": {"timestamp": signal.now_ms(), "results": results}})
    });
    RpcError { code, message: message.to_owned(), data, is_scripted: true }
}

fn quote(params: &Map<String, Value>) -> Result<Option<(u64, String)>, RpcError> {
    let author = text(params, "quoteAuthor")?;
    let timestamp = match params.get("quoteTimestamp") {
        None | Some(Value::Null) => None,
        Some(value) => match value.as_u64() {
            Some(timestamp) => Some(timestamp),
            None => {
                return Err(RpcError::parameters("quoteTimestamp must be a whole number"));
            }
        },
    };
    match (timestamp, author) {
        (None, None) => Ok(None),
        (Some(timestamp), Some(author)) if is_number(&author) || is_uuid(&author) => Ok(Some((timestamp, author))),
        (Some(_), Some(author)) => Err(RpcError::user(format!("Invalid phone number '{author}'"))),
        (Some(_), None) | (None, Some(_)) => {
            Err(RpcError::parameters("quoteTimestamp and quoteAuthor are given together"))
        }
    }
}

fn text(params: &Map<String, Value>, key: &str) -> Result<Option<String>, RpcError> {
    match params.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(RpcError::parameters(format!("{key} must be a text"))),
    }
}

/// A list parameter: under its name or the plural, as a list or as one text.
fn list(params: &Map<String, Value>, key: &str) -> Result<Vec<String>, RpcError> {
    let plural = format!("{key}s");
    let value = match (params.get(key), params.get(&plural)) {
        (Some(_), Some(_)) => {
            return Err(RpcError::parameters(format!("{key} and {plural} exclude each other")));
        }
        (Some(value), None) | (None, Some(value)) => value,
        (None, None) => return Ok(Vec::new()),
    };
    let wrong = || RpcError::parameters(format!("{key} must be a list of texts"));
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(values) => {
            values.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(wrong()),
    }
}

/// A data URI, or an absolute path on the daemon's machine.
fn parse_attachment(text: &str) -> Result<SentAttachment, RpcError> {
    let failed =
        |why: &str| RpcError::new(-32603, format!("Failed to send message: {why} (AttachmentInvalidException)"));
    let Some(uri) = text.strip_prefix("data:") else {
        let path = Path::new(text);
        let filename = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let bytes = std::fs::read(path).map_err(|_| failed(&format!("{text}: no such file")))?;
        return Ok(SentAttachment { content_type: None, filename, bytes, was_path: true });
    };
    let (head, data) = uri.split_once(',').ok_or_else(|| failed("a data URI without a comma"))?;
    let mut words: Vec<&str> = head.split(';').collect();
    if words.pop() != Some("base64") {
        return Err(failed("a data URI that is not base64"));
    }
    let content_type = words.first().filter(|word| word.contains('/')).map(|word| (*word).to_owned());
    let name = words.iter().find_map(|word| word.strip_prefix("filename="));
    let filename = name.map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned());
    let bytes = STANDARD.decode(data).map_err(|_| failed("a data URI with bad base64"))?;
    if bytes.is_empty() {
        return Err(failed("an empty attachment"));
    }
    Ok(SentAttachment { content_type, filename, bytes, was_path: false })
}

fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (5..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == lengths.len() && parts.iter().zip(lengths).all(|(part, length)| part.len() == length && is_hex(part))
}
