//! The WASI of a plugin that reads media: a real, read-only `/media` and nothing else. No environment, no arguments,
//! no sockets; standard error is kept for the message of a panic.

use std::path::Path;

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sync};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

use crate::guest::CallState;

/// Bytes of standard error that are kept.
const STDERR_BYTES_MAX: usize = 16 << 10;

/// The WASI state of one call.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    stderr: MemoryOutputPipe,
}

impl Wasi {
    /// A WASI with that directory as `/media`, to be read, and nothing else.
    pub(crate) fn with_media(directory: &Path) -> wasmtime::Result<Self> {
        let stderr = MemoryOutputPipe::new(STDERR_BYTES_MAX);
        let mut builder = WasiCtx::builder();
        builder.stderr(stderr.clone()).preopened_dir(directory, "/media", FsPerms::ReadOnly)?;
        let ctx = builder.build();
        Ok(Self { ctx, table: ResourceTable::new(), stderr })
    }

    /// What the plugin wrote to standard error.
    pub(crate) fn stderr(&self) -> Vec<u8> {
        self.stderr.contents().to_vec()
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi.as_mut().expect("a plugin that reads media is started with a WASI state");
        WasiCtxView { ctx: &mut wasi.ctx, table: &mut wasi.table }
    }
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links the WASI interfaces of [`crate::LINKABLE`], each by name, so that sockets stay out.
pub(crate) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
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
    clocks::monotonic_clock::add_to_linker::<CallState, WasiClocks>(l, CallState::clocks)?;
    filesystem::preopens::add_to_linker::<CallState, WasiFilesystem>(l, CallState::filesystem)?;
    sync::filesystem::types::add_to_linker::<CallState, WasiFilesystem>(l, CallState::filesystem)?;
    wasmtime_wasi::p2::bindings::io::error::add_to_linker::<CallState, Table>(l, |state| state.ctx().table)?;
    sync::io::poll::add_to_linker::<CallState, Table>(l, |state| state.ctx().table)?;
    sync::io::streams::add_to_linker::<CallState, Table>(l, |state| state.ctx().table)?;
    random::random::add_to_linker::<CallState, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure::add_to_linker::<CallState, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<CallState, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    Ok(())
}
