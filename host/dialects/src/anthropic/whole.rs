//! Writes an answer of Anthropic's messages in one piece. Events are written in `stream`.

use serde_json::{Map, Value, from_str};

use super::events::{Block, MessageBody, Tokens, stop_reason};
use super::{REDACTED_PREFIX, asks_for_thinking, medium_text};
use crate::{ApiError, ChatCall, Finish, Output, Usage, sse};

/// An answer that is put together.
pub(crate) struct Whole {
    id: String,
    model: String,
    shows_thinking: bool,
    native: Option<String>,
    parts: Vec<Part>,
    usage: Usage,
    finish: Option<Finish>,
}

/// A block.
enum Part {
    Text(String),
    Thinking { text: String, signature: Option<String> },
    Call { index: u32, id: String, name: String, json: String },
}

impl Whole {
    /// An answer to a call, by the id that it shall have.
    pub(crate) fn new(call: &ChatCall, id: String) -> Self {
        Self {
            id,
            model: call.model.clone(),
            shows_thinking: asks_for_thinking(call),
            native: None,
            parts: Vec::new(),
            usage: Usage::default(),
            finish: None,
        }
    }

    /// Adds an output.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::UpstreamFailed`] where the output cannot follow the ones before it.
    pub(crate) fn take(&mut self, output: Output) -> Result<(), ApiError> {
        match output {
            Output::Native(answer) => self.native = Some(answer),
            Output::Usage(usage) => self.usage = usage,
            Output::Finished(finish) => self.finish = Some(finish),
            Output::Text(text) => self.text(text),
            Output::Media { uri, content_type, .. } => self.text(medium_text(&uri, &content_type)),
            Output::Reasoning { text, signature } if self.shows_thinking => self.thinking(text, signature),
            Output::Reasoning { .. } => {}
            Output::ToolCallStart { index, id, name } => {
                self.parts.push(Part::Call { index, id, name, json: String::new() });
            }
            Output::ToolCallArguments { index, json: more } => {
                let call = self.parts.iter_mut().rev().find_map(|part| match part {
                    Part::Call { index: of, json, .. } if *of == index => Some(json),
                    Part::Call { .. } | Part::Text(_) | Part::Thinking { .. } => None,
                });
                match call {
                    Some(json) => json.push_str(&more),
                    None => return Err(super::broken(&format!("call {index} has arguments and was never started"))),
                }
            }
        }
        Ok(())
    }

    /// Writes the answer.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::UpstreamFailed`] where a tool was called with something else than an object: the dialect
    /// has objects there, and another in its place would hide what the model did. A call that the bound on tokens cut
    /// is left out, as the reason of the end says it.
    pub(crate) fn finish(self, out: &mut String) -> Result<(), ApiError> {
        if let Some(native) = self.native {
            out.push_str(&native);
            return Ok(());
        }
        let mut content = Vec::with_capacity(self.parts.len());
        let mut calls_tools = false;
        for part in &self.parts {
            content.push(match part {
                Part::Text(text) => Block::Text { text },
                Part::Thinking { text, signature } => thinking(text, signature.as_deref()),
                Part::Call { id, name, json, .. } => match input(json) {
                    Some(input) => {
                        calls_tools = true;
                        Block::ToolUse { id, name, input: Value::Object(input) }
                    }
                    None if self.finish == Some(Finish::Length) => continue,
                    None => {
                        return Err(super::broken(&format!(
                            "`{name}` is called with something else than a JSON object"
                        )));
                    }
                },
            });
        }
        let message = MessageBody {
            id: &self.id,
            role: "assistant",
            model: &self.model,
            content,
            stop_reason: Some(stop_reason(self.finish, calls_tools)),
            stop_sequence: None,
            usage: Tokens::of(self.usage),
        };
        sse::json(out, &message);
        Ok(())
    }

    fn text(&mut self, more: String) {
        match self.parts.last_mut() {
            _ if more.is_empty() => {}
            Some(Part::Text(text)) => text.push_str(&more),
            Some(Part::Thinking { .. } | Part::Call { .. }) | None => self.parts.push(Part::Text(more)),
        }
    }

    /// A signature ends a thought.
    fn thinking(&mut self, more: String, signature: Option<String>) {
        let is_redacted = signature.as_ref().is_some_and(|signature| signature.starts_with(REDACTED_PREFIX));
        match self.parts.last_mut() {
            _ if more.is_empty() && signature.is_none() => {}
            Some(Part::Thinking { text, signature: seal @ None }) if !is_redacted => {
                text.push_str(&more);
                *seal = signature;
            }
            Some(Part::Text(_) | Part::Thinking { .. } | Part::Call { .. }) | None => {
                self.parts.push(Part::Thinking { text: more, signature });
            }
        }
    }
}

fn thinking<'a>(text: &'a str, signature: Option<&'a str>) -> Block<'a> {
    match signature.and_then(|signature| signature.strip_prefix(REDACTED_PREFIX)) {
        Some(data) => Block::RedactedThinking { data },
        None => Block::Thinking { thinking: text, signature: signature.unwrap_or_default() },
    }
}

/// No arguments at all are an object without fields.
fn input(json: &str) -> Option<Map<String, Value>> {
    if json.trim().is_empty() { Some(Map::new()) } else { from_str(json).ok() }
}
