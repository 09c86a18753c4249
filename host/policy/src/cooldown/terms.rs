//! How long what rests, and how many other profiles are tried: `auth.cooldowns` with the documented values where the
//! file says nothing. Knows no time of day.

use crate::config::Cooldowns;
use crate::fallback::CallFault;
use crate::ids::ProviderId;
use crate::limits::PROFILE_ROTATIONS_MAX;
use crate::moment::MOMENT_MS_MAX;

use super::Why;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// After a rate limit without a word about when it is over.
const FIRST_MS: u64 = 30_000;
const LONGEST_MS: u64 = 24 * HOUR_MS;
/// The newest version; the documents of the older gateway say 5 h, which `billingBackoffHours: 5` restores (F5).
const BILLING_FIRST_MS: u64 = 10 * MINUTE_MS;

/// What holds for one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    billing: Growth,
    auth_permanent: Growth,
    /// Failures longer ago are forgotten.
    pub(super) failure_window_ms: u64,
    rate_limited_rotations: u32,
    overloaded_rotations: u32,
    overloaded_pause_ms: u64,
}

/// Doubles from the first to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Growth {
    first_ms: u64,
    longest_ms: u64,
}

impl Growth {
    fn of(self, count: u32) -> u64 {
        let factor = 1_u64.checked_shl(count.saturating_sub(1)).unwrap_or(u64::MAX);
        self.first_ms.saturating_mul(factor).min(self.longest_ms)
    }
}

impl Terms {
    /// The terms of a provider.
    #[must_use]
    pub fn of(cooldowns: &Cooldowns, provider: &ProviderId) -> Self {
        let ms =
            |amount: Option<f64>, unit_ms: u64, default_ms| amount.map_or(default_ms, |some| scaled(some, unit_ms));
        let billing_hours = cooldowns.billing_backoff_hours_by_provider.get(provider).copied();
        let rotations = |count: Option<u64>| count.map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX));
        Self {
            billing: Growth {
                first_ms: ms(billing_hours.or(cooldowns.billing_backoff_hours), HOUR_MS, BILLING_FIRST_MS),
                longest_ms: ms(cooldowns.billing_max_hours, HOUR_MS, LONGEST_MS),
            },
            auth_permanent: Growth {
                first_ms: ms(cooldowns.auth_permanent_backoff_minutes, MINUTE_MS, 10 * MINUTE_MS),
                longest_ms: ms(cooldowns.auth_permanent_max_minutes, MINUTE_MS, HOUR_MS),
            },
            failure_window_ms: ms(cooldowns.failure_window_hours, HOUR_MS, LONGEST_MS),
            rate_limited_rotations: rotations(cooldowns.rate_limited_profile_rotations),
            overloaded_rotations: rotations(cooldowns.overloaded_profile_rotations),
            overloaded_pause_ms: cooldowns.overloaded_backoff_ms.unwrap_or_default(),
        }
    }

    /// Milliseconds that the `count`-th failure in a row lets a credential rest, where the server says nothing.
    #[must_use]
    pub fn backoff_ms(&self, why: Why, count: u32) -> u64 {
        let growth = match why {
            Why::Auth | Why::RateLimit | Why::Overloaded => Growth { first_ms: FIRST_MS, longest_ms: LONGEST_MS },
            Why::AuthPermanent => self.auth_permanent,
            Why::Billing => self.billing,
        };
        growth.of(count)
    }

    /// Milliseconds before another profile of the provider is tried after the `rotations` that were; `None`: no other
    /// profile is. Where the credential was refused the operator's list alone bounds it.
    #[must_use]
    pub fn rotation(&self, fault: CallFault, rotations: u32) -> Option<u64> {
        let (rotations_max, pause_ms) = match Why::of(fault)? {
            Why::RateLimit => (self.rate_limited_rotations, 0),
            Why::Overloaded => (self.overloaded_rotations, self.overloaded_pause_ms),
            Why::Auth | Why::AuthPermanent | Why::Billing => (PROFILE_ROTATIONS_MAX, 0),
        };
        (rotations < rotations_max.min(PROFILE_ROTATIONS_MAX)).then_some(pause_ms)
    }
}

/// An amount of a unit, never beyond what a date can name.
fn scaled(amount: f64, unit_ms: u64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "clamped to what a date can name"
    )]
    let ms = (amount * unit_ms as f64).clamp(0.0, MOMENT_MS_MAX as f64) as u64;
    ms
}
