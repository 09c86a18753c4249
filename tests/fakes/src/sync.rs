//! Waiting for what a test wants to see, with a deadline that says what was missing. Nothing here sleeps.

use std::fmt;
use std::time::Duration;

use tokio::sync::watch;

/// How long a test waits for something that should come at once. Generous, because it is only ever used up by a test
/// that fails, and a loaded machine that builds beside it may be slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a test waited for did not come.
#[derive(thiserror::Error)]
#[error("waited {}s for {wanted} {what}, and saw {seen}{}", PATIENCE.as_secs(), list(.details))]
pub struct Overdue {
    what: &'static str,
    wanted: usize,
    seen: usize,
    details: Vec<String>,
}

impl fmt::Debug for Overdue {
    /// Reads like the message, because a test shows it through `unwrap`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Waits until the counter is at least `wanted`.
pub(crate) async fn reach(
    counter: &mut watch::Receiver<usize>,
    wanted: usize,
    what: &'static str,
    details: impl FnOnce() -> Vec<String>,
) -> Result<(), Overdue> {
    let came =
        tokio::time::timeout(PATIENCE, counter.wait_for(|count| *count >= wanted)).await.map(|seen| seen.is_ok());
    if came == Ok(true) {
        return Ok(());
    }
    Err(Overdue { what, wanted, seen: *counter.borrow(), details: details() })
}

fn list(details: &[String]) -> String {
    details.iter().map(|line| format!("\n  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_come_is_named() {
        // A counter that nobody can raise any more does not come either, and at once.
        let mut counter = watch::channel(1).1;
        let details = || vec!["GET /api/v1/check: 200".to_owned()];
        let overdue = reach(&mut counter, 2, "requests", details).await.unwrap_err();
        let expect = "waited 30s for 2 requests, and saw 1\n  GET /api/v1/check: 200";
        assert_eq!(overdue.to_string(), expect);
        assert_eq!(format!("{overdue:?}"), expect);
    }
}
