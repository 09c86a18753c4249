//! `creel models status --probe` where no daemon runs: this program asks the providers itself, by the files and the
//! environment of this shell, with the very same prober. What is asked is `creel_runtime`'s to say.

use std::sync::Arc;

use creel_runtime::{Prober, Setup};
use creel_store::Store;
use creel_store::state::StateRoot;

use crate::answers::{self, Source};
use crate::boot::{BootError, Files};
use crate::clock;
use crate::error::CommandError;
use crate::places::Places;
use crate::process::Process;
use crate::serve::{self, Unobserved};
use crate::views::Answerer;

/// Answers `models status` with what came of a real call for each use.
///
/// # Errors
///
/// [`CommandError`] where there is no state directory, or the plugins cannot be run.
pub(crate) fn from_files(
    files: Files,
    state: Option<&StateRoot>,
    answerer: &Answerer,
    places: &Places,
    process: &Process,
) -> Result<String, CommandError> {
    let state = state.ok_or_else(|| BootError::NoState { path: places.state_dir.clone() })?;
    let mut installed = files.find_plugins(places, process);
    let knowledge = files.know(&installed, process, Some(state))?;
    let engine = serve::engine(state)?;
    let loaded = serve::load_plugins(&engine, &knowledge, &mut installed, process);
    let providers =
        Source { knowledge: &knowledge, absent: &loaded.absent, answerer, now_ms: clock::now_ms() }.providers();
    let setup = Setup {
        knowledge,
        plugins: loaded.plugins,
        store: Store::open(state)?,
        clock: process.clock(),
        observer: Arc::new(Unobserved),
    };
    let probed = crate::runtime()?
        .block_on(async { Ok::<_, CommandError>(Prober::new(setup).await?.probe(providers).await) })?;
    Ok(answers::statuses(answerer, probed)?)
}
