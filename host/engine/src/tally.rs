//! What is counted of each plugin: its calls, how long they last, and the faults that ended some of them. What is made
//! of the numbers is for others to say.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use creel_policy::ids::PluginId;

/// Upper bounds of the durations in microseconds: from a plugin that only counts to the longest call of a model.
const BOUNDS_US: [u64; 16] = [
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    120_000_000,
    600_000_000,
];

/// What was counted of one plugin since the engine was made.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginCounts {
    /// The plugin.
    pub plugin: PluginId,
    /// Calls that hold an instance, or wait for the last of it to go.
    pub live: u64,
    /// Calls that are over.
    pub calls: u64,
    /// Seconds that they lasted together.
    pub seconds: f64,
    /// How many lasted at most so many seconds and longer than the bound before; the last has no bound.
    pub buckets: Vec<(f64, u64)>,
    /// Faults by code.
    pub faults: BTreeMap<&'static str, u64>,
}

/// The counts of one plugin. They outlive a reload.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    begun: AtomicU64,
    ended: AtomicU64,
    microseconds: AtomicU64,
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    /// Held for a moment at a fault, which is rare.
    faults: Mutex<BTreeMap<&'static str, u64>>,
}

/// A call that is counted as over when this is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    tally: Arc<Tally>,
    begun: Instant,
}

impl Counted {
    pub(crate) fn begin(tally: &Arc<Tally>) -> Self {
        tally.begun.fetch_add(1, Ordering::Relaxed);
        Self { tally: Arc::clone(tally), begun: Instant::now() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tally.end(self.begun.elapsed());
    }
}

impl Tally {
    fn end(&self, lasted: Duration) {
        let microseconds = u64::try_from(lasted.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS_US.iter().position(|bound| microseconds <= *bound).unwrap_or(BOUNDS_US.len());
        self.buckets[at].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a fault by its code.
    pub(crate) fn fault(&self, code: &'static str) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        *faults.entry(code).or_default() += 1;
    }

    pub(crate) fn counts(&self, plugin: &PluginId) -> PluginCounts {
        let bounds = BOUNDS_US.iter().map(|bound| Duration::from_micros(*bound).as_secs_f64()).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> =
            bounds.zip(&self.buckets).map(|(bound, count)| (bound, count.load(Ordering::Relaxed))).collect();
        // The sum of the buckets, so that a histogram of them agrees with itself while calls end.
        let calls = buckets.iter().map(|(_, count)| count).sum();
        let ended = self.ended.load(Ordering::Relaxed);
        PluginCounts {
            plugin: plugin.clone(),
            live: self.begun.load(Ordering::Relaxed).saturating_sub(ended),
            calls,
            seconds: Duration::from_micros(self.microseconds.load(Ordering::Relaxed)).as_secs_f64(),
            buckets,
            faults: self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(tally: &Tally) -> PluginCounts {
        tally.counts(&PluginId::parse("ollama").expect("an id"))
    }

    #[test]
    fn a_call_is_live_until_it_is_dropped() {
        let tally = Arc::default();
        let counted = Counted::begin(&tally);
        assert_eq!((counts(&tally).live, counts(&tally).calls), (1, 0));
        drop(counted);
        assert_eq!((counts(&tally).live, counts(&tally).calls), (0, 1));
    }

    #[test]
    fn a_duration_falls_into_the_bucket_that_holds_it() {
        let check = |microseconds, expect: f64| {
            let tally = Tally::default();
            tally.end(Duration::from_micros(microseconds));
            let counts = counts(&tally);
            let filled: Vec<f64> =
                counts.buckets.iter().filter(|(_, count)| *count > 0).map(|(bound, _)| *bound).collect();
            assert_eq!(filled, [expect], "{microseconds}");
            assert_eq!(counts.seconds, Duration::from_micros(microseconds).as_secs_f64());
        };
        check(0, 0.000_1);
        check(100, 0.000_1);
        check(101, 0.000_25);
        check(600_000_000, 600.0);
        check(600_000_001, f64::INFINITY);
    }

    #[test]
    fn faults_are_counted_by_code() {
        let tally = Tally::default();
        for code in ["trapped", "deadline", "trapped"] {
            tally.fault(code);
        }
        assert_eq!(counts(&tally).faults, BTreeMap::from([("deadline", 1), ("trapped", 2)]));
    }
}
