//! The audit log: every decision with the rule that made it, oldest first, never changed, bounded. No secret is ever
//! handed to it; what may be said is decided by whoever decides.

use crate::db::{Store, StoreError, limit, signed, unsigned};
use crate::limits::{AUDIT_FIELD_BYTES_MAX, AUDIT_RECORDS_MAX, cut};

/// A decision that was taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NewAuditRecord<'a> {
    /// When.
    pub at_ms: u64,
    /// For which plugin, or `host`.
    pub plugin: &'a str,
    /// What was to be done: `send`, `ingest-file`, …
    pub action: &'a str,
    /// What was decided: `allowed`, or the refusal.
    pub verdict: &'a str,
    /// The rule and the grant that decided it.
    pub rule: &'a str,
    /// What it was about: an origin, a medium, …
    pub target: &'a str,
}

/// A decision as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AuditRecord {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at_ms: u64,
    /// For which plugin, or `host`.
    pub plugin: String,
    /// What was to be done.
    pub action: String,
    /// What was decided.
    pub verdict: String,
    /// The rule and the grant that decided it.
    pub rule: String,
    /// What it was about.
    pub target: String,
}

impl Store {
    /// Appends a record. It is on disk within moments; a power cut right behind can take it, a crash of the process
    /// cannot. Past the bound the oldest record goes.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn audit(&self, record: &NewAuditRecord<'_>) -> Result<(), StoreError> {
        self.write_soon(|transaction| {
            let field = |text| cut(text, AUDIT_FIELD_BYTES_MAX);
            let mut insert = transaction.prepare_cached(
                "INSERT INTO audit (at_ms, plugin, action, verdict, rule, target) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            let seq = insert.insert((
                signed(record.at_ms)?,
                field(record.plugin),
                field(record.action),
                field(record.verdict),
                field(record.rule),
                field(record.target),
            ))?;
            transaction.prepare_cached("DELETE FROM audit WHERE seq <= ?1")?.execute([seq - AUDIT_RECORDS_MAX])?;
            Ok(())
        })
    }

    /// The last `count` records, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn audit_tail(&self, count: usize) -> Result<Vec<AuditRecord>, StoreError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT seq, at_ms, plugin, action, verdict, rule, target FROM audit ORDER BY seq DESC LIMIT ?1",
            )?;
            let rows = statement.query_and_then([limit(count)], |row| {
                Ok::<_, StoreError>(AuditRecord {
                    seq: row.get(0)?,
                    at_ms: unsigned(row.get(1)?)?,
                    plugin: row.get(2)?,
                    action: row.get(3)?,
                    verdict: row.get(4)?,
                    rule: row.get(5)?,
                    target: row.get(6)?,
                })
            })?;
            let mut records = rows.collect::<Result<Vec<_>, _>>()?;
            records.reverse();
            Ok(records)
        })
    }
}
