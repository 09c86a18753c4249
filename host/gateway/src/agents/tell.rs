//! Tells the daemon that agents have changed. What it does then is `keep`'s.

use super::AgentsError;
use crate::admin::Client;
use crate::error::CommandError;
use crate::places::Places;

/// Where the daemon is told.
pub(crate) const RELOAD_PATH: &str = "/v1/agents/reload";

/// Who was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The daemon of the state directory, which has taken it up.
    Daemon,
    /// None runs: the next one reads all of it.
    Nobody,
}

/// Tells the daemon of a state directory, if one runs.
///
/// # Errors
///
/// [`AgentsError::NotTold`] where one runs and has not taken it up.
pub(super) fn daemon(places: &Places) -> Result<Told, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let telling = async {
        match Client::connect(&places.state_dir).await? {
            Some(client) => client.tell(RELOAD_PATH).await.map(|_json| Told::Daemon),
            None => Ok(Told::Nobody),
        }
    };
    Ok(runtime.block_on(telling).map_err(AgentsError::NotTold)?)
}
