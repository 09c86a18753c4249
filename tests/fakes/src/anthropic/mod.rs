//! A strict fake of the Anthropic Messages API: routes, the order of the checks, and what a test may ask of it.
//! What a request must look like stands in `request` and `content`, which credential goes where in `credential`.

mod beta;
mod cache;
mod catalog;
mod content;
mod credential;
mod error;
mod field;
mod image;
mod parameters;
mod reply;
mod request;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use serde_json::{Value, json};

pub use cache::Cached;
pub use content::Block;
pub use error::{error, overloaded, rate_limited};
pub use reply::{Content, Reply, stream, stream_broken_by, whole};
pub use request::{Request, Role, Turn};
pub use words::describe_and_echo;

use crate::answer::Answer;
use crate::exchange::{Recorded, lock};
use crate::running::{self, Running};
use crate::wire::{Service, Verdict};
use credential::{Accepted, Credentials};
use error::ApiError;

/// The largest request body that the service takes; Cloudflare refuses what is larger.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A model that the fake serves.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name that callers use.
    pub id: String,
    /// The name that answers carry; it is accepted as well.
    pub dated_id: String,
    /// For people.
    pub display_name: String,
    /// The largest `max_tokens`.
    pub output_tokens_max: u64,
    /// Whether `temperature` and `top_p` exclude each other.
    pub one_sampling_parameter: bool,
}

impl Model {
    /// Claude Haiku 4.5.
    #[must_use]
    pub fn haiku() -> Self {
        Self::new("claude-haiku-4-5", "claude-haiku-4-5-20251001", "Claude Haiku 4.5")
    }

    /// Claude Sonnet 4.5.
    #[must_use]
    pub fn sonnet() -> Self {
        Self::new("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "Claude Sonnet 4.5")
    }

    fn new(id: &str, dated_id: &str, display_name: &str) -> Self {
        let [id, dated_id, display_name] = [id, dated_id, display_name].map(str::to_owned);
        Self { id, dated_id, display_name, output_tokens_max: 64_000, one_sampling_parameter: true }
    }
}

type ReplyFn = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// How the fake is set up.
pub struct Config {
    /// The only API keys that are accepted, in `x-api-key`.
    pub api_keys: Vec<String>,
    /// The only OAuth tokens that are accepted, in `authorization`.
    pub oauth_tokens: Vec<String>,
    /// The models that exist.
    pub models: Vec<Model>,
    /// Makes the answer to a request that passed every check.
    pub reply: ReplyFn,
}

impl Config {
    /// Accepts one API key, serves Haiku and Sonnet, and answers with [`describe_and_echo`].
    #[must_use]
    pub fn with_api_key(api_key: &str) -> Self {
        Self {
            api_keys: vec![api_key.to_owned()],
            oauth_tokens: Vec::new(),
            models: vec![Model::haiku(), Model::sonnet()],
            reply: Box::new(describe_and_echo),
        }
    }

    /// Accepts one more API key.
    #[must_use]
    pub fn and_api_key(mut self, api_key: &str) -> Self {
        self.api_keys.push(api_key.to_owned());
        self
    }

    /// Accepts an OAuth token as well, or one more.
    #[must_use]
    pub fn and_oauth_token(mut self, token: &str) -> Self {
        self.oauth_tokens.push(token.to_owned());
        self
    }

    /// Answers with what the function makes of the request.
    #[must_use]
    pub fn replying(mut self, reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        self.reply = Box::new(reply);
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("models", &self.models).finish_non_exhaustive()
    }
}

/// The fake of `https://api.anthropic.com`.
#[derive(Debug)]
pub struct Anthropic {
    config: Config,
    script: Mutex<VecDeque<Answer>>,
    models_script: Mutex<VecDeque<Answer>>,
    accepted: Mutex<Vec<Request>>,
    counted: Mutex<Vec<Request>>,
    cached: Mutex<BTreeSet<String>>,
    request_count: AtomicU64,
}

impl Anthropic {
    /// Starts the fake on a port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(config: Config) -> io::Result<Running<Self>> {
        let fake = Self {
            config,
            script: Mutex::default(),
            models_script: Mutex::default(),
            accepted: Mutex::default(),
            counted: Mutex::default(),
            cached: Mutex::default(),
            request_count: AtomicU64::new(0),
        };
        running::start(fake).await
    }

    fn route(&self, request: &Recorded) -> Result<Answer, ApiError> {
        match request.path.as_str() {
            "/" if request.method == Method::HEAD => Ok(Answer::status(200)),
            "/v1/messages/count_tokens" if request.method == Method::POST => {
                self.check_head(request)?;
                self.count_tokens(request)
            }
            "/v1/messages" if request.method == Method::POST => {
                let accepted = self.check_head(request)?;
                self.messages(request, accepted)
            }
            "/v1/models" if request.method == Method::GET => {
                self.check_head(request)?;
                let page = catalog::page(&self.config.models, request.query.as_deref().unwrap_or_default())?;
                Ok(lock(&self.models_script).pop_front().unwrap_or(page))
            }
            path if path.starts_with("/v1/models/") && request.method == Method::GET => {
                self.check_head(request)?;
                catalog::one(&self.config.models, path.trim_start_matches("/v1/models/"))
            }
            "/v1/messages" | "/v1/messages/count_tokens" | "/v1/models" => {
                Err(ApiError::new(405, "invalid_request_error", "Method Not Allowed"))
            }
            _ => Err(ApiError::not_found("Not found")),
        }
    }

    fn check_head(&self, request: &Recorded) -> Result<Accepted, ApiError> {
        let Config { api_keys, oauth_tokens, .. } = &self.config;
        let credentials = Credentials { api_keys, oauth_tokens };
        let accepted = credentials.check(request)?;
        match request.header("anthropic-version") {
            Some("2023-06-01" | "2026-10-21") => Ok(accepted),
            Some(other) => {
                let text = format!("anthropic-version: \"{other}\" is not a valid version");
                Err(ApiError::invalid(text))
            }
            None => Err(ApiError::invalid("anthropic-version: header is required")),
        }
    }

    fn count_tokens(&self, recorded: &Recorded) -> Result<Answer, ApiError> {
        let request = Request::parse_count(&json_body(recorded)?, &self.config.models, beta::parse(recorded)?)?;
        let tokens = reply::input_tokens(&request);
        lock(&self.counted).push(request);
        Ok(Answer::json(200, &json!({"input_tokens": tokens})))
    }

    fn messages(&self, recorded: &Recorded, accepted: Accepted) -> Result<Answer, ApiError> {
        let body = json_body(recorded)?;
        let mut request = Request::parse(&body, &self.config.models, beta::parse(recorded)?)?;
        if accepted == Accepted::OAuthToken && !request.may_use_oauth() {
            return Err(ApiError::invalid("Error"));
        }
        if let Some(prefix) = cache::prefix(&body)? {
            let tokens = prefix.len() / 4 + 1;
            request.cached = match lock(&self.cached).insert(prefix) {
                true => Cached { written: tokens, read: 0 },
                false => Cached { written: 0, read: tokens },
            };
        }
        lock(&self.accepted).push(request.clone());
        if let Some(answer) = lock(&self.script).pop_front() {
            return Ok(answer);
        }
        let reply = (self.config.reply)(&request).cut_to(request.max_tokens);
        Ok(if request.stream { stream(&request, &reply) } else { whole(&request, &reply) })
    }
}

fn json_body(recorded: &Recorded) -> Result<Value, ApiError> {
    match recorded.query.as_deref() {
        None | Some("beta=true") => {}
        Some(query) => return Err(ApiError::invalid(format!("{query}: Extra inputs are not permitted"))),
    }
    if let Some(fault) = recorded.framing_fault() {
        return Err(ApiError::new(411, "invalid_request_error", fault));
    }
    if recorded.body.len() > BODY_BYTES_MAX {
        return Err(ApiError::new(413, "request_too_large", "Request exceeds the maximum size"));
    }
    if recorded.content_type().as_deref() != Some("application/json") {
        return Err(ApiError::invalid("content-type: must be application/json"));
    }
    serde_json::from_slice(&recorded.body)
        .map_err(|error| ApiError::invalid(format!("The request body is not valid JSON: {error}")))
}

impl Service for Anthropic {
    fn answer(&self, request: &Recorded) -> Verdict {
        let number = self.request_count.fetch_add(1, Ordering::Relaxed);
        let id = format!("req_011CR{number:019}");
        match self.route(request) {
            Ok(answer) => Verdict::good(with_service_headers(answer, &id)),
            Err(error) => {
                let fault = error.to_string();
                Verdict::refused(with_service_headers(error.into_answer(&id), &id), fault)
            }
        }
    }
}

impl Running<Anthropic> {
    /// Gives this answer to the next message request that passes every check. More than one are given in turn.
    pub fn script(&self, answer: Answer) {
        lock(&self.fake().script).push_back(answer);
    }

    /// Gives this answer to the next request for the list of models that passes every check.
    pub fn script_models(&self, answer: Answer) {
        lock(&self.fake().models_script).push_back(answer);
    }

    /// The message requests that passed every check, oldest first, with their pictures decoded.
    #[must_use]
    pub fn accepted(&self) -> Vec<Request> {
        lock(&self.fake().accepted).clone()
    }

    /// The requests whose tokens were counted, oldest first.
    #[must_use]
    pub fn counted(&self) -> Vec<Request> {
        lock(&self.fake().counted).clone()
    }
}

/// Adds what the real service sends with every answer, unless the answer has it already.
fn with_service_headers(answer: Answer, id: &str) -> Answer {
    let mut answer = answer;
    let limits =
        [("requests", "4000"), ("tokens", "4800000"), ("input-tokens", "4000000"), ("output-tokens", "800000")];
    let mut headers = vec![
        ("request-id".to_owned(), id),
        ("anthropic-organization-id".to_owned(), "00000000-0000-4000-8000-000000000000"),
        ("x-envoy-upstream-service-time".to_owned(), "412"),
        ("cf-ray".to_owned(), "99c000000000abcd-FRA"),
    ];
    for (name, limit) in limits {
        headers.push((format!("anthropic-ratelimit-{name}-limit"), limit));
        headers.push((format!("anthropic-ratelimit-{name}-remaining"), limit));
        headers.push((format!("anthropic-ratelimit-{name}-reset"), "2026-01-01T00:00:00Z"));
    }
    for (name, value) in headers {
        if !answer.headers.iter().any(|(known, _)| known.as_str() == name) {
            answer = answer.header(&name, value);
        }
    }
    answer
}
