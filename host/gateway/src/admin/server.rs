//! What the daemon answers on its socket.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use creel_runtime::Host;
use creel_store::Store;
use creel_store::state::StateLock;
use http::{StatusCode, header};
use tokio::net::UnixListener;

use super::SocketPath;
use crate::agents;
use crate::answers::{self, AuthAsked, EgressAsked, MediaAsked, NoAnswerError, RouteAsked, Source};
use crate::reload::Reloader;
use crate::render::{self, Style};
use crate::views::{LoadedPlugin, LoadedView, NoAnswer};

/// What the answers come from.
pub(crate) struct Admin {
    /// The host.
    pub(crate) host: Arc<Host>,
    /// Its store.
    pub(crate) store: Store,
    /// Who answers, and its way to another configuration.
    pub(crate) reloader: Arc<Reloader>,
}

impl Admin {
    /// Answers by what holds now.
    fn answer(&self, ask: impl FnOnce(Source<'_>) -> Result<String, NoAnswerError>) -> Response {
        let (knowledge, answering) = (self.host.knowledge(), self.reloader.answering());
        answer(ask(Source {
            knowledge: &knowledge,
            absent: &answering.absent,
            answerer: &answering.answerer,
            now_ms: self.host.now_ms(),
        }))
    }
}

type Shared = State<Arc<Admin>>;

/// Binds the socket, in place of one that an earlier daemon has left behind.
///
/// # Errors
///
/// What the operating system said.
pub(crate) fn listen(state_dir: &Path, _lock: &StateLock) -> io::Result<UnixListener> {
    let path = SocketPath::of(state_dir)?;
    match std::fs::remove_file(&path.path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(&path.path)?;
    std::fs::set_permissions(&path.path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// The questions.
pub(crate) fn router(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/probe", post(probe))
        .route("/v1/plugins", get(plugins))
        .route("/v1/secrets/audit", get(audit))
        .route("/v1/reload", post(reload))
        .route(agents::RELOAD_PATH, post(reload_agents))
        .route("/v1/explain/auth", get(auth))
        .route("/v1/explain/media", get(media))
        .route("/v1/explain/route", get(route))
        .route("/v1/explain/egress", get(egress))
        .with_state(admin)
}

async fn status(State(admin): Shared) -> Response {
    admin.answer(|source| source.status())
}

async fn probe(State(admin): Shared) -> Response {
    let (knowledge, answering) = (admin.host.knowledge(), admin.reloader.answering());
    let now_ms = admin.host.now_ms();
    let source = Source { knowledge: &knowledge, absent: &answering.absent, answerer: &answering.answerer, now_ms };
    let providers = admin.host.prober().probe(source.providers()).await;
    answer(answers::statuses(&answering.answerer, providers).map_err(NoAnswerError::from))
}

async fn audit(State(admin): Shared) -> Response {
    admin.answer(|source| source.audit())
}

async fn auth(State(admin): Shared, Query(question): Query<AuthAsked>) -> Response {
    admin.answer(|source| source.auth(&question))
}

async fn route(State(admin): Shared, Query(question): Query<RouteAsked>) -> Response {
    admin.answer(|source| source.route(&question))
}

async fn egress(State(admin): Shared, Query(question): Query<EgressAsked>) -> Response {
    admin.answer(|source| source.egress(&question))
}

async fn media(State(admin): Shared, Query(question): Query<MediaAsked>) -> Response {
    let answering = admin.reloader.answering();
    let knowledge = admin.host.knowledge();
    let look_up = move || answers::media((&admin.store, &knowledge.config), &answering.answerer, &question);
    let looked_up = tokio::task::spawn_blocking(look_up);
    match looked_up.await {
        Ok(found) => answer(found),
        Err(error) => no_answer(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

async fn plugins(State(admin): Shared) -> Response {
    let loaded = admin.host.plugins().into_iter().map(|plugin| LoadedPlugin {
        id: plugin.id().to_string(),
        version: plugin.manifest().plugin.version.clone(),
        sha256: plugin.digest().iter().map(|byte| format!("{byte:02x}")).collect(),
    });
    let answerer = admin.reloader.answering().answerer.clone();
    Json(LoadedView { answerer, plugins: loaded.collect() }).into_response()
}

async fn reload(State(admin): Shared) -> Response {
    match admin.reloader.reload().await {
        Ok(view) => Json(view).into_response(),
        Err(error) => no_answer(StatusCode::CONFLICT, render::reasons(&error, Style::Plain)),
    }
}

async fn reload_agents(State(admin): Shared) -> Response {
    match admin.reloader.reload_agents().await {
        Ok(()) => Json(serde_json::json!({})).into_response(),
        Err(error) => no_answer(StatusCode::INTERNAL_SERVER_ERROR, render::reasons(&error, Style::Plain)),
    }
}

fn answer(found: Result<String, NoAnswerError>) -> Response {
    match found {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(NoAnswerError::Question(bad)) => no_answer(StatusCode::BAD_REQUEST, bad.to_string()),
        Err(error @ (NoAnswerError::Media(_) | NoAnswerError::Write(_))) => {
            no_answer(StatusCode::INTERNAL_SERVER_ERROR, creel_engine::chain(&error))
        }
    }
}

fn no_answer(status: StatusCode, error: String) -> Response {
    (status, Json(NoAnswer { error })).into_response()
}
