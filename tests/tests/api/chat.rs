//! Each dialect in front of each provider: the same request arrives, in the provider's own dialect, with the gateway's
//! credential and nothing of the client's.

use creel_fakes::pictures;
use creel_tests::house::API_KEY;
use serde_json::{Value, json};

use crate::door::{Door, Fakes, OPENAI_KEY, chat, data_url};

const CLAUDE: &str = "anthropic/claude-haiku-4-5";
const GPT: &str = "openai/gpt-4o-mini";
const QWEN: &str = "ollama/qwen3-vl:8b";

/// The body of a request with a text and a picture in each dialect, and where the answer's text stands.
fn with_picture(path: &str, model: &str, text: &str, picture: &str) -> Value {
    match path {
        "/v1/chat/completions" => json!({
            "model": model, "max_tokens": 100,
            "messages": [{ "role": "user", "content": [
                { "type": "text", "text": text },
                { "type": "image_url", "image_url": { "url": picture } },
            ] }],
        }),
        "/v1/responses" => json!({
            "model": model,
            "input": [{ "role": "user", "content": [
                { "type": "input_text", "text": text },
                { "type": "input_image", "image_url": picture, "detail": "auto" },
            ] }],
        }),
        _ => {
            let (_, data) = picture.split_once(";base64,").expect("a data URL");
            json!({
                "model": model, "max_tokens": 100,
                "messages": [{ "role": "user", "content": [
                    { "type": "text", "text": text },
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": data } },
                ] }],
            })
        }
    }
}

fn text_of(path: &str, answer: &Value) -> String {
    let text = match path {
        "/v1/chat/completions" => &answer["choices"][0]["message"]["content"],
        "/v1/responses" => &answer["output"][0]["content"][0]["text"],
        _ => &answer["content"][0]["text"],
    };
    text.as_str().unwrap_or_else(|| panic!("{path}: {answer}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_dialect_reaches_every_provider_with_the_picture_as_it_is() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let picture = pictures::png();
    let sha256 = pictures::sha256_hex(&picture);
    let url = data_url(&picture, "image/png");
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/messages"] {
        for model in [CLAUDE, GPT, QWEN] {
            let got = door.post(path, &token, &with_picture(path, model, "What is this?", &url)).await;
            assert_eq!(got.status, 200, "{path} {model}: {}\n{}", got.text, door.program.log());
            let text = text_of(path, &got.json());
            assert!(text.contains(&sha256), "{path} {model}: {text}");
            assert_eq!(got.header("x-creel-route"), format!("{model}=ok"));
            assert_eq!(got.header("x-creel-attempts"), "1");
            assert!(got.header("x-creel-overhead-us").parse::<u64>().is_ok());
            assert!(got.header("x-request-id").starts_with("req_"));
        }
    }
    for request in fakes.anthropic.requests() {
        assert_eq!(request.header("x-api-key"), Some(API_KEY));
        assert_eq!(request.header("authorization"), None);
    }
    for request in fakes.openai.requests() {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {OPENAI_KEY}").as_str()));
        assert_eq!(request.header("x-api-key"), None);
    }
    let refusals = fakes.anthropic.refusals().len() + fakes.openai.refusals().len() + fakes.ollama.refusals().len();
    assert_eq!(refusals, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_goes_by_many_names_and_the_routes_without_v1_are_the_same() {
    let fakes = Fakes::start().await;
    let defaults = format!(
        r#"agents: {{ defaults: {{ model: {{ primary: "{GPT}" }},
           models: {{ "{GPT}": {{ alias: "fast" }}, "{CLAUDE}": {{}}, "{QWEN}": {{}} }} }} }}"#
    );
    let door = Door::open(&fakes.config(&defaults));
    let token = door.usual_agent();
    for name in [GPT, " OpenAI/gpt-4o-mini ", "fast", "FAST", "gpt-4o-mini", "default"] {
        for path in ["/v1/chat/completions", "/chat/completions"] {
            let got = door.post(path, &token, &chat(name, "ping")).await;
            assert_eq!(got.status, 200, "{name}: {}", got.text);
            assert_eq!(got.header("x-creel-route"), format!("{GPT}=ok"), "{name}");
        }
    }
    let models: Vec<String> = door.get("/v1/models", &token).await.json()["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|model| model["id"].as_str().expect("an id").to_owned())
        .collect();
    for name in [GPT, "fast", "default", QWEN] {
        assert!(models.contains(&name.to_owned()), "{name} in {models:?}");
    }
    // What the operator's list leaves out is not there.
    let got = door.post("/v1/chat/completions", &token, &chat("openai/gpt-4o", "ping")).await;
    assert_eq!((got.status, got.json()["error"]["code"].as_str()), (404, Some("model_not_found")), "{}", got.text);
    let one = door.get("/v1/models/openai/gpt-4o-mini", &token).await;
    assert_eq!((one.status, one.json()["id"].as_str()), (200, Some(GPT)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_request_in_the_providers_own_dialect_is_lost() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let body = json!({
        "model": GPT, "logprobs": true, "top_logprobs": 2, "user": "somebody", "seed": 7, "n": 1,
        "messages": [{ "role": "user", "content": "ping" }],
    });
    let got = door.post("/v1/chat/completions", &token, &body).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert!(got.json()["choices"][0]["logprobs"].is_object(), "{}", got.text);
    let mut expected = body.clone();
    expected["model"] = json!("gpt-4o-mini");
    assert_eq!(fakes.openai.requests()[0].json().expect("JSON"), expected);

    let body = json!({
        "model": CLAUDE, "max_tokens": 50, "top_k": 5,
        "system": [{ "type": "text", "text": "Be brief.", "cache_control": { "type": "ephemeral" } }],
        "messages": [{ "role": "user", "content": "ping" }],
    });
    let request = door.request("POST", "/v1/messages", &token).header("anthropic-version", "2023-06-01");
    let got = crate::door::got(request.body(body.to_string())).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert!(got.json()["usage"]["cache_creation_input_tokens"].is_u64(), "{}", got.text);
    let mut expected = body;
    expected["model"] = json!("claude-haiku-4-5");
    assert_eq!(fakes.anthropic.requests()[0].json().expect("JSON"), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_asks_for_more_than_the_model_gives_gets_what_it_gives() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    // What Claude Code asks for, whatever the model; the fake refuses it as OpenAI does.
    for (asked, expect) in [(32_000, 16_384), (100, 100)] {
        let body = json!({
            "model": GPT, "max_tokens": asked, "messages": [{ "role": "user", "content": "ping" }],
        });
        let request = door.request("POST", "/v1/messages", &token).header("anthropic-version", "2023-06-01");
        let got = crate::door::got(request.body(body.to_string())).await;
        assert_eq!(got.status, 200, "{}", got.text);
        let received = fakes.openai.requests().last().expect("a request").json().expect("JSON");
        assert_eq!(received["max_completion_tokens"], expect);
    }
    // In the dialect of the model it is the provider's to say.
    let messages = json!([{ "role": "user", "content": "ping" }]);
    let body = json!({ "model": GPT, "max_completion_tokens": 32_000, "messages": messages });
    let got = door.post("/v1/chat/completions", &token, &body).await;
    assert_eq!(got.status, 400, "{}", got.text);
    assert!(got.text.contains("max_completion_tokens is too large: 32000"), "{}", got.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_one_dialect_can_say_is_refused_by_name_for_another() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let mut body = chat(CLAUDE, "ping");
    body["logprobs"] = json!(true);
    let got = door.post("/v1/chat/completions", &token, &body).await;
    assert_eq!(got.status, 400, "{}", got.text);
    let message = got.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.starts_with("anthropic/claude-haiku-4-5: ") && message.contains("logprobs"), "{message}");
    assert_eq!(fakes.anthropic.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vectors_come_from_whoever_makes_them() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let body = json!({ "model": "openai/text-embedding-3-small", "input": ["one", "two"] });
    let got = door.post("/v1/embeddings", &token, &body).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let json = got.json();
    assert_eq!(json["data"].as_array().map(Vec::len), Some(2));
    assert!(json["data"][0]["embedding"][0].is_f64(), "{}", got.text);
    let none = json!({ "model": CLAUDE, "input": "one" });
    let got = door.post("/v1/embeddings", &token, &none).await;
    assert_eq!(got.status, 400, "{}", got.text);
    let said = "anthropic/claude-haiku-4-5: this provider makes no vectors";
    assert_eq!(got.json()["error"]["message"], said);
    assert_eq!(fakes.anthropic.requests().len(), 0);
}
