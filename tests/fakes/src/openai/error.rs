//! The errors of the service and of servers that speak its dialect: status, type, parameter and code.

use std::fmt;

use serde_json::{Value, json};

use super::Variant;
use crate::answer::Answer;

/// A refusal in the dialect of the service.
#[derive(Debug)]
pub(super) struct ApiError {
    status: u16,
    message: String,
    param: Option<String>,
    code: Option<&'static str>,
}

impl ApiError {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None }
    }

    /// A 400 that names no parameter.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// A 401 with the code that the service gives to a key that is not good.
    pub(super) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(401, message).coded("invalid_api_key")
    }

    pub(super) fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub(super) fn coded(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub(super) fn into_answer(self, variant: Variant) -> Answer {
        let kind = "invalid_request_error";
        let body = match variant {
            Variant::OpenAi | Variant::Compatible => error_json(kind, self.code, self.param.as_deref(), &self.message),
            Variant::Vllm => {
                let kind = if self.status == 404 { "NotFoundError" } else { "BadRequestError" };
                json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.status}})
            }
            Variant::OpenRouter => json!({"error": {"code": self.status, "message": self.message}}),
        };
        Answer::json(self.status, &body)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.unwrap_or("invalid_request_error"), self.message)
    }
}

pub(super) fn error_json(kind: &str, code: Option<&str>, param: Option<&str>, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
}

/// An error answer for a script, such as `error(500, "server_error", None, "The server had an error")`.
#[must_use]
pub fn error(status: u16, kind: &str, code: Option<&str>, message: &str) -> Answer {
    Answer::json(status, &error_json(kind, code, None, message))
}

/// The 429 of a rate limit, with `retry-after` in seconds.
#[must_use]
pub fn rate_limited(retry_after_s: u64) -> Answer {
    let message = format!("Rate limit reached for requests. Please try again in {retry_after_s}s.");
    error(429, "requests", Some("rate_limit_exceeded"), &message)
        .header("retry-after", &retry_after_s.to_string())
        .header("x-ratelimit-remaining-requests", "0")
        .header("x-ratelimit-reset-requests", &format!("{retry_after_s}s"))
}

/// The 429 of an account without money, which no retry helps.
#[must_use]
pub fn insufficient_quota() -> Answer {
    let message = "You exceeded your current quota, please check your plan and billing details.";
    error(429, "insufficient_quota", Some("insufficient_quota"), message)
}

/// The 500 of a server that failed.
#[must_use]
pub fn server_error() -> Answer {
    let message = "The server had an error while processing your request. Sorry about that!";
    error(500, "server_error", None, message)
}

/// An error as `OpenRouter` gives it: the code is the status as a number, and the cause stands in `metadata`.
#[must_use]
pub fn openrouter_error(status: u16, message: &str, metadata: &Value) -> Answer {
    Answer::json(status, &json!({"error": {"code": status, "message": message, "metadata": metadata}}))
}
