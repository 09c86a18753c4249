//! The near misses of the Messages API, with the exact words of each refusal, beside the requests that pass.

mod answer;
mod beta;
mod body;
mod head;
mod picture;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Anthropic, Config};
use crate::client::Call;
use crate::{Running, pictures};

const KEY: &str = "sk-ant-api03-right";
const TOKEN: &str = "sk-ant-oat01-right";

async fn fake() -> Running<Anthropic> {
    Anthropic::start(Config::with_api_key(KEY).and_oauth_token(TOKEN)).await.unwrap()
}

fn bare(body: &Value) -> Call {
    Call::post("/v1/messages", body).header("anthropic-version", "2023-06-01")
}

fn call(body: &Value) -> Call {
    bare(body).header("x-api-key", KEY)
}

fn hello() -> Value {
    json!({"model": "claude-haiku-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello."}]})
}

/// The hello request with some keys replaced; null takes a key out.
fn with(changes: &Value) -> Value {
    let mut body = hello();
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    body
}

fn image(media_type: &str, data: &str) -> Value {
    json!({"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}})
}

fn jpeg() -> Value {
    image("image/jpeg", &STANDARD.encode(pictures::jpeg()))
}

fn user(content: &Value) -> Value {
    with(&json!({"messages": [{"role": "user", "content": content}]}))
}

async fn check(body: Value, expect: &str) {
    check_call(call(&body), expect).await;
}

async fn check_call(call: Call, expect: &str) {
    let fake = fake().await;
    let got = call.send(&fake).await;
    let seen = if got.status == 200 { "200".to_owned() } else { got.error() };
    assert_eq!(seen, expect);
    assert_eq!(fake.refusals().len(), usize::from(got.status != 200));
    assert_eq!(fake.accepted().len(), usize::from(got.status == 200));
}
