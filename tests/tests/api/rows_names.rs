//! Group H of the older gateway's cases, each row by its id, as far as the name that is asked for decides who may take over; whoever
//! goes away; and what the log says of names. `routing` has more of H3, H4 and H6.

use creel_fakes::{anthropic, ollama, openai, pictures};
use serde_json::{Value, json};

use crate::door::{Door, Fakes, chat, data_url};

const CHATS: &str = "/v1/chat/completions";
const CLAUDE: &str = "anthropic/claude-haiku-4-5";
const SONNET: &str = "anthropic/claude-sonnet-4-5";
const GPT: &str = "openai/gpt-4o-mini";
const GLM: &str = "ollama/glm-5:cloud";
const QWEN: &str = "ollama/qwen3-vl:8b";

/// A chain whose primary and GPT may be picked by name, and whose other models may not; QWEN stands in no chain.
fn listed() -> String {
    format!(
        r#"agents: {{ defaults: {{ models: {{ "{GLM}": {{}}, "{GPT}": {{}}, "{QWEN}": {{}} }},
             model: {{ primary: " Ollama /glm-5:cloud", fallbacks: ["{GPT}", "{CLAUDE}"] }},
             imageModel: {{ primary: "{CLAUDE}", fallbacks: ["{SONNET}"] }} }} }}"#
    )
}

/// A request with a picture.
fn with_picture(model: &str) -> Value {
    let url = data_url(&pictures::png(), "image/png");
    json!({ "model": model, "max_tokens": 50, "messages": [{ "role": "user", "content": [
        { "type": "text", "text": "what is it?" }, { "type": "image_url", "image_url": { "url": url } } ] }] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_says_who_may_take_over() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(&listed()));
    let token = door.usual_agent();
    names(&fakes, &door, &token).await;
    whoever_goes_away(&fakes, &door, &token).await;
    the_log(&fakes, &door, &token).await;
    let refusals = fakes.anthropic.refusals().len() + fakes.openai.refusals().len() + fakes.ollama.refusals().len();
    assert_eq!(refusals, 0);
}

async fn names(fakes: &Fakes, door: &Door, token: &str) {
    let no_ollama = || fakes.ollama.script(ollama::error(400, "invalid options"));
    let no_gpt = || fakes.openai.script(openai::error(400, "invalid_request_error", None, "not today"));
    let no_claude = || fakes.anthropic.script(anthropic::error(400, "invalid_request_error", "not today"));
    let check = async |row: &str, mut body: Value, fallbacks: Option<Value>, expect: (u16, &[&str])| {
        if let Some(fallbacks) = fallbacks {
            body["fallbacks"] = fallbacks;
        }
        let received =
            || fakes.anthropic.requests().len() + fakes.openai.requests().len() + fakes.ollama.requests().len();
        let before = received();
        let got = door.post(CHATS, token, &body).await;
        assert_eq!(
            (got.status, got.header("x-creel-route")),
            (expect.0, expect.1.join(", ").as_str()),
            "{row}: {}",
            got.text
        );
        assert_eq!(received() - before, expect.1.len(), "{row}");
        got
    };
    let [glm, gpt, qwen] = [GLM, GPT, QWEN].map(|model| format!("{model}=invalid-request"));
    let claude = format!("{CLAUDE}=invalid-request");
    let (glm, gpt, qwen, claude) = (glm.as_str(), gpt.as_str(), qwen.as_str(), claude.as_str());
    let answers = [GLM, GPT, CLAUDE, SONNET].map(|model| format!("{model}=ok"));
    let [by_glm, by_gpt, by_claude, by_sonnet] = answers.each_ref().map(String::as_str);

    // H3 is overruled: a model that nobody asked for answers nobody.
    no_ollama();
    check("H3", chat(QWEN, "ping"), None, (400, &[qwen])).await;
    // H4: a fallback that is asked for goes on down the chain, and not up.
    no_gpt();
    check("H4", chat(GPT, "ping"), None, (200, &[gpt, by_claude])).await;
    // H5: wherever a provider is named: in the configuration, by the client, in its fallbacks.
    check("H5", chat("default", "ping"), None, (200, &[by_glm])).await;
    check("H5", chat(" OpenAI /gpt-4o-mini", "ping"), None, (200, &[by_gpt])).await;
    no_ollama();
    check("H5", chat(GLM, "ping"), Some(json!([" OpenAI /gpt-4o-mini "])), (200, &[glm, by_gpt])).await;
    // H6: only those that the client names; nobody at all. The configured primary is not appended.
    no_gpt();
    no_ollama();
    check("H6", chat(GPT, "ping"), Some(json!([QWEN])), (400, &[gpt, qwen])).await;
    no_gpt();
    check("H6", chat(GPT, "ping"), Some(json!([])), (400, &[gpt])).await;
    // H6: so it is where the configured chains are asked for.
    no_ollama();
    check("H6", chat("default", "ping"), Some(json!([])), (400, &[glm])).await;
    no_ollama();
    no_ollama();
    check("H6", chat("default", "ping"), Some(json!([QWEN])), (400, &[glm, qwen])).await;
    no_claude();
    check("H6", with_picture("default"), Some(json!([])), (400, &[claude])).await;
    no_claude();
    check("H6", with_picture("default"), Some(json!([GPT])), (200, &[claude, by_gpt])).await;
    // H7: the list says who may be picked, and nothing of chains: text, then a picture.
    no_ollama();
    no_gpt();
    check("H7", chat("default", "ping"), None, (200, &[glm, gpt, by_claude])).await;
    no_claude();
    let got = check("H7", with_picture("default"), None, (200, &[claude, by_sonnet])).await;
    assert!(got.content().contains(&pictures::sha256_hex(&pictures::png())), "H7: {}", got.text);
    // What a client names is a pick.
    let got = check("H7", chat(CLAUDE, "ping"), None, (404, &[])).await;
    assert_eq!(got.json()["error"]["message"], format!("there is no model `{CLAUDE}`"));
    let got = check("H7", chat(GPT, "ping"), Some(json!([SONNET])), (404, &[])).await;
    assert_eq!(got.json()["error"]["message"], format!("there is no model `{SONNET}`"));
}

/// Nobody answers whoever has gone.
async fn whoever_goes_away(fakes: &Fakes, door: &Door, token: &str) {
    let others = || fakes.anthropic.requests().len() + fakes.openai.requests().len();
    let before = (fakes.ollama.accepted().len(), others());
    let mut aborted = 0;
    for path in [CHATS, "/v1/messages"] {
        for is_streamed in [false, true] {
            // H15: the client hangs up while the provider thinks.
            fakes.ollama.hold();
            let mut body = chat("default", "ping");
            body["stream"] = json!(is_streamed);
            let asking = tokio::spawn(door.request("POST", path, token).body(body.to_string()).send());
            aborted += 1;
            fakes.ollama.wait_until_held(aborted).await.expect("the primary is asked");
            asking.abort();
            fakes.ollama.wait_for_abandoned(aborted).await.expect("the call is cancelled");
            fakes.ollama.release();
            // Nobody took over, and the primary answers the next.
            let got = door.post(CHATS, token, &chat("default", "ping")).await;
            assert_eq!(got.header("x-creel-route"), format!("{GLM}=ok"), "H15: {path}: {}", got.text);
        }
    }
    assert_eq!((fakes.ollama.accepted().len() - before.0, others() - before.1), (2 * aborted, 0), "H15");
}

/// No name and no word of a provider steers whoever reads the log.
async fn the_log(fakes: &Fakes, door: &Door, token: &str) {
    // H17: what the client calls a model.
    let got = door.post(CHATS, token, &chat("openai/gpt\u{1b}[31m\n{\"level\":\"ERROR\"}", "ping")).await;
    assert_eq!(got.status, 404, "{}", got.text);
    assert_eq!(got.json()["error"]["message"], "there is no model `openai/gpt[31m{\"level\":\"ERROR\"}`");
    // H17: what the provider says of it.
    let words = "The model `x\u{1b}[31m\r\nred\u{9b}2J` does not exist";
    fakes.openai.script(openai::error(404, "invalid_request_error", Some("model_not_found"), words));
    let mut body = chat(GPT, "ping");
    body["fallbacks"] = json!([]);
    let got = door.post(CHATS, token, &body).await;
    assert_eq!(got.status, 404, "{}", got.text);
    let lines = door.log();
    for line in &lines {
        let fields = line.as_object().expect("an object").values();
        for text in fields.filter_map(Value::as_str) {
            assert!(!text.chars().any(char::is_control), "H17: {text:?}");
        }
    }
    let of_it = lines.iter().filter(|line| line.to_string().contains("The model `x [31m  red 2J` does not exist"));
    let levels: Vec<&str> = of_it.filter_map(|line| line["level"].as_str()).collect();
    assert_eq!(levels, ["WARN", "WARN"], "H17: that the call failed, and that nobody answered");
}
