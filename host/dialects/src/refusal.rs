//! The errors of the two families of dialects: which status, type and code each kind has, and the body. When there is
//! an error, and what it says, is decided elsewhere.

use serde::Serialize;

use crate::{ApiError, Dialect, ErrorKind, anthropic, sse};

/// Whose errors and lists a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// OpenAI's.
    Openai,
    /// Anthropic's.
    Anthropic,
}

impl Dialect {
    /// The shape of the dialect's errors.
    #[must_use]
    pub fn shape(self) -> Shape {
        match self {
            Self::OpenaiCompletions | Self::OpenaiResponses => Shape::Openai,
            Self::AnthropicMessages => Shape::Anthropic,
        }
    }
}

/// OpenAI's words for an error: type and code.
struct Words(&'static str, Option<&'static str>);

/// Writes an error: the status and the body. OpenAI has the id of the request in a header alone.
#[must_use]
pub fn write_error(shape: Shape, error: &ApiError, request_id: &str) -> (u16, String) {
    let mut body = String::new();
    match shape {
        Shape::Openai => openai(error, &mut body),
        Shape::Anthropic => sse::json(&mut body, &Anthropic::of(error, Some(request_id))),
    }
    (status(shape, error.kind), body)
}

/// Writes the body of an error of OpenAI's, which is the data of a late one too.
pub(crate) fn openai(error: &ApiError, to: &mut String) {
    #[derive(Serialize)]
    struct Envelope<'a> {
        error: Body<'a>,
    }
    #[derive(Serialize)]
    struct Body<'a> {
        message: &'a str,
        #[serde(rename = "type")]
        kind: &'static str,
        param: Option<&'a str>,
        code: Option<&'static str>,
    }
    let Words(kind, code) = openai_words(error.kind);
    let (param, code) = (error.param.as_deref(), error.code.or(code));
    sse::json(to, &Envelope { error: Body { message: &error.message, kind, param, code } });
}

/// An error of Anthropic's: a whole body, or the data of an event.
#[derive(Serialize)]
#[serde(tag = "type", rename = "error")]
pub(crate) struct Anthropic<'a> {
    error: AnthropicBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct AnthropicBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

/// Where the dialect has codes: few of its errors carry any.
#[derive(Serialize)]
struct Details {
    error_code: &'static str,
}

impl<'a> Anthropic<'a> {
    pub(crate) fn of(error: &'a ApiError, request_id: Option<&'a str>) -> Self {
        let details = error.code.or(own_code(error.kind)).map(|error_code| Details { error_code });
        let kind = anthropic::error_type(error.kind);
        Self { error: AnthropicBody { kind, message: &error.message, details }, request_id }
    }
}

fn status(shape: Shape, kind: ErrorKind) -> u16 {
    use ErrorKind as Kind;
    match kind {
        Kind::InvalidRequest | Kind::Unsupported | Kind::ContextTooLong | Kind::ContentRefused => 400,
        Kind::WrongToken => 401,
        Kind::Forbidden => 403,
        Kind::UnknownModel | Kind::NotFound | Kind::UnknownRoute => 404,
        Kind::MethodNotAllowed => 405,
        Kind::TooLarge => 413,
        Kind::OverBudget | Kind::RateLimited => 429,
        Kind::Internal => 500,
        Kind::UpstreamCredentials | Kind::UpstreamFailed => 502,
        Kind::Overloaded if shape == Shape::Anthropic => 529,
        Kind::Overloaded | Kind::Unavailable => 503,
        Kind::TimedOut => 504,
    }
}

/// A code that no provider has, since no provider is a gateway.
fn own_code(kind: ErrorKind) -> Option<&'static str> {
    (kind == ErrorKind::UpstreamCredentials).then_some("upstream_credentials_refused")
}

fn openai_words(kind: ErrorKind) -> Words {
    use ErrorKind as Kind;
    const INVALID: &str = "invalid_request_error";
    const SERVER: &str = "server_error";
    const BUSY: &str = "service_unavailable_error";
    match kind {
        Kind::WrongToken => Words(INVALID, Some("invalid_api_key")),
        Kind::Forbidden => Words(INVALID, Some("permission_denied")),
        Kind::InvalidRequest => Words(INVALID, None),
        Kind::Unsupported => Words(INVALID, Some("unsupported_parameter")),
        Kind::ContextTooLong => Words(INVALID, Some("context_length_exceeded")),
        Kind::ContentRefused => Words(INVALID, Some("content_policy_violation")),
        Kind::UnknownModel => Words(INVALID, Some("model_not_found")),
        Kind::NotFound => Words(INVALID, Some("not_found")),
        Kind::UnknownRoute => Words(INVALID, Some("unknown_url")),
        Kind::MethodNotAllowed => Words(INVALID, Some("method_not_supported")),
        Kind::TooLarge => Words(INVALID, Some("request_too_large")),
        Kind::OverBudget => Words("insufficient_quota", Some("insufficient_quota")),
        Kind::RateLimited => Words("requests", Some("rate_limit_exceeded")),
        Kind::Overloaded => Words(BUSY, Some("server_is_overloaded")),
        Kind::UpstreamCredentials => Words(SERVER, own_code(kind)),
        Kind::UpstreamFailed => Words(SERVER, Some("upstream_failed")),
        Kind::TimedOut => Words(SERVER, Some("timeout")),
        Kind::Unavailable => Words(BUSY, Some("unavailable")),
        Kind::Internal => Words(SERVER, Some("internal_error")),
    }
}
