//! Makes plugin components out of plugin crates: finds the crates, sees to a compiler for `wasm32-wasip2`, runs cargo
//! and puts the manifest into what comes out. Nothing here loads, grants or runs a plugin.

mod cargo;
mod component;
mod debian;
mod discover;
mod environment;
mod error;
mod manifest_file;
mod manifest_section;
mod options;
mod process;
mod progress;
mod run;
mod rustup;
mod toolchain;

pub(crate) use environment::Environment;
pub(crate) use error::BuildError;
pub(crate) use options::{BuildOptions, Built, Install, Lockfile, Network, State, ToolchainChoice};
pub(crate) use progress::{Event, Progress};
pub(crate) use run::build;
