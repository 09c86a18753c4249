//! A whole house on loopback: a host in this process, with the real plugins, in front of strict fakes of Ollama,
//! Anthropic and the Signal daemon. Asserts nothing itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use creel_engine::{Engine, EngineSettings, Plugin};
use creel_fakes::Running;
use creel_fakes::anthropic::{self, Anthropic};
use creel_fakes::ollama::{self, Ollama};
use creel_fakes::signal::{self, Signal};
use creel_policy::config::parse_config;
use creel_policy::manifest::Manifest;
use creel_policy::profiles::{Profiles, parse_profiles};
use creel_runtime::{Clock, Host, Knowledge, Observer, Setup, Step};
use creel_store::Store;
use creel_store::secrets::{Environment, Places};
use creel_store::state::{StateLock, StateRoot};
use tempfile::TempDir;
use tokio::sync::watch;

/// The right key of the fake Anthropic.
pub const API_KEY: &str = "sk-ant-api03-right-key-0123456789abcdef";
/// A token that the fake Anthropic does not know.
pub const STALE_OAUTH_TOKEN: &str = "sk-ant-oat01-stale-token-0123456789abcdef";
/// Who is let in.
pub const ALICE: &str = "+15550001111";
/// Her account.
pub const ALICE_UUID: &str = "11111111-1111-4111-8111-111111111111";
/// The daemon's own account.
pub const ACCOUNT: &str = "+15559990000";

/// How long a test waits for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The plugins that are shipped.
const SHIPPED: [&str; 6] = ["anthropic", "local-vision", "media-tools", "ollama", "openai", "signal"];

/// Strict fakes, and the directory that stands for the Signal daemon's.
pub struct Fakes {
    /// Answers with what the pictures that it got are.
    pub anthropic: Running<Anthropic>,
    /// Knows `glm-5:cloud` (text) and `qwen3-vl:8b` (text and pictures).
    pub ollama: Running<Ollama>,
    /// Lets a test send in what Alice sends.
    pub signal: Running<Signal>,
    /// Where the Signal daemon keeps attachments.
    pub attachments: TempDir,
}

impl Fakes {
    /// Starts all three.
    pub async fn start() -> Self {
        Self::replying(anthropic::Config::with_api_key(API_KEY), ollama::Config::new()).await
    }

    /// Starts all three with other words.
    pub async fn replying(anthropic: anthropic::Config, ollama: ollama::Config) -> Self {
        Self::of(anthropic, ollama, |signal| signal).await
    }

    /// Starts all three as the configurations say.
    pub async fn of(
        anthropic: anthropic::Config,
        ollama: ollama::Config,
        signal: impl FnOnce(signal::Config) -> signal::Config,
    ) -> Self {
        let attachments = tempfile::tempdir().expect("a temporary directory");
        let signal = signal(signal::Config::new(ACCOUNT, attachments.path()));
        Self {
            anthropic: Anthropic::start(anthropic).await.expect("a fake Anthropic"),
            ollama: Ollama::start(ollama).await.expect("a fake Ollama"),
            signal: Signal::start(signal).await.expect("a fake Signal daemon"),
            attachments,
        }
    }

    /// `channels.signal` for these fakes.
    pub fn channel(&self) -> String {
        let directory = self.attachments.path().display();
        self.channel_with(&format!(r#"attachmentsDir: "{directory}", dmPolicy: "allowlist", allowFrom: ["{ALICE}"]"#))
    }

    /// `channels.signal` for these fakes, with nothing but the account and that.
    pub fn channel_with(&self, settings: &str) -> String {
        let url = self.signal.base_url();
        format!(r#"channels: {{ signal: {{ httpUrl: "{url}", account: "{ACCOUNT}", {settings} }} }},"#)
    }
}

/// A state directory, there for as long as a place or a house needs it.
struct StateDirectory {
    path: PathBuf,
    link: Option<PathBuf>,
    _directory: Option<TempDir>,
}

impl StateDirectory {
    fn temporary() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { path: directory.path().to_owned(), link: None, _directory: Some(directory) }
    }
}

impl Drop for StateDirectory {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            std::fs::remove_file(link).expect("our own link");
        }
    }
}

/// A host's files and surroundings, from which it can be started again and again.
pub struct Place {
    state: Arc<StateDirectory>,
    config: String,
    profiles: Option<String>,
    environment: Vec<(String, String)>,
    clock: Clock,
    absent: Option<String>,
}

impl Place {
    /// A place with that configuration.
    pub fn with(config: String) -> Self {
        Self {
            state: Arc::new(StateDirectory::temporary()),
            config,
            profiles: None,
            environment: Vec::new(),
            clock: Arc::new(now_ms),
            absent: None,
        }
    }

    /// With that state directory, which is left behind.
    pub fn at(mut self, path: &Path) -> Self {
        self.state = Arc::new(StateDirectory { path: path.to_owned(), link: None, _directory: None });
        self
    }

    /// With that `auth-profiles.json`.
    pub fn profiles(mut self, profiles: &str) -> Self {
        self.profiles = Some(profiles.to_owned());
        self
    }

    /// With that variable in the environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another clock than that of the machine.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Without that plugin.
    pub fn without(mut self, plugin: &str) -> Self {
        self.absent = Some(plugin.to_owned());
        self
    }

    fn plugins(&self) -> Vec<Plugin> {
        let is_there = |plugin: &&Plugin| self.absent.as_deref() != Some(plugin.id().as_str());
        plugins().iter().filter(is_there).cloned().collect()
    }

    /// With a state directory that is reached by a symbolic link.
    pub fn behind_a_link(mut self) -> Self {
        let mut state = StateDirectory::temporary();
        let link = state.path.with_extension("link");
        std::os::unix::fs::symlink(&state.path, &link).expect("a symbolic link");
        state.link = Some(link);
        self.state = Arc::new(state);
        self
    }

    /// The name by which the state directory is opened.
    pub fn path(&self) -> &Path {
        self.state.link.as_deref().unwrap_or(&self.state.path)
    }

    /// The directory of stored media that came in.
    pub fn inbound(&self) -> PathBuf {
        self.path().join("media/inbound")
    }

    /// What the host knows here, without starting it.
    pub fn knowledge(&self, root: &StateRoot) -> Knowledge {
        let config = parse_config("creel.json5", &self.config).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let profiles = self.profiles.as_deref().map_or_else(
            || Ok(Profiles::default()),
            |text| parse_profiles("auth-profiles.json", text, &config.secrets),
        );
        let profiles = profiles.unwrap_or_else(|problems| panic!("{problems:#?}"));
        let plugins = self.plugins();
        let manifests: BTreeMap<_, Manifest> =
            plugins.iter().map(|plugin| (plugin.id().clone(), plugin.manifest().clone())).collect();
        let variables = self.environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let key = root.fingerprint_key().expect("a fingerprint key");
        let environment = Environment::of(variables);
        let places = Places { environment: &environment, key: &key, state: Some(root), home: None };
        Knowledge::gather(config, profiles, manifests, &places)
    }

    /// Starts a host here.
    pub async fn start(&self) -> House {
        self.start_watched(Arc::new(Steps::new())).await
    }

    /// The text of its configuration.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// Starts a host here whose steps are seen by `steps`.
    pub async fn start_watched<O: Observer + 'static>(&self, steps: Arc<O>) -> House<O> {
        let root = StateRoot::open_ambient(self.path()).expect("a state directory");
        let lock = root.lock().expect("the only host of this state directory");
        let store = Store::open(&root).expect("a store");
        store.clear_leftovers(&lock).expect("a directory of our own");
        let setup = Setup {
            knowledge: self.knowledge(&root),
            plugins: self.plugins(),
            store: store.clone(),
            clock: Arc::clone(&self.clock),
            observer: Arc::clone(&steps) as Arc<dyn Observer>,
        };
        let host = Host::start(setup).await.expect("a host");
        House { host, store, steps, _lock: lock, _state: Arc::clone(&self.state) }
    }
}

/// A running host.
pub struct House<O = Steps> {
    /// The host.
    pub host: Host,
    /// Its store, to look into.
    pub store: Store,
    /// What it did.
    pub steps: Arc<O>,
    _lock: StateLock,
    _state: Arc<StateDirectory>,
}

impl<O> House<O> {
    /// Stops it in good order.
    pub async fn stop(self) {
        self.host.shutdown().await;
    }
}

/// What a host did, in order.
pub struct Steps {
    taken: Mutex<Vec<Step>>,
    count: watch::Sender<usize>,
}

impl Observer for Steps {
    fn step(&self, step: &Step) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.push(step.clone());
        self.count.send_replace(taken.len());
    }
}

impl Steps {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { taken: Mutex::default(), count: watch::Sender::new(0) }
    }

    /// All so far.
    pub fn all(&self) -> Vec<Step> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many steps are of that kind, and gives what `pick` made of them.
    pub async fn wait_for<T>(&self, count: usize, pick: impl Fn(&Step) -> Option<T>) -> Vec<T> {
        let mut changed = self.count.subscribe();
        let (mut picked, mut looked_at) = (Vec::new(), 0);
        let enough = async {
            loop {
                {
                    let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                    picked.extend(taken[looked_at..].iter().filter_map(&pick));
                    looked_at = taken.len();
                }
                if picked.len() >= count {
                    return picked;
                }
                changed.changed().await.expect("the sender lives as long as this");
            }
        };
        tokio::time::timeout(PATIENCE, enough)
            .await
            .unwrap_or_else(|_| panic!("it did not happen; so far: {:#?}", self.all()))
    }
}

impl Default for Steps {
    fn default() -> Self {
        Self::new()
    }
}

/// The shipped plugins, loaded once for all tests of this process.
pub fn plugins() -> &'static [Plugin] {
    static PLUGINS: OnceLock<Vec<Plugin>> = OnceLock::new();
    PLUGINS.get_or_init(|| {
        let cache = crate::components::target().join("tests/compiled");
        std::fs::create_dir_all(&cache).expect("a cache directory");
        let cache = open_private(&cache);
        let engine = Engine::new(EngineSettings { cache: Some(cache) }).expect("an engine");
        SHIPPED
            .into_iter()
            .map(|id| {
                Plugin::load(&engine, &crate::components::plugin(id)).unwrap_or_else(|error| panic!("{id}: {error}"))
            })
            .collect()
    })
}

fn open_private(path: &Path) -> cap_std::fs::Dir {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).expect("our own directory");
    cap_std::fs::Dir::open_ambient_dir(path, cap_std::ambient_authority()).expect("our own directory")
}

fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970");
    u64::try_from(elapsed.as_millis()).expect("a clock before the year 500 million")
}
