//! The body of a message request: what must be there, what may be, and the texts of the refusals.

use serde_json::Value;

use super::Model;
use super::beta;
use super::cache::Cached;
use super::content::{self, Block};
use super::error::ApiError;
use super::field::{count_field, keys, text_field};
use super::image;
use super::parameters::{check_sampling, check_thinking, parse_schema, parse_tools};
use crate::pictures::Description;

/// The keys that a request may have at its top.
const KEYS: [&str; 18] = [
    "model",
    "messages",
    "max_tokens",
    "system",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "tools",
    "tool_choice",
    "thinking",
    "metadata",
    "service_tier",
    "container",
    "context_management",
    "output_config",
    "cache_control",
];

/// The keys that a request to count tokens may have at its top.
const COUNT_KEYS: [&str; 9] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "context_management",
    "output_config",
    "cache_control",
];

/// The first words of the system prompt that an OAuth token needs on any model but Haiku.
const CLAUDE_CODE: &str = "You are Claude Code, Anthropic's official CLI for Claude.";

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The caller.
    User,
    /// The model.
    Assistant,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::User => Self::Assistant,
            Self::Assistant => Self::User,
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What was said.
    pub content: Vec<Block>,
}

/// A message request that passed every check.
#[derive(Clone, Debug)]
pub struct Request {
    /// The model as the caller named it.
    pub model: String,
    /// The model's dated name, as answers have it.
    pub dated_model: String,
    /// Whether the answer shall be streamed.
    pub stream: bool,
    /// The most tokens that the answer may have.
    pub max_tokens: u64,
    /// The system prompt, its blocks joined by line breaks.
    pub system: String,
    /// The conversation.
    pub turns: Vec<Turn>,
    /// The names of the tools.
    pub tools: Vec<String>,
    /// The betas that the request named, in their order.
    pub betas: Vec<String>,
    /// The schema that the answer shall follow.
    pub schema: Option<Value>,
    /// What of the prompt was in the cache.
    pub cached: Cached,
    /// The body as it came.
    pub body: Value,
}

impl Request {
    /// The text of the last message of the user, its blocks joined by line breaks.
    #[must_use]
    pub fn last_user_text(&self) -> String {
        let texts = self.last_user_turn().iter().filter_map(|block| match block {
            Block::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// The pictures of the last message of the user, those in tool results included.
    #[must_use]
    pub fn last_user_pictures(&self) -> Vec<Description> {
        pictures(self.last_user_turn()).into_iter().cloned().collect()
    }

    /// The pictures of the whole conversation, oldest first, those in tool results included.
    #[must_use]
    pub fn pictures(&self) -> Vec<Description> {
        self.turns.iter().flat_map(|turn| pictures(&turn.content)).cloned().collect()
    }

    pub(super) fn last_user_turn(&self) -> &[Block] {
        let turn = self.turns.iter().rev().find(|turn| turn.role == Role::User);
        turn.map_or(&[], |turn| &turn.content)
    }

    pub(super) fn may_use_oauth(&self) -> bool {
        self.model.contains("haiku") || self.system.starts_with(CLAUDE_CODE)
    }

    pub(super) fn parse(body: &Value, models: &[Model], betas: Vec<String>) -> Result<Self, ApiError> {
        keys(body, &KEYS, "")?;
        let max_tokens = |_: &Model| count_field(body, "max_tokens");
        Self::parse_with(body, models, betas, max_tokens)
    }

    /// Parses a request to count tokens, which says nothing of an answer.
    pub(super) fn parse_count(body: &Value, models: &[Model], betas: Vec<String>) -> Result<Self, ApiError> {
        keys(body, &COUNT_KEYS, "")?;
        Self::parse_with(body, models, betas, |model| Ok(model.output_tokens_max))
    }

    fn parse_with(
        body: &Value,
        models: &[Model],
        betas: Vec<String>,
        max_tokens: impl Fn(&Model) -> Result<u64, ApiError>,
    ) -> Result<Self, ApiError> {
        if !body.is_object() {
            return Err(ApiError::invalid("Input should be a valid dictionary or object to extract fields from"));
        }
        let name = text_field(body, "model", "")?;
        let turns = parse_turns(body.get("messages"))?;
        let system = parse_system(body.get("system"))?;
        let tools = parse_tools(body)?;
        let stream = match body.get("stream") {
            None => false,
            Some(Value::Bool(stream)) => *stream,
            Some(_) => return Err(ApiError::invalid("stream: Input should be a valid boolean")),
        };
        let Some(model) = models.iter().find(|model| model.id == name || model.dated_id == name) else {
            return Err(ApiError::not_found(format!("model: {name}")));
        };
        let max_tokens = max_tokens(model)?;
        if max_tokens > model.output_tokens_max {
            let (max, id) = (model.output_tokens_max, &model.dated_id);
            let text = format!(
                "max_tokens: {max_tokens} > {max}, which is the maximum allowed number of output tokens for {id}"
            );
            return Err(ApiError::invalid(text));
        }
        check_sampling(body, model)?;
        check_thinking(body, max_tokens)?;
        content::check_thoughts(&turns, body)?;
        beta::check(body, &betas)?;
        let schema = parse_schema(body.get("output_config"))?;
        let cached = Cached::default();
        let (name, dated_model) = (name.to_owned(), model.dated_id.clone());
        let body = body.clone();
        Ok(Self { model: name, dated_model, stream, max_tokens, system, turns, tools, betas, schema, cached, body })
    }
}

fn pictures(content: &[Block]) -> Vec<&Description> {
    let mut found = Vec::new();
    for block in content {
        match block {
            Block::Image(picture) => found.push(picture),
            Block::ToolResult { content, .. } => found.extend(pictures(content)),
            Block::Text(_)
            | Block::Document
            | Block::Thinking(_)
            | Block::RedactedThinking
            | Block::ToolUse { .. }
            | Block::Server(_) => {}
        }
    }
    found
}

fn parse_turns(messages: Option<&Value>) -> Result<Vec<Turn>, ApiError> {
    let messages = match messages {
        Some(Value::Array(messages)) => messages,
        Some(_) => return Err(ApiError::invalid("messages: Input should be a valid list")),
        None => return Err(ApiError::invalid("messages: Field required")),
    };
    if messages.is_empty() {
        return Err(ApiError::invalid("messages: at least one message is required"));
    }
    let turns = messages.iter().enumerate().map(parse_turn).collect::<Result<Vec<_>, _>>()?;
    check_order(&turns)?;
    content::check_tools(&turns)?;
    let pictures: Vec<_> = turns.iter().flat_map(|turn| pictures(&turn.content)).collect();
    image::check_together(&pictures)?;
    Ok(turns)
}

fn parse_turn((index, message): (usize, &Value)) -> Result<Turn, ApiError> {
    let at = format!("messages.{index}");
    keys(message, &["role", "content"], &at)?;
    let role = match text_field(message, "role", &at)? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => {
            let text = "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \"system\" as an input message role.";
            return Err(ApiError::invalid(text));
        }
        other => {
            let text = format!("messages: Unexpected role \"{other}\". Allowed roles are \"user\" or \"assistant\"");
            return Err(ApiError::invalid(text));
        }
    };
    let content = content::parse(message.get("content"), role, &at)?;
    Ok(Turn { role, content })
}

fn check_order(turns: &[Turn]) -> Result<(), ApiError> {
    if turns.first().is_some_and(|turn| turn.role != Role::User) {
        return Err(ApiError::invalid("messages: first message must use the \"user\" role"));
    }
    if let Some([turn, _]) = turns.array_windows().find(|[turn, next]| turn.role == next.role) {
        let text = "messages: roles must alternate between \"user\" and \"assistant\", but found multiple";
        return Err(ApiError::invalid(format!("{text} \"{}\" roles in a row", turn.role.name())));
    }
    let last = turns.len() - 1;
    for (index, turn) in turns.iter().enumerate() {
        if turn.content.is_empty() && (turn.role == Role::User || index != last) {
            let text = "all messages must have non-empty content except for the optional final assistant message";
            return Err(ApiError::invalid(format!("messages.{index}: {text}")));
        }
    }
    match turns.last().map(|turn| (turn.role, turn.content.last())) {
        Some((Role::Assistant, Some(Block::Text(text)))) if text.trim_end() != text => {
            Err(ApiError::invalid("messages: final assistant content cannot end with trailing whitespace"))
        }
        Some(_) | None => Ok(()),
    }
}

fn parse_system(system: Option<&Value>) -> Result<String, ApiError> {
    match system {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(blocks)) => {
            let mut texts = Vec::new();
            for (index, block) in blocks.iter().enumerate() {
                let at = format!("system.{index}");
                keys(block, &["type", "text", "cache_control", "citations"], &at)?;
                match (text_field(block, "type", &at)?, text_field(block, "text", &at)?) {
                    ("text", "") => {
                        return Err(ApiError::invalid("system: text content blocks must be non-empty"));
                    }
                    ("text", text) => texts.push(text),
                    (_, _) => {
                        return Err(ApiError::invalid(format!("{at}.type: Input should be 'text'")));
                    }
                }
            }
            Ok(texts.join("\n"))
        }
        Some(_) => Err(ApiError::invalid("system: Input should be a valid list")),
    }
}
