//! The agents that have a token, as they are kept: each with the hash of its token and its grant. A token is given out
//! once and stored nowhere. What a grant means is `creel_policy::agent`'s; who is let in at the moment is `live`'s.

use std::io;

use creel_policy::agent::{AgentGrant, AgentToken};
use creel_policy::ids::AgentId;
use creel_policy::limits::{AGENT_GRACE_MS_MAX, AGENTS_MAX};
use creel_policy::problem::Problem;
use rusqlite::{OptionalExtension as _, Row, Transaction};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::audit;
use crate::beneath;
use crate::db::{Store, StoreError, signed, unsigned};

mod live;
mod record;
mod usage;

pub use live::{Agent, Agents, Place, TokenRefusal};
pub use record::{admission, no_agent};
pub use usage::AgentUse;

/// What is kept of a token: the SHA-256 of all of it.
///
/// A token has 256 random bits, so that a plain hash cannot be tried out backwards. Hashes are looked up and compared
/// as any other key: by how long that takes one could learn bytes of a hash, from which no token follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token.
    #[must_use]
    pub fn of(token: &AgentToken) -> Self {
        Self(Sha256::digest(token.expose()).into())
    }
}

/// A token's hash, and until when it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierToken {
    /// Of the token that was replaced.
    pub hash: TokenHash,
    /// The first moment at which it is not taken any more.
    pub until_ms: u64,
}

/// An agent as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRow {
    /// Its name.
    pub id: AgentId,
    /// The hash of its token.
    pub token: TokenHash,
    /// The token before that, where `rotate` left it some time.
    pub earlier: Option<EarlierToken>,
    /// What it may do.
    pub grant: AgentGrant,
    /// When it was made.
    pub created_ms: u64,
    /// When its token was last replaced.
    pub rotated_ms: Option<u64>,
    /// Since when it may do nothing any more.
    pub revoked_ms: Option<u64>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// There is one already, and it is not revoked.
    #[error("there is an agent `{id}` already")]
    Exists {
        /// Which.
        id: AgentId,
    },
    /// There is none.
    #[error("there is no agent `{id}`")]
    Missing {
        /// Which.
        id: AgentId,
    },
    /// It was revoked.
    #[error("the agent `{id}` was revoked")]
    Revoked {
        /// Which.
        id: AgentId,
    },
    /// A user of this machine is one agent.
    #[error("the user {uid} of this machine is the agent `{by}` already")]
    UserTaken {
        /// Which user.
        uid: u32,
        /// Who has it.
        by: AgentId,
    },
    /// As many as there may be.
    #[error("there are {AGENTS_MAX} agents already, which is as many as there may be")]
    Full,
    /// A replaced token that would be taken for too long.
    #[error("a replaced token is taken for at most {AGENT_GRACE_MS_MAX} ms more")]
    LongGrace,
    /// No random bytes.
    #[error("could not make a token")]
    Random(#[source] io::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for AgentError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// All that lets agents in: those that are not revoked, and what they have used in a day.
#[derive(Clone, Debug)]
pub struct AgentsSnapshot {
    /// Of which moment.
    pub now_ms: u64,
    /// The agents.
    pub agents: Vec<AgentRow>,
    /// What was used in the day of that moment, by whomever.
    pub used: Vec<AgentUse>,
}

const COLUMNS: &str =
    "id, token_sha256, earlier_sha256, earlier_until_ms, grant_json, created_ms, rotated_ms, revoked_ms";

impl Store {
    /// Makes an agent, or makes one anew that was revoked. Its token is given back here and never again.
    ///
    /// # Errors
    ///
    /// [`AgentError`]; nothing has changed then.
    pub fn agent_add(&self, id: &AgentId, grant: &AgentGrant, now_ms: u64) -> Result<AgentToken, AgentError> {
        let token = fresh_token(id)?;
        self.write(|transaction| {
            if find(transaction, id)?.is_some_and(|row| row.revoked_ms.is_none()) {
                return Err(AgentError::Exists { id: id.clone() });
            }
            if live(transaction)?.len() >= AGENTS_MAX {
                return Err(AgentError::Full);
            }
            judge_user(transaction, id, grant)?;
            let values = (id.as_str(), TokenHash::of(&token).0, grant.to_json().to_string(), signed(now_ms)?);
            transaction.execute(
                "INSERT OR REPLACE INTO agent (id, token_sha256, grant_json, created_ms) VALUES (?1, ?2, ?3, ?4)",
                values,
            )?;
            audit::append(transaction, &[record::deed(id, "agent-add", &grant.to_json().to_string(), now_ms)])?;
            Ok(token)
        })
    }

    /// Replaces the token of an agent. The earlier one is taken for `grace_ms` more; one that was replaced before that
    /// is taken no more. The new one is given back here and never again.
    ///
    /// # Errors
    ///
    /// [`AgentError`]; nothing has changed then.
    pub fn agent_rotate(&self, id: &AgentId, grace_ms: u64, now_ms: u64) -> Result<AgentToken, AgentError> {
        if grace_ms > AGENT_GRACE_MS_MAX {
            return Err(AgentError::LongGrace);
        }
        let token = fresh_token(id)?;
        self.write(|transaction| {
            let row = find_live(transaction, id)?;
            let earlier = (grace_ms > 0).then_some((row.token.0, now_ms.saturating_add(grace_ms)));
            let until_ms = earlier.map(|(_, until_ms)| signed(until_ms)).transpose()?;
            let hash = earlier.map(|(hash, _)| hash);
            transaction.execute(
                "UPDATE agent SET token_sha256 = ?2, earlier_sha256 = ?3, earlier_until_ms = ?4, rotated_ms = ?5
                 WHERE id = ?1",
                (id.as_str(), TokenHash::of(&token).0, hash, until_ms, signed(now_ms)?),
            )?;
            let rule = format!("the earlier token is taken for {grace_ms} ms more");
            audit::append(transaction, &[record::deed(id, "agent-rotate", &rule, now_ms)])?;
            Ok(token)
        })
    }

    /// Takes everything from an agent, its tokens included.
    ///
    /// # Errors
    ///
    /// [`AgentError`]; nothing has changed then.
    pub fn agent_revoke(&self, id: &AgentId, now_ms: u64) -> Result<(), AgentError> {
        self.write(|transaction| {
            // Without reading the grant: what cannot be read can still be revoked.
            let changed = transaction.execute(
                "UPDATE agent SET revoked_ms = ?2, earlier_sha256 = NULL, earlier_until_ms = NULL
                 WHERE id = ?1 AND revoked_ms IS NULL",
                (id.as_str(), signed(now_ms)?),
            )?;
            if changed == 0 {
                let is_there = "SELECT 1 FROM agent WHERE id = ?1";
                let found: Option<i64> = transaction.query_row(is_there, [id.as_str()], |row| row.get(0)).optional()?;
                let id = id.clone();
                return Err(found.map_or(AgentError::Missing { id: id.clone() }, |_| AgentError::Revoked { id }));
            }
            audit::append(transaction, &[record::deed(id, "agent-revoke", "the operator said so", now_ms)])?;
            Ok(())
        })
    }

    /// Replaces what an agent may do.
    ///
    /// # Errors
    ///
    /// [`AgentError`]; nothing has changed then.
    pub fn agent_set_grant(&self, id: &AgentId, grant: &AgentGrant, now_ms: u64) -> Result<(), AgentError> {
        self.write(|transaction| {
            find_live(transaction, id)?;
            judge_user(transaction, id, grant)?;
            let json = grant.to_json().to_string();
            transaction.execute("UPDATE agent SET grant_json = ?2 WHERE id = ?1", (id.as_str(), &json))?;
            audit::append(transaction, &[record::deed(id, "agent-set", &json, now_ms)])?;
            Ok(())
        })
    }

    /// One agent, revoked or not.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn agent(&self, id: &AgentId) -> Result<Option<AgentRow>, StoreError> {
        self.read(|transaction| find(transaction, id))
    }

    /// All agents by their names, the revoked ones among them.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn agent_list(&self) -> Result<Vec<AgentRow>, StoreError> {
        self.read(|transaction| rows(transaction, "ORDER BY id"))
    }

    /// All that lets agents in, as of one moment.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: of a grant that cannot be read, too, since it might be read as more than was given.
    pub fn agents_snapshot(&self, now_ms: u64) -> Result<AgentsSnapshot, StoreError> {
        let day = creel_policy::agent::day_of(now_ms);
        self.read(|transaction| {
            Ok(AgentsSnapshot { now_ms, agents: live(transaction)?, used: usage::of_day(transaction, day)? })
        })
    }
}

fn fresh_token(id: &AgentId) -> Result<AgentToken, AgentError> {
    let secret = Zeroizing::new(beneath::random::<32>().map_err(AgentError::Random)?);
    Ok(AgentToken::from_random(id, &secret))
}

fn live(transaction: &Transaction<'_>) -> Result<Vec<AgentRow>, StoreError> {
    rows(transaction, "WHERE revoked_ms IS NULL ORDER BY id")
}

fn find_live(transaction: &Transaction<'_>, id: &AgentId) -> Result<AgentRow, AgentError> {
    match find(transaction, id)? {
        None => Err(AgentError::Missing { id: id.clone() }),
        Some(AgentRow { revoked_ms: Some(_), .. }) => Err(AgentError::Revoked { id: id.clone() }),
        Some(row) => Ok(row),
    }
}

/// A user of this machine is one agent: whoever comes without a token must be known by that alone.
fn judge_user(transaction: &Transaction<'_>, id: &AgentId, grant: &AgentGrant) -> Result<(), AgentError> {
    let Some(uid) = grant.unix_user else { return Ok(()) };
    let taken = live(transaction)?.into_iter().find(|row| row.id != *id && row.grant.unix_user == Some(uid));
    taken.map_or(Ok(()), |row| Err(AgentError::UserTaken { uid, by: row.id }))
}

fn find(transaction: &Transaction<'_>, id: &AgentId) -> Result<Option<AgentRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM agent WHERE id = ?1");
    let mut statement = transaction.prepare_cached(&sql)?;
    let mut found = statement.query([id.as_str()])?;
    found.next()?.map(read).transpose()
}

fn rows(transaction: &Transaction<'_>, which: &str) -> Result<Vec<AgentRow>, StoreError> {
    let mut statement = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM agent {which}"))?;
    let rows = statement.query_and_then([], read)?;
    rows.collect()
}

fn read(row: &Row<'_>) -> Result<AgentRow, StoreError> {
    let name: String = row.get(0)?;
    let id = AgentId::parse(&name).map_err(|_| StoreError::Corrupt { what: "name of an agent".to_owned() })?;
    let moment = |column: usize| row.get::<_, Option<i64>>(column)?.map(unsigned).transpose();
    let earlier: Option<[u8; 32]> = row.get(2)?;
    let earlier = earlier.zip(moment(3)?).map(|(hash, until_ms)| EarlierToken { hash: TokenHash(hash), until_ms });
    let grant = AgentGrant::parse("grant", &row.get::<_, String>(4)?).map_err(|problems| {
        let why = problems.first().map(Problem::to_string).unwrap_or_default();
        StoreError::Corrupt { what: format!("grant of the agent `{id}` ({why})") }
    })?;
    Ok(AgentRow {
        token: TokenHash(row.get(1)?),
        earlier,
        grant,
        created_ms: unsigned(row.get(5)?)?,
        rotated_ms: moment(6)?,
        revoked_ms: moment(7)?,
        id,
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at what lies on disk")]
mod tests;
