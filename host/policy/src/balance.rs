//! Which profile of a provider is tried first, where several share the load. Which of them can be used at all, and who takes
//! over, is the selection's to say.

use crate::config::{Balance, BalanceBy};
use crate::ids::ProfileId;

/// Chooses the profile to try first. `chance` are random bits; `pace` says how long a profile takes to begin an answer,
/// where that is known: one that nobody knows yet is tried before one that is known, so that it becomes known.
#[must_use]
pub fn first(balance: &Balance, chance: u64, pace: impl Fn(&ProfileId) -> Option<u64>) -> Option<&ProfileId> {
    let one = drawn(balance, chance & u64::from(u32::MAX))?;
    match balance.by {
        BalanceBy::Weight => Some(one),
        BalanceBy::Latency => {
            let other = drawn(balance, chance >> 32)?;
            Some(if pace(other).unwrap_or_default() < pace(one).unwrap_or_default() { other } else { one })
        }
    }
}

/// Draws by weight; `chance` has 32 bits.
fn drawn(balance: &Balance, chance: u64) -> Option<&ProfileId> {
    let whole: u64 = balance.profiles.iter().map(|(_, weight)| weight).sum();
    let mut left = chance.checked_rem(whole)?;
    for (profile, weight) in &balance.profiles {
        if left < *weight {
            return Some(profile);
        }
        left -= weight;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(by: BalanceBy, weights: &[(&str, u64)]) -> Balance {
        let profile = |(id, weight): &(&str, u64)| (ProfileId::parse(id).expect("an id"), *weight);
        Balance { by, profiles: weights.iter().map(profile).collect() }
    }

    #[test]
    fn weights_are_shares() {
        let balance = balance(BalanceBy::Weight, &[("p:a", 3), ("p:b", 1)]);
        let drawn: Vec<String> =
            (0..8).filter_map(|chance| first(&balance, chance, |_| None)).map(ToString::to_string).collect();
        assert_eq!(drawn, ["p:a", "p:a", "p:a", "p:b", "p:a", "p:a", "p:a", "p:b"]);
    }

    #[test]
    fn the_quicker_of_two_comes_first_and_one_that_nobody_knows_before_both() {
        let balance = balance(BalanceBy::Latency, &[("p:a", 1), ("p:b", 1)]);
        let check = |chance: u64, paces: [Option<u64>; 2], expect: &str| {
            let pace = |profile: &ProfileId| if profile.as_str() == "p:a" { paces[0] } else { paces[1] };
            assert_eq!(first(&balance, chance, pace).map(ToString::to_string).as_deref(), Some(expect), "{chance:x}");
        };
        let both = 1 << 32; // one is `p:a`, the other `p:b`
        check(both, [Some(10), Some(20)], "p:a");
        check(both, [Some(20), Some(10)], "p:b");
        check(both, [Some(20), None], "p:b");
        check(both, [Some(10), Some(10)], "p:a");
        // Where the same one is drawn twice there is no choice.
        check(0, [Some(99), Some(1)], "p:a");
    }

    #[test]
    fn no_profile_is_no_choice() {
        assert_eq!(first(&balance(BalanceBy::Weight, &[]), 7, |_| None), None);
    }
}
