//! What agents have used, day by day, so that a restart gives no budget back. How much they may use is not known here.

use creel_policy::agent::DayUsage;
use creel_policy::ids::AgentId;
use rusqlite::{OptionalExtension as _, Row, Transaction};

use crate::db::{Store, StoreError, signed, unsigned};
use crate::limits::AGENT_USAGE_DAYS_MAX;

/// What an agent has used in a day, or in a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentUse {
    /// Who.
    pub agent: AgentId,
    /// The UTC day, counted from 1970.
    pub day: u64,
    /// How much.
    pub used: DayUsage,
}

impl Store {
    /// Adds to what was used, all of it or nothing. It is on disk within moments; a power cut right behind can take it,
    /// a crash of the process cannot. Days that are long gone are forgotten.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn agent_usage_add(&self, uses: &[AgentUse]) -> Result<(), StoreError> {
        let Some(last) = uses.iter().map(|used| used.day).max() else { return Ok(()) };
        self.write_soon(|transaction| {
            for AgentUse { agent, day, used } in uses {
                let mut sum = find(transaction, agent, *day)?.unwrap_or_default();
                sum.add(used);
                let numbers = [sum.requests, sum.tokens_in, sum.tokens_out, sum.micro_usd].map(clamped);
                let [requests, tokens_in, tokens_out, micro_usd] = numbers;
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO agent_usage (day, agent, requests, tokens_in, tokens_out, micro_usd)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute((signed(*day)?, agent.as_str(), requests, tokens_in, tokens_out, micro_usd))?;
            }
            let oldest = signed(last.saturating_sub(AGENT_USAGE_DAYS_MAX))?;
            transaction.prepare_cached("DELETE FROM agent_usage WHERE day < ?1")?.execute([oldest])?;
            Ok(())
        })
    }

    /// What was used in a day, by whomever.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn agent_usage_of(&self, day: u64) -> Result<Vec<AgentUse>, StoreError> {
        self.read(|transaction| of_day(transaction, day))
    }
}

pub(super) fn of_day(transaction: &Transaction<'_>, day: u64) -> Result<Vec<AgentUse>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT requests, tokens_in, tokens_out, micro_usd, agent FROM agent_usage WHERE day = ?1 ORDER BY agent",
    )?;
    let rows = statement.query_and_then([signed(day)?], |row| {
        let name: String = row.get(4)?;
        let agent = AgentId::parse(&name).map_err(|_| StoreError::Corrupt { what: "name of an agent".to_owned() })?;
        Ok(AgentUse { agent, day, used: read(row)? })
    })?;
    rows.collect()
}

fn find(transaction: &Transaction<'_>, agent: &AgentId, day: u64) -> Result<Option<DayUsage>, StoreError> {
    let sql = "SELECT requests, tokens_in, tokens_out, micro_usd FROM agent_usage WHERE day = ?1 AND agent = ?2";
    let mut statement = transaction.prepare_cached(sql)?;
    statement.query_row((signed(day)?, agent.as_str()), |row| Ok(read(row))).optional()?.transpose()
}

fn read(row: &Row<'_>) -> Result<DayUsage, StoreError> {
    let number = |column: usize| unsigned(row.get(column)?);
    Ok(DayUsage { requests: number(0)?, tokens_in: number(1)?, tokens_out: number(2)?, micro_usd: number(3)? })
}

/// A sum as SQLite holds it; one that is too large is over every budget anyway.
fn clamped(sum: u64) -> i64 {
    i64::try_from(sum).unwrap_or(i64::MAX)
}
