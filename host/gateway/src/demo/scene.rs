//! What the demo is played with: stand-ins for the networks, a state directory of its own, and the files in it that an
//! operator would write.

use std::path::Path;
use std::sync::Arc;

use creel_fakes::Running;
use creel_fakes::anthropic::{self, Anthropic};
use creel_fakes::ollama::{self, Ollama};
use creel_fakes::signal::{self, Attachment, Message, Signal};
use creel_fakes::{Overdue, pictures};
use serde_json::json;

use super::DemoError;

/// The gateway's own number, and that of who writes to it.
const ACCOUNT: &str = "+15550100000";
const ALICE: &str = "+15550100001";
const ALICE_UUID: &str = "5f0a8f5e-3a44-4d5c-9d54-0d9a6c0a1b2c";
/// The credential of the story: a profile whose key is a reference to the environment.
pub(super) const PROFILES: &str = r#"{
  "version": 1,
  "profiles": {
    "anthropic:default": {
      "type": "api_key",
      "provider": "anthropic",
      "keyRef": { "source": "env", "provider": "default", "id": "ANTHROPIC_API_KEY" }
    }
  }
}
"#;
/// What she asks.
const QUESTION: &str = "What do you see?";

/// Which Anthropic is asked.
pub(super) enum Asked {
    /// The stand-in, which knows one key.
    Fake(Running<Anthropic>),
    /// The real one.
    Live,
}

/// The stand-ins.
pub(super) struct Scene {
    pub(super) anthropic: Asked,
    pub(super) ollama: Running<Ollama>,
    pub(super) signal: Arc<Running<Signal>>,
}

/// A picture that is sent, and its name.
pub(super) struct Picture {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl Scene {
    /// Starts the stand-ins. `key` is the one that the fake Anthropic accepts; none asks the real one.
    pub(super) async fn start(key: Option<&str>, attachments: &Path) -> Result<Self, DemoError> {
        let started = |what| move |source| DemoError::StandIn { what, source };
        let anthropic = match key {
            Some(key) => {
                let config = anthropic::Config::with_api_key(key);
                Asked::Fake(Anthropic::start(config).await.map_err(started("Anthropic"))?)
            }
            None => Asked::Live,
        };
        let ollama = Ollama::start(ollama::Config::new()).await.map_err(started("Ollama"))?;
        let config = signal::Config::new(ACCOUNT, attachments);
        let signal = Arc::new(Signal::start(config).await.map_err(started("Signal"))?);
        Ok(Self { anthropic, ollama, signal })
    }

    /// The configuration that an operator would write: the story's, with the stand-ins' addresses.
    pub(super) fn config(&self, attachments: &Path, components: Option<&Path>) -> String {
        let mut anthropic = json!({});
        if let Asked::Fake(fake) = &self.anthropic {
            anthropic["baseUrl"] = fake.base_url().into();
        }
        let mut config = json!({
            "models": { "providers": { "anthropic": anthropic, "ollama": { "baseUrl": self.ollama.base_url() } } },
            "agents": { "defaults": {
                "model": { "primary": "ollama/glm-5:cloud" },
                "imageModel": { "primary": "anthropic/claude-haiku-4-5", "fallbacks": [] },
            } },
            "channels": { "signal": {
                "httpUrl": self.signal.base_url(),
                "account": ACCOUNT,
                "attachmentsDir": attachments,
                "dmPolicy": "allowlist",
                "allowFrom": [ALICE],
            } },
        });
        if let Some(components) = components {
            config["plugins"] = json!({ "load": { "paths": [components] } });
        }
        format!("{config:#}\n")
    }

    /// Lets Alice send her pictures.
    pub(super) fn send(&self, sent: &[Picture]) -> Result<(), DemoError> {
        let mut message = Message::from_number(ALICE, ALICE_UUID, "Alice").saying(QUESTION);
        for picture in sent {
            let media_type = pictures::media_type(&picture.bytes).unwrap_or("application/octet-stream");
            message = message.with(Attachment::new(media_type, picture.bytes.clone()).named(&picture.name));
        }
        let received = self.signal.receive(&message);
        received.map(drop).map_err(|source| DemoError::StandIn { what: "Signal", source })
    }

    /// The reply that the Signal daemon was given.
    pub(super) async fn reply(&self) -> Result<String, Overdue> {
        let sent = self.signal.wait_for_sent(1).await?;
        Ok(sent.first().map(|sent| sent.message.clone()).unwrap_or_default())
    }
}

/// The pictures that are sent where the user brings none.
pub(super) fn own_pictures() -> Vec<Picture> {
    vec![
        Picture { name: "sunset.jpg".into(), bytes: pictures::jpeg() },
        Picture { name: "sign.png".into(), bytes: pictures::png() },
    ]
}
