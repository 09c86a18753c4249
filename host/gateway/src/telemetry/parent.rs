//! The span that a client says its request belongs to: the header `traceparent` of the W3C's Trace Context, first edition.

use http::HeaderMap;

/// The header.
const TRACEPARENT: &str = "traceparent";

/// A span of somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    /// The trace; never zero.
    pub(crate) trace: u128,
    /// The span; never zero.
    pub(crate) span: u64,
    /// Whether the trace is recorded at all.
    pub(crate) is_sampled: bool,
}

impl Parent {
    /// The parent that a request names; `None` where it names none, or none that can be read: by the standard such a
    /// request begins a trace of its own.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut named = headers.get_all(TRACEPARENT).iter();
        let only = named.next().filter(|_| named.next().is_none())?;
        Self::parse(only.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.trim().split('-');
        let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        // A later version may have more fields, this one has not.
        if version == "ff" || hex(version, 2).is_none() || (version == "00" && fields.next().is_some()) {
            return None;
        }
        let (trace, span) = (hex(trace, 32)?, u64::try_from(hex(span, 16)?).ok()?);
        let is_sampled = hex(flags, 2)? & 1 == 1;
        (trace != 0 && span != 0).then_some(Self { trace, span, is_sampled })
    }
}

/// Lower-case hex digits, as many as are said.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != digits || !text.bytes().all(is_hex) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn check(text: &str, expect: Option<bool>) {
        assert_eq!(Parent::parse(text).map(|parent| parent.is_sampled), expect, "{text}");
    }

    #[test]
    fn a_parent_is_read_and_a_near_miss_is_none() {
        check(&format!("00-{TRACE}-{SPAN}-01"), Some(true));
        check(&format!("00-{TRACE}-{SPAN}-00"), Some(false));
        check(&format!("00-{TRACE}-{SPAN}-03"), Some(true));
        check(&format!("01-{TRACE}-{SPAN}-01-more"), Some(true));
        check(&format!("00-{TRACE}-{SPAN}-01-more"), None);
        check(&format!("ff-{TRACE}-{SPAN}-01"), None);
        check(&format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None);
        check(&format!("00-{}-{SPAN}-01", "0".repeat(32)), None);
        check(&format!("00-{TRACE}-{}-01", "0".repeat(16)), None);
        check(&format!("00-{TRACE}-{SPAN}"), None);
        check(&format!("00-{}-{SPAN}-01", &TRACE[1..]), None);
        check("", None);
    }

    #[test]
    fn the_ids_are_what_the_header_says() {
        let parent = Parent::parse(&format!("00-{TRACE}-{SPAN}-01")).expect("a parent");
        assert_eq!((format!("{:032x}", parent.trace), format!("{:016x}", parent.span)), (TRACE.into(), SPAN.into()));
    }

    #[test]
    fn two_parents_are_none() {
        let mut headers = HeaderMap::new();
        let value = http::HeaderValue::from_str(&format!("00-{TRACE}-{SPAN}-01")).expect("a value");
        headers.append(TRACEPARENT, value.clone());
        assert!(Parent::of(&headers).is_some());
        headers.append(TRACEPARENT, value);
        assert!(Parent::of(&headers).is_none());
    }
}
