//! What the host has to know of an answer that the caller reads as it is: totals, the reason of its end, and errors. An
//! answer that is put into the host's words is `answer`'s.

use std::borrow::Cow;

use creel_sdk::native::{self, Heard, Watcher};
use creel_sdk::provider::{CallError, Finish, Output, Usage};
use serde::Deserialize;

use crate::answer::{NOTHING_USED, Tokens, finish};
use crate::fault;

/// Listens to one answer.
#[derive(Default)]
pub(crate) struct Listener {
    usage: Option<Usage>,
    finish: Option<Finish>,
}

/// An event, or a whole answer, which has its parts at the top.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    message: Option<Start<'a>>,
    #[serde(borrow)]
    delta: Option<Change<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Cow<'a, str>>,
    usage: Option<Tokens>,
    error: Option<fault::Detail>,
}

#[derive(Deserialize)]
struct Start<'a> {
    #[serde(borrow)]
    stop_reason: Option<Cow<'a, str>>,
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow)]
    stop_reason: Option<Cow<'a, str>>,
}

impl Watcher for Listener {
    fn hear(&mut self, data: &str, out: &Output) -> Result<Heard, CallError> {
        let said: Said<'_> = native::read(data)?;
        match said.kind.as_ref() {
            "error" => return Err(fault::in_stream(said.error)),
            "message_stop" => return Ok(Heard::Last),
            "message" => self.note(said.stop_reason, said.usage, out),
            "message_start" => {
                if let Some(start) = said.message {
                    self.note(start.stop_reason, start.usage, out);
                }
            }
            "message_delta" => self.note(said.delta.and_then(|change| change.stop_reason), said.usage, out),
            _ => {}
        }
        Ok(Heard::More)
    }

    fn finish(&self) -> Option<Finish> {
        self.finish
    }
}

impl Listener {
    fn note(&mut self, stop_reason: Option<Cow<'_, str>>, tokens: Option<Tokens>, out: &Output) {
        self.finish = stop_reason.map(|reason| finish(Some(&reason))).or(self.finish);
        if let Some(tokens) = tokens {
            let usage = self.usage.get_or_insert(NOTHING_USED);
            tokens.add_to(usage);
            out.usage(*usage);
        }
    }
}
