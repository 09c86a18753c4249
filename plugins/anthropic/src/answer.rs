//! What an answer says, streamed or whole. Both forms give the same output; errors before the answer are `fault`'s.

use creel_sdk::provider::{CallError, Fault, Finish, Output, Usage};
use creel_sdk::{Io, ReadError, Response, SseStream};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fault;

/// Marks the signature of reasoning that the provider does not show, so that it can be handed back.
pub(crate) const REDACTED_PREFIX: &str = "redacted:";

/// Totals before anything was said of them.
pub(crate) const NOTHING_USED: Usage =
    Usage { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0, reasoning_tokens: 0 };

/// A whole answer, or what of it a stream begins with.
#[derive(Deserialize)]
pub(crate) struct Message {
    #[serde(default)]
    content: Vec<Block>,
    stop_reason: Option<String>,
    usage: Option<Tokens>,
}

/// One event of a stream. One flat type reads faster than a tagged enum, and unknown events and fields are skipped.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    index: usize,
    message: Option<Message>,
    content_block: Option<Block>,
    delta: Option<Delta>,
    usage: Option<Tokens>,
    error: Option<fault::Detail>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    partial_json: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    stop_reason: Option<String>,
}

/// What an event says of the totals.
#[derive(Clone, Copy, Default, Deserialize)]
pub(crate) struct Tokens {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

/// A block of the stream that has begun and not ended.
enum Open {
    /// Text, or something that is not passed on.
    Plain,
    Thinking {
        signature: String,
    },
    Tool {
        index: u32,
        has_arguments: bool,
        input: Option<Map<String, Value>>,
    },
}

/// Follows an answer and puts out what it says.
struct Follower<'a> {
    out: &'a Output,
    /// Blocks by the provider's index; they come one after the other.
    open: Vec<(usize, Open)>,
    tools: u32,
    usage: Usage,
    stop_reason: Option<String>,
}

/// Reads a streamed answer to its end.
///
/// # Errors
///
/// What the provider says in the midst of the stream, and a stream that breaks off or is none.
pub(crate) async fn stream(response: Response, io: &Io, out: &Output) -> Result<(), CallError> {
    let mut events = response.sse();
    let mut follower = Follower::new(out);
    let has_stopped = loop {
        let Some(event) = next(&mut events).await? else {
            break false;
        };
        match event.kind.as_str() {
            "error" => return Err(fault::in_stream(event.error)),
            "message_stop" => break true,
            _ => follower.follow(event),
        }
    };
    if !has_stopped && follower.stop_reason.is_none() {
        let message = "the stream ended before the answer did";
        return Err(CallError::new(Fault::MalformedResponse, message));
    }
    follower.finish();
    if has_stopped {
        events.drain(io).await;
    }
    Ok(())
}

/// Puts out a whole answer.
pub(crate) fn whole(message: Message, out: &Output) {
    let mut follower = Follower::new(out);
    for (index, block) in message.content.into_iter().enumerate() {
        follower.begin(index, block);
        follower.end(index);
    }
    follower.stop_reason = message.stop_reason;
    follower.count(message.usage);
    follower.finish();
}

async fn next(events: &mut SseStream) -> Result<Option<Event>, CallError> {
    let Some(event) = events.next().await? else {
        return Ok(None);
    };
    if event.data == "[DONE]" {
        // Compatible servers end so.
        return Ok(None);
    }
    let event = serde_json::from_str(&event.data).map_err(ReadError::Json)?;
    Ok(Some(event))
}

impl<'a> Follower<'a> {
    fn new(out: &'a Output) -> Self {
        Self { out, open: Vec::new(), tools: 0, usage: NOTHING_USED, stop_reason: None }
    }

    fn follow(&mut self, event: Event) {
        match event.kind.as_str() {
            "message_start" => self.count(event.message.and_then(|message| message.usage)),
            "content_block_start" => {
                if let Some(block) = event.content_block {
                    self.begin(event.index, block);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = event.delta {
                    self.add(event.index, delta);
                }
            }
            "content_block_stop" => self.end(event.index),
            "message_delta" => {
                self.stop_reason = event.delta.and_then(|delta| delta.stop_reason).or(self.stop_reason.take());
                self.count(event.usage);
            }
            // `ping`, and what is not known yet.
            _ => {}
        }
    }

    fn begin(&mut self, index: usize, block: Block) {
        let open = match block.kind.as_str() {
            "tool_use" => {
                let tool = self.tools;
                self.tools += 1;
                self.out.tool_call_start(tool, block.id.unwrap_or_default(), block.name.unwrap_or_default());
                Open::Tool { index: tool, has_arguments: false, input: block.input }
            }
            "thinking" => {
                self.out.reasoning(block.thinking.unwrap_or_default());
                Open::Thinking { signature: block.signature.unwrap_or_default() }
            }
            "redacted_thinking" => {
                let data = block.data.unwrap_or_default();
                self.out.reasoning_signature(format!("{REDACTED_PREFIX}{data}"));
                Open::Plain
            }
            "text" => {
                self.out.text(block.text.unwrap_or_default());
                Open::Plain
            }
            _ => Open::Plain,
        };
        self.open.push((index, open));
    }

    fn add(&mut self, index: usize, delta: Delta) {
        let open = self.open.iter_mut().rev().find(|(at, _)| *at == index).map(|(_, open)| open);
        if let Some(text) = delta.text {
            self.out.text(text);
        }
        if let Some(thinking) = delta.thinking {
            self.out.reasoning(thinking);
        }
        match (open, delta.partial_json, delta.signature) {
            (Some(Open::Tool { index, has_arguments, .. }), Some(json), _) => {
                *has_arguments |= !json.is_empty();
                self.out.tool_call_arguments(*index, json);
            }
            (Some(Open::Thinking { signature }), _, Some(more)) => signature.push_str(&more),
            (Some(_) | None, _, _) => {}
        }
    }

    fn end(&mut self, index: usize) {
        let Some(place) = self.open.iter().rposition(|(at, _)| *at == index) else {
            return;
        };
        match self.open.remove(place).1 {
            Open::Plain => {}
            Open::Thinking { signature } if signature.is_empty() => {}
            Open::Thinking { signature } => self.out.reasoning_signature(signature),
            Open::Tool { has_arguments: true, .. } => {}
            Open::Tool { index, input, .. } => {
                let input = Value::Object(input.unwrap_or_default());
                self.out.tool_call_arguments(index, input.to_string());
            }
        }
    }

    fn count(&mut self, tokens: Option<Tokens>) {
        if let Some(tokens) = tokens {
            tokens.add_to(&mut self.usage);
            self.out.usage(self.usage);
        }
    }

    fn finish(&mut self) {
        let open: Vec<_> = self.open.iter().map(|(index, _)| *index).collect();
        for index in open {
            self.end(index);
        }
        self.out.finished(finish(self.stop_reason.as_deref()));
    }
}

impl Tokens {
    /// Takes new totals over; what they leave out stays.
    pub(crate) fn add_to(self, usage: &mut Usage) {
        for (total, new) in [
            (&mut usage.input_tokens, self.input_tokens),
            (&mut usage.output_tokens, self.output_tokens),
            (&mut usage.cache_read_tokens, self.cache_read_input_tokens),
            (&mut usage.cache_write_tokens, self.cache_creation_input_tokens),
        ] {
            *total = new.unwrap_or(*total);
        }
    }
}

/// Why the model stopped, by the provider's word for it.
pub(crate) fn finish(stop_reason: Option<&str>) -> Finish {
    match stop_reason {
        Some("end_turn" | "stop_sequence") => Finish::Stop,
        Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
        Some("tool_use") => Finish::ToolCalls,
        Some("refusal") => Finish::ContentFilter,
        Some(_) | None => Finish::Other,
    }
}
