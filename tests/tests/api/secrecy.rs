//! No answer, header, error or stream that an agent gets, and nothing that is written down, holds a credential of a provider,
//! a token, or a path of this machine: searched for.

use creel_fakes::{Answer, anthropic, openai};
use creel_tests::house::API_KEY;
use serde_json::{Value, json};

use crate::door::{Door, Fakes, Got, OPENAI_KEY, chat};

/// Every file below a directory.
fn files_below(directory: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.is_file() {
            found.push((path.clone(), std::fs::read(&path).unwrap_or_default()));
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_an_agent_gets_holds_a_secret_or_a_path() {
    // Careless providers: each answer holds the key of whoever asked.
    let fakes = Fakes::of(
        anthropic::Config::with_api_key(API_KEY)
            .replying(|_| anthropic::Reply::text(&format!("your key is {API_KEY}, keep it"))),
        creel_fakes::ollama::Config::new(),
        openai::Config::with_api_key(OPENAI_KEY)
            .replying(|_| openai::Reply::text(&format!("your key is {OPENAI_KEY}, keep it"))),
    )
    .await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let mut seen: Vec<Got> = Vec::new();
    for (path, model) in [
        ("/v1/chat/completions", "openai/gpt-4o-mini"),
        ("/v1/messages", "openai/gpt-4o-mini"),
        ("/v1/messages", "anthropic/claude-haiku-4-5"),
        ("/v1/responses", "anthropic/claude-haiku-4-5"),
    ] {
        for stream in [false, true] {
            let mut body = match path {
                "/v1/responses" => json!({ "model": model, "input": "tell me a secret" }),
                _ => chat(model, "tell me a secret"),
            };
            body["stream"] = json!(stream);
            seen.push(door.post(path, &token, &body).await);
        }
    }
    seen.push(door.get("/v1/models", &token).await);
    seen.push(door.get("/v1/files", &token).await);
    seen.push(door.post("/v1/chat/completions", "wrong", &chat("openai/gpt-4o-mini", "x")).await);
    seen.push(door.post("/v1/chat/completions", &token, &chat("nobody/nothing", "x")).await);
    let home = door.program.home().display().to_string();
    for got in &seen {
        let headers = format!("{:?}", got.headers);
        for secret in [API_KEY, OPENAI_KEY, home.as_str()] {
            assert!(!got.text.contains(secret), "{}", got.text);
            assert!(!headers.contains(secret), "{headers}");
        }
    }
    // They were told: what stands around the key has come through.
    let told = seen.iter().filter(|got| got.status == 200 && got.text.contains("your key")).count();
    assert_eq!(told, 8, "{:#?}", seen.iter().map(|got| &got.text).collect::<Vec<_>>());

    let written = files_below(door.program.home());
    assert!(
        written.iter().any(|(path, _)| path.ends_with("creel.db") || path.extension().is_some()),
        "there are files"
    );
    for (path, bytes) in written.iter().filter(|(path, _)| !path.ends_with("creel.json5")) {
        for secret in [API_KEY, OPENAI_KEY, token.as_str()] {
            assert!(!holds(bytes, secret), "{} holds a secret", path.display());
        }
    }
    let log = door.program.log();
    for secret in [API_KEY, OPENAI_KEY, token.as_str()] {
        assert!(!log.contains(secret), "the log holds a secret");
    }
    for request in fakes.openai.requests().iter().chain(&fakes.anthropic.requests()) {
        assert!(!request.contains(&token), "an agent's token went upstream");
    }
}

/// The key of the fake Ollama.
const OLLAMA_KEY: &str = "olk-right-key-0123456789abcdef";

/// An event stream of these events.
fn event_stream(events: impl IntoIterator<Item = Value>) -> Answer {
    let event = |event: Value| match event["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    };
    let chunks: Vec<String> = events.into_iter().map(event).collect();
    Answer::chunks(200, "text/event-stream; charset=utf-8", chunks)
}

/// Anthropic says a text letter by letter.
fn anthropic_letters(text: &str) -> Answer {
    let message = json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": { "input_tokens": 1, "output_tokens": 1 } });
    let block = json!({ "type": "text", "text": "" });
    let before = [
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
    ];
    let delta = |letter: char| {
        let delta = json!({ "type": "text_delta", "text": letter });
        // Nothing that comes between hides it.
        [json!({ "type": "content_block_delta", "index": 0, "delta": delta }), json!({ "type": "ping" })]
    };
    let delta_at_end = json!({ "stop_reason": "end_turn", "stop_sequence": null });
    let after = [
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": delta_at_end, "usage": { "output_tokens": 5 } }),
        json!({ "type": "message_stop" }),
    ];
    event_stream(before.into_iter().chain(text.chars().flat_map(delta)).chain(after))
}

/// OpenAI's chats do.
fn openai_letters(text: &str) -> Answer {
    let chunk = |delta: Value, finish: Value| {
        json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
    };
    let letters = text.chars().map(|letter| chunk(json!({ "content": letter }), Value::Null));
    event_stream(letters.chain([chunk(json!({}), json!("stop"))]))
}

/// OpenAI's responses do. They do not come to their end.
fn responses_letters(text: &str) -> Answer {
    let response = json!({ "id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress",
        "model": "gpt-4o-mini", "output": [] });
    let created = json!({ "type": "response.created", "sequence_number": 0, "response": response });
    let delta = |(number, letter): (usize, char)| {
        json!({ "type": "response.output_text.delta", "sequence_number": number + 1, "item_id": "msg_1",
            "output_index": 0, "content_index": 0, "delta": letter, "logprobs": [] })
    };
    event_stream([created].into_iter().chain(text.chars().enumerate().map(delta)))
}

/// Ollama does.
fn ollama_letters(text: &str) -> Answer {
    let line = |content: &str, is_done: bool| {
        let mut line = json!({ "model": "glm-5:cloud", "created_at": "2026-01-01T00:00:00Z",
            "message": { "role": "assistant", "content": content }, "done": is_done });
        if is_done {
            line["done_reason"] = json!("stop");
        }
        format!("{line}\n")
    };
    let letters: Vec<String> = text.chars().map(|letter| line(&letter.to_string(), false)).collect();
    Answer::chunks(200, "application/x-ndjson", letters.into_iter().chain([line("", true)]))
}

/// What is said under each key of some events, put together: whatever a client joins, it joins no more than that.
fn joined(value: &Value, key: &str, texts: &mut std::collections::BTreeMap<String, String>) {
    match value {
        Value::String(text) => texts.entry(key.to_owned()).or_default().push_str(text),
        Value::Array(list) => list.iter().for_each(|value| joined(value, key, texts)),
        Value::Object(map) => map.iter().for_each(|(key, value)| joined(value, key, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_comes_letter_by_letter_does_not_reach_the_client() {
    // Attacks 89 and 91.
    let fakes = Fakes::of(
        anthropic::Config::with_api_key(API_KEY),
        creel_fakes::ollama::Config::new().requiring_key(OLLAMA_KEY),
        openai::Config::with_api_key(OPENAI_KEY),
    )
    .await;
    let config = fakes.config("").replace("ollama: {", &format!("ollama: {{ apiKey: \"{OLLAMA_KEY}\","));
    let door = Door::open(&config);
    let token = door.usual_agent();
    let [claude, gpt, glm] = ["anthropic/claude-haiku-4-5", "openai/gpt-4o-mini", "ollama/glm-5:cloud"];
    for (path, model, key, is_own) in [
        ("/v1/messages", claude, API_KEY, true),
        ("/v1/chat/completions", claude, API_KEY, false),
        ("/v1/responses", claude, API_KEY, false),
        ("/v1/chat/completions", gpt, OPENAI_KEY, true),
        ("/v1/messages", gpt, OPENAI_KEY, false),
        ("/v1/responses", gpt, OPENAI_KEY, true),
        ("/v1/chat/completions", glm, OLLAMA_KEY, false),
        ("/v1/messages", glm, OLLAMA_KEY, false),
        ("/v1/responses", glm, OLLAMA_KEY, false),
    ] {
        for stream in [true, false] {
            let said = format!("your key is {key}, keep it");
            match (model == claude, model == gpt, path) {
                (true, ..) => fakes.anthropic.script(anthropic_letters(&said)),
                (_, true, "/v1/responses") if stream => fakes.openai.script(responses_letters(&said)),
                (_, true, "/v1/responses") => continue,
                (_, true, _) => fakes.openai.script(openai_letters(&said)),
                _ => fakes.ollama.script(ollama_letters(&said)),
            }
            let mut body = match path {
                "/v1/responses" => json!({ "model": model, "input": "tell me a secret" }),
                _ => chat(model, "tell me a secret"),
            };
            body["stream"] = json!(stream);
            let got = door.post(path, &token, &body).await;
            let what = format!("{path} {model} {stream}: {}", got.text);
            assert_eq!(got.status, 200, "{what}");
            let mut texts = std::collections::BTreeMap::new();
            let events = if stream { got.events() } else { vec![got.json()] };
            events.iter().for_each(|event| joined(event, "", &mut texts));
            assert!(texts.values().all(|text| !text.contains(&key[..4]) && !text.contains(&key[4..12])), "{what}");
            if is_own && stream {
                // The words of the provider are not the gateway's to change.
                let end = format!(
                    "{model}: the answer spread a credential of the gateway over its pieces, so it was cut off"
                );
                let last = events.last().expect("events");
                let error = if path == "/v1/responses" { &last["response"]["error"] } else { &last["error"] };
                assert_eq!(error["message"], end, "{what}");
                assert!(!got.text.contains("keep"), "{what}");
            } else {
                // How many letters one piece has is the network's to say.
                let masked: Vec<String> =
                    (0..4).map(|shown| format!("your key is {}[redacted], keep it", &key[..shown])).collect();
                let is_masked = |text: &String| masked.iter().any(|masked| text.contains(masked));
                assert!(texts.values().any(is_masked), "{what}");
            }
        }
    }
    // A whole answer of many blocks, in the words of its provider.
    let letters: Vec<Value> = API_KEY.chars().map(|letter| json!({ "type": "text", "text": letter })).collect();
    let whole = json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
        "content": letters, "stop_reason": "end_turn", "stop_sequence": null,
        "usage": { "input_tokens": 1, "output_tokens": 1 } });
    fakes.anthropic.script(Answer::json(200, &whole));
    let got = door.post("/v1/messages", &token, &chat(claude, "tell me a secret")).await;
    let end = format!("{claude}: the answer spread a credential of the gateway over its pieces, so it was cut off");
    assert_eq!((got.status, got.json()["error"]["message"].as_str()), (502, Some(end.as_str())), "{}", got.text);
    let log = door.program.log();
    for secret in [API_KEY, OPENAI_KEY, OLLAMA_KEY] {
        assert!(!log.contains(secret), "the log holds a secret");
    }
    assert!(log.contains("the answer spread a credential of the gateway over its pieces"), "the operator is told");
}
