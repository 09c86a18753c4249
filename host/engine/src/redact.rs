//! Takes secret values out of what comes back from the network, also where they are encoded or split over chunks.
//! Knows nothing of requests.

use aho_corasick::{AhoCorasick, MatchKind};
use bytes::Bytes;
use zeroize::Zeroizing;

/// What stands where a secret stood.
const MASK: &[u8] = b"[redacted]";
/// Bytes below which a value is not looked for: shorter ones (the placeholder `ollama`, say) are ordinary words, and
/// masking them would damage answers without hiding anything.
const SECRET_BYTES_MIN: usize = 8;

/// Finds every spelling of one secret.
pub(crate) struct Redactor {
    spellings: Vec<Zeroizing<Vec<u8>>>,
    finder: Option<AhoCorasick>,
    longest: usize,
    first: [bool; 256],
}

impl Redactor {
    /// Looks for these spellings of a secret; those too short to be one are left out.
    pub(crate) fn new(spellings: Vec<Zeroizing<Vec<u8>>>) -> Self {
        let spellings: Vec<_> = spellings.into_iter().filter(|spelling| spelling.len() >= SECRET_BYTES_MIN).collect();
        let patterns = spellings.iter().map(|spelling| spelling.as_slice());
        let finder = (!spellings.is_empty())
            .then(|| AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok())
            .flatten();
        let mut first = [false; 256];
        for spelling in &spellings {
            first[usize::from(spelling[0])] = true;
        }
        let longest = spellings.iter().map(|spelling| spelling.len()).max().unwrap_or_default();
        Self { spellings, finder, longest, first }
    }

    /// Whether the secret stands in a text.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.finder.as_ref().is_some_and(|finder| finder.is_match(text))
    }

    /// Whether it looks for anything.
    pub(crate) fn looks(&self) -> bool {
        self.finder.is_some()
    }

    /// Masks the secret in a whole text.
    pub(crate) fn text(&self, text: &str) -> String {
        self.masked(text).unwrap_or_else(|| text.to_owned())
    }

    /// The same; `None` where the secret does not stand in it, which is nearly always and costs nothing.
    pub(crate) fn masked(&self, text: &str) -> Option<String> {
        let finder = self.finder.as_ref().filter(|finder| finder.is_match(text))?;
        let mut masked = Vec::with_capacity(text.len());
        finder.replace_all_with_bytes(text.as_bytes(), &mut masked, |_, _, out| {
            out.extend_from_slice(MASK);
            true
        });
        Some(String::from_utf8_lossy(&masked).into_owned())
    }

    /// Bytes at the end of a text that a spelling begins with and goes on behind.
    pub(crate) fn tail_bytes(&self, text: &str) -> usize {
        text.len() - self.held_from(text.as_bytes(), 0)
    }

    /// Where the longest tail that could become a spelling begins, at or after `from`.
    fn held_from(&self, bytes: &[u8], from: usize) -> usize {
        let window = bytes.len().saturating_sub(self.longest.saturating_sub(1)).max(from);
        let begins = |at: usize| {
            let tail = &bytes[at..];
            self.first[usize::from(tail[0])]
                && self.spellings.iter().any(|spelling| spelling.len() > tail.len() && spelling.starts_with(tail))
        };
        (window..bytes.len()).find(|at| begins(*at)).unwrap_or(bytes.len())
    }
}

/// Masks one secret in a stream; holds back only what may be the beginning of the secret.
#[derive(Default)]
pub(crate) struct Carry(Vec<u8>);

impl Carry {
    /// Takes the next chunk and gives what can be passed on.
    pub(crate) fn push(&mut self, redactor: &Redactor, chunk: Bytes) -> Bytes {
        let Some(finder) = &redactor.finder else { return chunk };
        let joined = if self.0.is_empty() {
            chunk
        } else {
            let mut joined = std::mem::take(&mut self.0);
            joined.extend_from_slice(&chunk);
            Bytes::from(joined)
        };
        let mut out = Vec::new();
        let mut passed = 0;
        for found in finder.find_iter(&joined) {
            out.extend_from_slice(&joined[passed..found.start()]);
            out.extend_from_slice(MASK);
            passed = found.end();
        }
        let held = redactor.held_from(&joined, passed);
        self.0 = joined[held..].to_vec();
        if passed == 0 {
            return joined.slice(..held);
        }
        out.extend_from_slice(&joined[passed..held]);
        Bytes::from(out)
    }

    /// What was held back when the stream ended.
    pub(crate) fn finish(self) -> Bytes {
        Bytes::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        let spellings = ["sk-ant-secret-0123456789", "c2stYW50LXNlY3JldC0wMTIzNDU2Nzg5", "short"];
        Redactor::new(spellings.iter().map(|text| Zeroizing::new(text.as_bytes().to_vec())).collect())
    }

    fn streamed(chunks: &[&[u8]]) -> String {
        let redactor = redactor();
        let mut carry = Carry::default();
        let mut out = Vec::new();
        for chunk in chunks {
            out.extend_from_slice(&carry.push(&redactor, Bytes::copy_from_slice(chunk)));
        }
        out.extend_from_slice(&carry.finish());
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_secret_split_anywhere_is_masked() {
        // Attack 91.
        let text = b"before sk-ant-secret-0123456789, between c2stYW50LXNlY3JldC0wMTIzNDU2Nzg5 after";
        for at in 0..=text.len() {
            let (left, right) = text.split_at(at);
            assert_eq!(streamed(&[left, right]), "before [redacted], between [redacted] after", "split at {at}");
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(streamed(&single), "before [redacted], between [redacted] after");
    }

    #[test]
    fn what_only_begins_like_a_secret_comes_through_whole() {
        // Attack 96: near misses are not masked, and nothing is lost at the end of the stream.
        for text in ["sk-ant-secret-012345678", "sk-ant-secre", "short", "sk-ant-sk-ant-", ""] {
            assert_eq!(streamed(&[text.as_bytes()]), text);
        }
    }

    #[test]
    fn an_event_that_ends_in_a_line_feed_is_not_held_back() {
        let redactor = redactor();
        let mut carry = Carry::default();
        let event = Bytes::from_static(b"data: {\"text\":\"hello\"}\n\n");
        assert_eq!(carry.push(&redactor, event.clone()), event);
        assert_eq!(redactor.text("x sk-ant-secret-0123456789"), "x [redacted]");
        assert_eq!(redactor.masked("x sk-ant-secret-012345678"), None);
    }

    #[test]
    fn the_tail_is_what_a_secret_may_go_on_behind() {
        let redactor = redactor();
        for (text, expect) in [
            ("", 0),
            ("hello", 0),
            ("words", 1),
            ("x sk-an", 5),
            ("sk-sk-ant", 6),
            ("c2stYW50", 8),
            // Whole it is no tail, but what a second one may begin with is.
            ("sk-ant-secret-0123456789", 0),
            ("sk-ant-secret-0123456789s", 1),
            ("shor", 0),
        ] {
            assert_eq!(redactor.tail_bytes(text), expect, "{text}");
        }
    }
}
