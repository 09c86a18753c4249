//! The one wasmtime engine of a host: its settings, its pool, its clock and its places for live calls.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use cap_std::fs::Dir;
use creel_policy::ids::PluginId;
use creel_policy::limits::{
    CORE_INSTANCES_MAX, EPOCH_TICK_MS, FILE_CALLS_PER_PLUGIN_MAX, LIVE_CALLS_MAX, LIVE_CALLS_PER_PLUGIN_MAX,
    MEDIA_MEMORY_BYTES_MAX, PLACE_WAIT_MS_MAX, TABLE_ELEMENTS_MAX,
};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use wasmtime::{
    Config, Enabled, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

use crate::cache::Cache;
use crate::fault::FaultKind;
use crate::slack::Slack;
use crate::tally::{PluginCounts, Tally};

/// Core instances that a component of wit-component holds, with room for one more.
const CORE_INSTANCES_USUAL: u32 = 6;
/// Linear memories and tables of one component.
const MEMORIES_PER_COMPONENT_MAX: u32 = 4;
const TABLES_PER_COMPONENT_MAX: u32 = 8;
/// Bytes of a freed memory that are cleared in place, so that no `madvise` stops the other cores.
const MEMORY_KEEP_RESIDENT: usize = 256 << 10;
const TABLE_KEEP_RESIDENT: usize = 64 << 10;
/// Places in the pool that are free and hold what a plugin has touched, before one is taken from another plugin rather than a
/// fresh one.
const WARM_SLOTS_MAX: u32 = 32;
/// Bytes of the native stack that a guest may use: a chat plugin needs some 100 KiB.
const STACK_BYTES_MAX: usize = 512 << 10;

/// Ticks of the clock between two looks at the memory; a second.
const TICKS_PER_LOOK: u64 = 1_000 / EPOCH_TICK_MS;

/// What the operator can choose about the engine.
#[derive(Debug, Default)]
pub struct EngineSettings {
    /// Where compiled components are kept between runs; none compiles anew each time.
    pub cache: Option<Dir>,
}

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refused the settings, or the address space for the pool could not be had.
    #[error("could not set up the WebAssembly engine: {detail}")]
    Setup {
        /// wasmtime's words.
        detail: String,
    },
    /// The thread that ticks the clock could not be started.
    #[error("could not start the engine's clock")]
    Clock(#[source] std::io::Error),
}

/// The one wasmtime engine of a host. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    /// Replaced by the same with an empty pool after a rush.
    wasmtime: RwLock<wasmtime::Engine>,
    ticking: Arc<Ticking>,
    cache: Option<Cache>,
    places: Arc<Semaphore>,
    /// Of each plugin that was ever loaded; locked to load one and to read the counts, never by a call.
    tallies: Mutex<BTreeMap<PluginId, Arc<Tally>>>,
    slack: Slack,
}

/// The places for calls: how many a host has, and how many are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Calls that hold an instance right now.
    pub used: usize,
    /// Calls that may.
    pub max: usize,
    /// Pools that hold memory: the one that new calls take it from, and those of before a rush in which calls still run.
    pub pools: usize,
}

impl Engine {
    /// Makes the engine and starts its clock. The clock stops when the last clone is dropped.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the pool's address space cannot be reserved or no thread can be started.
    pub fn new(settings: EngineSettings) -> Result<Self, EngineError> {
        let wasmtime = fresh()?;
        let cache = settings.cache.map(|dir| Cache::new(dir, fingerprint(&wasmtime)));
        let places = Arc::new(Semaphore::new(LIVE_CALLS_MAX));
        let (ticking, wasmtime) = (Arc::new(Ticking::of(&wasmtime)), RwLock::new(wasmtime));
        let inner = Inner { wasmtime, ticking, cache, places, tallies: Mutex::default(), slack: Slack::default() };
        let engine = Self { inner: Arc::new(inner) };
        start_clock(&engine).map_err(EngineError::Clock)?;
        Ok(engine)
    }

    /// Calls that hold an instance right now.
    #[must_use]
    pub fn live_calls(&self) -> usize {
        LIVE_CALLS_MAX - self.inner.places.available_permits()
    }

    /// The places of the pool.
    #[must_use]
    pub fn places(&self) -> Places {
        Places { used: self.live_calls(), max: LIVE_CALLS_MAX, pools: *self.inner.ticking.pools.borrow() }
    }

    /// [`Places::pools`], for whoever waits until memory was given back: told anew whenever it changes.
    #[must_use]
    pub fn pools(&self) -> watch::Receiver<usize> {
        self.inner.ticking.pools.subscribe()
    }

    /// What was counted of each plugin, by name.
    #[must_use]
    pub fn plugin_counts(&self) -> Vec<PluginCounts> {
        let tallies = self.inner.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.iter().map(|(plugin, tally)| tally.counts(plugin)).collect()
    }

    /// The counts of a plugin: those of its name, so that a reload goes on with them.
    pub(crate) fn tally(&self, plugin: &PluginId) -> Arc<Tally> {
        let mut tallies = self.inner.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tallies.entry(plugin.clone()).or_default())
    }

    /// What new components are loaded into.
    pub(crate) fn wasmtime(&self) -> wasmtime::Engine {
        self.inner.wasmtime.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes an empty pool for what is loaded from now on. The old one goes with the last that was loaded into it.
    fn renew(&self) -> Result<(), EngineError> {
        let fresh = fresh()?;
        self.inner.ticking.add(&fresh);
        *self.inner.wasmtime.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(crate) fn slack(&self) -> &Slack {
        &self.inner.slack
    }

    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.inner.cache.as_ref()
    }

    /// Waits for a place for one more call, of the plugin and of the whole host.
    pub(crate) async fn place(&self, plugin: &Arc<Semaphore>) -> Result<Place, FaultKind> {
        let both = async {
            let of_plugin = Arc::clone(plugin).acquire_owned().await.ok()?;
            let of_host = Arc::clone(&self.inner.places).acquire_owned().await.ok()?;
            Some(Place { _of_plugin: of_plugin, _of_host: of_host })
        };
        match tokio::time::timeout(Duration::from_millis(PLACE_WAIT_MS_MAX), both).await {
            Ok(Some(place)) => {
                self.inner.slack.note(self.live_calls());
                Ok(place)
            }
            Ok(None) | Err(_) => Err(FaultKind::NoRoom {
                detail: format!("no place for another call came free within {PLACE_WAIT_MS_MAX} ms"),
            }),
        }
    }

    /// A place for one more call, if there is one at once.
    pub(crate) fn place_now(&self, plugin: &Arc<Semaphore>) -> Result<Place, FaultKind> {
        let taken = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned();
        match (taken(plugin), taken(&self.inner.places)) {
            (Ok(of_plugin), Ok(of_host)) => Ok(Place { _of_plugin: of_plugin, _of_host: of_host }),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => {
                Err(FaultKind::NoRoom { detail: "there is no place for another call".into() })
            }
        }
    }

    /// Places of one plugin.
    pub(crate) fn plugin_places(has_files: bool) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(if has_files { FILE_CALLS_PER_PLUGIN_MAX } else { LIVE_CALLS_PER_PLUGIN_MAX }))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("live_calls", &self.live_calls()).finish_non_exhaustive()
    }
}

/// A live call's place in the pool; dropped with the call.
#[derive(Debug)]
pub(crate) struct Place {
    _of_plugin: OwnedSemaphorePermit,
    _of_host: OwnedSemaphorePermit,
}

/// Every setting that guards something is written out, also where wasmtime's default is the same.
fn config() -> Config {
    let live = u32::try_from(LIVE_CALLS_MAX).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(live)
        .total_core_instances(live.saturating_mul(CORE_INSTANCES_USUAL))
        .total_memories(live)
        .total_tables(live.saturating_mul(2))
        .max_core_instances_per_component(u32::try_from(CORE_INSTANCES_MAX).unwrap_or(u32::MAX))
        .max_memories_per_component(MEMORIES_PER_COMPONENT_MAX)
        .max_tables_per_component(TABLES_PER_COMPONENT_MAX)
        // Of the plugin that may have most; the others are held to less by their limiter. It is address space alone.
        .max_memory_size(MEDIA_MEMORY_BYTES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT)
        .table_keep_resident(TABLE_KEEP_RESIDENT)
        .max_unused_warm_slots(WARM_SLOTS_MAX)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(MEDIA_MEMORY_BYTES_MAX as u64)
        .memory_reservation_for_growth(0)
        .memory_may_move(false)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES_MAX)
        .wasm_component_model(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .parallel_compilation(true);
    config
}

/// The engine of wasmtime with its pool, which is address space until it is used.
fn fresh() -> Result<wasmtime::Engine, EngineError> {
    wasmtime::Engine::new(&config()).map_err(|error| EngineError::Setup { detail: format!("{error:#}") })
}

/// The engines that tick: the one that new components are loaded into, and those that calls still run in.
struct Ticking {
    engines: Mutex<Vec<EngineWeak>>,
    /// How many there were when it was last looked.
    pools: watch::Sender<usize>,
}

impl Ticking {
    fn of(engine: &wasmtime::Engine) -> Self {
        Self { engines: Mutex::new(vec![engine.weak()]), pools: watch::Sender::new(1) }
    }

    fn add(&self, engine: &wasmtime::Engine) {
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        engines.push(engine.weak());
        self.tell(engines.len());
    }

    /// Those that somebody holds; the others are forgotten.
    fn held(&self) -> Vec<wasmtime::Engine> {
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        engines.retain(|engine| engine.upgrade().is_some());
        self.tell(engines.len());
        engines.iter().filter_map(EngineWeak::upgrade).collect()
    }

    /// To be called with the engines locked, so that the last word is the newest.
    fn tell(&self, count: usize) {
        self.pools.send_if_modified(|pools| std::mem::replace(pools, count) != count);
    }
}

/// Ticks until nobody holds an engine any more, and once a second looks whether memory can be given back.
#[expect(clippy::disallowed_methods, reason = "the one clock that bounds the time inside a plugin")]
fn start_clock(engine: &Engine) -> std::io::Result<()> {
    let (ticking, inner) = (Arc::clone(&engine.inner.ticking), Arc::downgrade(&engine.inner));
    let tick = move || {
        for tick in 1_u64.. {
            let engines = ticking.held();
            if engines.is_empty() {
                return;
            }
            engines.iter().for_each(wasmtime::Engine::increment_epoch);
            drop(engines);
            if tick.is_multiple_of(TICKS_PER_LOOK)
                && let Some(inner) = inner.upgrade()
            {
                give_back(&Engine { inner });
            }
            std::thread::sleep(Duration::from_millis(EPOCH_TICK_MS));
        }
    };
    std::thread::Builder::new().name("creel-epoch".into()).spawn(tick).map(drop)
}

/// Gives memory back after a rush, on a thread of its own: the clock must not wait for a disk.
fn give_back(engine: &Engine) {
    let holders = engine.inner.slack.over(engine.live_calls());
    if holders.is_empty() || engine.cache().is_none() {
        return;
    }
    let engine = engine.clone();
    let work = move || match engine.renew() {
        Ok(()) => holders.iter().for_each(|holder| holder.anew()),
        Err(error) => tracing::warn!(%error, "memory that nobody needs is kept"),
    };
    if let Err(error) = std::thread::Builder::new().name("creel-slack".into()).spawn(work) {
        tracing::warn!(%error, "memory that nobody needs is kept");
    }
}

/// Names wasmtime's version and every setting that compiled code depends on.
fn fingerprint(engine: &wasmtime::Engine) -> [u8; 32] {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut hasher = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}
