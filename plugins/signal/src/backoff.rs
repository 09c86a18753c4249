//! How long to wait before another connection. Counts; does not wait.

use crate::limits::{RECONNECT_MS_MAX, RECONNECT_MS_MIN};

/// Pauses that double from one failure to the next, each drawn by chance from the upper half of its range: many
/// listeners of one daemon that restarts do not come back all at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Begins with the shortest pause; `entropy` decides the draws.
    pub(crate) fn new(entropy: u64) -> Self {
        Self { failures: 0, random: entropy }
    }

    /// The connection was good: the next pause is the shortest again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next pause in milliseconds.
    pub(crate) fn next_ms(&mut self) -> u32 {
        let doubled = RECONNECT_MS_MIN.saturating_mul(2_u32.saturating_pow(self.failures + 1));
        self.failures = self.failures.saturating_add(1).min(31);
        let most = doubled.min(RECONNECT_MS_MAX);
        let least = most / 2;
        least + u32::try_from(self.draw() % u64::from(most - least + 1)).unwrap_or(0)
    }

    /// SplitMix64: every seed is a good one.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_stay_there() {
        for entropy in [0, 1, 42, u64::MAX] {
            let mut backoff = Backoff::new(entropy);
            for most in [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000] {
                let pause = backoff.next_ms();
                assert!((most / 2..=most).contains(&pause), "{pause} of {most}");
            }
            for _ in 0..100 {
                assert!((30_000..=60_000).contains(&backoff.next_ms()));
            }
        }
    }

    #[test]
    fn a_good_connection_begins_anew() {
        let mut backoff = Backoff::new(7);
        (0..5).for_each(|_| assert!(backoff.next_ms() >= 1_000));
        backoff.reset();
        assert!((1_000..=2_000).contains(&backoff.next_ms()));
    }

    #[test]
    fn two_listeners_do_not_wait_alike() {
        let pauses = |entropy| {
            let mut backoff = Backoff::new(entropy);
            (0..4).map(|_| backoff.next_ms()).collect::<Vec<_>>()
        };
        assert_ne!(pauses(1), pauses(2));
        assert_eq!(pauses(1), pauses(1));
    }
}
