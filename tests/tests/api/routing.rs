//! Who takes over from whom (groups H and I of the older gateway's cases), and what is told of it.

use creel_fakes::{anthropic, openai};
use serde_json::json;

use crate::door::{Door, Fakes, chat, data_url};

const CLAUDE: &str = "anthropic/claude-haiku-4-5";
const GPT: &str = "openai/gpt-4o-mini";
const GLM: &str = "ollama/glm-5:cloud";
const QWEN: &str = "ollama/qwen3-vl:8b";

fn defaults(text: &str) -> String {
    format!("agents: {{ defaults: {{ {text} }} }}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_declared_chain_takes_over_and_the_trail_tells() {
    let fakes = Fakes::start().await;
    let chain = defaults(&format!(r#"model: {{ primary: "{CLAUDE}", fallbacks: ["{GPT}", "{QWEN}"] }}"#));
    let door = Door::open(&fakes.config_with("sk-ant-api03-wrong", crate::door::OPENAI_KEY, &chain));
    let token = door.usual_agent();
    // H1: the primary fails with 401, the fallback answers. H4: the same for a model of the chain that was asked for.
    for name in ["default", CLAUDE] {
        let got = door.post("/v1/chat/completions", &token, &chat(name, "ping")).await;
        assert_eq!(got.status, 200, "{}", got.text);
        let route = got.header("x-creel-route");
        assert!(route.starts_with(&format!("{CLAUDE}=")) && route.ends_with(&format!("{GPT}=ok")), "{route}");
    }
    // The wrong key rests by now: it was sent once.
    assert_eq!(fakes.anthropic.requests().len(), 1);
    // A fallback that is asked for goes on down the chain.
    fakes.openai.script(openai::error(400, "invalid_request_error", None, "not today"));
    let got = door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await;
    assert_eq!(got.header("x-creel-route"), format!("{GPT}=invalid-request, {QWEN}=ok"), "{}", got.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_outside_the_chain_answers_or_nobody_does() {
    let fakes = Fakes::start().await;
    let chain = defaults(&format!(r#"model: {{ primary: "{QWEN}" }}"#));
    let door = Door::open(&fakes.config(&chain));
    let token = door.usual_agent();
    // H3 is overruled: a model that nobody asked for answers nobody.
    fakes.openai.script(openai::error(400, "invalid_request_error", None, "not today"));
    let got = door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await;
    assert_eq!(got.status, 400, "{}", got.text);
    assert_eq!(fakes.ollama.requests().len(), 0);
    // H6: what the client names takes over, and nothing else; an empty list means nobody.
    fakes.openai.script(openai::error(400, "invalid_request_error", None, "not today"));
    let mut body = chat(GPT, "ping");
    body["fallbacks"] = json!([CLAUDE]);
    let got = door.post("/v1/chat/completions", &token, &body).await;
    assert_eq!(got.header("x-creel-route"), format!("{GPT}=invalid-request, {CLAUDE}=ok"), "{}", got.text);
    fakes.openai.script(openai::error(400, "invalid_request_error", None, "not today"));
    body["fallbacks"] = json!([]);
    assert_eq!(door.post("/v1/chat/completions", &token, &body).await.status, 400);
    // Its own words for it never reach the provider.
    assert!(fakes.openai.requests().iter().all(|request| !request.contains("fallbacks")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_provider_is_left_for_another_and_asked_again_when_it_says() {
    let fakes = Fakes::start().await;
    let chain = defaults(&format!(r#"model: {{ primary: "{CLAUDE}", fallbacks: ["{GPT}"] }}"#));
    let door = Door::open(&fakes.config(&chain));
    let token = door.usual_agent();
    // H11: rate-limited for longer than anybody waits: the next provider at once.
    fakes.anthropic.script(anthropic::rate_limited(3_600));
    let got = door.post("/v1/chat/completions", &token, &chat("default", "ping")).await;
    assert_eq!(got.header("x-creel-route"), format!("{CLAUDE}=rate-limited, {GPT}=ok"), "{}", got.text);
    let got = door.post("/v1/chat/completions", &token, &chat("default", "ping")).await;
    assert_eq!(got.header("x-creel-route"), format!("{CLAUDE}=skipped:rate-limited, {GPT}=ok"), "{}", got.text);
    assert_eq!(got.header("x-creel-attempts"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_a_need_like_any_other() {
    let fakes = Fakes::start().await;
    let image = defaults(&format!(r#"model: {{ primary: "{GLM}" }}, imageModel: {{ primary: "{CLAUDE}" }}"#));
    let door = Door::open(&fakes.config(&image));
    let token = door.usual_agent();
    let picture = creel_fakes::pictures::png();
    let url = data_url(&picture, "image/png");
    let body = |model: &str| {
        json!({ "model": model, "max_tokens": 50, "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "what is it?" }, { "type": "image_url", "image_url": { "url": url } } ] }] })
    };
    let got = door.post("/v1/chat/completions", &token, &body("default")).await;
    assert_eq!(got.header("x-creel-route"), format!("{CLAUDE}=ok"), "{}", got.text);
    let got = door.post("/v1/chat/completions", &token, &chat("default", "no picture")).await;
    assert_eq!(got.header("x-creel-route"), format!("{GLM}=ok"), "{}", got.text);
    // A model without eyes that is asked for by name does not get it, and nobody else does in its name.
    let got = door.post("/v1/chat/completions", &token, &body(GLM)).await;
    assert_eq!(got.status, 400, "{}", got.text);
    let said = got.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert_eq!(
        said,
        "`ollama/glm-5:cloud` does not take this request (text, image), and nobody who takes it stands in for it"
    );

    let describe = format!(
        r#"tools: {{ media: {{ image: {{ models: [{{ provider: "anthropic", model: "claude-haiku-4-5" }}] }} }} }},
           {}"#,
        defaults(&format!(r#"model: {{ primary: "{GLM}" }}"#))
    );
    let door = Door::open(&fakes.config(&describe));
    let token = door.usual_agent();
    let got = door.post("/v1/chat/completions", &token, &body(GLM)).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let sha256 = creel_fakes::pictures::sha256_hex(&picture);
    let asked = fakes.ollama.requests().pop().expect("a request");
    assert!(asked.contains(&sha256) && asked.contains("[Picture: "), "the description in the picture's place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_a_context_goes_to_the_next_that_holds_it() {
    let fakes = Fakes::start().await;
    let chain = defaults(&format!(r#"model: {{ primary: "{GLM}", fallbacks: ["{QWEN}", "{GPT}"] }}"#));
    let config = fakes.config(&chain);
    let config = config.replace(r#""glm-5:cloud","#, r#""glm-5:cloud", contextWindow: 100,"#);
    let door = Door::open(&config.replace(r#""qwen3-vl:8b","#, r#""qwen3-vl:8b", contextWindow: 200,"#));
    let token = door.usual_agent();
    for name in ["default", GLM] {
        for (bytes, expect) in [(20, GLM), (600, QWEN), (4_000, GPT)] {
            let got = door.post("/v1/chat/completions", &token, &chat(name, &"x".repeat(bytes))).await;
            assert_eq!(got.header("x-creel-route"), format!("{expect}=ok"), "{name}: {}", got.text);
        }
    }
    let explained = door.program.run(&["explain", "route", "--model", "default", "--tokens", "150"]);
    assert_eq!(explained.code, Some(0), "{}{}", explained.out, explained.err);
    let small = "its context holds 100 tokens, and the request has some 150";
    assert!(explained.out.contains(small), "{}", explained.out);
    let explained = door.program.run(&["explain", "route", "--model", "default", "--tokens", "150", "--json"]).json();
    let candidates = explained["candidates"].as_array().expect("candidates");
    let verdicts: Vec<_> = candidates.iter().map(|one| [&one["model"], &one["verdict"], &one["reason"]]).collect();
    assert_eq!(verdicts[0], [&json!(GLM), &json!("passed-over"), &json!(small)], "{explained}");
    assert_eq!(verdicts[1], [&json!(QWEN), &json!("taken"), &json!("takes all that is needed")], "{explained}");
    // Where nobody holds it, nobody is asked.
    let chain = defaults(&format!(r#"model: {{ primary: "{GLM}" }}"#));
    let config = fakes.config(&chain).replace(r#""glm-5:cloud","#, r#""glm-5:cloud", contextWindow: 100,"#);
    let door = Door::open(&config);
    let asked = fakes.ollama.requests().len();
    let got = door.post("/v1/chat/completions", &door.usual_agent(), &chat("default", &"x".repeat(600))).await;
    let said = "`default` does not take this request (text), and nobody who takes it stands in for it";
    assert_eq!((got.status, got.json()["error"]["message"].as_str()), (400, Some(said)), "{}", got.text);
    assert_eq!(fakes.ollama.requests().len(), asked);
}
