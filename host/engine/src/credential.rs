//! Credentials on their way onto a request. Selecting one is `creel_policy::credential`'s, reading it the store's.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use creel_policy::manifest::Placement;
use creel_store::secrets::Secret;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::redact::Redactor;

/// A secret together with what finds it again in a response. Can be put on a request; cannot be read.
pub struct Injectable {
    secret: Secret,
    redactor: OnceLock<Redactor>,
}

impl Injectable {
    /// Holds a secret for use in calls.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self { secret, redactor: OnceLock::new() }
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        self.redactor.get_or_init(|| Redactor::new(self.secret.spellings()))
    }
}

impl fmt::Debug for Injectable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Injectable(…)")
    }
}

/// A credential and where it goes.
#[derive(Clone, Debug)]
pub struct Injection {
    /// The value.
    pub secret: Arc<Injectable>,
    /// Where it goes.
    pub place: Placement,
    /// Headers that go with it, by lower-case name.
    pub with: BTreeMap<String, String>,
}

/// What was selected for a slot of the manifest.
#[derive(Clone, Debug)]
pub enum Slot {
    /// Put this on.
    Ready(Injection),
    /// Nothing is needed: the request goes out bare.
    Bare,
    /// Nothing usable was found; the text says what was sought and why it failed, without values.
    Missing(String),
}

/// Credentials by slot.
pub type Slots = BTreeMap<String, Slot>;

/// Takes the secrets of a call out of what its plugin says. The mask of a response sees one event after the other: a
/// server can spread a secret over several, and the plugin puts it together (attack 89).
#[derive(Clone, Debug, Default)]
pub struct Masks(Vec<Arc<Injectable>>);

impl Masks {
    /// The secrets of these slots.
    #[must_use]
    pub fn of(slots: &Slots) -> Self {
        let secrets = slots.values().filter_map(|slot| match slot {
            Slot::Ready(injection) => Some(Arc::clone(&injection.secret)),
            Slot::Bare | Slot::Missing(_) => None,
        });
        Self(secrets.collect())
    }

    /// Masks them in a whole text.
    #[must_use]
    pub fn text(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| secret.redactor().text(&text))
    }

    pub(crate) fn secrets(&self) -> &[Arc<Injectable>] {
        &self.0
    }
}

/// A value that no header can hold.
#[derive(Debug)]
pub(crate) struct BadHeader;

impl Injection {
    /// Puts the credential on. Headers that go with it are joined to what the plugin set under the same name where
    /// that is a list (`anthropic-beta`), so that neither is lost.
    pub(crate) fn put_on(&self, headers: &mut HeaderMap) -> Result<(), BadHeader> {
        let Placement::Header { name, prefix } = &self.place;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| BadHeader)?;
        let text = self.secret.secret.with_prefix(prefix);
        let mut value = HeaderValue::from_str(&text).map_err(|_| BadHeader)?;
        value.set_sensitive(true);
        headers.insert(name, value);
        for (name, with) in &self.with {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| BadHeader)?;
            let joined = match headers.get(&name).and_then(|value| value.to_str().ok()) {
                Some(present) if present.split(',').any(|one| one.trim() == with) => present.to_owned(),
                Some(present) => format!("{present},{with}"),
                None => with.clone(),
            };
            headers.insert(name, HeaderValue::from_str(&joined).map_err(|_| BadHeader)?);
        }
        Ok(())
    }
}
