//! The audit log: every decision with the rule that made it, oldest first, never changed, bounded. No secret is ever
//! handed to it; what may be said is decided by whoever decides.

use rusqlite::Transaction;

use crate::db::{Store, StoreError, limit, signed, unsigned};
use crate::limits::{AUDIT_FIELD_BYTES_MAX, AUDIT_RECORDS_MAX, cut};

/// A decision that was taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AuditRecord {
    /// When.
    pub at_ms: u64,
    /// For which plugin, or `host`.
    pub plugin: String,
    /// What was to be done: `send`, `ingest-file`, …
    pub action: String,
    /// What was decided: `allowed`, the code of the refusal, or what the host did of itself: `done`, `removed`, `lost`.
    pub verdict: String,
    /// The rule and the grant that decided it.
    pub rule: String,
    /// What it was about: an origin, a medium, …
    pub target: String,
}

impl Store {
    /// Appends a record. It is on disk within moments; a power cut right behind can take it, a crash of the process
    /// cannot. Past the bound the oldest record goes.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn audit(&self, record: &AuditRecord) -> Result<(), StoreError> {
        self.audit_all(std::slice::from_ref(record))
    }

    /// Appends records in their order, all of them or none. As [`Self::audit`], with one transaction for them all.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn audit_all(&self, records: &[AuditRecord]) -> Result<(), StoreError> {
        self.write_soon(|transaction| append(transaction, records))
    }

    /// The last `count` records, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn audit_tail(&self, count: usize) -> Result<Vec<AuditRecord>, StoreError> {
        self.audit_find(&AuditSearch::default(), count)
    }

    /// The last `count` records of those that are sought, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn audit_find(&self, search: &AuditSearch, count: usize) -> Result<Vec<AuditRecord>, StoreError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT at_ms, plugin, action, verdict, rule, target FROM audit
                 WHERE (NOT ?2 OR verdict NOT IN ('allowed', 'done', 'removed', 'lost'))
                   AND instr(plugin || char(10) || action || char(10) || rule || char(10) || target, ?3) > 0
                 ORDER BY seq DESC LIMIT ?1",
            )?;
            let rows = statement.query_and_then((limit(count), search.refused_only, &search.text), |row| {
                Ok::<_, StoreError>(AuditRecord {
                    at_ms: unsigned(row.get(0)?)?,
                    plugin: row.get(1)?,
                    action: row.get(2)?,
                    verdict: row.get(3)?,
                    rule: row.get(4)?,
                    target: row.get(5)?,
                })
            })?;
            let mut records = rows.collect::<Result<Vec<_>, _>>()?;
            records.reverse();
            Ok(records)
        })
    }
}

/// Which decisions are sought; by itself, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSearch {
    /// Refusals alone.
    pub refused_only: bool,
    /// What stands in the plugin, the action, the rule or the target.
    pub text: String,
}

/// Appends records in a transaction that does what they tell of, so that neither is there without the other.
pub(crate) fn append(transaction: &Transaction<'_>, records: &[AuditRecord]) -> Result<(), StoreError> {
    let field = |text: &'_ str| cut(text, AUDIT_FIELD_BYTES_MAX).to_owned();
    let mut insert = transaction.prepare_cached(
        "INSERT INTO audit (at_ms, plugin, action, verdict, rule, target) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut last = 0;
    for record in records {
        last = insert.insert((
            signed(record.at_ms)?,
            field(&record.plugin),
            field(&record.action),
            field(&record.verdict),
            field(&record.rule),
            field(&record.target),
        ))?;
    }
    transaction.prepare_cached("DELETE FROM audit WHERE seq <= ?1")?.execute([last - AUDIT_RECORDS_MAX])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn record(n: u64, rule: &str) -> AuditRecord {
        let word = |text: &str| text.to_owned();
        AuditRecord {
            at_ms: n,
            plugin: word("signal"),
            action: word("send"),
            verdict: word("refused"),
            rule: word(rule),
            target: word("https://evil.example"),
        }
    }

    #[test]
    fn records_come_back_in_order_and_outlive_the_process() {
        let fixture = Fixture::new();
        for n in 0..5 {
            fixture.store.audit(&record(n, "no grant")).unwrap();
        }
        let fixture = fixture.restart();
        assert_eq!(fixture.store.audit_tail(2).unwrap(), [record(3, "no grant"), record(4, "no grant")]);
    }

    #[test]
    fn records_are_found_by_verdict_and_by_what_stands_in_them() {
        let fixture = Fixture::new();
        let allowed = AuditRecord { verdict: "allowed".to_owned(), ..record(2, "grant 100%") };
        let done = AuditRecord { verdict: "done".to_owned(), target: "agent `bob`".to_owned(), ..record(4, "") };
        let records = [record(1, "no grant"), allowed, record(3, "no grant"), done];
        fixture.store.audit_all(&records).unwrap();
        let check = |refused_only: bool, text: &str, count: usize, expect: &[u64]| {
            let search = AuditSearch { refused_only, text: text.to_owned() };
            let found: Vec<u64> =
                fixture.store.audit_find(&search, count).unwrap().iter().map(|record| record.at_ms).collect();
            assert_eq!(found, expect, "{refused_only} {text} {count}");
        };
        check(false, "", 10, &[1, 2, 3, 4]);
        check(true, "", 10, &[1, 3]);
        check(true, "", 1, &[3]);
        check(false, "grant 100%", 10, &[2]);
        check(false, "evil.example", 2, &[2, 3]);
        check(false, "signal", 10, &[1, 2, 3, 4]);
        check(false, "bob", 10, &[4]);
        check(false, "signalsend", 10, &[]);
        check(true, "100%", 10, &[]);
    }

    #[test]
    fn records_that_go_together_keep_their_order() {
        let fixture = Fixture::new();
        let records: Vec<_> = (0..300).map(|n| record(n, "no grant")).collect();
        fixture.store.audit_all(&records[..200]).unwrap();
        fixture.store.audit_all(&[]).unwrap();
        fixture.store.audit_all(&records[200..]).unwrap();
        assert_eq!(fixture.store.audit_tail(400).unwrap(), records);
    }

    #[test]
    fn the_log_is_bounded_and_so_is_each_field() {
        let fixture = Fixture::new();
        fixture.store.audit(&record(1, &"ü".repeat(1000))).unwrap();
        assert_eq!(fixture.store.audit_tail(1).unwrap()[0].rule.len(), 1024);
        fixture
            .store
            .write_soon(|transaction| {
                let last = AUDIT_RECORDS_MAX;
                Ok(transaction.execute("INSERT INTO audit SELECT ?1, 2, '', '', '', '', ''", [last])?)
            })
            .unwrap();
        assert_eq!(fixture.store.audit_tail(9).unwrap().len(), 2);
        fixture.store.audit(&record(3, "x")).unwrap();
        let kept: Vec<_> = fixture.store.audit_tail(9).unwrap().iter().map(|record| record.at_ms).collect();
        assert_eq!(kept, [2, 3]);
    }

    #[test]
    fn a_record_is_never_changed() {
        let fixture = Fixture::new();
        fixture.store.audit(&record(1, "x")).unwrap();
        let changed =
            fixture.store.write_soon(|transaction| Ok(transaction.execute("UPDATE audit SET rule = ''", [])?));
        assert!(changed.is_err());
        assert_eq!(fixture.store.audit_tail(1).unwrap()[0].rule, "x");
    }
}
