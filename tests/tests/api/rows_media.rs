//! Group I of the older gateway's cases, each row by its id: who looks at a picture. What each provider received is held against
//! what was sent, by the picture's own bytes. `routing` has more of I1, I2 and I11.

use creel_fakes::{anthropic, ollama, openai, pictures};
use creel_tests::house::API_KEY;
use creel_tests::program::Program;
use serde_json::{Value, json};

use crate::door::{Door, Fakes, Got, OPENAI_KEY, chat, data_url};

const CHATS: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const CLAUDE: &str = "anthropic/claude-haiku-4-5";
const GPT: &str = "openai/gpt-4o-mini";
const GLM: &str = "ollama/glm-5:cloud";
const QWEN: &str = "ollama/qwen3-vl:8b";
const WORK_KEY: &str = "sk-ant-api03-work-key-0123456789abcdef";
const SPARE_KEY: &str = "sk-ant-api03-spare-key-0123456789abcdef";

/// A request with a picture, in the dialect of its path.
fn look(path: &str, model: &str, picture: &[u8], content_type: &str) -> Value {
    let url = data_url(picture, content_type);
    let part = if path == MESSAGES {
        let (_, data) = url.split_once(";base64,").expect("a data URL");
        json!({ "type": "image", "source": { "type": "base64", "media_type": content_type, "data": data } })
    } else {
        json!({ "type": "image_url", "image_url": { "url": url } })
    };
    let content = json!([{ "type": "text", "text": "what is it?" }, part]);
    json!({ "model": model, "max_tokens": 50, "messages": [{ "role": "user", "content": content }] })
}

/// The pictures that each provider has received, by their SHA-256.
fn seen(fakes: &Fakes) -> [Vec<String>; 3] {
    let sha256 = |picture: pictures::Description| picture.sha256;
    let of_anthropic = fakes.anthropic.accepted().into_iter().flat_map(|one| one.pictures()).map(sha256).collect();
    let of_openai = fakes.openai.accepted().into_iter().flat_map(|one| one.pictures()).map(sha256).collect();
    let of_ollama = fakes.ollama.accepted().into_iter().flat_map(pictures_of).map(sha256).collect();
    [of_anthropic, of_openai, of_ollama]
}

fn pictures_of(chat: ollama::Request) -> Vec<pictures::Description> {
    chat.messages.into_iter().flat_map(|message| message.images).collect()
}

/// How many requests all providers have received.
fn received(fakes: &Fakes) -> usize {
    fakes.anthropic.requests().len() + fakes.openai.requests().len() + fakes.ollama.requests().len()
}

#[track_caller]
fn assert_refused(row: &str, path: &str, got: &Got, said: &str) {
    let error = &got.json()["error"];
    let kind = (&error["type"], &error["message"]);
    assert_eq!((got.status, kind), (400, (&json!("invalid_request_error"), &json!(said))), "{row}: {path}");
    assert_eq!(got.header("x-creel-route"), "", "{row}: nobody was asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_is_named_who_sees_a_picture_is_refused() {
    let fakes = Fakes::start().await;
    let blind = format!(
        r#"agents: {{ defaults: {{ model: {{ primary: "{GLM}" }} }} }}, tools: {{ media: {{ image: {{ enabled: true }} }} }}"#
    );
    let door = Door::open(&fakes.config(&blind));
    let token = door.usual_agent();
    let picture = pictures::png();
    for path in [CHATS, MESSAGES] {
        for model in ["default", GLM] {
            // I1: there is no picture tool that could be absent; the turn is refused in words.
            // I3 is overruled: there are keys for Anthropic and OpenAI, and nobody is asked whom the configuration does not name.
            // I13: describing is switched on, nobody is named for it, and the model that is active does not see.
            let got = door.post(path, &token, &look(path, model, &picture, "image/png")).await;
            let said =
                format!("`{model}` does not take this request (text, image), and nobody who takes it stands in for it");
            assert_refused("I1, I3, I13", path, &got, &said);
        }
    }
    assert_eq!(received(&fakes), 0);
    // I3: nor does a key bring anybody in when the one that is named fails.
    fakes.ollama.script(ollama::error(400, "invalid options"));
    let got = door.post(CHATS, &token, &chat("default", "ping")).await;
    assert_eq!((got.header("x-creel-route"), received(&fakes)), (format!("{GLM}=invalid-request").as_str(), 1), "I3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_image_model_looks_where_the_primary_cannot() {
    let fakes = Fakes::start().await;
    let named = format!(
        r#"agents: {{ defaults: {{ model: {{ primary: "{GLM}" }},
             imageModel: {{ primary: "{CLAUDE}", fallbacks: ["{GPT}"] }} }} }}"#
    );
    let door = Door::open(&fakes.config(&named));
    let token = door.usual_agent();
    let picture = pictures::png();
    let sha256 = pictures::sha256_hex(&picture);
    // I2: it is used as it is named.
    for path in [CHATS, MESSAGES] {
        let got = door.post(path, &token, &look(path, "default", &picture, "image/png")).await;
        assert_eq!(
            (got.status, got.header("x-creel-route")),
            (200, format!("{CLAUDE}=ok").as_str()),
            "I2: {}",
            got.text
        );
    }
    assert_eq!(seen(&fakes), [vec![sha256.clone(), sha256.clone()], vec![], vec![]], "I2");
    // I6: it is rate-limited, and its fallback looks at the same picture; while it rests it is not asked.
    fakes.anthropic.script(anthropic::rate_limited(7_200));
    for (path, fault) in [(CHATS, "rate-limited"), (MESSAGES, "skipped:rate-limited")] {
        let got = door.post(path, &token, &look(path, "default", &picture, "image/png")).await;
        assert_eq!(got.header("x-creel-route"), format!("{CLAUDE}={fault}, {GPT}=ok"), "I6: {}", got.text);
        assert!(got.text.contains(&sha256), "I6: {}", got.text);
    }
    let three = vec![sha256.clone(); 3];
    assert_eq!(seen(&fakes), [three, vec![sha256.clone(), sha256], vec![]], "I6");
    // A text goes the usual way all the while.
    let got = door.post(CHATS, &token, &chat("default", "ping")).await;
    assert_eq!(got.header("x-creel-route"), format!("{GLM}=ok"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_sees_looks_itself() {
    let fakes = Fakes::start().await;
    let seeing = format!(
        r#"agents: {{ defaults: {{ model: {{ primary: "{QWEN}" }}, imageModel: {{ primary: "{CLAUDE}" }} }} }},
           tools: {{ media: {{ image: {{ enabled: true }} }} }}"#
    );
    let door = Door::open(&fakes.config(&seeing));
    let token = door.usual_agent();
    let picture = pictures::png();
    // I5: there is no tool that could be used too much; the image model is not asked.
    // I13: describing is switched on, nobody is named for it, and the model that is active sees.
    let got = door.post(CHATS, &token, &look(CHATS, "default", &picture, "image/png")).await;
    assert_eq!(got.header("x-creel-route"), format!("{QWEN}=ok"), "I5, I13: {}", got.text);
    assert_eq!(seen(&fakes), [vec![], vec![], vec![pictures::sha256_hex(&picture)]], "I5, I13");
    // I17: a data URL is what its bytes are. A text is a document, which this model does not take, whatever the part is called
    // that it stands in, and whatever the URL says of it.
    let before = received(&fakes);
    let text = b"not a picture at all";
    for declared in ["text/plain", "image/png"] {
        let got = door.post(CHATS, &token, &look(CHATS, QWEN, text, declared)).await;
        let said =
            format!("`{QWEN}` does not take this request (text, document), and nobody who takes it stands in for it");
        assert_refused("I17", declared, &got, &said);
    }
    // I17: of one that takes documents the plugin knows which; nothing is sent.
    let got = door.post(CHATS, &token, &look(CHATS, CLAUDE, text, "text/plain")).await;
    let said = format!("{CLAUDE}: the provider takes no `text/plain`: JPEG, PNG, GIF, WebP and PDF only");
    let error = got.json()["error"].clone();
    assert_eq!((got.status, error["message"].as_str()), (400, Some(said.as_str())), "I17: {}", got.text);
    assert_eq!(got.header("x-creel-route"), format!("{CLAUDE}=unsupported-input"), "I17");
    // I17: whoever was not given documents does not get one in by another name.
    let narrow = door.agent("narrow", &["--models", "*", "--needs", "image"]);
    let got = door.post(CHATS, &narrow, &look(CHATS, CLAUDE, text, "text/plain")).await;
    assert_eq!(
        (got.status, got.json()["error"]["code"].as_str()),
        (403, Some("need_not_granted")),
        "I17: {}",
        got.text
    );
    // I17: a data URL without base64 is none.
    let mut body = look(CHATS, QWEN, text, "text/plain");
    body["messages"][0]["content"][1]["image_url"]["url"] = json!("data:text/plain,hello");
    let got = door.post(CHATS, &token, &body).await;
    let said = "`messages[0].content[1].image_url.url` must be a URL `data:<type>;base64,<bytes>` or another URL";
    assert_refused("I17", CHATS, &got, said);
    assert_eq!(received(&fakes), before, "I17: nobody was asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_describes_with_its_own_profile_and_within_its_own_bound() {
    let keys = anthropic::Config::with_api_key(API_KEY).and_api_key(WORK_KEY).and_api_key(SPARE_KEY);
    let fakes = Fakes::of(keys, ollama::Config::new(), openai::Config::with_api_key(OPENAI_KEY)).await;
    let entries = r#"tools: { media: { image: { maxBytes: 100000, models: [
        { provider: "ollama", model: "glm-5:cloud" },
        { provider: "openai", model: "gpt-4o-mini", maxBytes: 16 },
        { provider: "anthropic", model: "claude-haiku-4-5", profile: "anthropic:work" },
        { provider: "anthropic", model: "claude-sonnet-4-5", preferredProfile: "anthropic:spare" } ] } } }"#;
    let program = Program::with(
        &fakes.config(&format!(r#"{entries}, agents: {{ defaults: {{ model: {{ primary: "{GLM}" }} }} }}"#)),
    );
    let profile = |key: &str| json!({ "type": "api_key", "provider": "anthropic", "key": key });
    let profiles = json!({ "version": 1,
        "profiles": { "anthropic:work": profile(WORK_KEY), "anthropic:spare": profile(SPARE_KEY) } });
    program.keep("auth-profiles.json", &profiles.to_string());
    let door = Door::of(program);
    let token = door.usual_agent();
    let ask = async |picture: &[u8]| {
        let before = fakes.anthropic.requests().len();
        let got = door.post(CHATS, &token, &look(CHATS, "default", picture, "image/png")).await;
        let requests = fakes.anthropic.requests().split_off(before);
        let asked: Vec<(String, String)> = requests
            .iter()
            .map(|request| {
                let model = request.json().expect("JSON")["model"].as_str().unwrap_or_default().to_owned();
                (model, request.header("x-api-key").unwrap_or_default().to_owned())
            })
            .collect();
        (got, asked)
    };
    let [haiku, sonnet] = ["claude-haiku-4-5", "claude-sonnet-4-5"].map(str::to_owned);
    // I11: an entry says nothing of what it is for, and is for pictures where its model sees; the first one's does not.
    // I7: the profile of an entry is the one that is sent. I15: the entry whose bound is too small is left out, and the next looks.
    let picture = pictures::png();
    let (got, asked) = ask(&picture).await;
    assert_eq!((got.status, got.header("x-creel-route")), (200, format!("{GLM}=ok").as_str()), "I7: {}", got.text);
    assert_eq!(asked, [(haiku.clone(), WORK_KEY.to_owned())], "I7");
    assert_eq!(seen(&fakes), [vec![pictures::sha256_hex(&picture)], vec![], vec![]], "I15");
    assert_eq!(fakes.ollama.accepted().len(), 1, "I11: only the answer is its own");
    let given = fakes.ollama.requests().pop().expect("a request");
    assert!(given.contains("[Picture: ") && given.contains(&pictures::sha256_hex(&picture)), "I15: the reply goes on");
    // I7: a profile that is named fails for its entry alone; the next entry has one that it prefers.
    fakes.anthropic.script(anthropic::error(401, "authentication_error", "invalid x-api-key"));
    let (got, asked) = ask(&pictures::tiny_of(1)).await;
    assert_eq!(got.status, 200, "I7: {}", got.text);
    assert_eq!(asked, [(haiku, WORK_KEY.to_owned()), (sonnet, SPARE_KEY.to_owned())], "I7");
    // I15: a picture that is too large for every entry is refused, and in words.
    let before = received(&fakes);
    let large = pictures::png_of_at_least(100_001);
    let (got, _) = ask(&large).await;
    let error = got.json()["error"].clone();
    let said = error["message"].as_str().expect("a message");
    let end = format!(" has {} bytes, more than every entry of `tools.media.image.models` takes", large.len());
    assert!(said.starts_with("media://workspace/bot/") && said.ends_with(&end), "I15: {said}");
    assert_eq!((got.status, &error["type"]), (400, &json!("invalid_request_error")), "I15: {said}");
    assert_eq!(received(&fakes), before, "I15: nobody was asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_entry_looks_where_its_model_can_and_does_nothing_else() {
    let fakes = Fakes::start().await;
    let shared = format!(
        r#"agents: {{ defaults: {{ model: {{ primary: "{GLM}" }} }} }}, tools: {{ media: {{ models: [
             {{ provider: "ollama", model: "glm-5:cloud" }}, {{ provider: "ollama", model: "qwen3-vl:8b" }} ] }} }}"#
    );
    let door = Door::open(&fakes.config(&shared));
    let token = door.usual_agent();
    // I10: of the shared entries that one is eligible whose provider says that it sees.
    let got = door.post(CHATS, &token, &look(CHATS, "default", &pictures::png(), "image/png")).await;
    assert_eq!(got.header("x-creel-route"), format!("{GLM}=ok"), "I10: {}", got.text);
    let asked = || -> Vec<(String, usize)> {
        fakes.ollama.accepted().into_iter().map(|chat| (chat.model.clone(), pictures_of(chat).len())).collect()
    };
    let [qwen, glm] = ["qwen3-vl:8b", "glm-5:cloud"].map(str::to_owned);
    assert_eq!(asked(), [(qwen.clone(), 1), (glm.clone(), 0)], "I10");
    // I10: for pictures alone: a text is not given to it.
    let got = door.post(CHATS, &token, &chat("default", "ping")).await;
    assert_eq!(got.header("x-creel-route"), format!("{GLM}=ok"), "I10");
    assert_eq!(asked(), [(qwen, 1), (glm.clone(), 0), (glm, 0)], "I10");
    assert_eq!(fakes.anthropic.requests().len() + fakes.openai.requests().len(), 0);
}
