//! A running host: what it was set up with, its tasks, how it takes on another configuration, and how it stops.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use creel_engine::{Egress, EngineError, Plugin, Roots, embedding};
use creel_policy::agent::AgentGrant;
use creel_policy::ids::{AgentId, ChannelId, PluginId};
use creel_policy::route::{ModelTarget, RoutePlan};
use creel_store::Store;
use creel_store::audit::AuditRecord;
use creel_store::ingest::GrantedDir;
use creel_store::media::MediaError;
use creel_store::resolve::{Asker, Deed, MediaResolution, Scope};

use crate::core::{Clock, Core, Generation};
use crate::delivery::{self, Deliveries};
use crate::figures::{self, Answered};
use crate::knowledge::Knowledge;
use crate::life::Life;
use crate::listen::Listeners;
use crate::probe::Prober;
use crate::question::{self, Question, Reply, Unanswered};
use crate::send::{self, Outgoing, Queued, SendError};
use crate::sessions::Sessions;
use crate::step::Observer;
use crate::take::fetched;

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
    prober: Prober,
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
        let core = set_up(setup).await?;
        let (life, deliveries) = (Life::default(), Deliveries::default());
        let sessions = Sessions::new(Arc::clone(&core), deliveries.clone(), life.clone());
        take_up(&core, &sessions).await?;
        life.spawn(delivery::run(Arc::clone(&core), deliveries.clone(), life.stopping.clone()));
        let listeners = Listeners::default();
        for channel in core.knowledge().plan.channels.keys() {
            listeners.start(&core, channel, &sessions, &life);
        }
        Ok(Self { prober: Prober::of(Arc::clone(&core)), core, listeners, sessions, deliveries, life })
    }

    /// Goes on by another configuration. What has begun ends by the one that it began with; whatever begins from now
    /// on, first tries and repeated ones alike, goes by the new one. Nothing of it is half applied.
    pub fn reload(&self, knowledge: Knowledge, plugins: Vec<Plugin>) -> Reloaded {
        let before = self.core.knowledge();
        before.renewals.take_in(&knowledge.renewals);
        let (memory, renewals) = (Arc::clone(&before.memory), Arc::clone(&before.renewals));
        let knowledge = Knowledge { memory, renewals, ..knowledge };
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
        let (core, sessions) = (Arc::clone(&self.core), self.sessions.clone());
        self.life.spawn(async move {
            if let Err(error) = take_up(&core, &sessions).await {
                tracing::error!(error = %creel_engine::chain(&error), "messages that waited are taken up at the next start");
            }
        });
        reloaded
    }

    /// What this host answers by; `explain` and `status` ask it.
    #[must_use]
    pub fn knowledge(&self) -> Arc<Knowledge> {
        self.core.knowledge()
    }

    /// Asks along a route of [`Knowledge::route_named`]; gives the answer once its first piece is there.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] with every try.
    pub async fn ask(&self, plan: &RoutePlan, question: Question) -> Result<Reply, Box<Unanswered>> {
        question::ask(&self.core, plan, question).await
    }

    /// Makes vectors of texts by one model.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] with every try.
    pub async fn embed(
        &self,
        caller: &str,
        target: &ModelTarget,
        request: embedding::EmbeddingRequest,
    ) -> Result<Answered<embedding::Embeddings>, Box<Unanswered>> {
        figures::embed(&self.core, caller, target, request).await
    }

    /// Has a model's provider count the tokens of a request; `None` where it does not count.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] with every try.
    pub async fn count(&self, target: &ModelTarget, question: &Question) -> Result<Option<u64>, Box<Unanswered>> {
        figures::count(&self.core, target, question).await
    }

    /// Makes any spelling of a medium a stored medium, as far as an agent may name it.
    ///
    /// # Errors
    ///
    /// [`MediaError`] only for surprises: a refusal is part of the answer.
    pub async fn take_media(
        &self,
        reference: &str,
        (agent, grant): (&AgentId, &AgentGrant),
    ) -> Result<MediaResolution, MediaError> {
        let (knowledge, now_ms) = (self.core.knowledge(), self.core.now_ms());
        let resolving = {
            let (store, knowledge) = (self.core.store.clone(), Arc::clone(&knowledge));
            let (agent, grant, reference) = (agent.clone(), grant.clone(), reference.to_owned());
            tokio::task::spawn_blocking(move || {
                let scope = Scope { agent: &agent, ..knowledge.media_scope(Asker::Agent(&grant)) };
                store.resolve(&reference, &scope, Deed::Take { now_ms })
            })
        };
        let lost = |error| MediaError::Io { deed: "look for a medium", source: std::io::Error::other(error) };
        let resolution = resolving.await.map_err(lost)??;
        let scope = Scope { agent, ..knowledge.media_scope(Asker::Agent(grant)) };
        fetched((&self.core.store, &self.core.egress), resolution, &scope, now_ms).await
    }

    /// Puts a message that answers none into the outbox; it is delivered behind that, in the order of its session.
    ///
    /// # Errors
    ///
    /// [`SendError`]; then nothing will be sent.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Queued, SendError> {
        let queued = send::send(&self.core, outgoing).await?;
        self.deliveries.nudge();
        Ok(queued)
    }

    /// Hands a decision over to the audit log; waits for a place in its queue, and not for the disk.
    pub fn audit(&self, record: AuditRecord) -> impl Future<Output = ()> + Send + use<> {
        self.core.audit.note(record)
    }

    /// The plugins that are loaded.
    #[must_use]
    pub fn plugins(&self) -> Vec<Plugin> {
        self.core.generation().plugins.values().cloned().collect()
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
    /// and is taken up at the next start. The audit log has every decision when this returns.
    pub async fn shutdown(&self) {
        self.life.end().await;
        self.core.audit.flush().await;
    }
}

/// Makes what all parts of a host work with, and sets nothing going.
pub(crate) async fn set_up(setup: Setup) -> Result<Arc<Core>, StartError> {
    let Setup { knowledge, plugins, store, clock, observer } = setup;
    let reading = store.clone();
    let ledger = tokio::task::spawn_blocking(move || reading.ledger()).await;
    let ledger = ledger.map_err(|error| StartError::Store(error.into()))?;
    let knowledge = knowledge.remembering(ledger.map_err(|error| StartError::Store(error.into()))?);
    let generation = generation(knowledge, plugins, &store);
    let egress = Arc::new(Egress::new()?);
    Ok(Arc::new(Core::new(generation, (store, egress), (clock, observer))))
}

fn generation(knowledge: Knowledge, plugins: Vec<Plugin>, store: &Store) -> Generation {
    for problem in &knowledge.plan.problems {
        tracing::error!(entry = problem.entry(), "{problem}");
    }
    let roots = open_roots(&knowledge, store);
    let plugins: BTreeMap<PluginId, Plugin> = plugins.into_iter().map(|plugin| (plugin.id().clone(), plugin)).collect();
    Generation { knowledge: Arc::new(knowledge), plugins, roots }
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
