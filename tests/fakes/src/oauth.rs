//! A strict fake of a token endpoint (RFC 6749, section 6, written as JSON): each refresh token is good once, and is
//! replaced with the answer.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use http::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::exchange::{Recorded, lock};
use crate::running::{self, Running};
use crate::wire::{Service, Verdict};

/// Where tokens are renewed.
pub const PATH: &str = "/v1/oauth/token";

/// What one renewal gives.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The access token.
    pub access: String,
    /// The refresh token of the next renewal.
    pub refresh: String,
    /// Seconds that the access token lasts.
    pub expires_in: u64,
}

/// The fake.
pub struct TokenEndpoint {
    client_id: String,
    refresh: Mutex<String>,
    grants: Mutex<Vec<Grant>>,
}

impl TokenEndpoint {
    /// Starts one that knows a client and its refresh token, and gives `grants` in turn.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub async fn start(client_id: &str, refresh: &str, grants: Vec<Grant>) -> io::Result<Running<Self>> {
        let (client_id, refresh) = (client_id.to_owned(), Mutex::new(refresh.to_owned()));
        running::start(Self { client_id, refresh, grants: Mutex::new(grants) }).await
    }

    fn check(&self, request: &Recorded) -> Result<Answer, (u16, &'static str, String)> {
        let malformed = |why: &str| (400, "invalid_request", why.to_owned());
        if request.method != Method::POST || request.path != PATH || request.query.is_some() {
            return Err((404, "invalid_request", "there is nothing but `POST /v1/oauth/token`".to_owned()));
        }
        if let Some(fault) = request.framing_fault() {
            return Err(malformed(fault));
        }
        if request.content_type().as_deref() != Some("application/json") {
            return Err(malformed("the content-type is not `application/json`"));
        }
        for header in ["authorization", "x-api-key", "cookie", "anthropic-beta"] {
            if request.headers.contains_key(header) {
                return Err(malformed(&format!("`{header}` does not belong here")));
            }
        }
        let body: BTreeMap<String, Value> =
            serde_json::from_slice(&request.body).map_err(|error| malformed(&error.to_string()))?;
        if body.keys().map(String::as_str).ne(["client_id", "grant_type", "refresh_token"]) {
            return Err(malformed("other parameters than `client_id`, `grant_type` and `refresh_token`"));
        }
        if body["grant_type"] != "refresh_token" {
            return Err((400, "unsupported_grant_type", "the grant is not `refresh_token`".to_owned()));
        }
        if body["client_id"] != *self.client_id {
            return Err((401, "invalid_client", "another client".to_owned()));
        }
        let mut refresh = lock(&self.refresh);
        let mut grants = lock(&self.grants);
        if body["refresh_token"] != **refresh || grants.is_empty() {
            return Err((400, "invalid_grant", "the refresh token is not good, or no more".to_owned()));
        }
        let Grant { access, refresh: next, expires_in } = grants.remove(0);
        refresh.clone_from(&next);
        let answer =
            json!({"token_type": "Bearer", "access_token": access, "refresh_token": next, "expires_in": expires_in});
        Ok(Answer::json(200, &answer))
    }
}

impl Service for TokenEndpoint {
    fn answer(&self, request: &Recorded) -> Verdict {
        match self.check(request) {
            Ok(answer) => Verdict::good(answer),
            Err((status, code, why)) => {
                let said = format!("{why}: {}", String::from_utf8_lossy(&request.body));
                Verdict::refused(Answer::json(status, &json!({"error": code, "error_description": said})), why)
            }
        }
    }
}
