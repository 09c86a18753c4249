//! Another program that holds Creel in itself: no HTTP server, no command line, no file of configuration. It makes one call of
//! a model and lets one message come in over Signal, in this process. Run it with
//! `cargo run --release -p creel-tests --example embedded`; what answers here are the stand-ins of the tests.

use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use creel_engine::{chat, types};
use creel_fakes::Running;
use creel_fakes::anthropic::{self, Anthropic};
use creel_fakes::signal::{self, Message, Signal};
use creel_policy::route::{Needs, RouteQuestion};
use creel_runtime::{Host, Observer, Question, Step};
use creel_store::state::StateRoot;
use creel_tests::components;
use tempfile::TempDir;
use tokio::sync::mpsc;

pub(crate) const KEY: &str = "sk-ant-api03-right-key-0123456789abcdef";
const MODEL: &str = "anthropic/claude-haiku-4-5";

/// Tells of what was delivered.
struct Deliveries(mpsc::UnboundedSender<String>);

impl Observer for Deliveries {
    fn step(&self, step: &Step) {
        if let Step::Delivered { text, .. } = step {
            // Nobody listens any more once the program ends.
            drop(self.0.send(text.clone()));
        }
    }
}

/// Who is spoken with: a provider, and the Signal daemon with its directory of attachments.
pub(crate) struct Others {
    pub(crate) anthropic: Running<Anthropic>,
    pub(crate) signal: Running<Signal>,
    attachments: TempDir,
}

impl Others {
    pub(crate) async fn start() -> io::Result<Self> {
        let attachments = tempfile::tempdir()?;
        let anthropic = Anthropic::start(anthropic::Config::with_api_key(KEY)).await?;
        let signal = Signal::start(signal::Config::new("+15559990000", attachments.path())).await?;
        Ok(Self { anthropic, signal, attachments })
    }

    /// What would stand in `creel.json5`.
    fn config(&self) -> String {
        format!(
            r#"{{
              models: {{ providers: {{ anthropic: {{ baseUrl: "{}",
                apiKey: {{ source: "env", provider: "default", id: "THE_KEY" }} }} }} }},
              agents: {{ defaults: {{ model: {{ primary: "{MODEL}" }} }} }},
              channels: {{ signal: {{ httpUrl: "{}", account: "+15559990000", attachmentsDir: "{}",
                dmPolicy: "allowlist", allowFrom: ["+15550001111"] }} }},
            }}"#,
            self.anthropic.base_url(),
            self.signal.base_url(),
            self.attachments.path().display(),
        )
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let others = Others::start().await?;
    embed(&others, &mut io::stdout()).await
}

/// The program; it prints to `out`.
pub(crate) async fn embed(others: &Others, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let (sender, mut delivered) = mpsc::unbounded_channel();
    let state = tempfile::tempdir()?;
    let own = Host::builder(StateRoot::open_ambient(state.path())?, Arc::new(now_ms))
        .config(others.config())
        .variable("THE_KEY", KEY)
        .plugin(components::plugin("anthropic"))
        .plugin(components::plugin("media-tools"))
        .plugin(components::plugin("signal"))
        .observer(Arc::new(Deliveries(sender)))
        .start()
        .await?;

    writeln!(out, "the model says: {}", ask(&own.host, "Say pong.").await?)?;

    let uuid = "11111111-1111-4111-8111-111111111111";
    others.signal.receive(&Message::from_number("+15550001111", uuid, "Alice").saying("Hello from Signal"))?;
    let reply = delivered.recv().await.ok_or("nothing was delivered")?;
    writeln!(out, "over Signal went: {reply}")?;
    own.stop().await;
    Ok(())
}

/// One call of a model, its answer read to the end.
async fn ask(host: &Host, text: &str) -> Result<String, Box<dyn Error>> {
    let knowledge = host.knowledge();
    let (named, needs) = (knowledge.named(MODEL)?, Needs::of([]));
    let question = RouteQuestion { named: &named, fallbacks: None, needs: &needs, tokens: 0 };
    let plan = knowledge.route_named(&question).plan.ok_or("no model takes it")?;
    let message = types::Message { role: types::Role::User, parts: vec![types::Part::Text(text.to_owned())] };
    let question = Question::plain("embedded", vec![message]);
    let mut reply = host.ask(&plan, question).await.map_err(|unanswered| unanswered.for_operator.clone())?;
    let mut answer = String::new();
    while let Some(output) = reply.next().await.map_err(|unanswered| unanswered.for_operator.clone())? {
        if let chat::Output::Text(text) = output {
            answer.push_str(&text);
        }
    }
    Ok(answer)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
