//! A strict fake of the `OpenAI` API and of servers that speak its dialect: routes, the order of the checks, and what a
//! test may ask of it. What a request must look like stands in `chat`, `responses` and `embeddings`.

mod chat;
mod chat_wire;
mod content;
mod credential;
mod embeddings;
mod error;
mod field;
mod parameters;
mod reply;
mod request;
mod responses;
mod responses_wire;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use serde_json::{Value, json};

pub use embeddings::embedding;
pub use error::{error, insufficient_quota, openrouter_error, rate_limited, server_error};
pub use reply::{Reply, describe_and_echo, with_comments};
pub use request::{Api, Message, Request, ToolCall};

use crate::answer::Answer;
use crate::exchange::{Recorded, lock};
use crate::running::{self, Running};
use crate::wire::{Service, Verdict};
use error::ApiError;

/// Whose server it is that speaks the dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    /// `https://api.openai.com`.
    #[default]
    OpenAi,
    /// A server that has chat completions alone, and takes parameters that it does not know.
    Compatible,
    /// `OpenRouter`: errors with numbers, comments before the events, `reasoning`, `provider` and a cost.
    OpenRouter,
    /// vLLM: thoughts stand in `reasoning_content`, and the code of an error is a number.
    Vllm,
}

impl Variant {
    fn reasoning_key(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => None,
            Self::OpenRouter => Some("reasoning"),
            Self::Compatible | Self::Vllm => Some("reasoning_content"),
        }
    }

    fn has_responses(self) -> bool {
        self == Self::OpenAi
    }
}

/// A model that the fake serves.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name that callers use.
    pub id: String,
    /// The name that answers carry; it is accepted as well.
    pub dated_id: String,
    /// The most tokens of an answer.
    pub output_tokens_max: u64,
    /// Whether it thinks, and so refuses `max_tokens` and sampling.
    pub reasons: bool,
    /// How long its vectors are, where it makes embeddings.
    pub dimensions: Option<usize>,
}

impl Model {
    /// A model that talks, whose answers carry the same name.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let [id, dated_id] = [id, id].map(str::to_owned);
        Self { id, dated_id, output_tokens_max: 16_384, reasons: false, dimensions: None }
    }

    /// Carries this name in answers.
    #[must_use]
    pub fn dated(mut self, dated_id: &str) -> Self {
        dated_id.clone_into(&mut self.dated_id);
        self
    }

    /// Thinks before it answers.
    #[must_use]
    pub fn reasoning(mut self) -> Self {
        self.reasons = true;
        self
    }

    /// Makes vectors of this length.
    #[must_use]
    pub fn embedding(mut self, dimensions: usize) -> Self {
        self.dimensions = Some(dimensions);
        self
    }
}

type ReplyFn = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// How the fake is set up.
pub struct Config {
    /// The only keys that are accepted. Where there are none, whoever sends a credential is refused.
    pub api_keys: Vec<String>,
    /// The models that exist.
    pub models: Vec<Model>,
    /// Whose server it is.
    pub variant: Variant,
    /// Makes the answer to a request that passed every check.
    pub reply: ReplyFn,
}

impl Config {
    /// Accepts one key, serves `gpt-4o-mini`, `gpt-5-mini` (which reasons) and `text-embedding-3-small`, and answers
    /// with [`describe_and_echo`].
    #[must_use]
    pub fn with_api_key(api_key: &str) -> Self {
        let models = vec![
            Model::new("gpt-4o-mini").dated("gpt-4o-mini-2024-07-18"),
            Model::new("gpt-5-mini").dated("gpt-5-mini-2025-08-07").reasoning(),
            Model::new("text-embedding-3-small").embedding(1536),
        ];
        let api_keys = vec![api_key.to_owned()];
        Self { api_keys, models, variant: Variant::OpenAi, reply: Box::new(describe_and_echo) }
    }

    /// Accepts one more key.
    #[must_use]
    pub fn and_api_key(mut self, api_key: &str) -> Self {
        self.api_keys.push(api_key.to_owned());
        self
    }

    /// Is a server that asks for no key, and takes one that comes for a leak.
    #[must_use]
    pub fn without_keys(mut self) -> Self {
        self.api_keys.clear();
        self
    }

    /// Serves these models instead.
    #[must_use]
    pub fn with_models(mut self, models: Vec<Model>) -> Self {
        self.models = models;
        self
    }

    /// Is another's server.
    #[must_use]
    pub fn as_variant(mut self, variant: Variant) -> Self {
        self.variant = variant;
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
        let Self { variant, models, .. } = self;
        f.debug_struct("Config").field("variant", variant).field("models", models).finish_non_exhaustive()
    }
}

/// The fake of `https://api.openai.com`, or of a server like it.
#[derive(Debug)]
pub struct OpenAi {
    config: Config,
    script: Mutex<VecDeque<Answer>>,
    accepted: Mutex<Vec<Request>>,
    request_count: AtomicU64,
}

impl OpenAi {
    /// Starts the fake on a port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(config: Config) -> io::Result<Running<Self>> {
        let (script, accepted) = (Mutex::default(), Mutex::default());
        running::start(Self { config, script, accepted, request_count: AtomicU64::new(0) }).await
    }

    fn route(&self, request: &Recorded) -> Result<Answer, ApiError> {
        let Config { api_keys, models, variant, .. } = &self.config;
        let (method, path) = (&request.method, request.path.as_str());
        let is_responses = path == "/v1/responses" && variant.has_responses();
        let posts = is_responses || ["/v1/chat/completions", "/v1/embeddings"].contains(&path);
        let gets = path == "/v1/models" || path.starts_with("/v1/models/");
        if !posts && !gets {
            return Err(ApiError::new(404, format!("Invalid URL ({method} {path})")));
        }
        if posts && *method != Method::POST || gets && *method != Method::GET {
            let hint = "(HINT: Perhaps you meant to use a different HTTP method?)";
            return Err(
                ApiError::new(405, format!("Not allowed to {method} on {path}. {hint}")).coded("method_not_supported")
            );
        }
        credential::check(request, api_keys)?;
        if gets {
            return catalog(models, path);
        }
        let body = json_body(request)?;
        if path == "/v1/embeddings" {
            let answer = embeddings::answer(&body, models, *variant)?;
            return Ok(lock(&self.script).pop_front().unwrap_or(answer));
        }
        let request = match is_responses {
            true => Request::parse_responses(&body, models)?,
            false => Request::parse_chat(&body, models, *variant)?,
        };
        lock(&self.accepted).push(request.clone());
        if let Some(answer) = lock(&self.script).pop_front() {
            return Ok(answer);
        }
        let reply = (self.config.reply)(&request).cut_to(request.tokens_max);
        Ok(self.write(&request, &reply))
    }

    fn write(&self, request: &Request, reply: &Reply) -> Answer {
        let variant = self.config.variant;
        match (request.api, request.stream) {
            (Api::Completions, true) => chat_wire::stream(request, reply, variant),
            (Api::Completions, false) => chat_wire::whole(request, reply, variant),
            (Api::Responses, true) => responses_wire::stream(request, reply),
            (Api::Responses, false) => responses_wire::whole(request, reply),
        }
    }
}

fn json_body(request: &Recorded) -> Result<Value, ApiError> {
    if let Some(fault) = request.framing_fault() {
        return Err(ApiError::new(411, fault));
    }
    match request.content_type() {
        Some(kind) if kind == "application/json" => {}
        kind => {
            let kind = kind.unwrap_or_default();
            let text = format!(
                "Unsupported content type: '{kind}'. This API method only accepts 'application/json' requests."
            );
            return Err(ApiError::invalid(text).coded("unsupported_content_type"));
        }
    }
    serde_json::from_slice(&request.body).map_err(|_| {
        let text = "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)";
        ApiError::invalid(text)
    })
}

fn catalog(models: &[Model], path: &str) -> Result<Answer, ApiError> {
    let model_json =
        |id: &str| json!({"id": id, "object": "model", "created": chat_wire::CREATED, "owned_by": "system"});
    let Some(wanted) = path.strip_prefix("/v1/models/") else {
        let data: Vec<Value> = models.iter().map(|model| model_json(&model.id)).collect();
        return Ok(Answer::json(200, &json!({"object": "list", "data": data})));
    };
    match models.iter().any(|model| model.id == wanted || model.dated_id == wanted) {
        true => Ok(Answer::json(200, &model_json(wanted))),
        false => {
            let text = format!("The model '{wanted}' does not exist");
            Err(ApiError::new(404, text).at("model").coded("model_not_found"))
        }
    }
}

impl Service for OpenAi {
    fn answer(&self, request: &Recorded) -> Verdict {
        let number = self.request_count.fetch_add(1, Ordering::Relaxed);
        let variant = self.config.variant;
        let finish = |answer| with_service_headers(answer, &format!("req_{number:032x}"), variant);
        match self.route(request) {
            Ok(answer) => Verdict::good(finish(answer)),
            Err(error) => {
                let fault = error.to_string();
                Verdict::refused(finish(error.into_answer(variant)), fault)
            }
        }
    }
}

impl Running<OpenAi> {
    /// Gives this answer to the next request that passes every check, of whichever API. More than one are given in turn.
    pub fn script(&self, answer: Answer) {
        lock(&self.fake().script).push_back(answer);
    }

    /// The chats and responses that passed every check, oldest first, with their pictures decoded.
    #[must_use]
    pub fn accepted(&self) -> Vec<Request> {
        lock(&self.fake().accepted).clone()
    }

    /// The reply to the request in the form that it asks for, to be paused, cut or sent in other chunks.
    #[must_use]
    pub fn answer_to(&self, request: &Request, reply: &Reply) -> Answer {
        self.fake().write(request, reply)
    }

    /// A stream that breaks with an error, given as code and message, after `count` events: the status was 200 long
    /// before.
    #[must_use]
    pub fn stream_broken_by(&self, request: &Request, reply: &Reply, count: usize, error: (&str, &str)) -> Answer {
        match request.api {
            Api::Completions => chat_wire::broken(request, reply, count, error, self.fake().config.variant),
            Api::Responses => responses_wire::broken(request, reply, count, error),
        }
    }
}

/// Adds what the real service sends with every answer, unless the answer has it already.
fn with_service_headers(answer: Answer, id: &str, variant: Variant) -> Answer {
    let service = [
        ("x-request-id", id),
        ("openai-organization", "user-fake"),
        ("openai-processing-ms", "412"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-limit-tokens", "200000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-remaining-tokens", "199990"),
        ("x-ratelimit-reset-requests", "8.64s"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    let count = if variant == Variant::OpenAi { service.len() } else { 1 };
    let mut answer = answer;
    for (name, value) in &service[..count] {
        if !answer.headers.iter().any(|(known, _)| known.as_str() == *name) {
            answer = answer.header(name, value);
        }
    }
    answer
}
