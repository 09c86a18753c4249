//! What the fake model says, and how it goes over the wire: one JSON object, or the event stream with its padding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::request::Request;
use crate::answer::Answer;
use crate::pictures::sha256_hex;

/// Words in one `text_delta`.
const WORDS_PER_DELTA: usize = 3;
/// Bytes in one `input_json_delta`; small, so that no fragment is JSON by itself.
const JSON_BYTES_PER_DELTA: usize = 7;

/// What is in a thought that nobody may read.
pub(super) const REDACTED: &str = "redacted";

/// One block of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Text.
    Text(String),
    /// What the model thinks before it answers; it is signed.
    Thinking(String),
    /// What the model thought, closed to the caller.
    RedactedThinking,
    /// A tool call.
    ToolUse {
        /// Names the call.
        id: String,
        /// The tool.
        name: String,
        /// A JSON object.
        input: Value,
    },
}

/// What the model answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The blocks.
    pub content: Vec<Content>,
    /// `end_turn`, `max_tokens`, `tool_use`, `refusal`, …
    pub stop_reason: String,
}

impl Reply {
    /// Says a text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { content: vec![Content::Text(text.to_owned())], stop_reason: "end_turn".to_owned() }
    }

    /// Calls a tool.
    #[must_use]
    pub fn tool_use(id: &str, name: &str, input: Value) -> Self {
        let content = vec![Content::ToolUse { id: id.to_owned(), name: name.to_owned(), input }];
        Self { content, stop_reason: "tool_use".to_owned() }
    }

    /// Thinks first.
    #[must_use]
    pub fn after_thinking(mut self, thought: &str) -> Self {
        self.content.insert(0, Content::Thinking(thought.to_owned()));
        self
    }

    /// Goes on with another block.
    #[must_use]
    pub fn and(mut self, block: Content) -> Self {
        if matches!(block, Content::ToolUse { .. }) {
            self.stop_reason = "tool_use".to_owned();
        }
        self.content.push(block);
        self
    }

    /// Ends for another reason.
    #[must_use]
    pub fn stopped_by(mut self, stop_reason: &str) -> Self {
        self.stop_reason = stop_reason.to_owned();
        self
    }

    /// Cuts the first text that has more words than `max_tokens`: a token is a word here.
    pub(super) fn cut_to(mut self, max_tokens: u64) -> Self {
        let max = usize::try_from(max_tokens).unwrap_or(usize::MAX);
        let long =
            self.content.iter().position(|block| matches!(block, Content::Text(text) if words(text).count() > max));
        let Some(index) = long else { return self };
        self.content.truncate(index + 1);
        if let Some(Content::Text(text)) = self.content.last_mut() {
            *text = words(text).take(max).collect();
        }
        self.stopped_by("max_tokens")
    }
}

/// The answer as one JSON object.
#[must_use]
pub fn whole(request: &Request, reply: &Reply) -> Answer {
    let blocks: Vec<Value> = reply.content.iter().map(block_json).collect();
    let mut message = message_json(request, &json!(blocks), output_tokens(reply));
    if request.body.get("context_management").is_some_and(|management| !management.is_null()) {
        message["context_management"] = json!({"applied_edits": []});
    }
    message["stop_reason"] = json!(reply.stop_reason);
    Answer::json(200, &message)
}

/// The answer as an event stream, each event in a chunk of its own.
#[must_use]
pub fn stream(request: &Request, reply: &Reply) -> Answer {
    as_stream(events(request, reply))
}

/// An event stream that breaks with an `error` event after `count` events: the status was 200 long before.
#[must_use]
pub fn stream_broken_by(request: &Request, reply: &Reply, count: usize, error: (&str, &str)) -> Answer {
    let mut events = events(request, reply);
    events.truncate(count);
    let (kind, message) = error;
    events.push(("error", json!({"type": "error", "error": {"type": kind, "message": message}})));
    as_stream(events)
}

/// The signature of a thought: only what this fake thought itself comes back with a good one.
pub(super) fn signature(thought: &str) -> String {
    STANDARD.encode(sha256_hex(format!("a thought of the fake: {thought}").as_bytes()))
}

fn as_stream(events: Vec<(&'static str, Value)>) -> Answer {
    let chunks = events.iter().enumerate().map(|(index, (name, data))| sse(index, name, data));
    Answer::chunks(200, "text/event-stream; charset=utf-8", chunks).header("cache-control", "no-cache")
}

fn events(request: &Request, reply: &Reply) -> Vec<(&'static str, Value)> {
    let start = message_json(request, &json!([]), 1);
    let mut events = vec![("message_start", json!({"type": "message_start", "message": start}))];
    for (index, block) in reply.content.iter().enumerate() {
        let (start, deltas) = block_events(block);
        let block = json!({"type": "content_block_start", "index": index, "content_block": start});
        events.push(("content_block_start", block));
        if index == 0 {
            events.push(("ping", json!({"type": "ping"})));
        }
        for delta in deltas {
            let delta = json!({"type": "content_block_delta", "index": index, "delta": delta});
            events.push(("content_block_delta", delta));
        }
        events.push(("content_block_stop", json!({"type": "content_block_stop", "index": index})));
    }
    let delta = json!({"stop_reason": reply.stop_reason, "stop_sequence": null});
    let usage = json!({
        "input_tokens": input_tokens(request),
        "cache_creation_input_tokens": request.cached.written,
        "cache_read_input_tokens": request.cached.read,
        "output_tokens": output_tokens(reply),
    });
    let mut end = json!({"type": "message_delta", "delta": delta, "usage": usage});
    if request.body.get("context_management").is_some_and(|management| !management.is_null()) {
        end["context_management"] = json!({"applied_edits": []});
    }
    events.push(("message_delta", end));
    events.push(("message_stop", json!({"type": "message_stop"})));
    events
}

fn block_events(block: &Content) -> (Value, Vec<Value>) {
    match block {
        Content::Text(text) => {
            let words: Vec<&str> = words(text).collect();
            let delta = |words: &[&str]| json!({"type": "text_delta", "text": words.concat()});
            (json!({"type": "text", "text": ""}), words.chunks(WORDS_PER_DELTA).map(delta).collect())
        }
        Content::Thinking(text) => {
            let thought = json!({"type": "thinking_delta", "thinking": text});
            let signature = json!({"type": "signature_delta", "signature": signature(text)});
            (json!({"type": "thinking", "thinking": "", "signature": ""}), vec![thought, signature])
        }
        Content::RedactedThinking => (block_json(block), Vec::new()),
        Content::ToolUse { id, name, input } => {
            let mut deltas = vec![json!({"type": "input_json_delta", "partial_json": ""})];
            let input = input.to_string();
            let chars: Vec<char> = input.chars().collect();
            for fragment in chars.chunks(JSON_BYTES_PER_DELTA) {
                let fragment: String = fragment.iter().collect();
                deltas.push(json!({"type": "input_json_delta", "partial_json": fragment}));
            }
            (json!({"type": "tool_use", "id": id, "name": name, "input": {}}), deltas)
        }
    }
}

fn block_json(block: &Content) -> Value {
    match block {
        Content::Text(text) => json!({"type": "text", "text": text}),
        Content::Thinking(text) => {
            json!({"type": "thinking", "thinking": text, "signature": signature(text)})
        }
        Content::RedactedThinking => json!({"type": "redacted_thinking", "data": signature(REDACTED)}),
        Content::ToolUse { id, name, input } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": input})
        }
    }
}

fn message_json(request: &Request, content: &Value, output_tokens: usize) -> Value {
    json!({
        "id": format!("msg_01{}", &sha256_hex(request.body.to_string().as_bytes())[..22]),
        "type": "message",
        "role": "assistant",
        "model": request.dated_model,
        "content": content,
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {
            "input_tokens": input_tokens(request),
            "cache_creation_input_tokens": request.cached.written,
            "cache_read_input_tokens": request.cached.read,
            "cache_creation": {"ephemeral_5m_input_tokens": request.cached.written, "ephemeral_1h_input_tokens": 0},
            "output_tokens": output_tokens,
            "service_tier": "standard",
        },
    })
}

/// One event. The real service pads its JSON with spaces before and after the last brace; so does this.
fn sse(index: usize, name: &str, data: &Value) -> String {
    let data = data.to_string();
    let inner = data.strip_suffix('}').unwrap_or(&data);
    let (before, after) = (" ".repeat(index * 5 % 16), " ".repeat(index * 3 % 7));
    format!("event: {name}\ndata: {inner}{before}}}{after}\n\n")
}

/// The words of a text, each with the spaces before it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest[start..].find(char::is_whitespace).map_or(rest.len(), |end| start + end);
        let (word, tail) = rest.split_at(end);
        rest = tail;
        (!word.is_empty()).then_some(word)
    })
}

/// A rough count that grows with the request: a picture costs its pixels, text four letters a token.
pub(super) fn input_tokens(request: &Request) -> usize {
    let pixels = |p: &crate::pictures::Description| p.width as usize * p.height as usize / 750 + 1;
    let pictures: usize = request.pictures().iter().map(pixels).sum();
    pictures + request.last_user_text().len() / 4 + request.system.len() / 4 + 8
}

fn output_tokens(reply: &Reply) -> usize {
    let tokens = |block: &Content| match block {
        Content::Text(text) | Content::Thinking(text) => words(text).count(),
        Content::RedactedThinking => 1,
        Content::ToolUse { input, .. } => input.to_string().len() / 4 + 8,
    };
    reply.content.iter().map(tokens).sum::<usize>().max(1)
}
