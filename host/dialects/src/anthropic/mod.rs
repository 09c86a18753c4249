//! Anthropic's messages: `POST /v1/messages` and its `count_tokens`. What a provider of the same dialect is sent is
//! the body as it came; this page says what becomes of it for any other. It knows no provider, and no plugin but for
//! the one word [`REDACTED_PREFIX`].
//!
//! A field that only tunes is a hint, and a provider of another dialect goes without it. What changes the meaning of
//! the request is put into [`ChatCall::native_only`], so that no such provider is asked. What nobody could read is
//! refused.
//!
//! | field | for a provider of another dialect |
//! | --- | --- |
//! | `system`, `messages` | system messages first; results of tools are messages of [`crate::Role::Tool`] |
//! | blocks `text`, `image`, `document`, `tool_use`, `tool_result` | said; titles and contexts are text |
//! | block `tool_reference` in a result | the tool's name as text |
//! | blocks `thinking`, `redacted_thinking` | reasoning with its signature |
//! | `citations.enabled` of a document | native only |
//! | blocks of any other type (`server_tool_use`, `search_result`, …) | native only |
//! | `tools` of the type `custom` or none | said, without `strict`, `defer_loading`, `input_examples` |
//! | `tools` of the type `tool_search_tool_*` | left out: all tools are offered at once |
//! | `tools` of any other type | native only |
//! | `tool_choice`, `max_tokens`, `temperature`, `top_p`, `stop_sequences`, `stream` | said |
//! | `output_config.effort` | said; `xhigh` and `max` become `high` |
//! | `thinking` `enabled` | by `budget_tokens`: to 1,024 `minimal`, to 2,048 `low`, to 8,192 `medium`, else `high` |
//! | `thinking` `disabled` | effort `none`, whatever `output_config` says |
//! | `thinking` `adaptive` | the effort of `output_config`, or none |
//! | `output_config.format`, `output_format` | said |
//! | `mcp_servers`, `container`, `inference_geo` | native only |
//! | `cache_control`, `context_management`, `metadata`, `service_tier`, `speed`, `top_k` | hints |
//! | any field that is not named here | a hint |
//!
//! In answers that are not the provider's own, reasoning is shown to whoever asked for thinking; a medium is the text
//! `[<type>: <handle>]`; a stop sequence that was met is `end_turn`, since no provider of another dialect says which
//! it was.

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
pub(crate) use read::{read, read_count};
pub(crate) use stream::Stream;
pub(crate) use whole::Whole;

use crate::{ApiError, ChatCall, ErrorKind};

/// Begins the signature of a thought that its provider keeps to itself, in the words of plugins.
const REDACTED_PREFIX: &str = "redacted:";

fn asks_for_thinking(call: &ChatCall) -> bool {
    let kind = call.body.pointer("/thinking/type").and_then(|kind| kind.as_str());
    matches!(kind, Some("enabled" | "adaptive"))
}

/// The dialect has no media in answers.
fn medium_text(uri: &str, content_type: &str) -> String {
    format!("[{content_type}: {uri}]")
}

/// The dialect's word for an error.
pub(crate) fn error_type(kind: ErrorKind) -> &'static str {
    use ErrorKind as Kind;
    match kind {
        Kind::WrongToken => "authentication_error",
        Kind::Forbidden => "permission_error",
        Kind::InvalidRequest
        | Kind::Unsupported
        | Kind::ContextTooLong
        | Kind::ContentRefused
        | Kind::MethodNotAllowed => "invalid_request_error",
        Kind::UnknownModel | Kind::NotFound | Kind::UnknownRoute => "not_found_error",
        Kind::TooLarge => "request_too_large",
        Kind::OverBudget | Kind::RateLimited => "rate_limit_error",
        Kind::Overloaded => "overloaded_error",
        Kind::TimedOut => "timeout_error",
        Kind::UpstreamCredentials | Kind::UpstreamFailed | Kind::Unavailable | Kind::Internal => "api_error",
    }
}

fn broken(what: &str) -> ApiError {
    ApiError::new(ErrorKind::UpstreamFailed, format!("the answer of the provider is broken: {what}"))
}
