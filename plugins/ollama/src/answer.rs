//! What an answer says, streamed or whole: a stream is many answers with a piece each. Errors before the answer are
//! `fault`'s.

use creel_sdk::provider::{CallError, Fault, Finish, Output, Usage};
use creel_sdk::{Io, Response};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fault;

/// A whole answer, or a line of a stream.
#[derive(Deserialize)]
pub(crate) struct Answer {
    message: Option<Message>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    /// Comes alone, with status 200, once an answer has begun.
    error: Option<fault::Said>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Deserialize)]
struct Call {
    /// Newer servers give one.
    id: Option<String>,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// Follows an answer and puts out what it says.
pub(crate) struct Follower<'a> {
    out: &'a Output,
    /// Makes the ids of calls unique in a conversation, where the server gives none.
    entropy: u64,
    calls: u32,
}

/// Reads a streamed answer to its end.
///
/// # Errors
///
/// What the server says in the midst of the stream, and a stream that breaks off or is none.
pub(crate) async fn stream(response: Response, io: &Io, mut follower: Follower<'_>) -> Result<(), CallError> {
    let mut lines = response.ndjson();
    while let Some(answer) = lines.next().await? {
        if follower.follow(answer)? {
            lines.drain(io).await;
            return Ok(());
        }
    }
    Err(CallError::new(Fault::MalformedResponse, "the stream ended before the answer did"))
}

/// Puts out a whole answer.
///
/// # Errors
///
/// What the server says in place of an answer, and an answer that is not done.
pub(crate) fn whole(answer: Answer, mut follower: Follower<'_>) -> Result<(), CallError> {
    if follower.follow(answer)? {
        return Ok(());
    }
    Err(CallError::new(Fault::MalformedResponse, "the answer says that it is not done"))
}

impl<'a> Follower<'a> {
    pub(crate) fn new(out: &'a Output, entropy: u64) -> Self {
        Self { out, entropy, calls: 0 }
    }

    /// Puts out one piece and says whether it was the last one.
    fn follow(&mut self, answer: Answer) -> Result<bool, CallError> {
        if let Some(error) = answer.error {
            return Err(fault::in_stream(error));
        }
        if let Some(message) = answer.message {
            self.out.reasoning(message.thinking.unwrap_or_default());
            self.out.text(message.content.unwrap_or_default());
            for call in message.tool_calls.unwrap_or_default() {
                self.call(call);
            }
        }
        if answer.done {
            self.out.usage(Usage {
                // Left out where the prompt was cached whole.
                input_tokens: answer.prompt_eval_count.unwrap_or(0),
                output_tokens: answer.eval_count.unwrap_or(0),
                cache_read_tokens: 0,
                cache_write_tokens: 0,
                reasoning_tokens: 0,
            });
            self.out.finished(self.finish(answer.done_reason.as_deref()));
        }
        Ok(answer.done)
    }

    fn call(&mut self, call: Call) {
        let index = self.calls;
        self.calls += 1;
        let id = call.id.filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| format!("call_{:016x}_{index}", self.entropy));
        self.out.tool_call_start(index, id, call.function.name);
        self.out.tool_call_arguments(index, Value::Object(call.function.arguments).to_string());
    }

    fn finish(&self, reason: Option<&str>) -> Finish {
        match reason {
            Some("stop") | None if self.calls > 0 => Finish::ToolCalls,
            Some("stop") | None => Finish::Stop,
            Some("length") => Finish::Length,
            Some(_) => Finish::Other,
        }
    }
}
