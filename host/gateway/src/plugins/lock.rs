//! `creel.lock`: the components that the operator has approved, by digest. Whether a component fits is judged in the
//! parent; how it is approved is `creel plugin approve`'s.

use std::collections::BTreeMap;

use creel_policy::ids::PluginId;
use creel_policy::problem::Problem;
use creel_store::state::{StateError, StateRoot};
use serde::{Deserialize, Serialize};

/// Its name in the state directory.
pub(crate) const LOCK_FILE: &str = "creel.lock";
/// Bytes of it: room for thousands of plugins.
const LOCK_BYTES_MAX: u64 = 1 << 20;
const HEAD: &str = "# Plugins that were approved, by digest. Written by `creel plugin approve`.\n\n";

/// What was approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockFile {
    /// By plugin.
    #[serde(default)]
    pub(crate) plugins: BTreeMap<PluginId, Pin>,
}

/// One component that was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    /// Lower-case hex.
    pub(crate) component_sha256: String,
    /// Lower-case hex.
    pub(crate) manifest_sha256: String,
    /// RFC 3339, UTC.
    pub(crate) approved_at: String,
}

/// The lock file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// It is there and cannot be read, or cannot be written.
    #[error(transparent)]
    State(#[from] StateError),
    /// It holds something else.
    #[error("the lock file is not valid")]
    Invalid(Problem),
    /// It cannot be put into words.
    #[error("the lock file could not be written")]
    Format(#[from] toml::ser::Error),
}

impl LockFile {
    /// Reads it; empty where there is none.
    ///
    /// # Errors
    ///
    /// [`LockError`]: what was approved must not be guessed.
    pub(crate) fn read(state: &StateRoot) -> Result<Self, LockError> {
        let Some(text) = state.read_private(LOCK_FILE, LOCK_BYTES_MAX)? else { return Ok(Self::default()) };
        let file = state.display_path().join(LOCK_FILE).display().to_string();
        Self::parse(&file, &text).map_err(LockError::Invalid)
    }

    /// Replaces it.
    ///
    /// # Errors
    ///
    /// [`LockError`].
    pub(crate) fn write(&self, state: &StateRoot) -> Result<(), LockError> {
        let text = format!("{HEAD}{}", toml::to_string(self)?);
        Ok(state.write_private(LOCK_FILE, text.as_bytes())?)
    }

    fn parse(file: &str, text: &str) -> Result<Self, Problem> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(0, |before| before.matches('\n').count() + 1);
            let column = before.map_or(0, |before| before.chars().rev().take_while(|c| *c != '\n').count() + 1);
            let message = error.message().lines().next().unwrap_or_default().to_owned();
            let hint = Some("remove the entry, and approve the plugin again".to_owned());
            Problem { file: file.to_owned(), line, column, key: String::new(), message, hint }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> LockFile {
        let pin = Pin {
            component_sha256: "00".repeat(32),
            manifest_sha256: "11".repeat(32),
            approved_at: "2026-01-02T03:04:05Z".into(),
        };
        LockFile { plugins: BTreeMap::from([(PluginId::parse("weather").expect("an id"), pin)]) }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let temp = tempfile::tempdir().expect("a directory");
        let state = StateRoot::open_ambient(&temp.path().join("state")).expect("a state directory");
        assert_eq!(LockFile::read(&state).ok(), Some(LockFile::default()));
        lock().write(&state).expect("it is written");
        assert_eq!(LockFile::read(&state).ok(), Some(lock()));
        let text = std::fs::read_to_string(temp.path().join("state/creel.lock")).expect("the file");
        assert!(text.starts_with(HEAD) && text.contains("[plugins.weather]"), "{text}");
    }

    #[test]
    fn what_cannot_be_read_approves_nothing() {
        let problem = |text: &str| LockFile::parse("creel.lock", text).map_err(|problem| problem.to_string());
        let check = |text: &str, expect: &str| assert_eq!(problem(text).err().as_deref(), Some(expect), "{text}");
        check("x = 1", "creel.lock:1:1: unknown field `x`, expected `plugins`");
        check(
            "[plugins.weather]\ncomponent_sha256 = 1",
            "creel.lock:2:20: invalid type: integer `1`, expected a string",
        );
        assert!(problem("[plugins.Bad]").is_err_and(|text| text.contains("is not a plugin id")));
        assert!(problem("[[").is_err());
    }
}
