//! OpenAI's responses: `POST /v1/responses`. What a provider of the same dialect is sent is the body as it came; this
//! page says what becomes of it for any other. It knows no provider and no plugin.
//!
//! A field that only tunes is a hint, and a provider of another dialect goes without it. What changes the meaning of
//! the request is put into [`crate::ChatCall::native_only`], so that no such provider is asked. What nobody could
//! read is refused.
//!
//! | field | for a provider of another dialect |
//! | --- | --- |
//! | `instructions`, messages of the roles `system` and `developer` | system messages, before all others |
//! | messages with `input_text`, `output_text`, `refusal`, `input_image`, `input_file` | said |
//! | items `function_call`, `function_call_output` | said; calls, thoughts and words of one answer are one message |
//! | items `reasoning` | reasoning with `encrypted_content` as its signature |
//! | `item_reference`, `previous_response_id`, `conversation`, `prompt`, `background` | native only: nothing is kept |
//! | items and parts of any other type (`local_shell_call`, `input_audio`, …) | native only |
//! | `tools` of the type `function` | said, without `strict` |
//! | `tools` of any other type (`web_search`, `custom`, …) | left out beside functions, else native only |
//! | `tool_choice` | said; of `allowed_tools` the others are taken away; a tool that is no function is native only |
//! | `parallel_tool_calls`, `max_output_tokens`, `temperature`, `top_p`, `stream`, `text.format` | said |
//! | `reasoning.effort` | said; `xhigh` and `max` become `high` |
//! | `include` of log probabilities, `top_logprobs` | native only |
//! | `store`, any other `include`, `metadata`, `prompt_cache_key`, `service_tier` | hints |
//! | `reasoning.summary`, `text.verbosity`, `truncation`, `max_tool_calls`, `stream_options`, `user` | hints |
//! | any field that is not named here | a hint |
//!
//! Why tools may be left out: coding agents offer hosted tools and such of their own kind beside the functions that
//! do their work, and are of use without them. Where such a tool is all there is, or is chosen by name, or was called
//! before, its loss would change what is asked.
//!
//! In answers that are not the provider's own, reasoning is an item with one summary; a picture is an item
//! `image_generation_call`, any other medium the text `[<type>: <handle>]`; `store` is false.

mod answer;
mod conversation;
mod events;
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

use crate::{ApiError, ErrorKind};

/// The dialect has no other media than pictures in answers.
fn medium_text(uri: &str, content_type: &str) -> String {
    format!("[{content_type}: {uri}]")
}

fn broken(what: &str) -> ApiError {
    ApiError::new(ErrorKind::UpstreamFailed, format!("the answer of the provider is broken: {what}"))
}
