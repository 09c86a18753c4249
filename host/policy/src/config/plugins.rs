//! `plugins`: which plugins may be loaded at all, and from where. What a plugin may do is said by its grant.

use std::collections::BTreeMap;

use crate::ids::PluginId;
use crate::json5::{Node, Problems};

use super::read::{Table, id, name, text};

/// `plugins`.
#[derive(Clone, Debug, Default)]
pub struct PluginsConfig {
    /// `plugins.enabled` is `false`: none is loaded.
    pub disabled: bool,
    /// The only plugins that may be loaded; `None`: any that is installed.
    pub allow: Option<Vec<PluginId>>,
    /// Plugins that may not be loaded, whatever else is said.
    pub deny: Vec<PluginId>,
    /// `plugins.load.paths`.
    pub load_paths: Vec<String>,
    /// `plugins.entries`.
    pub entries: BTreeMap<PluginId, PluginEntry>,
}

/// `plugins.entries.<id>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PluginEntry {
    /// `None`: not said.
    pub enabled: Option<bool>,
}

/// Why a plugin may not be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PluginRefusal {
    /// All are off.
    #[error("`plugins.enabled` is `false`")]
    AllDisabled,
    /// It is named in `deny`.
    #[error("the plugin is in `plugins.deny`")]
    Denied,
    /// There is an allowlist without it.
    #[error("the plugin is not in `plugins.allow`")]
    NotAllowed,
    /// Its entry is off.
    #[error("`enabled` of its `plugins.entries` is `false`")]
    Disabled,
}

impl PluginsConfig {
    /// Judges whether a plugin may be loaded; a denial beats everything else.
    ///
    /// # Errors
    ///
    /// [`PluginRefusal`] with the key that says so.
    pub fn judge(&self, plugin: &PluginId) -> Result<(), PluginRefusal> {
        if self.disabled {
            return Err(PluginRefusal::AllDisabled);
        }
        if self.deny.contains(plugin) {
            return Err(PluginRefusal::Denied);
        }
        if self.allow.as_ref().is_some_and(|allow| !allow.contains(plugin)) {
            return Err(PluginRefusal::NotAllowed);
        }
        match self.entries.get(plugin).and_then(|entry| entry.enabled) {
            Some(false) => Err(PluginRefusal::Disabled),
            Some(true) | None => Ok(()),
        }
    }
}

/// Reads `plugins`.
pub(super) fn read(mut table: Table<'_>) -> PluginsConfig {
    table.refuse(&[("slots", "name the plugin in its provider or channel entry")]);
    let plugin = |node: Node, problems: &Problems| id(&node, PluginId::parse, problems);
    let mut config = PluginsConfig {
        disabled: table.flag("enabled") == Some(false),
        allow: table.list("allow", plugin),
        deny: table.list("deny", plugin).unwrap_or_default(),
        ..PluginsConfig::default()
    };
    if let Some(mut load) = table.table("load") {
        config.load_paths = load.list("paths", |node, problems| text(&node, problems)).unwrap_or_default();
        load.finish();
    }
    if let Some(entries) = table.table("entries") {
        let problems = entries.problems();
        for entry in entries.into_entries() {
            let id = name(&entry, PluginId::parse, problems);
            let read = Table::open(entry.node, problems).map(read_entry);
            config.entries.extend(id.zip(read));
        }
    }
    table.finish();
    config
}

fn read_entry(mut table: Table<'_>) -> PluginEntry {
    table.refuse(&[("config", "write the settings into the provider or channel entry that uses the plugin")]);
    let enabled = table.flag("enabled");
    table.finish();
    PluginEntry { enabled }
}
