//! Asks a daemon over its socket. That there is none is an answer too.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::UnixStream;

use super::SocketPath;
use crate::views::NoAnswer;

/// How long a daemon may take: it answers from memory, and looks one medium up at most.
const ANSWER_MS_MAX: u64 = 10_000;
/// How long a reload may take: it asks commands for secrets, and may compile a plugin.
const RELOAD_MS_MAX: u64 = 300_000;
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A daemon that listens.
pub(crate) struct Client {
    stream: UnixStream,
}

/// A daemon did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// The socket is there and cannot be used.
    #[error("could not reach the daemon")]
    Connect(#[source] io::Error),
    /// The question did not get there, or the answer did not come back.
    #[error("the daemon did not answer")]
    Exchange(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("the daemon did not answer within {milliseconds} ms")]
    TimedOut {
        /// The bound.
        milliseconds: u64,
    },
    /// It said no.
    #[error("the daemon could not answer: {said}")]
    Refused {
        /// In its words.
        said: String,
    },
}

impl Client {
    /// Connects to the daemon of a state directory; `None` where none is running.
    ///
    /// # Errors
    ///
    /// [`AdminError::Connect`].
    pub(crate) async fn connect(state_dir: &Path) -> Result<Option<Self>, AdminError> {
        let connected = async {
            let path = SocketPath::of(state_dir)?;
            UnixStream::connect(&path.path).await
        };
        match connected.await {
            Ok(stream) => Ok(Some(Self { stream })),
            // No socket, or one that a daemon has left behind.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(AdminError::Connect(error)),
        }
    }

    /// Asks one question; `path` begins with `/v1/`. Gives the answer's JSON as it came.
    ///
    /// # Errors
    ///
    /// [`AdminError`].
    pub(crate) async fn ask(self, path: &str, query: &[(&str, &str)]) -> Result<String, AdminError> {
        self.within(ANSWER_MS_MAX, Method::GET, with_query(path, query)).await
    }

    /// Tells it to do something; `path` begins with `/v1/`. Gives what came of it as JSON.
    ///
    /// # Errors
    ///
    /// [`AdminError`].
    pub(crate) async fn tell(self, path: &str) -> Result<String, AdminError> {
        self.within(RELOAD_MS_MAX, Method::POST, path.to_owned()).await
    }

    async fn within(self, milliseconds: u64, method: Method, path: String) -> Result<String, AdminError> {
        let exchange = self.exchange(method, path);
        let bounded = tokio::time::timeout(Duration::from_millis(milliseconds), exchange).await;
        bounded.map_err(|_| AdminError::TimedOut { milliseconds })?
    }

    async fn exchange(self, method: Method, path: String) -> Result<String, AdminError> {
        let failed = |error: hyper::Error| AdminError::Exchange(error.into());
        let io = TokioIo::new(self.stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.map_err(failed)?;
        // Ends with the exchange, and what goes wrong with it is seen there.
        let connection = tokio::spawn(connection);
        let request = http::Request::builder().method(method).uri(path).header(http::header::HOST, "creel");
        let request = request.body(Empty::<Bytes>::new());
        let request = request.map_err(|error| AdminError::Exchange(error.into()))?;
        let response = sender.send_request(request).await.map_err(failed)?;
        let is_answer = response.status().is_success();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let bytes = body.map_err(AdminError::Exchange)?.to_bytes();
        connection.abort();
        let text = String::from_utf8(bytes.to_vec()).map_err(|error| AdminError::Exchange(error.into()))?;
        if is_answer {
            return Ok(text);
        }
        let said = serde_json::from_str::<NoAnswer>(&text).map(|no| no.error);
        Err(AdminError::Refused { said: said.unwrap_or_else(|_| "it does not know the question".to_owned()) })
    }
}

fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded() {
        assert_eq!(with_query("/v1/status", &[]), "/v1/status");
        let query = [("reference", "file:///a b&c=é+"), ("x", "")];
        assert_eq!(with_query("/v1/x", &query), "/v1/x?reference=file%3A%2F%2F%2Fa%20b%26c%3D%C3%A9%2B&x=");
    }

    #[tokio::test]
    async fn no_daemon_is_an_answer() {
        let temp = tempfile::tempdir().expect("a directory");
        assert!(Client::connect(temp.path()).await.is_ok_and(|client| client.is_none()));
        assert!(Client::connect(&temp.path().join("none")).await.is_ok_and(|client| client.is_none()));
        // A daemon that was killed leaves its socket behind.
        drop(std::os::unix::net::UnixListener::bind(temp.path().join("admin.sock")).expect("a socket"));
        assert!(Client::connect(temp.path()).await.is_ok_and(|client| client.is_none()));
    }
}
