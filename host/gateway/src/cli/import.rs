//! The options of `creel import …` and `creel secrets audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `creel import …`.
#[derive(Subcommand)]
pub(crate) enum ImportCommand {
    /// Take over configuration, stored profiles, media and conversations of an OpenClaw gateway
    Openclaw(ImportOpenclawArgs),
}

/// `creel import openclaw`.
#[derive(Args, Debug)]
#[command(after_help = "\
Shows what would be written as a diff, and what has no counterpart in Creel, with its place and what to do instead.
Nothing is written without `--apply`, and the directory of that gateway is only read. No secret is shown.

Exit codes: 3 where `--apply` would replace a file and `--force` is not given, 4 where the source cannot be read as
JSON5 or the result would not be valid, 5 where there is nothing to import.

Examples:
  creel import openclaw
  creel import openclaw ~/.clawdbot --to-vault --apply")]
pub(crate) struct ImportOpenclawArgs {
    /// The state directory of that gateway [default: $OPENCLAW_STATE_DIR, else ~/.openclaw]
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Write what is shown
    #[arg(long)]
    pub(crate) apply: bool,
    /// Keep secrets that stand in plain text in the vault, and write references to them
    #[arg(long)]
    pub(crate) to_vault: bool,
    /// Replace files that are there; each is kept beside the new one
    #[arg(long)]
    pub(crate) force: bool,
    /// Leave the media where they are, and the conversations that name them
    #[arg(long)]
    pub(crate) no_media: bool,
    /// Leave the conversations where they are
    #[arg(long)]
    pub(crate) no_conversations: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl ImportOpenclawArgs {
    /// Whether conversations are taken over. Once they are, their media are sought no more.
    pub(crate) fn takes_conversations(&self) -> bool {
        !self.no_media && !self.no_conversations
    }
}

/// `creel secrets audit`.
#[derive(Args, Debug)]
#[command(after_help = "\
Findings: PLAINTEXT_FOUND, REF_UNRESOLVED, REF_SHADOWED, OPEN_MODE, FOREIGN_OWNER, LEGACY_RESIDUE. No value is shown.
Whether references resolve is said by the daemon where one runs, else by the files and the environment of this shell.

Exit codes: 0 without `--check`, whatever is found. With it:
  0  nothing of that severity
  3  findings of that severity or a higher one
  5  a reference does not resolve

Examples:
  creel secrets audit
  creel secrets audit --check --severity-min error   # in CI")]
pub(crate) struct AuditArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 3 or 5 where something is found
    #[arg(long)]
    pub(crate) check: bool,
    /// The lowest severity that `--check` minds
    #[arg(long, value_name = "SEVERITY", value_enum, default_value = "warn")]
    pub(crate) severity_min: SeverityArg,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeverityArg {
    /// It is good to know
    Info,
    /// A secret is kept less well than it could be
    Warn,
    /// A secret is open to others, or a call will fail
    Error,
}
