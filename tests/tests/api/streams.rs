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
        let error = if path == "/v1/responses" { &last["response"]["error"] } else { &last["error"] };
        let said = error["message"].as_str();
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

/// What an agent is told whose token opens nothing any more.
const NO_TOKEN: &str = "the token is not one of this gateway's";

/// A stream of an agent that has the beginning of its answer, and what comes of it once the upstream goes on.
struct Begun {
    answer: reqwest::Response,
    text: String,
    gate: Gate,
    /// Never opened: who does not go away waits for ever.
    _last: Gate,
}

impl Begun {
    async fn of(door: &Door, fakes: &Fakes, path: &str, token: &str) -> Option<Self> {
        let request = fakes.anthropic.accepted().pop().expect("a request");
        let reply = anthropic::Reply::text("first then the rest of it, which nobody gets to see");
        let (gate, last) = (Gate::closed(), Gate::closed());
        let answer = anthropic::stream(&request, &reply).pause_before(4, &gate).pause_before(5, &last);
        let body = streamed(path, CLAUDE, "go on").to_string();
        fakes.anthropic.script(answer);
        let answer = door.request("POST", path, token).body(body).send().await.expect("a head");
        if answer.status() != 200 {
            return None;
        }
        let mut begun = Self { answer, text: String::new(), gate, _last: last };
        while !begun.text.contains("first then") {
            assert!(begun.more().await, "{}", begun.text);
        }
        Some(begun)
    }

    async fn more(&mut self) -> bool {
        let piece = self.answer.chunk().await.expect("bytes");
        self.text.push_str(piece.as_ref().map_or("", |piece| std::str::from_utf8(piece).expect("text")));
        piece.is_some()
    }

    /// Lets the upstream go on; gives the words of the error that the stream ends in.
    async fn error(mut self, path: &str) -> String {
        self.gate.open();
        while self.more().await {}
        assert!(!self.text.contains("rest of"), "{}", self.text);
        let last = self.text.lines().rev().find_map(|line| line.strip_prefix("data: {")).expect("an event");
        let last: Value = serde_json::from_str(&format!("{{{last}")).expect("JSON");
        let error = if path == "/v1/responses" { &last["response"]["error"] } else { &last["error"] };
        error["message"].as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_ends_with_its_next_piece_once_its_agent_is_revoked() {
    // Attack 169.
    let fakes = Fakes::start().await;
    let mut door = Door::open(&fakes.config(""));
    let other = door.usual_agent();
    let warm = door.post("/v1/messages", &other, &streamed("/v1/messages", CLAUDE, "warm")).await;
    assert_eq!(warm.status, 200);
    let paths = ["/v1/messages", "/v1/chat/completions", "/v1/responses"];
    for (number, path) in paths.into_iter().enumerate() {
        let name = format!("agent-{number}");
        let token = door.agent(&name, &["--models", "*"]);
        let begun = Begun::of(&door, &fakes, path, &token).await.expect("an answer");
        assert_eq!(door.program.run(&["agents", "revoke", &name]).code, Some(0));
        assert_eq!(begun.error(path).await, NO_TOKEN, "{path}");
        fakes.anthropic.wait_for_abandoned(number + 1).await.expect("the call is cancelled");
    }
    // An answer that is no stream is the error itself, as for a token that was never one.
    let token = door.agent("whole", &["--models", "*"]);
    fakes.openai.hold();
    let held = {
        let request = door.request("POST", "/v1/chat/completions", &token).body(chat(GPT, "ping").to_string());
        tokio::spawn(crate::door::got(request))
    };
    fakes.openai.wait_until_held(1).await.expect("the request is there");
    assert_eq!(door.program.run(&["agents", "revoke", "whole"]).code, Some(0));
    fakes.openai.release();
    let got = held.await.expect("an answer");
    assert_eq!((got.status, got.header("www-authenticate")), (401, "Bearer"), "{}", got.text);
    assert_eq!(got.json()["error"]["message"], NO_TOKEN);
    // Nobody else is held up by it, and what was used by then is counted.
    let got = door.post("/v1/chat/completions", &other, &chat(GPT, "ping")).await;
    assert_eq!(got.status, 200, "{}", got.text);
    door.daemon.stop();
    for name in ["agent-0", "agent-1", "agent-2", "whole"] {
        let shown = door.program.run(&["agents", "show", name, "--json"]).json();
        assert!(shown["today"]["tokens_in"].as_u64().is_some_and(|tokens| tokens > 0), "{name}: {shown}");
        assert!(shown["today"]["tokens_out"].as_u64().is_some_and(|tokens| tokens < 100), "{name}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_ends_with_its_next_piece_once_the_time_of_its_agent_is_over() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let warm = door.post("/v1/messages", &door.usual_agent(), &streamed("/v1/messages", CLAUDE, "warm")).await;
    assert_eq!(warm.status, 200);
    // However slow the machine is, one of these times is long enough for a beginning.
    for seconds in [2, 8, 32] {
        let token = door.agent(&format!("for-{seconds}"), &["--models", "*", "--expires", &format!("{seconds}s")]);
        let Some(begun) = Begun::of(&door, &fakes, "/v1/messages", &token).await else { continue };
        while door.get("/v1/models", &token).await.status == 200 {}
        let said = "the token has expired; ask the operator for another one";
        assert_eq!(begun.error("/v1/messages").await, said);
        return;
    }
    panic!("no answer began in time");
}
