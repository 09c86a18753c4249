//! One message to the gateway and what comes back, over a connection of its own. An exchange that is dropped closes its
//! connection, by which the gateway learns that nobody waits any more.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::gateway::{Gateway, Place};
use super::message::{self, Request};

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// How long a connection may take to come about.
const CONNECT_MS_MAX: u64 = 10_000;

/// Sends a message, and hands on every message that comes back for it. Gives the last of them.
///
/// A request always gets an answer; that the gateway could not be asked is one.
pub(super) async fn exchange(
    gateway: &Gateway,
    request: &Request,
    agreed: Option<&str>,
    answers: &mpsc::Sender<Value>,
) -> Option<Value> {
    let wants_answer = !request.id.is_null();
    match asked(gateway, request, agreed, answers).await {
        Ok(Some(last)) => Some(last),
        Ok(None) if wants_answer => put(answers, message::unanswered(&request.id, "the gateway gave no answer")).await,
        Ok(None) => None,
        Err(failed) if wants_answer => put(answers, message::unanswered(&request.id, &failed)).await,
        Err(failed) => {
            tracing::warn!(method = request.method, "a notification did not arrive: {failed}");
            None
        }
    }
}

/// Hands on one message. Where nobody takes it, nobody is left to be told.
async fn put(answers: &mpsc::Sender<Value>, answer: Value) -> Option<Value> {
    answers.send(answer.clone()).await.ok().map(|()| answer)
}

async fn asked(
    gateway: &Gateway,
    request: &Request,
    agreed: Option<&str>,
    answers: &mpsc::Sender<Value>,
) -> Result<Option<Value>, String> {
    let unreachable =
        |error: io::Error| format!("could not reach the gateway at {}: {error}; `creel serve` runs it", gateway.place);
    let connecting = connect(&gateway.place);
    let connected = tokio::time::timeout(Duration::from_millis(CONNECT_MS_MAX), connecting).await;
    let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(unreachable)?;
    let broken = |error: hyper::Error| format!("the gateway at {} broke off: {error}", gateway.place);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.map_err(broken)?;
    // What goes wrong with it is seen by whoever waits for the answer.
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let response = sender.send_request(http_request(gateway, request, agreed)).await.map_err(broken)?;
    let status = response.status();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if status.is_success() && content_type.starts_with("text/event-stream") {
        return streamed(response.into_body(), answers).await;
    }
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| format!("the answer did not come to its end: {error}"))?.to_bytes();
    if !status.is_success() {
        if request.id.is_null() {
            return Err(format!("status {}", status.as_u16()));
        }
        return Ok(put(answers, message::refused(&request.id, status.as_u16(), &body)).await);
    }
    if status == StatusCode::ACCEPTED || body.is_empty() {
        return Ok(None);
    }
    let answer = serde_json::from_slice(&body).map_err(|error| format!("the answer is no JSON: {error}"))?;
    Ok(put(answers, answer).await)
}

/// Either kind of connection.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(place: &Place) -> io::Result<Box<dyn Stream>> {
    Ok(match place {
        Place::Tcp(authority) => {
            let stream = TcpStream::connect(authority).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        Place::Unix(path) => Box::new(UnixStream::connect(path).await?),
    })
}

fn http_request(gateway: &Gateway, request: &Request, agreed: Option<&str>) -> http::Request<Full<Bytes>> {
    let mut sent = http::Request::new(Full::new(Bytes::from(request.body.to_string())));
    *sent.method_mut() = Method::POST;
    *sent.uri_mut() = http::Uri::from_static("/mcp");
    *sent.headers_mut() = message::headers(request, agreed);
    let headers = sent.headers_mut();
    let host = match &gateway.place {
        Place::Tcp(authority) => HeaderValue::from_str(authority).ok(),
        Place::Unix(_) => None,
    };
    headers.insert(HOST, host.unwrap_or(HeaderValue::from_static("localhost")));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    if let Some(token) = &gateway.token {
        headers.insert(AUTHORIZATION, token.clone());
    }
    sent
}

/// Hands on the messages of a stream of events, as they come.
async fn streamed(mut body: Incoming, answers: &mpsc::Sender<Value>) -> Result<Option<Value>, String> {
    let (mut events, mut last) = (Events::default(), None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| format!("the answer broke off: {error}"))?;
        let Ok(data) = frame.into_data() else { continue };
        for event in events.take(&data)? {
            let answer = serde_json::from_str(&event).map_err(|error| format!("an event is no JSON: {error}"))?;
            last = put(answers, answer).await;
            if last.is_none() {
                return Ok(None);
            }
        }
    }
    Ok(last)
}

/// Cuts a stream of events into the data of each.
#[derive(Default)]
struct Events {
    line: Vec<u8>,
    data: String,
}

impl Events {
    fn take(&mut self, bytes: &[u8]) -> Result<Vec<String>, String> {
        let mut events = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                if self.line.len() + self.data.len() > ANSWER_BYTES_MAX {
                    return Err(format!("an event has more than {ANSWER_BYTES_MAX} bytes"));
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8(line).map_err(|_| "an event is no text".to_owned())?;
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                let data = std::mem::take(&mut self.data);
                events.extend((!data.is_empty()).then_some(data));
            } else if let Some(data) = line.strip_prefix("data:") {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            }
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_they_are_cut() {
        let stream = b": hello\n\nid: 1\ndata: {\"a\":\ndata: 1}\n\nretry: 3\ndata:\n\r\ndata: {}\r\n\r\ndata: lost";
        for cut in 0..stream.len() {
            let mut events = Events::default();
            let mut said = events.take(&stream[..cut]).expect("it is text");
            said.extend(events.take(&stream[cut..]).expect("it is text"));
            assert_eq!(said, ["{\"a\":\n1}", "{}"], "cut at {cut}");
        }
    }
}
