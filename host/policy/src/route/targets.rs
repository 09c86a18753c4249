//! The models that the configuration names, each in its role and with its profile. Routing and status read them here,
//! so that what is shown is what is called. Whether a model fits a turn is not asked.

use crate::config::{Config, MediaModel, ModelChain};
use crate::ids::ModelRef;

use super::{DescribeTerms, ModelTarget, Role};

/// Every model that the configuration names, in order: the chain, the image chain, those who describe.
#[must_use]
pub fn targets(config: &Config) -> Vec<ModelTarget> {
    let all = [chain(config), image_chain(config), describers(config)];
    all.into_iter().flatten().collect()
}

/// `agents.defaults.model`.
pub(super) fn chain(config: &Config) -> Vec<ModelTarget> {
    of_chain(config.defaults.model.as_ref(), Role::Primary, Role::Fallback)
}

/// `agents.defaults.imageModel`.
pub(super) fn image_chain(config: &Config) -> Vec<ModelTarget> {
    of_chain(config.defaults.image_model.as_ref(), Role::ImageModel, Role::ImageFallback)
}

/// `tools.media.image.models` and the shared ones, also where describing is switched off.
pub(super) fn describers(config: &Config) -> Vec<ModelTarget> {
    config.media_image.models.iter().enumerate().map(|(index, entry)| describer(entry, index)).collect()
}

/// A model on its own.
pub(super) fn plain(model: &ModelRef, role: Role) -> ModelTarget {
    ModelTarget { model: model.clone(), role, profile: None, preferred_profile: None, describe: None }
}

/// The profile of a chain is for its primary, and for fallbacks of the same provider.
fn of_chain(chain: Option<&ModelChain>, first: Role, other: fn(usize) -> Role) -> Vec<ModelTarget> {
    let Some(chain) = chain else { return Vec::new() };
    let target = |model: &ModelRef, role| {
        let profile = chain.profile.clone().filter(|_| model.provider == chain.primary.provider);
        ModelTarget { profile, ..plain(model, role) }
    };
    let fallbacks = chain.fallbacks.iter().enumerate().map(|(index, model)| target(model, other(index)));
    std::iter::once(target(&chain.primary, first)).chain(fallbacks).collect()
}

fn describer(entry: &MediaModel, index: usize) -> ModelTarget {
    let terms = DescribeTerms {
        prompt: entry.prompt.clone(),
        chars_max: entry.chars_max,
        bytes_max: entry.bytes_max,
        timeout_seconds: entry.timeout_seconds,
    };
    ModelTarget {
        profile: entry.profile.clone(),
        preferred_profile: entry.preferred_profile.clone(),
        describe: Some(terms),
        ..plain(&entry.model, Role::Describe(index))
    }
}
