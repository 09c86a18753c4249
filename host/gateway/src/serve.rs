//! `creel serve`: boots a host, answers on the administration socket and over HTTP, and stops when told to.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use axum::{Extension, Router};
use creel_engine::{Engine, EngineSettings};
use creel_policy::config::{Bind, GatewayConfig};
use creel_runtime::{Host, Knowledge, Observer, Setup, Step};
use creel_store::Store;
use creel_store::agents::Agents;
use creel_store::media::MediaPolicy;
use creel_store::state::{StateLock, StateRoot};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin};
use crate::agents;
use crate::api::{self, Api, Callers, Peer};
use crate::boot::{self, BootError};
use crate::cli::{LISTEN_PORT, ServeArgs};
use crate::connections::{self, Local, Tcp, Unix};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::health;
use crate::log;
use crate::media;
use crate::metrics::{self, Metrics, Reading};
use crate::places::Places;
use crate::plugins::{self, Installed, Loaded};
use crate::process::Process;
use crate::ready::{self, Readiness};
use crate::reload::{Answering, Reloader, Sources};
use crate::render::{self, Style};
use crate::telemetry::keep_exporting;
use crate::views::{Answerer, Daemon};

/// What a daemon consists of before it runs.
struct Parts {
    lock: StateLock,
    state: StateRoot,
    engine: Engine,
    store: Store,
    agents: Arc<Agents>,
    knowledge: Knowledge,
    loaded: Loaded,
    daemon: Daemon,
    address: SocketAddr,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
///
/// [`CommandError`] when it cannot start, or is told twice to stop.
pub(crate) fn run(args: &ServeArgs, places: &Places, process: &Arc<Process>) -> Result<Exit, CommandError> {
    // What the daemon makes is its user's alone, whatever the shell that started it says.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let parts = boot(args, places, process)?;
    raise_open_files();
    let runtime = crate::runtime()?;
    let stopped = runtime.block_on(serve(parts, places, process));
    runtime.shutdown_background();
    stopped
}

/// Lets the process open as many files as it may: each live call has two connections, and shells usually start with 1,024.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::warn!(%error, "the bound on open files stays at {:?}", limit.current);
    }
}

/// Everything that can go wrong by the operator's hand goes wrong here, before anything is sent or listened on.
fn boot(args: &ServeArgs, places: &Places, process: &Process) -> Result<Parts, CommandError> {
    let state = boot::open_or_create_state(places)?;
    let files = boot::read(places, Some(&state))?;
    log::start(&args.log, files.config.log.level, process)?;
    let Some(config_sha256) = files.config_sha256.clone() else {
        return Err(BootError::NoConfig { path: files.config_path }.into());
    };
    let lock = state.lock().map_err(BootError::State)?;
    for problem in &files.profiles.problems {
        tracing::warn!("{problem}");
    }
    let daemon = Daemon {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        home: places.home.as_ref().map(|home| home.display().to_string()),
        state_dir: state.display_path().display().to_string(),
        config_path: files.config_path.display().to_string(),
        config_sha256,
        started_ms: crate::clock::now_ms(),
    };
    tracing::info!(state_dir = daemon.state_dir, config = daemon.config_path, version = daemon.version, "starting");
    let mut installed = files.find_plugins(places, process);
    let address = address(args, &files.config.gateway);
    let knowledge = files.know(&installed, process, Some(&state))?;
    let engine = engine(&state)?;
    let loaded = load_plugins(&engine, &knowledge, &mut installed, process);
    let store = Store::open(&state)?;
    store.keep_media_by(MediaPolicy::of(&knowledge.config.media));
    let cleared = store.clear_leftovers(&lock)?;
    if cleared > 0 {
        tracing::info!(cleared, "removed what an earlier daemon left half done");
    }
    let agents = Arc::new(Agents::new(store.agents_snapshot(daemon.started_ms)?));
    Ok(Parts { lock, state, engine, store, agents, knowledge, loaded, daemon, address })
}

/// WebAssembly with the compiled code of this state directory.
///
/// # Errors
///
/// [`CommandError`] where the cache or the engine cannot be set up.
pub(crate) fn engine(state: &StateRoot) -> Result<Engine, CommandError> {
    let cache = state.private_dir("cache/compiled").map_err(BootError::State)?;
    Ok(Engine::new(EngineSettings { cache: Some(cache) })?)
}

/// Loads the plugins that the configuration uses, and says of each other why it is not there. One that cannot be
/// loaded never stops the others.
pub(crate) fn load_plugins(
    engine: &Engine,
    knowledge: &Knowledge,
    installed: &mut Installed,
    process: &Process,
) -> Loaded {
    for refusal in &installed.unusable {
        tracing::warn!(error = %creel_engine::chain(refusal), "not taken for a plugin");
    }
    let absent = installed.absent(knowledge);
    let mut loaded = plugins::load(engine, installed.take(&plugins::used(knowledge)), process.stderr_is_terminal);
    loaded.absent.extend(absent);
    for (id, absence) in &loaded.absent {
        tracing::error!(plugin = %id, "{}", render::absence(absence));
    }
    loaded
}

async fn serve(parts: Parts, places: &Places, process: &Arc<Process>) -> Result<Exit, CommandError> {
    let mut stop = Signals::new(process.stderr_is_terminal).map_err(CommandError::Signals)?;
    let address = parts.address;
    let not_listening = |source| CommandError::Listen { address, source };
    let tcp = TcpListener::bind(address).await.map_err(not_listening)?;
    let address = tcp.local_addr().map_err(not_listening)?;
    let socket = admin::listen(Path::new(&parts.daemon.state_dir), &parts.lock).map_err(CommandError::Socket)?;
    let (store, daemon, absent) = (parts.store.clone(), parts.daemon, parts.loaded.absent);
    let (metrics, spans) = Metrics::new();
    let host = Host::start(Setup {
        knowledge: parts.knowledge,
        plugins: parts.loaded.plugins,
        store: parts.store,
        clock: process.clock(),
        observer: Arc::clone(&metrics) as Arc<dyn Observer>,
    });
    let host = Arc::new(host.await?);
    let callers = Arc::new(Callers::new(Arc::clone(&parts.agents), host.knowledge().gateway_token_sha256()));
    let reading = Reading {
        metrics: Arc::clone(&metrics),
        host: Arc::clone(&host),
        engine: parts.engine.clone(),
        store: store.clone(),
        callers: Arc::clone(&callers),
    };
    let leaving = CancellationToken::new();
    let Served { near, far, clients } = served(&reading, (&daemon, address), &leaving);
    let local = local(&host.knowledge().config.gateway, places).map_err(CommandError::Socket)?;
    let sources = Sources {
        places: places.clone(),
        process: Arc::clone(process),
        state: parts.state,
        engine: parts.engine,
        store: store.clone(),
        agents: Arc::clone(&parts.agents),
    };
    let answering = Answering { answerer: Answerer { daemon: Some(daemon), files: None }, absent };
    let reloader = Arc::new(Reloader::new((Arc::clone(&host), callers), sources, answering));
    let (sweeping, using) = (store.clone(), store.clone());
    let admin = Admin { host: Arc::clone(&host), store, reloader: Arc::clone(&reloader) };
    let admin = admin::router(Arc::new(admin));
    let stopping = CancellationToken::new();
    let mut servers = serve_all((tcp, near, far), (socket, admin), &stopping);
    if let Some(listener) = local {
        let local = Local { listener, router: clients };
        servers.push(tokio::spawn(connections::serve(local, stopping.clone())));
    }
    let sweeping = tokio::spawn(media::keep_sweeping(sweeping, process.clock(), stopping.clone()));
    // It has a stop of its own: requests count until the last of them has ended.
    let unused = CancellationToken::new();
    let writing = tokio::spawn(agents::keep_writing(parts.agents, using, unused.clone()));
    let exporting = tokio::spawn(keep_exporting(Arc::clone(&host), metrics, spans, unused.clone()));
    announce(address).map_err(CommandError::Output)?;
    tracing::info!(%address, "ready");
    while stop.wait().await == Told::Reload {
        if let Err(error) = reloader.reload().await {
            tracing::error!("not reloaded: {}", render::reasons(&error, Style::Plain).trim_end());
        }
    }
    tracing::info!("stopping; a second signal stops at once");
    leaving.cancel();
    let graceful = async {
        host.shutdown().await;
        stopping.cancel();
        ended(servers.into_iter().chain([sweeping])).await;
        unused.cancel();
        ended([writing, exporting]).await;
    };
    tokio::select! {
        () = graceful => {
            tracing::info!("stopped");
            Ok(Exit::Ok)
        }
        () = stop.told_to_stop() => Err(CommandError::StoppedAtOnce),
    }
}

/// What is served, by where the other end is.
struct Served {
    /// On this machine.
    near: Router,
    /// Elsewhere.
    far: Router,
    /// On the socket of local agents.
    clients: Router,
}

fn served(reading: &Reading, (daemon, address): (&Daemon, SocketAddr), leaving: &CancellationToken) -> Served {
    let Reading { metrics, host, store, callers, .. } = reading;
    let clients = api::router(Arc::new(Api {
        host: Arc::clone(host),
        store: store.clone(),
        callers: Arc::clone(callers),
        metrics: Arc::clone(metrics),
    }));
    let network = clients.clone().layer(Extension(Peer::Network));
    let readiness = Readiness { host: Arc::clone(host), store: store.clone(), leaving: leaving.clone() };
    let own = ready::near(readiness.clone()).merge(metrics::near(reading.clone()));
    let near = health::near(Arc::clone(host), daemon, address, own).merge(network.clone());
    let far = health::far().merge(ready::far(readiness)).merge(metrics::far(reading.clone())).merge(network);
    Served { near, far, clients }
}

/// Waits until tasks have ended.
async fn ended(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    for task in tasks {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task of the daemon failed");
        }
    }
}

fn serve_all(
    (listener, near, far): (TcpListener, Router, Router),
    (socket, admin): (UnixListener, Router),
    stopping: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(connections::serve(Tcp { listener, near, far }, stopping.clone())),
        tokio::spawn(connections::serve(Unix { listener: socket, router: admin }, stopping.clone())),
    ]
}

/// Binds the socket of local agents, where the operator wants one. Who may connect is for the directory to say that it
/// lies in; who connects is known by its user.
fn local(config: &GatewayConfig, places: &Places) -> io::Result<Option<UnixListener>> {
    let Some(path) = &config.socket else { return Ok(None) };
    let path = match (path.strip_prefix("~/"), &places.home) {
        (Some(below), Some(home)) => home.join(below),
        (Some(_), None) => return Err(io::Error::new(io::ErrorKind::NotFound, "`~` means nothing: there is no home")),
        (None, _) => path.into(),
    };
    // What an earlier daemon left behind is a socket; anything else is somebody's.
    match std::fs::symlink_metadata(&path) {
        Ok(there) if there.file_type().is_socket() => std::fs::remove_file(&path)?,
        Ok(_) => {
            let what = format!("`gateway.socket` names `{}`, which is there and is no socket", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
    Ok(Some(listener))
}

/// Tells whoever started the daemon that it is ready, and where.
fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {address}")?;
    out.flush()
}

/// Where to listen: the option, then the configuration, then this machine alone.
fn address(args: &ServeArgs, config: &GatewayConfig) -> SocketAddr {
    let ip: IpAddr = match config.bind {
        Bind::Loopback => Ipv4Addr::LOCALHOST.into(),
        Bind::Lan => Ipv4Addr::UNSPECIFIED.into(),
    };
    args.listen.unwrap_or_else(|| SocketAddr::new(ip, config.port.unwrap_or(LISTEN_PORT)))
}

/// What a signal tells a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Stop,
    Reload,
}

/// The signals that a daemon hears.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// A terminal that is closed ends what was started on it; elsewhere the signal means: read again.
    hang_up_means: Told,
}

impl Signals {
    fn new(on_terminal: bool) -> io::Result<Self> {
        Ok(Self {
            hang_up_means: if on_terminal { Told::Stop } else { Told::Reload },
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn wait(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hang_up.recv() => self.hang_up_means,
        }
    }

    async fn told_to_stop(&mut self) {
        while self.wait().await != Told::Stop {}
    }
}

/// Where nobody counts, steps go to the log alone, where the runtime puts them.
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn step(&self, _step: &Step) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_beats_the_configuration() {
        let check = |listen: Option<&str>, port, bind, expect: &str| {
            let listen = listen.map(|address| address.parse().expect("an address"));
            let args = ServeArgs { listen, log: crate::cli::LogArgs::default() };
            let config = GatewayConfig { port, bind, ..GatewayConfig::default() };
            assert_eq!(address(&args, &config).to_string(), expect);
        };
        check(None, None, Bind::Loopback, "127.0.0.1:18790");
        check(None, Some(80), Bind::Loopback, "127.0.0.1:80");
        check(None, Some(80), Bind::Lan, "0.0.0.0:80");
        check(Some("[::1]:0"), Some(80), Bind::Lan, "[::1]:0");
    }
}
