//! What the daemon says of itself over HTTP: that it is there. Whether it can work is `ready`'s to say. A browser that was
//! tricked into asking (DNS rebinding) is told nothing, and another machine no more than that it is there.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use creel_runtime::Host;
use http::{StatusCode, header};
use serde::Serialize;

use crate::views::Daemon;

/// `GET /healthz`.
#[derive(Clone, Serialize)]
struct Health {
    status: &'static str,
    version: String,
    pid: u32,
    plugins: Vec<String>,
    channels: Vec<String>,
}

/// What this machine is told; `others` are routes that no other may reach.
pub(crate) fn near(host: Arc<Host>, daemon: &Daemon, bound: SocketAddr, others: Router) -> Router {
    let (version, pid) = (daemon.version.clone(), daemon.pid);
    let health = move || Health {
        status: "ok",
        version: version.clone(),
        pid,
        plugins: host.plugins().iter().map(|plugin| plugin.id().to_string()).collect(),
        channels: host.knowledge().plan.channels.keys().map(ToString::to_string).collect(),
    };
    let checked = move |request: Request, next: Next| check_host(bound, request, next);
    let health = get(move || std::future::ready(Json(health())));
    Router::new().route("/healthz", health).merge(others).layer(from_fn(checked))
}

/// What other machines are told.
pub(crate) fn far() -> Router {
    Router::new().route("/healthz", get(|| async { Json(serde_json::json!({ "status": "ok" })) }))
}

async fn check_host(bound: SocketAddr, request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    if named.is_some_and(|named| is_own_name(named, bound)) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "the host of the request is not this daemon\n").into_response()
    }
}

/// Whether a `Host` header names this machine or the address that is listened on. Any other name may have been pointed
/// here by whoever owns it.
fn is_own_name(named: &str, bound: SocketAddr) -> bool {
    let Ok(authority) = named.parse::<http::uri::Authority>() else { return false };
    if authority.as_str().contains('@') || authority.port_u16().is_some_and(|port| port != bound.port()) {
        return false;
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback() || ip == bound.ip(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(named: &str, expect: bool) {
        for bound in ["127.0.0.1:18790", "[::1]:18790"] {
            let bound = bound.parse().expect("an address");
            assert_eq!(is_own_name(named, bound), expect, "{named} on {bound}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        check("localhost:18790", true);
        check("LOCALHOST", true);
        check("127.0.0.1:18790", true);
        check("127.0.0.1", true);
        check("[::1]:18790", true);
        check("[::ffff:127.0.0.1]:18790", true);
        check("localhost:18791", false);
        check("localhost.evil.example:18790", false);
        check("evil.example:18790", false);
        check("evil@localhost:18790", false);
        check("192.168.1.2:18790", false);
        check("", false);
    }

    #[test]
    fn the_bound_address_is_a_name_of_this_machine() {
        let bound = "192.168.1.2:80".parse().expect("an address");
        assert!(is_own_name("192.168.1.2", bound));
        assert!(!is_own_name("192.168.1.3", bound));
    }
}
