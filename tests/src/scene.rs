//! What the stories begin with: who writes, which models are configured, and what to read from what a fake received.
//! Asserts nothing itself.

use std::path::Path;

use creel_fakes::anthropic::Request;
use creel_fakes::pictures::sha256_hex;
use creel_fakes::signal::{Attachment, Message, Sent};
use creel_fakes::{ollama, pictures};
use creel_policy::ids::ChannelId;
use creel_runtime::Step;
use creel_store::Store;
use creel_store::outbox::OutboxRow;
use serde_json::Value;

use crate::house::{ALICE, ALICE_UUID, API_KEY, Fakes, House, Place, STALE_OAUTH_TOKEN};

/// The profile of the story: the key stands in the environment.
pub const KEY_BY_REFERENCE: &str = r#"{ "version": 1, "profiles": { "anthropic:default": { "type": "api_key",
    "provider": "anthropic", "keyRef": { "source": "env", "provider": "default", "id": "ANTHROPIC_API_KEY" } } } }"#;

/// A text-only primary and an image model.
pub const TEXT_AND_IMAGE_MODEL: &str =
    r#"model: { primary: "ollama/glm-5:cloud" }, imageModel: { primary: "anthropic/claude-haiku-4-5" }"#;

/// A primary that sees.
pub const SEEING_PRIMARY: &str = r#"model: { primary: "anthropic/claude-haiku-4-5" }"#;

/// A configuration as the stories vary it.
pub struct Scene<'a> {
    /// What stands in `agents.defaults`.
    pub defaults: &'a str,
    /// What stands in `tools.media.image`.
    pub image_tool: &'a str,
    /// What stands in `models.providers.anthropic` beside the address.
    pub anthropic: &'a str,
    /// What stands in `models.providers.ollama` beside the address.
    pub ollama: &'a str,
    /// What stands in `media`.
    pub media: &'a str,
    /// All of `channels`; `None`: Alice alone, attachments by directory.
    pub channels: Option<String>,
}

impl<'a> Scene<'a> {
    /// Those defaults, and nothing else that is unusual.
    pub fn of(defaults: &'a str) -> Self {
        Self { defaults, image_tool: "", anthropic: "", ollama: "", media: "", channels: None }
    }

    /// A place with this configuration, without profiles and with an empty environment.
    pub fn bare_place(&self, fakes: &Fakes) -> Place {
        let Self { defaults, image_tool, anthropic, ollama, media, .. } = self;
        let channels = self.channels.clone().unwrap_or_else(|| fakes.channel());
        let (anthropic_url, ollama_url) = (fakes.anthropic.base_url(), fakes.ollama.base_url());
        Place::with(format!(
            r#"{{
              models: {{ providers: {{
                anthropic: {{ baseUrl: "{anthropic_url}", {anthropic} }},
                ollama: {{ baseUrl: "{ollama_url}", {ollama} }},
              }} }},
              agents: {{ defaults: {{ {defaults} }} }},
              tools: {{ media: {{ image: {{ {image_tool} }} }} }},
              media: {{ {media} }},
              {channels}
            }}"#
        ))
    }

    /// A place with this configuration, the profile of the story, its key, and a stale token beside it.
    pub fn place(&self, fakes: &Fakes) -> Place {
        self.bare_place(fakes)
            .profiles(KEY_BY_REFERENCE)
            .variable("ANTHROPIC_API_KEY", API_KEY)
            .variable("ANTHROPIC_OAUTH_TOKEN", STALE_OAUTH_TOKEN)
    }
}

/// A message from Alice.
pub fn alice() -> Message {
    Message::from_number(ALICE, ALICE_UUID, "Alice")
}

/// A picture of Alice's with a question.
pub fn alice_shows(picture: &[u8], question: &str) -> Message {
    alice().saying(question).with(Attachment::jpeg(picture.to_vec()))
}

/// A person other than Alice, by number: the telephone number and the account.
pub fn person(number: usize) -> (String, String) {
    (format!("+1555100{number:04}"), format!("22222222-2222-4222-8222-{number:012}"))
}

/// Alice says something, and what comes of it is awaited.
pub async fn ask(fakes: &Fakes, house: &House, message: &Message) -> Sent {
    let before = fakes.signal.sent().len();
    fakes.signal.receive(message).expect("a fake that can write its attachments");
    let sent = fakes.signal.wait_for_sent(before + 1).await;
    let sent = sent.unwrap_or_else(|overdue| panic!("{overdue}; so far: {:#?}", house.steps.all()));
    sent[before].clone()
}

/// Waits for that many messages at the fake.
pub async fn sent(fakes: &Fakes, house: &House, count: usize) -> Vec<Sent> {
    let sent = fakes.signal.wait_for_sent(count).await;
    sent.unwrap_or_else(|overdue| panic!("{overdue}; so far: {:#?}", house.steps.all()))
}

/// SHA-256 of pictures, in order.
pub fn sums<'a>(pictures: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<String> {
    pictures.into_iter().map(|picture| sha256_hex(picture)).collect()
}

/// SHA-256 of the pictures in a request that Anthropic accepted, oldest first.
pub fn seen_by_anthropic(request: &Request) -> Vec<String> {
    request.pictures().into_iter().map(|picture| picture.sha256).collect()
}

/// The pictures in a request that Anthropic accepted, byte for byte, oldest first.
pub fn pictures_at_anthropic(request: &Request) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let blocks = list(&request.body["messages"]).into_iter().flat_map(|message| list(&message["content"]));
    let data = blocks.filter(|block| block["type"] == "image").map(|block| block["source"]["data"].clone());
    let decode = |data: Value| {
        let text = data.as_str().expect("the fake took it for base64");
        base64::engine::general_purpose::STANDARD.decode(text).expect("the fake took it for base64")
    };
    data.map(decode).collect()
}

/// SHA-256 of the pictures in a chat that Ollama accepted, oldest first.
pub fn seen_by_ollama(request: &ollama::Request) -> Vec<String> {
    let images = request.messages.iter().flat_map(|message| &message.images);
    images.map(|picture| picture.sha256.clone()).collect()
}

/// The roles of a chat that Ollama accepted.
pub fn roles(request: &ollama::Request) -> Vec<&str> {
    request.messages.iter().map(|message| message.role.as_str()).collect()
}

/// Pictures that differ from one another.
pub fn pictures(count: u64) -> Vec<Vec<u8>> {
    (1..=count).map(pictures::jpeg_of).collect()
}

/// Every file below a directory: its name relative to it, and its bytes. A socket is no file.
pub fn files_below(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory that can be read") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(files_below(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else if path.is_file() {
            files.push((name, std::fs::read(&path).expect("a file that can be read")));
        }
    }
    files
}

/// What fakes found fault with; a story of good behaviour has none.
pub fn refusals(fakes: &Fakes) -> Vec<String> {
    let all = [fakes.anthropic.refusals(), fakes.ollama.refusals(), fakes.signal.refusals()];
    all.into_iter().flatten().map(|refusal| format!("{}: {}", refusal.request, refusal.reason)).collect()
}

/// What is to be sent over Signal and is not settled: the oldest of each session.
pub fn outbox(store: &Store) -> Vec<OutboxRow> {
    store.outbox_heads(&[ChannelId::parse("signal").expect("an id")], 10).expect("it can be read")
}

/// The failed attempts so far: model, kind, message, what followed.
pub fn attempts(house: &House) -> Vec<(String, String, String, &'static str)> {
    let all = house.steps.all().into_iter().filter_map(|step| match step {
        Step::AttemptFailed { model, fault, message, next, .. } => Some((model, fault, message, next)),
        _ => None,
    });
    all.collect()
}
