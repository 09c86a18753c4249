//! OpenAI's chat completions: `POST /v1/chat/completions`. What a provider of the same dialect is sent is the body as
//! it came; this page says what becomes of it for any other. It knows no provider and no plugin.
//!
//! A field that only tunes is a hint, and a provider of another dialect goes without it. What changes the meaning of
//! the request is put into [`crate::ChatCall::native_only`], so that no such provider is asked. What nobody could read
//! is refused.
//!
//! | field | for a provider of another dialect |
//! | --- | --- |
//! | messages of the roles `system` and `developer` | system messages, in their order, before all others |
//! | messages of the roles `user` and `assistant` | said; `name` is a hint, empty words of the model are left out |
//! | messages of the roles `tool` and `function` | results; those that follow each other are one message |
//! | parts `text`, `refusal`, `image_url`, `video_url`, `audio_url`, `input_audio`, `file` | said |
//! | parts of any other type, `tool_calls` that are no functions, `audio` of the model | native only |
//! | `reasoning_content` or `reasoning` of the model | reasoning without a signature |
//! | `tool_calls`, `function_call` of the model | said; the older form has no ids, so that its calls are given some |
//! | `tools` of the type `function`, `functions` | said, without `strict` |
//! | `tools` of any other type, and their choice | native only |
//! | `tool_choice`, `function_call` | said; of `allowed_tools` the others are taken away |
//! | `functions` without `tools` | one call in an answer, written as `function_call` |
//! | `parallel_tool_calls`, `response_format`, `temperature`, `top_p`, `stop`, `stream` | said |
//! | `seed` | said, unless it is below zero |
//! | `max_completion_tokens`, `max_tokens` | said; the first outweighs the second |
//! | `reasoning_effort`, `reasoning.effort` | said; `xhigh` and `max` become `high` |
//! | `stream_options.include_usage` | the host's own matter |
//! | `fallbacks`, then `models` | the host's own matter: [`crate::ChatCall::fallbacks`]; not in the native form |
//! | `n` above 1, `logprobs`, `top_logprobs` above 0 | native only |
//! | `audio`, `modalities` with `audio`, `prediction`, `web_search_options` | native only |
//! | `user`, `safety_identifier`, `metadata`, `store`, `service_tier`, `prompt_cache_*` | hints |
//! | `frequency_penalty`, `presence_penalty`, `logit_bias`, `verbosity` | hints |
//! | other `modalities`, other `stream_options` | hints |
//! | any field that is not named here | a hint |
//!
//! In answers that are not the provider's own, reasoning is `reasoning_content`; a picture is an element of `images`
//! with a `data:` URL, any other medium the text `[<type>: <handle>]`.

mod answer;
mod conversation;
mod media;
mod read;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod whole;

pub(crate) use media::native;
pub(crate) use read::read;
pub(crate) use stream::Stream;
pub(crate) use whole::Whole;

use crate::at::present;
use crate::{ApiError, ChatCall, ErrorKind};

/// Whether the client knows functions alone, and no tools.
fn is_legacy(call: &ChatCall) -> bool {
    call.body.as_object().is_some_and(|body| present(body, "functions").is_some() && present(body, "tools").is_none())
}

/// The dialect has no other media than pictures in answers.
fn medium_text(uri: &str, content_type: &str) -> String {
    format!("[{content_type}: {uri}]")
}

fn broken(what: &str) -> ApiError {
    ApiError::new(ErrorKind::UpstreamFailed, format!("the answer of the provider is broken: {what}"))
}

fn never_started(index: u32) -> ApiError {
    broken(&format!("call {index} has arguments and was never started"))
}

/// The older form of the dialect has one call in an answer.
fn second_call() -> ApiError {
    broken("it calls several functions, and the request is written for one: name them in `tools`")
}
