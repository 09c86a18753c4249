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
            let is_text =
                str::from_utf8(self.buffer.get(start..end).unwrap_or_default()).map(|line| line.trim().is_empty());
            match is_text {
                Ok(true) => {}
                Ok(false) => {
                    return Ok(str::from_utf8(self.buffer.get(start..end).unwrap_or_default()).ok().map(str::trim));
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
        let rest = self.buffer.get(self.start + self.scanned..).unwrap_or_default();
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
            if self.buffer.get(start..end).is_some_and(|line| line.starts_with(b"\xef\xbb\xbf")) {
                from += 3;
            }
        }
        Some((from, end))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads the pieces to the end; at last the error, if any.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut reader = NdjsonReader::new();
        let mut lines = Vec::new();
        for piece in pieces {
            reader.push(piece);
            loop {
                match reader.next_line() {
                    Ok(Some(line)) => lines.push(line.to_owned()),
                    Ok(None) => break,
                    Err(error) => {
                        lines.push(error.to_string());
                        return lines;
                    }
                }
            }
        }
        match reader.last_line() {
            Ok(line) => lines.extend(line.map(str::to_owned)),
            Err(error) => lines.push(error.to_string()),
        }
        lines
    }

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
    fn lines_come_without_their_ends_and_blank_ones_not_at_all() {
        check("{\"a\":1}\n{\"b\":2}\r\n\n \r\n{}\n", &["{\"a\":1}", "{\"b\":2}", "{}"]);
        check("", &[]);
        check("\n\n", &[]);
    }

    #[test]
    fn the_last_line_needs_no_end() {
        check("1\n2", &["1", "2"]);
        check("\u{feff}1", &["1"]);
        check("\u{feff}1\né\n", &["1", "é"]);
    }

    #[test]
    fn what_is_not_utf8_is_refused_for_good() {
        assert_eq!(read([b"1\n\xff\n2\n".as_slice()]), ["1", "a line is not UTF-8"]);
        assert_eq!(read([b"1\n\xc3".as_slice()]), ["1", "a line is not UTF-8"]);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let piece = vec![b'x'; 1 << 20];
        assert_eq!(read(std::iter::repeat_n(piece.as_slice(), 17)), ["a line is larger than 16777216 bytes"]);
        let line = [piece.repeat(17), b"\n".to_vec()].concat();
        assert_eq!(read([line.as_slice()]), ["a line is larger than 16777216 bytes"]);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_lines(
            lines in prop::collection::vec("[a-zé\u{feff} ]{0,4}(\n|\r\n){1,2}", 0..12),
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
