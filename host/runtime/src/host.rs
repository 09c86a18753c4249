//! A running host: what it was set up with, its tasks, and how it stops.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use creel_engine::{Egress, EngineError, Plugin, Roots};
use creel_policy::ids::{ChannelId, PluginId};
use creel_store::Store;
use creel_store::ingest::GrantedDir;

use crate::audit::AuditLog;
use crate::core::{Clock, Core};
use crate::delivery::{self, Deliveries};
use crate::knowledge::Knowledge;
use crate::life::Life;
use crate::listen;
use crate::sessions::Sessions;
use crate::step::Observer;

/// Sessions with unfinished messages that are read at once after a restart.
const PAGE: usize = 256;

/// What a host is started with: everything that boot has read, once.
pub struct Setup {
    /// Configuration, profiles, manifests and secrets.
    pub knowledge: Knowledge,
    /// Plugins, loaded.
    pub plugins: Vec<Plugin>,
    /// The store of the state directory.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Hears of each step.
    pub observer: Arc<dyn Observer>,
}

/// The host could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The clients for requests could not be made.
    #[error(transparent)]
    Egress(#[from] EngineError),
    /// The database could not be read.
    #[error("could not read what was left unfinished")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A running host.
pub struct Host {
    core: Arc<Core>,
    life: Life,
}

impl Host {
    /// Starts a host: takes up what was left unfinished, delivers what was left undelivered, and listens on every
    /// channel of the plan.
    ///
    /// # Errors
    ///
    /// [`StartError`]. A channel that cannot run is reported in the log and does not stop the others.
    pub async fn start(setup: Setup) -> Result<Self, StartError> {
        let Setup { knowledge, plugins, store, clock, observer } = setup;
        for problem in &knowledge.plan.problems {
            tracing::error!(entry = problem.entry(), "{problem}");
        }
        let roots = open_roots(&knowledge, &store);
        let plugins: BTreeMap<PluginId, Plugin> =
            plugins.into_iter().map(|plugin| (plugin.id().clone(), plugin)).collect();
        let egress = Arc::new(Egress::new()?);
        let audit = AuditLog::start(store.clone(), Arc::clone(&clock));
        let core = Arc::new(Core { knowledge, plugins, roots, store, egress, clock, observer, audit });
        let (life, deliveries) = (Life::default(), Deliveries::default());
        let sessions = Sessions::new(Arc::clone(&core), deliveries.clone(), life.clone());
        take_up(&core, &sessions).await?;
        life.spawn(delivery::run(Arc::clone(&core), deliveries, life.stopping.clone()));
        for channel in core.knowledge.plan.channels.keys() {
            life.spawn(listen::run(Arc::clone(&core), channel.clone(), sessions.clone(), life.stopping.clone()));
        }
        Ok(Self { core, life })
    }

    /// What this host answers by; `explain` and `status` ask it.
    #[must_use]
    pub fn knowledge(&self) -> &Knowledge {
        &self.core.knowledge
    }

    /// The plugins that are loaded.
    pub fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.core.plugins.values()
    }

    /// Milliseconds since the Unix epoch, by this host's clock.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.core.now_ms()
    }

    /// Stops: no new message is taken in, turns under way may finish, and what does not finish in time stays durable
    /// and is taken up at the next start. The audit log has every decision when this returns.
    pub async fn shutdown(&self) {
        self.life.end().await;
        self.core.audit.flush().await;
    }
}

/// Wakes every session of a running channel that has an unfinished message.
async fn take_up(core: &Arc<Core>, sessions: &Sessions) -> Result<(), StartError> {
    let mut after = String::new();
    loop {
        let page = core.store(move |store| store.inbound_sessions(&after, PAGE)).await;
        let page = page.map_err(|error| StartError::Store(error.0))?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = last.clone();
        for (session, channel) in &page {
            if core.is_running(channel) {
                sessions.wake(session);
            } else {
                tracing::warn!(%session, %channel, "unfinished messages wait until their channel runs again");
            }
        }
    }
}

/// Opens the directories that the operator granted to channels.
fn open_roots(knowledge: &Knowledge, store: &Store) -> BTreeMap<ChannelId, Arc<Roots>> {
    let mut all = BTreeMap::new();
    for (id, channel) in &knowledge.plan.channels {
        let mut roots = Roots::new();
        for (name, path) in &channel.grant.roots {
            match GrantedDir::open_ambient(Path::new(path), store) {
                Ok(dir) => drop(roots.insert(name.clone(), Arc::new(dir))),
                Err(error) => {
                    tracing::error!(channel = %id, root = name, path, error = %creel_engine::chain(&error), "a granted directory cannot be opened; the channel runs without it")
                }
            }
        }
        all.insert(id.clone(), Arc::new(roots));
    }
    all
}
