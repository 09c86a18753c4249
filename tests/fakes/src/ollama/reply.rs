//! What the fake model says, and how it goes over the wire: newline-delimited JSON, or one object.

use serde_json::{Value, json};

use super::chat::Request;
use crate::answer::Answer;
use crate::schema;

/// What the model answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// The text.
    pub text: String,
    /// What it thought before.
    pub thinking: String,
    /// Names and arguments of the tools it calls; the arguments are JSON objects.
    pub tool_calls: Vec<(String, Value)>,
    /// `stop`, unless the answer was cut off by `length`.
    pub done_reason: Option<String>,
}

impl Reply {
    /// Says a text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Calls a tool.
    #[must_use]
    pub fn tool_call(name: &str, arguments: Value) -> Self {
        Self { tool_calls: vec![(name.to_owned(), arguments)], ..Self::default() }
    }

    /// Calls one more tool, in parallel.
    #[must_use]
    pub fn and_tool_call(mut self, name: &str, arguments: Value) -> Self {
        self.tool_calls.push((name.to_owned(), arguments));
        self
    }

    /// Thinks first.
    #[must_use]
    pub fn after_thinking(mut self, thought: &str) -> Self {
        thought.clone_into(&mut self.thinking);
        self
    }
}

/// Repeats what the user said last, and describes the pictures that came along.
pub(super) fn echo(request: &Request) -> Reply {
    let Some(message) = request.last_user_message() else {
        return Reply::text("You said nothing.");
    };
    let mut text = format!("You said: {}", message.content);
    for picture in &message.images {
        text.push_str(&format!(" I see {picture}."));
    }
    match &request.schema {
        Some(schema) => Reply::text(&schema::instance(schema, &text).to_string()),
        None => Reply::text(&text),
    }
}

/// The answer as one JSON object.
#[must_use]
pub fn whole(request: &Request, reply: &Reply) -> Answer {
    let mut message = json!({"role": "assistant", "content": reply.text});
    if !reply.thinking.is_empty() {
        message["thinking"] = json!(reply.thinking);
    }
    if !reply.tool_calls.is_empty() {
        message["tool_calls"] = calls(reply);
    }
    let mut answer = last(request, reply);
    answer["message"] = message;
    Answer::json(200, &answer)
}

/// The answer as newline-delimited JSON, each object in a chunk of its own.
#[must_use]
pub fn stream(request: &Request, reply: &Reply) -> Answer {
    as_stream(&lines(request, reply))
}

/// A stream that breaks with an error line after `count` lines: the status was 200 long before.
#[must_use]
pub fn stream_broken_by(request: &Request, reply: &Reply, count: usize, message: &str) -> Answer {
    let mut lines = lines(request, reply);
    lines.truncate(count);
    lines.push(json!({"error": message}));
    as_stream(&lines)
}

/// An error answer, such as `error(404, "model 'x' not found")`.
#[must_use]
pub fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({"error": message}))
}

/// The answer to a chat without messages, which only loads the model.
pub(super) fn loaded(request: &Request) -> Answer {
    let message = json!({"role": "assistant", "content": ""});
    let answer = json!({
        "model": request.model, "created_at": CREATED_AT, "message": message, "done": true, "done_reason": "load",
    });
    Answer::json(200, &answer)
}

const CREATED_AT: &str = "2026-01-01T00:00:00.123456789Z";

fn as_stream(lines: &[Value]) -> Answer {
    Answer::chunks(200, "application/x-ndjson", lines.iter().map(|line| format!("{line}\n")))
}

fn lines(request: &Request, reply: &Reply) -> Vec<Value> {
    let line =
        |message: Value| json!({"model": request.model, "created_at": CREATED_AT, "message": message, "done": false});
    let mut lines = Vec::new();
    for word in reply.thinking.split_inclusive(' ') {
        lines.push(line(json!({"role": "assistant", "content": "", "thinking": word})));
    }
    for word in reply.text.split_inclusive(' ') {
        lines.push(line(json!({"role": "assistant", "content": word})));
    }
    if !reply.tool_calls.is_empty() {
        lines.push(line(json!({"role": "assistant", "content": "", "tool_calls": calls(reply)})));
    }
    lines.push(last(request, reply));
    lines
}

fn calls(reply: &Reply) -> Value {
    let call = |(name, arguments): &(String, Value)| json!({"function": {"name": name, "arguments": arguments}});
    reply.tool_calls.iter().map(call).collect()
}

fn last(request: &Request, reply: &Reply) -> Value {
    let prompt: usize = request.messages.iter().map(|message| message.content.len() / 4 + 1).sum();
    let answer = reply.text.split_whitespace().count().max(1);
    json!({
        "model": request.model,
        "created_at": CREATED_AT,
        "message": {"role": "assistant", "content": ""},
        "done": true,
        "done_reason": reply.done_reason.as_deref().unwrap_or("stop"),
        "total_duration": 4_883_583_458_u64,
        "load_duration": 1_334_875_u64,
        "prompt_eval_count": prompt,
        "prompt_eval_duration": 342_546_000_u64,
        "eval_count": answer,
        "eval_duration": 4_535_599_000_u64,
    })
}
