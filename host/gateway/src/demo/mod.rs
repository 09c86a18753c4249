//! `creel demo`: the whole chain on one machine, with stand-ins for the networks.

use crate::cli::DemoArgs;
use crate::exit::Exit;
use crate::process::Process;

/// Runs the demo.
///
/// # Errors
///
/// What went wrong, with its causes.
pub(crate) async fn run(
    _args: &DemoArgs,
    _process: &Process,
) -> Result<Exit, Box<dyn std::error::Error + Send + Sync>> {
    Err("the demo is not part of this build".into())
}
