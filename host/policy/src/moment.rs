//! How a moment and a span of time are written for people. Nothing here asks what time it is.

/// The last millisecond that a date can name in the format of `auth-profiles.json`: some 275,000 years from now.
pub const MOMENT_MS_MAX: u64 = 8_640_000_000_000_000;

/// A moment as RFC 3339 writes it, in UTC, to the second.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A span in its largest fitting unit, rounded up: `30s`, `4m`, `5h`, `3d`.
#[must_use]
pub fn span(ms: u64) -> String {
    let seconds = ms.div_ceil(1_000);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds.div_ceil(60)),
        3_600..172_800 => format!("{}h", seconds.div_ceil(3_600)),
        _ => format!("{}d", seconds.div_ceil(86_400)),
    }
}

/// The date of a day since 1970, by years that begin in March, so that a leap day is the last of its year.
fn date_of(days: u64) -> (u64, u64, u64) {
    /// Days from 0000-03-01 to 1970-01-01.
    const EPOCH: u64 = 719_468;
    /// Days of 400, of 100 and of 4 years.
    const CYCLE: u64 = 146_097;
    const CENTURY: u64 = 36_524;
    const LEAP: u64 = 1_461;
    let days = days + EPOCH;
    let (cycle, of_cycle) = (days / CYCLE, days % CYCLE);
    let year_of_cycle = (of_cycle - of_cycle / (LEAP - 1) + of_cycle / CENTURY - of_cycle / (CYCLE - 1)) / 365;
    let of_year = of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = cycle * 400 + year_of_cycle + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        let check = |ms, expect: &str| assert_eq!(rfc3339(ms), expect);
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_400_000, "2000-02-29T00:00:00Z");
        check(951_868_799_999, "2000-02-29T23:59:59Z");
        check(1_709_164_800_000, "2024-02-29T00:00:00Z");
        check(1_735_689_599_000, "2024-12-31T23:59:59Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00Z");
        check(MOMENT_MS_MAX, "275760-09-13T00:00:00Z");
    }

    #[test]
    fn spans_are_rounded_up() {
        let check = |ms, expect: &str| assert_eq!(span(ms), expect);
        check(1, "1s");
        check(30_000, "30s");
        check(60_000, "1m");
        check(185_000, "4m");
        check(5 * 3_600_000, "5h");
        check(49 * 3_600_000, "3d");
    }
}
