//! What a fake answers, as data: status, headers and the pieces of a body. It decides nothing.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::gate::Gate;

/// One step of a body that is being sent.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Sends bytes, in a chunk of their own.
    Bytes(Bytes),
    /// Sends nothing more until the gate is open.
    Pause(Gate),
    /// Breaks the connection off, so that the client sees a body that ended too early.
    CutOff,
}

/// A whole answer, made by a fake or by a test.
#[derive(Debug)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Body,
}

/// A body known beforehand, or one that goes on for as long as somebody sends.
#[derive(Debug)]
pub(crate) enum Body {
    /// Sent with an exact `content-length`.
    Whole(Bytes),
    /// Sent chunked, piece by piece.
    Pieces(Vec<Piece>),
    /// Sent chunked, as it comes, until the sender is dropped.
    Live(Live),
    /// The connection is closed without any answer.
    Nothing,
}

/// A body that goes on, and what is sent while nothing comes.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) events: mpsc::UnboundedReceiver<Bytes>,
    pub(crate) keep_alive: Bytes,
    pub(crate) keep_alive_after: Duration,
}

impl Answer {
    /// Makes an answer without a body.
    ///
    /// # Panics
    ///
    /// When `status` is not a status code: that is a mistake in the test.
    #[must_use]
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("a test scripts a status between 100 and 999");
        Self { status, headers: Vec::new(), body: Body::Whole(Bytes::new()) }
    }

    /// Makes an answer with a body of the given type.
    #[must_use]
    pub fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::status(status).header("content-type", content_type);
        answer.body = Body::Whole(body.into());
        answer
    }

    /// Makes an answer with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// Makes an answer whose body is sent chunked, each piece in a chunk of its own.
    #[must_use]
    pub fn chunks<B: Into<Bytes>>(status: u16, content_type: &str, chunks: impl IntoIterator<Item = B>) -> Self {
        let pieces = chunks.into_iter().map(|chunk| Piece::Bytes(chunk.into())).collect();
        let mut answer = Self::status(status).header("content-type", content_type);
        answer.body = Body::Pieces(pieces);
        answer
    }

    /// Makes no answer at all: the connection is closed after the request was read.
    #[must_use]
    pub fn nothing() -> Self {
        let mut answer = Self::status(200);
        answer.body = Body::Nothing;
        answer
    }

    /// Adds a header.
    ///
    /// # Panics
    ///
    /// When the name or the value is not one that HTTP allows: that is a mistake in the test.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a test scripts a legal header name");
        let value = HeaderValue::from_str(value).expect("a test scripts a legal header value");
        self.headers.push((name, value));
        self
    }

    /// Holds the body back before the piece with that index; an index past the end holds back the end.
    #[must_use]
    pub fn pause_before(self, index: usize, gate: &Gate) -> Self {
        self.insert(index, Piece::Pause(gate.clone()))
    }

    /// Breaks the connection off before the piece with that index. A body that is sent whole is cut in its middle.
    #[must_use]
    pub fn cut_before(mut self, index: usize) -> Self {
        if let Body::Whole(body) = &self.body {
            let half = body.slice(..body.len() / 2);
            self.headers.push((http::header::CONTENT_LENGTH, HeaderValue::from(body.len())));
            self.body = Body::Pieces(vec![Piece::Bytes(half), Piece::CutOff]);
            return self;
        }
        self.insert(index, Piece::CutOff)
    }

    /// Sends the same bytes in chunks of `size`, so that no chunk ends where an event ends. Pauses and cuts that were
    /// asked for before are lost; ask for them afterwards.
    ///
    /// # Panics
    ///
    /// When `size` is zero.
    #[must_use]
    pub fn in_chunks_of(mut self, size: usize) -> Self {
        let whole = self.body_bytes();
        let pieces = whole.chunks(size).map(|chunk| Piece::Bytes(Bytes::copy_from_slice(chunk))).collect();
        self.body = Body::Pieces(pieces);
        self
    }

    /// The bytes of the body as far as they are known beforehand.
    #[must_use]
    pub fn body_bytes(&self) -> Bytes {
        match &self.body {
            Body::Whole(bytes) => bytes.clone(),
            Body::Pieces(pieces) => {
                let mut whole = BytesMut::new();
                for piece in pieces {
                    if let Piece::Bytes(bytes) = piece {
                        whole.extend_from_slice(bytes);
                    }
                }
                whole.freeze()
            }
            Body::Live(_) | Body::Nothing => Bytes::new(),
        }
    }

    pub(crate) fn live(content_type: &str, live: Live) -> Self {
        let mut answer = Self::status(200).header("content-type", content_type);
        answer.body = Body::Live(live);
        answer
    }

    fn insert(mut self, index: usize, piece: Piece) -> Self {
        let mut pieces = match self.body {
            Body::Pieces(pieces) => pieces,
            Body::Whole(bytes) => vec![Piece::Bytes(bytes)],
            body @ (Body::Live(_) | Body::Nothing) => {
                self.body = body;
                return self;
            }
        };
        let at = pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| matches!(piece, Piece::Bytes(_)))
            .map(|(at, _)| at)
            .nth(index)
            .unwrap_or(pieces.len());
        pieces.insert(at, piece);
        self.body = Body::Pieces(pieces);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(answer: &Answer) -> String {
        let Body::Pieces(pieces) = &answer.body else {
            return "whole".to_owned();
        };
        let name = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Piece::Pause(_) => "pause".to_owned(),
            Piece::CutOff => "cut".to_owned(),
        };
        pieces.iter().map(name).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn pieces_are_counted_without_pauses_and_cuts() {
        let gate = Gate::closed();
        let answer = Answer::chunks(200, "text/plain", ["a", "b", "c"]);
        let answer = answer.pause_before(1, &gate).cut_before(2).pause_before(9, &gate);
        assert_eq!(shape(&answer), "a|pause|b|cut|c|pause");
        assert_eq!(answer.body_bytes(), "abc");
        assert_eq!(shape(&answer.in_chunks_of(2)), "ab|c");
    }

    #[test]
    fn a_whole_body_is_cut_in_its_middle() {
        let answer = Answer::json(200, &serde_json::json!({"a": 1})).cut_before(0);
        assert_eq!(shape(&answer), "{\"a|cut");
        assert!(answer.headers.iter().any(|(name, value)| name == "content-length" && value == "7"));
    }
}
