//! From the bytes of a component to a plugin that can be called: inspect, check, compile or fetch, link.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use creel_policy::ids::PluginId;
use creel_policy::limits::COMPONENT_BYTES_MAX;
use creel_policy::manifest::Manifest;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::component::{Component, Linker};

use crate::bindings::{
    CatalogPluginPre, ChannelPluginPre, CounterPluginPre, EmbeddingPluginPre, PicturePluginPre, ProviderPluginPre, log,
};
use crate::engine::Engine;
use crate::guest::CallState;
use crate::imports::first_unlinkable;
use crate::inspect::{Inspection, inspect};
use crate::slack::Anew;
use crate::tally::Tally;
use crate::{inert, reader};

/// The exports that make a plugin, as this host knows them.
const CHAT_PROVIDER: &str = "creel:plugin/chat-provider@0.1.0";
const CHANNEL: &str = "creel:plugin/channel@0.1.0";
const PICTURE_TOOLS: &str = "creel:plugin/picture-tools@0.1.0";
/// What a provider may export beside.
const MODEL_CATALOG: &str = "creel:plugin/model-catalog@0.1.0";
const EMBEDDING_PROVIDER: &str = "creel:plugin/embedding-provider@0.1.0";
const TOKEN_COUNTER: &str = "creel:plugin/token-counter@0.1.0";
const EXTRAS: [&str; 3] = [MODEL_CATALOG, EMBEDDING_PROVIDER, TOKEN_COUNTER];

/// A component that was not taken, and why. The other plugins are not affected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Larger than any honest component.
    #[error("the component has {bytes} bytes, more than {COMPONENT_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Not a component, or damaged.
    #[error("the file is not a sound WebAssembly component: {detail}")]
    NotAComponent {
        /// What is wrong and where.
        detail: String,
    },
    /// No `creel:manifest` section.
    #[error("the component holds no manifest: build it with `creel plugin build`, which puts `plugin.toml` into it")]
    NoManifest,
    /// The manifest inside is malformed.
    #[error("the manifest inside the component is not valid: {detail}")]
    BadManifest {
        /// Every problem, one a line.
        detail: String,
    },
    /// It imports something that is not on the list.
    #[error("the component imports `{import}`, which Creel does not give to plugins")]
    Import {
        /// The first such import.
        import: String,
    },
    /// It exports an interface of ours in another version.
    #[error("the component exports `{found}`, but this host speaks `{supported}`: rebuild it against that version")]
    Version {
        /// What it exports.
        found: String,
        /// What this host speaks.
        supported: &'static str,
    },
    /// It exports none of our interfaces, or more than one.
    #[error(
        "the component exports {found}, but a plugin exports exactly one of `{CHAT_PROVIDER}`, `{CHANNEL}` and \
         `{PICTURE_TOOLS}`, and beside the first at most `{MODEL_CATALOG}`, `{EMBEDDING_PROVIDER}` and \
         `{TOKEN_COUNTER}`"
    )]
    Exports {
        /// What it exports.
        found: String,
    },
    /// It fits pictures and has no pictures, or nowhere to write them.
    #[error(
        "the component exports `{PICTURE_TOOLS}`, but its manifest does not ask for `media.read` and `media.write`"
    )]
    NoPictures,
    /// An import or export has another type than `wit/creel.wit` says.
    #[error("the component does not fit the interface: {detail}")]
    Types {
        /// wasmtime's words.
        detail: String,
    },
    /// It cannot be compiled.
    #[error("the component could not be compiled: {detail}")]
    Compile {
        /// wasmtime's words.
        detail: String,
    },
}

/// What a plugin can do, seen from its exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers chat requests.
    Provider,
    /// Speaks to a messaging network.
    Channel,
    /// Makes pictures fit for their receivers.
    Pictures,
}

/// A plugin that can be called. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    manifest: Manifest,
    manifest_text: String,
    digest: [u8; 32],
    from_cache: bool,
    imports: Vec<String>,
    exports: Exports,
    /// Replaced by the same, loaded anew.
    linked: RwLock<Arc<Linked>>,
    places: Arc<Semaphore>,
    tally: Arc<Tally>,
    engine: Engine,
}

pub(crate) enum Linked {
    Provider { chat: ProviderPluginPre<CallState>, extras: Box<Extras> },
    Channel(ChannelPluginPre<CallState>),
    Pictures(PicturePluginPre<CallState>),
}

/// What a provider can be asked beside.
#[derive(Default)]
pub(crate) struct Extras {
    /// Its models.
    pub(crate) catalog: Option<CatalogPluginPre<CallState>>,
    /// Vectors of texts.
    pub(crate) embedding: Option<EmbeddingPluginPre<CallState>>,
    /// A count of tokens.
    pub(crate) counter: Option<CounterPluginPre<CallState>>,
}

impl Plugin {
    /// Takes a component in. Compiles it unless the cache holds its compiled form; that takes seconds of all cores,
    /// so call it from a thread that may block.
    ///
    /// # Errors
    ///
    /// [`LoadError`] that says what is wrong with the component.
    pub fn load(engine: &Engine, bytes: &[u8]) -> Result<Self, LoadError> {
        let size = bytes.len() as u64;
        if size > COMPONENT_BYTES_MAX {
            return Err(LoadError::TooLarge { bytes: size });
        }
        let inspection = inspect(bytes)?;
        let exports = exports(&inspection)?;
        if let Some(import) = first_unlinkable(&inspection.imports) {
            return Err(LoadError::Import { import: import.to_owned() });
        }
        let manifest = Manifest::parse(&inspection.manifest)
            .map_err(|problems| LoadError::BadManifest { detail: problems.to_string() })?;
        if matches!(exports, Exports::Pictures) && !(manifest.media.read && manifest.media.write) {
            return Err(LoadError::NoPictures);
        }
        let digest = Sha256::digest(bytes).into();
        let cached = engine.cache().and_then(|cache| cache.get(&engine.wasmtime(), &digest));
        let from_cache = cached.is_some();
        let component = match cached {
            Some(component) => component,
            None => compile(engine, bytes, &digest)?,
        };
        let Inspection { manifest: manifest_text, imports, .. } = inspection;
        let linked = link(&component, &imports, exports, manifest.media.has_files())?;
        let linked = RwLock::new(Arc::new(linked));
        let places = Engine::plugin_places(manifest.media.has_files());
        let (tally, engine) = (engine.tally(&manifest.plugin.id), engine.clone());
        let inner =
            Inner { manifest, manifest_text, digest, from_cache, imports, exports, linked, places, tally, engine };
        let inner = Arc::new(inner);
        let holder: Weak<Inner> = Arc::downgrade(&inner);
        inner.engine.slack().add(holder);
        Ok(Self { inner })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &PluginId {
        &self.inner.manifest.plugin.id
    }

    /// What it asks for.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.inner.manifest
    }

    /// Its manifest as it stands in the component.
    #[must_use]
    pub fn manifest_text(&self) -> &str {
        &self.inner.manifest_text
    }

    /// SHA-256 of the component.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.inner.digest
    }

    /// Whether its compiled form came from the cache.
    #[must_use]
    pub fn from_cache(&self) -> bool {
        self.inner.from_cache
    }

    /// What it can do.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.inner.exports {
            Exports::Provider { .. } => Kind::Provider,
            Exports::Channel => Kind::Channel,
            Exports::Pictures => Kind::Pictures,
        }
    }

    /// Whether it can list the models of an account.
    #[must_use]
    pub fn lists_models(&self) -> bool {
        matches!(self.inner.exports, Exports::Provider { lists_models: true, .. })
    }

    /// Whether it makes vectors of texts.
    #[must_use]
    pub fn makes_embeddings(&self) -> bool {
        matches!(self.inner.exports, Exports::Provider { makes_embeddings: true, .. })
    }

    /// Whether it counts the tokens of a request.
    #[must_use]
    pub fn counts_tokens(&self) -> bool {
        matches!(self.inner.exports, Exports::Provider { counts_tokens: true, .. })
    }

    pub(crate) fn linked(&self) -> Arc<Linked> {
        Arc::clone(&self.inner.linked.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn tally(&self) -> &Arc<Tally> {
        &self.inner.tally
    }

    pub(crate) fn places(&self) -> &Arc<Semaphore> {
        &self.inner.places
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("id", self.id()).field("kind", &self.kind()).finish_non_exhaustive()
    }
}

impl Anew for Inner {
    fn anew(&self) {
        let Some(component) = self.engine.cache().and_then(|cache| cache.get(&self.engine.wasmtime(), &self.digest))
        else {
            return;
        };
        match link(&component, &self.imports, self.exports, self.manifest.media.has_files()) {
            Ok(linked) => *self.linked.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(linked),
            Err(error) => tracing::warn!(plugin = %self.manifest.plugin.id, %error, "not loaded anew"),
        }
    }
}

/// What a plugin was seen to export.
#[derive(Clone, Copy)]
enum Exports {
    Provider { lists_models: bool, makes_embeddings: bool, counts_tokens: bool },
    Channel,
    Pictures,
}

/// Sees from the exports what the plugin can do.
fn exports(inspection: &Inspection) -> Result<Exports, LoadError> {
    let ours: Vec<&str> =
        inspection.exports.iter().map(String::as_str).filter(|name| name.starts_with("creel:plugin/")).collect();
    if let Some((found, supported)) = ours.iter().find_map(|found| Some((*found, other_version(found)?))) {
        return Err(LoadError::Version { found: found.to_owned(), supported });
    }
    let exports_it = |name: &str| ours.contains(&name);
    let main: Vec<&str> = ours.iter().copied().filter(|name| !EXTRAS.contains(name)).collect();
    match main[..] {
        [CHAT_PROVIDER] => Ok(Exports::Provider {
            lists_models: exports_it(MODEL_CATALOG),
            makes_embeddings: exports_it(EMBEDDING_PROVIDER),
            counts_tokens: exports_it(TOKEN_COUNTER),
        }),
        [..] if main.len() < ours.len() => Err(LoadError::Exports { found: format!("`{}`", ours.join("`, `")) }),
        [CHANNEL] => Ok(Exports::Channel),
        [PICTURE_TOOLS] => Ok(Exports::Pictures),
        [] => Err(LoadError::Exports { found: "none of Creel's interfaces".into() }),
        [..] => Err(LoadError::Exports { found: format!("`{}`", ours.join("`, `")) }),
    }
}

/// The version that this host speaks of an interface that is exported in another one.
fn other_version(found: &str) -> Option<&'static str> {
    let interface = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    let mut known = [CHAT_PROVIDER, CHANNEL, PICTURE_TOOLS].into_iter().chain(EXTRAS);
    let known = known.find(|known| interface(known) == interface(found));
    known.filter(|known| *known != found)
}

fn compile(engine: &Engine, bytes: &[u8], digest: &[u8; 32]) -> Result<Component, LoadError> {
    let component = Component::from_binary(&engine.wasmtime(), bytes)
        .map_err(|error| LoadError::Compile { detail: format!("{error:#}") })?;
    if let Some(cache) = engine.cache() {
        cache.put(&component, digest);
    }
    Ok(component)
}

/// Links exactly what the component imports, all of it from the list.
fn link(component: &Component, imports: &[String], exports: Exports, has_files: bool) -> Result<Linked, LoadError> {
    let types = |error: wasmtime::Error| LoadError::Types { detail: format!("{error:#}") };
    let mut linker = Linker::<CallState>::new(component.engine());
    log::add_to_linker::<CallState, wasmtime::component::HasSelf<CallState>>(&mut linker, |state| state)
        .map_err(types)?;
    if has_files {
        reader::link(&mut linker, imports).map_err(types)?;
    } else {
        inert::link(&mut linker, imports).map_err(types)?;
        // Not for one with files: what is linked there is named after another patch version, and would count as
        // unknown.
        linker.define_unknown_imports_as_traps(component).map_err(types)?;
    }
    let pre = linker.instantiate_pre(component).map_err(types)?;
    match exports {
        Exports::Provider { lists_models, makes_embeddings, counts_tokens } => {
            let catalog = lists_models.then(|| CatalogPluginPre::new(pre.clone())).transpose().map_err(types)?;
            let embedding = makes_embeddings.then(|| EmbeddingPluginPre::new(pre.clone()));
            let counter = counts_tokens.then(|| CounterPluginPre::new(pre.clone()));
            let (embedding, counter) = (embedding.transpose().map_err(types)?, counter.transpose().map_err(types)?);
            let chat = ProviderPluginPre::new(pre).map_err(types)?;
            Ok(Linked::Provider { chat, extras: Box::new(Extras { catalog, embedding, counter }) })
        }
        Exports::Channel => ChannelPluginPre::new(pre).map(Linked::Channel).map_err(types),
        Exports::Pictures => PicturePluginPre::new(pre).map(Linked::Pictures).map_err(types),
    }
}
