//! What the older gateway's files come to in Creel: its configuration, its stored profiles and its transcripts go in, ours
//! come out with a list of what was left out and why. What Creel takes is asked of the readers of its own files and said
//! nowhere here again. No file is read or written.

mod attached;
mod config;
mod history;
mod profiles;
mod render;
mod rewrite;
mod sessions;
mod tree;

use secrecy::SecretString;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::json5::Place;
use crate::problem::Problem;
use crate::secret_ref::{SecretRef, Source};

pub use attached::{PastMedium, Witness};
pub use config::{ImportedConfig, import_config};
pub use history::{History, PastMessage, Speaker, read_history};
pub use profiles::{ImportedProfiles, import_profiles};
pub use sessions::{OldSession, Target, read_sessions};

/// The names that the older gateway's configuration has had, the newest first.
pub const CONFIG_NAMES: [&str; 4] = ["openclaw.json", "clawdbot.json", "moltbot.json", "moldbot.json"];

/// A file of the older gateway.
#[derive(Clone, Copy, Debug)]
pub struct SourceFile<'a> {
    /// Its path, for people.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// What happens to secrets that stand in plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plaintext {
    /// They stay where they are.
    Keep,
    /// They go into the vault, and a reference takes their place.
    ToVault,
}

/// What became of something that stands in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// Creel has no counterpart of it, or none by that name.
    LeftOut,
    /// Creel says it in another way.
    Changed,
    /// It was taken over, and the operator should know something about it.
    Kept,
}

/// What became of something that stands in the source, and where it stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What became of it.
    pub kind: NoteKind,
    /// Where it stands, and why.
    #[serde(flatten)]
    pub problem: Problem,
}

impl Note {
    /// A note about something at a place of a file; one without a place has zeros.
    #[must_use]
    pub fn about(kind: NoteKind, file: &str, message: impl Into<String>, hint: Option<&str>) -> Self {
        let (file, message, hint) = (file.to_owned(), message.into(), hint.map(str::to_owned));
        Self { kind, problem: Problem { file, line: 0, column: 0, key: String::new(), message, hint } }
    }

    fn at(kind: NoteKind, file: &str, (place, key): (Place, &str), why: (String, Option<String>)) -> Self {
        let (message, hint) = why;
        let Place { line, column } = place;
        Self { kind, problem: Problem { file: file.to_owned(), line, column, key: key.to_owned(), message, hint } }
    }
}

/// A secret that stands in the source in plain text. It has no Debug and no Clone.
pub struct PlainSecret {
    /// Where it stands.
    pub place: Problem,
    /// The reference that takes its place, where it goes into the vault.
    pub vault: Option<SecretRef>,
    /// How many characters it has.
    pub characters: usize,
    /// The value, for the vault.
    pub value: SecretString,
}

/// Gives each secret that goes into the vault a name of its own.
#[derive(Default)]
pub struct VaultNames(std::collections::BTreeSet<String>);

impl VaultNames {
    /// The reference for a secret at a key path, e.g. `models/providers/openai/apiKey`. Characters that a vault does
    /// not take become `-`.
    fn name(&mut self, segments: &[&str]) -> Option<SecretRef> {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-') { c } else { '-' };
        let name = segments.iter().map(|segment| segment.chars().map(plain).collect::<String>());
        let name = name.collect::<Vec<_>>().join("/");
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !self.0.contains(name))?;
        self.0.insert(free.clone());
        SecretRef::parse(Source::Vault, crate::secret_ref::DEFAULT_ALIAS, &free).ok()
    }
}

/// A text that may hold secrets, wiped when dropped.
pub type SecretText = Zeroizing<String>;

#[cfg(test)]
mod tests;
