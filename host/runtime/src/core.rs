//! What every part of a running host works with: the plan, the plugins, the store and the clock, and small ways to
//! use them. Nothing here takes part in a turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use creel_engine::{CallContext, Egress, EgressRecord, Injection, MediaScope, Plugin, Roots, Slot, Slots};
use creel_policy::catalog::Catalog;
use creel_policy::config::Config;
use creel_policy::credential::{CredentialDerivation, CredentialRequest, Use, select};
use creel_policy::grant::Grant;
use creel_policy::ids::{ChannelId, PluginId};
use creel_policy::limits::HISTORY_ENTRIES_MAX;
use creel_policy::media::{Area, MediaRef};
use creel_policy::plan::Plan;
use creel_policy::profiles::Profiles;
use creel_policy::route::ModelTarget;
use creel_store::audit::AuditRecord;
use creel_store::{Store, StoreError};

use crate::secrets::Secrets;
use crate::step::{Observer, Step};

/// The database or the media directory failed under us.
#[derive(Debug, thiserror::Error)]
#[error("the store failed")]
pub(crate) struct StoreFailed(#[source] pub(crate) Box<dyn std::error::Error + Send + Sync>);

/// A clock: milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What every part of a running host works with.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) profiles: Profiles,
    pub(crate) plan: Plan,
    pub(crate) catalog: Catalog,
    pub(crate) secrets: Secrets,
    pub(crate) plugins: BTreeMap<PluginId, Plugin>,
    pub(crate) roots: BTreeMap<ChannelId, Arc<Roots>>,
    pub(crate) store: Store,
    pub(crate) egress: Arc<Egress>,
    pub(crate) clock: Clock,
    pub(crate) observer: Arc<dyn Observer>,
}

impl Core {
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
    pub(crate) fn history_limit(&self, channel: &str) -> usize {
        let entry = ChannelId::parse(channel).ok().and_then(|id| self.config.channels.get(&id));
        let limit = entry.and_then(|entry| usize::try_from(entry.history_limit).ok());
        limit.unwrap_or(HISTORY_ENTRIES_MAX).clamp(1, HISTORY_ENTRIES_MAX * 10)
    }

    /// Chooses the credential for each slot of a provider plugin; the derivation is that of the last slot, and there
    /// is one slot in practice.
    pub(crate) fn slots(&self, target: &ModelTarget, use_: Use) -> (Slots, Option<CredentialDerivation>) {
        let mut slots = Slots::new();
        let mut last = None;
        let Some(provider) = self.plan.providers.get(&target.model.provider) else { return (slots, last) };
        for (name, slot) in &provider.grant.credentials {
            let request = CredentialRequest {
                provider: &target.model.provider,
                slot,
                keyless: provider.keyless,
                use_,
                profile: target.profile.as_ref(),
                preferred_profile: target.preferred_profile.as_ref(),
                now_ms: self.now_ms(),
            };
            let (derivation, selection) = select(&self.config, &self.profiles, &self.secrets, &request);
            slots.insert(name.clone(), self.slot(slot, &derivation, selection));
            last = Some(derivation);
        }
        (slots, last)
    }

    fn slot(
        &self,
        slot: &creel_policy::manifest::CredentialSlot,
        derivation: &CredentialDerivation,
        selection: creel_policy::credential::Selection,
    ) -> Slot {
        use creel_policy::credential::Selection;
        match selection {
            Selection::Secret { source, class_rule, .. } => match (self.secrets.get(&source), slot.classes.get(class_rule)) {
                (Some(secret), Some(rule)) => {
                    Slot::Ready(Injection { secret, place: rule.place.clone(), with: rule.with.clone() })
                }
                (None, _) | (_, None) => Slot::Missing(format!("the value of `{source}` is gone")),
            },
            Selection::Keyless => Slot::Bare,
            Selection::None if slot.optional => Slot::Bare,
            Selection::None => Slot::Missing(
                derivation.failure.clone().unwrap_or_else(|| "no usable credential was found".to_owned()),
            ),
        }
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
            roots: call.roots,
            total_ms_max: call.total_ms_max,
            witness: Arc::new(move |record| core.witness(record)),
        }
    }

    /// Every request that left or was refused lands in the audit log and is seen by the observer.
    fn witness(&self, record: &EgressRecord) {
        self.observe(&Step::from(record));
        let audit = AuditRecord {
            at_ms: self.now_ms(),
            plugin: record.plugin.clone(),
            action: format!("egress {}", record.method),
            verdict: if record.refused.is_some() { "refused" } else { "sent" }.to_owned(),
            rule: record.refused.as_ref().map_or_else(String::new, |refused| refused.rule.clone()),
            target: record.target.clone(),
        };
        self.audit(audit);
    }

    /// Writes an audit record without making the caller wait for the disk.
    pub(crate) fn audit(&self, record: AuditRecord) {
        let store = self.store.clone();
        drop(tokio::task::spawn_blocking(move || {
            let written: Result<(), StoreError> = store.audit(&record);
            if let Err(error) = written {
                tracing::error!(%error, "could not write an audit record");
            }
        }));
    }
}

/// What differs from call to call.
pub(crate) struct CallParts {
    pub(crate) name: String,
    pub(crate) grant: Arc<Grant>,
    pub(crate) settings_json: String,
    pub(crate) slots: Slots,
    pub(crate) media: Vec<MediaRef>,
    pub(crate) area: Area,
    pub(crate) roots: Arc<Roots>,
    pub(crate) total_ms_max: Option<u64>,
}

/// Fresh random bits; a call without them would repeat its identifiers.
fn entropy() -> u64 {
    getrandom::u64().unwrap_or_else(|_| std::process::id().into())
}
