//! The command line of `creel secrets set|list|rm|rotate`. What the commands do is not here.

use std::path::PathBuf;

use clap::Args;
use creel_policy::secret_ref::{BadSecretRef, DEFAULT_ALIAS, SecretRef, Source};

/// `creel secrets set`.
#[derive(Args, Debug)]
#[command(after_help = "\
The value is asked for on the terminal, which does not show it, or read from standard input. It is never an argument,
since other users can read those. White space around it is dropped. A running daemon takes it up at `creel reload`.

Examples:
  creel secrets set anthropic
  pass show anthropic | creel secrets set anthropic
  creel secrets set anthropic --from-env ANTHROPIC_API_KEY
  creel secrets set work/openai --from-file ./key.txt")]
pub(crate) struct SetSecretArgs {
    /// Its name: letters, digits and `._:/#-`
    #[arg(value_parser = name)]
    pub(crate) name: String,
    /// Take the value of this variable
    #[arg(long, value_name = "VAR", conflicts_with = "from_file")]
    pub(crate) from_env: Option<String>,
    /// Take what is in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
}

/// `creel secrets list`.
#[derive(Args, Debug)]
#[command(after_help = "Values are never shown; equal fingerprints mean equal values.\n\nExamples:\n  \
    creel secrets list\n  creel secrets list --json")]
pub(crate) struct ListSecretsArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel secrets rm`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  creel secrets rm anthropic")]
pub(crate) struct RemoveSecretArgs {
    /// Its name
    #[arg(value_parser = name)]
    pub(crate) name: String,
}

/// `creel secrets rotate`.
#[derive(Args, Debug)]
#[command(after_help = "\
All that is in the vault is encrypted anew, and the old key opens nothing any more. A crash on the way leaves a vault that
can be read. The secrets themselves stay what they are: change those where they were issued.

Example:
  creel secrets rotate")]
pub(crate) struct RotateArgs {}

/// A name that a reference can have.
fn name(text: &str) -> Result<String, BadSecretRef> {
    SecretRef::parse(Source::Vault, DEFAULT_ALIAS, text).map(|reference| reference.id().to_owned())
}
