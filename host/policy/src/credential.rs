//! The one resolver of credentials: which one goes on a request, and why not the others. It never sees a value: it is
//! told which sources hold one, and answers with the source to read. Chat, pictures, tools and status all ask it.

mod companions;
mod contenders;
mod entry;
mod environment;
mod marker;
mod order;
mod profile;
mod resting;
mod select;
mod variables;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::config::{Config, EntryHeader, ProviderEntry};
use crate::cooldown::{Health, Rest};
use crate::ids::{PluginId, ProfileId, ProviderId};
use crate::manifest::{CredentialClass, CredentialSlot, Manifest};
use crate::origin::Origin;
use crate::profiles::Profiles;
use crate::renewal::Renewal;
use crate::secret_ref::{Literal, SecretInput, SecretRef, Source};

pub use companions::companions;
pub use marker::Marker;
pub(crate) use marker::marker;
pub use select::select;
pub use variables::{Comparison, Variable, VariableState, compare, variables};

/// One place that a secret value is read from. Equal sources hold the same value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretSource {
    /// A variable of the daemon's environment.
    Environment(String),
    /// Plain text in the configuration, by key path.
    Config(String),
    /// Plain text in a stored profile.
    Profile(ProfileId),
    /// A file, a command or the vault.
    Reference(SecretRef),
}

/// What is known of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It holds a value that can be sent.
    Present {
        /// Tells two values apart without telling either.
        fingerprint: String,
    },
    /// It holds none; says what is missing, e.g. `not set`.
    Missing(String),
    /// It holds nothing but white space.
    Blank,
    /// It holds a value that must not be sent, or could not be asked; says why, never what.
    Refused(String),
    /// It holds a value that is no credential.
    Marker(Marker),
}

/// Knows which sources hold a value: the secret snapshot, or a map in a test.
pub trait Known {
    /// What is known of a source.
    fn availability(&self, source: &SecretSource) -> Availability;

    /// What became of renewing a profile's access token; `None`: nobody has tried.
    fn renewal(&self, _profile: &ProfileId) -> Option<Renewal> {
        None
    }
}

impl Known for BTreeMap<SecretSource, Availability> {
    fn availability(&self, source: &SecretSource) -> Availability {
        self.get(source).cloned().unwrap_or_else(|| Availability::Missing("not set".to_owned()))
    }
}

/// What a credential is wanted for. It is recorded, and never a reason to choose (attack 83).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// An answer.
    Chat,
    /// An answer to, or a description of, pictures.
    Image,
    /// The same of sound.
    Audio,
    /// A tool of the agent.
    Tool,
    /// A list of models.
    Models,
    /// Nothing: someone wants to know what would be sent.
    Status,
}

/// Where a request would go, and which plugin makes it: see `Plan::server`.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// The plugin. Its variables are for the provider of the same name alone.
    pub plugin: &'a PluginId,
    /// The plugin works without any credential.
    pub keyless: bool,
    /// The only origin that the credential goes to; `None`: there is no server.
    pub origin: Option<&'a Origin>,
    /// Where each provider is: a profile serves its own, and who is at the very same origin.
    pub homes: &'a BTreeMap<ProviderId, Origin>,
}

impl Server<'_> {
    /// Whether a provider is the plugin's very own, and not a server of somebody else who speaks its dialect.
    fn is_home_of(&self, provider: &ProviderId) -> bool {
        ProviderId::parse(self.plugin.as_str()).as_ref() == Ok(provider)
    }
}

/// A question for a credential.
#[derive(Clone, Copy)]
pub struct CredentialRequest<'a> {
    /// The provider entry.
    pub provider: &'a ProviderId,
    /// The slot of its plugin.
    pub slot: &'a CredentialSlot,
    /// Who asks, and whom.
    pub server: Server<'a>,
    /// What for.
    pub use_: Use,
    /// The one profile that is wanted: if it fails, so does the question.
    pub profile: Option<&'a ProfileId>,
    /// The profile to try first.
    pub preferred_profile: Option<&'a ProfileId>,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// Which credentials rest after a failure.
    pub health: Health<'a>,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is sent.
    Chosen,
    /// It is not sent, and that is no failure.
    PassedOver,
    /// It should have been sent and cannot be; nothing takes over.
    Failed,
}

/// One place where a credential was sought.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Candidate {
    /// A profile id, `models.providers.<p>.apiKey`, `env:NAME` or `none`.
    pub id: String,
    /// Where its value is, e.g. `env:ANTHROPIC_API_KEY` or `auth-profiles.json (plaintext)`.
    pub source: String,
    /// What kind it is, where that is known.
    pub class: Option<CredentialClass>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why; never empty.
    pub reason: String,
    /// Tells its value from others, where it has one.
    #[serde(skip)]
    pub fingerprint: Option<String>,
    /// That it is not sent for now, after a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resting: Option<Rest>,
}

/// The whole derivation of an answer: printed alike by status, explain, the error and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialDerivation {
    /// The provider entry.
    pub provider: ProviderId,
    /// What for.
    pub use_: Use,
    /// The profile that was asked for by name.
    pub profile: Option<ProfileId>,
    /// All candidates, in order.
    pub candidates: Vec<Candidate>,
    /// The index of the chosen one.
    pub winner: Option<usize>,
    /// Why there is none.
    pub failure: Option<String>,
    /// What to write then.
    pub hint: Option<String>,
}

impl CredentialDerivation {
    /// The chosen candidate.
    #[must_use]
    pub fn chosen(&self) -> Option<&Candidate> {
        self.winner.and_then(|index| self.candidates.get(index))
    }

    /// Why there is no winner, where that passes by itself.
    #[must_use]
    pub fn resting(&self) -> Option<&Rest> {
        let failed = self.candidates.iter().find(|candidate| candidate.verdict == Verdict::Failed);
        failed.filter(|_| self.winner.is_none()).and_then(|candidate| candidate.resting.as_ref())
    }
}

impl Serialize for CredentialDerivation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Winner<'a> {
            id: &'a str,
            source: &'a str,
            class: Option<CredentialClass>,
            fingerprint: Option<&'a str>,
        }
        let winner = self.chosen().map(|candidate| Winner {
            id: &candidate.id,
            source: &candidate.source,
            class: candidate.class,
            fingerprint: candidate.fingerprint.as_deref(),
        });
        let mut object = serializer.serialize_struct("CredentialDerivation", 7)?;
        object.serialize_field("provider", &self.provider)?;
        object.serialize_field("use", &self.use_)?;
        object.serialize_field("profile", &self.profile)?;
        object.serialize_field("winner", &winner)?;
        object.serialize_field("candidates", &self.candidates)?;
        object.serialize_field("failure", &self.failure)?;
        object.serialize_field("hint", &self.hint)?;
        object.end()
    }
}

/// What to put on the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// This secret.
    Secret(SelectedSecret),
    /// Nothing: none is needed.
    Bare,
    /// The request must not be made; the derivation says why.
    Failed,
}

/// Where the chosen value is, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedSecret {
    /// Where to read it.
    pub source: SecretSource,
    /// What kind it is.
    pub class: CredentialClass,
    /// The index of its rule in `CredentialSlot::classes`.
    pub rule: usize,
    /// Tells its value from others.
    pub fingerprint: String,
    /// Why a newer value is got before it is sent; `None`: it is sent as it is.
    pub due: Option<String>,
}

impl SecretSource {
    /// The source of a value that is spelled in a file; `here` is its place there.
    pub fn of(input: &SecretInput, here: impl FnOnce() -> Self) -> Self {
        match input {
            SecretInput::Literal(_) => here(),
            SecretInput::Ref(reference) => match reference.source() {
                Source::Env => Self::Environment(reference.id().to_owned()),
                Source::File | Source::Exec | Source::Vault => Self::Reference(reference.clone()),
            },
        }
    }

    /// What this value of the source says instead of being a credential. Whoever reads values asks this first. What the
    /// configuration spells out elsewhere than in an `apiKey`, a header's value for one, says what it says.
    #[must_use]
    pub fn marker(&self, value: &str) -> Option<Marker> {
        match self {
            Self::Config(key) if !key.ends_with(".apiKey") => None,
            Self::Config(_) | Self::Environment(_) | Self::Profile(_) | Self::Reference(_) => marker(value),
        }
    }

    /// The plain text, where the source is one of the files.
    #[must_use]
    pub fn literal<'a>(&self, config: &'a Config, profiles: &'a Profiles) -> Option<&'a Literal> {
        let input = match self {
            Self::Environment(_) | Self::Reference(_) => None,
            Self::Config(key) => config.secret_inputs().into_iter().find(|(at, _)| at == key).map(|(_, input)| input),
            Self::Profile(id) => profiles.get(id)?.credential.as_ref().ok().map(|stored| &stored.secret),
        };
        match input? {
            SecretInput::Literal(literal) => Some(literal),
            SecretInput::Ref(_) => None,
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Config(key) => write!(f, "{key} (plaintext)"),
            Self::Profile(id) => write!(f, "profile `{id}` (plaintext)"),
            Self::Reference(reference) => write!(f, "{reference}"),
        }
    }
}

impl Serialize for SecretSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The headers that an entry adds, each with the source of its value.
pub fn header_sources(entry: &ProviderEntry) -> impl Iterator<Item = (&EntryHeader, SecretSource)> {
    entry
        .headers
        .iter()
        .map(|header| (header, SecretSource::of(&header.value, || SecretSource::Config(header.key.clone()))))
}

/// Everything that should be in the snapshot before the first request: what the files name, and every variable that a
/// plugin in use would look for.
#[must_use]
pub fn secret_sources(
    config: &Config,
    profiles: &Profiles,
    manifests: &BTreeMap<ProviderId, &Manifest>,
) -> Vec<SecretSource> {
    let of_config =
        config.secret_inputs().into_iter().map(|(key, input)| SecretSource::of(input, || SecretSource::Config(key)));
    let of_profiles = profiles.profiles.iter().filter_map(|profile| {
        let stored = profile.credential.as_ref().ok()?;
        Some(SecretSource::of(&stored.secret, || SecretSource::Profile(profile.id.clone())))
    });
    let slots = manifests.values().flat_map(|manifest| manifest.credentials.values());
    let names = slots.flat_map(|slot| &slot.classes).flat_map(companions::variables).map(str::to_owned);
    let all: BTreeSet<_> = of_config.chain(of_profiles).chain(names.map(SecretSource::Environment)).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests;
