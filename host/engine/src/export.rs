//! Sends what the daemon says of itself to the collector that the operator names. No plugin reaches it, nothing that a
//! plugin or a client has said is judged here, and no answer but its status is read.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::added::AddedHeader;
use crate::egress::{Egress, chain};
use crate::engine::EngineError;

/// Milliseconds of one export, all of it: the next one waits for it.
const EXPORT_MS_MAX: u64 = 10_000;

/// Why something was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A header of the operator's has no value, or none that a header can carry.
    #[error("{0}")]
    Header(String),
    /// The collector could not be reached, or did not answer.
    #[error("the collector gave no answer: {0}")]
    Unreachable(String),
    /// It answered, and did not take it.
    #[error("the collector answered with status {status}")]
    Status {
        /// The status of the answer.
        status: u16,
    },
}

impl ExportError {
    /// Whether the same may be taken another time, as OTLP over HTTP says.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Header(_) => false,
            Self::Unreachable(_) => true,
            Self::Status { status } => matches!(status, 429 | 502..=504),
        }
    }
}

/// The way to a collector.
#[derive(Debug)]
pub struct Exporter(Egress);

impl Exporter {
    /// Makes the client. The server is the operator's own choice, so that it may be at an address that is not public.
    ///
    /// # Errors
    ///
    /// [`EngineError::Setup`] when TLS cannot be set up.
    pub fn new() -> Result<Self, EngineError> {
        Egress::new().map(Self)
    }

    /// Posts JSON. A redirect is not followed: the headers may hold a key of the collector.
    ///
    /// # Errors
    ///
    /// [`ExportError`].
    pub async fn post(&self, url: &str, headers: &[AddedHeader], json: String) -> Result<(), ExportError> {
        let mut map = HeaderMap::new();
        for AddedHeader { name, value } in headers {
            let secret = value.as_ref().map_err(|reason| ExportError::Header(reason.clone()))?;
            let value = HeaderValue::from_str(&secret.secret().with_prefix(""));
            let (Ok(name), Ok(mut value)) = (HeaderName::from_bytes(name.as_bytes()), value) else {
                return Err(ExportError::Header(format!("the header `{name}` holds what no header can carry")));
            };
            value.set_sensitive(true);
            map.insert(name, value);
        }
        map.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let sending = self.0.granted.post(url).timeout(Duration::from_millis(EXPORT_MS_MAX)).headers(map).body(json);
        let unreachable = |error: reqwest::Error| ExportError::Unreachable(chain(&error.without_url()));
        let answered = sending.send().await.map_err(unreachable)?;
        if answered.status().is_success() {
            return Ok(());
        }
        Err(ExportError::Status { status: answered.status().as_u16() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_by_itself_is_tried_again() {
        let check = |error: ExportError, expect| assert_eq!(error.passes(), expect, "{error}");
        for (status, expect) in [(400, false), (401, false), (404, false), (429, true), (500, false), (503, true)] {
            check(ExportError::Status { status }, expect);
        }
        check(ExportError::Unreachable("refused".into()), true);
        check(ExportError::Header("the header `x` is missing".into()), false);
    }
}
