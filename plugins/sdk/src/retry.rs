//! When a server wants to be asked again, from `retry-after-ms` and `retry-after` (RFC 9110, section 10.2.3).

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
}
