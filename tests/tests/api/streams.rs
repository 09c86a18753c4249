//! Answers in events: exactly as each dialect has them, late errors as events, and a client that goes away.

use creel_fakes::{Gate, anthropic, openai};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::door::{Door, Fakes, chat};

const CLAUDE: &str = "anthropic/claude-haiku-4-5";
const GPT: &str = "openai/gpt-4o-mini";
const QWEN: &str = "ollama/qwen3-vl:8b";

fn streamed(path: &str, model: &str, text: &str) -> Value {
    let mut body = match path {
        "/v1/responses" => json!({ "model": model, "input": text }),
        _ => chat(model, text),
    };
    body["stream"] = json!(true);
    body
}

/// The text that a stream holds, in its dialect.
fn text_of(path: &str, events: &[Value]) -> String {
    let text = |event: &Value| match path {
        "/v1/chat/completions" => event["choices"][0]["delta"]["content"].as_str().map(str::to_owned),
        "/v1/responses" if event["type"] == "response.output_text.delta" => event["delta"].as_str().map(str::to_owned),
        "/v1/messages" if event["delta"]["type"] == "text_delta" => event["delta"]["text"].as_str().map(str::to_owned),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_dialect_streams_from_every_provider_in_its_own_order() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/messages"] {
        for model in [CLAUDE, GPT, QWEN] {
            let got = door.post(path, &token, &streamed(path, model, "say pong")).await;
            assert_eq!(got.status, 200, "{path} {model}: {}", got.text);
            assert!(got.header("content-type").starts_with("text/event-stream"));
            let events = got.events();
            assert!(text_of(path, &events).contains("say pong"), "{path} {model}: {}", got.text);
            let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
            match path {
                "/v1/chat/completions" => {
                    assert!(got.text.ends_with("data: [DONE]\n\n"), "{}", got.text);
                    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
                    let last = events.iter().rev().find(|event| event["choices"][0]["finish_reason"].is_string());
                    assert_eq!(last.expect("a last one")["choices"][0]["finish_reason"], "stop");
                }
                "/v1/responses" => {
                    assert_eq!(types.first(), Some(&"response.created"));
                    assert_eq!(types.last(), Some(&"response.completed"));
                    let numbers: Vec<u64> =
                        events.iter().filter_map(|event| event["sequence_number"].as_u64()).collect();
                    assert_eq!(numbers, (0..u64::try_from(events.len()).expect("few")).collect::<Vec<_>>());
                }
                _ => {
                    assert_eq!((types.first(), types.last()), (Some(&"message_start"), Some(&"message_stop")));
                    assert!(types.contains(&"message_delta"));
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_comes_last_where_the_client_asks_for_it() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    for model in [CLAUDE, GPT, QWEN] {
        let mut body = streamed("/v1/chat/completions", model, "ping");
        body["stream_options"] = json!({ "include_usage": true });
        let events = door.post("/v1/chat/completions", &token, &body).await.events();
        let last = events.last().expect("events");
        assert_eq!(last["choices"], json!([]), "{model}");
        assert!(last["usage"]["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{model}: {last}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_in_the_middle_is_the_dialects_own() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let plain = door.post("/v1/messages", &token, &streamed("/v1/messages", CLAUDE, "one two three")).await;
    assert_eq!(plain.status, 200);
    let request = fakes.anthropic.accepted().pop().expect("a request");
    for path in ["/v1/messages", "/v1/chat/completions", "/v1/responses"] {
        let reply = anthropic::Reply::text("one two three four five six");
        let broken = anthropic::stream_broken_by(&request, &reply, 5, ("overloaded_error", "Overloaded"));
        fakes.anthropic.script(broken);
        let got = door.post(path, &token, &streamed(path, CLAUDE, "go on")).await;
        assert_eq!(got.status, 200, "{}", got.text);
        let events = got.events();
        let last = events.last().expect("events");
        let error = if path == "/v1/responses" && last["type"] == "error" { last } else { &last["error"] };
        let said = error["message"].as_str().or(last["message"].as_str());
        assert!(said.is_some_and(|said| said.contains("Overloaded")), "{path}: {}", got.text);
        assert!(!got.text.contains("message_stop") && !got.text.contains("response.completed"), "{}", got.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_before_the_first_piece_is_a_status() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    for _ in 0..3 {
        fakes.openai.script(openai::error(400, "invalid_request_error", Some("bad"), "no such thing"));
    }
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/messages"] {
        let got = door.post(path, &token, &streamed(path, GPT, "ping")).await;
        assert_eq!(got.status, 400, "{path}: {}", got.text);
        assert!(got.text.contains("no such thing"), "{}", got.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_goes_out_when_it_comes_and_a_client_that_goes_away_cancels_the_call() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let warm = door.post("/v1/messages", &token, &streamed("/v1/messages", CLAUDE, "warm")).await;
    assert_eq!(warm.status, 200);
    let request = fakes.anthropic.accepted().pop().expect("a request");
    let gate = Gate::closed();
    let reply = anthropic::Reply::text("first then the rest of it, which never comes");
    fakes.anthropic.script(anthropic::stream(&request, &reply).pause_before(5, &gate));
    let body = streamed("/v1/chat/completions", CLAUDE, "go on");
    let request = door.request("POST", "/v1/chat/completions", &token).body(body.to_string());
    let mut stream = request.send().await.expect("a head").bytes_stream();
    // The upstream holds back: what has come by now must be here.
    let mut text = String::new();
    while !text.contains("\"content\":\"first") {
        let piece = stream.next().await.expect("a piece").expect("bytes");
        text.push_str(std::str::from_utf8(&piece).expect("text"));
    }
    drop(stream);
    fakes.anthropic.wait_for_abandoned(1).await.expect("the call is cancelled");
}
