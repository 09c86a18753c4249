//! What every request of a client has: a name, a beginning, a dialect to be answered in, and a caller. Reads the body within
//! its bound.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Multipart;
use bytes::Bytes;
use creel_dialects::{ApiError, Dialect, ErrorKind, Shape};
use creel_runtime::entropy;
use http::{HeaderMap, header};
use tokio::time::Instant;

use crate::clock;
use crate::metrics::Asking;
use crate::telemetry::Parent;

/// Bytes of a request's body: the largest request with its media as base64 that a provider takes.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

/// How long a client that is refused may go on sending: the bound of HTTP servers on a lingering close.
const UNWANTED_MAX: Duration = Duration::from_secs(5);

/// A request that is being answered.
pub(super) struct Asked {
    /// Names it in logs, headers and errors.
    pub(super) id: String,
    /// When its head was there.
    pub(super) begun: Instant,
    /// The same moment in milliseconds since 1970.
    at_ms: u64,
    /// How it is answered.
    pub(super) shape: Shape,
}

impl Asked {
    /// A request that has just come in.
    pub(super) fn new(dialect: Dialect) -> Self {
        let id = format!("req_{:016x}{:016x}", entropy(), entropy());
        Self { id, begun: Instant::now(), at_ms: clock::now_ms(), shape: dialect.shape() }
    }

    /// What is said of it while a model is asked.
    pub(super) fn asking(&self, operation: &'static str, model: &str, headers: &HeaderMap) -> Asking {
        Asking {
            operation,
            model: model.to_owned(),
            request: self.id.clone(),
            parent: Parent::of(headers),
            at_ms: self.at_ms,
            begun: self.begun,
        }
    }

    /// Microseconds since then.
    pub(super) fn elapsed_us(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The same for a route outside the chats, whose dialect its headers tell.
    pub(super) fn by(headers: &HeaderMap) -> Self {
        Self::new(super::dialect_of(headers))
    }
}

/// Reads the whole body.
pub(super) async fn whole(body: Body) -> Result<Bytes, ApiError> {
    use http_body_util::{BodyExt as _, LengthLimitError, Limited};
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::new(
            ErrorKind::TooLarge,
            format!("the body has more than {BODY_BYTES_MAX} bytes; upload large media with `POST /v1/files`"),
        )),
        Err(error) => {
            Err(ApiError::new(ErrorKind::InvalidRequest, format!("the body did not come to its end: {error}")))
        }
    }
}

/// Reads to its end what a client sends though it is refused, within bounds. A connection that is closed while the client
/// still writes takes the refusal with it: the client sees a connection that broke, and tries again. Whoever asks before
/// it sends (`expect`) is told no at once and sends nothing.
pub(super) async fn read_out(headers: &HeaderMap, mut body: Body) {
    use http_body_util::BodyExt as _;
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let mut bytes = 0;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > BODY_BYTES_MAX {
                break;
            }
        }
    };
    if tokio::time::timeout(UNWANTED_MAX, reading).await.is_err() {
        tracing::debug!("a client that was refused took too long to send its request");
    }
}

/// The same of what is left of a form.
pub(super) async fn read_out_form(mut multipart: Multipart) {
    let mut bytes = 0;
    let reading = async {
        while let Ok(Some(mut field)) = multipart.next_field().await {
            while let Ok(Some(piece)) = field.chunk().await {
                bytes += piece.len();
                if bytes > BODY_BYTES_MAX {
                    return;
                }
            }
        }
    };
    if tokio::time::timeout(UNWANTED_MAX, reading).await.is_err() {
        tracing::debug!("a client that was refused took too long to send its form");
    }
}
