//! `GET /readyz`: whether the daemon can do its work now. That it is there is `health`'s to say; nothing is mended here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use creel_policy::ids::PluginId;
use creel_runtime::Host;
use creel_store::Store;
use http::StatusCode;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// Milliseconds within which the database has to answer.
const STORE_MS_MAX: u64 = 1_000;

/// What readiness is seen from.
#[derive(Clone)]
pub(crate) struct Readiness {
    pub(crate) host: Arc<Host>,
    pub(crate) store: Store,
    /// Cancelled as soon as the daemon is told to stop, while answers under way still come to their end.
    pub(crate) leaving: CancellationToken,
}

/// Why a daemon is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Reason {
    /// `stopping`, `plugins` or `database`.
    code: &'static str,
    /// In words, for this machine alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// `GET /readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Ready {
    /// `ready` or `not-ready`.
    status: &'static str,
    reasons: Vec<Reason>,
}

/// What this machine is told.
pub(crate) fn near(readiness: Readiness) -> Router {
    let ready = |State(readiness): State<Readiness>| async move { response(reasons(&readiness).await) };
    Router::new().route("/readyz", get(ready)).with_state(readiness)
}

/// What other machines are told: the kinds of the reasons, which name nothing.
pub(crate) fn far(readiness: Readiness) -> Router {
    let ready = |State(readiness): State<Readiness>| async move {
        let reasons = reasons(&readiness).await.into_iter();
        response(reasons.map(|reason| Reason { detail: None, ..reason }).collect())
    };
    Router::new().route("/readyz", get(ready)).with_state(readiness)
}

fn response(reasons: Vec<Reason>) -> Response {
    let (code, status) = match reasons[..] {
        [] => (StatusCode::OK, "ready"),
        [..] => (StatusCode::SERVICE_UNAVAILABLE, "not-ready"),
    };
    (code, Json(Ready { status, reasons })).into_response()
}

async fn reasons(readiness: &Readiness) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if readiness.leaving.is_cancelled() {
        reasons.push(Reason { code: "stopping", detail: Some("the daemon was told to stop".to_owned()) });
    }
    let knowledge = readiness.host.knowledge();
    let providers = knowledge.plan.providers.values().map(|provider| provider.plugin.clone());
    let channels = knowledge.plan.channels.values().map(|channel| channel.plugin.clone());
    let loaded = readiness.host.plugins().iter().map(|plugin| plugin.id().clone()).collect();
    reasons.extend(plugins(&providers.chain(channels).collect(), &loaded));
    reasons.extend(database(&readiness.store).await);
    reasons
}

/// A plugin that cannot be loaded stops no other, so that a daemon with any of those it uses is ready.
fn plugins(used: &BTreeSet<PluginId>, loaded: &BTreeSet<PluginId>) -> Option<Reason> {
    if used.is_empty() || used.iter().any(|plugin| loaded.contains(plugin)) {
        return None;
    }
    let names: Vec<&str> = used.iter().map(PluginId::as_str).collect();
    let detail = format!("none of the plugins in use is loaded: {}", names.join(", "));
    Some(Reason { code: "plugins", detail: Some(detail) })
}

async fn database(store: &Store) -> Option<Reason> {
    let store = store.clone();
    let asked = tokio::task::spawn_blocking(move || store.media_totals());
    let detail = match tokio::time::timeout(Duration::from_millis(STORE_MS_MAX), asked).await {
        Ok(Ok(Ok(_))) => return None,
        Ok(Ok(Err(error))) => creel_engine::chain(&error),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("the database did not answer within {STORE_MS_MAX} ms"),
    };
    Some(Reason { code: "database", detail: Some(detail) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> BTreeSet<PluginId> {
        names.iter().map(|name| PluginId::parse(name).expect("an id")).collect()
    }

    #[test]
    fn a_daemon_without_any_of_its_plugins_is_not_ready() {
        let check = |used: &[&str], loaded: &[&str], expect: Option<&str>| {
            let detail = plugins(&ids(used), &ids(loaded)).and_then(|reason| reason.detail);
            assert_eq!(detail.as_deref(), expect, "{used:?} {loaded:?}");
        };
        check(&[], &[], None);
        check(&["anthropic"], &["anthropic"], None);
        check(&["anthropic", "signal"], &["signal"], None);
        check(&["anthropic", "signal"], &[], Some("none of the plugins in use is loaded: anthropic, signal"));
        check(&["anthropic"], &["signal"], Some("none of the plugins in use is loaded: anthropic"));
    }

    #[test]
    fn a_reason_makes_the_status() {
        let check = |reasons: Vec<Reason>, expect| assert_eq!(response(reasons).status(), expect);
        check(Vec::new(), StatusCode::OK);
        check(vec![Reason { code: "stopping", detail: None }], StatusCode::SERVICE_UNAVAILABLE);
    }
}
