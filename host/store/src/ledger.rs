//! What is remembered of credentials, so that a restart does not forget a cooldown. It is kept apart from
//! `auth-profiles.json`, which is the user's. What a failure means is `creel_policy::cooldown`'s to say; no secret is
//! written here.

use creel_policy::cooldown::{Key, Ledger, Record};
use creel_policy::ids::ProviderId;
use creel_policy::limits::LEDGER_RECORDS_MAX;
use rusqlite::{OptionalExtension as _, Transaction};

use crate::db::{Store, StoreError, limit, signed};

impl Store {
    /// All that is remembered.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn ledger(&self) -> Result<Ledger, StoreError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT provider, credential, fingerprint, record_json FROM credential_record ORDER BY touched_ms",
            )?;
            let mut rows = statement.query([])?;
            let mut ledger = Ledger::default();
            while let Some(row) = rows.next()? {
                let provider: String = row.get(0)?;
                let provider = ProviderId::parse(&provider).map_err(|_| corrupt())?;
                let key = Key { provider, credential: row.get(1)?, fingerprint: row.get(2)? };
                ledger.put(key, read(&row.get::<_, String>(3)?)?);
            }
            Ok(ledger)
        })
    }

    /// Changes what is remembered of one credential, in one transaction with reading it, so that of two failures at
    /// the same moment both count. `change` gives what is to be remembered, or `None` for nothing new; what is
    /// remembered then is given back. On disk within moments.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing has changed then.
    pub fn ledger_change(
        &self,
        key: &Key,
        now_ms: u64,
        change: impl FnOnce(&Record) -> Option<Record>,
    ) -> Result<Option<Record>, StoreError> {
        self.write_soon(|transaction| {
            let before = find(transaction, key)?.unwrap_or_default();
            let Some(after) = change(&before) else { return Ok(None) };
            let json = serde_json::to_string(&after).map_err(|_| corrupt())?;
            transaction
                .prepare_cached(
                    "INSERT INTO credential_record (provider, credential, fingerprint, record_json, touched_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET record_json = excluded.record_json, touched_ms = excluded.touched_ms",
                )?
                .execute((key.provider.as_str(), &key.credential, &key.fingerprint, json, signed(now_ms)?))?;
            transaction
                .prepare_cached(
                    "DELETE FROM credential_record WHERE (provider, credential, fingerprint) IN (
                       SELECT provider, credential, fingerprint FROM credential_record
                       ORDER BY touched_ms DESC LIMIT -1 OFFSET ?1)",
                )?
                .execute([limit(LEDGER_RECORDS_MAX)])?;
            Ok(Some(after))
        })
    }
}

fn find(transaction: &Transaction<'_>, key: &Key) -> Result<Option<Record>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT record_json FROM credential_record WHERE provider = ?1 AND credential = ?2 AND fingerprint = ?3",
    )?;
    let key = (key.provider.as_str(), &key.credential, &key.fingerprint);
    let json: Option<String> = statement.query_row(key, |row| row.get(0)).optional()?;
    json.as_deref().map(read).transpose()
}

fn read(json: &str) -> Result<Record, StoreError> {
    serde_json::from_str(json).map_err(|_| corrupt())
}

fn corrupt() -> StoreError {
    StoreError::Corrupt { what: "record of a credential".to_owned() }
}

#[cfg(test)]
mod tests {
    use creel_policy::config::Cooldowns;
    use creel_policy::cooldown::{Failure, Terms};
    use creel_policy::fallback::CallFault;
    use creel_policy::ids::ModelRef;

    use super::*;
    use crate::fixture::Fixture;

    const NOW_MS: u64 = 1_700_000_000_000;

    fn key(credential: &str, fingerprint: &str) -> Key {
        let provider = ProviderId::parse("anthropic").unwrap();
        Key { provider, credential: credential.to_owned(), fingerprint: fingerprint.to_owned() }
    }

    fn fails(store: &Store, key: &Key, model: &str) -> Option<Record> {
        let terms = Terms::of(&Cooldowns::default(), &key.provider);
        let model = ModelRef::parse(model).unwrap();
        let failure = Failure { fault: CallFault::RateLimited, model: &model, retry_after_ms: None };
        store.ledger_change(key, NOW_MS, |record| record.after_failure(&failure, &terms, NOW_MS)).unwrap()
    }

    #[test]
    fn what_rests_rests_after_a_restart_and_a_rotated_key_does_not() {
        let fixture = Fixture::new();
        let (old, new) = (key("anthropic:default", "f1"), key("anthropic:default", "f2"));
        let record = fails(&fixture.store, &old, "anthropic/a").expect("it is remembered");
        let fixture = fixture.restart();
        let ledger = fixture.store.ledger().unwrap();
        assert_eq!((ledger.get(&old), ledger.get(&new)), (Some(&record), None));
        let cleared = fixture.store.ledger_change(&old, NOW_MS, |record| Some(record.after_success(NOW_MS))).unwrap();
        assert_eq!(fixture.restart().store.ledger().unwrap().get(&old), cleared.as_ref());
    }

    #[test]
    fn failures_at_the_same_moment_all_count() {
        let fixture = Fixture::new();
        let key = key("anthropic:default", "f1");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| fails(&fixture.store, &key, "anthropic/a"));
            }
        });
        let ledger = fixture.store.ledger().unwrap();
        let json = serde_json::to_value(ledger.get(&key).unwrap()).unwrap();
        assert_eq!(json["cooling"]["count"], 4);
    }

    #[test]
    fn nothing_new_writes_nothing_and_a_failed_update_changes_nothing() {
        let fixture = Fixture::new();
        let key = key("anthropic:default", "f1");
        assert_eq!(fixture.store.ledger_change(&key, NOW_MS, |_| None).unwrap(), None);
        assert_eq!(fixture.store.ledger().unwrap(), Ledger::default());
        // F15: the transaction is all there is; what cannot be committed is not there.
        let error = fixture.store.ledger_change(&key, u64::MAX, |_| Some(Record::default())).unwrap_err();
        assert_eq!(error.to_string(), format!("the database holds an unreadable number {}", u64::MAX));
        assert_eq!(fixture.store.ledger().unwrap(), Ledger::default(), "F15");
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_oldest() {
        let fixture = Fixture::new();
        let most = u64::try_from(LEDGER_RECORDS_MAX).unwrap();
        for at in 0..=most {
            let touched_ms = NOW_MS + at;
            let change = |record: &Record| Some(record.after_success(touched_ms));
            fixture.store.ledger_change(&key(&format!("p{at}"), "f"), touched_ms, change).unwrap();
        }
        let ledger = fixture.store.ledger().unwrap();
        assert_eq!(ledger.get(&key("p0", "f")), None);
        assert!(ledger.get(&key("p1", "f")).is_some() && ledger.get(&key(&format!("p{most}"), "f")).is_some());
    }
}
