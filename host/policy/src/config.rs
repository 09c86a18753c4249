//! The configuration: one JSON5 file in the words that users of the older gateway know. A key has that gateway's
//! meaning, or is refused with what to write instead; none is ignored. Nothing here looks at the file system.

mod agents;
mod auth;
mod channels;
mod gateway;
mod headers;
mod media;
mod models;
mod plugins;
mod read;
mod secrets;
mod settings;
mod storage;

use std::collections::BTreeMap;

use crate::ids::ChannelId;
use crate::json5::{Node, Problems, parse};
use crate::problem::Problem;
use crate::secret_ref::SecretInput;

pub use agents::{AgentDefaults, ModelChain, PickableModel};
pub use auth::{AuthConfig, Balance, BalanceBy, ConfiguredProfile, Cooldowns};
pub use channels::ChannelEntry;
pub use gateway::{Bind, GatewayConfig, LogConfig, LogLevel};
pub use headers::EntryHeader;
pub use media::{MediaModel, MediaUse};
pub use models::{ConfigModel, Cost, ModelsConfig, ProviderEntry, Timeouts};
pub use plugins::{PluginEntry, PluginRefusal, PluginsConfig};
pub use secrets::{ExecProvider, FileProvider, RefRefusal, Resolution, SecretProvider, SecretsConfig, VaultKey};
pub use settings::Settings;
pub use storage::{KindBytes, MediaConfig, PictureCare, Quotas, RootEntry};

pub(crate) use settings::OLDER_KEYS;

pub(crate) use auth::read_order;
pub(crate) use read::secret_input;
pub(crate) use read::{Table, id, text};

/// The whole configuration, every value of it checked. It holds secrets, so it has no Debug and no Clone.
#[derive(Default)]
pub struct Config {
    /// The file as it was named to the parser.
    pub file: String,
    /// `models.mode` and `models.providers`.
    pub models: ModelsConfig,
    /// `agents.defaults`.
    pub defaults: AgentDefaults,
    /// `tools.media.image`.
    pub media_image: MediaUse,
    /// `tools.fs.workspaceOnly`: paths lead into the agent's workspace and into no other directory. Handles of stored
    /// media do not care (case K16). It never means "any path" where it is off (case J23).
    pub workspace_only: bool,
    /// `media`.
    pub media: MediaConfig,
    /// `auth`.
    pub auth: AuthConfig,
    /// `secrets`.
    pub secrets: SecretsConfig,
    /// `channels`.
    pub channels: BTreeMap<ChannelId, ChannelEntry>,
    /// `plugins`.
    pub plugins: PluginsConfig,
    /// `gateway`.
    pub gateway: GatewayConfig,
    /// `logging`.
    pub log: LogConfig,
}

impl Config {
    /// Every secret of the configuration with its key path: whoever adds a field that holds one adds it here.
    #[must_use]
    pub fn secret_inputs(&self) -> Vec<(String, &SecretInput)> {
        let mut inputs = Vec::new();
        for entry in self.models.providers.values() {
            inputs.extend(entry.api_key.as_ref().map(|input| (entry.api_key_path(), input)));
            inputs.extend(entry.headers.iter().map(|header| (header.key.clone(), &header.value)));
        }
        inputs.extend(self.gateway.token.as_ref().map(|input| ("gateway.auth.token".to_owned(), input)));
        inputs
    }
}

impl ProviderEntry {
    /// The key path of `apiKey`.
    #[must_use]
    pub fn api_key_path(&self) -> String {
        format!("{}.apiKey", self.key)
    }
}

/// Parses the text of the configuration.
///
/// # Errors
///
/// All problems of the file, in the order in which they stand there; no message holds a value of the file.
pub fn parse_config(file: &str, text: &str) -> Result<Config, Vec<Problem>> {
    let problems = Problems::new(file);
    let root = parse(text, &problems);
    finish(root.and_then(|root| Table::open(root, &problems)).map(|root| read(file, root)), problems)
}

/// The same of a tree that was parsed before.
pub(crate) fn read_tree(file: &str, root: Node) -> Result<Config, Vec<Problem>> {
    let problems = Problems::new(file);
    finish(Table::open(root, &problems).map(|root| read(file, root)), problems)
}

fn finish(config: Option<Config>, problems: Problems) -> Result<Config, Vec<Problem>> {
    let problems = problems.into_sorted();
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        Some(_) | None => Err(problems),
    }
}

fn read(file: &str, mut root: Table<'_>) -> Config {
    root.refuse(&[
        ("skills", "skills are not there yet"),
        ("cron", "timed turns are not there yet"),
        ("hooks", "web hooks are not there yet"),
        ("accessGroups", "name the senders themselves in `allowFrom`"),
        ("security", "a plugin is installed by the operator alone, and pinned in `creel.lock`"),
        ("attachments", "write `media.ttlHours`"),
        ("env", "set the variables in the daemon's environment, or keep the values in the vault"),
        ("$include", "write what it includes into this file"),
        ("bindings", "there is one agent, and it answers on every channel"),
        ("session", "a session is a conversation of a channel; its length is said by `historyLimit`"),
        ("messages", "what the agent is told is said by `agents.defaults.systemPrompt`"),
        ("commands", "commands in messages are not there yet"),
        ("browser", "a browser is not there yet"),
        ("talk", "speech is not there yet"),
        ("meta", "leave it out: it is a record of the older gateway's own"),
        ("wizard", "leave it out: it is a record of the older gateway's own"),
        ("update", "leave it out: Creel does not update itself"),
        ("ui", "there is no web interface"),
    ]);
    let secrets = root.table("secrets").map(secrets::read).unwrap_or_default();
    let (media_image, workspace_only) = root.table("tools").map(media::read).unwrap_or_default();
    let config = Config {
        file: file.to_owned(),
        models: root.table("models").map(|table| models::read(table, &secrets)).unwrap_or_default(),
        defaults: root.table("agents").map(agents::read).unwrap_or_default(),
        media_image,
        workspace_only,
        media: root.table("media").map(storage::read).unwrap_or_default(),
        auth: root.table("auth").map(auth::read).unwrap_or_default(),
        channels: root.table("channels").map(channels::read).unwrap_or_default(),
        plugins: root.table("plugins").map(plugins::read).unwrap_or_default(),
        gateway: root.table("gateway").map(|table| gateway::read(table, &secrets)).unwrap_or_default(),
        log: root.table("logging").map(gateway::read_logging).unwrap_or_default(),
        secrets,
    };
    root.finish();
    config
}

#[cfg(test)]
mod tests;
