//! A daemon in front of strict fakes, agents with tokens, and a client. Asserts nothing but that the set-up works.

use creel_fakes::Running;
use creel_fakes::anthropic::{self, Anthropic};
use creel_fakes::ollama::{self, Ollama};
use creel_fakes::openai::{self, OpenAi};
use creel_tests::house::API_KEY;
use creel_tests::program::{Daemon, Program};
use serde_json::{Value, json};

/// The right key of the fake OpenAI.
pub(crate) const OPENAI_KEY: &str = "sk-proj-right-key-0123456789abcdef";

/// Strict fakes of three providers.
pub(crate) struct Fakes {
    pub(crate) anthropic: Running<Anthropic>,
    pub(crate) ollama: Running<Ollama>,
    pub(crate) openai: Running<OpenAi>,
}

/// A daemon with agents.
pub(crate) struct Door {
    pub(crate) program: Program,
    pub(crate) daemon: Daemon,
    client: reqwest::Client,
}

/// What a client got back.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Fakes {
    pub(crate) async fn start() -> Self {
        Self::of(
            anthropic::Config::with_api_key(API_KEY),
            ollama::Config::new(),
            openai::Config::with_api_key(OPENAI_KEY),
        )
        .await
    }

    pub(crate) async fn of(anthropic: anthropic::Config, ollama: ollama::Config, openai: openai::Config) -> Self {
        Self {
            anthropic: Anthropic::start(anthropic).await.expect("a fake Anthropic"),
            ollama: Ollama::start(ollama).await.expect("a fake Ollama"),
            openai: OpenAi::start(openai).await.expect("a fake OpenAI"),
        }
    }

    /// A configuration for these fakes; `rest` is what stands beside `models`.
    pub(crate) fn config(&self, rest: &str) -> String {
        self.config_with(API_KEY, OPENAI_KEY, rest)
    }

    /// The same with other keys.
    pub(crate) fn config_with(&self, anthropic_key: &str, openai_key: &str, rest: &str) -> String {
        let (anthropic, ollama) = (self.anthropic.base_url(), self.ollama.base_url());
        let openai = format!("{}/v1", self.openai.base_url());
        format!(
            r#"{{
              models: {{ providers: {{
                anthropic: {{ baseUrl: "{anthropic}", apiKey: "{anthropic_key}" }},
                ollama: {{ baseUrl: "{ollama}", models: [
                  {{ id: "qwen3-vl:8b", input: ["text", "image"] }}, {{ id: "glm-5:cloud", input: ["text"] }} ] }},
                openai: {{ baseUrl: "{openai}", apiKey: "{openai_key}" }},
              }} }},
              media: {{ pictures: {{ removeLocation: false, fit: false }} }},
              {rest}
            }}"#
        )
    }
}

impl Door {
    pub(crate) fn open(config: &str) -> Self {
        Self::of(Program::with(config))
    }

    /// The same of a program in whose state directory there is more than a configuration.
    pub(crate) fn of(program: Program) -> Self {
        // The client library insists on one, though nothing here speaks TLS; another test of the process may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let daemon = program.serve();
        Self { program, daemon, client: reqwest::Client::new() }
    }

    /// Makes an agent; gives its token.
    pub(crate) fn agent(&self, name: &str, options: &[&str]) -> String {
        let ran = self.program.run(&[&["agents", "add", name, "--json"], options].concat());
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        ran.json()["token"].as_str().expect("a token").to_owned()
    }

    /// An agent that may use every model, pictures and tools.
    pub(crate) fn usual_agent(&self) -> String {
        self.agent("bot", &["--models", "*", "--needs", "image,tools,document"])
    }

    /// The lines of the daemon's log.
    pub(crate) fn log(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        self.program.log().lines().map(read).collect()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.daemon.address())
    }

    /// A request as it will be sent, with the token as Bearer.
    pub(crate) fn request(&self, method: &str, path: &str, token: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.client.request(method, self.url(path)).bearer_auth(token)
    }

    /// The same without a token.
    pub(crate) fn bare(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().expect("a method"), self.url(path))
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Got {
        got(self.request("POST", path, token).header("content-type", "application/json").body(body.to_string())).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Got {
        got(self.request("GET", path, token)).await
    }
}

pub(crate) async fn got(request: reqwest::RequestBuilder) -> Got {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Got { status, headers, text: response.text().await.expect("a text") }
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} {}", self.status, self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The data of each event of a stream.
    pub(crate) fn events(&self) -> Vec<Value> {
        let data = self.text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("{data}"))).collect()
    }

    /// The text of a whole answer of OpenAI's chats.
    pub(crate) fn content(&self) -> String {
        let json = self.json();
        json["choices"][0]["message"]["content"].as_str().unwrap_or_else(|| panic!("{json}")).to_owned()
    }
}

/// A chat of one message.
pub(crate) fn chat(model: &str, text: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": text }], "max_tokens": 100 })
}

/// A picture as a `data:` URL.
pub(crate) fn data_url(bytes: &[u8], content_type: &str) -> String {
    use base64::Engine as _;
    format!("data:{content_type};base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}
