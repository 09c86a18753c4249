//! What the older gateway kept of a conversation: the lines of a transcript go in, messages come out, with every way in
//! which it has named their media, and a count of what is no message. No file is looked at: what became of a medium is
//! the store's to say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::attached::{self, PastMedium};
use crate::moment::{MOMENT_MS_MAX, parse_rfc3339};
use crate::problem::shown;

type Object = Map<String, Value>;

/// A moment below this is told in seconds: in milliseconds it would lie in March 1973.
const SECONDS_BELOW: u64 = 100_000_000_000;

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// Who wrote to that gateway.
    User,
    /// The model.
    Assistant,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastMessage {
    /// What tells it from all others of its transcript: its id there, or its line.
    pub key: String,
    /// Who said it.
    pub speaker: Speaker,
    /// The words, without the lines by which that gateway told a model of attachments.
    pub text: String,
    /// The media, in order.
    pub media: Vec<PastMedium>,
    /// Which model it was, for an answer: `provider/model`.
    pub model: Option<String>,
    /// When it was said, where that was written down.
    pub at_ms: Option<u64>,
}

/// A transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Its own name, where it says one.
    pub id: Option<String>,
    /// What was said, in order. It begins with somebody's message; what a model said in several pieces is one.
    pub messages: Vec<PastMessage>,
    /// What is no message or part of one, and how often it is there.
    pub left_out: BTreeMap<String, usize>,
}

/// Reads the lines of a transcript. What cannot be read is counted and stops nothing.
#[must_use]
pub fn read_history(text: &str) -> History {
    let mut history = History::default();
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(Value::Object(line)) => lines.push((index + 1, line)),
            Ok(_) | Err(_) => history.leave_out("lines that are not JSON objects"),
        }
    }
    let branch = branch(&lines);
    let mut keys = BTreeSet::new();
    for (number, line) in &lines {
        let id = string(line, &["id"]);
        let is_beside = |branch: &BTreeSet<&str>| id.is_some_and(|id| !branch.contains(id));
        if branch.as_ref().is_some_and(is_beside) && line.contains_key("parentId") && !is_header(line) {
            history.leave_out("entries of a branch that was given up");
            continue;
        }
        // A name that is there twice names nothing.
        let key = id.filter(|id| keys.insert((*id).to_owned()));
        let key = key.map_or_else(|| format!("line-{number}"), str::to_owned);
        history.entry(line, key);
    }
    history
}

/// The ids of the entries that lead to the last one: what was edited or asked anew lies beside them. `None` where the
/// entries are no tree.
fn branch(lines: &[(usize, Object)]) -> Option<BTreeSet<&str>> {
    let entries = lines.iter().map(|(_, line)| line).filter(|line| !is_header(line));
    let mut parents = BTreeMap::new();
    let mut at = None;
    for line in entries {
        let (Some(id), Some(parent)) = (string(line, &["id"]), line.get("parentId")) else { continue };
        parents.insert(id, parent.as_str());
        at = Some(id);
    }
    let mut branch = BTreeSet::new();
    while let Some(id) = at {
        // A way that is broken or leads round says nothing of what lies beside it.
        if !branch.insert(id) {
            return None;
        }
        at = *parents.get(id)?;
    }
    (!branch.is_empty()).then_some(branch)
}

fn is_header(line: &Object) -> bool {
    line.get("type").and_then(Value::as_str) == Some("session")
}

impl History {
    fn leave_out(&mut self, what: &str) {
        *self.left_out.entry(what.to_owned()).or_default() += 1;
    }

    fn entry(&mut self, line: &Object, key: String) {
        let sort = string(line, &["type"]);
        let message = line.get("message").and_then(Value::as_object);
        match (sort, message) {
            (Some("session"), _) => {
                if self.id.is_none() {
                    self.id = string(line, &["id", "sessionId"]).map(str::to_owned);
                }
            }
            (Some("message" | "user" | "assistant") | None, Some(message)) => self.message(line, message, key),
            // The oldest transcripts have nothing around a message.
            (Some("message" | "user" | "assistant") | None, None) if line.contains_key("role") => {
                self.message(line, line, key);
            }
            (Some(sort), _) => self.leave_out(&format!("entries of type `{}`", shown(sort))),
            (None, None) => self.leave_out("entries without a type"),
        }
    }

    fn message(&mut self, line: &Object, message: &Object, key: String) {
        let speaker = match string(message, &["role"]) {
            Some("user" | "human") => Speaker::User,
            Some("assistant" | "model") => Speaker::Assistant,
            Some(role) => return self.leave_out(&format!("messages of the role `{}`", shown(role))),
            None => return self.leave_out("messages without a role"),
        };
        let mut text = String::new();
        let mut media = Vec::new();
        match ["content", "text", "body"].iter().find_map(|name| message.get(*name)) {
            Some(Value::Array(parts)) => {
                for part in parts {
                    self.part(part, &mut text, &mut media);
                }
            }
            Some(Value::String(words)) => text.push_str(words),
            Some(Value::Null) | None => {}
            Some(other) => self.part(other, &mut text, &mut media),
        }
        let fields = attached::of_fields(message);
        let fields = if fields.is_empty() && line.contains_key("message") { attached::of_fields(line) } else { fields };
        media.extend(fields);
        if speaker == Speaker::User {
            text = attached::take_notes(&text, &mut media);
        }
        if text.trim().is_empty() && media.is_empty() {
            return self.leave_out("messages without words or media");
        }
        let model = string(message, &["model"]).filter(|_| speaker == Speaker::Assistant).map(|model| {
            let provider = string(message, &["provider"]);
            provider.map_or_else(|| model.to_owned(), |provider| format!("{provider}/{model}"))
        });
        let moment = |object: &Object| object.get("timestamp").and_then(moment);
        let at_ms = moment(message).or_else(|| moment(line));
        self.push(PastMessage { key, speaker, text: text.trim().to_owned(), media, model, at_ms });
    }

    /// Adds a message; what a model said in several pieces, with tools between them, is one answer.
    fn push(&mut self, message: PastMessage) {
        match (message.speaker, self.messages.last_mut()) {
            (Speaker::Assistant, None) => self.leave_out("answers before the first message"),
            (Speaker::Assistant, Some(last)) if last.speaker == Speaker::Assistant => {
                if !last.text.is_empty() && !message.text.is_empty() {
                    last.text.push_str("\n\n");
                }
                last.text.push_str(&message.text);
                last.media.extend(message.media);
                last.model = message.model.or(last.model.take());
            }
            (Speaker::Assistant | Speaker::User, _) => self.messages.push(message),
        }
    }

    /// Takes one part of a message: words, a medium, or what is neither.
    fn part(&mut self, part: &Value, text: &mut String, media: &mut Vec<PastMedium>) {
        let mut say = |words: &str| {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(words);
        };
        let object = match part {
            Value::String(words) => return say(words),
            Value::Object(object) => object,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                return self.leave_out("parts that are no objects");
            }
        };
        match (string(object, &["type"]), string(object, &["text"])) {
            (Some("text" | "input_text" | "output_text") | None, Some(words)) => say(words),
            (
                Some("image" | "input_image" | "image_url" | "audio" | "input_audio" | "video" | "document" | "file"),
                _,
            ) => {
                media.push(attached::of_part(object));
            }
            (Some("thinking" | "redacted_thinking" | "reasoning"), _) => self.leave_out("thoughts"),
            (Some("toolCall" | "tool_use" | "toolUse" | "tool_call" | "functionCall"), _) => {
                self.leave_out("tool calls")
            }
            (Some("toolResult" | "tool_result"), _) => self.leave_out("results of tools"),
            (Some(sort), _) => self.leave_out(&format!("parts of type `{}`", shown(sort))),
            (None, None) => self.leave_out("parts without a type"),
        }
    }
}

/// The first of these fields that is a text with something in it.
pub(super) fn string<'a>(object: &'a Object, names: &[&str]) -> Option<&'a str> {
    let texts = names.iter().filter_map(|name| object.get(*name)?.as_str());
    texts.map(str::trim).find(|text| !text.is_empty())
}

/// A moment as milliseconds, as seconds, or as RFC 3339 writes it.
fn moment(value: &Value) -> Option<u64> {
    let number = match value {
        Value::String(text) => match text.trim().parse() {
            Ok(number) => number,
            Err(_) => return parse_rfc3339(text.trim()),
        },
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is no count, and is bounded below"
        )]
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().map(|number| number as u64))?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let ms = if number < SECONDS_BELOW { number * 1_000 } else { number };
    (1..=MOMENT_MS_MAX).contains(&ms).then_some(ms)
}

#[cfg(test)]
mod tests;
