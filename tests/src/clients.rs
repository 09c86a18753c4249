//! Real clients of the API as their makers ship them: a daemon in front of strict fakes that they talk to, and a run of
//! one of them. What must come of it is not said here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use creel_fakes::anthropic::{self, Anthropic, Block};
use creel_fakes::ollama::{self, Ollama};
use creel_fakes::openai::{self, OpenAi};
use creel_fakes::{Running, pictures};
use serde_json::{Value, json};

use crate::house::API_KEY;
use crate::program::{Daemon, Program};
use crate::search::Written;

/// The right key of the fake OpenAI.
pub const OPENAI_KEY: &str = "sk-proj-right-key-0123456789abcdef";

/// The tool that scripts offer, and what the fake models call it with.
const TOOL: (&str, &str) = ("get_weather", "Paris");

/// What is not listed as pickable is not there, so the list holds what the scripts ask for.
const MODELS: [&str; 6] = [
    "anthropic/claude-haiku-4-5",
    "anthropic/claude-sonnet-4-5",
    "ollama/qwen3-vl:8b",
    "openai/gpt-4o-mini",
    "openai/gpt-5-mini",
    "openai/text-embedding-3-small",
];

/// Strict fakes of three providers, whose models call the tool of the scripts, and repeat what they are told.
pub struct Upstreams {
    /// Knows Haiku and Sonnet 4.5.
    pub anthropic: Running<Anthropic>,
    /// Knows `qwen3-vl:8b`.
    pub ollama: Running<Ollama>,
    /// Knows `gpt-4o-mini`, `gpt-5-mini` and `text-embedding-3-small`.
    pub openai: Running<OpenAi>,
}

/// A daemon, an agent's token, and a picture that lies elsewhere.
pub struct Gateway {
    /// Its home.
    pub program: Program,
    /// The token of an agent that may use every model, pictures and tools.
    pub token: String,
    /// What the picture is.
    pub picture: Vec<u8>,
    daemon: Daemon,
    elsewhere: tempfile::TempDir,
}

/// What a client made of the answers.
pub struct Seen {
    /// What came of each case of the script, by the names of the cases.
    pub cases: Value,
    /// Everything that it wrote, its own log included.
    pub written: Vec<Written>,
}

impl Upstreams {
    /// Starts all three.
    pub async fn start() -> Self {
        let anthropic = anthropic::Config::with_api_key(API_KEY).replying(|request| {
            let is_answered = request
                .turns
                .last()
                .is_some_and(|turn| turn.content.iter().any(|block| matches!(block, Block::ToolResult { .. })));
            match request.tools.iter().any(|tool| tool == TOOL.0) && !is_answered {
                true => anthropic::Reply::tool_use("toolu_01FakeFakeFakeFakeFake", TOOL.0, json!({ "city": TOOL.1 })),
                false => anthropic::describe_and_echo(request),
            }
        });
        let ollama = ollama::Config::new().replying(|request| {
            // Instructions may stand behind what was said.
            let last = request.messages.iter().rev().find(|message| ["user", "tool"].contains(&message.role.as_str()));
            if request.tools.iter().any(|tool| tool == TOOL.0) && last.is_none_or(|last| last.role != "tool") {
                return ollama::Reply::tool_call(TOOL.0, json!({ "city": TOOL.1 }));
            }
            let pictures = last.iter().flat_map(|last| &last.images).map(|picture| format!("I see {picture}. "));
            let said = last.map_or("", |last| &last.content);
            ollama::Reply::text(&format!("{}You said: {said}", pictures.collect::<String>()))
        });
        let openai = openai::Config::with_api_key(OPENAI_KEY).replying(|request| {
            let is_answered = request.messages.last().is_some_and(|message| message.role == "tool");
            match request.tools.iter().any(|tool| tool == TOOL.0) && !is_answered {
                true => openai::Reply::tool_call("call_FakeFakeFakeFakeFakeFake", TOOL.0, &json!({ "city": TOOL.1 })),
                false => openai::describe_and_echo(request),
            }
        });
        Self {
            anthropic: Anthropic::start(anthropic).await.expect("a fake Anthropic"),
            ollama: Ollama::start(ollama).await.expect("a fake Ollama"),
            openai: OpenAi::start(openai).await.expect("a fake OpenAI"),
        }
    }

    fn config(&self, aliases: &[(&str, &str)]) -> String {
        let models = MODELS.map(|model| match aliases.iter().find(|(named, _)| *named == model) {
            Some((_, alias)) => format!(r#""{model}": {{ alias: "{alias}" }}"#),
            None => format!(r#""{model}": {{}}"#),
        });
        let models = models.join(", ");
        let (anthropic, ollama) = (self.anthropic.base_url(), self.ollama.base_url());
        let openai = self.openai.base_url();
        format!(
            r#"{{
              models: {{ providers: {{
                anthropic: {{ baseUrl: "{anthropic}", apiKey: "{API_KEY}" }},
                ollama: {{ baseUrl: "{ollama}", models: [{{ id: "qwen3-vl:8b", input: ["text", "image"] }}] }},
                openai: {{ baseUrl: "{openai}/v1", apiKey: "{OPENAI_KEY}" }},
              }} }},
              media: {{ pictures: {{ removeLocation: false, fit: false }} }},
              agents: {{ defaults: {{ model: {{ primary: "anthropic/claude-haiku-4-5" }}, models: {{ {models} }} }} }},
            }}"#
        )
    }

    /// Everything that the three found fault with.
    pub fn refusals(&self) -> Vec<String> {
        let all = [self.anthropic.refusals(), self.ollama.refusals(), self.openai.refusals()];
        all.into_iter().flatten().map(|refusal| format!("{}: {}", refusal.request, refusal.reason)).collect()
    }
}

impl Gateway {
    /// Starts a daemon in front of the fakes, with one agent.
    pub fn open(upstreams: &Upstreams) -> Self {
        Self::with_aliases(upstreams, &[])
    }

    /// The same, with another name for each of these models: `(model, alias)`.
    pub fn with_aliases(upstreams: &Upstreams, aliases: &[(&str, &str)]) -> Self {
        let program = Program::with(&upstreams.config(aliases));
        let daemon = program.serve();
        let added = program.run(&["agents", "add", "client", "--models", "*", "--needs", "image,tools", "--json"]);
        let token = added.json()["token"].as_str().unwrap_or_else(|| panic!("{}{}", added.out, added.err)).to_owned();
        let (picture, elsewhere) = (pictures::png(), tempfile::tempdir().expect("a directory"));
        fs::write(elsewhere.path().join("picture.png"), &picture).expect("written");
        Self { program, token, picture, daemon, elsewhere }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.daemon.address())
    }

    /// Runs a script of `tests/clients` with what is installed under that name.
    pub fn run(&self, installed: &str, script: &str, model: &str) -> Seen {
        let scripts = scripts();
        let (interpreter, script) = match script.ends_with(".mjs") {
            // An import is looked up from where the script lies, so it has to lie where the clients are.
            true => (PathBuf::from("node"), copied(&scripts.join("node"), &install(&["node"]).join("node"), script)),
            false if installed == "node" => ("python3".into(), scripts.join("python").join(script)),
            false => (install(&[installed]).join(installed).join("bin/python3"), scripts.join("python").join(script)),
        };
        let path = std::env::var("PATH").expect("a path of commands");
        let path = format!("{}:{path}", install(&[installed]).join("node/node_modules/.bin").display());
        let mut command = Command::new(interpreter);
        command
            .arg(&script)
            .env_clear()
            .envs([("PATH", path.as_str()), ("MODEL", model), ("EMBEDDING_MODEL", "openai/text-embedding-3-small")])
            .env("IMAGE", self.elsewhere.path().join("picture.png"))
            .envs([("OPENAI_LOG", "debug"), ("ANTHROPIC_LOG", "debug"), ("PYTHONDONTWRITEBYTECODE", "1")]);
        self.seen(command)
    }

    /// Runs the API tests that the maker of a Python SDK ships with its sources; `suite` is the name of the package.
    pub fn run_suite(&self, suite: &str) -> Seen {
        let installed = install(&["suites"]).join("suites");
        let path = std::env::var("PATH").expect("a path of commands");
        let mut command = Command::new(installed.join("bin/python3"));
        command
            .arg(scripts().join("suites.py"))
            .arg(suite)
            .current_dir(installed.join("sources").join(suite))
            .env_clear()
            .env("PATH", path);
        self.seen(command)
    }

    /// Runs a client with what every one of them is told: where the daemon is, and the token.
    fn seen(&self, mut command: Command) -> Seen {
        let home = tempfile::tempdir_in(self.elsewhere.path()).expect("a directory");
        command.envs([("BASE_URL", &self.url()), ("TOKEN", &self.token)]).env("HOME", home.path());
        let output = command.output().unwrap_or_else(|error| panic!("could not run {command:?}: {error}"));
        let text = String::from_utf8_lossy(&output.stdout);
        // Some clients write their log to the standard output as well; what was seen is the last line.
        let cases = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let cases = cases.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
        let written = vec![
            ("what the client printed".to_owned(), output.stdout),
            ("the log of the client".to_owned(), output.stderr),
        ];
        Seen { cases, written }
    }
}

/// Where the scripts lie.
fn scripts() -> PathBuf {
    crate::workspace::root().join("tests/clients")
}

/// Installs what is not there yet, and gives the directory of all clients.
fn install(names: &[&str]) -> PathBuf {
    let into = crate::components::target().join("clients");
    let output = Command::new(scripts().join("setup")).arg(&into).args(names).output().expect("the script can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    into
}

/// Copies the scripts beside the clients, each under its own name at once and whole, and gives the path of one.
fn copied(from: &Path, into: &Path, script: &str) -> PathBuf {
    for name in ["report.mjs", script] {
        let half = tempfile::NamedTempFile::new_in(into).expect("a file");
        fs::copy(from.join(name), half.path()).expect("copied");
        half.persist(into.join(name)).expect("renamed");
    }
    into.join(script)
}
