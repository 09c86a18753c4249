//! What an agent has used, and what its calls under way have set aside. How much it may use is `admit`'s.
//!
//! A minute begins with the first call that finds none running, and the day is that of UTC. A call sets aside what it
//! may take for as long as it runs, whichever minute or day that spans, and is counted where it ends: no call escapes a
//! window by lasting longer.

use super::cost::TokenCount;

/// Milliseconds of the window of `…PerMinute`.
pub const MINUTE_MS: u64 = 60_000;
/// Milliseconds of a UTC day.
pub const DAY_MS: u64 = 86_400_000;

/// The UTC day of a moment, counted from 1970.
#[must_use]
pub fn day_of(now_ms: u64) -> u64 {
    now_ms / DAY_MS
}

/// What was used in one day. Sums stop at the largest number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayUsage {
    /// Requests that were admitted.
    pub requests: u64,
    /// Tokens that were sent, from the cache or not.
    pub tokens_in: u64,
    /// Tokens that were answered.
    pub tokens_out: u64,
    /// What they cost, in millionths of a dollar.
    pub micro_usd: u64,
}

impl DayUsage {
    /// The use of one call that has ended.
    #[must_use]
    pub fn of_call(used: &TokenCount, micro_usd: u64) -> Self {
        Self { requests: 0, tokens_in: used.sent(), tokens_out: used.output, micro_usd }
    }

    /// Adds what was used besides.
    pub fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.tokens_in = self.tokens_in.saturating_add(other.tokens_in);
        self.tokens_out = self.tokens_out.saturating_add(other.tokens_out);
        self.micro_usd = self.micro_usd.saturating_add(other.micro_usd);
    }

    /// All tokens.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens_in.saturating_add(self.tokens_out)
    }
}

/// What a call sets aside before it begins: as much as it may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// What is sent, from the cache or not.
    pub tokens_in: u64,
    /// What may be answered.
    pub tokens_out: u64,
    /// What that costs, in millionths of a dollar.
    pub micro_usd: u64,
}

impl Reservation {
    /// All tokens.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens_in.saturating_add(self.tokens_out)
    }

    /// All of it, as if it had been used.
    #[must_use]
    pub fn in_full(&self) -> DayUsage {
        let Self { tokens_in, tokens_out, micro_usd } = *self;
        DayUsage { requests: 0, tokens_in, tokens_out, micro_usd }
    }
}

/// What one agent has used, as of some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub(super) minute_begun_ms: u64,
    pub(super) minute_requests: u64,
    pub(super) minute_tokens: u64,
    pub(super) day: u64,
    pub(super) today: DayUsage,
    pub(super) under_way: u64,
    pub(super) reserved_tokens: u64,
    pub(super) reserved_micro_usd: u64,
}

impl Usage {
    /// Goes on from what was written down of a day; nothing is under way.
    #[must_use]
    pub fn of_day(day: u64, today: DayUsage) -> Self {
        Self { day, today, ..Self::default() }
    }

    /// The same at a later moment: windows that have ended are empty. A clock that was set back ends no day, and lets
    /// a running minute last no longer than a minute from then.
    #[must_use]
    pub fn at(mut self, now_ms: u64) -> Self {
        if now_ms >= self.minute_begun_ms.saturating_add(MINUTE_MS) {
            self.minute_begun_ms = now_ms;
            (self.minute_requests, self.minute_tokens) = (0, 0);
        }
        self.minute_begun_ms = self.minute_begun_ms.min(now_ms);
        if day_of(now_ms) > self.day {
            self.day = day_of(now_ms);
            self.today = DayUsage::default();
        }
        self
    }

    /// Counts a call that was admitted and sets aside what it may take.
    pub fn begin(&mut self, reservation: &Reservation, now_ms: u64) {
        *self = self.at(now_ms);
        self.minute_requests = self.minute_requests.saturating_add(1);
        self.today.requests = self.today.requests.saturating_add(1);
        self.under_way = self.under_way.saturating_add(1);
        self.reserved_tokens = self.reserved_tokens.saturating_add(reservation.tokens());
        self.reserved_micro_usd = self.reserved_micro_usd.saturating_add(reservation.micro_usd);
    }

    /// Counts what a call has used in place of what it had set aside. Gives the day that it is counted in.
    pub fn end(&mut self, reservation: &Reservation, used: &DayUsage, now_ms: u64) -> u64 {
        *self = self.at(now_ms);
        self.under_way = self.under_way.saturating_sub(1);
        self.reserved_tokens = self.reserved_tokens.saturating_sub(reservation.tokens());
        self.reserved_micro_usd = self.reserved_micro_usd.saturating_sub(reservation.micro_usd);
        self.minute_tokens = self.minute_tokens.saturating_add(used.tokens());
        self.today.add(used);
        self.day
    }

    /// Today's use, without what is set aside.
    #[must_use]
    pub fn today(&self) -> DayUsage {
        self.today
    }

    /// The day that [`Self::today`] is of.
    #[must_use]
    pub fn day(&self) -> u64 {
        self.day
    }

    /// Calls under way.
    #[must_use]
    pub fn under_way(&self) -> u64 {
        self.under_way
    }
}
