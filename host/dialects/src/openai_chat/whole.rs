//! Writes an answer of OpenAI's chat completions in one piece. Chunks are written in `stream`.

use super::answer::{Call, Choice, Completion, Function, Image, Message, Tokens, finish_reason};
use super::{is_legacy, medium_text, never_started, second_call};
use crate::{ApiError, ChatCall, Finish, Output, Usage, sse};

/// An answer that is put together.
pub(crate) struct Whole {
    id: String,
    created: u64,
    model: String,
    is_legacy: bool,
    native: Option<String>,
    text: String,
    reasoning: String,
    calls: Vec<Called>,
    images: Vec<Image>,
    usage: Option<Usage>,
    finish: Option<Finish>,
}

struct Called {
    index: u32,
    id: String,
    name: String,
    json: String,
}

impl Whole {
    /// An answer to a call, by the id that it shall have and the second in which it is made.
    pub(crate) fn new(call: &ChatCall, id: String, created: u64) -> Self {
        Self {
            id,
            created,
            model: call.model.clone(),
            is_legacy: is_legacy(call),
            native: None,
            text: String::new(),
            reasoning: String::new(),
            calls: Vec::new(),
            images: Vec::new(),
            usage: None,
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
            Output::Usage(usage) => self.usage = Some(usage),
            Output::Finished(finish) => self.finish = Some(finish),
            Output::Text(text) => self.text.push_str(&text),
            Output::Media { content_type, base64, .. } if content_type.starts_with("image/") => {
                self.images.push(Image::of(self.images.len(), &content_type, &base64));
            }
            Output::Media { uri, content_type, .. } => self.text.push_str(&medium_text(&uri, &content_type)),
            Output::Reasoning { text, .. } => self.reasoning.push_str(&text),
            Output::ToolCallStart { .. } if self.is_legacy && !self.calls.is_empty() => return Err(second_call()),
            Output::ToolCallStart { index, id, name } => {
                self.calls.push(Called { index, id, name, json: String::new() });
            }
            Output::ToolCallArguments { index, json } => {
                let call = self.calls.iter_mut().rfind(|call| call.index == index);
                call.ok_or_else(|| never_started(index))?.json.push_str(&json);
            }
        }
        Ok(())
    }

    /// Writes the answer. Arguments are text in this dialect, and the client sees them as the model wrote them.
    pub(crate) fn finish(self, out: &mut String) {
        if let Some(native) = self.native {
            out.push_str(&native);
            return;
        }
        let finish_reason = finish_reason(self.finish, !self.calls.is_empty(), self.is_legacy);
        let called = self.calls.iter().map(|call| {
            let arguments = if call.json.trim().is_empty() { "{}" } else { &call.json };
            Call { id: &call.id, kind: "function", function: Function { name: &call.name, arguments } }
        });
        let mut tool_calls: Vec<Call<'_>> = called.collect();
        let function_call = if self.is_legacy { tool_calls.pop().map(|call| call.function) } else { None };
        let message = Message {
            role: "assistant",
            // An answer that says nothing, and calls nothing either, is empty words.
            content: Some(self.text.as_str()).filter(|text| !text.is_empty() || self.calls.is_empty()),
            refusal: None,
            reasoning_content: Some(self.reasoning.as_str()).filter(|words| !words.is_empty()),
            tool_calls,
            function_call,
            images: &self.images,
            annotations: [],
        };
        let completion = Completion {
            id: &self.id,
            object: "chat.completion",
            created: self.created,
            model: &self.model,
            choices: [Choice { index: 0, message, logprobs: None, finish_reason }],
            usage: self.usage.map(Tokens::of),
            service_tier: "default",
            system_fingerprint: None,
        };
        sse::json(out, &completion);
    }
}
