//! What the daemon does about agents beside their requests: takes up what the operator has changed, and writes down
//! what was used. Who is let in is the store's.

use std::sync::Arc;
use std::time::Duration;

use creel_store::agents::Agents;
use creel_store::{Store, StoreError};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Between two times at which what was used is written down: the most that a crash forgets.
const BETWEEN_WRITES: Duration = Duration::from_millis(100);

/// Takes up what has changed of the agents. Waits for the disk.
///
/// # Errors
///
/// [`StoreError`]; all agents are then what they were.
pub(crate) fn reload(agents: &Agents, store: &Store, now_ms: u64) -> Result<(), StoreError> {
    agents.reload(store.agents_snapshot(now_ms)?);
    tracing::info!("took up what has changed of the agents");
    Ok(())
}

/// Writes down what was used until it is told to stop, and then once more: a stop that comes when no request is under
/// way forgets nothing.
pub(crate) async fn keep_writing(agents: Arc<Agents>, store: Store, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(BETWEEN_WRITES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed = false;
    loop {
        let is_last = tokio::select! {
            _ = ticks.tick() => false,
            () = stopping.cancelled() => true,
        };
        let (agents, store) = (Arc::clone(&agents), store.clone());
        let written = tokio::task::spawn_blocking(move || agents.flush(&store)).await;
        let error = match written {
            Ok(Ok(())) => None,
            // What could not be written is kept for the next time.
            Ok(Err(error)) => Some(creel_engine::chain(&error)),
            Err(error) => Some(error.to_string()),
        };
        // Once for as long as it lasts: ten lines a second would say no more.
        if let Some(error) = error.as_ref().filter(|_| !failed) {
            tracing::error!(%error, "what agents use could not be written down; those with a budget will be refused");
        }
        failed = error.is_some();
        if is_last {
            return;
        }
    }
}
