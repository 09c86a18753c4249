//! Writes an answer as the chunks of OpenAI's chat completions. Whole answers are written in `whole`.

use serde::Serialize;

use super::answer::{CallDelta, ChunkChoice, Delta, FunctionDelta, Image, Tokens, finish_reason};
use super::{is_legacy, medium_text, never_started, second_call};
use crate::{ApiError, ChatCall, Finish, Output, Usage, refusal, sse};

/// Ends every stream.
const DONE: &str = "data: [DONE]\n\n";

/// The chunks of one answer.
pub(crate) struct Stream {
    /// A chunk up to its choices, the same in all of them.
    head: String,
    includes_usage: bool,
    is_legacy: bool,
    progress: Progress,
    calls: Vec<Call>,
    images: usize,
    usage: Option<Usage>,
    finish: Option<Finish>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Silent,
    Started,
    /// The chunks are the provider's own.
    Native,
    Over,
}

struct Call {
    index: u32,
    has_arguments: bool,
}

/// Whether a chunk holds the totals of the stream and nothing else.
fn is_of_totals(data: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Totals {
        choices: Vec<serde::de::IgnoredAny>,
        usage: Option<serde::de::IgnoredAny>,
    }
    // Only a chunk that says so is read.
    let may_be = data.contains("\"usage\"") && data.contains("\"choices\"");
    let totals = || serde_json::from_str::<Totals>(data);
    may_be && totals().is_ok_and(|totals| totals.choices.is_empty() && totals.usage.is_some())
}

#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    service_tier: &'static str,
    system_fingerprint: Option<&'a str>,
}

impl Stream {
    /// The chunks of an answer to a call, by the id that it shall have and the second in which it is made.
    pub(crate) fn new(call: &ChatCall, id: &str, created: u64) -> Self {
        let mut head = String::from("data: ");
        let object = "chat.completion.chunk";
        let fields =
            Head { id, object, created, model: &call.model, service_tier: "default", system_fingerprint: None };
        sse::json(&mut head, &fields);
        // The choices go into the same object.
        head.pop();
        head.push_str(",\"choices\":[");
        Self {
            head,
            includes_usage: call.includes_usage,
            is_legacy: is_legacy(call),
            progress: Progress::Silent,
            calls: Vec::new(),
            images: 0,
            usage: None,
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
                // The totals were asked for on the gateway's behalf, not on the client's.
                if self.includes_usage || !is_of_totals(data) {
                    // The dialect's events have no names.
                    sse::unnamed(out, data);
                }
            }
            Output::Usage(usage) => self.usage = Some(*usage),
            Output::Finished(finish) => self.finish = Some(*finish),
            Output::Text(text) => self.text(text, out),
            Output::Media { content_type, base64, .. } if content_type.starts_with("image/") => {
                self.start(out);
                let images = Some([Image::of(self.images, content_type, base64)]);
                self.delta(Delta { images, ..Delta::default() }, out);
                self.images += 1;
            }
            Output::Media { uri, content_type, .. } => self.text(&medium_text(uri, content_type), out),
            Output::Reasoning { text, .. } if text.is_empty() => {}
            Output::Reasoning { text, .. } => {
                self.start(out);
                self.delta(Delta { reasoning_content: Some(text), ..Delta::default() }, out);
            }
            Output::ToolCallStart { index, id, name } => self.call(*index, id, name, out)?,
            Output::ToolCallArguments { index, json } => self.arguments(*index, json, out)?,
        }
        Ok(())
    }

    /// Writes the end of the answer.
    pub(crate) fn finish(&mut self, out: &mut String) {
        if self.progress == Progress::Over {
            return;
        }
        if self.progress != Progress::Native {
            self.start(out);
            for position in 0..self.calls.len() {
                if self.calls.get(position).is_some_and(|call| !call.has_arguments) {
                    // A client reads the arguments as JSON, and nothing at all is none.
                    self.delta(self.fragment(position, None, "{}"), out);
                }
            }
            let reason = finish_reason(self.finish, !self.calls.is_empty(), self.is_legacy);
            self.chunk(Delta::default(), Some(reason), out);
            if self.includes_usage {
                out.push_str(&self.head);
                out.push_str("],\"usage\":");
                sse::json(out, &self.usage.map(Tokens::of));
                out.push_str("}\n\n");
            }
        }
        out.push_str(DONE);
        self.progress = Progress::Over;
    }

    /// Writes that the answer breaks off: clients take a chunk that has an error for one.
    pub(crate) fn error(&mut self, error: &ApiError, out: &mut String) {
        if self.progress == Progress::Over {
            return;
        }
        out.push_str("data: ");
        refusal::openai(error, out);
        out.push_str("\n\n");
        out.push_str(DONE);
        self.progress = Progress::Over;
    }

    fn start(&mut self, out: &mut String) {
        if self.progress == Progress::Silent {
            self.progress = Progress::Started;
            self.delta(begun(Some("")), out);
        }
    }

    fn text(&mut self, text: &str, out: &mut String) {
        if !text.is_empty() {
            self.start(out);
            self.delta(Delta { content: Some(Some(text)), ..Delta::default() }, out);
        }
    }

    fn call(&mut self, index: u32, id: &str, name: &str, out: &mut String) -> Result<(), ApiError> {
        if self.is_legacy && !self.calls.is_empty() {
            return Err(second_call());
        }
        self.calls.push(Call { index, has_arguments: false });
        let mut delta = self.fragment(self.calls.len() - 1, Some((id, name)), "");
        if self.progress == Progress::Silent {
            self.progress = Progress::Started;
            delta = Delta { tool_calls: delta.tool_calls, function_call: delta.function_call, ..begun(None) };
        }
        self.delta(delta, out);
        Ok(())
    }

    fn arguments(&mut self, index: u32, json: &str, out: &mut String) -> Result<(), ApiError> {
        let position = self.calls.iter().rposition(|call| call.index == index).ok_or_else(|| never_started(index))?;
        if let Some(call) = self.calls.get_mut(position) {
            call.has_arguments |= !json.trim().is_empty();
        }
        if !json.is_empty() {
            self.delta(self.fragment(position, None, json), out);
        }
        Ok(())
    }

    /// More of a call, in the form that the client knows. Of a call that begins there is an id and a name.
    fn fragment<'a>(&self, index: usize, begins: Option<(&'a str, &'a str)>, arguments: &'a str) -> Delta<'a> {
        let function = FunctionDelta { name: begins.map(|(_, name)| name), arguments };
        if self.is_legacy {
            return Delta { function_call: Some(function), ..Delta::default() };
        }
        let id = begins.map(|(id, _)| id);
        let call = CallDelta { index, id, kind: id.map(|_| "function"), function };
        Delta { tool_calls: Some([call]), ..Delta::default() }
    }

    fn delta(&self, delta: Delta<'_>, out: &mut String) {
        self.chunk(delta, None, out);
    }

    fn chunk(&self, delta: Delta<'_>, finish_reason: Option<&'static str>, out: &mut String) {
        out.push_str(&self.head);
        sse::json(out, &ChunkChoice { index: 0, delta, logprobs: None, finish_reason });
        out.push_str(if self.includes_usage { "],\"usage\":null}\n\n" } else { "]}\n\n" });
    }
}

fn begun(content: Option<&str>) -> Delta<'_> {
    Delta { role: Some("assistant"), content: Some(content), refusal: Some(None), ..Delta::default() }
}
