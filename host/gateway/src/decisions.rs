//! `creel audit`: the decisions of the audit log, as they are on disk.

use creel_store::Store;
use creel_store::audit::AuditSearch;

use crate::boot::{self, BootError};
use crate::cli::DecisionsArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::explain::print;
use crate::places::Places;
use crate::process::Process;
use crate::render;

/// Shows the newest decisions of those that are asked for.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn run(args: &DecisionsArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let state = boot::open_state(places)?.ok_or_else(|| BootError::NoState { path: places.state_dir.clone() })?;
    let search = AuditSearch { refused_only: args.refused, text: args.about.clone() };
    let count = usize::try_from(args.last).unwrap_or(usize::MAX);
    let records = Store::open(&state)?.audit_find(&search, count)?;
    print(&match args.json {
        true => serde_json::to_string_pretty(&serde_json::json!({ "records": records }))?,
        false => render::decisions(&records, process.style_of_stdout()),
    })?;
    Ok(Exit::Ok)
}
