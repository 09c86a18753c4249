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

/// Reads a moment as RFC 3339 writes it: `2026-04-08T01:03:43.107Z`, or with an offset. Fractions are cut to
/// milliseconds; moments before 1970 and beyond [`MOMENT_MS_MAX`] are none.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let (year, month, day) = three(date, '-', 4)?;
    let (time, offset_minutes) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => (time.get(..at)?, offset(time.get(at..)?)?),
        None => return None,
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let (hour, minute, second) = three(time, ':', 2)?;
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    let days_of_month = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    };
    let is_date = (1..=12).contains(&month) && (1..=days_of_month).contains(&day);
    if !is_fraction || !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // The fraction has digits alone, and three of them fit.
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds = days_to(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset_minutes * 60;
    u64::try_from(seconds * 1_000 + millis).ok().filter(|ms| *ms <= MOMENT_MS_MAX)
}

/// Three numbers between separators, the first of `width` digits and the others of two.
fn three(text: &str, separator: char, width: usize) -> Option<(i64, i64, i64)> {
    let number = |text: &str, width: usize| {
        let is_number = text.len() == width && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| is_number)
    };
    let mut parts = text.split(separator);
    let three = (number(parts.next()?, width)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    parts.next().is_none().then_some(three)
}

/// The minutes of `Z`, `+02:00` or `-0930`.
fn offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+')?),
    };
    let digits = digits.replacen(':', "", 1);
    let is_offset = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse::<i64>().ok().filter(|_| is_offset)?;
    (number / 100 < 24 && number % 100 < 60).then_some(sign * (number / 100 * 60 + number % 100))
}

/// The days from 1970-01-01 to a date, by years that begin in March.
fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leaps + of_year - 719_468
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
    fn moments_are_read() {
        let check = |text: &str, expect| assert_eq!(parse_rfc3339(text), expect, "{text}");
        for ms in [0, 951_782_400_000, 951_868_799_000, 1_709_164_800_000, 1_735_689_599_000, 4_107_542_400_000] {
            check(&rfc3339(ms), Some(ms));
        }
        check("2026-04-08T01:03:43.107Z", Some(1_775_610_223_107));
        check("2026-04-08t03:03:43.1+02:00", Some(1_775_610_223_100));
        check("2026-04-07 15:33:43.1079999-0930", Some(1_775_610_223_107));
        for text in [
            "",
            "T",
            "2026-04-08",
            "2026-04-08T01:03Z",
            "2026-04-08T01:03:43",
            "2026-13-08T01:03:43Z",
            "2026-02-29T01:03:43Z",
            "2026-04-31T01:03:43Z",
            "2026-04-00T01:03:43Z",
            "2026-04-08T24:03:43Z",
            "2026-04-08T01:03:43.Z",
            "2026-04-08T01:03:43+2:00",
            "2026-04-08T01:03:43+02:60",
            "+026-04-08T01:03:43Z",
            "1969-12-31T23:59:59Z",
            "2026-04-08T01:03:43é",
        ] {
            check(text, None);
        }
    }

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
