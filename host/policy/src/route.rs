//! Which models a turn is given to, and why not to others. A picture is a need like any other: there is no path of its
//! own for it. Whether a model's credential works is not asked here.

mod candidates;
mod named;
mod targets;

use std::collections::BTreeSet;
use std::fmt;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::ids::{ModelRef, ProfileId};
use crate::manifest::Input;

use candidates::Search;

pub use named::{NameRefusal, Named, USUAL_NAMES, named};
pub use targets::targets;

/// What a turn needs of its model. Text is always among it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Needs(BTreeSet<Input>);

impl Needs {
    /// The needs of a turn that holds these inputs.
    #[must_use]
    pub fn of(inputs: impl IntoIterator<Item = Input>) -> Self {
        Self(inputs.into_iter().chain([Input::Text]).collect())
    }

    /// Tells whether this is among them.
    #[must_use]
    pub fn contains(&self, input: Input) -> bool {
        self.0.contains(&input)
    }

    /// What of them a model does not take.
    #[must_use]
    pub fn unmet(&self, input: &BTreeSet<Input>) -> BTreeSet<Input> {
        self.0.difference(input).copied().collect()
    }

    /// The same without one, which something else takes care of.
    #[must_use]
    pub fn without(&self, input: Input) -> Self {
        Self::of(self.0.iter().copied().filter(|need| *need != input))
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(&self.0))
    }
}

/// What a model is asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It was picked by name for this turn.
    Picked,
    /// `agents.defaults.model.primary`.
    Primary,
    /// An element of `agents.defaults.model.fallbacks`.
    Fallback(usize),
    /// `agents.defaults.imageModel.primary`.
    ImageModel,
    /// An element of `agents.defaults.imageModel.fallbacks`.
    ImageFallback(usize),
    /// An element of `tools.media.image.models`: it describes pictures for a model that takes none.
    Describe(usize),
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picked => f.write_str("picked"),
            Self::Primary => f.write_str("model.primary"),
            Self::Fallback(index) => write!(f, "model.fallbacks[{index}]"),
            Self::ImageModel => f.write_str("imageModel.primary"),
            Self::ImageFallback(index) => write!(f, "imageModel.fallbacks[{index}]"),
            Self::Describe(index) => write!(f, "describe[{index}]"),
        }
    }
}

impl serde::Serialize for Role {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A model that is to be called.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ModelTarget {
    /// The model.
    pub model: ModelRef,
    /// What it is asked to be.
    pub role: Role,
    /// The one profile to use.
    pub profile: Option<ProfileId>,
    /// The profile to try first.
    pub preferred_profile: Option<ProfileId>,
    /// Of a model that describes: how.
    pub describe: Option<DescribeTerms>,
}

/// How a picture is described.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DescribeTerms {
    /// What is asked; `None`: the usual question.
    pub prompt: Option<String>,
    /// Characters of the description.
    pub chars_max: u64,
    /// Larger pictures are left to the next describer (I15).
    pub bytes_max: u64,
    /// How long it may take.
    pub timeout_seconds: u64,
}

/// How a turn is answered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutePlan {
    /// The first of the chain gets everything; the others take over in order.
    Direct {
        /// Each of them takes all that the turn needs.
        chain: Vec<ModelTarget>,
    },
    /// Pictures are described first, and the chain gets the descriptions in their place.
    Describe {
        /// Each of them takes pictures; the later take over.
        describers: Vec<ModelTarget>,
        /// Each of them takes all else that the turn needs.
        chain: Vec<ModelTarget>,
    },
}

/// What became of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteVerdict {
    /// It is in the plan, in this order.
    Taken,
    /// It is not.
    PassedOver,
}

/// A model that was considered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RouteCandidate {
    /// The model.
    pub model: ModelRef,
    /// What it would have been.
    pub role: Role,
    /// What became of it.
    pub verdict: RouteVerdict,
    /// Why; never empty.
    pub reason: String,
}

/// The whole derivation of a route: printed alike by status, explain, the error and the log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RouteDerivation {
    /// What the turn needs.
    pub needs: Needs,
    /// All candidates, in order.
    pub candidates: Vec<RouteCandidate>,
    /// How it is answered.
    pub plan: Option<RoutePlan>,
    /// Why it cannot be.
    pub failure: Option<String>,
    /// What to write then.
    pub hint: Option<String>,
}

/// Routes a turn by the configured chains.
///
/// Where the primary takes all that is needed it answers, with those fallbacks that take it too. Else pictures are
/// described, where `tools.media.image` names who describes; else the image model answers; else there is no answer. For a
/// client, the first of the chain whose context holds the request stands in for the primary.
#[must_use]
pub fn route(config: &Config, catalog: &Catalog, needs: &Needs) -> RouteDerivation {
    Search::new(config, catalog, needs).by_chains()
}

/// A request of a client. Whether the client may use the model is asked of its grant.
#[derive(Clone, Copy, Debug)]
pub struct RouteQuestion<'a> {
    /// What it asked for.
    pub named: &'a Named,
    /// What takes over; `None`: what the configuration says.
    pub fallbacks: Option<&'a [ModelRef]>,
    /// What it needs.
    pub needs: &'a Needs,
    /// Tokens that it has, roughly; models whose context is smaller are passed over.
    pub tokens: u64,
}

/// Routes a request of a client by the name that it asked for.
#[must_use]
pub fn route_named(config: &Config, catalog: &Catalog, question: &RouteQuestion<'_>) -> RouteDerivation {
    let search = Search::new(config, catalog, question.needs).for_client(question);
    match question.named {
        Named::Usual => search.by_chains(),
        Named::Model(model, _) => search.by_name(&named::chain_of(config, model, question.fallbacks)),
    }
}

/// `text, image`
fn words(inputs: &BTreeSet<Input>) -> String {
    let word = |input: &Input| match input {
        Input::Text => "text",
        Input::Image => "image",
        Input::Audio => "audio",
        Input::Video => "video",
        Input::Document => "document",
    };
    inputs.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
