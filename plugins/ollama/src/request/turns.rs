//! The conversation in the server's dialect: one text and a list of pictures for each message, results of tools by the
//! tool's name. Media are named by placeholders and never read.

use std::collections::HashMap;

use creel_sdk::provider::{CallError, Fault};
use creel_sdk::{JsonBody, Media, Message, Part, ResultPart, Role, ToolCall, ToolResult};
use serde::Serialize;
use serde_json::{Map, Value};

/// One message of the dialect.
#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    thinking: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
}

#[derive(Serialize)]
struct Call<'a> {
    function: Function<'a>,
}

/// The server wants the arguments as an object and knows no id.
#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: Value,
}

/// Names of the tools that were called, by the call's id.
type Calls<'a> = HashMap<&'a str, &'a str>;

/// Writes the conversation.
pub(super) fn write<'a>(messages: &'a [Message], body: &mut JsonBody) -> Result<Vec<Turn<'a>>, CallError> {
    let mut calls = Calls::new();
    let mut turns = Vec::with_capacity(messages.len());
    for message in messages {
        let mut turn = Turn::new(match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        });
        for part in &message.parts {
            match part {
                Part::Text(text) => add_line(&mut turn.content, text),
                Part::Media(media) if message.role == Role::Assistant => {
                    let name = media.name.as_deref().unwrap_or("unnamed");
                    add_line(&mut turn.content, &format!("[{} `{name}` was sent here]", media.content_type));
                }
                Part::Media(media) => turn.images.push(image(media, body)?),
                Part::Reasoning(reasoning) => add_line(&mut turn.thinking, &reasoning.text),
                Part::ToolCall(call) => {
                    calls.insert(&call.id, &call.name);
                    turn.tool_calls.push(tool_call(call));
                }
                // Each result is a message of its own; it comes before other words of the same message.
                Part::ToolResult(result) => turns.push(tool_result(result, &calls, body)?),
            }
        }
        if !turn.is_empty() {
            turns.push(turn);
        }
    }
    Ok(turns)
}

impl Turn<'_> {
    fn new(role: &'static str) -> Self {
        Self {
            role,
            content: String::new(),
            thinking: String::new(),
            images: Vec::new(),
            tool_calls: Vec::new(),
            tool_name: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.content.is_empty() && self.thinking.is_empty() && self.images.is_empty() && self.tool_calls.is_empty()
    }
}

fn tool_call(call: &ToolCall) -> Call<'_> {
    let arguments = match serde_json::from_str(&call.arguments_json) {
        Ok(Value::Object(arguments)) => arguments,
        Ok(_) | Err(_) if call.arguments_json.trim().is_empty() => Map::new(),
        // A model wrote this once; the conversation must not break on it.
        Ok(_) | Err(_) => Map::from_iter([("arguments".to_owned(), call.arguments_json.clone().into())]),
    };
    Call { function: Function { name: &call.name, arguments: Value::Object(arguments) } }
}

fn tool_result<'a>(result: &ToolResult, calls: &Calls<'a>, body: &mut JsonBody) -> Result<Turn<'a>, CallError> {
    let mut turn = Turn { tool_name: calls.get(result.id.as_str()).copied(), ..Turn::new("tool") };
    if result.is_error {
        turn.content.push_str("error:");
    }
    for part in &result.parts {
        match part {
            ResultPart::Text(text) => add_line(&mut turn.content, text),
            ResultPart::Media(media) => turn.images.push(image(media, body)?),
        }
    }
    Ok(turn)
}

fn image(media: &Media, body: &mut JsonBody) -> Result<String, CallError> {
    if media.content_type.starts_with("image/") {
        return Ok(body.base64(media));
    }
    let message = format!("the server takes pictures only, no `{}`", media.content_type);
    Err(CallError::new(Fault::UnsupportedInput, message))
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() && !line.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}
