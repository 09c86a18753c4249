//! Grants: what an agent may hold in a request, how much it may use, and that two agents know nothing of each other.

use creel_fakes::openai;
use serde_json::json;

use crate::door::{Door, Fakes, chat, data_url};

const GPT: &str = "openai/gpt-4o-mini";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_granted_is_refused_by_name() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.agent("plain", &["--models", "openai/*"]);
    let url = data_url(&creel_fakes::pictures::png(), "image/png");
    let picture = json!({ "model": GPT, "messages": [{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": url } } ] }] });
    let got = door.post("/v1/chat/completions", &token, &picture).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (403, Some("need_not_granted")), "{}", got.text);
    let said = "this agent may not use `image`: `needs` of its grant does not name it";
    assert_eq!(got.json()["error"]["message"], said);
    let mut tools = chat(GPT, "ping");
    tools["tools"] = json!([{ "type": "function", "function": { "name": "f", "parameters": { "type": "object" } } }]);
    assert_eq!(door.post("/v1/chat/completions", &token, &tools).await.status, 403);
    assert_eq!(fakes.openai.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_a_budget_also_after_a_restart() {
    let fakes = Fakes::start().await;
    let config = fakes.config("");
    let mut door = Door::open(&config);
    let token = door.agent("small", &["--models", "*", "--tokens-per-day", "200"]);
    let ok = door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await;
    assert_eq!(ok.status, 200, "{}", ok.text);
    let used = ok.json()["usage"]["total_tokens"].as_u64().expect("tokens");
    assert!(used > 0);
    let mut large = chat(GPT, "ping");
    large["max_tokens"] = json!(172);
    let got = door.post("/v1/chat/completions", &token, &large).await;
    assert_eq!(got.status, 429, "{}", got.text);
    assert!(
        got.json()["error"]["message"]
            .as_str()
            .is_some_and(|said| said.starts_with("`tokensPerDay` of the agent's grant is 200")),
        "{}",
        got.text
    );
    assert!(got.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    // What was used is on disk within a moment: a stop writes all of it.
    door.daemon.stop();
    door.daemon = door.program.serve();
    let listed = door.program.run(&["agents", "show", "small", "--json"]).json();
    assert_eq!(door.post("/v1/chat/completions", &token, &large).await.status, 429, "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_a_minute_are_counted() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.agent("slow", &["--models", "*", "--requests-per-minute", "2"]);
    for expect in [200, 200, 429] {
        let got = door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await;
        assert_eq!(got.status, expect, "{}", got.text);
    }
    assert_eq!(fakes.openai.requests().len(), 2);
    // Another agent is not held up by it.
    let other = door.agent("other", &["--models", "*"]);
    assert_eq!(door.post("/v1/chat/completions", &other, &chat(GPT, "ping")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_are_bounded_and_the_place_comes_back() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.agent("one", &["--models", "*", "--concurrency", "1"]);
    fakes.openai.hold();
    let held = {
        let request = door.request("POST", "/v1/chat/completions", &token).body(chat(GPT, "ping").to_string());
        tokio::spawn(crate::door::got(request))
    };
    fakes.openai.wait_until_held(1).await.expect("the first is there");
    let got = door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await;
    assert_eq!(got.status, 429, "{}", got.text);
    fakes.openai.release();
    assert_eq!(held.await.expect("an answer").status, 200);
    fakes.openai.script(openai::server_error());
    let got = door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await;
    assert_ne!(got.status, 429, "the place came back: {}", got.text);
}
