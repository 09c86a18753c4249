//! A response read as a stream of events or lines. The framing itself lives in `sse` and `ndjson`.

use serde::de::DeserializeOwned;

use crate::error::ReadError;
use crate::io::{Io, Response};
use crate::join::race;
use crate::ndjson::NdjsonReader;
use crate::sse::{SseEvent, SseReader};

/// Milliseconds for which the end of a stream is awaited that has said all.
const DRAIN_MS_MAX: u32 = 500;

/// A response that is an event stream.
pub struct SseStream {
    response: Response,
    reader: SseReader,
}

/// A response that is NDJSON.
pub struct NdjsonStream {
    response: Response,
    reader: NdjsonReader,
    has_ended: bool,
}

impl Response {
    /// Reads the rest of the body as server-sent events.
    #[must_use]
    pub fn sse(self) -> SseStream {
        SseStream { response: self, reader: SseReader::new() }
    }

    /// Reads the rest of the body as NDJSON.
    #[must_use]
    pub fn ndjson(self) -> NdjsonStream {
        NdjsonStream { response: self, reader: NdjsonReader::new(), has_ended: false }
    }
}

impl SseStream {
    /// Reads on to the end of a stream that has said all, so that the host can use its connection again; gives up
    /// after half a second, or when it breaks off.
    pub async fn drain(mut self, io: &Io) {
        drain(&mut self.response, io).await;
    }

    /// Waits for the next event; `None` at the end of the stream. May be dropped at any time without losing anything.
    ///
    /// # Errors
    ///
    /// [`ReadError::Io`] and [`ReadError::Sse`].
    pub async fn next(&mut self) -> Result<Option<SseEvent>, ReadError> {
        loop {
            if let Some(event) = self.reader.next_event()? {
                return Ok(Some(event));
            }
            let Some(chunk) = self.response.chunk().await? else {
                return Ok(None);
            };
            self.reader.push(&chunk);
        }
    }
}

impl NdjsonStream {
    /// Reads on to the end of a stream that has said all, so that the host can use its connection again; gives up
    /// after half a second, or when it breaks off.
    pub async fn drain(mut self, io: &Io) {
        drain(&mut self.response, io).await;
    }

    /// Waits for the next object; `None` at the end of the stream. May be dropped at any time without losing anything.
    ///
    /// # Errors
    ///
    /// [`ReadError::Io`], [`ReadError::Ndjson`] and [`ReadError::Json`].
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ReadError> {
        loop {
            let line = if self.has_ended { self.reader.last_line()? } else { self.reader.next_line()? };
            if let Some(line) = line {
                return serde_json::from_str(line).map(Some).map_err(ReadError::Json);
            }
            if self.has_ended {
                return Ok(None);
            }
            match self.response.chunk().await? {
                Some(chunk) => self.reader.push(&chunk),
                None => self.has_ended = true,
            }
        }
    }
}

async fn drain(response: &mut Response, io: &Io) {
    let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
    race(rest, io.wait(DRAIN_MS_MAX)).await;
}
