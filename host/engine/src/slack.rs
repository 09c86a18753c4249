//! Gives memory back after a rush. The pool keeps what an instance has touched, so that the next one finds it there; after
//! thousands of calls at once that is hundreds of megabytes that nobody may need again. wasmtime gives them back with the
//! pool, so the engine takes an empty one, plugins are loaded into it from the cache of compiled code, and the old pool
//! goes with the last call that runs in it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Calls at once that make a rush; fewer keep so little that it is not worth loading anything anew.
const RUSH_CALLS: usize = 256;
/// It is over when so many times fewer are left.
const RUSH_OVER: usize = 8;

/// What can be loaded anew.
pub(crate) trait Anew: Send + Sync {
    /// Loads it anew, where that can be done without compiling.
    fn anew(&self);
}

/// The most calls at once since memory was last given back, and what holds it.
#[derive(Default)]
pub(crate) struct Slack {
    most: AtomicUsize,
    holders: Mutex<Vec<Weak<dyn Anew>>>,
}

impl Slack {
    /// So many calls are live.
    pub(crate) fn note(&self, live: usize) {
        self.most.fetch_max(live, Ordering::Relaxed);
    }

    /// Memory is given back by this as well, as long as it is held.
    pub(crate) fn add(&self, holder: Weak<dyn Anew>) {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        holders.retain(|holder| holder.strong_count() > 0);
        holders.push(holder);
    }

    /// Who gives memory back now; nobody unless a rush is over.
    pub(crate) fn over(&self, live: usize) -> Vec<Arc<dyn Anew>> {
        let most = self.most.load(Ordering::Relaxed);
        if most < RUSH_CALLS || live > most / RUSH_OVER {
            return Vec::new();
        }
        self.most.store(live, Ordering::Relaxed);
        let holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        holders.iter().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Holder;

    impl Anew for Holder {
        fn anew(&self) {}
    }

    #[test]
    fn memory_is_given_back_once_after_each_rush_and_not_within_it() {
        let (slack, holder) = (Slack::default(), Arc::new(Holder));
        let weak: Weak<Holder> = Arc::downgrade(&holder);
        slack.add(weak);
        for (note, live, expect) in [
            (RUSH_CALLS - 1, 0, 0),
            (RUSH_CALLS, RUSH_CALLS, 0),
            (0, RUSH_CALLS / RUSH_OVER + 1, 0),
            (0, RUSH_CALLS / RUSH_OVER, 1),
            (1, 0, 0),
            (2_000, 0, 1),
        ] {
            slack.note(note);
            assert_eq!(slack.over(live).len(), expect, "{note} {live}");
        }
        drop(holder);
        slack.note(2_000);
        assert!(slack.over(0).is_empty());
    }
}
