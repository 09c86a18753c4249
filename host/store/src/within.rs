//! Waits for something that may never end, and no longer than it was told to. What it is that is waited for is not
//! known here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::limits::STUCK_THREADS_MAX;

/// It did not end in time, or could not be begun because too much is stuck already.
#[derive(Debug)]
pub(crate) struct Late;

/// Threads that are under way, with those that nobody waits for any more.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Counts a thread for as long as it runs, however it ends.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Does the job on a thread of its own. A job that is late is left to itself: the operating system offers no way to
/// take a thread out of a file system that hangs.
pub(crate) fn within<T: Send + 'static>(time: Duration, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Late> {
    if UNDER_WAY.fetch_add(1, Ordering::Relaxed) >= STUCK_THREADS_MAX {
        drop(Counted);
        return Err(Late);
    }
    let counted = Counted;
    let (sender, receiver) = mpsc::sync_channel(1);
    let begun = thread::Builder::new().name("creel-file".to_owned()).spawn(move || {
        let done = job();
        drop(counted);
        // Where nobody waits any more, what came of it is dropped.
        drop(sender.send(done));
    });
    begun.map_err(|_| Late)?;
    receiver.recv_timeout(time).map_err(|_| Late)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_given_up() {
        let (release, held) = mpsc::channel::<()>();
        let late = within(Duration::from_millis(5), move || held.recv().is_ok());
        assert!(matches!(late, Err(Late)));
        drop(release);
        assert!(matches!(within(Duration::from_secs(60), || 7), Ok(7)));
    }
}
