//! What is wrong with how secrets are kept: findings, each with its place and what to do, and never a value. Which
//! credential is sent is asked of the one resolver. No file is read here.

mod files;
mod text;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::credential::{Availability, Candidate, CredentialDerivation, Known, SecretSource, Verdict};
use crate::json5::key_below;
use crate::profiles::Profiles;
use crate::secret_ref::{SecretInput, SecretRef};

pub use files::{FileFact, FileKind, of_files};
pub use text::{TextKind, locate, of_text};

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// A secret stands in a file in plain text.
    PlaintextFound,
    /// A reference leads to no usable value.
    RefUnresolved,
    /// A configured credential is never sent, since another always comes before it.
    RefShadowed,
    /// Others can read a secret, or write what Creel goes by.
    OpenMode,
    /// Somebody else owns what Creel goes by.
    ForeignOwner,
    /// A spelling of older files, or a secret in a file that Creel does not read.
    LegacyResidue,
}

impl Code {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PlaintextFound => "PLAINTEXT_FOUND",
            Self::RefUnresolved => "REF_UNRESOLVED",
            Self::RefShadowed => "REF_SHADOWED",
            Self::OpenMode => "OPEN_MODE",
            Self::ForeignOwner => "FOREIGN_OWNER",
            Self::LegacyResidue => "LEGACY_RESIDUE",
        }
    }
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is good to know.
    Info,
    /// A secret is kept less well than it could be.
    Warn,
    /// A secret is open to others, or a call will fail.
    Error,
}

impl Severity {
    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong with how secrets are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// The file or directory.
    pub file: String,
    /// Counts from 1; 0 where it is about the file as a whole.
    pub line: usize,
    /// Counts characters from 1; 0 where it is about the file as a whole.
    pub column: usize,
    /// The key path; empty where it is about the file as a whole.
    pub key: String,
    /// What was found, without any value.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Finding {
    fn about(code: Code, severity: Severity, (file, key): (&str, &str), message: String, hint: String) -> Self {
        let (file, key) = (file.to_owned(), key.to_owned());
        Self { code, severity, file, line: 0, column: 0, key, message, hint }
    }
}

/// What the snapshot and the resolver say: references that lead to nothing, and credentials that are never sent.
/// `derivations` are the resolver's answers for every provider and every configured use; `idle` are references that nothing
/// uses, so that nobody followed them. Places are added by [`locate`].
#[must_use]
pub fn of_knowledge(
    config: &Config,
    profiles: &Profiles,
    known: &dyn Known,
    (derivations, idle): (&[CredentialDerivation], &[&SecretRef]),
) -> Vec<Finding> {
    let of_config = config.secret_inputs().into_iter().map(|(key, input)| (config.file.as_str(), key, input));
    let of_profiles = profiles.profiles.iter().filter_map(|profile| {
        let stored = profile.credential.as_ref().ok()?;
        Some((profiles.file.as_str(), profile_key(profile.id.as_str()), &stored.secret))
    });
    let inputs: Vec<_> = of_config.chain(of_profiles).collect();
    let unresolved =
        inputs.iter().filter_map(|(file, key, input)| unresolved(config, (known, idle), (file, key), input));
    let shadowed = inputs.iter().filter_map(|(file, key, _)| shadowed(derivations, (file, key)));
    unresolved.chain(shadowed).collect()
}

fn profile_key(id: &str) -> String {
    key_below("profiles", id)
}

/// A reference that leads to no usable value, with the reason of whoever judged or followed it.
fn unresolved(
    config: &Config,
    (known, idle): (&dyn Known, &[&SecretRef]),
    at: (&str, &str),
    input: &SecretInput,
) -> Option<Finding> {
    let reference = input.reference()?;
    if idle.contains(&reference) && config.secrets.judge(reference).is_ok() {
        let message = format!("`{reference}` was not followed, since nothing uses it");
        let hint = "remove it, or name its provider in the configuration".to_owned();
        return Some(Finding::about(Code::RefUnresolved, Severity::Info, at, message, hint));
    }
    let source = SecretSource::of(input, || SecretSource::Config(at.1.to_owned()));
    let why = match (config.secrets.judge(reference), known.availability(&source)) {
        (Err(refusal), _) => refusal.to_string(),
        (Ok(()), Availability::Present { .. }) => return None,
        (Ok(()), Availability::Missing(what)) => what,
        (Ok(()), Availability::Blank) => "it is blank".to_owned(),
        (Ok(()), Availability::Refused(why)) => why,
        // It resolves, to something that says that there is no credential: no secret is missing.
        (Ok(()), Availability::Marker(_)) => return None,
    };
    let message = format!("`{reference}` does not resolve: {why}");
    let hint = match &source {
        SecretSource::Environment(name) => {
            format!("set `{name}` in the daemon's environment, or correct the reference")
        }
        SecretSource::Config(_) | SecretSource::Profile(_) | SecretSource::Reference(_) => {
            "put the secret where the reference leads, or correct the reference".to_owned()
        }
    };
    Some(Finding::about(Code::RefUnresolved, Severity::Error, at, message, hint))
}

/// A credential that could be sent, is a candidate somewhere, and is chosen nowhere, because one of the other file
/// comes first. Two profiles of one provider take turns, and neither shadows the other.
fn shadowed(derivations: &[CredentialDerivation], at: (&str, &str)) -> Option<Finding> {
    let is_it = |candidate: &Candidate| candidate.id == at.1 || profile_key(&candidate.id) == at.1;
    let asked: Vec<(&CredentialDerivation, &Candidate)> = derivations
        .iter()
        .flat_map(|derivation| derivation.candidates.iter().map(move |candidate| (derivation, candidate)))
        .filter(|(_, candidate)| is_it(candidate))
        .collect();
    if asked.iter().any(|(_, candidate)| candidate.verdict != Verdict::PassedOver) {
        return None;
    }
    let (derivation, candidate) = asked.into_iter().find(|(_, candidate)| candidate.fingerprint.is_some())?;
    let chosen = derivation.chosen()?;
    let is_of_config = |key: &str| !key.starts_with("profiles");
    let chosen_is_of_config = chosen.id.starts_with("models.providers");
    let is_of_a_file = chosen_is_of_config || !chosen.id.starts_with("env:");
    if !is_of_a_file || is_of_config(at.1) == chosen_is_of_config {
        return None;
    }
    let same = chosen.fingerprint.is_some() && chosen.fingerprint == candidate.fingerprint;
    let severity = if same { Severity::Info } else { Severity::Warn };
    let value = if same { "which holds the same value" } else { "which holds another value" };
    let (mine, other) = (&candidate.source, &chosen.id);
    let message =
        format!("`{}` ({mine}) is never sent: `{other}` ({}) comes first, {value}", candidate.id, chosen.source);
    let hint = "remove one of the two; `creel explain auth` shows the order".to_owned();
    Some(Finding::about(Code::RefShadowed, severity, at, message, hint))
}

#[cfg(test)]
mod tests;
