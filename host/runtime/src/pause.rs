//! How long to wait before another try. No clock, no chance.

use std::time::Duration;

/// Doubles from `first_ms` with each try, up to `ms_max`.
pub(crate) fn growing(tries: u32, first_ms: u64, ms_max: u64) -> Duration {
    let factor = 1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_millis(first_ms.saturating_mul(factor).min(ms_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_the_bound() {
        let pauses: Vec<u128> = (1..=6).map(|tries| growing(tries, 1_000, 10_000).as_millis()).collect();
        assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!(growing(u32::MAX, 1, 5).as_millis(), 5);
    }
}
