//! The errors of the Messages API as answers: status, type and text.

use std::fmt;

use serde_json::json;

use crate::answer::Answer;

/// A refusal in the dialect of the service.
#[derive(Debug)]
pub(super) struct ApiError {
    status: u16,
    kind: &'static str,
    message: String,
}

impl ApiError {
    pub(super) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    pub(super) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(401, "authentication_error", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "not_found_error", message)
    }

    pub(super) fn into_answer(self, request_id: &str) -> Answer {
        let error = json!({"type": self.kind, "message": self.message});
        Answer::json(self.status, &json!({"type": "error", "error": error, "request_id": request_id}))
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

/// An error answer for a script, such as `error(500, "api_error", "Internal server error")`.
#[must_use]
pub fn error(status: u16, kind: &str, message: &str) -> Answer {
    let error = json!({"type": kind, "message": message});
    Answer::json(status, &json!({"type": "error", "error": error, "request_id": "req_011CSCRIPTED0000000000"}))
}

/// The 529 that the service gives while it has too much to do.
#[must_use]
pub fn overloaded() -> Answer {
    error(529, "overloaded_error", "Overloaded").header("x-should-retry", "true")
}

/// The 429 of a rate limit, with `retry-after` in seconds.
#[must_use]
pub fn rate_limited(retry_after_s: u64) -> Answer {
    let message = "This request would exceed your organization's rate limit of 50 requests per minute.";
    error(429, "rate_limit_error", message)
        .header("retry-after", &retry_after_s.to_string())
        .header("x-should-retry", "true")
        .header("anthropic-ratelimit-requests-remaining", "0")
}
