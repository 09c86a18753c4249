//! Secret values: read once from where they are, held in memory, put on requests, and never shown. Which of them is
//! wanted is `creel_policy::credential`'s to say.

use std::collections::BTreeMap;
use std::ffi::OsString;

use creel_policy::config::Config;
use creel_policy::credential::{Availability, Known, SecretSource};
use creel_policy::profiles::Profiles;
use creel_policy::secret_ref::Literal;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

mod fingerprint;
mod secret;
mod spellings;

pub use fingerprint::FingerprintKey;
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
        match read_variable(self.get(name), key) {
            Held::Present { fingerprint, .. } => Availability::Present { fingerprint },
            Held::Absent(availability) => availability,
        }
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(std::ffi::OsStr::new(name)).map(|value| value.as_slice())
    }
}

/// Every secret that may be wanted, read once. Requests are served from here and never read anything, so that status,
/// explain and the call itself see the same. `S` is the form in which a secret is held.
pub struct SecretSnapshot<S = Secret>(BTreeMap<SecretSource, Held<S>>);

/// What a source held.
enum Held<S> {
    Present { secret: S, fingerprint: String },
    Absent(Availability),
}

impl SecretSnapshot {
    /// Reads every source: plain text from the files that were parsed, variables from the environment.
    #[must_use]
    pub fn resolve(
        sources: &[SecretSource],
        (config, profiles): (&Config, &Profiles),
        environment: &Environment,
        key: &FingerprintKey,
    ) -> Self {
        let held = |source: &SecretSource| match source {
            SecretSource::Environment(name) => read_variable(environment.get(name), key),
            SecretSource::Config(_) | SecretSource::Profile(_) => read_literal(source.literal(config, profiles), key),
            SecretSource::Reference(reference) => Held::Absent(Availability::Refused(format!(
                "secrets from `{}` sources are not supported by this version of Creel",
                reference.source()
            ))),
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

fn read_variable(value: Option<&[u8]>, key: &FingerprintKey) -> Held<Secret> {
    match value.map(std::str::from_utf8) {
        None => Held::Absent(Availability::Missing("not set".to_owned())),
        Some(Err(_)) => Held::Absent(Availability::Refused(BadSecret::NotPlain.to_string())),
        Some(Ok(value)) => hold(value, key),
    }
}

fn read_literal(literal: Option<&Literal>, key: &FingerprintKey) -> Held<Secret> {
    match literal {
        None => Held::Absent(Availability::Missing("not set".to_owned())),
        Some(literal) => hold(literal.expose_secret(), key),
    }
}

fn hold(value: &str, key: &FingerprintKey) -> Held<Secret> {
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
