//! What a prompt asks of the fake upstream: how long it waits, in how many chunks it answers, and which mark stands in
//! each of them. It travels in the text of the prompt, which every gateway passes on as it is. Nothing waits here.

use std::fmt;
use std::time::Duration;

/// How an answer is paced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Until the first byte.
    pub(crate) first_ms: u64,
    /// Between two events of a stream.
    pub(crate) gap_ms: u64,
    /// Pieces of text in the answer.
    pub(crate) chunks: usize,
    /// Whether each event is written by itself, as models do, and not all of them at once.
    pub(crate) apart: bool,
    /// What stands in each piece of text, so that an answer can be told from all others.
    pub(crate) mark: String,
}

/// A prompt that asks for what there is not.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no pace; known are `first`, `gap`, `chunks`, `apart` and `mark`, with bounds")]
pub(crate) struct BadPace {
    word: String,
}

/// Where a pace begins in a prompt. It ends at the next `)`.
const OPENING: &[u8] = b"load(";
/// More is a mistake: an answer would not end before whoever waits for it gives up.
const CHUNKS_MAX: usize = 10_000;
/// The same, for each wait.
const WAIT_MS_MAX: u64 = 60_000;

impl Default for Pace {
    fn default() -> Self {
        Self { first_ms: 0, gap_ms: 0, chunks: 20, apart: false, mark: "tok".to_owned() }
    }
}

impl Pace {
    /// Reads the pace out of the body of a request, JSON and all; without one the default holds.
    ///
    /// # Errors
    ///
    /// [`BadPace`] with the word that is not understood.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, BadPace> {
        let mut pace = Self::default();
        let Some(at) = memchr::memmem::find(body, OPENING) else { return Ok(pace) };
        let rest = &body[at + OPENING.len()..];
        let end = memchr::memchr(b')', rest).unwrap_or(rest.len());
        let text = String::from_utf8_lossy(&rest[..end]);
        for word in text.split_ascii_whitespace() {
            pace.put(word).ok_or_else(|| BadPace { word: word.to_owned() })?;
        }
        Ok(pace)
    }

    fn put(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once('=')?;
        let wait = || value.parse().ok().filter(|ms| *ms <= WAIT_MS_MAX);
        match name {
            "first" => self.first_ms = wait()?,
            "gap" => self.gap_ms = wait()?,
            "chunks" => self.chunks = value.parse().ok().filter(|chunks| *chunks <= CHUNKS_MAX)?,
            "apart" => self.apart = value.parse().ok()?,
            // Letters and digits alone need no escape in any dialect.
            "mark" => self.mark = Some(value).filter(|mark| is_plain(mark))?.to_owned(),
            _ => return None,
        }
        Some(())
    }

    /// The wait before the first byte.
    pub(crate) fn first(&self) -> Duration {
        Duration::from_millis(self.first_ms)
    }

    /// The text of one piece.
    pub(crate) fn piece(&self, index: usize) -> String {
        format!(" {}.{index}", self.mark)
    }

    /// All that a stream says.
    pub(crate) fn text(&self) -> String {
        (0..self.chunks).map(|index| self.piece(index)).collect()
    }
}

/// The words that [`Pace::parse`] reads.
impl fmt::Display for Pace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first_ms, gap_ms, chunks, apart, mark } = self;
        write!(out, "load(first={first_ms} gap={gap_ms} chunks={chunks} apart={apart} mark={mark})")
    }
}

fn is_plain(mark: &str) -> bool {
    !mark.is_empty() && mark.len() <= 64 && mark.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: Result<Pace, &str>) {
        let expect = expect.map_err(|word| BadPace { word: word.to_owned() });
        assert_eq!(Pace::parse(body.as_bytes()), expect, "{body}");
    }

    #[test]
    fn a_pace_is_found_in_a_body_and_bounded() {
        check("{}", Ok(Pace::default()));
        check(r#"{"content":"Hello. load()"}"#, Ok(Pace::default()));
        let slow = Pace { first_ms: 20, gap_ms: 500, chunks: 3, apart: true, mark: "s17".to_owned() };
        check(r#"{"content":"load(first=20 gap=500 chunks=3 apart=true mark=s17) more"}"#, Ok(slow.clone()));
        check(&slow.to_string(), Ok(slow));
        for word in
            ["first", "first=", "first=-1", "first=60001", "chunks=10001", "apart=1", "mark=", "mark=a-b", "x=1"]
        {
            check(&format!("load({word})"), Err(word));
        }
        check("load(first=1", Ok(Pace { first_ms: 1, ..Pace::default() }));
    }

    #[test]
    fn the_text_has_the_mark_in_each_piece() {
        let pace = Pace { chunks: 3, mark: "a1".to_owned(), ..Pace::default() };
        assert_eq!(pace.text(), " a1.0 a1.1 a1.2");
    }
}
