//! What an answer in the chat dialect says, streamed or whole: a whole one is a stream of one piece. Errors before the
//! answer are `fault`'s.

use creel_sdk::provider::{CallError, Fault, Finish, Output, Usage};
use creel_sdk::{Io, ReadError, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::fault;

/// A whole answer, or a piece of a streamed one.
#[derive(Deserialize)]
pub(crate) struct Answer {
    choices: Option<Vec<Choice>>,
    usage: Option<Tokens>,
    /// Where one server puts the totals of a stream.
    x_groq: Option<Aside>,
    error: Option<Value>,
}

#[derive(Deserialize)]
pub(crate) struct Aside {
    pub(crate) usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Choice {
    index: Option<u32>,
    delta: Option<Piece>,
    message: Option<Piece>,
    finish_reason: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Piece {
    content: Option<Content>,
    /// Two names for one thing; where a server says both, they say the same.
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of an answer that is a list, with the thoughts among the words.
#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    thinking: Option<Vec<Part>>,
}

/// A call, or a piece of one.
#[derive(Deserialize)]
struct Call {
    index: Option<u32>,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<Arguments>,
}

/// JSON in a text; some servers leave the text out.
#[derive(Deserialize)]
#[serde(untagged)]
enum Arguments {
    Text(String),
    Json(Value),
}

/// What a server says of the totals.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Tokens {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    /// Where one server says how much of the prompt it knew.
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

/// A call that has begun.
struct Open {
    /// The server's number of it.
    number: u32,
    id: String,
    has_arguments: bool,
}

/// Follows an answer and puts out what it says.
pub(crate) struct Follower<'a> {
    out: &'a Output,
    /// Makes the ids of calls unique in a conversation, where the server gives none.
    entropy: u64,
    /// In the order of the answer.
    calls: Vec<Open>,
    finish: Option<Finish>,
}

/// Reads a streamed answer to its end.
///
/// # Errors
///
/// What the server says in the midst of the stream, and a stream that breaks off or is none.
pub(crate) async fn stream(response: Response, io: &Io, mut follower: Follower<'_>) -> Result<(), CallError> {
    let mut events = response.sse();
    let mut is_done = false;
    while let Some(event) = events.next().await? {
        match event.data.trim_ascii() {
            "[DONE]" => {
                is_done = true;
                break;
            }
            // Some servers keep a connection alive so.
            "" => continue,
            _ => {}
        }
        follower.follow(serde_json::from_str(&event.data).map_err(ReadError::Json)?)?;
    }
    if !is_done && follower.finish.is_none() {
        return Err(CallError::new(Fault::MalformedResponse, "the stream ended before the answer did"));
    }
    follower.end();
    if is_done {
        events.drain(io).await;
    }
    Ok(())
}

/// Puts out a whole answer.
///
/// # Errors
///
/// What the server says in place of an answer, and an answer that holds none.
pub(crate) fn whole(answer: Answer, mut follower: Follower<'_>) -> Result<(), CallError> {
    let is_empty = answer.choices.as_ref().is_none_or(Vec::is_empty);
    follower.follow(answer)?;
    if is_empty {
        return Err(CallError::new(Fault::MalformedResponse, "the answer has no choices"));
    }
    follower.end();
    Ok(())
}

/// Why the model stopped, by the word for it. Some servers have an empty one where it did not.
pub(crate) fn finish(reason: &str) -> Option<Finish> {
    Some(match reason {
        "" => return None,
        "stop" | "eos" => Finish::Stop,
        "length" | "model_length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        _ => Finish::Other,
    })
}

impl<'a> Follower<'a> {
    pub(crate) fn new(out: &'a Output, entropy: u64) -> Self {
        Self { out, entropy, calls: Vec::new(), finish: None }
    }

    fn follow(&mut self, answer: Answer) -> Result<(), CallError> {
        if let Some(error) = answer.error.filter(|error| !error.is_null()) {
            return Err(fault::in_stream(&error));
        }
        for choice in answer.choices.unwrap_or_default() {
            if let Some(error) = choice.error.filter(|error| !error.is_null()) {
                return Err(fault::in_stream(&error));
            }
            // One answer was asked for.
            if choice.index.unwrap_or_default() == 0 {
                if let Some(piece) = choice.delta.or(choice.message) {
                    self.add(piece);
                }
                self.finish = choice.finish_reason.as_deref().and_then(finish).or(self.finish);
            }
        }
        if let Some(tokens) = answer.usage.or(answer.x_groq.and_then(|aside| aside.usage)) {
            self.out.usage(tokens.totals());
        }
        Ok(())
    }

    fn add(&mut self, piece: Piece) {
        self.out.reasoning(piece.reasoning_content.or(piece.reasoning).unwrap_or_default());
        match piece.content {
            Some(Content::Text(text)) => self.out.text(text),
            Some(Content::Parts(parts)) => {
                for part in parts {
                    for thought in part.thinking.unwrap_or_default() {
                        self.out.reasoning(thought.text.unwrap_or_default());
                    }
                    self.out.text(part.text.unwrap_or_default());
                }
            }
            None => {}
        }
        if let Some(refusal) = piece.refusal.filter(|refusal| !refusal.is_empty()) {
            self.out.text(refusal);
        }
        for (place, call) in piece.tool_calls.unwrap_or_default().into_iter().enumerate() {
            self.call(place, call);
        }
    }

    /// A call begins with its name; what follows under its number belongs to it, unless another id is given there.
    fn call(&mut self, place: usize, call: Call) {
        let id = call.id.unwrap_or_default();
        let (name, arguments) = call.function.map(|function| (function.name, function.arguments)).unwrap_or_default();
        let number = call.index.or_else(|| u32::try_from(place).ok()).unwrap_or_default();
        let known = self.calls.iter().rposition(|open| open.number == number && (id.is_empty() || open.id == id));
        let place = known.unwrap_or_else(|| {
            let index = self.calls.len();
            let shown = if id.is_empty() { format!("call_{:016x}_{index}", self.entropy) } else { id.clone() };
            self.out.tool_call_start(u32::try_from(index).unwrap_or(u32::MAX), shown, name.unwrap_or_default());
            self.calls.push(Open { number, id, has_arguments: false });
            index
        });
        let arguments = match arguments {
            Some(Arguments::Text(text)) => text,
            Some(Arguments::Json(Value::Null)) | None => String::new(),
            Some(Arguments::Json(json)) => json.to_string(),
        };
        if let Some(open) = self.calls.get_mut(place) {
            open.has_arguments |= !arguments.is_empty();
        }
        self.out.tool_call_arguments(u32::try_from(place).unwrap_or(u32::MAX), arguments);
    }

    fn end(&mut self) {
        for (index, open) in (0..).zip(&self.calls) {
            if !open.has_arguments {
                self.out.tool_call_arguments(index, "{}");
            }
        }
        self.out.finished(match self.finish {
            // Also what servers say where the caller named the tool.
            Some(Finish::Stop) if !self.calls.is_empty() => Finish::ToolCalls,
            finish => finish.unwrap_or(Finish::Other),
        });
    }
}

impl Tokens {
    /// The same in the host's words, in which the prompt does not count what was cached.
    pub(crate) fn totals(self) -> Usage {
        let cached = self.prompt_tokens_details.and_then(|details| details.cached_tokens);
        let cached = cached.or(self.prompt_cache_hit_tokens).unwrap_or_default();
        Usage {
            input_tokens: self.prompt_tokens.unwrap_or_default().saturating_sub(cached),
            output_tokens: self.completion_tokens.unwrap_or_default(),
            cache_read_tokens: cached,
            cache_write_tokens: 0,
            reasoning_tokens: self
                .completion_tokens_details
                .and_then(|details| details.reasoning_tokens)
                .unwrap_or_default(),
        }
    }
}
