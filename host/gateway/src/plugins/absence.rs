//! Why a plugin that the configuration uses cannot be called. What to do about it is said in `render`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use creel_engine::LoadError;
use creel_policy::ids::{PluginId, ProviderId};
use creel_policy::plan::named_providers;
use creel_runtime::Knowledge;

use super::{Installed, PluginVeto, Standing};

/// Why a plugin that the configuration uses cannot be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Absence {
    /// There is no component.
    #[error("no component of plugin `{id}` was found")]
    NotFound {
        /// Which.
        id: PluginId,
        /// Where was looked.
        searched: Vec<PathBuf>,
    },
    /// It may not run.
    #[error(transparent)]
    Veto(PluginVeto),
    /// It cannot be loaded.
    #[error("plugin `{id}` could not be loaded: {error}")]
    Load {
        /// Which.
        id: PluginId,
        /// Why.
        error: LoadError,
    },
}

/// Absent plugins.
pub(crate) type Absences = BTreeMap<PluginId, Absence>;

impl Installed {
    /// The plugins that the configuration uses and that cannot be called, as far as their files tell.
    pub(crate) fn absent(&self, knowledge: &Knowledge) -> Absences {
        let used = used(knowledge).into_iter().filter_map(|id| match self.standing(&id) {
            None => Some((id.clone(), Absence::NotFound { id, searched: self.searched.clone() })),
            Some(Standing::Refused(veto)) => Some((id, Absence::Veto(veto.clone()))),
            Some(Standing::Shipped | Standing::Approved) => None,
        });
        // An entry that no plugin serves may name one that is here and may not run.
        let named = named(knowledge).into_iter().filter_map(|id| match self.standing(&id) {
            Some(Standing::Refused(veto)) => Some((id, Absence::Veto(veto.clone()))),
            Some(Standing::Shipped | Standing::Approved) | None => None,
        });
        named.chain(used).collect()
    }

    fn standing(&self, id: &PluginId) -> Option<&Standing> {
        self.get(id).map(|found| &found.standing)
    }
}

/// The plugins that the plan uses.
pub(crate) fn used(knowledge: &Knowledge) -> BTreeSet<PluginId> {
    let providers = knowledge.plan.providers.values().map(|provider| &provider.plugin);
    let channels = knowledge.plan.channels.values().map(|channel| &channel.plugin);
    let mut used: BTreeSet<PluginId> = providers.chain(channels).cloned().collect();
    // Whatever leaves may hold a picture.
    let pictures = &knowledge.config.media.pictures;
    if pictures.is_any() && !used.is_empty() {
        used.insert(pictures.plugin.clone());
    }
    used
}

/// The plugin that a provider's entry names: itself by default.
pub(crate) fn of_provider(knowledge: &Knowledge, provider: &ProviderId) -> Option<PluginId> {
    let planned = knowledge.plan.providers.get(provider).map(|planned| &planned.plugin);
    let entry = knowledge.config.models.providers.get(provider);
    let named = planned.or_else(|| entry.and_then(|entry| entry.plugin.as_ref()));
    named.cloned().or_else(|| PluginId::parse(provider.as_str()).ok())
}

/// The plugins that the configuration names.
fn named(knowledge: &Knowledge) -> BTreeSet<PluginId> {
    let config = &knowledge.config;
    let providers = named_providers(config).into_iter().filter_map(|provider| of_provider(knowledge, &provider));
    let channels = config.channels.iter().filter(|(_, entry)| entry.enabled);
    let channels =
        channels.filter_map(|(id, entry)| entry.plugin.clone().or_else(|| PluginId::parse(id.as_str()).ok()));
    providers.chain(channels).collect()
}
