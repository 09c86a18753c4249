//! The body of `/api/chat`: what Go's decoder would refuse, and what the model cannot do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{Fault, Model};
use crate::pictures::{self, Description};

/// The keys that a chat may have at its top. The real server ignores others; here they are mistakes.
const KEYS: [&str; 12] = [
    "model",
    "messages",
    "tools",
    "format",
    "options",
    "keep_alive",
    "think",
    "stream",
    "truncate",
    "shift",
    "logprobs",
    "top_logprobs",
];
const MESSAGE_KEYS: [&str; 7] = ["role", "content", "images", "tool_calls", "tool_name", "thinking", "tool_call_id"];

/// One message of a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// The text.
    pub content: String,
    /// The pictures, decoded.
    pub images: Vec<Description>,
    /// The names of the tools that the model called, and the arguments.
    pub tool_calls: Vec<(String, Value)>,
    /// In a message of the role `tool`: which tool speaks.
    pub tool_name: Option<String>,
}

/// A chat that passed every check.
#[derive(Clone, Debug)]
pub struct Request {
    /// The model as the caller named it.
    pub model: String,
    /// Whether the answer is streamed: it is, unless the caller says no.
    pub stream: bool,
    /// Whether the model shall think.
    pub think: bool,
    /// The schema that the answer shall follow; of `"json"`, any object.
    pub schema: Option<Value>,
    /// The conversation.
    pub messages: Vec<Message>,
    /// The names of the tools.
    pub tools: Vec<String>,
    /// The body as it came.
    pub body: Value,
}

impl Request {
    /// The last message of the user.
    #[must_use]
    pub fn last_user_message(&self) -> Option<&Message> {
        self.messages.iter().rev().find(|message| message.role == "user")
    }

    pub(super) fn parse(body: &Value) -> Result<Self, Fault> {
        let Value::Object(map) = body else {
            return Err(wrong_type(body, "ChatRequest", "", "api.ChatRequest"));
        };
        check_keys(map, &KEYS, "")?;
        let model = match map.get("model") {
            Some(Value::String(model)) if !model.is_empty() => model.clone(),
            Some(Value::String(_)) | None => return Err(bad("model is required")),
            Some(other) => return Err(wrong_type(other, "ChatRequest", "model", "string")),
        };
        let stream = flag(map, "stream")?.unwrap_or(true);
        let think = match map.get("think") {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(Value::String(level)) if ["low", "medium", "high"].contains(&level.as_str()) => true,
            Some(_) => {
                return Err(bad("think must be a boolean or string (\"high\", \"medium\", \"low\", true, or false)"));
            }
        };
        let messages = list(map, "messages", "ChatRequest", "[]api.Message")?;
        let messages = messages.iter().enumerate().map(parse_message).collect::<Result<Vec<_>, _>>()?;
        let tools = list(map, "tools", "ChatRequest", "api.Tools")?;
        let tools = tools.iter().map(tool_name).collect::<Result<Vec<_>, _>>()?;
        let schema = parse_format(map.get("format"))?;
        match map.get("options") {
            None | Some(Value::Null | Value::Object(_)) => {}
            Some(other) => {
                return Err(wrong_type(other, "ChatRequest", "options", "map[string]interface {}"));
            }
        }
        Ok(Self { model, stream, think, schema, messages, tools, body: body.clone() })
    }

    pub(super) fn check_capabilities(&self, model: &Model) -> Result<(), Fault> {
        let name = &self.model;
        if !model.can("completion") {
            return Err((400, format!("\"{name}\" does not support chat")));
        }
        let has_images = self.messages.iter().any(|message| !message.images.is_empty());
        if has_images && !model.can("vision") {
            return Err(bad("this model does not support image input"));
        }
        if !self.tools.is_empty() && !model.can("tools") {
            return Err((400, format!("registry.ollama.ai/library/{name} does not support tools")));
        }
        Ok(())
    }
}

fn parse_message((index, message): (usize, &Value)) -> Result<Message, Fault> {
    let Value::Object(map) = message else {
        return Err(wrong_type(message, "ChatRequest", "messages", "api.Message"));
    };
    check_keys(map, &MESSAGE_KEYS, &format!("messages.{index}."))?;
    let text = |key: &str| match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(wrong_type(other, "ChatRequest", &format!("messages.{key}"), "string")),
    };
    let role = text("role")?.unwrap_or_default();
    if !["system", "user", "assistant", "tool"].contains(&role.as_str()) {
        return Err((400, format!("messages.{index}: invalid role: \"{role}\"")));
    }
    text("thinking")?;
    let images = list(map, "images", "ChatRequest", "[]api.ImageData")?;
    let images = images.iter().map(parse_image).collect::<Result<Vec<_>, _>>()?;
    if !images.is_empty() && role != "user" {
        return Err((400, format!("messages.{index}: pictures come from the user, not from \"{role}\"")));
    }
    let calls = list(map, "tool_calls", "ChatRequest", "[]api.ToolCall")?;
    let tool_calls = calls.iter().map(parse_tool_call).collect::<Result<Vec<_>, _>>()?;
    let (content, tool_name) = (text("content")?.unwrap_or_default(), text("tool_name")?);
    if role == "tool" && tool_name.is_none() {
        return Err((400, format!("messages.{index}: a tool message needs its `tool_name`")));
    }
    Ok(Message { role, content, images, tool_calls, tool_name })
}

/// Raw base64 alone: Go's decoder stops at the colon of a `data:` URL.
fn parse_image(image: &Value) -> Result<Description, Fault> {
    let Value::String(text) = image else {
        return Err(wrong_type(image, "ChatRequest", "messages.images", "api.ImageData"));
    };
    let Ok(bytes) = STANDARD.decode(text) else {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        let at = text.bytes().position(|byte| !is_base64(byte)).unwrap_or(text.len());
        return Err((400, format!("illegal base64 data at input byte {at}")));
    };
    pictures::describe(&bytes).map_err(|_| bad("Failed to load image or audio file"))
}

fn parse_tool_call(call: &Value) -> Result<(String, Value), Fault> {
    let field = "messages.tool_calls.function";
    let Some(Value::Object(function)) = call.get("function") else {
        return Err(wrong_type(call, "ChatRequest", field, "api.ToolCallFunction"));
    };
    let name = match function.get("name") {
        Some(Value::String(name)) if !name.is_empty() => name.clone(),
        Some(_) | None => return Err(bad("a tool call needs the name of its function")),
    };
    match function.get("arguments") {
        Some(arguments @ Value::Object(_)) => Ok((name, arguments.clone())),
        other => {
            let other = other.unwrap_or(&Value::Null);
            let field = format!("{field}.arguments");
            Err(wrong_type(other, "ChatRequest", &field, "api.ToolCallFunctionArguments"))
        }
    }
}

fn tool_name(tool: &Value) -> Result<String, Fault> {
    let function = tool.get("function");
    let name = function.and_then(|function| function.get("name")).and_then(Value::as_str);
    let parameters = function.and_then(|function| function.get("parameters"));
    match (tool.get("type").and_then(Value::as_str), name, parameters) {
        (Some("function"), Some(name), Some(Value::Object(_))) => Ok(name.to_owned()),
        (_, _, _) => Err(bad("a tool is {\"type\": \"function\", \"function\": {\"name\", \"parameters\"}}")),
    }
}

fn parse_format(format: Option<&Value>) -> Result<Option<Value>, Fault> {
    match format {
        None | Some(Value::Null) => Ok(None),
        Some(schema @ Value::Object(_)) => Ok(Some(schema.clone())),
        Some(Value::String(format)) if format.is_empty() => Ok(None),
        Some(Value::String(format)) if format == "json" => Ok(Some(json!({"type": "object"}))),
        Some(other) => {
            let text = format!("invalid format: {other}; expected \"json\" or a valid JSON Schema object");
            Err((400, text))
        }
    }
}

pub(super) fn check_keys(map: &Map<String, Value>, allowed: &[&str], at: &str) -> Result<(), Fault> {
    match map.keys().find(|key| !allowed.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err((400, format!("unknown field `{at}{key}`"))),
    }
}

pub(super) fn flag(map: &Map<String, Value>, key: &str) -> Result<Option<bool>, Fault> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(wrong_type(other, "ChatRequest", key, "bool")),
    }
}

fn list<'a>(map: &'a Map<String, Value>, key: &str, of: &str, go_type: &str) -> Result<&'a [Value], Fault> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(wrong_type(other, of, key, go_type)),
    }
}

/// The words of Go's JSON decoder.
pub(super) fn wrong_type(value: &Value, of: &str, field: &str, go_type: &str) -> Fault {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    (400, format!("json: cannot unmarshal {kind} into Go struct field {of}.{field} of type {go_type}"))
}

pub(super) fn bad(message: &str) -> Fault {
    (400, message.to_owned())
}
