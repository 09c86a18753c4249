//! What a client means by the name of a model, and the chain that follows from it. Whether the client may use the model is
//! not asked here.

use std::collections::BTreeSet;
use std::fmt;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::ids::ModelRef;

use super::targets::{chain, image_chain, plain};
use super::{ModelTarget, Role};

/// The words for "what the operator configured".
pub const USUAL_NAMES: [&str; 2] = ["default", "auto"];

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The configured chains, by what the request needs.
    Usual,
    /// One model, and the alias that it was asked for by, if by any.
    Model(ModelRef, Option<String>),
}

/// Why a name means no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameRefusal {
    /// Nobody serves it.
    #[error("there is no model `{name}`")]
    Unknown {
        /// The name, made fit to be shown.
        name: String,
    },
    /// Several providers have a model of that name.
    #[error("several providers have a model `{name}`: ask for {}", Choices(choices))]
    Ambiguous {
        /// The name.
        name: String,
        /// What it may mean.
        choices: Vec<ModelRef>,
    },
    /// There is a list without it.
    #[error("model `{model}` is not allowed: it is not in `agents.defaults.models`")]
    NotListed {
        /// The model.
        model: ModelRef,
    },
}

struct Choices<'a>(&'a [ModelRef]);

impl fmt::Display for Choices<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(|model| format!("`{model}`")).collect();
        f.write_str(&words.join(" or "))
    }
}

/// Reads what a client wrote: a usual name, an alias, `provider/model`, or the bare name of a model that one provider
/// has. Spaces around it and the case of the provider do not count (H5).
///
/// # Errors
///
/// [`NameRefusal`]; nothing else is taken in its place.
pub fn named(config: &Config, catalog: &Catalog, text: &str) -> Result<Named, NameRefusal> {
    let text = text.trim();
    let listed = config.defaults.models.as_ref();
    let is_alias = |alias: &Option<String>| alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(text));
    if let Some((model, _)) = listed.and_then(|listed| listed.iter().find(|(_, model)| is_alias(&model.alias))) {
        return Ok(Named::Model(model.clone(), Some(text.to_owned())));
    }
    if USUAL_NAMES.iter().any(|usual| usual.eq_ignore_ascii_case(text)) {
        return Ok(Named::Usual);
    }
    let model = match ModelRef::parse(text).ok().filter(|model| catalog.plugin(&model.provider).is_some()) {
        Some(model) => model,
        None => bare(config, catalog, text)?,
    };
    match listed {
        Some(listed) if !listed.contains_key(&model) => Err(NameRefusal::NotListed { model }),
        Some(_) | None => Ok(Named::Model(model, None)),
    }
}

/// A model by its bare name. One that the configuration names is meant before one that is only known, and a whole name
/// before a beginning.
fn bare(config: &Config, catalog: &Catalog, text: &str) -> Result<ModelRef, NameRefusal> {
    let is_name = !text.is_empty() && text.len() <= 200 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if !is_name {
        return Err(NameRefusal::Unknown { name: shown(text) });
    }
    let listed = config.defaults.models.iter().flat_map(|listed| listed.keys().cloned());
    let configured: BTreeSet<ModelRef> =
        super::targets(config).into_iter().map(|target| target.model).chain(listed).collect();
    let configured = configured.into_iter().filter(|model| &*model.model == text).collect();
    let whole = catalog.models().into_iter().filter(|model| &*model.model == text).collect();
    for choices in [configured, whole, catalog.with_matching_pattern(text)] {
        let choices: Vec<ModelRef> = choices;
        match &choices[..] {
            [] => {}
            [one] => return Ok(one.clone()),
            [..] => return Err(NameRefusal::Ambiguous { name: shown(text), choices }),
        }
    }
    Err(NameRefusal::Unknown { name: shown(text) })
}

/// A name as it may stand in a message and a log (H17).
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect()
}

/// The models that follow from a name, in order. A model of a configured chain is followed by those after it there (H4);
/// any other stands alone: what nobody asked for answers nobody. Where the client says what takes over, that alone does
/// (H6).
pub(super) fn chain_of(config: &Config, model: &ModelRef, fallbacks: Option<&[ModelRef]>) -> Vec<ModelTarget> {
    let picked = plain(model, Role::Picked);
    if let Some(fallbacks) = fallbacks {
        return std::iter::once(picked).chain(named_fallbacks(fallbacks)).collect();
    }
    for chain in [chain(config), image_chain(config)] {
        if let Some(at) = chain.iter().position(|target| &target.model == model) {
            return chain.into_iter().skip(at).collect();
        }
    }
    vec![picked]
}

/// The models that a client names to take over.
pub(super) fn named_fallbacks(fallbacks: &[ModelRef]) -> impl Iterator<Item = ModelTarget> {
    fallbacks.iter().enumerate().map(|(index, model)| plain(model, Role::Fallback(index)))
}

#[cfg(test)]
mod tests;
