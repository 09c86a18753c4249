//! All that is remembered of credentials, by credential, and the question that selection puts to it. Bounded; holds no
//! secret. Where it is kept is the store's.

use std::collections::BTreeMap;

use crate::ids::{ModelRef, ProviderId};
use crate::limits::LEDGER_RECORDS_MAX;

use super::{Record, Rest};

/// One value of one credential. A key that was replaced is another, so that it starts clean.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The provider entry that it is sent to.
    pub provider: ProviderId,
    /// A profile id, `models.providers.<p>.apiKey`, `env:NAME` or `none`.
    pub credential: String,
    /// Tells its value from others without telling it; empty where there is none.
    pub fingerprint: String,
}

/// All that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger(BTreeMap<Key, Record>);

impl Ledger {
    /// What is remembered of a credential.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Record> {
        self.0.get(key)
    }

    /// Remembers; where there is too much, what was touched longest ago is forgotten.
    pub fn put(&mut self, key: Key, record: Record) {
        self.0.insert(key, record);
        while self.0.len() > LEDGER_RECORDS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, record)| record.touched_ms()).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { return };
            self.0.remove(&oldest);
        }
    }

    /// The credentials that rest, wholly or for one model, each with the reason.
    pub fn resting(&self, now_ms: u64) -> impl Iterator<Item = (&Key, Rest)> {
        self.0.iter().filter_map(move |(key, record)| Some((key, record.any_rest(now_ms)?)))
    }

    /// Whether any credential of a provider rests now, for any model.
    #[must_use]
    pub fn rests_any(&self, provider: &ProviderId, now_ms: u64) -> bool {
        self.0.iter().any(|(key, record)| key.provider == *provider && record.is_resting(now_ms))
    }

    /// When a credential last worked, whatever its value was then; 0: not yet.
    pub(crate) fn last_used_ms(&self, provider: &ProviderId, credential: &str) -> u64 {
        let of_it = self.0.iter().filter(|(key, _)| key.provider == *provider && key.credential == credential);
        of_it.map(|(_, record)| record.last_used_ms).max().unwrap_or_default()
    }
}

/// What selection is told of failures. Empty: of none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Health<'a> {
    /// All that is remembered.
    pub ledger: Option<&'a Ledger>,
    /// The model that is to be asked; `None`: any.
    pub model: Option<&'a ModelRef>,
    /// A credential that rests for something that passes by itself may be sent, once, to find out whether it has
    /// passed.
    pub is_probe: bool,
}

impl Health<'_> {
    /// Why a credential rests.
    pub(crate) fn rest(&self, key: &Key, now_ms: u64) -> Option<Rest> {
        self.ledger?.get(key)?.rest(self.model, now_ms)
    }

    /// When a credential last worked.
    pub(crate) fn last_used_ms(&self, provider: &ProviderId, credential: &str) -> u64 {
        self.ledger.map_or(0, |ledger| ledger.last_used_ms(provider, credential))
    }
}
