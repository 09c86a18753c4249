//! When a server wants to be asked again: from `retry-after-ms` and `retry-after` (RFC 9110, section 10.2.3), and from
//! its words.

use crate::io::Response;

/// Milliseconds of the longest time that a server is believed: a day.
const RETRY_MS_MAX: u64 = 86_400_000;

impl Response {
    /// How long the server wants to be left alone, if it says so; `now_ms` is the context's, for a date.
    #[must_use]
    pub fn retry_after_ms(&self, now_ms: u64) -> Option<u64> {
        let exact = self.header("retry-after-ms").and_then(|value| milliseconds(value, 1.0));
        exact.or_else(|| self.header("retry-after").and_then(|value| retry_after(value, now_ms)))
    }
}

fn retry_after(value: &str, now_ms: u64) -> Option<u64> {
    milliseconds(value, 1_000.0).or_else(|| {
        let until_ms = http_date_ms(value)?;
        Some(until_ms.saturating_sub(now_ms).min(RETRY_MS_MAX))
    })
}

fn milliseconds(value: &str, unit_ms: f64) -> Option<u64> {
    let number: f64 = value.trim().parse().ok()?;
    if !number.is_finite() || number < 0.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and a day"
    )]
    Some((number * unit_ms).ceil().min(RETRY_MS_MAX as f64) as u64)
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`; the two obsolete forms are not understood.
fn http_date_ms(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.trim().split_once(", ")?.1.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let month_name = words.next()?;
    let month: u64 = MONTHS.iter().position(|name| *name == month_name)?.try_into().ok()?;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if words.next()? != "GMT" || !(1970..10_000).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 by counting years that begin in March, so that a leap day ends its year.
    let (shifted_year, shifted_month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let leap_days = shifted_year / 4 - shifted_year / 100 + shifted_year / 400;
    let days = (365 * shifted_year + leap_days + (153 * shifted_month + 2) / 5 + day - 1).checked_sub(719_468)?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000)
}

/// Reads `try again in 20s`, `retry after 2 minutes`, `"retryDelay": "34.5s"`, `resets in 1h2m`.
pub(crate) fn retry_after_in_words(message: &str) -> Option<u64> {
    const LEADS: [&str; 5] = ["try again in", "retry after", "retry in", "retrydelay", "resets in"];
    let text = message.to_ascii_lowercase();
    let rest = LEADS.into_iter().find_map(|lead| text.split_once(lead).map(|(_, rest)| rest))?;
    let mut rest = rest.trim_start_matches([' ', '"', ':', '=']);
    let mut total: Option<u64> = None;
    while let Some((ms, after)) = duration(rest) {
        total = Some(total.unwrap_or(0).saturating_add(ms).min(RETRY_MS_MAX));
        rest = after;
    }
    total
}

/// Reads a number with its unit.
fn duration(text: &str) -> Option<(u64, &str)> {
    let is_number = |sign: char| sign.is_ascii_digit() || sign == '.';
    let (number, rest) = text.split_at(text.find(|sign| !is_number(sign)).unwrap_or(text.len()));
    let rest = rest.trim_start();
    let (unit, rest) = rest.split_at(rest.find(|sign: char| !sign.is_ascii_alphabetic()).unwrap_or(rest.len()));
    let unit_ms = match unit {
        "ms" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
        "h" | "hour" | "hours" => 3_600_000.0,
        "d" | "day" | "days" => 86_400_000.0,
        _ => return None,
    };
    milliseconds(number, unit_ms).map(|ms| (ms, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read() {
        assert_eq!(retry_after("7", 0), Some(7_000));
        assert_eq!(retry_after(" 0.25 ", 0), Some(250));
        assert_eq!(retry_after("1e300", 0), Some(RETRY_MS_MAX));
        assert_eq!(milliseconds("12.5", 1.0), Some(13));
    }

    #[test]
    fn a_date_counts_from_now() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(http_date_ms(date), Some(784_111_777_000));
        assert_eq!(http_date_ms("Tue, 29 Feb 2000 23:59:59 GMT"), Some(951_868_799_000));
        assert_eq!(http_date_ms("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(retry_after(date, 784_111_770_000), Some(7_000));
        assert_eq!(retry_after(date, 784_111_790_000), Some(0));
        assert_eq!(retry_after(date, 0), Some(RETRY_MS_MAX));
    }

    #[test]
    fn what_is_neither_says_nothing() {
        for value in ["", "soon", "-1", "NaN", "inf", "Sun, 06 Nov 1994 08:49:37", "Sun, 6 Foo 1994 08:49:37 GMT"] {
            assert_eq!(retry_after(value, 0), None, "{value:?}");
        }
    }

    #[test]
    fn words_with_a_unit_are_read() {
        let check = |words, expect| assert_eq!(retry_after_in_words(words), expect, "{words:?}");
        check("Rate limit reached. Please try again in 20s.", Some(20_000));
        check("try again in 350ms", Some(350));
        check("Retry after 2 minutes", Some(120_000));
        check(r#"{"retryDelay": "34.5s"}"#, Some(34_500));
        check("your limit resets in 1h2m", Some(3_720_000));
        check("try again in 40 days", Some(RETRY_MS_MAX));
        for words in ["try again in a while", "try again in 20", "try again later", "20s", "retry after it has cooled"]
        {
            check(words, None);
        }
    }
}
