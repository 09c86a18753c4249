//! `GET /metrics` and the counting of requests. This machine may read the metrics, another one with the gateway's own token
//! and only where the operator says so.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use creel_engine::Engine;
use creel_runtime::Host;
use creel_store::Store;
use http::{HeaderMap, StatusCode, header};

use super::Metrics;
use super::scrape::{self, Now};
use crate::api::Callers;

/// The text that is answered.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Milliseconds that the database may take; without its answer the rest is told.
const STORE_MS_MAX: u64 = 1_000;

/// What the routes read.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) host: Arc<Host>,
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) callers: Arc<Callers>,
}

/// What this machine may read.
pub(crate) fn near(reading: Reading) -> Router {
    Router::new().route("/metrics", get(read_near)).with_state(reading)
}

/// What other machines may read.
pub(crate) fn far(reading: Reading) -> Router {
    Router::new().route("/metrics", get(read_far)).with_state(reading)
}

async fn read_near(State(reading): State<Reading>) -> Response {
    if !reading.host.knowledge().config.gateway.metrics.enabled {
        return nothing();
    }
    read(&reading).await
}

async fn read_far(State(reading): State<Reading>, headers: HeaderMap) -> Response {
    let config = reading.host.knowledge().config.gateway.metrics;
    if !(config.enabled && config.public) {
        return nothing();
    }
    if !reading.callers.is_operator(&headers) {
        let message = "the metrics need the gateway's own token, as `Authorization: Bearer <token>`\n";
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], message).into_response();
    }
    read(&reading).await
}

fn nothing() -> Response {
    (StatusCode::NOT_FOUND, "there are no metrics here\n").into_response()
}

async fn read(reading: &Reading) -> Response {
    let store = reading.store.clone();
    let totals = tokio::task::spawn_blocking(move || store.media_totals());
    let totals = tokio::time::timeout(Duration::from_millis(STORE_MS_MAX), totals).await;
    let media = match totals {
        Ok(Ok(Ok(totals))) => Some(totals),
        Ok(Ok(Err(error))) => {
            tracing::warn!(error = %creel_engine::chain(&error), "the media could not be counted");
            None
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "the media could not be counted");
            None
        }
        Err(_) => None,
    };
    let now = Now {
        places: reading.engine.places(),
        plugins: reading.engine.plugin_counts(),
        media,
        resting: reading.host.knowledge().resting(reading.host.now_ms()),
    };
    match scrape::text(&reading.metrics, now) {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Counts a request with the status of its answer.
pub(crate) async fn count_requests(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let dialect = dialect(request.uri().path());
    let response = next.run(request).await;
    metrics.answered(dialect, response.status().as_u16());
    response
}

/// The dialect of a chat by its path, or the route; `other` for whatever a client makes up.
fn dialect(path: &str) -> &'static str {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let first = path.strip_prefix('/').unwrap_or(path).split('/').next().unwrap_or_default();
    match (path, first) {
        ("/chat/completions", _) => "openai-completions",
        ("/responses", _) => "openai-responses",
        ("/messages", _) => "anthropic-messages",
        ("/messages/count_tokens", _) => "count-tokens",
        ("/embeddings", _) => "embeddings",
        (_, "models") => "models",
        (_, "files") => "files",
        (_, "mcp") => "mcp",
        (_, _) => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_counted_under_one_of_a_few_names() {
        let check = |path, expect| assert_eq!(dialect(path), expect, "{path}");
        check("/v1/chat/completions", "openai-completions");
        check("/chat/completions", "openai-completions");
        check("/v1/responses", "openai-responses");
        check("/v1/messages", "anthropic-messages");
        check("/v1/messages/count_tokens", "count-tokens");
        check("/v1/embeddings", "embeddings");
        check("/v1/models", "models");
        check("/v1/models/anthropic/claude-haiku-4-5", "models");
        check("/v1/files/file-1/content", "files");
        check("/mcp", "mcp");
        check("/", "other");
        check("", "other");
        check("/v1/chat/completions/", "other");
        check("/modelsx", "other");
        check("/v1v1/models", "other");
    }
}
