//! The near misses of the `OpenAI` API, with the exact words of each refusal, beside the requests that pass.

mod answer;
mod chat;
mod head;
mod responses;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Config, OpenAi};
use crate::Running;
use crate::client::{Call, Got};

const KEY: &str = "sk-proj-right-0123456789";

async fn fake() -> Running<OpenAi> {
    OpenAi::start(Config::with_api_key(KEY)).await.unwrap()
}

fn post(path: &str, body: &Value) -> Call {
    Call::post(path, body).header("authorization", &format!("Bearer {KEY}"))
}

/// A body with some keys replaced; null takes a key out.
fn changed(mut body: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    body
}

fn chat(changes: &Value) -> Call {
    let hello = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello."}]});
    post("/v1/chat/completions", &changed(hello, changes))
}

fn responses(changes: &Value) -> Call {
    post("/v1/responses", &changed(json!({"model": "gpt-4o-mini", "input": "Hello."}), changes))
}

fn data_url(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}

/// Status, code, parameter and text of an error.
fn refusal(got: &Got) -> String {
    let error = &got.json()["error"];
    let word = |key: &str| error[key].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}: {}", got.status, word("code"), word("param"), word("message"))
}

async fn check(call: Call, expect: &str) {
    let fake = fake().await;
    let got = call.send(&fake).await;
    let seen = if got.status == 200 { "200".to_owned() } else { refusal(&got) };
    assert!(seen.starts_with(expect), "{seen}\nis not\n{expect}");
    assert_eq!(fake.refusals().len(), usize::from(got.status != 200));
}

/// The events of a stream: the name, where there is one, and the data.
fn events(got: &Got) -> Vec<(String, String)> {
    let parse = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap_or(("", event));
        let data = data.strip_prefix("data: ").unwrap().to_owned();
        (name.trim_start_matches("event: ").to_owned(), data)
    };
    got.body.split_terminator("\n\n").filter(|event| !event.starts_with(':')).map(parse).collect()
}

/// The data of a stream as JSON, without the `[DONE]` at its end.
fn data(got: &Got) -> Vec<Value> {
    let events = events(got).into_iter().filter(|(_, data)| data != "[DONE]");
    events.map(|(_, data)| serde_json::from_str(&data).unwrap()).collect()
}
