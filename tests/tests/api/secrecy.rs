//! No answer, header, error or stream that an agent gets, and nothing that is written down, holds a credential of a provider,
//! a token, or a path of this machine: searched for.

use creel_fakes::{anthropic, openai};
use creel_tests::house::API_KEY;
use serde_json::json;

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
