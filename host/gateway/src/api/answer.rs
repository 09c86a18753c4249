//! Responses with what every one of them has: the name of the request, and for a model's answer the way it took.

use axum::body::Body;
use axum::response::Response;
use creel_dialects::{ApiError, ErrorKind, write_error};
use creel_runtime::{Attempt, Unanswered, trail};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

use super::failure;
use super::request::{Asked, read_out};

/// The name of the request, as OpenAI's clients and Anthropic's look for it.
const REQUEST_ID: [HeaderName; 2] = [HeaderName::from_static("x-request-id"), HeaderName::from_static("request-id")];
/// Every model that was asked, with what came of it.
const ROUTE: HeaderName = HeaderName::from_static("x-creel-route");
/// Tries, the last among them.
const ATTEMPTS: HeaderName = HeaderName::from_static("x-creel-attempts");
/// Microseconds that were not spent waiting for the provider.
const OVERHEAD: HeaderName = HeaderName::from_static("x-creel-overhead-us");

/// The way that a request took.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    /// E.g. `ollama/glm-5=overloaded, anthropic/claude-haiku-4-5=ok`.
    route: String,
    attempts: usize,
}

impl Trail {
    /// Of an answer: the tries before it, and who gave it.
    pub(super) fn of(attempts: &[Attempt], answered: Option<&str>) -> Self {
        let asked = attempts.iter().filter(|one| !one.skipped).count();
        Self { route: trail(attempts, answered), attempts: asked + usize::from(answered.is_some()) }
    }

    /// For the log.
    pub(super) fn as_str(&self) -> &str {
        &self.route
    }
}

/// A response of JSON.
pub(super) fn json(asked: &Asked, json: String) -> Response {
    response(asked, StatusCode::OK, "application/json", Body::from(json))
}

/// What a handler came to: JSON, or an error in the dialect of whoever asked.
pub(super) fn of(asked: &Asked, outcome: Result<String, ApiError>) -> Response {
    match outcome {
        Ok(text) => json(asked, text),
        Err(refusal) => error(asked, &refusal),
    }
}

/// A response of any type.
pub(super) fn response(asked: &Asked, status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&asked.id) {
        for name in REQUEST_ID {
            headers.insert(name, id.clone());
        }
    }
    response
}

/// Puts the way that a request took on its response.
pub(super) fn with_trail(mut response: Response, trail: &Trail, overhead_us: u64) -> Response {
    let headers = response.headers_mut();
    if let Ok(route) = HeaderValue::from_str(&trail.route) {
        headers.insert(ROUTE, route);
    }
    headers.insert(ATTEMPTS, HeaderValue::from(trail.attempts));
    headers.insert(OVERHEAD, HeaderValue::from(overhead_us));
    response
}

/// A refusal or failure in the dialect of whoever asked.
pub(super) fn error(asked: &Asked, error: &ApiError) -> Response {
    let (status, body) = write_error(asked.shape, error, &asked.id);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = response(asked, status, "application/json", Body::from(body));
    let headers = response.headers_mut();
    if let Some(seconds) = error.retry_after_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if error.kind == ErrorKind::WrongToken {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if matches!(error.kind, ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::UpstreamCredentials) {
        // Clients retry some of these by themselves; it would not help.
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    response
}

/// Nobody answered.
pub(super) fn unanswered(asked: &Asked, unanswered: &Unanswered) -> Response {
    let response = error(asked, &failure::unanswered(unanswered));
    let elapsed = asked.elapsed_us();
    with_trail(response, &Trail::of(&unanswered.attempts, None), elapsed)
}

/// Nothing is here.
pub(super) async fn no_route(uri: Uri, headers: HeaderMap, body: Body) -> Response {
    read_out(&headers, body).await;
    let path: String = uri.path().chars().take(200).collect();
    let asked = Asked::by(&headers);
    let message = format!(
        "there is no route `{path}`; this gateway serves /v1/chat/completions, /v1/responses, /v1/messages, /v1/embeddings, /v1/models, /v1/files and /mcp"
    );
    error(&asked, &ApiError::new(ErrorKind::UnknownRoute, message))
}

/// Something is here, for another method.
pub(super) async fn no_method(method: Method, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    read_out(&headers, body).await;
    let path: String = uri.path().chars().take(200).collect();
    let asked = Asked::by(&headers);
    error(&asked, &ApiError::new(ErrorKind::MethodNotAllowed, format!("`{path}` does not take {method}")))
}
