//! Real clients, unmodified, against the program in front of strict fakes: what each made of the answers, in every
//! dialect and across dialects, and what the upstream received. How they are installed and run stands in `clients` of the
//! library; what they ask for, in the scripts of `tests/clients`.

#![expect(clippy::panic, reason = "a test that cannot be set up cannot go on")]

use creel_fakes::ollama::Request;
use creel_fakes::{Recorded, pictures};
use creel_tests::clients::{Gateway, OPENAI_KEY, Seen, Upstreams};
use creel_tests::house::API_KEY;
use creel_tests::search::{holds, leaks};
use serde_json::{Value, json};

const CLAUDE: &str = "anthropic/claude-haiku-4-5";
const GPT: &str = "openai/gpt-4o-mini";
const GPT_THINKING: &str = "openai/gpt-5-mini";
const QWEN: &str = "ollama/qwen3-vl:8b";

/// What the models make of the words of the scripts.
const PONG: &str = "You said: say pong";
const RESULT: &str = "18 degrees and rain";

/// One run of one script, to be asserted about.
struct Run<'a> {
    what: String,
    seen: Seen,
    gateway: &'a Gateway,
}

fn run<'a>(gateway: &'a Gateway, installed: &str, script: &str, model: &str) -> Run<'a> {
    let seen = gateway.run(installed, script, model);
    Run { what: format!("{script} with {model}"), seen, gateway }
}

impl Run<'_> {
    /// What stands at a place, such as `tool/arguments/city`.
    fn at(&self, place: &str) -> &Value {
        let case = place.split('/').next().unwrap_or(place);
        let found = self.seen.cases.pointer(&format!("/{place}"));
        found.unwrap_or_else(|| {
            panic!("{}: no `{place}`: {}\n{}", self.what, self.seen.cases[case], self.gateway.program.log())
        })
    }

    /// The place holds this.
    fn is(&self, place: &str, expect: impl Into<Value>) {
        assert_eq!(self.at(place), &expect.into(), "{}: {place}: {:#}", self.what, self.seen.cases);
    }

    /// The text at the place has this in it.
    fn says(&self, place: &str, expect: &str) {
        let text = self.at(place).as_str().unwrap_or_default();
        assert!(text.contains(expect), "{}: {place} holds {text:?}, not {expect:?}", self.what);
    }

    /// The text at the place tells of the very picture.
    fn shows_picture(&self, place: &str) {
        self.says(place, &pictures::sha256_hex(&self.gateway.picture));
    }

    /// The client raised this, with that status.
    fn fails(&self, case: &str, class: &str, status: u16) {
        let error = self.at(&format!("{case}/error"));
        let got = (error["class"].as_str(), error["status"].as_u64());
        assert_eq!(got, (Some(class), Some(u64::from(status))), "{}: {case}: {error}", self.what);
    }

    /// Nothing of a provider's key and no path of the daemon's reached the client or the daemon's log.
    fn leaks_nothing(&self) {
        let keys = [("the key of Anthropic", API_KEY.as_bytes()), ("the key of OpenAI", OPENAI_KEY.as_bytes())];
        assert_eq!(leaks(&keys, &self.seen.written), [""; 0], "{}", self.what);
        let log = [("the log of the daemon".to_owned(), self.gateway.program.log().into_bytes())];
        assert_eq!(leaks(&keys, &log), [""; 0], "{}", self.what);
        let home = self.gateway.program.home().display().to_string();
        for (place, bytes) in &self.seen.written {
            assert!(!bytes.is_empty() || place.contains("log"), "{}: {place} is empty", self.what);
            assert!(!holds(bytes, &home), "{}: {place} holds a path of the daemon's", self.what);
        }
        assert!(!holds(self.gateway.program.log().as_bytes(), &self.gateway.token), "{}: the log", self.what);
    }
}

/// What the upstreams received is the gateway's own: its credential, the provider's name of the model, the picture as it
/// is, and nothing of the client's token.
fn arrived_well(upstreams: &Upstreams, gateway: &Gateway) {
    let bearer = format!("Bearer {OPENAI_KEY}");
    check_requests(&upstreams.anthropic.requests(), gateway, ("x-api-key", Some(API_KEY)), "authorization", "claude-");
    check_requests(&upstreams.openai.requests(), gateway, ("authorization", Some(&bearer)), "x-api-key", "");
    check_requests(&upstreams.ollama.requests(), gateway, ("authorization", None), "x-api-key", "qwen3-vl:8b");
    let sha256 = pictures::sha256_hex(&gateway.picture);
    let anthropic = upstreams.anthropic.accepted().into_iter().flat_map(|request| request.pictures());
    let openai = upstreams.openai.accepted().into_iter().flat_map(|request| request.pictures());
    let ollama = upstreams.ollama.accepted().into_iter().flat_map(|request| request.messages);
    let ollama = ollama.flat_map(|message| message.images);
    let seen: Vec<String> = anthropic.chain(openai).chain(ollama).map(|picture| picture.sha256).collect();
    assert!(!seen.is_empty(), "no picture arrived");
    assert!(seen.iter().all(|seen| *seen == sha256), "{seen:?}");
    assert_eq!(upstreams.refusals(), [""; 0]);
}

fn check_requests(
    requests: &[Recorded],
    gateway: &Gateway,
    credential: (&str, Option<&str>),
    other: &str,
    model: &str,
) {
    for request in requests {
        assert!(!request.contains(&gateway.token), "{request:?} holds the token of the client");
        assert_eq!(request.header(credential.0), credential.1, "{request:?}");
        assert_eq!(request.header(other), None, "{request:?}");
        let body = request.json().unwrap_or_else(|error| panic!("{request:?}: {error}"));
        let named = body["model"].as_str().expect("a model");
        assert!(named.starts_with(model) && !named.contains('/'), "{request:?} names {named}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openai_for_python_has_responses_of_every_provider() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    for model in [GPT, CLAUDE, QWEN] {
        let run = run(&gateway, "openai", "openai_responses.py", model);
        run.says("text/text", PONG);
        run.is("text/object", "response");
        run.is("text/status", "completed");
        run.says("stream/text", PONG);
        run.is("stream/in_order", true);
        run.says("stream/last/text", PONG);
        assert!(run.at("stream/last/usage/total_tokens").as_u64() > Some(1), "{}", run.what);
        run.is("stream/events/0", "response.created");
        run.is("tool/name", "get_weather");
        run.is("tool/arguments", json!({"city": "Paris"}));
        run.says("tool/after/text", RESULT);
        run.is("tool_stream/calls", json!([{"name": "get_weather", "arguments": {"city": "Paris"}}]));
        run.shows_picture("image/text");
        run.shows_picture("image_stream/last/text");
        run.fails("wrong_token", "AuthenticationError", 401);
        run.fails("unknown_model", "NotFoundError", 404);
        run.fails("unknown_model_stream", "NotFoundError", 404);
        run.leaks_nothing();
    }
    arrived_well(&upstreams, &gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openai_for_python_lists_models_keeps_files_and_asks_for_vectors() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    let run = run(&gateway, "openai", "openai_rest.py", GPT);
    for model in [GPT, CLAUDE, QWEN] {
        assert!(run.at("models").as_array().is_some_and(|all| all.contains(&model.into())), "{}", run.at("models"));
    }
    run.is("model", json!({"id": GPT, "object": "model"}));
    run.fails("unknown_model", "NotFoundError", 404);
    run.fails("wrong_token", "AuthenticationError", 401);
    run.is("files/bytes", gateway.picture.len());
    for (place, expect) in [("found", true), ("same", true), ("deleted", true)] {
        run.is(&format!("files/{place}"), expect);
    }
    run.is("files/purpose", "vision");
    run.is("pages_of_files", json!({ "lasts": 3600, "left": 0, "listed": true }));
    run.fails("unknown_file", "NotFoundError", 404);
    run.is("embeddings/count", 2);
    run.is("embeddings/length", 1536);
    run.is("embeddings/differ", true);
    run.is("embeddings_in_numbers/length", 1536);
    run.leaks_nothing();
    assert_eq!(upstreams.refusals(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anthropic_for_python_talks_to_every_provider() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    for model in [CLAUDE, GPT, QWEN] {
        let run = run(&gateway, "anthropic", "anthropic_messages.py", model);
        for case in ["text", "bearer", "stream", "cached_system"] {
            run.says(&format!("{case}/text"), PONG);
            run.is(&format!("{case}/finish"), "end_turn");
        }
        run.is("text/type", "message");
        run.says("text/request_id", "req_");
        run.is("stream/events/0", "message_start");
        assert!(run.at("stream/usage/output_tokens").as_u64() > Some(1), "{}", run.what);
        for case in ["tool", "tool_stream"] {
            run.is(&format!("{case}/calls/0/name"), "get_weather");
            run.is(&format!("{case}/calls/0/arguments"), json!({"city": "Paris"}));
            run.is(&format!("{case}/finish"), "tool_use");
        }
        run.says("tool/after/text", RESULT);
        run.shows_picture("image/text");
        run.shows_picture("image_stream/text");
        run.is("model/id", model);
        run.fails("wrong_token", "AuthenticationError", 401);
        run.is("wrong_token/error/body/error/type", "authentication_error");
        run.fails("unknown_model", "NotFoundError", 404);
        run.is("unknown_model/error/body/error/type", "not_found_error");
        run.fails("unknown_model_stream", "NotFoundError", 404);
        run.fails("bad_request", "BadRequestError", 400);
        run.is("files", json!({ "lasts": 3600, "left": 0, "listed": true }));
        run.leaks_nothing();
    }
    arrived_well(&upstreams, &gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openai_for_node_talks_to_every_provider() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    for model in [GPT, CLAUDE, QWEN] {
        let run = run(&gateway, "node", "openai_chat.mjs", model);
        for case in ["text", "stream", "responses_stream"] {
            run.says(&format!("{case}/text"), PONG);
        }
        assert!(run.at("stream/chunks").as_u64() > Some(2), "{}: it came in one piece", run.what);
        assert!(run.at("stream/usage/total_tokens").as_u64() > Some(1), "{}", run.what);
        for case in ["tool", "tool_stream"] {
            run.is(&format!("{case}/name"), "get_weather");
            run.is(&format!("{case}/arguments"), json!({"city": "Paris"}));
        }
        run.says("tool/after/text", RESULT);
        for case in ["image", "image_stream", "responses"] {
            run.shows_picture(&format!("{case}/text"));
        }
        run.is("files/bytes", gateway.picture.len());
        run.is("files/content_bytes", gateway.picture.len());
        run.is("files/deleted", true);
        run.is("model/id", model);
        run.fails("wrong_token", "AuthenticationError", 401);
        run.fails("unknown_model", "NotFoundError", 404);
        run.fails("unknown_model_stream", "NotFoundError", 404);
        run.leaks_nothing();
    }
    arrived_well(&upstreams, &gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anthropic_for_node_talks_to_every_provider() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    for model in [CLAUDE, GPT, QWEN] {
        let run = run(&gateway, "node", "anthropic_messages.mjs", model);
        for case in ["text", "bearer", "stream"] {
            run.says(&format!("{case}/text"), PONG);
            run.is(&format!("{case}/finish"), "end_turn");
        }
        for case in ["tool", "tool_stream"] {
            run.is(&format!("{case}/calls/0/name"), "get_weather");
            run.is(&format!("{case}/calls/0/arguments"), json!({"city": "Paris"}));
        }
        run.says("tool/after/text", RESULT);
        run.shows_picture("image/text");
        run.shows_picture("image_stream/text");
        assert!(run.at("models").as_array().is_some_and(|all| all.contains(&model.into())), "{}", run.at("models"));
        run.fails("wrong_token", "AuthenticationError", 401);
        run.fails("unknown_model", "NotFoundError", 404);
        run.leaks_nothing();
    }
    arrived_well(&upstreams, &gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn llm_asks_as_an_endpoint_and_by_its_anthropic_plugin() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    let run = run(&gateway, "llm", "llm_cli.py", QWEN);
    run.says("text/text", PONG);
    run.says("stream/text", PONG);
    run.shows_picture("image/text");
    run.shows_picture("plugin/text");
    run.says("models/text", QWEN);
    for (case, complaint) in [("wrong_token", "401"), ("unknown_model", "404")] {
        run.is(&format!("{case}/code"), 1);
        run.says(&format!("{case}/complaint"), complaint);
    }
    run.leaks_nothing();
    arrived_well(&upstreams, &gateway);
    assert_eq!(upstreams.anthropic.requests().len(), 1, "the plugin alone spoke to Anthropic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn langchain_talks_in_both_dialects() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    // Each dialect in front of its own provider, and of the other one's.
    for (script, model) in [
        ("langchain_openai_chat.py", GPT),
        ("langchain_openai_chat.py", CLAUDE),
        ("langchain_anthropic_chat.py", CLAUDE),
        ("langchain_anthropic_chat.py", QWEN),
    ] {
        let run = run(&gateway, "langchain", script, model);
        run.says("text/text", PONG);
        run.says("stream/text", PONG);
        assert!(run.at("stream/chunks").as_u64() > Some(2), "{}: it came in one piece", run.what);
        assert!(run.at("stream/usage/output_tokens").as_u64() > Some(1), "{}", run.what);
        run.is("tool/calls/0/name", "get_weather");
        run.is("tool/calls/0/args", json!({"city": "Paris"}));
        run.says("tool/after/text", RESULT);
        run.shows_picture("image/text");
        if script.contains("openai") {
            run.shows_picture("responses/text");
        }
        run.is("wrong_token/error/status", 401);
        run.is("unknown_model/error/status", 404);
        run.leaks_nothing();
    }
    arrived_well(&upstreams, &gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialect_that_is_not_spoken_is_refused_in_words() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    let run = run(&gateway, "google", "google_genai.py", CLAUDE);
    for case in ["text", "stream"] {
        run.is(&format!("{case}/error/class"), "ClientError");
        run.is(&format!("{case}/error/status"), 405);
        run.says(&format!("{case}/error/message"), "enerateContent");
    }
    run.leaks_nothing();
    assert!(upstreams.anthropic.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openai_for_python_talks_to_every_provider() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    for model in [GPT, CLAUDE, QWEN] {
        let run = run(&gateway, "openai", "openai_chat.py", model);
        for case in ["text", "stream", "stream_without_usage", "without_v1"] {
            run.says(&format!("{case}/text"), PONG);
        }
        run.is("text/object", "chat.completion");
        run.is("text/finish", "stop");
        run.says("text/request_id", "req_");
        run.is("stream/finish", json!(["stop"]));
        run.is("stream/ids", 1);
        run.is("stream/role", "assistant");
        assert!(run.at("stream/usage/total_tokens").as_u64() > Some(1), "{}", run.what);
        // How an answer is cut is its provider's affair.
        let deltas = if model == GPT { 1 } else { 0 };
        assert!(run.at("stream/deltas").as_u64() > Some(deltas), "{}: it came in one piece", run.what);
        run.is("stream_without_usage/usage", Value::Null);
        run.is("tool/name", "get_weather");
        run.is("tool/arguments", json!({"city": "Paris"}));
        run.is("tool/finish", "tool_calls");
        run.says("tool/after/text", RESULT);
        run.is("tool_stream/calls/0/name", "get_weather");
        run.is("tool_stream/calls/0/arguments", r#"{"city":"Paris"}"#);
        run.is("tool_stream/finish", json!(["tool_calls"]));
        for case in ["image", "image_stream", "image_file"] {
            run.shows_picture(&format!("{case}/text"));
        }
        run.fails("wrong_token", "AuthenticationError", 401);
        run.fails("wrong_token_stream", "AuthenticationError", 401);
        run.fails("unknown_model", "NotFoundError", 404);
        run.is("unknown_model/error/body/code", "model_not_found");
        run.fails("bad_request", "BadRequestError", 400);
        run.leaks_nothing();
    }
    arrived_well(&upstreams, &gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn litellm_asks_in_each_of_its_ways() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    for model in [CLAUDE, GPT] {
        let run = run(&gateway, "litellm", "litellm_sdk.py", model);
        for way in ["openai", "anthropic", "proxy"] {
            run.says(&format!("{way}_text/text"), PONG);
            run.says(&format!("{way}_stream/text"), PONG);
            run.is(&format!("{way}_tool/calls/0/name"), "get_weather");
            run.says(&format!("{way}_tool/calls/0/arguments"), "Paris");
            run.shows_picture(&format!("{way}_image/text"));
            // It chooses the class by words of OpenAI's own messages, which ours are not.
            run.is(&format!("{way}_wrong_token/error/status"), 401);
            run.is(&format!("{way}_unknown_model/error/status"), 404);
        }
        run.leaks_nothing();
    }
    arrived_well(&upstreams, &gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claude_code_works_with_other_providers_too() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    for model in [CLAUDE, GPT, QWEN] {
        let run = run(&gateway, "node", "claude_code.py", model);
        for case in ["text", "text_json", "stream"] {
            run.is(&format!("{case}/code"), 0);
            // It says much before what it was told to say, and the models repeat no more than the beginning.
            run.says(&format!("{case}/text"), "You said: ");
        }
        run.says("stream/streamed", "You said: ");
        run.is("stream/events/0", "message_start");
        run.is("stream/error", false);
        assert!(run.at("stream/usage/output_tokens").as_u64() > Some(1), "{}", run.what);
        run.shows_picture("image/text");
        for case in ["wrong_token", "unknown_model"] {
            assert_ne!(run.at(&format!("{case}/code")), 0, "{}: {}", run.what, run.at(case));
        }
        run.leaks_nothing();
    }
    arrived_well(&upstreams, &gateway);
    // It wants every model to think. Qwen cannot: each chat is said no to, and is asked once more without that wish alone.
    let (declined, accepted) = (upstreams.ollama.declined(), upstreams.ollama.accepted());
    assert!(!declined.is_empty() && accepted.iter().all(|request| !request.think), "{}", declined.len());
    let unthinking = |request: &Request| {
        let mut body = request.body.clone();
        body.as_object_mut().expect("an object").remove("think");
        body
    };
    assert_eq!(
        declined.iter().map(unthinking).collect::<Vec<_>>(),
        accepted.iter().map(unthinking).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codex_works_with_every_provider() {
    let upstreams = Upstreams::start().await;
    let gateway = Gateway::open(&upstreams);
    for model in [GPT_THINKING, CLAUDE, QWEN] {
        let run = run(&gateway, "node", "codex.py", model);
        assert_eq!(run.at("text/code"), 0, "{}: {}", run.what, run.at("text"));
        // It says much before what it was told to say, and the models repeat no more than the beginning.
        run.says("text/text", "You said: ");
        run.says("stream/text", "You said: ");
        assert!(run.at("stream/usage/output_tokens").as_u64() > Some(1), "{}", run.what);
        run.shows_picture("image/text");
        for (case, complaint) in [("wrong_token", "401"), ("unknown_model", "there is no model")] {
            assert_ne!(run.at(&format!("{case}/code")), 0, "{}: {}", run.what, run.at(case));
            run.says(&format!("{case}/complaint"), complaint);
        }
        run.leaks_nothing();
    }
    arrived_well(&upstreams, &gateway);
}
