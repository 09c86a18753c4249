//! An engine with a state directory of its own, and calls into plugins as the runtime would make them. Decides nothing:
//! grants are computed by `creel_policy` from the plugin's own manifest.

use std::collections::{BTreeMap, HashMap};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use creel_engine::chat::{ChatRequest, Output, ResponseFormat, ToolChoice};
use creel_engine::types::{self, Message, Part, Role};
use creel_engine::{
    AddedHeader, AddedHeaders, CallContext, CallEnd, ChannelCall, ChatCall, Egress, EgressRecord, Engine,
    EngineSettings, Fault, Injectable, Injection, MediaScope, Plugin, Secrets, Slot, Slots, channel, chat,
};
use creel_policy::grant::{EntrySettings, Grant, grant};
use creel_policy::limits::{MEDIUM_BYTES_MAX, MODEL_CALL_MS_MAX};
use creel_policy::media::{Area, MediaRef};
use creel_store::Store;
use creel_store::ingest::GrantedDir;
use creel_store::media::Medium;
use creel_store::secrets::Secret;
use creel_store::state::StateRoot;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::components;

/// The moment at which all calls of tests start.
pub const NOW_MS: u64 = 1_700_000_000_000;

/// An engine, the way out, and a store of its own.
pub struct Rig {
    /// Runs the plugins. All rigs of a process share one, unless they ask for their own.
    pub engine: Engine,
    /// The way out.
    pub egress: Arc<Egress>,
    /// The store, in a directory that goes with the rig.
    pub store: Store,
    is_shared: bool,
    directory: TempDir,
}

/// A call that is being put together.
pub struct Setup<'r> {
    rig: &'r Rig,
    plugin: Plugin,
    entry: Map<String, Value>,
    /// What the call's context will hold; tests may change it at will.
    pub context: CallContext,
    records: Arc<Mutex<Vec<EgressRecord>>>,
}

/// The requests that went out of a call or were refused.
#[derive(Clone)]
pub struct Records(Arc<Mutex<Vec<EgressRecord>>>);

impl Records {
    /// All so far.
    #[must_use]
    pub fn all(&self) -> Vec<EgressRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Rig {
    /// A rig on the engine that the tests of this process share.
    ///
    /// # Panics
    ///
    /// When the machine gives no directory or no address space.
    #[must_use]
    pub fn new() -> Self {
        static SHARED: OnceLock<Engine> = OnceLock::new();
        Self::on(SHARED.get_or_init(engine).clone(), true)
    }

    /// A rig on an engine of its own.
    ///
    /// # Panics
    ///
    /// As [`Rig::new`].
    #[must_use]
    pub fn alone() -> Self {
        Self::on(engine(), false)
    }

    fn on(engine: Engine, is_shared: bool) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let root = StateRoot::open_ambient(&directory.path().join("state")).expect("a state directory can be made");
        let store = Store::open(&root).expect("a new store opens");
        let egress = Arc::new(Egress::new().expect("TLS can be set up"));
        Self { engine, egress, store, is_shared, directory }
    }

    /// A directory beside the state directory, for files that are no state.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Loads a plugin or guest of the repository; each once in an engine that is shared.
    ///
    /// # Panics
    ///
    /// When it does not load.
    #[must_use]
    pub fn plugin(&self, id: &str) -> Plugin {
        static LOADED: OnceLock<Mutex<HashMap<String, Plugin>>> = OnceLock::new();
        let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_shared {
            return self.load(&components::plugin(id));
        }
        loaded.entry(id.to_owned()).or_insert_with(|| self.load(&components::plugin(id))).clone()
    }

    /// Loads a component.
    ///
    /// # Panics
    ///
    /// When it does not load.
    #[must_use]
    pub fn load(&self, component: &[u8]) -> Plugin {
        Plugin::load(&self.engine, component).expect("the component loads")
    }

    /// Stores a medium that came in.
    ///
    /// # Panics
    ///
    /// When the store is full.
    #[must_use]
    pub fn medium(&self, bytes: &[u8]) -> Medium {
        self.store.media_put(Area::Inbound, None, bytes, NOW_MS).expect("a medium can be stored")
    }

    /// Begins a call of a plugin or guest of the repository.
    #[must_use]
    pub fn call(&self, id: &str) -> Setup<'_> {
        self.call_of(self.plugin(id), &json!({}))
    }

    /// Begins a call of a plugin with these settings of the operator.
    ///
    /// # Panics
    ///
    /// When the settings are no object or give no grant.
    #[must_use]
    pub fn call_of(&self, plugin: Plugin, settings: &Value) -> Setup<'_> {
        let entry = settings.as_object().cloned().expect("settings are an object");
        let records: Arc<Mutex<Vec<EgressRecord>>> = Arc::default();
        let heard = Arc::clone(&records);
        let context = CallContext {
            call: "call-1".into(),
            grant: Arc::new(granted(&plugin, &entry)),
            settings_json: "{}".into(),
            now_ms: NOW_MS,
            clock: Arc::new(|| NOW_MS),
            entropy: 7,
            slots: Slots::new(),
            headers: AddedHeaders::default(),
            media: MediaScope::default(),
            area: Area::Outbound,
            medium_bytes_max: MEDIUM_BYTES_MAX,
            roots: Arc::default(),
            total_ms_max: Some(MODEL_CALL_MS_MAX),
            witness: Arc::new(move |record| {
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(record.clone());
                Box::pin(std::future::ready(()))
            }),
        };
        Setup { rig: self, plugin, entry, context, records }
    }
}

impl Default for Rig {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup<'_> {
    /// Writes a setting of the operator.
    ///
    /// # Panics
    ///
    /// When there is no grant with it.
    #[must_use]
    pub fn setting(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.entry.insert(key.to_owned(), value.into());
        self.context.grant = Arc::new(granted(&self.plugin, &self.entry));
        self
    }

    /// Selects a credential for a slot, of the class with that index in the manifest.
    ///
    /// # Panics
    ///
    /// When the manifest has no such slot or class.
    #[must_use]
    pub fn credential(self, slot: &str, class: usize, value: &str) -> Self {
        self.held_credential(slot, class, &injectable(value))
    }

    /// The same with a secret that is held by more calls than this one, as a host holds its secrets.
    ///
    /// # Panics
    ///
    /// When the manifest has no such slot or class.
    #[must_use]
    pub fn held_credential(mut self, slot: &str, class: usize, secret: &Arc<Injectable>) -> Self {
        let declared = self.context.grant.credentials.get(slot).expect("the slot is declared");
        let rule = declared.classes.get(class).expect("the class is declared");
        let secrets = Secrets { first: Arc::clone(secret), secret: None, token: None };
        let injection = Injection::new(&secrets, rule).expect("the secret fits its place");
        self.context.slots.insert(slot.to_owned(), Slot::Ready(injection));
        self
    }

    /// Adds a header of the operator's to requests to one endpoint's server.
    ///
    /// # Panics
    ///
    /// When the manifest has no such endpoint.
    #[must_use]
    pub fn header(mut self, endpoint: &str, name: &str, value: Result<&str, &str>) -> Self {
        let origin = self.context.grant.endpoints.get(endpoint).expect("the endpoint is declared").base.origin.clone();
        self.context.headers.origin = Some(origin);
        let value = value.map(injectable).map_err(str::to_owned);
        self.context.headers.headers.push(AddedHeader { name: name.to_owned(), value });
        self
    }

    /// Fills a slot with something else than a credential.
    #[must_use]
    pub fn slot(mut self, name: &str, slot: Slot) -> Self {
        self.context.slots.insert(name.to_owned(), slot);
        self
    }

    /// Lets the call name these media.
    #[must_use]
    pub fn media<'m>(mut self, media: impl IntoIterator<Item = &'m Medium>) -> Self {
        self.context.media = MediaScope::of(media.into_iter().map(|medium| medium.media.clone()));
        self
    }

    /// Grants a directory.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    #[must_use]
    pub fn root(mut self, name: &str, directory: &Path) -> Self {
        let opened = GrantedDir::open_ambient(directory, &self.rig.store).expect("the directory can be opened");
        self.context.roots = Arc::new(BTreeMap::from([(name.to_owned(), Arc::new(opened))]));
        self
    }

    /// Makes it a call that listens until it is dropped.
    #[must_use]
    pub fn endless(mut self) -> Self {
        self.context.total_ms_max = None;
        self
    }

    /// What goes out of the call, or is refused.
    #[must_use]
    pub fn records(&self) -> Records {
        Records(Arc::clone(&self.records))
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// As [`ChatCall::start`].
    pub async fn start(self, request: ChatRequest) -> Result<ChatCall, Fault> {
        ChatCall::start(&self.plugin, &self.rig.egress, &self.rig.store, self.context, request).await
    }

    /// Starts it as a call of a channel.
    ///
    /// # Errors
    ///
    /// As [`ChannelCall::start`].
    pub async fn start_task(self, job: channel::Job, cursor: Option<Vec<u8>>) -> Result<ChannelCall, Fault> {
        ChannelCall::start(&self.plugin, &self.rig.egress, &self.rig.store, self.context, (job, cursor)).await
    }

    /// Starts it and reads it to its end, which is told in words: the text of the answer, or what went wrong.
    pub async fn told(self, request: ChatRequest) -> String {
        match self.start(request).await {
            Ok(mut call) => text_of(&mut call).await,
            Err(fault) => format!("fault: {fault}"),
        }
    }
}

/// The text of an answer up to its end, and behind it what ended it early.
pub async fn text_of(call: &mut ChatCall) -> String {
    let mut text = String::new();
    loop {
        match call.next().await {
            Ok(Some(Output::Text(more))) => text.push_str(&more),
            Ok(Some(_)) => {}
            Ok(None) => return text,
            Err(end) => return text + &told_end(&end),
        }
    }
}

fn told_end(end: &CallEnd<chat::CallError>) -> String {
    match end {
        CallEnd::Failed(error) => format!("failed: {:?}: {}", error.fault, error.message),
        CallEnd::Fault(fault) => format!("fault: {fault}"),
        CallEnd::TimedOut { milliseconds } => format!("timed out after {milliseconds} ms"),
    }
}

/// A request with one user text.
#[must_use]
pub fn saying(text: &str) -> ChatRequest {
    request("any", vec![Part::Text(text.to_owned())])
}

/// A request with one user message.
#[must_use]
pub fn request(model: &str, parts: Vec<Part>) -> ChatRequest {
    ChatRequest {
        model: model.to_owned(),
        messages: vec![Message { role: Role::User, parts }],
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        response_format: ResponseFormat::Text,
        max_tokens: Some(1_024),
        temperature: None,
        top_p: None,
        stop: Vec::new(),
        seed: None,
        reasoning_effort: None,
        parallel_tool_calls: None,
        streaming: true,
        native: None,
    }
}

/// A medium as plugins see it.
#[must_use]
pub fn handle(medium: &Medium) -> types::Media {
    let (content_type, name) = (medium.content_type.clone(), medium.name.clone());
    types::Media { uri: medium.media.to_string(), content_type, size: medium.size, name }
}

/// A medium that nobody stored.
///
/// # Panics
///
/// When the URI is not one of a medium.
#[must_use]
pub fn unstored(uri: &str) -> MediaRef {
    MediaRef::parse(uri).expect("the URI is one of a medium")
}

/// Holds a secret for a call.
///
/// # Panics
///
/// When it is none.
#[must_use]
pub fn injectable(value: &str) -> Arc<Injectable> {
    Arc::new(Injectable::new(Secret::parse(value).expect("the secret is sound")))
}

fn granted(plugin: &Plugin, entry: &Map<String, Value>) -> Grant {
    let entry = EntrySettings { name: format!("test.{}", plugin.id()), values: entry.clone() };
    grant(plugin.manifest(), &entry).expect("the settings give a grant")
}

/// An engine whose compiled code outlives the process, since compiling is most of what a test would wait for.
fn engine() -> Engine {
    let cache = components::target().join("tests/compiled");
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&cache);
    made.expect("a directory for compiled code can be made");
    let cache = cap_std::fs::Dir::open_ambient_dir(&cache, cap_std::ambient_authority());
    let settings = EngineSettings { cache: Some(cache.expect("the directory can be opened")) };
    Engine::new(settings).expect("the engine can be set up")
}
