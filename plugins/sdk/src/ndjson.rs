//! Newline-delimited JSON from any chunking. No I/O: bytes in, lines out; what a line says is the caller's to parse.

/// Bytes of one line. Larger than any object of a provider; a stream that passes it is not one.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Why a stream is no line stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NdjsonError {
    /// A line passes [`LINE_BYTES_MAX`].
    #[error("a line is larger than {LINE_BYTES_MAX} bytes")]
    TooLarge,
    /// A line is not UTF-8.
    #[error("a line is not UTF-8")]
    NotUtf8,
}

/// Reads lines from pushed bytes. After an error it gives nothing more.
#[derive(Debug, Default)]
pub struct NdjsonReader {
    buffer: Vec<u8>,
    start: usize,
    scanned: usize,
    has_begun: bool,
    failure: Option<NdjsonError>,
}

impl NdjsonReader {
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

    /// The next complete line that is not blank; `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`NdjsonError`], again and again.
    pub fn next_line(&mut self) -> Result<Option<&str>, NdjsonError> {
        self.read(false)
    }

    /// As [`NdjsonReader::next_line`] once the stream has ended: the last line needs no line feed.
    ///
    /// # Errors
    ///
    /// [`NdjsonError`], again and again.
    pub fn last_line(&mut self) -> Result<Option<&str>, NdjsonError> {
        self.read(true)
    }

    fn read(&mut self, is_end: bool) -> Result<Option<&str>, NdjsonError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        while let Some((start, end)) = self.take_line(is_end) {
            if end - start > LINE_BYTES_MAX {
                return Err(*self.failure.insert(NdjsonError::TooLarge));
            }
            let is_text = str::from_utf8(self.buffer.get(start..end).unwrap_or_default())
                .map(|line| line.trim().is_empty());
            match is_text {
                Ok(true) => {}
                Ok(false) => {
                    return Ok(
                        str::from_utf8(self.buffer.get(start..end).unwrap_or_default())
                            .ok()
                            .map(str::trim),
                    );
                }
                Err(_) => return Err(*self.failure.insert(NdjsonError::NotUtf8)),
            }
        }
        if self.scanned > LINE_BYTES_MAX {
            self.buffer = Vec::new();
            return Err(*self.failure.insert(NdjsonError::TooLarge));
        }
        Ok(None)
    }

    fn take_line(&mut self, is_end: bool) -> Option<(usize, usize)> {
        let rest = self
            .buffer
            .get(self.start + self.scanned..)
            .unwrap_or_default();
        let (start, mut from) = (self.start, self.start);
        let end = match rest.iter().position(|&byte| byte == b'\n') {
            Some(length) => {
                let end = start + self.scanned + length;
                self.start = end + 1;
                end
            }
            None if is_end && start < self.buffer.len() => {
                self.start = self.buffer.len();
                self.buffer.len()
            }
            None => {
                self.scanned += rest.len();
                return None;
            }
        };
        self.scanned = 0;
        if !self.has_begun {
            self.has_begun = true;
            if self
                .buffer
                .get(start..end)
                .is_some_and(|line| line.starts_with(b"\xef\xbb\xbf"))
            {
                from += 3;
            }
        }
        Some((from, end))
    }
}
