//! What is asked of a build and what it answers, as plain values. Nothing here is read from the process: the command
//! line and the environment are handed in.

use std::path::PathBuf;

use creel_policy::ids::PluginId;

use super::environment::Environment;

/// What to build, with what, and where to put it.
#[derive(Clone, Debug)]
pub(crate) struct BuildOptions {
    /// Plugin crates; none: every plugin of the workspace around the current directory.
    pub(crate) directories: Vec<PathBuf>,
    /// Where relative directories begin.
    pub(crate) current_directory: PathBuf,
    /// Where components go; `None`: `plugins` in the target directory of each crate's workspace.
    pub(crate) out: Option<PathBuf>,
    /// Where the compiler comes from.
    pub(crate) toolchain: ToolchainChoice,
    /// Whether anything may be fetched.
    pub(crate) network: Network,
    /// Whether `Cargo.lock` may change.
    pub(crate) lockfile: Lockfile,
    /// Whether something may be installed on this machine.
    pub(crate) install: Install,
    /// The variables that tools start with, before those of an outer cargo are taken out.
    pub(crate) environment: Environment,
}

/// Where the compiler for `wasm32-wasip2` comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ToolchainChoice {
    /// The toolchain that cargo uses in the crate's directory; where its target cannot be added, Debian's packages.
    #[default]
    Auto,
    /// Only the toolchain that cargo uses in the crate's directory.
    Rustup,
    /// Only Debian's packages.
    Debian,
}

/// Whether anything may be fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Network {
    /// Crates, targets and packages may be downloaded.
    #[default]
    Online,
    /// `--offline`: what is not on this machine is missing.
    Offline,
}

/// Whether `Cargo.lock` may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lockfile {
    /// Cargo brings it up to date.
    #[default]
    MayChange,
    /// `--locked`: a lock file that is out of date is an error.
    Locked,
}

/// Whether something may be installed on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Install {
    /// A target by rustup, and, as root, packages by apt.
    #[default]
    Allowed,
    /// Nothing; the error says what to install.
    Never,
}

/// One component as it lies on disk.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Built {
    /// As its manifest says.
    pub(crate) id: PluginId,
    /// As its manifest says.
    pub(crate) version: String,
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Its size.
    pub(crate) bytes: u64,
    /// Lower-case hex of the whole file.
    pub(crate) sha256: String,
    /// How long it took, cargo and writing together.
    pub(crate) milliseconds: u64,
    /// Whether anything had to be done.
    pub(crate) state: State,
}

/// Whether anything had to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Cargo had nothing to compile and the file was already there, byte for byte.
    Fresh,
    /// Compiled or written.
    Built,
}
