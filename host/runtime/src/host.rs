//! A running host: what it was set up with, its tasks, how it takes on another configuration, and how it stops.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use creel_engine::{Egress, EngineError, Plugin, Roots};
use creel_policy::ids::{ChannelId, PluginId};
use creel_store::Store;
use creel_store::ingest::GrantedDir;

use crate::core::{Clock, Core, Generation};
use crate::delivery::{self, Deliveries};
use crate::knowledge::Knowledge;
use crate::life::Life;
use crate::listen::Listeners;
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
    listeners: Listeners,
    sessions: Sessions,
    deliveries: Deliveries,
    life: Life,
}

/// What a reload has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reloaded {
    /// Channels that listen anew, since what is granted to them or who may speak has changed.
    pub channels_restarted: Vec<String>,
    /// Channels that listen for the first time.
    pub channels_started: Vec<String>,
    /// Channels that no longer listen.
    pub channels_stopped: Vec<String>,
    /// Entries of the configuration that cannot be used; the rest runs.
    pub problems: Vec<String>,
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
        let generation = generation(knowledge, plugins, &store);
        let egress = Arc::new(Egress::new()?);
        let core = Arc::new(Core::new(generation, (store, egress), (clock, observer)));
        let (life, deliveries) = (Life::default(), Deliveries::default());
        let sessions = Sessions::new(Arc::clone(&core), deliveries.clone(), life.clone());
        take_up(&core, &sessions).await?;
        life.spawn(delivery::run(Arc::clone(&core), deliveries.clone(), life.stopping.clone()));
        let listeners = Listeners::default();
        for channel in core.knowledge().plan.channels.keys() {
            listeners.start(&core, channel, &sessions, &life);
        }
        Ok(Self { core, listeners, sessions, deliveries, life })
    }

    /// Goes on by another configuration. What has begun ends by the one that it began with; whatever begins from now
    /// on, first tries and repeated ones alike, goes by the new one. Nothing of it is half applied.
    pub fn reload(&self, knowledge: Knowledge, plugins: Vec<Plugin>) -> Reloaded {
        let next = generation(knowledge, plugins, &self.core.store);
        let mut reloaded = Reloaded {
            problems: next.knowledge.plan.problems.iter().map(ToString::to_string).collect(),
            ..Reloaded::default()
        };
        let knowledge = Arc::clone(&next.knowledge);
        let before = self.core.succeed(next);
        let (old, new) = (&before.knowledge.plan.channels, &knowledge.plan.channels);
        for channel in old.keys().filter(|channel| !new.contains_key(*channel)) {
            self.listeners.stop(channel);
            reloaded.channels_stopped.push(channel.to_string());
        }
        for (channel, plan) in new {
            match old.get(channel) {
                Some(known) if known == plan => continue,
                Some(_) => reloaded.channels_restarted.push(channel.to_string()),
                None => reloaded.channels_started.push(channel.to_string()),
            }
            self.listeners.start(&self.core, channel, &self.sessions, &self.life);
        }
        // What waits for a channel that was away is due again.
        self.deliveries.nudge();
        reloaded
    }

    /// What this host answers by; `explain` and `status` ask it.
    #[must_use]
    pub fn knowledge(&self) -> Arc<Knowledge> {
        self.core.knowledge()
    }

    /// The plugins that are loaded.
    #[must_use]
    pub fn plugins(&self) -> Vec<Plugin> {
        self.core.generation().plugins.values().cloned().collect()
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

fn generation(knowledge: Knowledge, plugins: Vec<Plugin>, store: &Store) -> Generation {
    for problem in &knowledge.plan.problems {
        tracing::error!(entry = problem.entry(), "{problem}");
    }
    let roots = open_roots(&knowledge, store);
    let plugins: BTreeMap<PluginId, Plugin> = plugins.into_iter().map(|plugin| (plugin.id().clone(), plugin)).collect();
    Generation { knowledge: Arc::new(knowledge), plugins, roots }
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
