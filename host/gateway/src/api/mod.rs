//! The API of agents and ordinary clients: the routes, with and without `/v1`, and what each request goes through. What a
//! dialect looks like is `creel_dialects`' to say, who may do what is `creel_policy`'s; nothing is decided here.

mod answer;
mod asking;
mod body;
mod caller;
mod chat;
mod convert;
mod embeddings;
mod failure;
mod files;
mod mcp;
mod media;
mod models;
mod native;
mod request;
mod upload;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use creel_dialects::Dialect;
use creel_runtime::Host;
use creel_store::Store;

use crate::clock;
use crate::metrics::{Metrics, count_requests};

pub(crate) use caller::{Callers, Peer};

/// What the routes work with.
pub(crate) struct Api {
    pub(crate) host: Arc<Host>,
    pub(crate) store: Store,
    pub(crate) callers: Arc<Callers>,
    pub(crate) metrics: Arc<Metrics>,
}

type Shared = Arc<Api>;

/// The routes.
pub(crate) fn router(api: Shared) -> Router {
    let counted = from_fn_with_state(Arc::clone(&api.metrics), count_requests);
    below("/v1")
        .merge(below(""))
        .route("/mcp", mcp::route(&api))
        // Coding agents ask for it before they ask anything else.
        .route("/", get(|| async { "creel\n" }))
        .fallback(answer::no_route)
        .method_not_allowed_fallback(answer::no_method)
        .layer(DefaultBodyLimit::disable())
        .layer(counted)
        .with_state(api)
}

/// The routes of both makers below a prefix. Written out for each: a router inside another costs every request.
fn below(prefix: &str) -> Router<Shared> {
    let at = |path: &str| format!("{prefix}{path}");
    Router::new()
        .route(&at("/chat/completions"), post(chat::completions))
        .route(&at("/responses"), post(chat::responses))
        .route(&at("/messages"), post(chat::messages))
        .route(&at("/messages/count_tokens"), post(chat::count_tokens))
        .route(&at("/embeddings"), post(embeddings::create))
        .route(&at("/models"), get(models::list))
        .route(&at("/models/{*id}"), get(models::retrieve))
        .route(&at("/files"), post(upload::upload).get(files::list))
        .route(&at("/files/{id}"), get(files::retrieve).delete(files::delete))
        .route(&at("/files/{id}/content"), get(files::content))
}

/// Seconds since the Unix epoch.
fn now_s() -> u64 {
    clock::now_ms() / 1_000
}

/// The dialect that a request outside the chat routes speaks, seen from its headers: Anthropic's clients always say which
/// version they speak.
fn dialect_of(headers: &http::HeaderMap) -> Dialect {
    if headers.contains_key("anthropic-version") { Dialect::AnthropicMessages } else { Dialect::OpenaiCompletions }
}
