//! Decodes base64 that comes in pieces of any length, within a limit. Knows nothing of what the bytes are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Why a text is not the base64 that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadBase64 {
    /// It holds more bytes than the limit.
    TooLarge,
    /// It is not base64.
    NotBase64,
}

/// Standard base64 with padding, in pieces.
pub(crate) struct Base64 {
    bytes_max: usize,
    expected: usize,
    /// Up to three signs that are no whole group yet.
    carry: Vec<u8>,
    bytes: Vec<u8>,
    has_ended: bool,
}

impl Base64 {
    /// Awaits at most `bytes_max` bytes, and makes room for `expected`.
    pub(crate) fn new(bytes_max: usize, expected: Option<u64>) -> Self {
        let expected = expected.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0).min(bytes_max);
        Self { bytes_max, expected, carry: Vec::new(), bytes: Vec::new(), has_ended: false }
    }

    /// Takes more of the text.
    ///
    /// # Errors
    ///
    /// [`BadBase64`].
    pub(crate) fn push(&mut self, mut signs: &[u8]) -> Result<(), BadBase64> {
        if self.bytes.capacity() == 0 && !signs.is_empty() {
            // Room for the last group, and for what the decoder asks beyond it.
            self.bytes.reserve_exact(self.expected + 64 * 1024);
        }
        if !self.carry.is_empty() {
            let wanted = (4 - self.carry.len()).min(signs.len());
            let (first, rest) = signs.split_at(wanted);
            self.carry.extend_from_slice(first);
            signs = rest;
            if self.carry.len() < 4 {
                return Ok(());
            }
            let group = std::mem::take(&mut self.carry);
            self.decode(&group)?;
        }
        let (whole, rest) = signs.split_at(signs.len() - signs.len() % 4);
        self.carry.extend_from_slice(rest);
        self.decode(whole)
    }

    fn decode(&mut self, groups: &[u8]) -> Result<(), BadBase64> {
        let Some(last) = groups.last() else {
            return Ok(());
        };
        if self.has_ended {
            return Err(BadBase64::NotBase64);
        }
        if self.bytes.len() + groups.len() / 4 * 3 > self.bytes_max + 2 {
            return Err(BadBase64::TooLarge);
        }
        self.has_ended = *last == b'=';
        STANDARD.decode_vec(groups, &mut self.bytes).map_err(|_| BadBase64::NotBase64)?;
        if self.bytes.len() > self.bytes_max {
            return Err(BadBase64::TooLarge);
        }
        Ok(())
    }

    /// The bytes.
    ///
    /// # Errors
    ///
    /// [`BadBase64::NotBase64`] where the text ended within a group.
    pub(crate) fn finish(self) -> Result<Vec<u8>, BadBase64> {
        if self.carry.is_empty() { Ok(self.bytes) } else { Err(BadBase64::NotBase64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, chunk: usize) -> Result<Vec<u8>, BadBase64> {
        let mut base64 = Base64::new(100, None);
        for signs in text.as_bytes().chunks(chunk) {
            base64.push(signs)?;
        }
        base64.finish()
    }

    fn check(text: &str, expect: Result<&[u8], BadBase64>) {
        for chunk in 1..=text.len().max(1) {
            assert_eq!(read(text, chunk).as_deref(), expect.as_ref().copied(), "{text} in pieces of {chunk}");
        }
    }

    #[test]
    fn pieces_of_any_length_give_the_same_bytes() {
        check("", Ok(b""));
        check("aA==", Ok(b"h"));
        check("aGVsbG8=", Ok(b"hello"));
        check("aGVsbG8h", Ok(b"hello!"));
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["a", "aGVsbG8", "aG=sbG8=", "aGVsbG8=aGVs", "====", "aGV sbG8", "aGVsb-8=", "aGVsbG9="] {
            check(text, Err(BadBase64::NotBase64));
        }
    }

    #[test]
    fn the_limit_is_reached_and_not_passed() {
        for bytes in [98, 99, 100] {
            check(&STANDARD.encode(vec![7; bytes]), Ok(&vec![7; bytes]));
        }
        for bytes in [101, 102, 103, 500] {
            check(&STANDARD.encode(vec![7; bytes]), Err(BadBase64::TooLarge));
        }
    }

    #[test]
    fn room_is_made_once_when_the_size_is_known() {
        let bytes = vec![9; 300_000];
        let mut base64 = Base64::new(1_000_000, Some(300_000));
        let mut rooms = std::collections::BTreeSet::new();
        for signs in STANDARD.encode(&bytes).as_bytes().chunks(65_536) {
            base64.push(signs).expect("good base64");
            rooms.insert(base64.bytes.capacity());
        }
        assert_eq!(base64.finish(), Ok(bytes));
        assert_eq!(rooms.len(), 1, "{rooms:?}");
    }
}
