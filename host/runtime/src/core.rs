//! What every part of a running host works with: the plan, the plugins, the store and the clock, and small ways to
//! use them. Nothing here takes part in a turn.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use creel_engine::{AddedHeaders, CallContext, Egress, EgressRecord, MediaScope, Plugin, Roots, Slots};
use creel_policy::credential::CredentialDerivation;
use creel_policy::grant::Grant;
use creel_policy::ids::{ChannelId, PluginId};
use creel_policy::limits::{HISTORY_ENTRIES_MAX, MEDIUM_BYTES_MAX};
use creel_policy::media::{Area, MediaRef};
use creel_policy::route::ModelTarget;
use creel_store::audit::AuditRecord;
use creel_store::turn::TurnError;
use creel_store::{Store, StoreError};

use crate::audit::AuditLog;
use crate::knowledge::Knowledge;
use crate::pause::growing;
use crate::step::{Observer, Step};

/// The database or the media directory failed under us.
#[derive(Debug, thiserror::Error)]
#[error("the store failed")]
pub(crate) struct StoreFailed(#[source] pub(crate) Box<dyn std::error::Error + Send + Sync>);

/// Tries to record what has happened already; some five minutes.
const RECORD_TRIES_MAX: u32 = 60;
/// Milliseconds between two of them, at most.
const RECORD_PAUSE_MS_MAX: u64 = 5_000;

/// A clock: milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What a reload replaces, as one. Whoever works by it keeps it until the work is done, so that a call that has begun
/// ends by what it began with.
pub(crate) struct Generation {
    pub(crate) knowledge: Arc<Knowledge>,
    pub(crate) plugins: BTreeMap<PluginId, Plugin>,
    pub(crate) roots: BTreeMap<ChannelId, Arc<Roots>>,
}

/// What every part of a running host works with.
pub(crate) struct Core {
    generation: RwLock<Arc<Generation>>,
    pub(crate) store: Store,
    pub(crate) egress: Arc<Egress>,
    pub(crate) clock: Clock,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) audit: AuditLog,
}

impl Core {
    pub(crate) fn new(
        generation: Generation,
        (store, egress): (Store, Arc<Egress>),
        (clock, observer): (Clock, Arc<dyn Observer>),
    ) -> Self {
        let audit = AuditLog::start(store.clone(), Arc::clone(&clock));
        Self { generation: RwLock::new(Arc::new(generation)), store, egress, clock, observer, audit }
    }

    /// What holds now. Ask once for what belongs together.
    pub(crate) fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.generation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known now.
    pub(crate) fn knowledge(&self) -> Arc<Knowledge> {
        Arc::clone(&self.generation().knowledge)
    }

    /// Lets another generation hold from now on; gives the one that held.
    pub(crate) fn succeed(&self, next: Generation) -> Arc<Generation> {
        let mut held = self.generation.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held, Arc::new(next))
    }

    /// Uses the store on a thread that may block.
    pub(crate) async fn store<T, E>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, StoreFailed>
    where
        T: Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.map_err(|error| StoreFailed(error.into()))?.map_err(|error| StoreFailed(error.into()))
    }

    /// Records what has happened already. While disk or database say no it is tried again, since whoever does not know
    /// of it would do it once more: deliver twice, or pay a model twice.
    pub(crate) async fn record(
        &self,
        work: impl Fn(&Store) -> Result<(), TurnError> + Send + Sync + 'static,
    ) -> Result<(), StoreFailed> {
        let work = Arc::new(work);
        for tries in 1.. {
            let (store, work) = (self.store.clone(), Arc::clone(&work));
            let done = tokio::task::spawn_blocking(move || work(&store)).await;
            let error = match done.map_err(|error| StoreFailed(error.into()))? {
                Ok(()) => break,
                Err(error @ TurnError::Store(StoreError::Database(_) | StoreError::Io { .. })) => error,
                Err(error) => return Err(StoreFailed(error.into())),
            };
            if tries >= RECORD_TRIES_MAX {
                return Err(StoreFailed(error.into()));
            }
            tracing::error!(error = %creel_engine::chain(&error), "what has happened cannot be recorded; it is tried again");
            tokio::time::sleep(growing(tries, 100, RECORD_PAUSE_MS_MAX)).await;
        }
        Ok(())
    }

    /// Whether a channel is configured and its plugin loaded. The work of one that is not waits until it is.
    pub(crate) fn is_running(&self, channel: &ChannelId) -> bool {
        let now = self.generation();
        let plan = now.knowledge.plan.channels.get(channel);
        plan.is_some_and(|plan| now.plugins.contains_key(&plan.plugin))
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.clock)()
    }

    pub(crate) fn observe(&self, step: &Step) {
        crate::trace::step(step);
        self.observer.step(step);
    }

    /// Entries of a session that are replayed to a model.
    pub(crate) fn history_limit(&self, channel: &ChannelId) -> usize {
        let knowledge = self.knowledge();
        let entry = knowledge.config.channels.get(channel);
        let limit = entry.and_then(|entry| usize::try_from(entry.history_limit).ok());
        limit.unwrap_or(HISTORY_ENTRIES_MAX).clamp(1, HISTORY_ENTRIES_MAX * 10)
    }

    /// Characters of one message of a channel; 0 for no bound.
    pub(crate) fn text_limit(&self, channel: &ChannelId) -> usize {
        let knowledge = self.knowledge();
        let entry = knowledge.config.channels.get(channel);
        entry.and_then(|entry| usize::try_from(entry.text_chunk_limit).ok()).unwrap_or_default()
    }

    /// Bytes of one medium that a channel may bring.
    pub(crate) fn medium_limit(&self, channel: &ChannelId) -> u64 {
        self.knowledge().config.channels.get(channel).map_or(MEDIUM_BYTES_MAX, |entry| entry.medium_bytes_max)
    }

    /// Chooses the credential for each slot of a provider plugin; gives the derivation of the first that is needed.
    pub(crate) fn slots(
        &self,
        knowledge: &Knowledge,
        (target, is_probe): (&ModelTarget, bool),
    ) -> (Slots, Option<CredentialDerivation>) {
        let mut slots = Slots::new();
        let mut first = None;
        let Some(provider) = knowledge.plan.providers.get(&target.model.provider) else { return (slots, first) };
        for (name, slot) in &provider.grant.credentials {
            let (derivation, selection) = knowledge.select(target, (slot, provider), (self.now_ms(), is_probe));
            slots.insert(name.clone(), knowledge.slot((&provider.grant, slot), &derivation, selection));
            first = first.or(Some(derivation));
        }
        (slots, first)
    }

    /// The context of one call.
    pub(crate) fn context(self: &Arc<Self>, call: CallParts) -> CallContext {
        let core = Arc::clone(self);
        CallContext {
            call: call.name,
            grant: call.grant,
            settings_json: call.settings_json,
            now_ms: self.now_ms(),
            clock: Arc::clone(&self.clock),
            entropy: crate::entropy::entropy(),
            slots: call.slots,
            headers: call.headers,
            media: MediaScope::of(call.media),
            area: call.area,
            medium_bytes_max: call.medium_bytes_max,
            roots: call.roots,
            total_ms_max: call.total_ms_max,
            witness: Arc::new(move |record| Box::pin(core.witness(record))),
        }
    }

    /// Every request that left or was refused lands in the audit log and is seen by the observer.
    fn witness(&self, record: &EgressRecord) -> impl Future<Output = ()> + Send + use<> {
        self.observe(&Step::from(record));
        self.audit(Audit {
            plugin: record.plugin.clone(),
            action: format!("egress {}", record.method),
            is_allowed: record.refused.is_none(),
            rule: record.refused.as_ref().map_or_else(String::new, |refused| refused.rule.clone()),
            target: record.target.clone(),
        })
    }

    /// Hands a decision over to the audit log. The caller does not wait for the disk, but for a place in the queue.
    pub(crate) fn audit(&self, audit: Audit) -> impl Future<Output = ()> + Send + use<> {
        self.audit.note(AuditRecord {
            at_ms: self.now_ms(),
            plugin: audit.plugin,
            action: audit.action,
            verdict: if audit.is_allowed { "allowed" } else { "refused" }.to_owned(),
            rule: audit.rule,
            target: audit.target,
        })
    }
}

/// A decision for the audit log.
pub(crate) struct Audit {
    pub(crate) plugin: String,
    pub(crate) action: String,
    pub(crate) is_allowed: bool,
    pub(crate) rule: String,
    pub(crate) target: String,
}

/// What differs from call to call.
pub(crate) struct CallParts {
    pub(crate) name: String,
    pub(crate) grant: Arc<Grant>,
    pub(crate) settings_json: String,
    pub(crate) slots: Slots,
    pub(crate) headers: AddedHeaders,
    pub(crate) media: Vec<MediaRef>,
    pub(crate) area: Area,
    pub(crate) medium_bytes_max: u64,
    pub(crate) roots: Arc<Roots>,
    pub(crate) total_ms_max: Option<u64>,
}
