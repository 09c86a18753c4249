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
                let event = SseEvent {
                    id: self.pending.id.clone(),
                    ..SseEvent::default()
                };
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
        let rest = self
            .buffer
            .get(self.start + self.scanned..)
            .unwrap_or_default();
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
