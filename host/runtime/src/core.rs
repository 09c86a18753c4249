//! What every part of a running host works with: the plan, the plugins, the store and the clock, and small ways to
//! use them. Nothing here takes part in a turn.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use creel_engine::{CallContext, Egress, EgressRecord, Injection, MediaScope, Plugin, Roots, Slot, Slots};
use creel_policy::credential::{CredentialDerivation, Selection};
use creel_policy::grant::Grant;
use creel_policy::ids::{ChannelId, PluginId};
use creel_policy::limits::{HISTORY_ENTRIES_MAX, MEDIUM_BYTES_MAX};
use creel_policy::manifest::CredentialSlot;
use creel_policy::media::{Area, MediaRef};
use creel_policy::route::ModelTarget;
use creel_store::Store;
use creel_store::audit::AuditRecord;

use crate::knowledge::Knowledge;
use crate::step::{Observer, Step};

/// The database or the media directory failed under us.
#[derive(Debug, thiserror::Error)]
#[error("the store failed")]
pub(crate) struct StoreFailed(#[source] pub(crate) Box<dyn std::error::Error + Send + Sync>);

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
}

impl Core {
    pub(crate) fn new(
        generation: Generation,
        (store, egress): (Store, Arc<Egress>),
        (clock, observer): (Clock, Arc<dyn Observer>),
    ) -> Self {
        Self { generation: RwLock::new(Arc::new(generation)), store, egress, clock, observer }
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
    pub(crate) fn slots(&self, knowledge: &Knowledge, target: &ModelTarget) -> (Slots, Option<CredentialDerivation>) {
        let mut slots = Slots::new();
        let mut first = None;
        let Some(provider) = knowledge.plan.providers.get(&target.model.provider) else { return (slots, first) };
        for (name, slot) in &provider.grant.credentials {
            let (derivation, selection) = knowledge.select(target, slot, provider.keyless, self.now_ms());
            slots.insert(name.clone(), filled(knowledge, slot, &derivation, selection));
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
            entropy: entropy(),
            slots: call.slots,
            media: MediaScope::of(call.media),
            area: call.area,
            medium_bytes_max: call.medium_bytes_max,
            roots: call.roots,
            total_ms_max: call.total_ms_max,
            witness: Arc::new(move |record| core.witness(record)),
        }
    }

    /// Every request that left or was refused lands in the audit log and is seen by the observer.
    fn witness(&self, record: &EgressRecord) {
        self.observe(&Step::from(record));
        self.audit(Audit {
            plugin: record.plugin.clone(),
            action: format!("egress {}", record.method),
            is_allowed: record.refused.is_none(),
            rule: record.refused.as_ref().map_or_else(String::new, |refused| refused.rule.clone()),
            target: record.target.clone(),
        });
    }

    /// Writes an audit record without making the caller wait for the disk.
    pub(crate) fn audit(&self, audit: Audit) {
        let store = self.store.clone();
        let record = AuditRecord {
            at_ms: self.now_ms(),
            plugin: audit.plugin,
            action: audit.action,
            verdict: if audit.is_allowed { "allowed" } else { "refused" }.to_owned(),
            rule: audit.rule,
            target: audit.target,
        };
        drop(tokio::task::spawn_blocking(move || {
            if let Err(error) = store.audit(&record) {
                tracing::error!(error = %creel_engine::chain(&error), "could not write an audit record");
            }
        }));
    }
}

/// A slot with what was selected for it.
fn filled(
    knowledge: &Knowledge,
    slot: &CredentialSlot,
    derivation: &CredentialDerivation,
    selection: Selection,
) -> Slot {
    match selection {
        Selection::Secret(selected) => {
            let rule = slot.classes.get(selected.rule);
            match (knowledge.secrets.get(&selected.source), rule) {
                (Some(secret), Some(rule)) => Slot::Ready(Injection {
                    secret: Arc::clone(secret),
                    place: rule.place.clone(),
                    with: rule.with.clone(),
                }),
                (None, _) | (_, None) => Slot::Missing(format!("the value of `{}` is gone", selected.source)),
            }
        }
        Selection::Bare => Slot::Bare,
        Selection::Failed => {
            Slot::Missing(derivation.failure.clone().unwrap_or_else(|| "no usable credential was found".to_owned()))
        }
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
    pub(crate) media: Vec<MediaRef>,
    pub(crate) area: Area,
    pub(crate) medium_bytes_max: u64,
    pub(crate) roots: Arc<Roots>,
    pub(crate) total_ms_max: Option<u64>,
}

/// Fresh random bits; a call without them would repeat its identifiers.
fn entropy() -> u64 {
    getrandom::u64().unwrap_or_else(|_| std::process::id().into())
}
