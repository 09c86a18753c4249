//! The spellings in which a server could send a secret back (attacks 89 and 90). Finding them is not done here.

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use zeroize::Zeroizing;

const HEX_LOWER: &[u8; 16] = b"0123456789abcdef";
const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// The value itself, percent-encoded, in base64 at any place of a longer text, in hex, and escaped as in JSON. Each
/// once, the value first.
pub(super) fn spellings(value: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut all = vec![value.to_vec(), json(value), json_with_slashes(value)];
    for digits in [HEX_LOWER, HEX_UPPER] {
        all.push(hex(value, digits));
        all.push(json_numbers(value, digits));
        all.push(percent(value, digits, |_| true));
        all.push(percent(value, digits, |b| !is_unreserved(b)));
        // A space is a plus in forms.
        all.push(percent(value, digits, |b| b != b' ' && !is_unreserved(b)).iter().map(plus_for_space).collect());
    }
    for alphabet in [&STANDARD, &URL_SAFE] {
        all.extend((0..3).map(|before| base64_within(value, alphabet, before)));
    }
    let mut unique: Vec<Zeroizing<Vec<u8>>> = Vec::with_capacity(all.len());
    for spelling in all.into_iter().map(Zeroizing::new) {
        if !spelling.is_empty() && !unique.contains(&spelling) {
            unique.push(spelling);
        }
    }
    unique
}

/// Percent-encoded as far as a query asks for.
pub(super) fn percent_encoded(value: &[u8]) -> Zeroizing<String> {
    // Whole from the start: a string that grew would leave a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(value.len() * 3));
    for b in value {
        if is_unreserved(*b) {
            text.push(char::from(*b));
        } else {
            text.push('%');
            text.extend(two(*b, HEX_UPPER).map(char::from));
        }
    }
    text
}

fn hex(value: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    value.iter().flat_map(|b| two(*b, digits)).collect()
}

fn percent(value: &[u8], digits: &[u8; 16], is_encoded: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() * 3);
    for b in value {
        if is_encoded(*b) {
            text.push(b'%');
            text.extend(two(*b, digits));
        } else {
            text.push(*b);
        }
    }
    text
}

/// Escaped as little as JSON asks for.
fn json(value: &[u8]) -> Vec<u8> {
    escaped(value, |b| matches!(b, b'"' | b'\\'))
}

/// Some writers escape the slash too.
fn json_with_slashes(value: &[u8]) -> Vec<u8> {
    escaped(value, |b| matches!(b, b'"' | b'\\' | b'/'))
}

fn escaped(value: &[u8], is_escaped: impl Fn(u8) -> bool) -> Vec<u8> {
    value.iter().flat_map(|b| is_escaped(*b).then_some(b'\\').into_iter().chain([*b])).collect()
}

/// Every character as `\u0000`.
fn json_numbers(value: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    value.iter().flat_map(|b| b"\\u00".iter().copied().chain(two(*b, digits))).collect()
}

/// The part of the base64 of a longer text that this value alone decides, when `before` bytes (modulo 3) precede it.
fn base64_within(value: &[u8], alphabet: &Alphabet, before: usize) -> Vec<u8> {
    let mut padded = Zeroizing::new(vec![0; before]);
    padded.reserve_exact(value.len());
    padded.extend_from_slice(value);
    let text = Zeroizing::new(GeneralPurpose::new(alphabet, NO_PAD).encode(&*padded));
    let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    text.as_bytes().get(first..last).unwrap_or_default().to_vec()
}

fn two(b: u8, digits: &[u8; 16]) -> [u8; 2] {
    [digits[usize::from(b >> 4)], digits[usize::from(b & 15)]]
}

fn plus_for_space(b: &u8) -> u8 {
    if *b == b' ' { b'+' } else { *b }
}

fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn has(value: &str, spelling: &str) -> bool {
        spellings(value.as_bytes()).iter().any(|known| known.as_slice() == spelling.as_bytes())
    }

    #[test]
    fn the_usual_encodings_are_there() {
        let value = r#"sk-a/b+c"d\e f"#;
        assert_eq!(spellings(value.as_bytes())[0].as_slice(), value.as_bytes());
        for spelling in [
            "sk-a%2Fb%2Bc%22d%5Ce%20f",
            "sk-a%2fb%2bc%22d%5ce%20f",
            "sk-a%2Fb%2Bc%22d%5Ce+f",
            "%73%6B%2D%61%2F%62%2B%63%22%64%5C%65%20%66",
            "736b2d612f622b6322645c652066",
            "736B2D612F622B6322645C652066",
            r#"sk-a/b+c\"d\\e f"#,
            r#"sk-a\/b+c\"d\\e f"#,
            r"\u0073\u006b\u002d\u0061\u002f\u0062\u002b\u0063\u0022\u0064\u005c\u0065\u0020\u0066",
            "c2stYS9iK2MiZFxlIG",
        ] {
            assert!(has(value, spelling), "{spelling}");
        }
    }

    #[test]
    fn a_plain_value_has_no_spelling_twice() {
        let all = spellings(b"abcdefgh");
        let twice = all.iter().enumerate().filter(|(at, spelling)| all[..*at].contains(spelling)).count();
        assert_eq!(twice, 0);
    }

    proptest! {
        #[test]
        fn base64_of_any_text_around_it_holds_one_of_them(
            before in prop::collection::vec(any::<u8>(), 0..8),
            value in "[ -~]{4,40}",
            after in prop::collection::vec(any::<u8>(), 0..8),
        ) {
            let text = [before.as_slice(), value.as_bytes(), after.as_slice()].concat();
            for alphabet in [&STANDARD, &URL_SAFE] {
                let encoded = GeneralPurpose::new(alphabet, NO_PAD).encode(&text);
                let found = spellings(value.as_bytes()).into_iter().any(|spelling| {
                    encoded.as_bytes().windows(spelling.len()).any(|window| window == spelling.as_slice())
                });
                prop_assert!(found, "{encoded}");
            }
        }
    }
}
