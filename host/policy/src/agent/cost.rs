//! What a call costs, in millionths of a dollar. Where the prices come from is the configuration's to say.

use crate::config::Cost;

/// The tokens of one call, or an estimate of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCount {
    /// What was sent, without what the cache counts.
    pub input: u64,
    /// What was answered, reasoning among it.
    pub output: u64,
    /// What was read from the provider's cache.
    pub cache_read: u64,
    /// What was written to it.
    pub cache_write: u64,
}

impl TokenCount {
    /// What went in, from the cache or not.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }

    /// All that a budget counts.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sent().saturating_add(self.output)
    }
}

/// What the tokens cost, rounded up: no call is free because it is small. What exceeds the number is its largest value.
#[must_use]
pub fn micro_usd(cost: &Cost, tokens: &TokenCount) -> u64 {
    let parts = [
        (cost.input, tokens.input),
        (cost.output, tokens.output),
        (cost.cache_read, tokens.cache_read),
        (cost.cache_write, tokens.cache_write),
    ];
    let sum = parts.iter().fold(0_u128, |sum, (price, tokens)| {
        sum.saturating_add(u128::from(millionths(*price)).saturating_mul(u128::from(*tokens)))
    });
    u64::try_from(sum.div_ceil(u128::from(MILLION))).unwrap_or(u64::MAX)
}

const MILLION: u64 = 1_000_000;

/// A price per million tokens, in millionths: whole, so that no sum depends on the order of its parts. Dollars per
/// million tokens are millionths of a dollar per token.
fn millionths(price: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a number that is too large, negative or none gives the nearest bound"
    )]
    let whole = (price * 1_000_000.0).round() as u64;
    // A price that is too small to be counted is still no gift.
    if price > 0.0 { whole.max(1) } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_costs_what_its_tokens_do_rounded_up() {
        let cost = Cost { input: 3.0, output: 15.0, cache_read: 0.3, cache_write: 3.75 };
        let check = |input, output, cache_read, cache_write, expect: u64| {
            let tokens = TokenCount { input, output, cache_read, cache_write };
            assert_eq!(micro_usd(&cost, &tokens), expect, "{tokens:?}");
        };
        check(0, 0, 0, 0, 0);
        check(1_000_000, 0, 0, 0, 3_000_000);
        check(1_000, 500, 0, 0, 10_500);
        check(0, 0, 1, 0, 1);
        check(0, 0, 10, 0, 3);
        check(0, 0, 11, 0, 4);
        check(0, 0, 0, 1, 4);
        check(1, 1, 1, 1, 23);
        check(u64::MAX, u64::MAX, 0, 0, u64::MAX);
    }

    #[test]
    fn decimal_prices_are_exact() {
        let cost = |input| Cost { input, ..Cost::default() };
        let tokens = TokenCount { input: 10, ..TokenCount::default() };
        assert_eq!(micro_usd(&cost(1.1), &tokens), 11);
        assert_eq!(micro_usd(&cost(0.1), &tokens), 1);
        assert_eq!(micro_usd(&cost(0.000_000_001), &tokens), 1);
        assert_eq!(micro_usd(&cost(0.0), &tokens), 0);
        assert_eq!(micro_usd(&cost(f64::MAX), &tokens), 184_467_440_737_096);
    }

    #[test]
    fn every_token_counts() {
        let tokens = TokenCount { input: 1, output: 2, cache_read: 4, cache_write: 8 };
        assert_eq!((tokens.sent(), tokens.total()), (13, 15));
        let most = TokenCount { input: u64::MAX, ..tokens };
        assert_eq!(most.total(), u64::MAX);
    }
}
