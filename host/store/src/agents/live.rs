//! The agents of a running daemon: who is let in, what is under way, what was used. All of it is in memory, so that a
//! request costs one hash and one look-up and waits for no disk; no lock is held across anything that takes time.
//!
//! What is used is written down behind the requests: [`Agents::flush`] is to be called several times a second. What
//! was used since its last call, and what the calls under way have used so far, is forgotten by a process that is
//! killed. For an agent with a budget of the day that is bounded: with [`AGENT_UNSAVED_REQUESTS_MAX`] requests that
//! are not written down it is refused until they are. A crash so lets a budget be exceeded by what that many requests
//! and the calls under way have used, and by no more; a stop that flushes loses nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use creel_policy::agent::{
    AgentGrant, AgentRefusal, AgentToken, Asked, BadToken, DayUsage, Reservation, TokenCount, Usage, admit, day_of,
    micro_usd,
};
use creel_policy::config::Cost;
use creel_policy::ids::AgentId;
use creel_policy::limits::{AGENT_BUSY_MS, AGENT_UNSAVED_REQUESTS_MAX};

use super::{AgentUse, AgentsSnapshot, TokenHash};
use crate::db::{Store, StoreError};

/// The agents that are let in.
pub struct Agents {
    /// Replaced as a whole by a reload; held for no longer than it takes to clone it.
    directory: RwLock<Arc<Directory>>,
    /// What each has used. They outlive a reload, and so do their counts.
    meters: Mutex<HashMap<AgentId, Arc<Meter>>>,
}

#[derive(Default)]
struct Directory {
    by_token: HashMap<TokenHash, Key>,
    by_user: HashMap<u32, Arc<Known>>,
    /// Whether each agent is still one, by its name and when it was made: one that is made anew is another.
    lives: HashMap<(AgentId, u64), Life>,
}

/// Whether an agent was revoked. Shared by all that was known of it, from the first reload to the last, so that what is
/// under way since before one learns of it as well.
type Life = Arc<AtomicBool>;

/// What a token opens.
struct Key {
    known: Arc<Known>,
    /// The first moment at which it opens nothing any more; only a replaced token has one.
    until_ms: Option<u64>,
}

struct Known {
    id: AgentId,
    grant: AgentGrant,
    meter: Arc<Meter>,
    is_revoked: Life,
}

#[derive(Default)]
struct Meter(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    usage: Usage,
    /// What is not written down yet, by its day.
    unsaved: BTreeMap<u64, DayUsage>,
}

/// Why somebody is no agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It has not the form of one.
    #[error("the token cannot be used: {0}")]
    Bad(BadToken),
    /// Nobody has it, or nobody any more.
    #[error("the token is not known: it was revoked or replaced, or is of another gateway")]
    Unknown,
    /// The time of its agent is over.
    #[error("the grant of this agent ended at {}", creel_policy::moment::rfc3339(*expired_ms))]
    Expired {
        /// Since when.
        expired_ms: u64,
    },
    /// A user of this machine who is no agent.
    #[error("the user {uid} of this machine is no agent")]
    NoUser {
        /// Which.
        uid: u32,
    },
}

impl TokenRefusal {
    /// The reason for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bad(_) => "bad-token",
            Self::Unknown => "unknown-token",
            Self::Expired { .. } => "expired",
            Self::NoUser { .. } => "no-agent",
        }
    }
}

/// An agent that was let in. Cheap to clone. Whoever holds one while the agent's grant changes holds on to the old one:
/// it is opened for each request. Whether it is still an agent at all, its [`Place`] says.
#[derive(Clone)]
pub struct Agent(Arc<Known>);

/// The place of one request: what it has set aside, until it is settled.
///
/// A place that is dropped was cut off, and nobody knows what it has used: all that it had set aside counts as used.
/// Else an agent that always hangs up early would have no budget.
#[must_use = "a place that is dropped counts as used in full"]
pub struct Place {
    known: Arc<Known>,
    reservation: Reservation,
    /// What was used besides by models that did not answer.
    beside: DayUsage,
    admitted_ms: u64,
    is_open: bool,
}

impl Agents {
    /// The agents of a snapshot, with what they have used.
    #[must_use]
    pub fn new(snapshot: AgentsSnapshot) -> Self {
        let agents = Self { directory: RwLock::default(), meters: Mutex::default() };
        agents.reload(snapshot);
        agents
    }

    /// Takes up what has changed. Counts go on, and so does what is under way, but that of an agent that is none any
    /// more: [`Place::standing`] says so.
    pub fn reload(&self, snapshot: AgentsSnapshot) {
        let AgentsSnapshot { now_ms, agents, used } = snapshot;
        let mut directory = Directory::default();
        let mut meters = lock(&self.meters);
        let before = self.directory();
        let used: HashMap<_, _> = used.into_iter().map(|used| (used.agent, (used.day, used.used))).collect();
        for row in agents {
            let fresh = || {
                let (day, today) = used.get(&row.id).copied().unwrap_or((day_of(now_ms), DayUsage::default()));
                let usage = Usage::of_day(day, today);
                Arc::new(Meter(Mutex::new(Counts { usage, unsaved: BTreeMap::new() })))
            };
            let meter = Arc::clone(meters.entry(row.id.clone()).or_insert_with(fresh));
            let made = (row.id.clone(), row.created_ms);
            let is_revoked = before.lives.get(&made).cloned().unwrap_or_default();
            directory.lives.insert(made, Arc::clone(&is_revoked));
            let known = Arc::new(Known { id: row.id, grant: row.grant, meter, is_revoked });
            if let Some(uid) = known.grant.unix_user {
                directory.by_user.insert(uid, Arc::clone(&known));
            }
            if let Some(earlier) = row.earlier {
                let key = Key { known: Arc::clone(&known), until_ms: Some(earlier.until_ms) };
                directory.by_token.insert(earlier.hash, key);
            }
            directory.by_token.insert(row.token, Key { known, until_ms: None });
        }
        for (_, is_revoked) in before.lives.iter().filter(|(made, _)| !directory.lives.contains_key(*made)) {
            is_revoked.store(true, Ordering::Release);
        }
        // Still under the lock on the meters: reloads follow each other.
        *self.directory.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(directory);
        meters.retain(|_, meter| Arc::strong_count(meter) > 1 || meter.has_used_any(now_ms));
    }

    /// Opens a token as it came.
    ///
    /// # Errors
    ///
    /// [`TokenRefusal`].
    pub fn open(&self, token: &str, now_ms: u64) -> Result<Agent, TokenRefusal> {
        let token = AgentToken::parse(token).map_err(TokenRefusal::Bad)?;
        let directory = self.directory();
        let key = directory.by_token.get(&TokenHash::of(&token)).ok_or(TokenRefusal::Unknown)?;
        if key.until_ms.is_some_and(|until_ms| now_ms >= until_ms) {
            return Err(TokenRefusal::Unknown);
        }
        let_in(&key.known, now_ms)
    }

    /// Lets in the user at the other end of a Unix socket, as the kernel names him.
    ///
    /// # Errors
    ///
    /// [`TokenRefusal`].
    pub fn open_peer(&self, uid: u32, now_ms: u64) -> Result<Agent, TokenRefusal> {
        let directory = self.directory();
        let known = directory.by_user.get(&uid).ok_or(TokenRefusal::NoUser { uid })?;
        let_in(known, now_ms)
    }

    /// Takes what is not written down yet; whoever cannot write it gives it back to [`Self::put_back`].
    #[must_use]
    pub fn take_dirty(&self) -> Vec<AgentUse> {
        let take = |(id, meter): (&AgentId, &Arc<Meter>)| {
            let unsaved = std::mem::take(&mut meter.counts().unsaved);
            let id = id.clone();
            unsaved.into_iter().map(move |(day, used)| AgentUse { agent: id.clone(), day, used })
        };
        lock(&self.meters).iter().flat_map(take).collect()
    }

    /// Takes back what could not be written down.
    pub fn put_back(&self, uses: Vec<AgentUse>) {
        let mut meters = lock(&self.meters);
        for AgentUse { agent, day, used } in uses {
            let meter = meters.entry(agent).or_default();
            meter.counts().unsaved.entry(day).or_default().add(&used);
        }
    }

    /// Writes down what was used. What cannot be written stays to be written.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let uses = self.take_dirty();
        store.agent_usage_add(&uses).inspect_err(|_| self.put_back(uses))
    }

    fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn let_in(known: &Arc<Known>, now_ms: u64) -> Result<Agent, TokenRefusal> {
    known.standing(now_ms).map(|()| Agent(Arc::clone(known)))
}

impl Known {
    fn standing(&self, now_ms: u64) -> Result<(), TokenRefusal> {
        if self.is_revoked.load(Ordering::Acquire) {
            return Err(TokenRefusal::Unknown);
        }
        match self.grant.expires_ms.filter(|_| self.grant.is_expired(now_ms)) {
            Some(expired_ms) => Err(TokenRefusal::Expired { expired_ms }),
            None => Ok(()),
        }
    }
}

impl Agent {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> &AgentId {
        &self.0.id
    }

    /// What it may do.
    #[must_use]
    pub fn grant(&self) -> &AgentGrant {
        &self.0.grant
    }

    /// What it has used, as of that moment.
    #[must_use]
    pub fn usage(&self, now_ms: u64) -> Usage {
        self.0.meter.counts().usage.at(now_ms)
    }

    /// Admits a request and sets aside what it may take, in one step: of two that fit only one by one, one is refused.
    ///
    /// # Errors
    ///
    /// [`AgentRefusal`].
    pub fn admit(&self, asked: &Asked<'_>, now_ms: u64) -> Result<Place, AgentRefusal> {
        let Known { grant, meter, .. } = &*self.0;
        let mut counts = meter.counts();
        let has_budget = grant.limits.tokens_per_day.is_some() || grant.limits.micro_usd_per_day.is_some();
        if has_budget && counts.unsaved_requests() >= AGENT_UNSAVED_REQUESTS_MAX {
            return Err(AgentRefusal::Unrecorded { retry_after_ms: AGENT_BUSY_MS });
        }
        let reservation = admit(grant, &counts.usage, asked, now_ms)?.reservation;
        counts.usage.begin(&reservation, now_ms);
        let day = counts.usage.day();
        let unsaved = counts.unsaved.entry(day).or_default();
        unsaved.requests = unsaved.requests.saturating_add(1);
        drop(counts);
        let beside = DayUsage::default();
        Ok(Place { known: Arc::clone(&self.0), reservation, beside, admitted_ms: now_ms, is_open: true })
    }
}

impl Place {
    /// Whether whoever has it may still go on, as of that moment (attack 169).
    ///
    /// # Errors
    ///
    /// [`TokenRefusal`]: as for a new request, the agent was revoked or its time is over.
    pub fn standing(&self, now_ms: u64) -> Result<(), TokenRefusal> {
        self.known.standing(now_ms)
    }

    /// What it has set aside.
    #[must_use]
    pub fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// Counts what another model was sent beside, at its price; it is counted where the call ends.
    pub fn add(&mut self, used: &TokenCount, cost: Option<&Cost>) {
        let micro_usd = cost.map_or(0, |cost| micro_usd(cost, used));
        self.beside.add(&DayUsage::of_call(used, micro_usd));
    }

    /// Counts what the call has used, at the price of the model that answered.
    pub fn settle(mut self, used: &TokenCount, cost: Option<&Cost>, now_ms: u64) {
        let micro_usd = cost.map_or(0, |cost| micro_usd(cost, used));
        self.end(&DayUsage::of_call(used, micro_usd), now_ms);
    }

    /// Gives back all that was set aside, for a call that no provider has seen.
    pub fn release(mut self, now_ms: u64) {
        self.end(&DayUsage::default(), now_ms);
    }

    fn end(&mut self, used: &DayUsage, now_ms: u64) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let mut used = *used;
        used.add(&self.beside);
        let mut counts = self.known.meter.counts();
        let day = counts.usage.end(&self.reservation, &used, now_ms);
        if used != DayUsage::default() {
            counts.unsaved.entry(day).or_default().add(&used);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (in_full, admitted_ms) = (self.reservation.in_full(), self.admitted_ms);
        self.end(&in_full, admitted_ms);
    }
}

impl Meter {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        lock(&self.0)
    }

    /// Whether a meter that nobody uses is still needed: what it counts may not be on disk yet.
    fn has_used_any(&self, now_ms: u64) -> bool {
        let counts = self.counts();
        !counts.unsaved.is_empty() || counts.usage.at(now_ms).today() != DayUsage::default()
    }
}

impl Counts {
    fn unsaved_requests(&self) -> u64 {
        self.unsaved.values().fold(0, |sum, used| sum.saturating_add(used.requests))
    }
}

/// Counts stay whole whoever panics: each is changed by sums that cannot fail.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
