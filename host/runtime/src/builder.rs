//! A host of one's own: what another program needs to hold Creel in itself, without HTTP and without the command line. What
//! the daemon reads from files and the environment is handed over here as values; nothing is looked for.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use creel_engine::{Engine, EngineError, EngineSettings, LoadError, Plugin};
use creel_policy::config::parse_config;
use creel_policy::problem::Problem;
use creel_policy::profiles::{Profiles, parse_profiles};
use creel_store::media::MediaPolicy;
use creel_store::secrets::{Environment, Places};
use creel_store::state::{StateError, StateLock, StateRoot};
use creel_store::{Store, StoreError};

use crate::core::Clock;
use crate::host::{Host, Setup, StartError};
use crate::knowledge::Knowledge;
use crate::step::{Observer, Step};

/// What a host is made of, gathered piece by piece.
pub struct HostBuilder {
    state: StateRoot,
    clock: Clock,
    config: String,
    profiles: Option<String>,
    environment: Vec<(OsString, OsString)>,
    components: Vec<Vec<u8>>,
    observer: Arc<dyn Observer>,
}

/// A host that holds the lock of its state directory.
pub struct OwnHost {
    /// The host.
    pub host: Host,
    /// Its store.
    pub store: Store,
    _lock: StateLock,
}

/// A host could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration or the profiles cannot be read; all of it is said.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Problems(Vec<Problem>),
    /// The state directory cannot be used, or another host has it.
    #[error(transparent)]
    State(#[from] StateError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// WebAssembly could not be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A component is no plugin that can be used.
    #[error("component {index}")]
    Plugin {
        /// Which one, by the order in which they were given.
        index: usize,
        /// Why.
        source: LoadError,
    },
    /// The host could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

struct Unobserved;

impl Observer for Unobserved {
    fn step(&self, _step: &Step) {}
}

impl Host {
    /// Begins a host that lives in a state directory, by the time of that clock (milliseconds since the Unix epoch).
    #[must_use]
    pub fn builder(state: StateRoot, clock: Clock) -> HostBuilder {
        HostBuilder {
            state,
            clock,
            config: "{}".to_owned(),
            profiles: None,
            environment: Vec::new(),
            components: Vec::new(),
            observer: Arc::new(Unobserved),
        }
    }
}

impl HostBuilder {
    /// With that configuration, in the words of `creel.json5`.
    #[must_use]
    pub fn config(mut self, text: impl Into<String>) -> Self {
        self.config = text.into();
        self
    }

    /// With those stored profiles, in the words of `auth-profiles.json`.
    #[must_use]
    pub fn profiles(mut self, text: impl Into<String>) -> Self {
        self.profiles = Some(text.into());
        self
    }

    /// With a variable that references of the kind `env` find. Those of the process are not looked at.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// With a plugin: the bytes of its component, as `creel plugin build` makes it. Whoever calls this has approved it.
    #[must_use]
    pub fn plugin(mut self, component: impl Into<Vec<u8>>) -> Self {
        self.components.push(component.into());
        self
    }

    /// With somebody who hears of each step.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Starts it: compiles what the state directory's cache does not hold, takes up what was left unfinished, and listens
    /// on the channels of the configuration.
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub async fn start(self) -> Result<OwnHost, BuildError> {
        let Self { state, clock, config, profiles, environment, components, observer } = self;
        let config = parse_config("creel.json5", &config).map_err(BuildError::Problems)?;
        let profiles = match profiles {
            Some(text) => parse_profiles("auth-profiles.json", &text, &config.secrets).map_err(BuildError::Problems)?,
            None => Profiles::default(),
        };
        let lock = state.lock()?;
        let prepared = tokio::task::spawn_blocking(move || {
            let plugins = load(&state, &components)?;
            let store = Store::open(&state)?;
            store.keep_media_by(MediaPolicy::of(&config.media));
            store.clear_leftovers(&lock)?;
            let manifests: BTreeMap<_, _> =
                plugins.iter().map(|plugin| (plugin.id().clone(), plugin.manifest().clone())).collect();
            let key = state.fingerprint_key()?;
            let environment = Environment::of(environment);
            let places = Places { environment: &environment, key: &key, state: Some(&state), home: None };
            let knowledge = Knowledge::gather(config, profiles, manifests, &places);
            Ok::<_, BuildError>((knowledge, plugins, store, lock))
        });
        let (knowledge, plugins, store, lock) = prepared.await.map_err(|error| StartError::Store(error.into()))??;
        let host = Host::start(Setup { knowledge, plugins, store: store.clone(), clock, observer }).await?;
        Ok(OwnHost { host, store, _lock: lock })
    }
}

impl OwnHost {
    /// Stops it in good order.
    pub async fn stop(self) {
        self.host.shutdown().await;
    }
}

fn load(state: &StateRoot, components: &[Vec<u8>]) -> Result<Vec<Plugin>, BuildError> {
    let cache = state.private_dir("cache/compiled")?;
    let engine = Engine::new(EngineSettings { cache: Some(cache) })?;
    let load = |(index, component): (usize, &Vec<u8>)| {
        Plugin::load(&engine, component).map_err(|source| BuildError::Plugin { index, source })
    };
    components.iter().enumerate().map(load).collect()
}
