//! `channels`: which networks messages come from, who may write, and what an answer may look like there.

use std::collections::BTreeMap;

use crate::access::{AccessRules, DmPolicy, GroupPolicy};
use crate::ids::{ChannelId, PluginId};
use crate::json5::{Node, Number, Problems, Value};

use super::read::{Only, Table, name, text};
use super::settings::Settings;

/// Characters of one message, unless the file says otherwise.
const TEXT_CHUNK_LIMIT: u64 = 4_000;
/// Megabytes of one medium, unless the file says otherwise.
const MEDIA_MB_MAX: u64 = 8;
/// Messages of a conversation that a turn sees, unless the file says otherwise.
const HISTORY_LIMIT: u64 = 50;
/// More history than this does not fit any model.
const HISTORY_LIMIT_MAX: u64 = 10_000;

/// `channels.<id>`.
pub struct ChannelEntry {
    /// The plugin that serves it; else the one of that name.
    pub plugin: Option<PluginId>,
    /// It is started.
    pub enabled: bool,
    /// Who may write.
    pub access: AccessRules,
    /// Characters of one message; longer answers are cut in several.
    pub text_chunk_limit: u64,
    /// `mediaMaxMb`, in bytes.
    pub medium_bytes_max: u64,
    /// Messages of a conversation that a turn sees.
    pub history_limit: u64,
    /// What is left for the plugin.
    pub settings: Settings,
}

/// Reads `channels`.
pub(super) fn read(mut table: Table<'_>) -> BTreeMap<ChannelId, ChannelEntry> {
    table.refuse(&[("defaults", "write it into each channel")]);
    let problems = table.problems();
    let mut channels = BTreeMap::new();
    for entry in table.into_entries() {
        let id = name(&entry, ChannelId::parse, problems);
        let read = Table::open(entry.node, problems).map(read_channel);
        channels.extend(id.zip(read));
    }
    channels
}

fn read_channel(mut table: Table<'_>) -> ChannelEntry {
    table.refuse(&[
        ("accounts", "write one entry of `channels` for each account, with `plugin` naming the same plugin"),
        ("dmHistoryLimit", "use `historyLimit`"),
        ("actions", "what a plugin may do is in its manifest and in `creel.lock`"),
    ]);
    table.only("chunkMode", &Only::Word("length"), "long answers are cut by length");
    table.only("configWrites", &Only::Flag(false), "Creel never writes its configuration");
    table.only("reactionLevel", &Only::Word("off"), "reactions are not there yet");
    let mut entry = ChannelEntry {
        plugin: table.id("plugin", PluginId::parse),
        enabled: table.flag("enabled").unwrap_or(true),
        access: read_access(&mut table),
        text_chunk_limit: table.count("textChunkLimit", 1..=100_000).unwrap_or(TEXT_CHUNK_LIMIT),
        medium_bytes_max: table.count("mediaMaxMb", 1..=crate::limits::MEDIUM_BYTES_MAX >> 20).unwrap_or(MEDIA_MB_MAX)
            << 20,
        history_limit: table.count("historyLimit", 0..=HISTORY_LIMIT_MAX).unwrap_or(HISTORY_LIMIT),
        settings: Settings::default(),
    };
    let (key, place, problems) = (table.key.clone(), table.place, table.problems());
    let (mut asked, left) = table.rest();
    asked.retain(|key| !matches!(*key, "chunkMode" | "configWrites" | "reactionLevel"));
    entry.settings = Settings::read((&key, place), (asked, left), problems);
    entry
}

fn read_access(table: &mut Table<'_>) -> AccessRules {
    const DM: [(&str, DmPolicy); 3] =
        [("allowlist", DmPolicy::Allowlist), ("open", DmPolicy::Open), ("disabled", DmPolicy::Disabled)];
    const GROUP: [(&str, GroupPolicy); 3] =
        [("allowlist", GroupPolicy::Allowlist), ("open", GroupPolicy::Open), ("disabled", GroupPolicy::Disabled)];
    table.refuse_word("dmPolicy", "pairing", "use `allowlist`, and name those who may write in `allowFrom`");
    let mut rules = AccessRules::default();
    if let Some(policy) = table.word("dmPolicy", &DM) {
        rules.dm_policy = policy;
    }
    if let Some(policy) = table.word("groupPolicy", &GROUP) {
        rules.group_policy = policy;
    }
    rules.allow_from = table.list("allowFrom", sender).unwrap_or_default();
    rules.group_allow_from = table.list("groupAllowFrom", sender).unwrap_or_default();
    rules
}

/// A sender; telephone numbers are sometimes written as numbers.
fn sender(node: Node, problems: &Problems) -> Option<String> {
    match &node.value {
        Value::Number(Number::Whole(number)) => Some(number.to_string()),
        Value::Text(written) if written.trim().starts_with("accessGroup:") => {
            let hint = Some("name the senders themselves".to_owned());
            problems.add(node.place, &node.key, "access groups are not supported by Creel", hint);
            None
        }
        _ => text(&node, problems).map(|written| written.trim().to_owned()),
    }
}
