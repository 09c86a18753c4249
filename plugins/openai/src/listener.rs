//! What the host has to know of an answer that the caller reads as it is: totals, the reason of its end, and errors. An
//! answer that is put into the host's words is `answer`'s.

use std::borrow::Cow;

use creel_sdk::native::{self, Heard, Watcher};
use creel_sdk::provider::{CallError, Finish, Output, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Aside, Tokens, finish};
use crate::fault;

/// Listens to an answer in the chat dialect.
#[derive(Default)]
pub(crate) struct ChatListener {
    finish: Option<Finish>,
}

#[derive(Deserialize)]
struct Chat<'a> {
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<Tokens>,
    x_groq: Option<Aside>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
    error: Option<Value>,
}

impl Watcher for ChatListener {
    fn hear(&mut self, data: &str, out: &Output) -> Result<Heard, CallError> {
        let chat: Chat<'_> = native::read(data)?;
        let choices = chat.choices.unwrap_or_default();
        let errors = choices.iter().filter_map(|choice| choice.error.as_ref());
        if let Some(error) = chat.error.iter().chain(errors).find(|error| !error.is_null()) {
            return Err(fault::in_stream(error));
        }
        if let Some(reason) = choices.iter().find_map(|choice| choice.finish_reason.as_deref()) {
            self.finish = finish(reason).or(self.finish);
        }
        if let Some(tokens) = chat.usage.or(chat.x_groq.and_then(|aside| aside.usage)) {
            out.usage(tokens.totals());
        }
        Ok(Heard::More)
    }

    fn finish(&self) -> Option<Finish> {
        self.finish
    }
}

/// Listens to an answer in the dialect of responses.
#[derive(Default)]
pub(crate) struct ResponseListener {
    finish: Option<Finish>,
}

/// An event. A whole answer has no `type`.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    response: Option<Answer<'a>>,
    error: Option<Value>,
    code: Option<Value>,
    message: Option<Value>,
}

/// An answer, as far as it has come.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    error: Option<Value>,
    #[serde(borrow)]
    incomplete_details: Option<Incomplete<'a>>,
    #[serde(borrow)]
    output: Option<Vec<Item<'a>>>,
    usage: Option<Totals>,
}

#[derive(Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, Deserialize)]
struct Totals {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Clone, Copy, Deserialize)]
struct InputDetails {
    cached_tokens: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

impl Watcher for ResponseListener {
    fn hear(&mut self, data: &str, out: &Output) -> Result<Heard, CallError> {
        let event: Event<'_> = native::read(data)?;
        let (answer, heard) = match event.kind.as_deref() {
            Some("error") => {
                let flat = || json!({ "code": event.code, "message": event.message });
                let error = event.error.filter(|error| !error.is_null()).unwrap_or_else(flat);
                return Err(fault::in_stream(&error));
            }
            Some("response.completed" | "response.incomplete" | "response.failed" | "response.cancelled") => {
                (event.response, Heard::Last)
            }
            Some(_) => return Ok(Heard::More),
            None => (Some(native::read(data)?), Heard::Last),
        };
        if let Some(answer) = answer {
            self.note(&answer, out)?;
        }
        Ok(heard)
    }

    fn finish(&self) -> Option<Finish> {
        self.finish
    }
}

impl ResponseListener {
    fn note(&mut self, answer: &Answer<'_>, out: &Output) -> Result<(), CallError> {
        if let Some(error) = answer.error.as_ref().filter(|error| !error.is_null()) {
            return Err(fault::in_stream(error));
        }
        if answer.status.as_deref() == Some("failed") {
            return Err(fault::in_stream(&Value::Null));
        }
        if let Some(totals) = answer.usage {
            out.usage(totals.in_words());
        }
        let reason = answer.incomplete_details.as_ref().and_then(|details| details.reason.as_deref());
        let is_call = |item: &Item<'_>| matches!(item.kind.as_deref(), Some("function_call" | "custom_tool_call"));
        self.finish = Some(match (reason, answer.status.as_deref()) {
            (Some("max_output_tokens"), _) => Finish::Length,
            (Some("content_filter"), _) => Finish::ContentFilter,
            (None, Some("completed")) if answer.output.iter().flatten().any(is_call) => Finish::ToolCalls,
            (None, Some("completed")) => Finish::Stop,
            (Some(_) | None, _) => Finish::Other,
        });
        Ok(())
    }
}

impl Totals {
    /// The same in the host's words, in which the request does not count what was cached.
    fn in_words(self) -> Usage {
        let cached = self.input_tokens_details.and_then(|details| details.cached_tokens).unwrap_or_default();
        let reasoning = self.output_tokens_details.and_then(|details| details.reasoning_tokens);
        Usage {
            input_tokens: self.input_tokens.unwrap_or_default().saturating_sub(cached),
            output_tokens: self.output_tokens.unwrap_or_default(),
            cache_read_tokens: cached,
            cache_write_tokens: 0,
            reasoning_tokens: reasoning.unwrap_or_default(),
        }
    }
}
