//! The raw client that the tests of the fakes use: exact bytes out, exact bytes in, and whether the body broke off.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::Running;

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    target: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    is_chunked: bool,
}

impl Call {
    pub(crate) fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    pub(crate) fn post(target: &str, body: &Value) -> Self {
        let mut call = Self::new(Method::POST, target).header("content-type", "application/json");
        call.body = body.to_string().into();
        call
    }

    pub(crate) fn new(method: Method, target: &str) -> Self {
        let (headers, body) = (Vec::new(), Bytes::new());
        Self { method, target: target.to_owned(), headers, body, is_chunked: false }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn chunked(mut self) -> Self {
        self.is_chunked = true;
        self
    }

    /// Sends and reads the whole answer.
    pub(crate) async fn send<F>(self, running: &Running<F>) -> Got {
        self.open(running).await.rest().await
    }

    /// Sends, and leaves the body to be read.
    pub(crate) async fn open<F>(self, running: &Running<F>) -> Open {
        self.try_open(running.address()).await.unwrap()
    }

    pub(crate) async fn try_open(self, address: SocketAddr) -> Result<Open, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(async move { drop(connection.await) });
        let mut request = Request::builder().method(self.method).uri(self.target);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            request = request.header("host", address.to_string());
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let body = match self.is_chunked {
            true => {
                let frame = Ok::<_, std::convert::Infallible>(Frame::data(self.body));
                StreamBody::new(futures_util::stream::iter([frame])).boxed()
            }
            false => Full::new(self.body).boxed(),
        };
        let request = request.body(body).unwrap();
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        Ok(Open { status: head.status, headers: head.headers, body, connection })
    }
}

/// An answer whose body is being read. Dropping it hangs up.
pub(crate) struct Open {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    body: Incoming,
    connection: JoinHandle<()>,
}

impl Open {
    /// The next bytes; none at the end, an error where the body broke off.
    pub(crate) async fn chunk(&mut self) -> Result<Option<String>, String> {
        match self.body.frame().await {
            None => Ok(None),
            Some(Ok(frame)) => Ok(frame.into_data().ok().map(|data| String::from_utf8(data.to_vec()).unwrap())),
            Some(Err(error)) => Err(error.to_string()),
        }
    }

    /// Reads on until the text has come.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            match self.chunk().await {
                Ok(Some(chunk)) => seen.push_str(&chunk),
                ended => panic!("waited for {text:?}, saw {seen:?}, then {ended:?}"),
            }
        }
        seen
    }

    pub(crate) async fn rest(mut self) -> Got {
        let mut body = String::new();
        let broken = loop {
            match self.chunk().await {
                Ok(Some(chunk)) => body.push_str(&chunk),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let status = self.status.as_u16();
        Got { status, headers: std::mem::take(&mut self.headers), body, broken }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
    pub(crate) broken: bool,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and the message of an error, in either dialect.
    pub(crate) fn error(&self) -> String {
        let body = self.json();
        let error = &body["error"];
        let message = error["message"].as_str().or_else(|| error.as_str()).unwrap_or("no error");
        format!("{} {message}", self.status)
    }
}

/// Sends bytes as they are and reads until the other side hangs up.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap_or_default();
    String::from_utf8(answer).unwrap()
}
