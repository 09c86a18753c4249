//! What a tool says, and how a client is told of a refusal or failure: in words that a model can act on, with a code for
//! programs.

use creel_dialects::{ApiError, ErrorKind};
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::{Value, json};

/// What a tool says.
pub(super) struct Said {
    /// For whoever reads; `None`: the value itself.
    text: Option<String>,
    /// For programs.
    value: Value,
}

impl Said {
    /// A value that speaks for itself.
    pub(super) fn value(value: &impl Serialize) -> Result<Self, ApiError> {
        let value = serde_json::to_value(value).map_err(|error| crate::api::media::internal(&error))?;
        Ok(Self { text: None, value })
    }

    /// A text, and what belongs to it.
    pub(super) fn text(text: String, value: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self { text: Some(text), ..Self::value(value)? })
    }
}

/// The result of a call. A refusal is one too: a client that is told so can do something else, while an error of the
/// protocol is hidden by many of them.
pub(super) fn result(said: Result<Said, ApiError>) -> CallToolResult {
    match said {
        Ok(Said { text: None, value }) => CallToolResult::structured(value),
        Ok(Said { text: Some(text), value }) => {
            let mut result = CallToolResult::structured(value);
            result.content = vec![ContentBlock::text(text)];
            result
        }
        Err(error) => {
            let code = error.code.unwrap_or_else(|| code(error.kind));
            let mut text = error.message.clone();
            if let Some(param) = &error.param {
                text = format!("{param}: {text}");
            }
            if let Some(seconds) = error.retry_after_seconds {
                text = format!("{text} (another try makes sense in {seconds} s)");
            }
            let mut result = CallToolResult::structured_error(json!({
                "error": { "code": code, "message": error.message, "argument": error.param,
                    "retry_after_seconds": error.retry_after_seconds },
            }));
            result.content = vec![ContentBlock::text(text)];
            result
        }
    }
}

fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::WrongToken => "wrong_token",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::InvalidRequest => "invalid_arguments",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::ContextTooLong => "context_too_long",
        ErrorKind::ContentRefused => "content_refused",
        ErrorKind::UnknownModel => "no_such_model",
        ErrorKind::NotFound | ErrorKind::UnknownRoute | ErrorKind::MethodNotAllowed => "not_found",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::OverBudget => "over_budget",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::Overloaded => "overloaded",
        ErrorKind::UpstreamCredentials => "upstream_credentials",
        ErrorKind::UpstreamFailed => "upstream_failed",
        ErrorKind::TimedOut => "timed_out",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_result_that_says_why() {
        let error = ApiError {
            retry_after_seconds: Some(7),
            ..ApiError::new(ErrorKind::OverBudget, "`tokensPerDay` of the agent's grant is 5").about("media[0]")
        };
        let result = serde_json::to_value(result(Err(error))).expect("it is JSON");
        assert_eq!(result["isError"], true);
        let text = "media[0]: `tokensPerDay` of the agent's grant is 5 (another try makes sense in 7 s)";
        assert_eq!(result["content"][0]["text"], text);
        assert_eq!(result["structuredContent"]["error"]["code"], "over_budget");
        assert_eq!(result["structuredContent"]["error"]["retry_after_seconds"], 7);
    }

    #[test]
    fn a_text_stands_before_what_belongs_to_it() {
        let said = Said::text("a cat".to_owned(), &json!({ "answer": "a cat", "model": "a/b" })).expect("it is JSON");
        let result = serde_json::to_value(result(Ok(said))).expect("it is JSON");
        assert_eq!(result["content"][0]["text"], "a cat");
        assert_eq!(result["structuredContent"]["model"], "a/b");
        assert_eq!(result["isError"], false);
    }
}
