//! `creel reload`: the daemon reads again what the operator wrote, and goes on by it. Read whole and checked before
//! anything changes: what cannot be read leaves everything as it was.

use std::sync::{Arc, PoisonError, RwLock};

use creel_engine::{Engine, Plugin};
use creel_policy::config::GatewayConfig;
use creel_runtime::{Host, Knowledge};
use creel_store::Store;
use creel_store::agents::{Agents, AgentsSnapshot};
use creel_store::media::MediaPolicy;
use creel_store::state::StateRoot;

use crate::admin::Client;
use crate::agents;
use crate::api::Callers;
use crate::boot::{self, BootError};
use crate::cli::ReloadArgs;
use crate::clock;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::explain::print;
use crate::places::Places;
use crate::plugins::{self, Absences, Loaded};
use crate::process::Process;
use crate::render;
use crate::views::{Answerer, Daemon, ReloadView};

/// Who answers, and what it cannot call; replaced as one with each reload.
pub(crate) struct Answering {
    /// Who answers.
    pub(crate) answerer: Answerer,
    /// Plugins that the configuration uses and that cannot be called.
    pub(crate) absent: Absences,
}

/// Where a daemon reads from, again and again.
pub(crate) struct Sources {
    pub(crate) places: Places,
    pub(crate) process: Arc<Process>,
    pub(crate) state: StateRoot,
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) agents: Arc<Agents>,
}

/// A running daemon's way to another configuration.
pub(crate) struct Reloader {
    host: Arc<Host>,
    callers: Arc<Callers>,
    sources: Arc<Sources>,
    answering: RwLock<Arc<Answering>>,
    /// One reload at a time: the later one reads what the earlier one has not seen.
    turn: tokio::sync::Mutex<()>,
}

/// What was read for a reload.
struct Read {
    knowledge: Knowledge,
    loaded: Loaded,
    daemon: Daemon,
    agents: AgentsSnapshot,
    needs_restart: Vec<&'static str>,
}

impl Reloader {
    /// A daemon that has just started.
    pub(crate) fn new((host, callers): (Arc<Host>, Arc<Callers>), sources: Sources, answering: Answering) -> Self {
        Self {
            host,
            callers,
            sources: Arc::new(sources),
            answering: RwLock::new(Arc::new(answering)),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Who answers now.
    pub(crate) fn answering(&self) -> Arc<Answering> {
        Arc::clone(&self.answering.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads everything again and goes on by it.
    ///
    /// # Errors
    ///
    /// [`CommandError`] with every problem of what was read; nothing has changed then.
    pub(crate) async fn reload(&self) -> Result<ReloadView, CommandError> {
        let _turn = self.turn.lock().await;
        let (sources, daemon) = (Arc::clone(&self.sources), self.answering().answerer.daemon.clone());
        let (loaded, knowledge) = (self.host.plugins(), self.host.knowledge());
        let read = tokio::task::spawn_blocking(move || read(&sources, daemon, &loaded, &knowledge));
        let Read { knowledge, loaded, daemon, agents, needs_restart } =
            read.await.map_err(|error| CommandError::Runtime(error.into()))??;
        self.sources.store.keep_media_by(MediaPolicy::of(&knowledge.config.media));
        self.callers.set_operator(knowledge.gateway_token_sha256());
        self.sources.agents.reload(agents);
        let reloaded = self.host.reload(knowledge, loaded.plugins);
        let answerer = Answerer { daemon: Some(daemon), files: None };
        let view = ReloadView {
            answerer: answerer.clone(),
            reloaded,
            absent: loaded.absent.values().map(render::absence).collect(),
            needs_restart: needs_restart.into_iter().map(str::to_owned).collect(),
        };
        let next = Arc::new(Answering { answerer, absent: loaded.absent });
        *self.answering.write().unwrap_or_else(PoisonError::into_inner) = next;
        tracing::info!(
            restarted = ?view.reloaded.channels_restarted,
            started = ?view.reloaded.channels_started,
            stopped = ?view.reloaded.channels_stopped,
            "reloaded"
        );
        Ok(view)
    }

    /// Takes up what has changed of the agents alone.
    ///
    /// # Errors
    ///
    /// [`CommandError`]; nothing has changed then.
    pub(crate) async fn reload_agents(&self) -> Result<(), CommandError> {
        let _turn = self.turn.lock().await;
        let (sources, now_ms) = (Arc::clone(&self.sources), self.host.now_ms());
        let reloading = tokio::task::spawn_blocking(move || agents::reload(&sources.agents, &sources.store, now_ms));
        reloading.await.map_err(|error| CommandError::Runtime(error.into()))??;
        Ok(())
    }
}

/// Reads what the operator wrote, and the plugins that are not loaded yet. Waits for the disk, for the commands that
/// know secrets, and for the compiler.
fn read(
    sources: &Sources,
    daemon: Option<Daemon>,
    running: &[Plugin],
    before: &Knowledge,
) -> Result<Read, CommandError> {
    let Sources { places, process, state, engine, .. } = sources;
    let files = boot::read(places, Some(state))?;
    let (Some(config_sha256), Some(daemon)) = (files.config_sha256.clone(), daemon) else {
        return Err(BootError::NoConfig { path: files.config_path }.into());
    };
    for problem in &files.profiles.problems {
        tracing::warn!("{problem}");
    }
    let needs_restart = needs_restart(&before.config.gateway, &files.config.gateway)
        .chain((before.config.log != files.config.log).then_some("logging"))
        .collect();
    let daemon = Daemon { config_sha256, config_path: files.config_path.display().to_string(), ..daemon };
    let mut installed = files.find_plugins(places, process);
    let knowledge = files.know(&installed, process, Some(state))?;
    let absent = installed.absent(&knowledge);
    let is_running = |sha256: &str| running.iter().find(|plugin| hex(plugin.digest()) == sha256);
    let (kept, fresh): (Vec<_>, Vec<_>) =
        installed.take(&plugins::used(&knowledge)).into_iter().partition(|file| is_running(&file.sha256).is_some());
    let mut loaded = plugins::load(engine, fresh, false);
    loaded.plugins.extend(kept.iter().filter_map(|file| is_running(&file.sha256).cloned()));
    loaded.absent.extend(absent);
    for (id, absence) in &loaded.absent {
        tracing::error!(plugin = %id, "{}", render::absence(absence));
    }
    let agents = sources.store.agents_snapshot(clock::now_ms())?;
    Ok(Read { knowledge, loaded, daemon, agents, needs_restart })
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Keys that are read at the start alone and have changed.
fn needs_restart(before: &GatewayConfig, now: &GatewayConfig) -> impl Iterator<Item = &'static str> {
    let port = (before.port != now.port).then_some("gateway.port");
    let bind = (before.bind != now.bind).then_some("gateway.bind");
    let socket = (before.socket != now.socket).then_some("gateway.socket");
    port.into_iter().chain(bind).chain(socket)
}

/// `creel reload`.
///
/// # Errors
///
/// [`CommandError`] where no daemon runs, or it could not use what it read.
pub(crate) fn run(args: &ReloadArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let told = async {
        match Client::connect(&places.state_dir).await? {
            Some(client) => client.tell("/v1/reload").await.map_err(CommandError::from),
            None => Err(CommandError::NoDaemon { state_dir: places.state_dir.clone() }),
        }
    };
    let json = runtime.block_on(told)?;
    let view: ReloadView = serde_json::from_str(&json)?;
    print(if args.json { json } else { render::reload(&view, process.style_of_stdout()) }.as_str())?;
    Ok(Exit::Ok)
}
