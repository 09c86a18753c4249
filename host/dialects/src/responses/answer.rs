//! The object of an answer and its items, as they stand on the wire. When which of them is written is known to
//! `stream` and `whole`.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::{ApiError, ChatCall, ErrorKind, Finish, Usage, sse};

/// What an answer repeats of its request, written once.
pub(super) struct Echo {
    model: String,
    /// The fields and the brace behind them.
    fields: String,
}

#[derive(Serialize)]
struct Repeated<'a> {
    background: bool,
    instructions: Option<&'a Value>,
    max_output_tokens: Option<u32>,
    metadata: Cow<'a, Value>,
    parallel_tool_calls: bool,
    previous_response_id: Option<&'a str>,
    prompt_cache_key: Option<&'a Value>,
    reasoning: Reasoning<'a>,
    safety_identifier: Option<&'a Value>,
    service_tier: &'static str,
    store: bool,
    temperature: Cow<'a, Value>,
    text: Cow<'a, Value>,
    tool_choice: Cow<'a, Value>,
    tools: Cow<'a, Value>,
    top_logprobs: u32,
    top_p: Cow<'a, Value>,
    truncation: Cow<'a, Value>,
    user: Option<&'a Value>,
}

#[derive(Serialize)]
struct Reasoning<'a> {
    effort: Option<&'a Value>,
    summary: Option<&'a Value>,
}

impl Echo {
    /// Takes from a request what its answer repeats; for what the client left open it has the dialect's defaults, but
    /// nothing is stored.
    pub(super) fn of(call: &ChatCall) -> Self {
        let given = |name: &str| call.body.get(name).filter(|value| !value.is_null());
        let or = |name: &str, value: Value| given(name).map_or(Cow::Owned(value), Cow::Borrowed);
        let mut text = or("text", json!({}));
        if !text.get("format").is_some_and(Value::is_object)
            && let Value::Object(text) = text.to_mut()
        {
            text.insert("format".to_owned(), json!({ "type": "text" }));
        }
        let inner = |name: &str| given("reasoning").and_then(|reasoning| reasoning.get(name));
        let repeated = Repeated {
            background: false,
            instructions: given("instructions"),
            max_output_tokens: call.max_tokens,
            metadata: or("metadata", json!({})),
            parallel_tool_calls: call.parallel_tool_calls.unwrap_or(true),
            previous_response_id: None,
            prompt_cache_key: given("prompt_cache_key"),
            reasoning: Reasoning { effort: inner("effort"), summary: inner("summary") },
            safety_identifier: given("safety_identifier"),
            service_tier: "default",
            store: false,
            temperature: or("temperature", json!(1.0)),
            text,
            tool_choice: or("tool_choice", "auto".into()),
            tools: or("tools", json!([])),
            top_logprobs: 0,
            top_p: or("top_p", json!(1.0)),
            truncation: or("truncation", "disabled".into()),
            user: given("user"),
        };
        let mut fields = String::new();
        sse::json(&mut fields, &repeated);
        fields.remove(0);
        Self { model: call.model.clone(), fields }
    }

    /// Writes the object of an answer.
    pub(super) fn write(&self, out: &mut String, head: Head<'_>) {
        let Head { id, created_at, status, error, incomplete_details, output, usage } = head;
        let (object, model) = ("response", &self.model);
        sse::json(out, &Answer { id, object, created_at, status, error, incomplete_details, model, output, usage });
        // The fields go into the same object.
        out.pop();
        out.push(',');
        out.push_str(&self.fields);
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: Status,
    error: Option<Failure<'a>>,
    incomplete_details: Option<Incomplete>,
    model: &'a str,
    output: Vec<ItemBody<'a>>,
    usage: Option<Tokens>,
}

/// What an answer has of its own.
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    pub(super) created_at: u64,
    pub(super) status: Status,
    pub(super) error: Option<Failure<'a>>,
    pub(super) incomplete_details: Option<Incomplete>,
    pub(super) output: Vec<ItemBody<'a>>,
    pub(super) usage: Option<Tokens>,
}

/// How far an answer, or an item of it, is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
    Failed,
}

/// Why an answer is not complete.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Incomplete {
    reason: &'static str,
}

/// The status of an answer that ends, and why it is not complete.
pub(super) fn ending(finish: Option<Finish>) -> (Status, Option<Incomplete>) {
    match finish {
        Some(Finish::Length) => (Status::Incomplete, Some(Incomplete { reason: "max_output_tokens" })),
        Some(Finish::ContentFilter) => (Status::Incomplete, Some(Incomplete { reason: "content_filter" })),
        Some(Finish::Stop | Finish::ToolCalls | Finish::Other) | None => (Status::Completed, None),
    }
}

/// What went wrong.
#[derive(Serialize)]
pub(super) struct Failure<'a> {
    pub(super) code: &'static str,
    pub(super) message: &'a str,
}

impl<'a> Failure<'a> {
    /// The codes are those that the dialect has for an answer that failed, and the one by which agents shorten their
    /// conversation.
    pub(super) fn of(error: &'a ApiError) -> Self {
        use ErrorKind as Kind;
        let code = match error.kind {
            Kind::ContextTooLong => "context_length_exceeded",
            Kind::ContentRefused | Kind::InvalidRequest | Kind::Unsupported | Kind::TooLarge => "invalid_prompt",
            Kind::OverBudget | Kind::RateLimited => "rate_limit_exceeded",
            Kind::WrongToken
            | Kind::Forbidden
            | Kind::UnknownModel
            | Kind::NotFound
            | Kind::UnknownRoute
            | Kind::MethodNotAllowed
            | Kind::Overloaded
            | Kind::UpstreamCredentials
            | Kind::UpstreamFailed
            | Kind::TimedOut
            | Kind::Unavailable
            | Kind::Internal => "server_error",
        };
        Self { code, message: &error.message }
    }
}

/// Tokens, in the dialect's words: those of the cache are among those of the request.
#[derive(Serialize)]
pub(super) struct Tokens {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct InputDetails {
    cache_write_tokens: u64,
    cached_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl Tokens {
    pub(super) fn of(usage: Usage) -> Self {
        let input_tokens = usage.input.saturating_add(usage.cache_read).saturating_add(usage.cache_write);
        Self {
            input_tokens,
            input_tokens_details: InputDetails {
                cache_write_tokens: usage.cache_write,
                cached_tokens: usage.cache_read,
            },
            output_tokens: usage.output,
            output_tokens_details: OutputDetails { reasoning_tokens: usage.reasoning },
            total_tokens: input_tokens.saturating_add(usage.output),
        }
    }
}

/// An item of an answer as it is kept while more of it comes.
pub(super) struct Item {
    pub(super) id: String,
    pub(super) status: Status,
    pub(super) kind: Kind,
}

/// What an item is.
pub(super) enum Kind {
    Message { text: String },
    Reasoning { summary: String, signature: Option<String> },
    Call { index: u32, call_id: String, name: String, arguments: String },
    Picture { base64: String },
}

impl Item {
    /// An item that begins; its id is made of the answer's and of its place there.
    pub(super) fn begun(answer_id: &str, position: usize, kind: Kind) -> Self {
        let prefix = match kind {
            Kind::Message { .. } => "msg",
            Kind::Reasoning { .. } => "rs",
            Kind::Call { .. } => "fc",
            Kind::Picture { .. } => "ig",
        };
        let of = answer_id.strip_prefix("resp_").unwrap_or(answer_id);
        Self { id: format!("{prefix}_{of}_{position}"), status: Status::InProgress, kind }
    }

    /// Whether all of it is there as soon as another item begins. The arguments of calls may come mixed, so that a call
    /// is whole once its arguments are JSON.
    pub(super) fn is_whole(&self) -> bool {
        match &self.kind {
            Kind::Call { arguments, .. } => serde_json::from_str::<IgnoredAny>(arguments).is_ok(),
            Kind::Message { .. } | Kind::Reasoning { .. } | Kind::Picture { .. } => true,
        }
    }

    /// The status of an item as the answer ends with another: what broke the answer off cut its last item, and calls
    /// that are not whole.
    pub(super) fn ended(&self, is_last: bool, answer: Status) -> Status {
        match self.kind {
            Kind::Picture { .. } => Status::Completed,
            Kind::Message { .. } | Kind::Reasoning { .. } | Kind::Call { .. } if is_last || !self.is_whole() => answer,
            Kind::Message { .. } | Kind::Reasoning { .. } | Kind::Call { .. } => Status::Completed,
        }
    }

    /// The item on the wire: before anything of it is known to be said, or with all of it.
    pub(super) fn body(&self) -> ItemBody<'_> {
        let is_begun = self.status == Status::InProgress;
        let Self { id, status, .. } = self;
        let status = *status;
        match &self.kind {
            Kind::Message { text } => {
                let content = if is_begun { Vec::new() } else { vec![Part::text(text)] };
                ItemBody::Message { id, status, role: "assistant", content }
            }
            Kind::Reasoning { summary, signature } => {
                let is_empty = is_begun || summary.is_empty();
                let summary = if is_empty { Vec::new() } else { vec![SummaryPart::text(summary)] };
                let encrypted_content = signature.as_deref().filter(|_| !is_begun);
                ItemBody::Reasoning { id, summary, encrypted_content }
            }
            Kind::Call { call_id, name, arguments, .. } => {
                let arguments = if is_begun { "" } else { or_empty(arguments) };
                ItemBody::FunctionCall { id, call_id, name, arguments, status }
            }
            Kind::Picture { base64 } => {
                let result = Some(base64.as_str()).filter(|_| !is_begun);
                ItemBody::ImageGenerationCall { id, status, result }
            }
        }
    }
}

/// The arguments of a call; elsewhere one without any may have no object of them.
pub(super) fn or_empty(arguments: &str) -> &str {
    if arguments.trim().is_empty() { "{}" } else { arguments }
}

/// An item on the wire.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ItemBody<'a> {
    Message {
        id: &'a str,
        status: Status,
        role: &'static str,
        content: Vec<Part<'a>>,
    },
    Reasoning {
        id: &'a str,
        summary: Vec<SummaryPart<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'a str>,
    },
    FunctionCall {
        id: &'a str,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
        status: Status,
    },
    ImageGenerationCall {
        id: &'a str,
        status: Status,
        result: Option<&'a str>,
    },
}

/// A part of a message.
#[derive(Serialize)]
#[serde(tag = "type", rename = "output_text")]
pub(super) struct Part<'a> {
    annotations: [(); 0],
    logprobs: [(); 0],
    text: &'a str,
}

impl<'a> Part<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self { annotations: [], logprobs: [], text }
    }
}

/// A part of what was made of a thought.
#[derive(Serialize)]
#[serde(tag = "type", rename = "summary_text")]
pub(super) struct SummaryPart<'a> {
    text: &'a str,
}

impl<'a> SummaryPart<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self { text }
    }
}
