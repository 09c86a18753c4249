//! Requests of Anthropic's messages as clients write them, and what is written for such clients.

mod read;
mod write;

use serde_json::{Value, json};

use crate::{ApiError, ChatCall, Dialect, read_chat};

/// What a coding agent sends, shortened: many tools, a system prompt in three blocks, thinking, edits of the context.
const CLAUDE_CODE: &str = include_str!("claude-code.json");

fn claude_code() -> Value {
    serde_json::from_str(CLAUDE_CODE).expect("the fixture is JSON")
}

/// A request with some fields set.
fn body(fields: Value) -> Value {
    let mut body = json!({ "model": "m", "max_tokens": 9, "messages": [{ "role": "user", "content": "hi" }] });
    for (name, value) in fields.as_object().expect("fields are an object") {
        body[name] = value.clone();
    }
    body
}

fn read_body(body: &Value) -> Result<ChatCall, ApiError> {
    read_chat(Dialect::AnthropicMessages, body.to_string().as_bytes())
}

fn read(fields: Value) -> ChatCall {
    read_body(&body(fields)).expect("the request is good")
}

fn refuse(body: Value) -> ApiError {
    read_body(&body).expect_err("the request is bad")
}
