//! The events of Anthropic's messages and the parts of its answers, as they stand on the wire. When which of them is
//! written is known to `stream` and `whole`.

use serde::Serialize;
use serde_json::Value;

use crate::{Finish, Usage};

/// `data` of an event.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event<'a> {
    MessageStart { message: MessageBody<'a> },
    ContentBlockStart { index: usize, content_block: Block<'a> },
    ContentBlockDelta { index: usize, delta: Delta<'a> },
    ContentBlockStop { index: usize },
    Ping,
    MessageDelta { delta: Ending, usage: Tokens },
    MessageStop,
}

impl Event<'_> {
    /// The name of the event, the same as its `type`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::Ping => "ping",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }
}

/// An answer: whole, or before its first block.
#[derive(Serialize)]
#[serde(tag = "type", rename = "message")]
pub(super) struct MessageBody<'a> {
    pub(super) id: &'a str,
    pub(super) role: &'static str,
    pub(super) model: &'a str,
    pub(super) content: Vec<Block<'a>>,
    pub(super) stop_reason: Option<&'static str>,
    pub(super) stop_sequence: Option<&'a str>,
    pub(super) usage: Tokens,
}

/// A block of an answer: whole, or as it starts.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text { text: &'a str },
    Thinking { thinking: &'a str, signature: &'a str },
    RedactedThinking { data: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: Value },
}

/// More of a block.
#[derive(Serialize)]
#[serde(tag = "type")]
pub(super) enum Delta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
}

/// How an answer ends.
#[derive(Serialize)]
pub(super) struct Ending {
    pub(super) stop_reason: &'static str,
    pub(super) stop_sequence: Option<&'static str>,
}

/// Tokens, in the dialect's words.
#[derive(Serialize)]
pub(super) struct Tokens {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
}

impl Tokens {
    pub(super) fn of(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input,
            cache_creation_input_tokens: usage.cache_write,
            cache_read_input_tokens: usage.cache_read,
            output_tokens: usage.output,
        }
    }
}

/// Why an answer ends. A client carries tools out by this word, so that it follows what was called: there are providers
/// that call tools and say `stop`.
pub(super) fn stop_reason(finish: Option<Finish>, calls_tools: bool) -> &'static str {
    match (finish, calls_tools) {
        (Some(Finish::Length), _) => "max_tokens",
        (Some(Finish::ContentFilter), _) => "refusal",
        (Some(Finish::Stop | Finish::ToolCalls | Finish::Other) | None, true) => "tool_use",
        (Some(Finish::Stop | Finish::ToolCalls | Finish::Other) | None, false) => "end_turn",
    }
}
