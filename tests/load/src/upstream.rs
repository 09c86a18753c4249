//! The fake upstream: OpenAI's chat completions and Anthropic's messages, as fast or as slow as the prompt asks. It
//! keeps count of the answers under way. Which events an answer has is the dialect's to say.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Sleep;

use crate::dialect::Dialect;
use crate::error::LoadError;
use crate::pace::Pace;

/// Connections that may wait to be taken: thousands of streams begin almost at once.
const BACKLOG: u32 = 4_096;
/// It ends by itself after this time, whatever has become of whoever started it.
const LIFE_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// How long to wait where no connection could be taken, e.g. because no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Answers under way, and those that were.
#[derive(Debug, Default)]
struct Counts {
    live: AtomicUsize,
    whole: AtomicU64,
    /// Whoever asked has gone before the end.
    cut: AtomicU64,
}

/// Serves on a free port of this machine, says which one on standard output, and ends with standard input.
///
/// # Errors
///
/// [`LoadError`] where it cannot listen.
pub(crate) async fn serve() -> Result<(), LoadError> {
    let listener = listen().map_err(LoadError::Listen)?;
    let address = listener.local_addr().map_err(LoadError::Listen)?;
    println!("listening on {address}");
    io::stdout().flush().map_err(LoadError::Listen)?;
    // A thread may stay blocked in a read for good; the process ends without it.
    let (sender, abandoned) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let read = io::copy(&mut io::stdin().lock(), &mut io::sink());
        // Nobody listens any more where the time is over already.
        sender.send(read).ok();
    });
    let counts = Arc::new(Counts::default());
    tokio::select! {
        () = accept(&listener, &counts) => {}
        _ended = abandoned => {}
        () = tokio::time::sleep(LIFE_MAX) => {}
    }
    Ok(())
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    socket.listen(BACKLOG)
}

async fn accept(listener: &TcpListener, counts: &Arc<Counts>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, Arc::clone(counts)));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One connection, until the other side has enough of it. That it broke off is seen by the answers that were cut.
async fn connection(stream: TcpStream, counts: Arc<Counts>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let counts = Arc::clone(&counts);
        async move { Ok::<_, Infallible>(answer(request, counts).await) }
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn answer(request: Request<Incoming>, counts: Arc<Counts>) -> Answer {
    let path = request.uri().path();
    let dialect =
        [Dialect::Openai, Dialect::Anthropic].into_iter().find(|dialect| path.ends_with(&dialect.path()[3..]));
    match (request.method(), path, dialect) {
        (&Method::GET, "/counts", _) => plain(StatusCode::OK, counts.to_json()),
        (&Method::POST, _, Some(dialect)) => match request.into_body().collect().await {
            Ok(body) => model(dialect, &body.to_bytes(), counts).await,
            Err(_) => plain(StatusCode::BAD_REQUEST, error("the body broke off")),
        },
        (_, path, _) => plain(StatusCode::NOT_FOUND, error(&format!("no route `{path}`"))),
    }
}

async fn model(dialect: Dialect, body: &[u8], counts: Arc<Counts>) -> Answer {
    let pace = match Pace::parse(body) {
        Ok(pace) => pace,
        Err(bad) => return plain(StatusCode::BAD_REQUEST, error(&bad.to_string())),
    };
    let live = Live::new(counts);
    if pace.first_ms > 0 {
        tokio::time::sleep(pace.first()).await;
    }
    if !asks_for_stream(body) {
        live.end();
        return plain(StatusCode::OK, dialect.whole(&pace));
    }
    let paced = Paced {
        events: dialect.events(&pace).into_iter(),
        preface: dialect.preface(),
        gap: Duration::from_millis(pace.gap_ms),
        is_apart: pace.apart,
        has_yielded: false,
        waiting: None,
        live: Some(live),
    };
    let mut response = Response::new(paced.boxed());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Whether a request wants events. Gateways write JSON in their own ways, with and without a space.
fn asks_for_stream(body: &[u8]) -> bool {
    [r#""stream":true"#, r#""stream": true"#].iter().any(|words| memchr::memmem::find(body, words.as_bytes()).is_some())
}

fn plain(status: StatusCode, json: Bytes) -> Answer {
    let mut response = Response::new(Full::new(json).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn error(message: &str) -> Bytes {
    let error = serde_json::json!({ "error": { "message": message, "type": "invalid_request_error" } });
    error.to_string().into()
}

impl Counts {
    fn to_json(&self) -> Bytes {
        let live = self.live.load(Ordering::Relaxed);
        let (whole, cut) = (self.whole.load(Ordering::Relaxed), self.cut.load(Ordering::Relaxed));
        serde_json::json!({ "live": live, "whole": whole, "cut": cut }).to_string().into()
    }
}

/// An answer under way. One that is dropped before its end was cut.
struct Live {
    counts: Arc<Counts>,
    has_ended: bool,
}

impl Live {
    fn new(counts: Arc<Counts>) -> Self {
        counts.live.fetch_add(1, Ordering::Relaxed);
        Self { counts, has_ended: false }
    }

    fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let ended = if self.has_ended { &self.counts.whole } else { &self.counts.cut };
        ended.fetch_add(1, Ordering::Relaxed);
        self.counts.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of a streamed answer.
struct Paced {
    events: std::vec::IntoIter<Bytes>,
    /// How many events more go out without a wait after them.
    preface: usize,
    gap: Duration,
    is_apart: bool,
    has_yielded: bool,
    waiting: Option<Pin<Box<Sleep>>>,
    live: Option<Live>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.as_mut().poll(context));
            self.waiting = None;
        }
        // The server writes what it has where there is nothing more yet.
        if self.is_apart && !std::mem::replace(&mut self.has_yielded, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.has_yielded = false;
        let Some(event) = self.events.next() else {
            if let Some(live) = self.live.take() {
                live.end();
            }
            return Poll::Ready(None);
        };
        if self.preface > 0 {
            self.preface -= 1;
        } else if !self.gap.is_zero() && !self.events.as_slice().is_empty() {
            self.waiting = Some(Box::pin(tokio::time::sleep(self.gap)));
        }
        Poll::Ready(Some(Ok(Frame::data(event))))
    }
}
