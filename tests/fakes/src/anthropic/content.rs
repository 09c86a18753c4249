//! The content blocks of a message: their shape, and which of them belong together.

use serde_json::Value;

use super::error::ApiError;
use super::field::{is_name, keys, text_field};
use super::image;
use super::reply::{REDACTED, signature};
use super::request::{Role, Turn};
use crate::pictures::Description;

/// One block of content that passed the checks.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Text.
    Text(String),
    /// A picture, decoded.
    Image(Description),
    /// A document; its bytes are not looked at.
    Document,
    /// What the model thought, with a signature of this fake.
    Thinking(String),
    /// What the model thought, closed by this fake.
    RedactedThinking,
    /// A tool that the service ran itself, or what came of it; not looked at.
    Server(Value),
    /// A tool call of the model.
    ToolUse {
        /// Names the call.
        id: String,
        /// The tool.
        name: String,
        /// A JSON object.
        input: Value,
    },
    /// What came of a tool call.
    ToolResult {
        /// The call.
        id: String,
        /// Text and pictures.
        content: Vec<Block>,
        /// Whether the tool failed.
        is_error: bool,
    },
}

/// Parses `content`, which is a text or a list of blocks.
pub(super) fn parse(content: Option<&Value>, role: Role, at: &str) -> Result<Vec<Block>, ApiError> {
    match content {
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text_block(text)?]),
        Some(Value::Array(blocks)) => {
            let parse = |(index, block)| parse_block(block, role, &format!("{at}.content.{index}"));
            blocks.iter().enumerate().map(parse).collect()
        }
        Some(_) => Err(ApiError::invalid(format!("{at}.content: Input should be a valid list"))),
        None => Err(ApiError::invalid(format!("{at}.content: Field required"))),
    }
}

/// Checks that each tool call is answered by the very next message, and that nothing else is.
pub(super) fn check_tools(turns: &[Turn]) -> Result<(), ApiError> {
    for (index, turn) in turns.iter().enumerate() {
        let calls = turn.content.iter().filter_map(|block| match block {
            Block::ToolUse { id, .. } => Some(id.as_str()),
            _ => None,
        });
        let next = turns.get(index + 1).map_or(&[][..], |turn| &turn.content);
        let answered: Vec<&str> = results(next).collect();
        let open: Vec<&str> = calls.filter(|id| !answered.contains(id)).collect();
        if !open.is_empty() {
            return Err(ApiError::invalid(format!(
                "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
                open.join(", ")
            )));
        }
        let before = index.checked_sub(1).and_then(|before| turns.get(before)).map_or(&[][..], |turn| &turn.content);
        check_results(&turn.content, before, index)?;
    }
    Ok(())
}

fn check_results(content: &[Block], before: &[Block], index: usize) -> Result<(), ApiError> {
    let is_called =
        |wanted: &str| before.iter().any(|block| matches!(block, Block::ToolUse { id, .. } if id == wanted));
    for id in results(content) {
        if !is_called(id) {
            return Err(ApiError::invalid(format!(
                "messages.{index}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )));
        }
    }
    let first_other = content.iter().position(|block| !matches!(block, Block::ToolResult { .. }));
    let last_result = content.iter().rposition(|block| matches!(block, Block::ToolResult { .. }));
    match (first_other, last_result) {
        (Some(other), Some(result)) if other < result => {
            let text = "`tool_result` blocks must come first in the content of a message";
            Err(ApiError::invalid(format!("messages.{index}.content.{result}: {text}")))
        }
        (_, _) => Ok(()),
    }
}

fn results(content: &[Block]) -> impl Iterator<Item = &str> {
    content.iter().filter_map(|block| match block {
        Block::ToolResult { id, .. } => Some(id.as_str()),
        _ => None,
    })
}

fn parse_block(block: &Value, role: Role, at: &str) -> Result<Block, ApiError> {
    let kind = text_field(block, "type", at)?;
    let (own_role, allowed): (Option<Role>, &[&str]) = match kind {
        "text" => (None, &["type", "text", "cache_control", "citations"]),
        "image" => (Some(Role::User), &["type", "source", "cache_control"]),
        "document" => (Some(Role::User), &["type", "source", "cache_control", "citations", "context", "title"]),
        "tool_result" => (Some(Role::User), &["type", "tool_use_id", "content", "is_error", "cache_control"]),
        "tool_use" => (Some(Role::Assistant), &["type", "id", "name", "input", "cache_control"]),
        "thinking" => (Some(Role::Assistant), &["type", "thinking", "signature"]),
        "redacted_thinking" => (Some(Role::Assistant), &["type", "data"]),
        "server_tool_use" => (Some(Role::Assistant), &["type", "id", "name", "input", "cache_control"]),
        "web_search_tool_result" => (Some(Role::Assistant), &["type", "tool_use_id", "content", "cache_control"]),
        other => {
            let text = format!(
                "{at}: Input tag '{other}' found using 'type' does not match any of the expected tags: 'document', 'image', 'redacted_thinking', 'server_tool_use', 'text', 'thinking', 'tool_result', 'tool_use', 'web_search_tool_result'"
            );
            return Err(ApiError::invalid(text));
        }
    };
    keys(block, allowed, &format!("{at}.{kind}"))?;
    if own_role.is_some_and(|own| own != role) {
        let text = format!("messages: `{kind}` blocks can only be in `{}` messages", role.other().name());
        return Err(ApiError::invalid(text));
    }
    match kind {
        "text" => text_block(text_field(block, "text", &format!("{at}.text"))?),
        "image" => image::check(block.get("source"), at).map(Block::Image),
        "thinking" => thinking(block, at),
        "redacted_thinking" => redacted(block, at),
        "server_tool_use" | "web_search_tool_result" => Ok(Block::Server(block.clone())),
        "tool_use" => tool_use(block, &format!("{at}.tool_use")),
        "tool_result" => tool_result(block, at),
        _ => Ok(Block::Document),
    }
}

fn text_block(text: &str) -> Result<Block, ApiError> {
    if text.is_empty() {
        return Err(ApiError::invalid("messages: text content blocks must be non-empty"));
    }
    if text.trim().is_empty() {
        return Err(ApiError::invalid("messages: text content blocks must contain non-whitespace text"));
    }
    Ok(Block::Text(text.to_owned()))
}

fn thinking(block: &Value, at: &str) -> Result<Block, ApiError> {
    let path = format!("{at}.thinking");
    let text = text_field(block, "thinking", &path)?;
    match text_field(block, "signature", &path)? == signature(text) {
        true => Ok(Block::Thinking(text.to_owned())),
        false => Err(ApiError::invalid(format!("{at}: Invalid `signature` in `thinking` block"))),
    }
}

fn redacted(block: &Value, at: &str) -> Result<Block, ApiError> {
    match text_field(block, "data", &format!("{at}.redacted_thinking"))? == signature(REDACTED) {
        true => Ok(Block::RedactedThinking),
        false => Err(ApiError::invalid(format!("{at}: Invalid `data` in `redacted_thinking` block"))),
    }
}

/// While the model thinks, the answer whose tools have just run must still begin with its thought.
pub(super) fn check_thoughts(turns: &[Turn], body: &Value) -> Result<(), ApiError> {
    let kind = body.get("thinking").and_then(|thinking| thinking.get("type")).and_then(Value::as_str);
    let [.., answer, results] = turns else { return Ok(()) };
    let has_results = results.content.iter().any(|block| matches!(block, Block::ToolResult { .. }));
    let first = answer.content.first();
    if kind != Some("enabled") || !has_results || matches!(first, Some(Block::Thinking(_) | Block::RedactedThinking)) {
        return Ok(());
    }
    let found = if matches!(first, Some(Block::Text(_))) { "text" } else { "tool_use" };
    Err(ApiError::invalid(format!(
        "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).",
        turns.len() - 2
    )))
}

fn tool_use(block: &Value, at: &str) -> Result<Block, ApiError> {
    let (id, name) = (text_field(block, "id", at)?, text_field(block, "name", at)?);
    if !is_name(id, usize::MAX) {
        return Err(ApiError::invalid(format!("{at}.id: String should match pattern '^[a-zA-Z0-9_-]+$'")));
    }
    if !is_name(name, 200) {
        return Err(ApiError::invalid(format!("{at}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,200}}$'")));
    }
    match block.get("input") {
        Some(input @ Value::Object(_)) => {
            Ok(Block::ToolUse { id: id.to_owned(), name: name.to_owned(), input: input.clone() })
        }
        Some(_) => Err(ApiError::invalid(format!("{at}.input: Input should be a valid dictionary"))),
        None => Err(ApiError::invalid(format!("{at}.input: Field required"))),
    }
}

fn tool_result(block: &Value, at: &str) -> Result<Block, ApiError> {
    let path = format!("{at}.tool_result");
    let id = text_field(block, "tool_use_id", &path)?.to_owned();
    let content = match block.get("content") {
        None => Vec::new(),
        Some(content) => parse(Some(content), Role::User, &path)?,
    };
    let is_error = match block.get("is_error") {
        None => false,
        Some(Value::Bool(is_error)) => *is_error,
        Some(_) => {
            return Err(ApiError::invalid(format!("{path}.is_error: Input should be a valid boolean")));
        }
    };
    match content.iter().find(|block| !matches!(block, Block::Text(_) | Block::Image(_) | Block::Document)) {
        None => Ok(Block::ToolResult { id, content, is_error }),
        Some(_) => Err(ApiError::invalid(format!("{path}.content: only text, images and documents can be results"))),
    }
}
