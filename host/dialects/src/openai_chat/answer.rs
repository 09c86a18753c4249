//! The objects of answers and their chunks, as they stand on the wire. When which of them is written is known to
//! `stream` and `whole`.

use serde::Serialize;

use crate::{Finish, Usage};

/// The one choice of an answer, as far as a chunk carries it.
#[derive(Serialize)]
pub(super) struct ChunkChoice<'a> {
    pub(super) index: u32,
    pub(super) delta: Delta<'a>,
    /// Never any: who asks for them is not answered in other words than the provider's own.
    pub(super) logprobs: Option<u32>,
    pub(super) finish_reason: Option<&'static str>,
}

/// More of a message.
#[derive(Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    /// Present and null where an answer begins with a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Option<&'a str>>,
    /// Present and null where an answer begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_calls: Option<[CallDelta<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<FunctionDelta<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) images: Option<[Image; 1]>,
}

/// More of a call.
#[derive(Serialize)]
pub(super) struct CallDelta<'a> {
    pub(super) index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    pub(super) function: FunctionDelta<'a>,
}

/// More of a function's name and arguments.
#[derive(Serialize)]
pub(super) struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) arguments: &'a str,
}

/// An answer.
#[derive(Serialize)]
pub(super) struct Completion<'a> {
    pub(super) id: &'a str,
    pub(super) object: &'static str,
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) choices: [Choice<'a>; 1],
    pub(super) usage: Option<Tokens>,
    pub(super) service_tier: &'static str,
    pub(super) system_fingerprint: Option<&'a str>,
}

/// The one choice of an answer.
#[derive(Serialize)]
pub(super) struct Choice<'a> {
    pub(super) index: u32,
    pub(super) message: Message<'a>,
    pub(super) logprobs: Option<u32>,
    pub(super) finish_reason: &'static str,
}

/// What the model said.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Option<&'a str>,
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<Function<'a>>,
    #[serde(skip_serializing_if = "<[Image]>::is_empty")]
    pub(super) images: &'a [Image],
    pub(super) annotations: [(); 0],
}

/// A call.
#[derive(Serialize)]
pub(super) struct Call<'a> {
    pub(super) id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: Function<'a>,
}

/// A function and its arguments.
#[derive(Serialize)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
}

/// A picture that the model made.
#[derive(Serialize)]
pub(super) struct Image {
    index: usize,
    #[serde(rename = "type")]
    kind: &'static str,
    image_url: ImageUrl,
}

#[derive(Serialize)]
struct ImageUrl {
    url: String,
}

impl Image {
    pub(super) fn of(index: usize, content_type: &str, base64: &str) -> Self {
        let url = format!("data:{content_type};base64,{base64}");
        Self { index, kind: "image_url", image_url: ImageUrl { url } }
    }
}

/// Tokens, in the dialect's words: those of the cache are among those of the request.
#[derive(Serialize)]
pub(super) struct Tokens {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptTokens,
    completion_tokens_details: CompletionTokens,
}

#[derive(Serialize)]
struct PromptTokens {
    cached_tokens: u64,
    audio_tokens: u64,
}

#[derive(Serialize)]
struct CompletionTokens {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

impl Tokens {
    pub(super) fn of(usage: Usage) -> Self {
        let prompt_tokens = usage.input.saturating_add(usage.cache_read).saturating_add(usage.cache_write);
        Self {
            prompt_tokens,
            completion_tokens: usage.output,
            total_tokens: prompt_tokens.saturating_add(usage.output),
            prompt_tokens_details: PromptTokens { cached_tokens: usage.cache_read, audio_tokens: 0 },
            completion_tokens_details: CompletionTokens {
                reasoning_tokens: usage.reasoning,
                audio_tokens: 0,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
        }
    }
}

/// Why an answer ends. A client carries tools out by this word, so that it follows what was called: there are providers
/// that call tools and say `stop`.
pub(super) fn finish_reason(finish: Option<Finish>, calls_tools: bool, is_legacy: bool) -> &'static str {
    match finish {
        Some(Finish::Length) => "length",
        Some(Finish::ContentFilter) => "content_filter",
        Some(Finish::Stop | Finish::ToolCalls | Finish::Other) | None if calls_tools && is_legacy => "function_call",
        Some(Finish::Stop | Finish::ToolCalls | Finish::Other) | None if calls_tools => "tool_calls",
        Some(Finish::Stop | Finish::ToolCalls | Finish::Other) | None => "stop",
    }
}
