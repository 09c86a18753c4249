//! Requests of OpenAI's chat completions as clients write them, and what is written for such clients.

mod media;
mod read;
mod write;

use serde_json::{Value, json};

use crate::{ApiError, ChatCall};

/// A request with some fields set.
fn body(fields: Value) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    for (name, value) in fields.as_object().expect("fields are an object") {
        body[name] = value.clone();
    }
    body
}

fn read(fields: Value) -> ChatCall {
    super::read(body(fields)).expect("the request is good")
}

fn refuse(body: Value) -> ApiError {
    super::read(body).expect_err("the request is bad")
}

fn native(call: &ChatCall, model: &str, placed: &[crate::Placed]) -> Value {
    serde_json::from_str(&call.native(model, placed)).expect("a body is JSON")
}
