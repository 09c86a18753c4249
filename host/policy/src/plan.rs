//! The configuration and the manifests made one: every name resolved to a plugin, every grant computed, every problem
//! reported. What a host runs by, and what `explain` explains from. No plugin is loaded here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::access::AccessRules;
use crate::config::{ChannelEntry, Config, PluginRefusal, ProviderEntry, Settings};
use crate::grant::{EntrySettings, Grant, GrantProblem, grant, plugin_settings};
use crate::ids::{ChannelId, ModelRef, PluginId, ProviderId};
use crate::manifest::Manifest;
use crate::problem::Problem;

/// Every provider and channel of the configuration with its plugin and its grant.
#[derive(Debug, Default)]
pub struct Plan {
    /// Providers that can be called.
    pub providers: BTreeMap<ProviderId, ProviderPlan>,
    /// Channels that can be run.
    pub channels: BTreeMap<ChannelId, ChannelPlan>,
    /// What could not be planned; the rest runs.
    pub problems: Vec<PlanProblem>,
}

/// A provider with its plugin and its grant.
#[derive(Clone, Debug)]
pub struct ProviderPlan {
    /// The plugin that speaks its dialect.
    pub plugin: PluginId,
    /// What the plugin may do for this provider.
    pub grant: Arc<Grant>,
    /// What the plugin sees of its settings, a JSON object.
    pub settings_json: String,
    /// It needs no credential.
    pub keyless: bool,
}

/// A channel with its plugin and its grant.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelPlan {
    /// The plugin that speaks to the network.
    pub plugin: PluginId,
    /// What the plugin may do for this channel.
    pub grant: Arc<Grant>,
    /// What the plugin sees of its settings, a JSON object.
    pub settings_json: String,
    /// Who may speak.
    pub access: AccessRules,
}

/// An entry that could not be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanProblem {
    /// No plugin serves it.
    #[error("`{entry}` names no installed plugin: {sought}")]
    NoPlugin {
        /// The entry.
        entry: String,
        /// What was sought.
        sought: String,
    },
    /// More than one plugin claims its `api`.
    #[error("`{entry}` is claimed by more than one plugin: `{}`; name one with `plugin`", .plugins.join("`, `"))]
    Ambiguous {
        /// The entry.
        entry: String,
        /// The plugins.
        plugins: Vec<String>,
    },
    /// The plugin is of the other kind.
    #[error("`{entry}` names plugin `{plugin}`, which is no {wanted}")]
    WrongKind {
        /// The entry.
        entry: String,
        /// The plugin.
        plugin: PluginId,
        /// `provider` or `channel`.
        wanted: &'static str,
    },
    /// The operator has switched the plugin off.
    #[error("`{entry}` cannot run: {refusal}")]
    PluginOff {
        /// The entry.
        entry: String,
        /// The rule.
        refusal: String,
    },
    /// A setting of the entry is wrong.
    #[error("{problem}")]
    Setting {
        /// The entry.
        entry: String,
        /// Which setting, where it stands, and what is wrong.
        problem: Problem,
    },
}

impl PlanProblem {
    /// The entry that it is about.
    #[must_use]
    pub fn entry(&self) -> &str {
        match self {
            Self::NoPlugin { entry, .. }
            | Self::Ambiguous { entry, .. }
            | Self::WrongKind { entry, .. }
            | Self::PluginOff { entry, .. }
            | Self::Setting { entry, .. } => entry,
        }
    }
}

/// Plans every provider that the configuration has or names, and every channel that is switched on.
#[must_use]
pub fn plan(config: &Config, manifests: &BTreeMap<PluginId, Manifest>) -> Plan {
    let mut plan = Plan::default();
    for provider in named_providers(config) {
        match plan_provider(config, manifests, &provider) {
            Ok(planned) => drop(plan.providers.insert(provider, planned)),
            Err(problems) => plan.problems.extend(problems),
        }
    }
    for (channel, entry) in config.channels.iter().filter(|(_, entry)| entry.enabled) {
        match plan_channel(config, manifests, channel, entry) {
            Ok(planned) => drop(plan.channels.insert(channel.clone(), planned)),
            Err(problems) => plan.problems.extend(problems),
        }
    }
    plan
}

/// Every provider that the configuration configures, or that a model of it names.
#[must_use]
pub fn named_providers(config: &Config) -> BTreeSet<ProviderId> {
    let chains = [&config.defaults.model, &config.defaults.image_model];
    let chain_models = chains.into_iter().flatten().flat_map(|chain| {
        std::iter::once(&chain.primary).chain(&chain.fallbacks).map(|model: &ModelRef| model.provider.clone())
    });
    let media_models = config.media_image.models.iter().map(|entry| entry.model.provider.clone());
    config.models.providers.keys().cloned().chain(chain_models).chain(media_models).collect()
}

/// Plans one provider, also one that the configuration does not name.
///
/// # Errors
///
/// Every problem of its entry; never empty.
pub fn plan_provider(
    config: &Config,
    manifests: &BTreeMap<PluginId, Manifest>,
    provider: &ProviderId,
) -> Result<ProviderPlan, Vec<PlanProblem>> {
    let entry = config.models.providers.get(provider);
    let name = entry.map_or_else(|| format!("models.providers.{provider}"), |entry| entry.key.clone());
    let manifest = provider_plugin(&name, provider, entry, manifests)?;
    let Some(info) = &manifest.provider else {
        let plugin = manifest.plugin.id.clone();
        return Err(vec![PlanProblem::WrongKind { entry: name, plugin, wanted: "provider" }]);
    };
    is_on(config, &name, &manifest.plugin.id)?;
    let none = Settings::default();
    let written = entry.map_or(&none, |entry| &entry.settings);
    let settings = EntrySettings { name, values: written.values().clone() };
    let (grant, settings_json) = granted(config, manifest, &settings, written)?;
    Ok(ProviderPlan { plugin: manifest.plugin.id.clone(), grant, settings_json, keyless: info.keyless })
}

fn plan_channel(
    config: &Config,
    manifests: &BTreeMap<PluginId, Manifest>,
    channel: &ChannelId,
    entry: &ChannelEntry,
) -> Result<ChannelPlan, Vec<PlanProblem>> {
    let name = format!("channels.{channel}");
    let wanted = entry.plugin.as_ref().map_or_else(|| channel.to_string(), ToString::to_string);
    let manifest = PluginId::parse(&wanted).ok().and_then(|id| manifests.get(&id)).ok_or_else(|| {
        vec![PlanProblem::NoPlugin { entry: name.clone(), sought: format!("a channel plugin `{wanted}`") }]
    })?;
    let plugin = manifest.plugin.id.clone();
    if manifest.provider.is_some() {
        return Err(vec![PlanProblem::WrongKind { entry: name, plugin, wanted: "channel" }]);
    }
    is_on(config, &name, &plugin)?;
    let settings = entry.settings.entry();
    let (grant, settings_json) = granted(config, manifest, &settings, &entry.settings)?;
    Ok(ChannelPlan { plugin, grant, settings_json, access: entry.access.clone() })
}

/// The plugin of a provider: the one that its entry names, else the one of its `api`, else the one of its own name.
fn provider_plugin<'m>(
    name: &str,
    provider: &ProviderId,
    entry: Option<&ProviderEntry>,
    manifests: &'m BTreeMap<PluginId, Manifest>,
) -> Result<&'m Manifest, Vec<PlanProblem>> {
    let missing = |sought: String| vec![PlanProblem::NoPlugin { entry: name.to_owned(), sought }];
    if let Some(plugin) = entry.and_then(|entry| entry.plugin.as_ref()) {
        return manifests.get(plugin).ok_or_else(|| missing(format!("a provider plugin `{plugin}`")));
    }
    let own = PluginId::parse(provider.as_str()).ok().and_then(|id| manifests.get(&id));
    let Some(api) = entry.and_then(|entry| entry.api.as_deref()) else {
        return own.ok_or_else(|| missing(format!("a provider plugin `{provider}`")));
    };
    let serves = |manifest: &&Manifest| {
        manifest.provider.as_ref().is_some_and(|info| info.apis.iter().any(|served| served == api))
    };
    if let Some(own) = own.filter(|manifest| serves(manifest)) {
        return Ok(own);
    }
    let serving: Vec<&Manifest> = manifests.values().filter(serves).collect();
    match serving[..] {
        [one] => Ok(one),
        [] => Err(missing(format!("a provider plugin for `api: \"{api}\"`"))),
        [..] => Err(vec![PlanProblem::Ambiguous {
            entry: name.to_owned(),
            plugins: serving.iter().map(|manifest| manifest.plugin.id.to_string()).collect(),
        }]),
    }
}

fn is_on(config: &Config, entry: &str, plugin: &PluginId) -> Result<(), Vec<PlanProblem>> {
    let off = |refusal: PluginRefusal| PlanProblem::PluginOff { entry: entry.to_owned(), refusal: refusal.to_string() };
    config.plugins.judge(plugin).map_err(|refusal| vec![off(refusal)])
}

fn granted(
    config: &Config,
    manifest: &Manifest,
    settings: &EntrySettings,
    written: &Settings,
) -> Result<(Arc<Grant>, String), Vec<PlanProblem>> {
    let problem = |problem: &GrantProblem| PlanProblem::Setting {
        entry: settings.name.clone(),
        problem: written.locate(&config.file, problem),
    };
    let grant = grant(manifest, settings).map_err(|problems| problems.iter().map(problem).collect::<Vec<_>>())?;
    Ok((Arc::new(grant), Value::Object(plugin_settings(manifest, settings)).to_string()))
}
