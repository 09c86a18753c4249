//! The conversation in the chat dialect: each result of a tool a message of its own, its media behind all of them.
//! Media are named by placeholders and never read.

use std::borrow::Cow;

use creel_sdk::provider::{CallError, Fault};
use creel_sdk::{JsonBody, Media, Message, Part, ResultPart, Role, ToolCall, ToolResult};
use serde::Serialize;
use serde_json::{Value, json};

use crate::server::Server;

/// One message of the dialect.
#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    /// Only one of the two, as the server has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
}

/// Words alone are one text, since not every server reads a list.
#[derive(Serialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Value>),
}

#[derive(Serialize)]
struct Call<'a> {
    id: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    /// JSON in a text.
    arguments: &'a str,
}

/// Writes a conversation.
struct Writer<'a, 'b> {
    server: &'b Server,
    body: &'b mut JsonBody,
    turns: Vec<Turn<'a>>,
    /// Media of results, which a message of a tool cannot hold and which must not stand between two of them.
    held_back: Vec<Value>,
}

/// Writes the conversation.
pub(super) fn write<'a>(
    messages: &'a [Message],
    (server, is_reasoning): (&Server, bool),
    body: &mut JsonBody,
) -> Result<Vec<Turn<'a>>, CallError> {
    let mut writer = Writer { server, body, turns: Vec::with_capacity(messages.len()), held_back: Vec::new() };
    let last_question = messages.iter().rposition(|message| message.role == Role::User).unwrap_or_default();
    for (place, message) in messages.iter().enumerate() {
        match message.role {
            Role::System if is_reasoning => writer.words("developer", message)?,
            Role::System => writer.words("system", message)?,
            Role::User | Role::Tool => writer.words("user", message)?,
            Role::Assistant => writer.answer(message, place > last_question),
        }
    }
    writer.bring_forth();
    Ok(writer.turns)
}

/// Puts a wish before the conversation, behind what the system says.
pub(super) fn ask_first(turns: &mut Vec<Turn<'_>>, wish: &str) {
    let is_system = |turn: &&Turn<'_>| matches!(turn.role, "system" | "developer");
    let place = turns.iter().take_while(is_system).count();
    let role = turns.first().filter(|turn| is_system(turn)).map_or("system", |turn| turn.role);
    turns.insert(place, Turn { content: Some(Content::Text(wish.to_owned())), ..Turn::new(role) });
}

impl<'a> Writer<'a, '_> {
    /// A message of anybody but the model; results of tools in it come first.
    fn words(&mut self, role: &'static str, message: &'a Message) -> Result<(), CallError> {
        let mut parts = Vec::with_capacity(message.parts.len());
        let mut text = Vec::with_capacity(message.parts.len());
        for part in &message.parts {
            match part {
                Part::Text(words) => {
                    text.push(words.as_str());
                    parts.push(json!({ "type": "text", "text": words }));
                }
                Part::Media(media) => parts.push(self.media(media)?),
                Part::ToolResult(result) => self.result(result)?,
                // Only the model thinks and calls.
                Part::Reasoning(_) | Part::ToolCall(_) => {}
            }
        }
        if parts.is_empty() {
            return Ok(());
        }
        self.bring_forth();
        let is_text = text.len() == parts.len();
        let content = if is_text { Content::Text(text.join("\n")) } else { Content::Parts(parts) };
        self.turns.push(Turn { content: Some(content), ..Turn::new(role) });
        Ok(())
    }

    /// A message of the model. Its reasoning goes back only while its chain of calls lasts: servers drop or refuse what
    /// is older.
    fn answer(&mut self, message: &'a Message, is_of_chain: bool) {
        let mut turn = Turn::new("assistant");
        let mut text = String::new();
        let mut reasoning = String::new();
        for part in &message.parts {
            match part {
                Part::Text(words) => add_line(&mut text, words),
                Part::Media(media) => {
                    // The dialect takes no media of the model, and the conversation must not break on one.
                    let name = media.name.as_deref().unwrap_or("unnamed");
                    add_line(&mut text, &format!("[{} `{name}` was sent here]", media.content_type));
                }
                Part::Reasoning(thought) => add_line(&mut reasoning, &thought.text),
                Part::ToolCall(call) => turn.tool_calls.push(self.call(call)),
                Part::ToolResult(_) => {}
            }
        }
        if is_of_chain && !turn.tool_calls.is_empty() && !reasoning.is_empty() {
            match self.server.reasoning_back {
                Some("reasoning") => turn.reasoning = Some(reasoning),
                Some(_) => turn.reasoning_content = Some(reasoning),
                None => {}
            }
        }
        if text.is_empty() && turn.tool_calls.is_empty() {
            return;
        }
        turn.content = (!text.is_empty()).then_some(Content::Text(text));
        self.bring_forth();
        self.turns.push(turn);
    }

    fn call(&self, call: &'a ToolCall) -> Call<'a> {
        let is_empty = call.arguments_json.trim().is_empty();
        let arguments = if is_empty { "{}" } else { call.arguments_json.as_str() };
        Call { id: self.id(&call.id), kind: "function", function: Function { name: &call.name, arguments } }
    }

    fn result(&mut self, result: &'a ToolResult) -> Result<(), CallError> {
        let mut text = String::new();
        if result.is_error {
            text.push_str("error:");
        }
        for part in &result.parts {
            match part {
                ResultPart::Text(words) => add_line(&mut text, words),
                ResultPart::Media(media) => {
                    let part = self.media(media)?;
                    self.held_back.push(part);
                    add_line(&mut text, &format!("[{} follows]", media.content_type));
                }
            }
        }
        let tool_call_id = Some(self.id(&result.id));
        self.turns.push(Turn { content: Some(Content::Text(text)), tool_call_id, ..Turn::new("tool") });
        Ok(())
    }

    /// Shows the media of the results that stand before this.
    fn bring_forth(&mut self) {
        if !self.held_back.is_empty() {
            let parts = std::mem::take(&mut self.held_back);
            self.turns.push(Turn { content: Some(Content::Parts(parts)), ..Turn::new("user") });
        }
    }

    fn media(&mut self, media: &Media) -> Result<Value, CallError> {
        let content_type = media.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let (kind, _) = content_type.split_once('/').unwrap_or_default();
        Ok(match (kind, content_type.as_str()) {
            ("image", _) => {
                let url = Value::from(self.body.data_url(media));
                let url = if self.server.has_plain_image_url { url } else { json!({ "url": url }) };
                json!({ "type": "image_url", "image_url": url })
            }
            ("video", _) if self.server.takes_video => {
                json!({ "type": "video_url", "video_url": { "url": self.body.data_url(media) } })
            }
            (_, "application/pdf") => {
                // The provider wants a name, and takes the type from the data.
                let filename = media.name.as_deref().unwrap_or("document.pdf");
                json!({ "type": "file", "file": { "filename": filename, "file_data": self.body.data_url(media) } })
            }
            (_, "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave") => self.sound(media, "wav"),
            (_, "audio/mpeg" | "audio/mp3") => self.sound(media, "mp3"),
            _ => {
                let message = format!("the provider takes no `{content_type}`: pictures, PDF, WAV and MP3 only");
                return Err(CallError::new(Fault::UnsupportedInput, message));
            }
        })
    }

    fn sound(&mut self, media: &Media, format: &str) -> Value {
        json!({ "type": "input_audio", "input_audio": { "data": self.body.base64(media), "format": format } })
    }

    fn id<'t>(&self, id: &'t str) -> Cow<'t, str> {
        let is_short = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_short || !self.server.has_short_ids { id.into() } else { short_id(id).into() }
    }
}

impl Turn<'_> {
    fn new(role: &'static str) -> Self {
        Self {
            role,
            content: None,
            reasoning: None,
            reasoning_content: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }
}

/// Nine signs that stand for an id: the same for a call and its result, another for every other id (46 bits of its
/// FNV-1a hash).
fn short_id(id: &str) -> String {
    const SIGNS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut rest = id.bytes().fold(0xcbf2_9ce4_8422_2325, hash);
    let signs = (0..9).map(|_| {
        let sign = usize::try_from(rest % 36).ok().and_then(|place| SIGNS.get(place)).copied();
        rest /= 36;
        char::from(sign.unwrap_or(b'0'))
    });
    signs.collect()
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() && !line.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_have_nine_signs_and_differ() {
        let ids: Vec<String> = (0..1_000).map(|n| short_id(&format!("toolu_{n}"))).collect();
        assert!(ids.iter().all(|id| id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        let apart: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(apart.len(), ids.len());
        assert_eq!(ids.first(), Some(&short_id("toolu_0")));
    }
}
