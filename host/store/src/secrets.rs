//! Secret values: read once from where they are, held in memory, put on requests, and never shown. Which of them is
//! wanted is `creel_policy::credential`'s to say.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use creel_policy::config::Config;
use creel_policy::credential::{Availability, Known, SecretSource};
use creel_policy::idle::idle_references;
use creel_policy::profiles::Profiles;
use creel_policy::secret_ref::{Literal, SecretRef};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::state::StateRoot;

mod ask;
mod exec;
mod file;
mod fingerprint;
mod forms;
mod renewed;
mod secret;
mod spellings;
mod text;

pub use ask::open_vault;
pub use fingerprint::FingerprintKey;
pub use forms::{Parts, Unfit};
pub use renewed::{Keeper, Renewed};
pub use secret::{BadSecret, Secret};

/// The environment of the daemon, as boot has read it. Wiped when dropped; no Debug, no Clone.
pub struct Environment(BTreeMap<OsString, Zeroizing<Vec<u8>>>);

impl Environment {
    /// Takes the variables that boot has read.
    #[must_use]
    pub fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let bytes = |value: OsString| Zeroizing::new(value.into_encoded_bytes());
        Self(variables.into_iter().map(|(name, value)| (name, bytes(value))).collect())
    }

    /// What is known of one variable, as a snapshot that is read now would know it.
    #[must_use]
    pub fn availability(&self, name: &str, key: &FingerprintKey) -> Availability {
        match read_variable(&SecretSource::Environment(name.to_owned()), self.get(name), key) {
            Held::Present { fingerprint, .. } => Availability::Present { fingerprint },
            Held::Absent(availability) => availability,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(std::ffi::OsStr::new(name)).map(|value| value.as_slice())
    }
}

/// Where secrets are sought beside the files of the operator.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// The daemon's environment.
    pub environment: &'a Environment,
    /// What fingerprints are made with.
    pub key: &'a FingerprintKey,
    /// The state directory, which has the vault; `None`: there is none yet.
    pub state: Option<&'a StateRoot>,
    /// What `~/` means.
    pub home: Option<&'a Path>,
}

/// What a file, a command or the vault gave for one id.
enum Answer {
    Value(Zeroizing<String>),
    /// There is none.
    Missing(String),
    /// There may be one, and it was not given.
    Refused(String),
}

impl Answer {
    /// The code is that of the older gateway (B15).
    fn not_found(where_: &str) -> Self {
        Self::Missing(format!("{where_} (SECRET_REF_NOT_FOUND)"))
    }
}

/// What is said of a reference that nothing uses (B20).
const IDLE: &str = "nothing that is configured uses it, so it was not resolved (SECRETS_REF_IGNORED_INACTIVE_SURFACE)";

/// Every secret that may be wanted, read once. Requests are served from here and never read anything, so that status,
/// explain and the call itself see the same. `S` is the form in which a secret is held.
pub struct SecretSnapshot<S = Secret>(BTreeMap<SecretSource, Held<S>>);

/// What a source held.
enum Held<S> {
    Present { secret: S, fingerprint: String },
    Absent(Availability),
}

impl SecretSnapshot {
    /// Reads every source: plain text from the files that were parsed, variables from the environment, files and the
    /// vault from the disk, and commands by running each once. A source that cannot be read disables itself alone.
    ///
    /// It waits, for as long as `secrets` of the configuration allows. Nothing is shared with an earlier snapshot, so
    /// that one may be in use meanwhile.
    #[must_use]
    pub fn resolve(sources: &[SecretSource], files: (&Config, &Profiles), places: &Places<'_>) -> Self {
        let (config, profiles) = files;
        let idle = idle_references(config, profiles);
        let wanted = sources.iter().filter_map(|source| match source {
            SecretSource::Reference(reference) if !idle.contains(reference) => Some(reference),
            SecretSource::Reference(_)
            | SecretSource::Environment(_)
            | SecretSource::Config(_)
            | SecretSource::Profile(_) => None,
        });
        let answers = ask::ask_all(wanted, &config.secrets, places);
        let held = |source: &SecretSource| match source {
            SecretSource::Environment(name) => read_variable(source, places.environment.get(name), places.key),
            SecretSource::Config(_) | SecretSource::Profile(_) => {
                read_literal(source, source.literal(config, profiles), places.key)
            }
            SecretSource::Reference(reference) => read_answer(source, answers.get(reference), places.key),
        };
        Self(sources.iter().map(|source| (source.clone(), held(source))).collect())
    }
}

impl<S> SecretSnapshot<S> {
    /// The secret of a source, where it holds one.
    #[must_use]
    pub fn get(&self, source: &SecretSource) -> Option<&S> {
        match self.0.get(source)? {
            Held::Present { secret, .. } => Some(secret),
            Held::Absent(_) => None,
        }
    }

    /// The references that nothing uses, and that were therefore not resolved: the operator may want to know.
    pub fn idle(&self) -> impl Iterator<Item = &SecretRef> {
        self.0.iter().filter_map(|(source, held)| match (source, held) {
            (SecretSource::Reference(reference), Held::Absent(Availability::Refused(why))) if why == IDLE => {
                Some(reference)
            }
            _ => None,
        })
    }

    /// Holds every secret in another form, e.g. together with what finds it in a response.
    #[must_use]
    pub fn map<T>(self, mut form: impl FnMut(S) -> T) -> SecretSnapshot<T> {
        let held = self.0.into_iter().map(|(source, held)| match held {
            Held::Present { secret, fingerprint } => (source, Held::Present { secret: form(secret), fingerprint }),
            Held::Absent(availability) => (source, Held::Absent(availability)),
        });
        SecretSnapshot(held.collect())
    }
}

impl<S> Known for SecretSnapshot<S> {
    fn availability(&self, source: &SecretSource) -> Availability {
        match self.0.get(source) {
            Some(Held::Present { fingerprint, .. }) => Availability::Present { fingerprint: fingerprint.clone() },
            Some(Held::Absent(availability)) => availability.clone(),
            None => Availability::Missing("not in the snapshot".to_owned()),
        }
    }
}

/// Which sources hold what, without any value.
impl<S> std::fmt::Debug for SecretSnapshot<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.0.keys().map(|source| (source.to_string(), self.availability(source)))).finish()
    }
}

fn read_variable(source: &SecretSource, value: Option<&[u8]>, key: &FingerprintKey) -> Held<Secret> {
    match value.map(std::str::from_utf8) {
        None => Held::Absent(Availability::Missing("not set".to_owned())),
        Some(Err(_)) => Held::Absent(Availability::Refused(BadSecret::NotPlain.to_string())),
        Some(Ok(value)) => hold(source, value, key),
    }
}

fn read_literal(source: &SecretSource, literal: Option<&Literal>, key: &FingerprintKey) -> Held<Secret> {
    match literal {
        None => Held::Absent(Availability::Missing("not set".to_owned())),
        Some(literal) => hold(source, literal.expose_secret(), key),
    }
}

fn read_answer(source: &SecretSource, answer: Option<&Answer>, key: &FingerprintKey) -> Held<Secret> {
    match answer {
        None => Held::Absent(Availability::Refused(IDLE.to_owned())),
        Some(Answer::Missing(what)) => Held::Absent(Availability::Missing(what.clone())),
        Some(Answer::Refused(why)) => Held::Absent(Availability::Refused(why.clone())),
        Some(Answer::Value(value)) => hold(source, value, key),
    }
}

fn hold(source: &SecretSource, value: &str, key: &FingerprintKey) -> Held<Secret> {
    if let Some(marker) = source.marker(value) {
        return Held::Absent(Availability::Marker(marker));
    }
    match Secret::parse(value) {
        Ok(secret) => Held::Present { fingerprint: secret.fingerprint(key), secret },
        Err(BadSecret::Blank) => Held::Absent(Availability::Blank),
        Err(bad @ (BadSecret::NotPlain | BadSecret::TooLong | BadSecret::Redacted)) => {
            Held::Absent(Availability::Refused(bad.to_string()))
        }
    }
}

#[cfg(test)]
mod tests;
