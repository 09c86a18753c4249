//! What a running host remembers of credentials: the ledger of the store, held so that every choice can look into it.
//! It outlives a reload. What is remembered is decided by `creel_policy::cooldown`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use creel_policy::cooldown::{Key, Ledger, Record};
use creel_policy::ids::ProfileId;
use creel_policy::limits::{LEDGER_RECORDS_MAX, LEDGER_USE_MS};
use creel_store::{Store, StoreError};

/// The ledger of a running host.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    ledger: RwLock<Ledger>,
    /// When it was last written down of a credential that it was used.
    written: Mutex<HashMap<Key, u64>>,
    /// How long a profile took to begin an answer, in microseconds: each time counts for a fifth.
    pace: Mutex<HashMap<String, u64>>,
    /// Held while the store is written, so that what is held here and what is kept there change in one order.
    writing: Mutex<()>,
}

impl Memory {
    pub(crate) fn of(ledger: Ledger) -> Self {
        Self { ledger: RwLock::new(ledger), ..Self::default() }
    }

    /// Notes that a credential was used and worked; tells whether that is to be written down as well.
    pub(crate) fn used(&self, key: &Key, now_ms: u64) -> bool {
        let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
        let record = ledger.get(key).cloned().unwrap_or_default();
        if !record.is_clean() {
            return true;
        }
        ledger.put(key.clone(), record.after_success(now_ms));
        drop(ledger);
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.get(key).is_some_and(|written_ms| now_ms.saturating_sub(*written_ms) < LEDGER_USE_MS) {
            return false;
        }
        // One that is forgotten here is only written down once too often.
        if written.len() >= LEDGER_RECORDS_MAX {
            written.clear();
        }
        written.insert(key.clone(), now_ms);
        true
    }

    /// Notes how long a profile took to begin an answer.
    pub(crate) fn took(&self, profile: &str, microseconds: u64) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        match pace.get_mut(profile) {
            Some(before) => *before = before.saturating_mul(4).saturating_add(microseconds) / 5,
            None if pace.len() < LEDGER_RECORDS_MAX => {
                pace.insert(profile.to_owned(), microseconds);
            }
            None => {}
        }
    }

    /// How long a profile usually takes; `None`: nobody knows.
    pub(crate) fn pace(&self, profile: &ProfileId) -> Option<u64> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).get(profile.as_str()).copied()
    }

    /// What is remembered now. Not to be held across a wait.
    pub(crate) fn ledger(&self) -> RwLockReadGuard<'_, Ledger> {
        self.ledger.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is remembered of a credential. Waits for the disk.
    pub(crate) fn change(
        &self,
        store: &Store,
        (key, now_ms): (Key, u64),
        change: impl FnOnce(&Record) -> Option<Record>,
    ) -> Result<(), StoreError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = store.ledger_change(&key, now_ms, change)? {
            self.ledger.write().unwrap_or_else(PoisonError::into_inner).put(key, record);
        }
        Ok(())
    }
}
