//! The WASI of a plugin with files: a real `/media`, read-only, a real `/out`, or both, and nothing else. No
//! environment, no arguments, no sockets, nothing that waits; of standard error the end is kept, for the message of a
//! panic.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use creel_policy::limits::OPEN_FILES_MAX;
use tokio::io::AsyncWrite;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable, ResourceType};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sync};
use wasmtime_wasi::p2::{DynPollable, OutputStream, Pollable, StreamResult};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

use crate::files::{Files, FilesView};
use crate::guest::CallState;
use crate::inert::keep_tail;
use crate::out::Quota;

/// Bytes that standard error takes, and random bytes that are given, at once.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// The WASI state of one call.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    stderr: Tail,
    quota: Arc<Quota>,
}

/// The directories that a call gets.
pub(crate) struct Directories<'a> {
    /// `/media`, to be read.
    pub(crate) media: Option<&'a Path>,
    /// `/out`, to be written.
    pub(crate) out: Option<&'a Path>,
}

impl Wasi {
    /// A WASI with those directories and nothing else. Files are read and written on the calling thread: plugins with
    /// files run where waiting for a disk holds up nobody.
    pub(crate) fn new(directories: &Directories<'_>, quota: &Arc<Quota>) -> wasmtime::Result<Self> {
        let stderr = Tail::default();
        let mut builder = WasiCtx::builder();
        builder.stderr(stderr.clone()).allow_blocking_current_thread(true).max_random_size(PIECE_BYTES_MAX as u64);
        if let Some(directory) = directories.media {
            builder.preopened_dir(directory, "/media", FsPerms::ReadOnly)?;
        }
        if let Some(directory) = directories.out {
            builder.preopened_dir(directory, "/out", FsPerms::ReadWrite)?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(OPEN_FILES_MAX);
        Ok(Self { ctx: builder.build(), table, stderr, quota: Arc::clone(quota) })
    }

    /// The end of what the plugin wrote to standard error.
    pub(crate) fn stderr(&self) -> Vec<u8> {
        self.stderr.lock().clone()
    }

    /// What the call has written to `/out`.
    pub(crate) fn quota(&self) -> &Arc<Quota> {
        &self.quota
    }

    /// Forgets what the plugin wrote to standard error.
    pub(crate) fn forget_stderr(&self) {
        self.stderr.lock().clear();
    }
}

/// Keeps the end of what is written to it.
#[derive(Clone, Default)]
struct Tail(Arc<Mutex<Vec<u8>>>);

impl Tail {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IsTerminal for Tail {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Tail {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only asked for by later versions of WASI, which are not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Tail {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        keep_tail(&mut self.lock(), &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PIECE_BYTES_MAX)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Tail {
    async fn ready(&mut self) {}
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi.as_mut().expect(STARTED_WITH_ONE);
        WasiCtxView { ctx: &mut wasi.ctx, table: &mut wasi.table }
    }
}

impl CallState {
    /// What the call has written to `/out`.
    pub(crate) fn quota(&self) -> &Arc<Quota> {
        self.wasi.as_ref().expect(STARTED_WITH_ONE).quota()
    }
}

const STARTED_WITH_ONE: &str = "a plugin with files is started with a WASI state";

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links the WASI interfaces of [`crate::LINKABLE`], each by name, so that sockets stay out.
pub(crate) fn link(linker: &mut Linker<CallState>, imports: &[String]) -> wasmtime::Result<()> {
    let l = linker;
    cli::environment::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::exit::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::stdin::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::stdout::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::stderr::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::terminal_input::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::terminal_output::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::terminal_stdin::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::terminal_stdout::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    cli::terminal_stderr::add_to_linker::<CallState, WasiCli>(l, CallState::cli)?;
    clocks::wall_clock::add_to_linker::<CallState, WasiClocks>(l, CallState::clocks)?;
    filesystem::preopens::add_to_linker::<CallState, WasiFilesystem>(l, CallState::filesystem)?;
    sync::filesystem::types::add_to_linker::<CallState, Files>(l, FilesView::of)?;
    wasmtime_wasi::p2::bindings::io::error::add_to_linker::<CallState, Table>(l, |state| state.ctx().table)?;
    sync::io::poll::add_to_linker::<CallState, Table>(l, |state| state.ctx().table)?;
    sync::io::streams::add_to_linker::<CallState, Table>(l, |state| state.ctx().table)?;
    random::random::add_to_linker::<CallState, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure::add_to_linker::<CallState, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<CallState, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    imports
        .iter()
        .filter(|import| import.starts_with("wasi:clocks/monotonic-clock@"))
        .try_for_each(|import| monotonic_clock(l, import))
}

/// A clock to read and not to wait for: the time inside a plugin is bounded by ticks that only its own code sees, so
/// that one which slept in the host would never be woken.
fn monotonic_clock(linker: &mut Linker<CallState>, import: &str) -> wasmtime::Result<()> {
    use clocks::monotonic_clock::Host as _;
    let mut instance = linker.instance(import)?;
    instance.resource("pollable", ResourceType::host::<DynPollable>(), |_, _| Ok(()))?;
    instance.func_wrap("now", |mut cx: wasmtime::StoreContextMut<'_, CallState>, (): ()| {
        Ok((cx.data_mut().clocks().now()?,))
    })?;
    for name in ["subscribe-instant", "subscribe-duration"] {
        instance.func_wrap(name, move |_: wasmtime::StoreContextMut<'_, CallState>, (_when,): (u64,)| {
            let words = format!("it called `{name}`: a plugin that wants to wait gives the command `wait`");
            Err::<(Resource<DynPollable>,), _>(wasmtime::Error::msg(words))
        })?;
    }
    instance.func_wrap("resolution", |mut cx: wasmtime::StoreContextMut<'_, CallState>, (): ()| {
        Ok((cx.data_mut().clocks().resolution()?,))
    })
}
