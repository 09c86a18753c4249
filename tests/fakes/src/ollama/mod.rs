//! A strict fake of an Ollama server: routes, models and what a test may ask of it. What a chat request must look
//! like stands in `chat`.

mod chat;
mod embed;
mod reply;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Mutex;

use http::Method;
use serde_json::{Value, json};

pub use chat::{Message, Request};
pub use reply::{Reply, error, stream, stream_broken_by, whole};

use crate::answer::Answer;
use crate::exchange::{Recorded, lock};
use crate::pictures::sha256_hex;
use crate::running::{self, Running};
use crate::wire::{Service, Verdict};

/// The version that the fake gives out.
const VERSION: &str = "0.30.10";

/// A model that the server has.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its name with the tag, such as `glm-5:cloud`; `llama3` means `llama3:latest`.
    pub name: String,
    /// What it can do: `completion`, `tools`, `vision`, `thinking`, `embedding`.
    pub capabilities: Vec<String>,
}

impl Model {
    /// A model with the given capabilities beside `completion`.
    #[must_use]
    pub fn new(name: &str, capabilities: &[&str]) -> Self {
        let all = ["completion"].iter().chain(capabilities);
        Self { name: tagged(name), capabilities: all.map(|&capability| capability.to_owned()).collect() }
    }

    /// A model that makes embeddings, and does not talk.
    #[must_use]
    pub fn embedding(name: &str) -> Self {
        Self { name: tagged(name), capabilities: vec!["embedding".to_owned()] }
    }

    fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }
}

type ReplyFn = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// How the fake is set up.
pub struct Config {
    /// The models that the server has.
    pub models: Vec<Model>,
    /// The key of a hosted server. A local server has none, and refuses whoever sends it a credential.
    pub api_key: Option<String>,
    /// Makes the answer to a chat that passed every check.
    pub reply: ReplyFn,
}

impl Config {
    /// Serves `glm-5:cloud` (text and tools) and `qwen3-vl:8b` (text, tools and pictures), and repeats what was said.
    #[must_use]
    pub fn new() -> Self {
        let models = vec![Model::new("glm-5:cloud", &["tools"]), Model::new("qwen3-vl:8b", &["tools", "vision"])];
        Self { models, api_key: None, reply: Box::new(reply::echo) }
    }

    /// Serves these models instead.
    #[must_use]
    pub fn with_models(mut self, models: Vec<Model>) -> Self {
        self.models = models;
        self
    }

    /// Is a hosted server that asks for this key.
    #[must_use]
    pub fn requiring_key(mut self, key: &str) -> Self {
        self.api_key = Some(key.to_owned());
        self
    }

    /// Answers with what the function makes of the request.
    #[must_use]
    pub fn replying(mut self, reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        self.reply = Box::new(reply);
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("models", &self.models).finish_non_exhaustive()
    }
}

/// The fake of a local Ollama server.
#[derive(Debug)]
pub struct Ollama {
    config: Config,
    script: Mutex<VecDeque<Answer>>,
    accepted: Mutex<Vec<Request>>,
    declined: Mutex<Vec<Request>>,
}

/// A refusal: the status and the text of `{"error": …}`.
type Fault = (u16, String);

impl Ollama {
    /// Starts the fake on a port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(config: Config) -> io::Result<Running<Self>> {
        let (script, accepted, declined) = (Mutex::default(), Mutex::default(), Mutex::default());
        running::start(Self { config, script, accepted, declined }).await
    }

    fn route(&self, request: &Recorded) -> Result<Answer, Fault> {
        check_credential(request, self.config.api_key.as_deref())?;
        match (&request.method, request.path.as_str()) {
            (&Method::POST, "/api/chat") => self.chat(request),
            (&Method::POST, "/api/embed") => {
                let body = json_body(request)?;
                embed::answer(&body, self.model(embed::model_name(&body)?)?)
            }
            (&Method::POST, "/api/show") => self.show(request),
            (&Method::GET, "/api/tags") => Ok(self.tags()),
            (&Method::GET, "/api/ps") => Ok(Answer::json(200, &json!({"models": []}))),
            (&Method::GET, "/api/version") => Ok(Answer::json(200, &json!({"version": VERSION}))),
            (&Method::GET, "/") => Ok(Answer::text(200, "text/plain; charset=utf-8", "Ollama is running")),
            (_, "/api/chat" | "/api/embed" | "/api/show" | "/api/tags" | "/api/ps" | "/api/version") => {
                Err((405, "405 method not allowed".to_owned()))
            }
            (_, _) => Err((404, "404 page not found".to_owned())),
        }
    }

    fn chat(&self, recorded: &Recorded) -> Result<Answer, Fault> {
        let body = json_body(recorded)?;
        let request = Request::parse(&body)?;
        let model = self.model(&request.model)?;
        request.check_capabilities(model)?;
        if request.think && !model.can("thinking") {
            let message = format!("\"{}\" does not support thinking", request.model);
            lock(&self.declined).push(request);
            return Ok(error(400, &message));
        }
        lock(&self.accepted).push(request.clone());
        if let Some(answer) = lock(&self.script).pop_front() {
            return Ok(answer);
        }
        if request.messages.is_empty() {
            return Ok(reply::loaded(&request));
        }
        let reply = (self.config.reply)(&request);
        Ok(if request.stream { stream(&request, &reply) } else { whole(&request, &reply) })
    }

    fn show(&self, recorded: &Recorded) -> Result<Answer, Fault> {
        let body = json_body(recorded)?;
        if let Some(map) = body.as_object() {
            chat::check_keys(map, &["model", "name", "verbose", "system", "template", "options"], "")?;
            chat::flag(map, "verbose")?;
        }
        let name = body.get("model").or_else(|| body.get("name")).and_then(Value::as_str);
        let model = self.model(name.filter(|name| !name.is_empty()).ok_or((400, "model is required".to_owned()))?)?;
        Ok(Answer::json(
            200,
            &json!({
                "license": "",
                "modelfile": format!("FROM {}", model.name),
                "template": "{{ .Prompt }}",
                "details": details(),
                "model_info": {"general.architecture": "fake", "fake.context_length": 131_072},
                "capabilities": model.capabilities,
                "modified_at": "2026-01-01T00:00:00Z",
            }),
        ))
    }

    fn tags(&self) -> Answer {
        let models = self.config.models.iter().map(|model| {
            json!({
                "name": model.name,
                "model": model.name,
                "modified_at": "2026-01-01T00:00:00Z",
                "size": 5_200_000_000_u64,
                "digest": sha256_hex(model.name.as_bytes()),
                "details": details(),
            })
        });
        Answer::json(200, &json!({"models": models.collect::<Vec<_>>()}))
    }

    fn model(&self, name: &str) -> Result<&Model, Fault> {
        let wanted = tagged(name);
        let found = self.config.models.iter().find(|model| model.name == wanted);
        found.ok_or_else(|| (404, format!("model '{name}' not found")))
    }
}

impl Service for Ollama {
    fn answer(&self, request: &Recorded) -> Verdict {
        match self.route(request) {
            Ok(answer) => Verdict::good(answer),
            Err((status, message)) => Verdict::refused(error(status, &message), message),
        }
    }
}

impl Running<Ollama> {
    /// Gives this answer to the next chat that passes every check. More than one are given in turn.
    pub fn script(&self, answer: Answer) {
        lock(&self.fake().script).push_back(answer);
    }

    /// The chats that passed every check, oldest first.
    #[must_use]
    pub fn accepted(&self) -> Vec<Request> {
        lock(&self.fake().accepted).clone()
    }

    /// The chats in which a model was to think that cannot, oldest first. The server says no to them, and that is no fault
    /// of whoever asks: nothing but the answer tells which models think.
    #[must_use]
    pub fn declined(&self) -> Vec<Request> {
        lock(&self.fake().declined).clone()
    }
}

/// A hosted server asks for its key; a local one for none, so that one that comes was sent to the wrong place.
fn check_credential(request: &Recorded, key: Option<&str>) -> Result<(), Fault> {
    let leaked = ["x-api-key", "cookie", "proxy-authorization", "authorization"];
    let unwanted = &leaked[..leaked.len() - usize::from(key.is_some())];
    if let Some(name) = unwanted.iter().find(|name| request.headers.contains_key(**name)) {
        return Err((401, format!("a credential leaked to a server that needs none: `{name}`")));
    }
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if bearer == key { Ok(()) } else { Err((401, "unauthorized".to_owned())) }
}

fn json_body(request: &Recorded) -> Result<Value, Fault> {
    if request.body.is_empty() {
        return Err((400, "missing request body".to_owned()));
    }
    if let Some(fault) = request.framing_fault() {
        return Err((411, fault.to_owned()));
    }
    match request.content_type().as_deref() {
        Some("application/json") => {}
        Some(_) | None => {
            return Err((415, "the content-type is not `application/json`".to_owned()));
        }
    }
    serde_json::from_slice(&request.body).map_err(|error| (400, error.to_string()))
}

fn tagged(name: &str) -> String {
    if name.contains(':') { name.to_owned() } else { format!("{name}:latest") }
}

fn details() -> Value {
    json!({
        "parent_model": "",
        "format": "gguf",
        "family": "fake",
        "families": ["fake"],
        "parameter_size": "8.2B",
        "quantization_level": "Q4_K_M",
    })
}
