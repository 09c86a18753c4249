//! Why a plugin that the configuration uses cannot be called. What to do about it is said in `render`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use creel_engine::LoadError;
use creel_policy::ids::PluginId;

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
    /// Those of these plugins that cannot be called, as far as their files tell.
    pub(crate) fn absent(&self, wanted: &BTreeSet<PluginId>) -> Absences {
        let absence = |id: &PluginId| match self.get(id).map(|found| &found.standing) {
            None => Some(Absence::NotFound { id: id.clone(), searched: self.searched.clone() }),
            Some(Standing::Refused(veto)) => Some(Absence::Veto(veto.clone())),
            Some(Standing::Shipped | Standing::Approved) => None,
        };
        wanted.iter().filter_map(|id| Some((id.clone(), absence(id)?))).collect()
    }
}
