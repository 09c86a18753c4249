//! A running host: what it was set up with, its tasks, and how it stops.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use creel_engine::{Egress, EngineError, Plugin, Roots};
use creel_policy::ids::{ChannelId, PluginId};
use creel_store::Store;
use creel_store::ingest::GrantedDir;

use crate::core::{Clock, Core};
use crate::delivery::{self, Deliveries};
use crate::knowledge::Knowledge;
use crate::life::Life;
use crate::listen;
use crate::probe::Prober;
use crate::sessions::Sessions;
use crate::step::Observer;

/// Unfinished messages that are read at once after a restart.
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
    prober: Prober,
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
        let core = set_up(setup)?;
        let (life, deliveries) = (Life::default(), Deliveries::default());
        let sessions = Sessions::new(Arc::clone(&core), deliveries.clone(), life.clone());
        take_up(&core, &sessions).await?;
        life.spawn(delivery::run(Arc::clone(&core), deliveries, life.stopping.clone()));
        for channel in core.knowledge.plan.channels.keys() {
            life.spawn(listen::run(Arc::clone(&core), channel.clone(), sessions.clone(), life.stopping.clone()));
        }
        Ok(Self { prober: Prober::of(Arc::clone(&core)), core, life })
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

    /// Asks providers whether they take the credentials that this host would send.
    #[must_use]
    pub fn prober(&self) -> &Prober {
        &self.prober
    }

    /// Milliseconds since the Unix epoch, by this host's clock.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.core.now_ms()
    }

    /// Stops: no new message is taken in, turns under way may finish, and what does not finish in time stays durable
    /// and is taken up at the next start.
    pub async fn shutdown(&self) {
        self.life.end().await;
    }
}

/// Makes what all parts of a host work with, and sets nothing going.
pub(crate) fn set_up(setup: Setup) -> Result<Arc<Core>, StartError> {
    let Setup { knowledge, plugins, store, clock, observer } = setup;
    for problem in &knowledge.plan.problems {
        tracing::error!(entry = problem.entry(), "{problem}");
    }
    let roots = open_roots(&knowledge, &store);
    let plugins: BTreeMap<PluginId, Plugin> = plugins.into_iter().map(|plugin| (plugin.id().clone(), plugin)).collect();
    let egress = Arc::new(Egress::new()?);
    Ok(Arc::new(Core { knowledge, plugins, roots, store, egress, clock, observer }))
}

/// Wakes every session that has an unfinished message.
async fn take_up(core: &Arc<Core>, sessions: &Sessions) -> Result<(), StartError> {
    let mut after = None;
    loop {
        let page = core.store(move |store| store.inbound_unfinished(after, PAGE)).await;
        let page = page.map_err(|error| StartError::Store(error.0))?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for inbound in &page {
            sessions.wake(&inbound.message.session);
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
