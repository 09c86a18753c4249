//! `creel plugin …`: options and examples.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `creel plugin …`.
#[derive(Subcommand)]
pub(crate) enum PluginCommand {
    /// Build plugin components from their crates
    Build(BuildArgs),
    /// Show what a plugin asks for, and allow it
    Approve(ApproveArgs),
    /// List every plugin that is found, and whether it may run
    List(ListArgs),
    /// Show what a plugin asks for
    Inspect(InspectArgs),
}

/// `creel plugin build`.
#[derive(Args, Debug)]
#[command(after_help = "\
Each component is written to OUT/<id>.wasm with its manifest inside.

Examples:
  creel plugin build
  creel plugin build plugins/anthropic --out ~/.creel/plugins")]
pub(crate) struct BuildArgs {
    /// Plugin crates [default: every plugin of the workspace around the current directory]
    #[arg(value_name = "DIR")]
    pub(crate) directories: Vec<PathBuf>,
    /// Where components go [default: `plugins` in cargo's target directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Where the compiler comes from
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) toolchain: ToolchainArg,
    /// Fetch nothing
    #[arg(long)]
    pub(crate) offline: bool,
    /// Do not change Cargo.lock
    #[arg(long)]
    pub(crate) locked: bool,
    /// Install nothing on this machine
    #[arg(long)]
    pub(crate) no_install: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the compiler comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ToolchainArg {
    /// That of the crate's directory, else Debian's
    Auto,
    /// That of the crate's directory
    Rustup,
    /// Debian's packages
    Debian,
}

/// `creel plugin approve`.
#[derive(Args, Debug)]
#[command(after_help = "\
Pins the component and its manifest in creel.lock of the state directory: another component of the same name must be
approved anew. Plugins that come with Creel need no approval.

Examples:
  creel plugin approve ./weather.wasm
  creel plugin approve weather --yes")]
pub(crate) struct ApproveArgs {
    /// A component file, or the id of a plugin that is found
    #[arg(value_name = "FILE|ID")]
    pub(crate) plugin: String,
    /// Approve without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `creel plugin list`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  creel plugin list\n  creel plugin list --json")]
pub(crate) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel plugin inspect`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  creel plugin inspect ./weather.wasm\n  creel plugin inspect anthropic --json")]
pub(crate) struct InspectArgs {
    /// A component file, or the id of a plugin that is found
    #[arg(value_name = "FILE|ID")]
    pub(crate) plugin: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
