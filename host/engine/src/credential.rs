//! Credentials as a call holds them, and what finds them again. Selecting one is `creel_policy::credential`'s, reading it
//! the store's, putting it on a request `placing`'s.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use creel_store::secrets::{Parts, Secret, Unfit};
use zeroize::Zeroizing;

use crate::added::AddedHeaders;
use crate::placing::Injection;
use crate::redact::Redactor;

/// A secret together with what finds it again in a response. Can be put on a request; cannot be read.
pub struct Injectable {
    secret: Secret,
    redactor: OnceLock<Redactor>,
    parts: [OnceLock<Result<HeldParts, Unfit>>; 2],
    basic: OnceLock<BasicOf>,
}

/// A user, and what a secret comes to with it.
type BasicOf = (Option<Zeroizing<String>>, Result<HeldBasic, Unfit>);

/// The parts of a secret, each of which is masked as well.
#[derive(Clone)]
pub(crate) struct HeldParts {
    pub(crate) id: Arc<Zeroizing<String>>,
    pub(crate) secret: Arc<Injectable>,
    pub(crate) token: Option<Arc<Injectable>>,
}

/// A secret as user and password.
#[derive(Clone)]
pub(crate) struct HeldBasic {
    /// `user:password` in base64.
    pub(crate) encoded: Arc<Injectable>,
    /// The password, where the secret is more than that.
    pub(crate) password: Option<Arc<Injectable>>,
}

impl Injectable {
    /// Holds a secret for use in calls.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self { secret, redactor: OnceLock::new(), parts: Default::default(), basic: OnceLock::new() }
    }

    /// The SHA-256 of the secret: to compare what somebody presents with it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.secret.sha256()
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Its parts, taken apart once and held, so that the parts are not looked up anew with each call.
    pub(crate) fn parts(&self, may_have_token: bool) -> Result<HeldParts, Unfit> {
        let held = |Parts { id, secret, token }: Parts| HeldParts {
            id: Arc::new(id),
            secret: Arc::new(Self::new(secret)),
            token: token.map(|token| Arc::new(Self::new(token))),
        };
        let cell = &self.parts[usize::from(may_have_token)];
        cell.get_or_init(|| self.secret.to_parts(may_have_token).map(held)).clone()
    }

    /// Itself as user and password, or as the password of a user; held for the user that came first.
    pub(crate) fn basic(&self, user: Option<&str>) -> Result<HeldBasic, Unfit> {
        let make = || {
            let password = if user.is_none() { Some(Arc::new(Self::new(self.secret.password()?))) } else { None };
            Ok(HeldBasic { encoded: Arc::new(Self::new(self.secret.to_basic(user)?)), password })
        };
        let (held_for, held) = self.basic.get_or_init(|| (user.map(|user| Zeroizing::new(user.to_owned())), make()));
        let is_same = held_for.as_ref().map(|held| held.as_str()) == user;
        if is_same { held.clone() } else { make() }
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
/// server can spread a secret over several, and the plugin, or whoever reads its pieces, puts it together (attack 89).
#[derive(Clone, Debug, Default)]
pub struct Masks(Vec<Arc<Injectable>>);

impl Masks {
    /// The secrets of these slots and headers, also the parts and forms in which they go out.
    #[must_use]
    pub fn of(slots: &Slots, headers: &AddedHeaders) -> Self {
        let of_slots = slots.values().flat_map(|slot| match slot {
            Slot::Ready(injection) => injection.masks(),
            Slot::Bare | Slot::Missing(_) => &[],
        });
        Self(of_slots.cloned().chain(headers.secrets().map(Arc::clone)).collect())
    }

    /// Whether there is anything that they look for: the shortest secrets are ordinary words.
    #[must_use]
    pub fn look(&self) -> bool {
        self.0.iter().any(|secret| secret.redactor().looks())
    }

    /// Masks them in a whole text. One that holds none of them comes back as it is.
    #[must_use]
    pub fn text(&self, text: String) -> String {
        self.masked(&text).unwrap_or(text)
    }

    /// The same; `None` where none of them stands in it.
    #[must_use]
    pub fn masked(&self, text: &str) -> Option<String> {
        self.0.iter().fold(None, |masked, secret| {
            let text = masked.as_deref().unwrap_or(text);
            secret.redactor().masked(text).or(masked)
        })
    }

    /// Bytes at the end of a text that one of them may begin with and go on behind.
    #[must_use]
    pub fn tail_bytes(&self, text: &str) -> usize {
        self.0.iter().map(|secret| secret.redactor().tail_bytes(text)).max().unwrap_or_default()
    }

    /// Whether one of them stands in a text.
    #[must_use]
    pub fn hide_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| secret.redactor().is_in(text))
    }

    pub(crate) fn secrets(&self) -> &[Arc<Injectable>] {
        &self.0
    }
}

impl FromIterator<Arc<Injectable>> for Masks {
    fn from_iter<I: IntoIterator<Item = Arc<Injectable>>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}
