//! `creel mcp`: a client of the Model Context Protocol starts this program and talks to the daemon through it. It carries
//! messages and decides nothing: which tools there are, and who may call them, is the daemon's to say.

mod bridge;
mod exchange;
mod gateway;
mod message;

use std::sync::Arc;

use crate::cli::McpArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

use gateway::Gateway;
pub(crate) use gateway::McpError;

/// Carries messages until the client has closed its end.
///
/// # Errors
///
/// [`McpError`] where it is not clear which gateway is meant or what it is to be told; [`CommandError::Output`] where the
/// client cannot be written to.
pub(crate) fn run(args: &McpArgs, process: &Process) -> Result<Exit, CommandError> {
    let variable = |name: &str| process.variable(name).map(|value| value.to_string_lossy().into_owned());
    let gateway = Gateway::of(args, variable)?;
    let runtime = crate::runtime()?;
    let carried = runtime.block_on(bridge::carry(Arc::new(gateway), tokio::io::stdin(), tokio::io::stdout()));
    // Standard input is read by a thread that nothing but its end can wake.
    runtime.shutdown_background();
    carried.map_err(CommandError::Output)?;
    Ok(Exit::Ok)
}
