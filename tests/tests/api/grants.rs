//! Grants: what an agent may hold in a request, how much it may use, and that two agents know nothing of each other.

use creel_fakes::openai;
use serde_json::{Value, json};

use crate::door::{Door, Fakes, chat, data_url};

const GPT: &str = "openai/gpt-4o-mini";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_granted_is_refused_by_name() {
    let fakes = Fakes::start().await;
    let mut door = Door::open(&fakes.config(""));
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
    assert_eq!(door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await.status, 200);
    // Each decision stands in the audit log, which a stop writes to its end.
    door.daemon.stop();
    let refused = door.program.run(&["audit", "--refused", "--about", "agent:plain", "--json"]).json();
    let decided: Vec<[&Value; 4]> = refused["records"].as_array().expect("records").iter().map(told).collect();
    let tools = "this agent may not use `tools`: `needs` of its grant does not name it";
    let expect = [said, tools].map(|rule| json!(["admit", "need-not-granted", rule, GPT]));
    assert_eq!(json!(decided), json!(expect), "{refused}");
    let last = door.program.run(&["audit", "--about", "agent:plain", "--last", "1", "--json"]).json();
    assert_eq!(json!(told(&last["records"][0])), json!(["admit", "allowed", "the agent's grant", GPT]), "{last}");
}

/// A record of the audit log without who and when.
fn told(record: &Value) -> [&Value; 4] {
    ["action", "verdict", "rule", "target"].map(|key| &record[key])
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
async fn what_no_model_answers_is_counted_as_well() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let spent = "`requestsPerMinute` of the agent's grant is 2: used 2, set aside by calls under way 0, wanted 1; try again in ";
    let mcp = |method: &str, params: serde_json::Value| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let headers = |request: reqwest::RequestBuilder| {
            request.header("content-type", "application/json").header("accept", "application/json, text/event-stream")
        };
        (headers, body.to_string())
    };
    let routes = [
        ("GET", "/v1/models"),
        ("GET", "/v1/models/x"),
        ("GET", "/v1/files"),
        ("GET", "/v1/files/x"),
        ("GET", "/v1/files/x/content"),
        ("DELETE", "/v1/files/x"),
        ("POST", "/v1/files"),
        ("POST", "/mcp"),
    ];
    for (number, (method, path)) in routes.into_iter().enumerate() {
        let token = door.agent(&format!("a{number}"), &["--models", "*", "--requests-per-minute", "2"]);
        let ask = || async {
            let request = door.request(method, path, &token);
            let (headers, body) = mcp("tools/list", json!({}));
            crate::door::got(if path == "/mcp" { headers(request).body(body) } else { request }).await
        };
        for _ in 0..2 {
            let got = ask().await;
            assert_ne!(got.status, 429, "{path}: {}", got.text);
        }
        let got = ask().await;
        assert_eq!(got.status, 429, "{method} {path}: {}", got.text);
        assert!(got.json()["error"]["message"].as_str().is_some_and(|said| said.starts_with(spent)), "{}", got.text);
        assert!(got.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=60).contains(&seconds)));
        // It is one minute for all that it asks, in each dialect.
        let got = door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await;
        assert_eq!(got.status, 429, "{path}: {}", got.text);
        let anthropic = door.request("GET", "/v1/models", &token).header("anthropic-version", "2023-06-01");
        let got = crate::door::got(anthropic).await;
        assert_eq!((got.status, got.json()["error"]["type"].as_str()), (429, Some("rate_limit_error")), "{}", got.text);
        assert!(got.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    }
    assert_eq!(fakes.openai.requests().len(), 0);
    // A tool that asks a model is one request, and not two.
    let token = door.agent("tools", &["--models", "*", "--needs", "image", "--requests-per-minute", "2"]);
    let picture = data_url(&creel_fakes::pictures::png(), "image/png");
    let arguments = json!({ "media": [picture], "question": "what is it?", "model": GPT });
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let (headers, body) = mcp("tools/call", json!({ "name": "ask_about_media", "arguments": arguments }));
        let got = crate::door::got(headers(door.request("POST", "/mcp", &token)).body(body)).await;
        assert_eq!(got.json()["result"]["isError"], false, "{}", got.text);
        statuses.push(got.status);
    }
    statuses.push(door.get("/v1/models", &token).await.status);
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(fakes.openai.requests().len(), 2);
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
