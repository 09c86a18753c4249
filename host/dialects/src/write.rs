//! Writes what comes of a call in the dialect of its client, event by event or whole. What the events are is known to
//! the modules of the dialects.

use crate::{ApiError, ChatCall, Dialect, Output};
use crate::{anthropic, openai_chat, responses};

/// Letters of the ids of answers, as providers choose them.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What makes an answer this one; it comes from outside, so that the same call can be written the same way again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Fresh random bits, for the id.
    pub entropy: u64,
    /// Seconds since the Unix epoch.
    pub created_s: u64,
}

impl Stamp {
    /// An id of so many letters behind a prefix.
    fn id(self, prefix: &str, letters: usize) -> String {
        let mut state = self.entropy;
        let mut id = String::with_capacity(prefix.len() + letters);
        id.push_str(prefix);
        for _ in 0..letters {
            // SplitMix64: every letter depends on all bits.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let letter = usize::try_from((mixed ^ (mixed >> 31)) % 62).ok().and_then(|at| LETTERS.get(at));
            id.push(char::from(*letter.unwrap_or(&b'0')));
        }
        id
    }

    fn answer_id(self, dialect: Dialect) -> String {
        match dialect {
            Dialect::OpenaiCompletions => self.id("chatcmpl-", 29),
            Dialect::OpenaiResponses => self.id("resp_", 48),
            Dialect::AnthropicMessages => self.id("msg_01", 22),
        }
    }
}

/// Writes an answer as a stream of events, framed for the wire. Nothing follows an end or an error, whatever is called.
pub struct StreamWriter {
    stream: Stream,
    is_over: bool,
}

enum Stream {
    Chat(Box<openai_chat::Stream>),
    Responses(Box<responses::Stream>),
    Anthropic(Box<anthropic::Stream>),
}

impl StreamWriter {
    /// A stream that answers a call.
    #[must_use]
    pub fn new(call: &ChatCall, stamp: Stamp) -> Self {
        let id = stamp.answer_id(call.dialect);
        let stream = match call.dialect {
            Dialect::OpenaiCompletions => Stream::Chat(Box::new(openai_chat::Stream::new(call, &id, stamp.created_s))),
            Dialect::OpenaiResponses => Stream::Responses(Box::new(responses::Stream::new(call, id, stamp.created_s))),
            Dialect::AnthropicMessages => Stream::Anthropic(Box::new(anthropic::Stream::new(call, id))),
        };
        Self { stream, is_over: false }
    }

    /// Writes what comes of an output. One that cannot follow the ones before it ends the stream with an error.
    pub fn event(&mut self, output: &Output, to: &mut String) {
        if self.is_over {
            return;
        }
        let written = match &mut self.stream {
            Stream::Chat(stream) => stream.event(output, to),
            Stream::Responses(stream) => stream.event(output, to),
            Stream::Anthropic(stream) => stream.event(output, to),
        };
        if let Err(error) = written {
            self.break_off(&error, None, to);
        }
    }

    /// Writes the end of the answer.
    pub fn finish(&mut self, to: &mut String) {
        if self.is_over {
            return;
        }
        match &mut self.stream {
            Stream::Chat(stream) => stream.finish(to),
            Stream::Responses(stream) => stream.finish(to),
            Stream::Anthropic(stream) => stream.finish(to),
        }
        self.is_over = true;
    }

    /// Writes that the answer breaks off. Anthropic's dialect names the request in it.
    pub fn error(&mut self, error: &ApiError, request_id: &str, to: &mut String) {
        self.break_off(error, Some(request_id), to);
    }

    fn break_off(&mut self, error: &ApiError, request_id: Option<&str>, to: &mut String) {
        if self.is_over {
            return;
        }
        match &mut self.stream {
            Stream::Chat(stream) => stream.error(error, to),
            Stream::Responses(stream) => stream.error(error, to),
            Stream::Anthropic(stream) => stream.error(error, request_id, to),
        }
        self.is_over = true;
    }

    /// Writes a sign of life, for clients and proxies that give up on silence.
    pub fn keep_alive(&self, to: &mut String) {
        if self.is_over {
            return;
        }
        match &self.stream {
            Stream::Chat(_) => to.push_str(": keep-alive\n\n"),
            Stream::Responses(stream) => stream.keep_alive(to),
            Stream::Anthropic(stream) => stream.keep_alive(to),
        }
    }

    /// Whether an end or an error is written.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

/// Puts an answer together that is written in one piece.
pub struct WholeWriter {
    whole: Whole,
    broken: Option<ApiError>,
}

enum Whole {
    Chat(Box<openai_chat::Whole>),
    Responses(Box<responses::Whole>),
    Anthropic(Box<anthropic::Whole>),
}

impl WholeWriter {
    /// An answer to a call.
    #[must_use]
    pub fn new(call: &ChatCall, stamp: Stamp) -> Self {
        let id = stamp.answer_id(call.dialect);
        let whole = match call.dialect {
            Dialect::OpenaiCompletions => Whole::Chat(Box::new(openai_chat::Whole::new(call, id, stamp.created_s))),
            Dialect::OpenaiResponses => Whole::Responses(Box::new(responses::Whole::new(call, id, stamp.created_s))),
            Dialect::AnthropicMessages => Whole::Anthropic(Box::new(anthropic::Whole::new(call, id))),
        };
        Self { whole, broken: None }
    }

    /// Adds an output. Whether it could follow the ones before it is known at the end.
    pub fn event(&mut self, output: &Output) {
        if self.broken.is_some() {
            return;
        }
        let taken = match &mut self.whole {
            Whole::Chat(whole) => whole.take(output.clone()),
            Whole::Responses(whole) => whole.take(output.clone()),
            Whole::Anthropic(whole) => whole.take(output.clone()),
        };
        self.broken = taken.err();
    }

    /// Writes the answer.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::UpstreamFailed`] where the outputs do not make an answer.
    pub fn finish(self) -> Result<String, ApiError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let mut answer = String::new();
        match self.whole {
            Whole::Chat(whole) => whole.finish(&mut answer),
            Whole::Responses(whole) => whole.finish(&mut answer),
            Whole::Anthropic(whole) => whole.finish(&mut answer)?,
        }
        Ok(answer)
    }
}
