//! What a running host remembers of credentials: the ledger of the store, held so that every choice can look into it.
//! It outlives a reload. What is remembered is decided by `creel_policy::cooldown`.

use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use creel_policy::cooldown::{Key, Ledger, Record};
use creel_store::{Store, StoreError};

/// The ledger of a running host.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    ledger: RwLock<Ledger>,
    /// Held while the store is written, so that what is held here and what is kept there change in one order.
    writing: Mutex<()>,
}

impl Memory {
    pub(crate) fn of(ledger: Ledger) -> Self {
        Self { ledger: RwLock::new(ledger), writing: Mutex::default() }
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
