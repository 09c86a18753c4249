//! Server-sent events, as the WHATWG standard frames them, from any chunking. No I/O: bytes in, events out.

use std::mem;

/// Bytes of one event that is not complete yet. Larger than any event of a provider; a stream that passes it is not one.
pub const EVENT_BYTES_MAX: usize = 16 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// Its `event` field, or empty.
    pub name: String,
    /// Its `data` fields, joined with line feeds.
    pub data: String,
    /// The last `id` field of the stream so far, or empty.
    pub id: String,
}

/// Why a stream is no event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// An event passes [`EVENT_BYTES_MAX`].
    #[error("an event is larger than {EVENT_BYTES_MAX} bytes")]
    TooLarge,
    /// A line is not UTF-8.
    #[error("a line is not UTF-8")]
    NotUtf8,
}

/// Reads events from pushed bytes. After an error it gives nothing more.
#[derive(Debug, Default)]
pub struct SseReader {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were taken.
    start: usize,
    /// Bytes of `buffer` from `start` in which no line ends.
    scanned: usize,
    has_begun: bool,
    /// The last line ended with CR: a LF that follows belongs to it.
    after_cr: bool,
    has_data: bool,
    pending: SseEvent,
    failure: Option<SseError>,
}

impl SseReader {
    /// A reader at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete event; `None` when more bytes are needed. What stands unterminated at the end of a stream is
    /// no event.
    ///
    /// # Errors
    ///
    /// [`SseError`], again and again.
    pub fn next_event(&mut self) -> Result<Option<SseEvent>, SseError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let result = self.advance();
        if let Err(failure) = result {
            self.failure = Some(failure);
            self.buffer = Vec::new();
            self.start = 0;
        }
        result
    }

    fn advance(&mut self) -> Result<Option<SseEvent>, SseError> {
        while let Some((start, end)) = self.take_line() {
            let mut line = self.buffer.get(start..end).unwrap_or_default();
            if !mem::replace(&mut self.has_begun, true) {
                line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            }
            if line.is_empty() {
                let event = SseEvent { id: self.pending.id.clone(), ..SseEvent::default() };
                let event = mem::replace(&mut self.pending, event);
                if mem::take(&mut self.has_data) {
                    return Ok(Some(event));
                }
                continue;
            }
            let line = str::from_utf8(line).map_err(|_| SseError::NotUtf8)?;
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "data" => {
                    if self.pending.data.len() + value.len() >= EVENT_BYTES_MAX {
                        return Err(SseError::TooLarge);
                    }
                    if mem::replace(&mut self.has_data, true) {
                        self.pending.data.push('\n');
                    }
                    self.pending.data.push_str(value);
                }
                "event" => value.clone_into(&mut self.pending.name),
                "id" if !value.contains('\0') => value.clone_into(&mut self.pending.id),
                _ => {}
            }
        }
        if self.scanned > EVENT_BYTES_MAX {
            return Err(SseError::TooLarge);
        }
        Ok(None)
    }

    /// Bounds of the next complete line in the buffer, without its end.
    fn take_line(&mut self) -> Option<(usize, usize)> {
        if self.after_cr {
            match self.buffer.get(self.start) {
                Some(b'\n') => {
                    self.start += 1;
                    self.after_cr = false;
                }
                Some(_) => self.after_cr = false,
                None => return None,
            }
        }
        let rest = self.buffer.get(self.start + self.scanned..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.scanned += rest.len();
            return None;
        };
        let start = self.start;
        let end = start + self.scanned + length;
        self.after_cr = self.buffer.get(end) == Some(&b'\r');
        self.start = end + 1;
        self.scanned = 0;
        Some((start, end))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads the pieces; each event as `name|data|id`, and at last the error, if any.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut reader = SseReader::new();
        let mut events = Vec::new();
        for piece in pieces {
            reader.push(piece);
            loop {
                match reader.next_event() {
                    Ok(Some(event)) => events.push(format!("{}|{}|{}", event.name, event.data, event.id)),
                    Ok(None) => break,
                    Err(error) => {
                        events.push(error.to_string());
                        return events;
                    }
                }
            }
        }
        events
    }

    /// The same events come at every single split and byte by byte.
    fn check(stream: &str, expected: &[&str]) {
        let bytes = stream.as_bytes();
        assert_eq!(read([bytes]), expected, "whole: {stream:?}");
        assert_eq!(read(bytes.chunks(1)), expected, "bytes: {stream:?}");
        for at in 0..=bytes.len() {
            let (first, second) = bytes.split_at(at);
            assert_eq!(read([first, second]), expected, "split at {at}: {stream:?}");
        }
    }

    #[test]
    fn every_line_ending_is_one() {
        check("event: a\ndata: 1\n\ndata: 2\n\n", &["a|1|", "|2|"]);
        check("event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", &["a|1|", "|2|"]);
        check("event: a\rdata: 1\r\rdata: 2\r\r", &["a|1|", "|2|"]);
        check("data: 1\r\n\ndata: 2\n\r\n", &["|1|", "|2|"]);
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        check("data:x\n\ndata: x\n\ndata:  x\n\ndata\n\ndata:\n\n", &["|x|", "|x|", "| x|", "||", "||"]);
        check("data: a\ndata: b\ndata\n\n", &["|a\nb\n|"]);
        check(": comment\n:\n\n:\ndata: 1\n\n", &["|1|"]);
        check("event: only\n\ndata: 1\n\n", &["|1|"]);
        check("unknown: 1\nretry: 5\ndata: 1\nData: 2\n\n", &["|1|"]);
        check("id: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n", &["|1|7", "|2|7", "|3|"]);
        check("id: a\0b\ndata: 1\n\n", &["|1|"]);
        check("data: {\"a\":\"b: c\"}   \n\n", &["|{\"a\":\"b: c\"}   |"]);
    }

    #[test]
    fn a_mark_at_the_beginning_is_skipped_and_no_other() {
        check("\u{feff}data: 1\n\n", &["|1|"]);
        check("\u{feff}\u{feff}data: 1\n\n", &[]);
        check("data: \u{feff}1\n\n\u{feff}data: 2\n\n", &["|\u{feff}1|"]);
    }

    #[test]
    fn text_that_only_looks_like_a_line_end_is_none() {
        check("data: a\u{2028}b\u{85}c\n\n", &["|a\u{2028}b\u{85}c|"]);
        check("data: é🦀\n\n", &["|é🦀|"]);
    }

    #[test]
    fn what_is_not_terminated_is_dropped() {
        check("data: 1\n\ndata: 2\n", &["|1|"]);
        check("data: 1\n\ndata: 2", &["|1|"]);
        check("", &[]);
    }

    #[test]
    fn what_is_not_utf8_is_refused_for_good() {
        let mut reader = SseReader::new();
        reader.push(b"data: 1\n\ndata: \xff\n\ndata: 3\n\n");
        assert_eq!(reader.next_event().unwrap().unwrap().data, "1");
        assert_eq!(reader.next_event(), Err(SseError::NotUtf8));
        reader.push(b"data: 4\n\n");
        assert_eq!(reader.next_event(), Err(SseError::NotUtf8));
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let piece = vec![b'x'; 1 << 20];
        let one_line = std::iter::once(b"data: ".as_slice()).chain(std::iter::repeat_n(piece.as_slice(), 17));
        assert_eq!(read(one_line), ["an event is larger than 16777216 bytes"]);
        let line = [b"data: ".as_slice(), &piece, b"\n"].concat();
        let many_lines = std::iter::repeat_n(line.as_slice(), 17);
        assert_eq!(read(many_lines), ["an event is larger than 16777216 bytes"]);
        let name = [b"event: ".as_slice(), &piece, b"\n"].concat();
        assert_eq!(read(std::iter::repeat_n(name.as_slice(), 17)), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            lines in prop::collection::vec("(data|event|id|)(: ?[a-zé\u{feff}]{0,3})?(\n|\r|\r\n){1,2}", 0..12),
            cuts in prop::collection::vec(1_usize..9, 1..40),
        ) {
            let stream = lines.concat();
            let mut rest = stream.as_bytes();
            let mut pieces = Vec::new();
            for cut in cuts {
                let (piece, tail) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = tail;
            }
            pieces.push(rest);
            prop_assert_eq!(read(pieces), read([stream.as_bytes()]));
        }
    }
}
