//! Writes an answer as the events of Anthropic's messages, one block after the other. Whole answers are written in
//! `whole`.

use serde_json::{Map, Value, from_str};

use super::events::{Block, Delta, Ending, Event, MessageBody, Tokens, stop_reason};
use super::{REDACTED_PREFIX, asks_for_thinking, medium_text};
use crate::{ApiError, ChatCall, Finish, Output, Usage, refusal, sse};

/// The events of one answer.
pub(crate) struct Stream {
    id: String,
    model: String,
    shows_thinking: bool,
    progress: Progress,
    blocks: usize,
    open: Option<Open>,
    calls: Vec<Call>,
    usage: Usage,
    finish: Option<Finish>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Silent,
    Started,
    /// The events are the provider's own.
    Native,
    Over,
}

/// The block that more can be written of. The dialect has one at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    /// Of a call, an element of [`Stream::calls`].
    Call(usize),
}

/// A call of a tool.
struct Call {
    index: u32,
    id: String,
    name: String,
    json: String,
    state: CallState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CallState {
    /// For the block of another call, which is not whole yet.
    Waiting,
    Open,
    Closed,
}

impl Stream {
    /// The events of an answer to a call, by the id that the answer shall have.
    pub(crate) fn new(call: &ChatCall, id: String) -> Self {
        Self {
            id,
            model: call.model.clone(),
            shows_thinking: asks_for_thinking(call),
            progress: Progress::Silent,
            blocks: 0,
            open: None,
            calls: Vec::new(),
            usage: Usage::default(),
            finish: None,
        }
    }

    /// Writes what comes of an output.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::UpstreamFailed`] where the output cannot follow the ones before it.
    pub(crate) fn event(&mut self, output: &Output, out: &mut String) -> Result<(), ApiError> {
        match output {
            Output::Native(data) => {
                self.progress = Progress::Native;
                sse::native(out, data);
            }
            Output::Usage(usage) => self.usage = *usage,
            Output::Finished(finish) => self.finish = Some(*finish),
            Output::Text(text) => self.text(text, out),
            Output::Media { uri, content_type, .. } => self.text(&medium_text(uri, content_type), out),
            Output::Reasoning { text, signature } if self.shows_thinking => {
                self.thinking(text, signature.as_deref(), out);
            }
            Output::Reasoning { .. } => {}
            Output::ToolCallStart { index, id, name } => self.call(*index, id, name, out),
            Output::ToolCallArguments { index, json } => self.arguments(*index, json, out)?,
        }
        Ok(())
    }

    /// Writes the end of the answer.
    pub(crate) fn finish(&mut self, out: &mut String) {
        if matches!(self.progress, Progress::Native | Progress::Over) {
            return;
        }
        self.start(out);
        self.close(out);
        for call in 0..self.calls.len() {
            if self.calls.get(call).is_some_and(|call| call.state == CallState::Waiting) {
                self.open_call(call, out);
                self.close(out);
            }
        }
        let delta = Ending { stop_reason: stop_reason(self.finish, !self.calls.is_empty()), stop_sequence: None };
        write(out, &Event::MessageDelta { delta, usage: Tokens::of(self.usage) });
        write(out, &Event::MessageStop);
        self.progress = Progress::Over;
    }

    /// Writes that the answer breaks off.
    pub(crate) fn error(&mut self, error: &ApiError, request_id: Option<&str>, out: &mut String) {
        if self.progress != Progress::Over {
            sse::named(out, "error", &refusal::Anthropic::of(error, request_id));
            self.progress = Progress::Over;
        }
    }

    /// Writes a sign of life: an event of the dialect, but a comment as long as the message has not started, since there
    /// are clients that want `message_start` before any other event.
    pub(crate) fn keep_alive(&self, out: &mut String) {
        match self.progress {
            Progress::Silent => out.push_str(": keep-alive\n\n"),
            Progress::Started | Progress::Native => write(out, &Event::Ping),
            Progress::Over => {}
        }
    }

    fn start(&mut self, out: &mut String) {
        if self.progress != Progress::Silent {
            return;
        }
        self.progress = Progress::Started;
        // The dialect counts the first token as soon as it starts.
        let usage = Tokens::of(Usage { output: self.usage.output.max(1), ..self.usage });
        let message = MessageBody {
            id: &self.id,
            role: "assistant",
            model: &self.model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage,
        };
        write(out, &Event::MessageStart { message });
    }

    fn text(&mut self, text: &str, out: &mut String) {
        if text.is_empty() {
            return;
        }
        if self.open != Some(Open::Text) {
            self.open_whole_calls(out);
            self.open(Open::Text, Block::Text { text: "" }, out);
        }
        self.delta(Delta::Text { text }, out);
    }

    fn thinking(&mut self, thinking: &str, signature: Option<&str>, out: &mut String) {
        if let Some(data) = signature.and_then(|signature| signature.strip_prefix(REDACTED_PREFIX)) {
            self.open_whole_calls(out);
            self.open(Open::Thinking, Block::RedactedThinking { data }, out);
            self.close(out);
            return;
        }
        if thinking.is_empty() && signature.is_none() {
            return;
        }
        if self.open != Some(Open::Thinking) {
            self.open_whole_calls(out);
            self.open(Open::Thinking, Block::Thinking { thinking: "", signature: "" }, out);
        }
        if !thinking.is_empty() {
            self.delta(Delta::Thinking { thinking }, out);
        }
        if let Some(signature) = signature {
            self.delta(Delta::Signature { signature }, out);
            self.close(out);
        }
    }

    /// A call whose block cannot be opened yet waits, so that the arguments of two calls may come mixed.
    fn call(&mut self, index: u32, id: &str, name: &str, out: &mut String) {
        let (id, name) = (id.to_owned(), name.to_owned());
        self.calls.push(Call { index, id, name, json: String::new(), state: CallState::Waiting });
        loop {
            match self.open {
                Some(Open::Call(open)) if self.calls.get(open).is_some_and(|call| !call.is_whole()) => return,
                Some(Open::Call(_) | Open::Text | Open::Thinking) | None => {}
            }
            let Some(next) = self.calls.iter().position(|call| call.state == CallState::Waiting) else {
                return;
            };
            self.open_call(next, out);
        }
    }

    /// Calls that waited for another stand before what is said after them, as in a whole answer. One that has half of its
    /// arguments waits on for the rest.
    fn open_whole_calls(&mut self, out: &mut String) {
        let is_due = |call: &Call| call.state == CallState::Waiting && (call.json.trim().is_empty() || call.is_whole());
        for position in 0..self.calls.len() {
            if self.calls.get(position).is_some_and(is_due) {
                self.open_call(position, out);
            }
        }
    }

    fn open_call(&mut self, position: usize, out: &mut String) {
        let Some(call) = self.calls.get_mut(position) else {
            return;
        };
        call.state = CallState::Open;
        let (id, name, json) = (call.id.clone(), call.name.clone(), call.json.clone());
        let block = Block::ToolUse { id: &id, name: &name, input: Value::Object(Map::new()) };
        self.open(Open::Call(position), block, out);
        self.delta(Delta::InputJson { partial_json: &json }, out);
    }

    fn arguments(&mut self, index: u32, json: &str, out: &mut String) -> Result<(), ApiError> {
        let Some(call) = self.calls.iter_mut().rfind(|call| call.index == index) else {
            return Err(super::broken(&format!("call {index} has arguments and was never started")));
        };
        match call.state {
            CallState::Waiting => call.json.push_str(json),
            CallState::Open if json.is_empty() => {}
            CallState::Open => {
                call.json.push_str(json);
                self.delta(Delta::InputJson { partial_json: json }, out);
            }
            CallState::Closed if json.trim().is_empty() => {}
            CallState::Closed => {
                return Err(super::broken(&format!("the arguments of call {index} go on after its end")));
            }
        }
        Ok(())
    }

    fn open(&mut self, open: Open, content_block: Block<'_>, out: &mut String) {
        self.start(out);
        self.close(out);
        write(out, &Event::ContentBlockStart { index: self.blocks, content_block });
        if self.blocks == 0 {
            write(out, &Event::Ping);
        }
        self.open = Some(open);
        self.blocks += 1;
    }

    fn delta(&self, delta: Delta<'_>, out: &mut String) {
        write(out, &Event::ContentBlockDelta { index: self.blocks.saturating_sub(1), delta });
    }

    fn close(&mut self, out: &mut String) {
        let Some(open) = self.open.take() else {
            return;
        };
        if let Open::Call(position) = open
            && let Some(call) = self.calls.get_mut(position)
        {
            call.state = CallState::Closed;
        }
        write(out, &Event::ContentBlockStop { index: self.blocks.saturating_sub(1) });
    }
}

impl Call {
    fn is_whole(&self) -> bool {
        from_str::<serde::de::IgnoredAny>(&self.json).is_ok()
    }
}

fn write(out: &mut String, event: &Event<'_>) {
    sse::named(out, event.name(), event);
}
