//! What a program uses while many slow streams go through it, and after. The streams themselves are `streams`' matter.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ask;
use crate::error::LoadError;
use crate::lane::Lane;
use crate::running::Running;
use crate::streams::{self, Door, Plan, Tally};

/// How often it is looked what is used.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// How long a program may take to let go of what it needs no more.
const SETTLE_MAX: Duration = Duration::from_secs(20);

/// What became of many slow streams.
#[derive(Clone, Debug)]
pub(crate) struct Slow {
    /// The way they took.
    pub(crate) lane: Lane,
    /// What became of each.
    pub(crate) tally: Tally,
    /// The most answers that were under way at once, as the upstream counts.
    pub(crate) live_max: u64,
    /// How many still were in the end.
    pub(crate) live_after: u64,
    /// Answers that the upstream could not end, since nobody wanted them any more.
    pub(crate) cut_upstream: u64,
    /// Memory before, at most, and after, in KiB.
    pub(crate) rss_kib: [u64; 3],
    /// Whether it answers as before.
    pub(crate) works_after: bool,
}

/// What the upstream counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    live: u64,
    cut: u64,
}

/// Drives the streams through a program, and watches it.
///
/// # Errors
///
/// [`LoadError`] where the driver cannot run, or the upstream is gone.
pub(crate) fn drive(
    lane: Lane,
    (door, running): (&Door, &Running),
    upstream: SocketAddr,
    plan: &Plan,
) -> Result<Slow, LoadError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(LoadError::Runtime)?;
    let before = counts(upstream)?;
    let rss_before = running.used().rss_kib;
    let (door, plan) = (door.clone(), plan.clone());
    let driving = runtime.spawn(async move { streams::drive(&door, &plan).await });
    let (mut live_max, mut rss_max) = (0, rss_before);
    while !driving.is_finished() {
        live_max = live_max.max(counts(upstream)?.live);
        rss_max = rss_max.max(running.used().rss_kib);
        std::thread::sleep(LOOK_PAUSE);
    }
    let mut tally = runtime.block_on(driving).unwrap_or_default();
    if tally == Tally::default() {
        tally.example = Some("the driver itself has failed".to_owned());
    }
    let (after, rss_after) = settle(upstream, running, rss_before)?;
    let rss_kib = [rss_before, rss_max, rss_after];
    let cut_upstream = after.cut.saturating_sub(before.cut);
    Ok(Slow { lane, tally, live_max, live_after: after.live, cut_upstream, rss_kib, works_after: false })
}

/// Waits until nothing is under way and the memory is what it was, and not forever.
fn settle(upstream: SocketAddr, running: &Running, rss_before: u64) -> Result<(Counts, u64), LoadError> {
    let deadline = Instant::now() + SETTLE_MAX;
    loop {
        let (counts, rss) = (counts(upstream)?, running.used().rss_kib);
        if counts.live == 0 && rss <= rss_before || Instant::now() >= deadline {
            return Ok((counts, rss));
        }
        std::thread::sleep(LOOK_PAUSE);
    }
}

fn counts(upstream: SocketAddr) -> Result<Counts, LoadError> {
    let answered = ask::get(upstream, "/counts")?;
    read(&answered.body).ok_or(LoadError::Unread { program: "upstream", text: answered.body })
}

fn read(json: &str) -> Option<Counts> {
    let counts: Value = serde_json::from_str(json).ok()?;
    Some(Counts { live: counts.get("live")?.as_u64()?, cut: counts.get("cut")?.as_u64()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_the_upstream_are_read() {
        assert_eq!(read(r#"{"live":2,"whole":9,"cut":1}"#), Some(Counts { live: 2, cut: 1 }));
        assert_eq!(read(r#"{"live":2}"#), None);
        assert_eq!(read("no"), None);
    }
}
