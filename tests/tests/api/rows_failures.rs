//! Group G of the older gateway's cases, each row by its id: what a failure of a provider means, what the client is told of it in
//! its own dialect, and that the next model is asked. What the words alone mean is tested beside `plugins/sdk/src/classify.rs`.

use creel_fakes::openai::{self, OpenAi};
use creel_fakes::{Answer, Running, anthropic, ollama};
use creel_tests::house::API_KEY;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::door::{Door, Fakes, Got, OPENAI_KEY, chat};

const BACKUP: &str = "backup/gpt-4o-mini";
const CHATS: &str = "/v1/chat/completions";

/// Whose dialect the failure is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    OpenAi,
    Anthropic,
    Ollama,
}

/// When the provider may be asked again, and so how often it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// It does not say, and nobody waits: one try.
    No,
    /// `retry-after-ms: 1`: three tries.
    AtOnce,
    /// `retry-after: 7200`, which nobody waits for: one try.
    Later,
    /// The same in its words.
    LaterInWords,
}

/// A failure: row, dialect, status, code, words, when to come back, and what it means in the words of `x-creel-route`.
struct Case(&'static str, Of, u16, &'static str, &'static str, Again, &'static str);

use Again::{AtOnce, Later, LaterInWords, No};
use Of::{Anthropic, Ollama};

const OPENAI: Of = Of::OpenAi;
const LONG: &str = "You are out of credits. Much has been said of limits, of accounts, of the months that go by and of the bills \
                    that come with them; add more credits, or raise the monthly spend limit.";
const ABORTED: &str =
    r#"This operation was aborted: {"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}, try again in 2h"#;

const OF_OPENAI: &[Case] = &[
    Case("G1", OPENAI, 400, "", "`colour` is no field", No, "invalid-request"),
    Case("G1", OPENAI, 422, "", "`colour` is no field", No, "invalid-request"),
    Case("G2", OPENAI, 401, "", "Unauthorized", No, "authentication"),
    Case("G2", OPENAI, 403, "", "this region is not served", No, "permission"),
    Case(
        "G3",
        OPENAI,
        401,
        "invalid_api_key",
        "Incorrect API key provided: sk-proj-ri****cdef",
        No,
        "credential-invalid",
    ),
    Case("G3", OPENAI, 403, "", "api key revoked", No, "credential-invalid"),
    Case("G4", OPENAI, 402, "", "", No, "billing"),
    Case("G5", OPENAI, 402, "", "organization usage limit, try again later", AtOnce, "rate-limited"),
    Case("G5", OPENAI, 402, "", "Monthly spend limit reached.", AtOnce, "rate-limited"),
    Case("G5", OPENAI, 402, "", "The workspace spend limit reached.", AtOnce, "rate-limited"),
    Case("G5", OPENAI, 402, "", "rate limit exceeded", Later, "rate-limited"),
    Case("G6", OPENAI, 402, "", "insufficient credits", No, "billing"),
    Case("G6", OPENAI, 402, "", "quota exceeded, add more credits", No, "billing"),
    Case("G6", OPENAI, 402, "", "upgrade your plan", No, "billing"),
    Case("G6", OPENAI, 402, "", LONG, No, "billing"),
    Case("G7", OPENAI, 404, "model_not_found", "The model `gpt-4o-mini` does not exist", No, "unknown-model"),
    // G7 is narrower here: a page that is not there is no model that is not there. `baseUrl` points to another server.
    Case("G7", OPENAI, 404, "", "Invalid URL (POST /v1/chat/completions)", No, "other"),
    Case("G8", OPENAI, 408, "", "", AtOnce, "timed-out"),
    Case("G8", OPENAI, 499, "", "", AtOnce, "timed-out"),
    Case("G8", OPENAI, 502, "", "Bad Gateway", AtOnce, "timed-out"),
    Case("G8", OPENAI, 503, "", "", AtOnce, "timed-out"),
    Case("G8", OPENAI, 504, "", "", Later, "timed-out"),
    Case("G9", OPENAI, 500, "", "", AtOnce, "other"),
    Case("G9", OPENAI, 521, "", "", AtOnce, "other"),
    Case("G9", OPENAI, 522, "", "", AtOnce, "other"),
    Case("G9", OPENAI, 523, "", "", AtOnce, "other"),
    Case("G9", OPENAI, 524, "", "", AtOnce, "other"),
    // "fallback status 503" is what a client of OpenAI's dialect is told; one of Anthropic's has a status for it, 529.
    Case("G10", OPENAI, 529, "", "", AtOnce, "overloaded"),
    Case("G10", OPENAI, 400, "overloaded_error", "no", Later, "overloaded"),
    Case("G10", OPENAI, 200, "overloaded_error", "Overloaded, try again in 2h", LaterInWords, "overloaded"),
    Case("G10", OPENAI, 503, "", "The model is overloaded.", AtOnce, "overloaded"),
    Case("G11", OPENAI, 429, "", "slow down", AtOnce, "rate-limited"),
    Case(
        "G11",
        OPENAI,
        429,
        "rate_limit_exceeded",
        "Rate limit reached. Please try again in 2h.",
        LaterInWords,
        "rate-limited",
    ),
    Case("G11", OPENAI, 200, "429", "no more for now, try again in 2h", LaterInWords, "rate-limited"),
    Case("G12", OPENAI, 400, "insufficient_quota", "no", No, "billing"),
    Case("G12", OPENAI, 422, "insufficient_quota", "no", No, "billing"),
    Case("G12", OPENAI, 400, "", "You have insufficient credits.", No, "billing"),
    Case("G12", OPENAI, 422, "", "`credits` is no field", No, "invalid-request"),
    Case("G13", OPENAI, 200, "", "Weekly/Monthly Limit Exhausted. It resets in 2h", LaterInWords, "rate-limited"),
    Case("G13", OPENAI, 200, "", "402 Weekly/Monthly Limit Exhausted", No, "billing"),
    Case("G13", OPENAI, 402, "", "Weekly/Monthly Limit Exhausted", No, "billing"),
    Case("G14", OPENAI, 500, "", "connect ETIMEDOUT", AtOnce, "timed-out"),
    Case("G14", OPENAI, 500, "", "read ECONNRESET", AtOnce, "unreachable"),
    Case("G14", OPENAI, 500, "", "connect EHOSTDOWN", AtOnce, "unreachable"),
    Case("G14", OPENAI, 500, "", "write EPIPE", AtOnce, "unreachable"),
    Case("G14", OPENAI, 500, "", "fetch failed", AtOnce, "unreachable"),
    Case("G14", OPENAI, 500, "", "getaddrinfo ENOTFOUND api", AtOnce, "unreachable"),
    Case("G14", OPENAI, 500, "", "getaddrinfo EAI_AGAIN api", AtOnce, "unreachable"),
    Case("G14", OPENAI, 500, "", "stop reason: abort", AtOnce, "timed-out"),
    Case("G14", OPENAI, 500, "", "Unhandled stop reason: error", AtOnce, "timed-out"),
    Case("G15", OPENAI, 200, "", ABORTED, LaterInWords, "rate-limited"),
    Case("G16", OPENAI, 200, "", "the building at 402 Main Street", No, "other"),
    Case("G16", OPENAI, 400, "", "the building at 402 Main Street", No, "invalid-request"),
];

const OF_ANTHROPIC: &[Case] = &[
    Case("G1", Anthropic, 400, "invalid_request_error", "max_tokens: Field required", No, "invalid-request"),
    Case("G2", Anthropic, 401, "authentication_error", "invalid x-api-key", No, "authentication"),
    Case("G2", Anthropic, 403, "permission_error", "not this model", No, "permission"),
    Case("G3", Anthropic, 401, "authentication_error", "This API key has been disabled.", No, "credential-invalid"),
    Case("G4", Anthropic, 402, "billing_error", "no", No, "billing"),
    Case("G7", Anthropic, 404, "not_found_error", "model: claude-none", No, "unknown-model"),
    Case("G8", Anthropic, 502, "", "", AtOnce, "timed-out"),
    Case("G8", Anthropic, 504, "timeout_error", "too slow", AtOnce, "timed-out"),
    Case("G9", Anthropic, 500, "", "", AtOnce, "other"),
    Case("G9", Anthropic, 524, "", "", AtOnce, "other"),
    Case("G10", Anthropic, 529, "overloaded_error", "Overloaded", AtOnce, "overloaded"),
    Case("G10", Anthropic, 400, "overloaded_error", "Overloaded", Later, "overloaded"),
    Case("G11", Anthropic, 429, "rate_limit_error", "50 requests per minute", AtOnce, "rate-limited"),
    Case("G11", Anthropic, 429, "rate_limit_error", "50 requests per minute", Later, "rate-limited"),
    Case("G12", Anthropic, 400, "invalid_request_error", "Your credit balance is too low.", No, "billing"),
];

const OF_OLLAMA: &[Case] = &[
    Case("G1", Ollama, 400, "", "invalid options", No, "invalid-request"),
    Case("G2", Ollama, 401, "", "unauthorized", No, "authentication"),
    Case("G2", Ollama, 403, "", "", No, "permission"),
    Case("G3", Ollama, 401, "", "this api key has been revoked", No, "credential-invalid"),
    Case("G4", Ollama, 402, "", "", No, "billing"),
    Case("G7", Ollama, 404, "", "model 'qwen3-vl:8b' not found", No, "unknown-model"),
    Case("G7", Ollama, 404, "", "404 page not found", No, "other"),
    Case("G8", Ollama, 504, "", "", AtOnce, "timed-out"),
    Case("G9", Ollama, 500, "", "model requires more system memory", AtOnce, "other"),
    Case("G10", Ollama, 503, "", "server busy, please try again", AtOnce, "overloaded"),
    Case("G11", Ollama, 429, "", "too many requests", Later, "rate-limited"),
    Case("G14", Ollama, 500, "", "fetch failed", AtOnce, "unreachable"),
];

impl Case {
    fn model(&self) -> &'static str {
        let Self(_, of, ..) = self;
        match of {
            Of::OpenAi => "gpt-4o-mini",
            Of::Anthropic => "claude-haiku-4-5",
            Of::Ollama => "qwen3-vl:8b",
        }
    }

    fn answer(&self) -> Answer {
        let Self(_, of, status, code, words, again, _) = *self;
        let answer = match (of, code, words) {
            (_, "", "") => Answer::status(status),
            (Of::OpenAi, "", _) => Answer::json(status, &json!({ "error": { "message": words } })),
            (Of::OpenAi, _, _) => Answer::json(status, &json!({ "error": { "message": words, "code": code } })),
            (Of::Anthropic, _, _) => anthropic::error(status, code, words),
            (Of::Ollama, _, _) => ollama::error(status, words),
        };
        match again {
            No | LaterInWords => answer,
            AtOnce => answer.header("retry-after-ms", "1"),
            Later => answer.header("retry-after", "7200"),
        }
    }

    fn tries(&self) -> usize {
        let Self(.., again, _) = self;
        if *again == AtOnce { 3 } else { 1 }
    }

    /// The header `retry-after` that the client gets; nothing comes in less than a second.
    fn retry_after(&self) -> &'static str {
        let Self(.., again, _) = self;
        match again {
            No => "",
            AtOnce => "1",
            Later | LaterInWords => "7200",
        }
    }

    /// What the client reads: of its own request what the provider said, of the operator's account nothing.
    fn check_message(&self, model: &str, said: &Value) {
        let Self(row, _, status, _, words, _, fault) = *self;
        let said = said.as_str().unwrap_or_default();
        match fault {
            "authentication" | "permission" | "credential-invalid" | "billing" => {
                let expect = format!(
                    "{model}: the provider did not take the gateway's own credential ({fault}); its operator can tell more"
                );
                assert_eq!(said, expect, "{row}");
            }
            "timed-out" | "unreachable" | "other" => {
                assert_eq!(said, format!("{model}: the provider gave no answer ({fault})"), "{row}");
            }
            _ => {
                let words = if words.is_empty() { format!("status {status}") } else { words.to_owned() };
                assert!(said.starts_with(&format!("{model}: {words}")), "{row}: {said}");
            }
        }
    }
}

/// What a client is told of a fault: status, type and code in OpenAI's dialect, status and type in Anthropic's. The status of the
/// provider is never passed on as it came: a 401 is the client's own token.
fn told(fault: &str) -> (u16, &'static str, Value, u16, &'static str) {
    match fault {
        "invalid-request" => (400, "invalid_request_error", Value::Null, 400, "invalid_request_error"),
        "authentication" | "permission" | "credential-invalid" | "billing" => {
            (502, "server_error", json!("upstream_credentials_refused"), 502, "api_error")
        }
        "rate-limited" => (429, "requests", json!("rate_limit_exceeded"), 429, "rate_limit_error"),
        "unknown-model" => (404, "invalid_request_error", json!("model_not_found"), 404, "not_found_error"),
        "timed-out" => (504, "server_error", json!("timeout"), 504, "timeout_error"),
        "overloaded" => (503, "service_unavailable_error", json!("server_is_overloaded"), 529, "overloaded_error"),
        "other" | "unreachable" => (502, "server_error", json!("upstream_failed"), 502, "api_error"),
        other => panic!("no row has `{other}`"),
    }
}

/// The trail of a model that failed so often, and of whoever answered then.
fn trail(model: &str, fault: &str, tries: usize, then: &[&str]) -> String {
    let failed = std::iter::repeat_n(format!("{model}={fault}"), tries);
    failed.chain(then.iter().map(|model| format!("{model}=ok"))).collect::<Vec<_>>().join(", ")
}

/// A house with three providers for each case, so that no case finds what another left to rest, and one that takes over.
struct Rows {
    fakes: Fakes,
    backup: Running<OpenAi>,
    door: Door,
    token: String,
}

impl Rows {
    async fn of(cases: &[&Case]) -> Self {
        let fakes = Fakes::start().await;
        let backup = OpenAi::start(openai::Config::with_api_key(OPENAI_KEY)).await.expect("a fake");
        let mut providers = entry("backup", "openai", &format!("{}/v1", backup.base_url()), OPENAI_KEY);
        for (index, Case(_, of, ..)) in cases.iter().enumerate() {
            for use_ in ["a", "b", "c"] {
                let id = format!("{use_}{index}");
                providers += &match of {
                    Of::OpenAi => entry(&id, "openai", &format!("{}/v1", fakes.openai.base_url()), OPENAI_KEY),
                    Of::Anthropic => entry(&id, "anthropic", &fakes.anthropic.base_url(), API_KEY),
                    Of::Ollama => format!(r#"{id}: {{ plugin: "ollama", baseUrl: "{}" }},"#, fakes.ollama.base_url()),
                };
            }
        }
        let door = Door::open(&format!("{{ models: {{ providers: {{ {providers} }} }} }}"));
        let token = door.usual_agent();
        Self { fakes, backup, door, token }
    }

    fn script(&self, case: &Case) {
        let Case(_, of, ..) = case;
        for _ in 0..case.tries() {
            match of {
                Of::OpenAi => self.fakes.openai.script(case.answer()),
                Of::Anthropic => self.fakes.anthropic.script(case.answer()),
                Of::Ollama => self.fakes.ollama.script(case.answer()),
            }
        }
    }

    /// Requests that the providers have received, and the one that takes over.
    fn received(&self) -> (usize, usize) {
        let Fakes { anthropic, ollama, openai } = &self.fakes;
        (anthropic.accepted().len() + ollama.accepted().len() + openai.accepted().len(), self.backup.accepted().len())
    }

    /// Asks while the provider fails as the case says; tells how often who was asked.
    async fn ask(&self, case: &Case, path: &str, body: &Value) -> (Got, (usize, usize)) {
        self.script(case);
        let before = self.received();
        let got = self.door.post(path, &self.token, body).await;
        let after = self.received();
        (got, (after.0 - before.0, after.1 - before.1))
    }

    async fn check(&self, index: usize, case: &Case) {
        let Case(row, _, status, _, words, _, fault) = *case;
        let id = format!("{row}: {status} {words}");
        let (openai_status, openai_type, openai_code, anthropic_status, anthropic_type) = told(fault);
        let model = |use_: &str| format!("{use_}{index}/{}", case.model());

        let (got, asked) = self.ask(case, CHATS, &chat(&model("a"), "ping")).await;
        let error = got.json()["error"].clone();
        assert_eq!(got.header("x-creel-route"), trail(&model("a"), fault, case.tries(), &[]), "{id}: {}", got.text);
        assert_eq!(asked, (case.tries(), 0), "{id}");
        let expect = (openai_status, &json!(openai_type), &openai_code);
        assert_eq!((got.status, &error["type"], &error["code"]), expect, "{id}: {}", got.text);
        case.check_message(&model("a"), &error["message"]);
        assert_eq!(got.header("retry-after"), case.retry_after(), "{id}");

        let (got, asked) = self.ask(case, "/v1/messages", &chat(&model("b"), "ping")).await;
        let json = got.json();
        assert_eq!(got.header("x-creel-route"), trail(&model("b"), fault, case.tries(), &[]), "{id}: {}", got.text);
        assert_eq!(asked, (case.tries(), 0), "{id}");
        let expect = (anthropic_status, &json!("error"), &json!(anthropic_type));
        assert_eq!((got.status, &json["type"], &json["error"]["type"]), expect, "{id}: {}", got.text);
        case.check_message(&model("b"), &json["error"]["message"]);
        assert_eq!(got.header("retry-after"), case.retry_after(), "{id}");

        let mut body = chat(&model("c"), "ping");
        body["fallbacks"] = json!([BACKUP]);
        let (got, asked) = self.ask(case, CHATS, &body).await;
        assert_eq!(got.status, 200, "{id}: {}", got.text);
        assert_eq!(got.header("x-creel-route"), trail(&model("c"), fault, case.tries(), &[BACKUP]), "{id}");
        assert_eq!(got.header("x-creel-attempts"), (case.tries() + 1).to_string(), "{id}");
        assert_eq!(asked, (case.tries(), 1), "{id}");
    }
}

fn entry(id: &str, plugin: &str, url: &str, key: &str) -> String {
    format!(r#"{id}: {{ plugin: "{plugin}", baseUrl: "{url}", apiKey: "{key}" }},"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_told_by_its_kind_and_the_next_model_is_asked() {
    let cases: Vec<&Case> = [OF_OPENAI, OF_ANTHROPIC, OF_OLLAMA].into_iter().flatten().collect();
    let rows = Rows::of(&cases).await;
    for (index, case) in cases.iter().enumerate() {
        rows.check(index, case).await;
    }
    // G16: a model may speak of anything; only failures are looked at.
    let prose = "The building at 402 Main Street is overloaded with people; 429 came, and 401 were sent away.";
    let got = rows.door.post(CHATS, &rows.token, &chat(BACKUP, prose)).await;
    assert_eq!((got.status, got.header("x-creel-route")), (200, format!("{BACKUP}=ok").as_str()), "{}", got.text);
    assert_eq!(got.content(), format!("You said: {prose}"));
    let Fakes { anthropic, ollama, openai } = &rows.fakes;
    let refusals = anthropic.refusals().len() + ollama.refusals().len() + openai.refusals().len();
    assert_eq!(refusals + rows.backup.refusals().len(), 0, "the requests themselves were good");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_fails_is_tried_again_and_then_the_next_model_is_asked() {
    // G14, as it is on the wire: nobody listens; the connection ends without an answer; the answer ends in its midst.
    let start = async || OpenAi::start(openai::Config::with_api_key(OPENAI_KEY)).await.expect("a fake");
    let (backup, silent, cut, gone) = (start().await, start().await, start().await, start().await);
    for _ in 0..6 {
        silent.script(Answer::nothing());
        cut.script(
            Answer::json(200, &json!({ "choices": [{ "index": 0, "message": { "content": "half" } }] })).cut_before(0),
        );
    }
    gone.stop().await;
    let named = [("backup", &backup), ("silent", &silent), ("cut", &cut), ("gone", &gone)];
    let entries = named.map(|(id, fake)| entry(id, "openai", &format!("{}/v1", fake.base_url()), OPENAI_KEY)).concat();
    let door = Door::open(&format!("{{ models: {{ providers: {{ {entries} }} }} }}"));
    let token = door.usual_agent();
    // All at once, since each waits between its tries.
    let asked = ["silent", "cut", "gone"].into_iter().flat_map(|provider| [(provider, false), (provider, true)]);
    let (door, token) = (&door, &token);
    let all = join_all(asked.map(async |(provider, has_fallback)| {
        let model = format!("{provider}/gpt-4o-mini");
        let mut body = chat(&model, "ping");
        body["fallbacks"] = if has_fallback { json!([BACKUP]) } else { json!([]) };
        (model, has_fallback, door.post(CHATS, token, &body).await)
    }));
    for (model, has_fallback, got) in all.await {
        if has_fallback {
            assert_eq!(got.header("x-creel-route"), trail(&model, "unreachable", 3, &[BACKUP]), "{}", got.text);
            assert_eq!(got.status, 200, "{}", got.text);
            continue;
        }
        assert_eq!(got.header("x-creel-route"), trail(&model, "unreachable", 3, &[]), "{}", got.text);
        let error = got.json()["error"].clone();
        assert_eq!((got.status, &error["code"]), (502, &json!("upstream_failed")), "{}", got.text);
        assert_eq!(error["message"], format!("{model}: the provider gave no answer (unreachable)"));
    }
    assert_eq!((silent.accepted().len(), cut.accepted().len(), backup.accepted().len()), (6, 6, 3));
}
