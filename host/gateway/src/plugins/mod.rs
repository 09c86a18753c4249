//! Which plugins are installed: found as files, read, and held against the configuration, the lock file and what comes
//! with Creel. What a plugin may then do is said by its grant.

mod absence;
mod file;
mod load;
mod lock;
mod search;
mod shipped;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use creel_policy::config::{PluginRefusal, PluginsConfig};
use creel_policy::ids::PluginId;
use creel_policy::look_alike::look_alike;
use creel_policy::manifest::Manifest;

pub(crate) use absence::{Absence, Absences, of_provider, used};
pub(crate) use file::{ComponentFile, FileRefusal, read, sha256};
pub(crate) use load::{Loaded, load};
pub(crate) use lock::{LockError, LockFile, Pin};
pub(crate) use search::{SearchPlaces, search_list};
pub(crate) use shipped::shipped;

/// A component that was found, and whether it may run.
pub(crate) struct Found {
    /// What was read.
    pub(crate) file: ComponentFile,
    /// Whether it may run.
    pub(crate) standing: Standing,
}

/// Whether a component may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It asks for exactly what the plugin that comes with Creel asks for.
    Shipped,
    /// The operator has approved this very component.
    Approved,
    /// It may not.
    Refused(PluginVeto),
}

/// Why a component may not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PluginVeto {
    /// Nobody has approved it.
    #[error("plugin `{id}` is not approved")]
    NotApproved {
        /// Which.
        id: PluginId,
        /// Where it is.
        path: PathBuf,
    },
    /// Another component was approved.
    #[error("plugin `{id}` has changed since it was approved: component {found}, approved was {pinned}")]
    Changed {
        /// Which.
        id: PluginId,
        /// Where it is.
        path: PathBuf,
        /// The digest that was approved.
        pinned: String,
        /// The digest that was found.
        found: String,
    },
    /// Its id could be taken for another.
    #[error("plugin id `{id}` could be taken for `{of}`")]
    LookAlike {
        /// Which.
        id: PluginId,
        /// The one that was there before.
        of: PluginId,
    },
    /// Another file comes first.
    #[error("plugin `{id}` is taken from `{}`", by.display())]
    Shadowed {
        /// Which.
        id: PluginId,
        /// The file that is used.
        by: PathBuf,
    },
    /// The configuration says no.
    #[error("plugin `{id}` is off: {refusal}")]
    Off {
        /// Which.
        id: PluginId,
        /// The key that says so.
        refusal: PluginRefusal,
    },
}

/// All plugins that were found.
#[derive(Default)]
pub(crate) struct Installed {
    /// Components, in the order of the search list.
    pub(crate) found: Vec<Found>,
    /// Files and directories that could not be used.
    pub(crate) unusable: Vec<FileRefusal>,
    /// Where was looked.
    pub(crate) searched: Vec<PathBuf>,
}

impl Installed {
    /// Looks in each place of the list.
    pub(crate) fn find(places: Vec<search::SearchPlace>, config: &PluginsConfig, lock: &LockFile) -> Self {
        let mut installed = Self::default();
        let mut seen = BTreeSet::new();
        for place in places {
            let (paths, unusable) = search::components_in(&place);
            installed.unusable.extend(unusable);
            installed.searched.push(place.path);
            // The same directory may be named twice.
            for path in paths.into_iter().filter(|path| seen.insert(path.clone())) {
                match read(&path) {
                    Ok(file) => installed.add(file, config, lock),
                    Err(refusal) => installed.unusable.push(refusal),
                }
            }
        }
        installed
    }

    fn add(&mut self, file: ComponentFile, config: &PluginsConfig, lock: &LockFile) {
        let id = file.id().clone();
        let before = self.found.iter().find(|found| *found.file.id() == id).map(|found| found.file.path.clone());
        let standing = match before {
            Some(by) => Standing::Refused(PluginVeto::Shadowed { id, by }),
            None => standing(&file, config, lock),
        };
        self.found.push(Found { file, standing });
    }

    /// What each plugin that may run asks for, those included that come with Creel and have no component here.
    pub(crate) fn manifests(&self) -> BTreeMap<PluginId, Manifest> {
        let mut manifests = shipped::manifests();
        let running = self.found.iter().filter(|found| found.may_run());
        manifests.extend(running.map(|found| (found.file.id().clone(), found.file.manifest.clone())));
        manifests
    }

    /// The component of a plugin, if there is one: the first in the search list.
    pub(crate) fn get(&self, id: &PluginId) -> Option<&Found> {
        self.found.iter().find(|found| found.file.id() == id)
    }

    /// Takes out the components of these plugins that may run.
    pub(crate) fn take(&mut self, wanted: &BTreeSet<PluginId>) -> Vec<ComponentFile> {
        let is_wanted = |found: &mut Found| found.may_run() && wanted.contains(found.file.id());
        self.found.extract_if(.., is_wanted).map(|found| found.file).collect()
    }
}

impl Found {
    /// Whether it may run.
    pub(crate) fn may_run(&self) -> bool {
        match self.standing {
            Standing::Shipped | Standing::Approved => true,
            Standing::Refused(_) => false,
        }
    }
}

impl Standing {
    /// One word for tables.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Approved => "approved",
            Self::Refused(PluginVeto::NotApproved { .. }) => "not-approved",
            Self::Refused(PluginVeto::Changed { .. }) => "changed",
            Self::Refused(PluginVeto::LookAlike { .. }) => "look-alike",
            Self::Refused(PluginVeto::Shadowed { .. }) => "shadowed",
            Self::Refused(PluginVeto::Off { .. }) => "off",
        }
    }
}

/// The id that a new one could be taken for, among those that come with Creel and those that are approved.
pub(crate) fn taken_for(id: &PluginId, lock: &LockFile) -> Option<PluginId> {
    let shipped = shipped::manifests();
    look_alike(id, shipped.keys().chain(lock.plugins.keys())).cloned()
}

/// Holds a component against the configuration, what comes with Creel, and the lock file.
fn standing(file: &ComponentFile, config: &PluginsConfig, lock: &LockFile) -> Standing {
    let id = file.id().clone();
    if let Err(refusal) = config.judge(&id) {
        return Standing::Refused(PluginVeto::Off { id, refusal });
    }
    if shipped(&id).is_some_and(|text| text == file.manifest_text) {
        return Standing::Shipped;
    }
    if let Some(of) = taken_for(&id, lock) {
        return Standing::Refused(PluginVeto::LookAlike { id, of });
    }
    let path = file.path.clone();
    match lock.plugins.get(&id) {
        None => Standing::Refused(PluginVeto::NotApproved { id, path }),
        Some(pin) if pin.component_sha256 == file.sha256 && pin.manifest_sha256 == file.manifest_sha256 => {
            Standing::Approved
        }
        Some(pin) => {
            let (pinned, found) = (pin.component_sha256.clone(), file.sha256.clone());
            Standing::Refused(PluginVeto::Changed { id, path, pinned, found })
        }
    }
}

/// Whether a text names a file rather than an id.
pub(crate) fn is_path(text: &str) -> bool {
    text.contains(['/', '.']) || PluginId::parse(text).is_err() || Path::new(text).is_absolute()
}

#[cfg(test)]
mod tests;
