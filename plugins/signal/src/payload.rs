//! Takes the base64 out of a JSON-RPC reply while it streams in, so that an attachment is in memory once and as bytes.
//! Everything else of the reply is kept as it came, for `serde_json` to judge at the end.

use crate::base64_stream::{BadBase64, Base64};
use crate::limits::REPLY_BYTES_MAX;
use crate::rpc::Reply;

/// Why a reply is not an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadPayload {
    /// The attachment passes the limit, or is not base64.
    Base64(BadBase64),
    /// The reply is not JSON-RPC.
    NotAReply,
}

impl From<BadBase64> for BadPayload {
    fn from(bad: BadBase64) -> Self {
        Self::Base64(bad)
    }
}

/// A reply of which some has come.
pub(crate) struct Payload {
    /// The reply without the base64.
    outline: Vec<u8>,
    nesting: Vec<Level>,
    at: At,
    has_attachment: bool,
    base64: Base64,
}

/// An object or an array that is open.
enum Level {
    Object { key: Vec<u8>, in_key: bool },
    Array,
}

/// Where the next byte belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Between,
    /// In a string that is kept; a backslash came before.
    Text {
        escaped: bool,
    },
    /// In the string that is decoded.
    Base64 {
        escaped: bool,
    },
}

impl Payload {
    /// Awaits a reply whose attachment has at most `bytes_max` bytes and claims to have `expected`.
    pub(crate) fn new(bytes_max: usize, expected: Option<u64>) -> Self {
        Self {
            outline: Vec::new(),
            nesting: Vec::new(),
            at: At::Between,
            has_attachment: false,
            base64: Base64::new(bytes_max, expected),
        }
    }

    /// Takes more of the reply.
    ///
    /// # Errors
    ///
    /// [`BadPayload`].
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), BadPayload> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.at == (At::Base64 { escaped: false }) {
                let end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(bytes.len());
                let (run, after) = bytes.split_at(end);
                self.base64.push(run)?;
                let Some((&stop, after)) = after.split_first() else {
                    return Ok(());
                };
                self.at = if stop == b'"' { self.keep(stop)? } else { At::Base64 { escaped: true } };
                bytes = after;
            } else {
                self.at = self.step(byte)?;
                bytes = rest;
            }
        }
        Ok(())
    }

    /// The reply without the attachment, and the attachment where there was one.
    ///
    /// # Errors
    ///
    /// [`BadPayload`].
    pub(crate) fn finish(self) -> Result<(Reply, Option<Vec<u8>>), BadPayload> {
        let reply = serde_json::from_slice(&self.outline).map_err(|_| BadPayload::NotAReply)?;
        let attachment = if self.has_attachment { Some(self.base64.finish()?) } else { None };
        Ok((reply, attachment))
    }

    fn step(&mut self, byte: u8) -> Result<At, BadPayload> {
        match self.at {
            At::Base64 { .. } => {
                // JSON allows a slash to be escaped; nothing else of base64 ever is.
                if byte != b'/' {
                    return Err(BadPayload::Base64(BadBase64::NotBase64));
                }
                self.base64.push(b"/")?;
                Ok(At::Base64 { escaped: false })
            }
            At::Text { escaped } => {
                if let Some(Level::Object { key, in_key: true }) = self.nesting.last_mut() {
                    key.push(byte);
                }
                self.keep(byte)?;
                match byte {
                    b'"' if !escaped => Ok(At::Between),
                    b'\\' if !escaped => Ok(At::Text { escaped: true }),
                    _ => Ok(At::Text { escaped: false }),
                }
            }
            At::Between => self.between(byte),
        }
    }

    fn between(&mut self, byte: u8) -> Result<At, BadPayload> {
        match byte {
            b'{' => self.nesting.push(Level::Object { key: Vec::new(), in_key: true }),
            b'[' => self.nesting.push(Level::Array),
            b'}' | b']' => drop(self.nesting.pop()),
            b':' => self.set_in_key(false),
            b',' => self.set_in_key(true),
            _ => {}
        }
        self.keep(byte)?;
        Ok(match byte {
            b'"' if self.is_attachment() => {
                // A reply that names it twice is none: JSON would let the last one win.
                if std::mem::replace(&mut self.has_attachment, true) {
                    return Err(BadPayload::NotAReply);
                }
                At::Base64 { escaped: false }
            }
            b'"' => At::Text { escaped: false },
            _ => At::Between,
        })
    }

    fn set_in_key(&mut self, value: bool) {
        if let Some(Level::Object { key, in_key }) = self.nesting.last_mut() {
            *in_key = value;
            if value {
                key.clear();
            }
        }
    }

    /// Whether the string that begins here is `result`, or `data` in `result`.
    fn is_attachment(&self) -> bool {
        let names = self.nesting.iter().map(|level| match level {
            Level::Object { key, in_key: false } => key.as_slice(),
            Level::Object { in_key: true, .. } | Level::Array => b"",
        });
        // A key is kept with the quote that ends it.
        let path: Vec<&[u8]> = names.collect();
        path == [b"result\"".as_slice()] || path == [b"result\"".as_slice(), b"data\""]
    }

    fn keep(&mut self, byte: u8) -> Result<At, BadPayload> {
        if self.outline.len() >= REPLY_BYTES_MAX || self.nesting.len() > 64 {
            return Err(BadPayload::NotAReply);
        }
        self.outline.push(byte);
        Ok(At::Between)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reply: &str, chunk: usize, bytes_max: usize) -> Result<(Reply, Option<Vec<u8>>), BadPayload> {
        let mut payload = Payload::new(bytes_max, None);
        for bytes in reply.as_bytes().chunks(chunk) {
            payload.push(bytes)?;
        }
        payload.finish()
    }

    fn check(reply: &str, expect: Result<Option<&[u8]>, BadPayload>) {
        for chunk in 1..=reply.len().max(1) {
            let read = read(reply, chunk, 100).map(|(_, bytes)| bytes);
            assert_eq!(
                read.as_ref().map(|bytes| bytes.as_deref()),
                expect.as_ref().map(|bytes| *bytes),
                "{reply} in pieces of {chunk}"
            );
        }
    }

    #[test]
    fn an_attachment_is_found_wherever_daemons_put_it() {
        check(r#"{"jsonrpc":"2.0","result":{"data":"aGVsbG8="},"id":1}"#, Ok(Some(b"hello")));
        check(r#"{"jsonrpc":"2.0","result":"aGVsbG8=","id":1}"#, Ok(Some(b"hello")));
        check(
            " { \"id\" : 1 , \"result\" : { \"x\" : [ 1 , \"a,b:\\\"{\" ] , \"data\" : \"aGVsbG8=\" } } ",
            Ok(Some(b"hello")),
        );
        check(r#"{"result":{"data":""}}"#, Ok(Some(b"")));
    }

    #[test]
    fn an_escaped_slash_is_a_slash_and_nothing_else_may_be_escaped() {
        check(r#"{"result":{"data":"\/\/\/\/"}}"#, Ok(Some(b"\xFF\xFF\xFF")));
        check(r#"{"result":{"data":"aGVs\nbG8="}}"#, Err(BadPayload::Base64(BadBase64::NotBase64)));
        check(r#"{"result":{"data":"\u0061GVs"}}"#, Err(BadPayload::Base64(BadBase64::NotBase64)));
    }

    #[test]
    fn other_strings_are_left_alone() {
        check(r#"{"error":{"code":-1,"message":"no, \"result\":\"x","data":"aGVsbG8="}}"#, Ok(None));
        check(r#"{"id":"result","data":"aGVsbG8=","result":{"x":{"data":"no base64!"}}}"#, Ok(None));
        check(r#"{"a":["result",{"data":"%"}],"result":["%"]}"#, Ok(None));
        let (reply, _) = read(r#"{"error":{"code":-1,"message":"not found"}}"#, 3, 9).expect("a reply");
        assert_eq!(reply.error.expect("an error").message, "not found");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for reply in ["", "{", "nothing", r#"{"result":{"data":"aGVsbG8="}"#, r#"{"result":"aGVs"#, "}}]", "[1,2]x"] {
            check(reply, Err(BadPayload::NotAReply));
        }
    }

    #[test]
    fn the_rest_of_a_reply_is_bounded() {
        let long = format!(r#"{{"error":{{"code":1,"message":"{}"}}}}"#, "x".repeat(REPLY_BYTES_MAX));
        assert_eq!(read(&long, 65_536, 100).map(|(_, bytes)| bytes), Err(BadPayload::NotAReply));
        assert_eq!(read(&"[".repeat(100), 7, 100).map(|(_, bytes)| bytes), Err(BadPayload::NotAReply));
    }
}
