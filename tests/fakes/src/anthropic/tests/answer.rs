//! What comes back: words, streams, failures.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::reply::signature;
use super::super::{Anthropic, Config, Content, Reply, overloaded, rate_limited, stream, stream_broken_by};
use super::{KEY, bare, call, fake, hello, image, jpeg, user, with};
use crate::client::Got;
use crate::{Gate, pictures};

/// The events of a stream: name and data.
fn events(got: &Got) -> Vec<(String, Value)> {
    let parse = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        (name.strip_prefix("event: ").unwrap().to_owned(), data)
    };
    got.body.split_terminator("\n\n").map(parse).collect()
}

#[tokio::test]
async fn the_answer_says_what_the_pictures_are() {
    let fake = fake().await;
    let png = image("image/png", &STANDARD.encode(pictures::png()));
    let body = user(&json!([jpeg(), png, {"type": "text", "text": "What do you see?"}]));
    let got = call(&body).send(&fake).await;
    let (jpeg, png) = (pictures::sha256_hex(&pictures::jpeg()), pictures::sha256_hex(&pictures::png()));
    let expect = format!(
        "I see 2 pictures: a 640x480 JPEG, mainly orange, sha256 {jpeg}; a 200x100 PNG, mainly blue, sha256 {png}. You said: What do you see?"
    );
    let message = got.json();
    assert_eq!(message["content"][0]["text"], expect);
    assert_eq!((&message["model"], &message["stop_reason"]), (&json!("claude-haiku-4-5-20251001"), &json!("end_turn")));
    assert!(got.header("request-id").starts_with("req_011C"));
    assert_eq!(got.header("anthropic-ratelimit-requests-limit"), "4000");
    let pictures = fake.accepted()[0].pictures();
    assert_eq!(pictures.iter().map(|picture| picture.sha256.clone()).collect::<Vec<_>>(), [jpeg, png]);
}

#[tokio::test]
async fn a_stream_has_the_events_of_the_service_in_order() {
    let fake = fake().await;
    let got = call(&with(&json!({"stream": true}))).send(&fake).await;
    assert_eq!(got.header("content-type"), "text/event-stream; charset=utf-8");
    let events = events(&got);
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let expect = [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names, expect);
    assert!(events.iter().all(|(name, data)| data["type"] == *name));
    assert_eq!(events[0].1["message"]["usage"]["output_tokens"], 1);
    assert_eq!(events[0].1["message"]["model"], "claude-haiku-4-5-20251001");
    assert_eq!(events[3].1["delta"], json!({"type": "text_delta", "text": "You said: Hello."}));
    assert_eq!(events[5].1["delta"]["stop_reason"], "end_turn");
    assert_eq!(events[5].1["usage"]["output_tokens"], 3);
    assert!(got.body.contains(" }") && got.body.contains("} "), "the JSON is padded: {}", got.body);
}

#[tokio::test]
async fn thoughts_and_tool_calls_stream_in_fragments() {
    let config = Config::with_api_key(KEY).replying(|_| {
        let tool_use = Content::ToolUse { id: "toolu_1".into(), name: "look".into(), input: json!({"where": "müde"}) };
        Reply::text("Let me look.").after_thinking("hm").and(tool_use)
    });
    let fake = Anthropic::start(config).await.unwrap();
    let got = call(&with(&json!({"stream": true}))).send(&fake).await;
    let events = events(&got);
    let of = |index: usize, kind: &str, key: &str| -> String {
        let deltas = events.iter().filter(|(_, data)| data["index"] == index && data["delta"]["type"] == kind);
        deltas.map(|(_, data)| data["delta"][key].as_str().unwrap()).collect()
    };
    assert_eq!(of(0, "thinking_delta", "thinking"), "hm");
    assert_eq!(of(0, "signature_delta", "signature"), signature("hm"));
    assert_eq!(of(1, "text_delta", "text"), "Let me look.");
    assert_eq!(of(2, "input_json_delta", "partial_json"), "{\"where\":\"müde\"}");
    let (_, delta) = &events[events.len() - 2];
    assert_eq!(delta["delta"]["stop_reason"], "tool_use");
}

#[tokio::test]
async fn max_tokens_cuts_the_answer() {
    let fake = fake().await;
    let message = call(&with(&json!({"max_tokens": 2}))).send(&fake).await.json();
    assert_eq!(message["content"][0]["text"], "You said:");
    assert_eq!(message["stop_reason"], "max_tokens");
}

#[tokio::test]
async fn scripted_failures_reach_only_good_requests() {
    let fake = fake().await;
    fake.script(overloaded());
    fake.script(rate_limited(3));
    assert_eq!(bare(&hello()).send(&fake).await.status, 401);
    let got = call(&hello()).send(&fake).await;
    assert_eq!(got.error(), "529 Overloaded");
    assert_eq!(got.json()["error"]["type"], "overloaded_error");
    let got = call(&hello()).send(&fake).await;
    assert_eq!((got.status, got.header("retry-after")), (429, "3"));
    assert_eq!(got.header("anthropic-ratelimit-requests-remaining"), "0");
    assert_eq!(got.headers.get_all("anthropic-ratelimit-requests-remaining").iter().count(), 1);
    assert_eq!(call(&hello()).send(&fake).await.status, 200);
    assert_eq!(fake.refusals().len(), 1);
}

#[tokio::test]
async fn a_stream_can_break_by_an_event_or_by_the_wire() {
    let fake = fake().await;
    let body = with(&json!({"stream": true}));
    call(&body).send(&fake).await;
    let request = fake.accepted().remove(0);
    let reply = Reply::text("one two three four five six");
    fake.script(stream_broken_by(&request, &reply, 4, ("overloaded_error", "Overloaded")));
    let got = call(&body).send(&fake).await;
    let events = events(&got);
    assert_eq!((got.status, events.len(), events[4].0.as_str()), (200, 5, "error"));
    assert_eq!(events[4].1["error"], json!({"type": "overloaded_error", "message": "Overloaded"}));

    let gate = Gate::closed();
    fake.script(stream(&request, &reply).pause_before(4, &gate).cut_before(5));
    let mut open = call(&body).open(&fake).await;
    open.until("one two three").await;
    gate.open();
    let got = open.rest().await;
    assert!(got.broken && got.body.contains("four five six") && !got.body.contains("message_stop"), "{got:?}");

    fake.script(stream(&request, &reply).in_chunks_of(5));
    let got = call(&body).send(&fake).await;
    assert!(!got.broken && got.body.contains("message_stop"));
}
