//! The conversation in the provider's dialect: system text apart, roles in turn, tool results first. Media are named by
//! placeholders and never read.

use std::borrow::Cow;

use creel_sdk::provider::{CallError, Fault};
use creel_sdk::{JsonBody, Media, Message, Part, Reasoning, ResultPart, Role, ToolCall, ToolResult};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{add_line, is_false};
use crate::answer::REDACTED_PREFIX;

/// One message of the dialect.
#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: Speaker,
    content: Vec<Block<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    User,
    Assistant,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: Cow<'a, str>,
    },
    Image {
        source: Source,
    },
    Document {
        source: Source,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Value,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "is_false")]
        is_error: bool,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source {
    Base64 { media_type: &'static str, data: String },
}

/// Writes the conversation: the system text, and the messages with neighbours of one role made one.
pub(super) fn write<'a>(messages: &'a [Message], body: &mut JsonBody) -> Result<(String, Vec<Turn<'a>>), CallError> {
    let mut system = String::new();
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for message in messages {
        let role = match message.role {
            Role::System => {
                add_system(&mut system, message);
                continue;
            }
            Role::User | Role::Tool => Speaker::User,
            Role::Assistant => Speaker::Assistant,
        };
        let mut content = Vec::with_capacity(message.parts.len());
        for part in &message.parts {
            content.extend(block(part, role, body)?);
        }
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.append(&mut content),
            Some(_) | None if content.is_empty() => {}
            Some(_) | None => turns.push(Turn { role, content }),
        }
    }
    for turn in &mut turns {
        // The provider wants the results of tools before anything else that the user says.
        turn.content.sort_by_key(|block| !matches!(block, Block::ToolResult { .. }));
    }
    if let Some(Turn { role: Speaker::Assistant, content }) = turns.last_mut()
        && let Some(Block::Text { text }) = content.last_mut()
    {
        // An answer that the model shall go on with must not end in white space.
        *text = text.trim_end().to_owned().into();
    }
    Ok((system, turns))
}

/// Whether a model that thinks by budget may think here. Where an answer goes on, with words to complete or with the
/// results of its tools, it must have begun with thinking; callers of other dialects do not hand that back.
pub(super) fn may_go_on_thinking(turns: &[Turn<'_>]) -> bool {
    let Some((place, last)) = turns.iter().enumerate().rfind(|(_, turn)| turn.role == Speaker::Assistant) else {
        return true;
    };
    let goes_on = place + 1 == turns.len() || last.content.iter().any(|block| matches!(block, Block::ToolUse { .. }));
    let has_thought = matches!(last.content.first(), Some(Block::Thinking { .. } | Block::RedactedThinking { .. }));
    !goes_on || has_thought
}

fn add_system(system: &mut String, message: &Message) {
    for part in &message.parts {
        match part {
            Part::Text(text) if !text.is_empty() => add_line(system, text),
            Part::Text(_) | Part::Media(_) | Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => {}
        }
    }
}

fn block<'a>(part: &'a Part, role: Speaker, body: &mut JsonBody) -> Result<Option<Block<'a>>, CallError> {
    let block = match part {
        Part::Text(text) => text_block(text),
        Part::Media(media) if role == Speaker::Assistant => {
            // The provider takes no media of the assistant, and the conversation must not break on one.
            let name = media.name.as_deref().unwrap_or("unnamed");
            Some(Block::Text { text: format!("[{} `{name}` was sent here]", media.content_type).into() })
        }
        Part::Media(media) => Some(media_block(media, body)?),
        Part::Reasoning(reasoning) => thought(reasoning),
        Part::ToolCall(call) => Some(tool_use(call)),
        Part::ToolResult(result) => Some(tool_result(result, body)?),
    };
    Ok(block)
}

/// Reasoning without a signature is left out: the provider would refuse it.
fn thought(reasoning: &Reasoning) -> Option<Block<'_>> {
    let signature = reasoning.signature.as_deref()?;
    Some(match signature.strip_prefix(REDACTED_PREFIX) {
        Some(data) => Block::RedactedThinking { data },
        None => Block::Thinking { thinking: &reasoning.text, signature },
    })
}

/// The provider refuses text blocks that are empty or only white space.
fn text_block(text: &str) -> Option<Block<'_>> {
    (!text.trim().is_empty()).then_some(Block::Text { text: text.into() })
}

fn media_block<'a>(media: &'a Media, body: &mut JsonBody) -> Result<Block<'a>, CallError> {
    let content_type = media.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let media_type = match content_type.as_str() {
        "image/jpeg" | "image/jpg" => "image/jpeg",
        "image/png" => "image/png",
        "image/gif" => "image/gif",
        "image/webp" => "image/webp",
        "application/pdf" => "application/pdf",
        _ => {
            let message = format!("the provider takes no `{content_type}`: JPEG, PNG, GIF, WebP and PDF only");
            return Err(CallError::new(Fault::UnsupportedInput, message));
        }
    };
    let source = Source::Base64 { media_type, data: body.base64(media) };
    Ok(if media_type == "application/pdf" {
        Block::Document { source, title: media.name.as_deref() }
    } else {
        Block::Image { source }
    })
}

fn tool_use(call: &ToolCall) -> Block<'_> {
    let input = match serde_json::from_str(&call.arguments_json) {
        Ok(Value::Object(input)) => input,
        Ok(_) | Err(_) if call.arguments_json.trim().is_empty() => Map::new(),
        // A model wrote this once; the conversation must not break on it.
        Ok(_) | Err(_) => Map::from_iter([("arguments".to_owned(), call.arguments_json.clone().into())]),
    };
    Block::ToolUse { id: tool_id(&call.id), name: &call.name, input: Value::Object(input) }
}

fn tool_result<'a>(result: &'a ToolResult, body: &mut JsonBody) -> Result<Block<'a>, CallError> {
    let mut content = Vec::with_capacity(result.parts.len());
    for part in &result.parts {
        match part {
            ResultPart::Text(text) => content.extend(text_block(text)),
            ResultPart::Media(media) => content.push(media_block(media, body)?),
        }
    }
    Ok(Block::ToolResult { tool_use_id: tool_id(&result.id), content, is_error: result.is_error })
}

/// Ids of calls that another provider made may hold signs that this one refuses.
fn tool_id(id: &str) -> Cow<'_, str> {
    let is_good = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
    match (id.is_empty(), id.chars().all(is_good)) {
        (true, _) => "_".into(),
        (false, true) => id.into(),
        (false, false) => id.chars().map(|sign| if is_good(sign) { sign } else { '_' }).collect::<String>().into(),
    }
}
