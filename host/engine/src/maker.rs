//! What the instance of one call is made from: its place, its directories and its bounds. The calls themselves are not
//! here.

use std::sync::Arc;

use creel_policy::limits::{
    CALL_HANDLES_MAX, CALL_MS_MAX, MEDIA_CALL_MS_MAX, MEDIA_MEMORY_BYTES_MAX, MEMORY_BYTES_MAX,
};
use creel_policy::media::MediaRef;
use creel_store::media::MediaError;
use creel_store::out::OutDir;
use creel_store::view::MediaView;
use wasmtime::Store;

use crate::bindings::io;
use crate::context::CallContext;
use crate::egress::chain;
use crate::engine::Place;
use crate::fault::{Fault, FaultKind};
use crate::guest::{CallState, Clock, on_deadline};
use crate::limiter::Limiter;
use crate::load::Plugin;
use crate::out::Quota;
use crate::reader::{Directories, Wasi};
use crate::tally::Counted;

/// What a new instance is made from.
pub(crate) struct Maker {
    pub(crate) plugin: Plugin,
    pub(crate) context: Arc<CallContext>,
    /// The directory that stands as `/media`, for a plugin that reads media.
    media: Option<MediaView>,
    /// The directory that stands as `/out`, for a plugin that writes media.
    pub(crate) out: Option<OutDir>,
    pub(crate) quota: Arc<Quota>,
    /// Free again when the instance is gone, which may be later than the call: a blocking thread cannot be dropped.
    _place: Place,
    _counted: Counted,
}

impl Maker {
    /// Takes a place, and makes the directories that the plugin was granted: a view of these media, and an `/out` where
    /// the call has a use for one.
    pub(crate) async fn prepare(
        plugin: &Plugin,
        store: &creel_store::Store,
        context: CallContext,
        media: Vec<MediaRef>,
        has_out: bool,
    ) -> Result<Arc<Self>, Fault> {
        let fault = |kind| Fault { plugin: plugin.id().clone(), kind };
        let place = plugin.engine().place(plugin.places()).await.map_err(fault)?;
        let asked = plugin.manifest().media;
        let (reads, writes) = (asked.read, asked.write && has_out);
        let (media, out) = if reads || writes {
            let store = store.clone();
            let make = move || {
                let media = reads.then(|| store.media_view(&media)).transpose()?;
                Ok::<_, MediaError>((media, writes.then(|| store.out_dir()).transpose()?))
            };
            let no_room = |detail| fault(FaultKind::NoRoom { detail });
            let made = tokio::task::spawn_blocking(make).await.map_err(|error| no_room(error.to_string()))?;
            made.map_err(|error| no_room(chain(&error)))?
        } else {
            (None, None)
        };
        let counted = Counted::begin(plugin.tally());
        let (plugin, context, quota) = (plugin.clone(), Arc::new(context), Arc::default());
        Ok(Arc::new(Self { plugin, context, media, out, quota, _place: place, _counted: counted }))
    }

    /// What an instance is made from that gets no directories.
    pub(crate) fn bare(plugin: &Plugin, context: Arc<CallContext>, place: Place) -> Self {
        let counted = Counted::begin(plugin.tally());
        let (plugin, quota) = (plugin.clone(), Arc::default());
        Self { plugin, context, media: None, out: None, quota, _place: place, _counted: counted }
    }

    pub(crate) fn fault(&self, kind: FaultKind) -> Fault {
        Fault { plugin: self.plugin.id().clone(), kind }
    }

    /// A store for an instance of what was linked in that engine.
    pub(crate) fn store(&self, engine: &wasmtime::Engine) -> Result<Store<CallState>, Fault> {
        let asked = self.plugin.manifest().media;
        let call_ms_max = if asked.read { MEDIA_CALL_MS_MAX } else { CALL_MS_MAX };
        let memory_bytes_max = if asked.read { MEDIA_MEMORY_BYTES_MAX } else { MEMORY_BYTES_MAX };
        let directories =
            Directories { media: self.media.as_ref().map(MediaView::path), out: self.out.as_ref().map(OutDir::path) };
        let wasi = asked.has_files().then(|| Wasi::new(&directories, &self.quota).map(Box::new)).transpose();
        let wasi = wasi.map_err(|error| self.fault(FaultKind::NoRoom { detail: format!("{error:#}") }))?;
        let state = CallState {
            plugin: self.plugin.id().clone(),
            call: self.context.call.clone(),
            masks: self.context.masks(),
            limiter: Limiter::new(memory_bytes_max),
            log_lines: 0,
            now_ms: self.context.now_ms,
            entropy: self.context.entropy,
            stderr: Vec::new(),
            wasi,
            clock: Clock::new(call_ms_max),
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_max_component_handles(CALL_HANDLES_MAX);
        // What is handed over at once becomes memory of the host, and is no more for a plugin that has more itself:
        // pictures go by files.
        store.set_hostcall_fuel(MEMORY_BYTES_MAX);
        store.epoch_deadline_callback(on_deadline);
        Ok(store)
    }

    pub(crate) fn context(&self) -> io::Context {
        let CallContext { call, now_ms, entropy, settings_json, .. } = &*self.context;
        io::Context { call: call.clone(), now_ms: *now_ms, entropy: *entropy, settings_json: settings_json.clone() }
    }
}
