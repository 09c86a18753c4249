//! A fake that listens: accepting, recording, holding, answering and hanging up. What to answer is the fake's own.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::Response;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::{Answer, Body, Piece};
use crate::exchange::{End, Journal, Recorded, Refusal, lock};
use crate::gate::Gate;
use crate::sync::Overdue;

/// A fake's own part: what to answer to a request.
pub(crate) trait Service: Send + Sync + 'static {
    /// Answers; a fault that was found goes along as the answer's refusal.
    fn answer(&self, request: &Recorded) -> Verdict;

    /// Whether `hold` holds this request's answer.
    fn is_held(&self, request: &Recorded) -> bool;
}

/// An answer, and what was wrong with the request, if anything.
pub(crate) struct Verdict {
    pub(crate) answer: Answer,
    pub(crate) fault: Option<String>,
}

impl Verdict {
    pub(crate) fn good(answer: Answer) -> Self {
        Self { answer, fault: None }
    }

    pub(crate) fn refused(answer: Answer, fault: impl Into<String>) -> Self {
        Self { answer, fault: Some(fault.into()) }
    }
}

/// A fake that runs on `127.0.0.1` until it is dropped.
pub struct Running<F> {
    fake: Arc<F>,
    shared: Arc<Shared>,
    address: SocketAddr,
    listening: Mutex<Option<Listening>>,
}

struct Listening {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What the connections of a fake have in common.
struct Shared {
    service: Arc<dyn Service>,
    journal: Journal,
    gate: Gate,
    intercepted: Mutex<HashMap<String, VecDeque<Answer>>>,
    /// Cancelled to hang up on everyone; replaced by a fresh one then.
    connections: Mutex<CancellationToken>,
}

impl<F> Running<F> {
    /// Where the fake listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The fake's origin, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request that came, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.journal.requests()
    }

    /// The requests to one path, oldest first.
    #[must_use]
    pub fn requests_to(&self, path: &str) -> Vec<Recorded> {
        let mut requests = self.requests();
        requests.retain(|request| request.path == path);
        requests
    }

    /// Every fault that was found in a request, oldest first. A test of good behaviour asserts that there are none.
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        self.shared.journal.refusals()
    }

    /// Waits until `count` requests came, and returns all that came.
    ///
    /// # Errors
    ///
    /// [`Overdue`] when they did not come in time.
    pub async fn wait_for_requests(&self, count: usize) -> Result<Vec<Recorded>, Overdue> {
        self.shared.journal.wait_for_requests(count).await
    }

    /// Waits until `count` answers were sent to their end.
    ///
    /// # Errors
    ///
    /// [`Overdue`] when that did not happen in time.
    pub async fn wait_for_answered(&self, count: usize) -> Result<(), Overdue> {
        self.shared.journal.wait_for_end(End::Answered, count).await
    }

    /// Waits until clients hung up on `count` answers that had not been sent to their end.
    ///
    /// # Errors
    ///
    /// [`Overdue`] when that did not happen in time.
    pub async fn wait_for_abandoned(&self, count: usize) -> Result<(), Overdue> {
        self.shared.journal.wait_for_end(End::Abandoned, count).await
    }

    /// Holds the answers from now on: requests are received and acted on, and nothing comes back until
    /// [`release`](Self::release). An event stream is not held.
    pub fn hold(&self) {
        self.shared.gate.close();
    }

    /// Lets the held answers and all later ones go.
    pub fn release(&self) {
        self.shared.gate.open();
    }

    /// Waits until `count` answers were held, in all, since the fake was started.
    ///
    /// # Errors
    ///
    /// [`Overdue`] when that did not happen in time.
    pub async fn wait_until_held(&self, count: usize) -> Result<(), Overdue> {
        self.shared.gate.wait_until_reached(count).await
    }

    /// Gives the next request to `path` this answer, before the fake looks at it. More than one are given in turn.
    pub fn intercept(&self, path: &str, answer: Answer) {
        lock(&self.shared.intercepted).entry(path.to_owned()).or_default().push_back(answer);
    }

    /// Hangs up on every client, in the middle of whatever is being sent. New connections are welcome.
    pub fn disconnect_all(&self) {
        let old = std::mem::take(&mut *lock(&self.shared.connections));
        old.cancel();
    }

    /// Hangs up on every client and stops listening: connections are refused until [`restart`](Self::restart).
    pub async fn stop(&self) {
        self.disconnect_all();
        let listening = lock(&self.listening).take();
        if let Some(Listening { stop, tasks }) = listening {
            stop.cancel();
            self.disconnect_all();
            tasks.close();
            tasks.wait().await;
        }
    }

    /// Listens again at the same address, with the same memory. Does nothing while it listens.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound any more.
    pub async fn restart(&self) -> io::Result<()> {
        if lock(&self.listening).is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address).await?;
        *lock(&self.listening) = Some(listen(listener, &self.shared));
        Ok(())
    }

    pub(crate) fn fake(&self) -> &F {
        &self.fake
    }
}

/// Starts a fake on a port of its own.
pub(crate) async fn start<F: Service>(fake: F) -> io::Result<Running<F>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let fake = Arc::new(fake);
    let shared = Arc::new(Shared {
        service: fake.clone(),
        journal: Journal::new(),
        gate: Gate::opened(),
        intercepted: Mutex::default(),
        connections: Mutex::default(),
    });
    let listening = Mutex::new(Some(listen(listener, &shared)));
    Ok(Running { fake, shared, address, listening })
}

impl<F> Drop for Running<F> {
    fn drop(&mut self) {
        if let Some(listening) = lock(&self.listening).take() {
            listening.stop.cancel();
        }
        self.disconnect_all();
    }
}

impl<F> std::fmt::Debug for Running<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

fn listen(listener: TcpListener, shared: &Arc<Shared>) -> Listening {
    let listening = Listening { stop: CancellationToken::new(), tasks: TaskTracker::new() };
    let (stop, tasks, shared) = (listening.stop.clone(), listening.tasks.clone(), Arc::clone(shared));
    listening.tasks.spawn(async move {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            // A client that hung up before it was accepted is no fault of the fake.
            let Ok((stream, _)) = accepted else { continue };
            let hang_up = lock(&shared.connections).clone();
            tasks.spawn(connection(stream, Arc::clone(&shared), hang_up));
        }
    });
    listening
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, hang_up: CancellationToken) {
    let token = hang_up.clone();
    let service = service_fn(move |request| exchange(request, Arc::clone(&shared), token.clone()));
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        biased;
        () = hang_up.cancelled() => {}
        // A broken connection is the client's business, or was scripted.
        served = serving => served.unwrap_or(()),
    }
}

type SentBody = UnsyncBoxBody<Bytes, io::Error>;

async fn exchange(
    request: http::Request<Incoming>,
    shared: Arc<Shared>,
    hang_up: CancellationToken,
) -> io::Result<Response<SentBody>> {
    let mut watch = Watch { shared: Arc::clone(&shared), hang_up, over: false };
    let (head, body) = request.into_parts();
    let line = format!("{} {}", head.method, head.uri.path());
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            shared.journal.refuse(&line, None, format!("the body of the request broke off: {error}"));
            return Err(io::Error::other(error));
        }
    };
    let mut recorded = Recorded {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body,
    };
    recorded.mark_credentials();
    let intercepted = lock(&shared.intercepted).get_mut(&recorded.path).and_then(VecDeque::pop_front);
    let Verdict { answer, fault } = match intercepted {
        Some(answer) => Verdict::good(answer),
        None => shared.service.answer(&recorded),
    };
    if let Some(fault) = fault {
        shared.journal.refuse(&line, Some(answer.status.as_u16()), fault);
    }
    let held = shared.service.is_held(&recorded);
    shared.journal.record(recorded);
    if held {
        shared.gate.pass().await;
    }
    let (status, headers) = (answer.status, answer.headers);
    let body = match answer.body {
        Body::Whole(bytes) => {
            watch.finish();
            whole(bytes)
        }
        Body::Pieces(pieces) => StreamBody::new(paced(pieces, watch)).boxed_unsync(),
        Body::Live(events) => StreamBody::new(live(events, watch)).boxed_unsync(),
        Body::Nothing => {
            watch.finish();
            return Err(io::Error::other("scripted: no answer"));
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

fn whole(bytes: Bytes) -> SentBody {
    let never = |error: Infallible| match error {};
    Full::new(bytes).map_err(never).boxed_unsync()
}

fn paced(pieces: Vec<Piece>, watch: Watch) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    stream::unfold((VecDeque::from(pieces), watch), |(mut pieces, mut watch)| async move {
        loop {
            match pieces.pop_front() {
                Some(Piece::Bytes(bytes)) => return Some((Ok(Frame::data(bytes)), (pieces, watch))),
                Some(Piece::Pause(gate)) => gate.pass().await,
                Some(Piece::CutOff) => {
                    // Lets the connection flush what came before, which an error would throw away.
                    tokio::task::yield_now().await;
                    watch.finish();
                    pieces.clear();
                    return Some((Err(io::Error::other("scripted: cut off")), (pieces, watch)));
                }
                None => {
                    watch.finish();
                    return None;
                }
            }
        }
    })
}

fn live(
    events: tokio::sync::mpsc::UnboundedReceiver<Bytes>,
    watch: Watch,
) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    stream::unfold((events, watch), |(mut events, mut watch)| async move {
        if let Some(bytes) = events.recv().await {
            return Some((Frame::data(bytes), (events, watch)));
        }
        watch.finish();
        None
    })
    .map(Ok)
}

/// Tells the journal how an exchange ended, when it is dropped.
struct Watch {
    shared: Arc<Shared>,
    hang_up: CancellationToken,
    over: bool,
}

impl Watch {
    fn finish(&mut self) {
        if !self.over {
            self.over = true;
            self.shared.journal.end(End::Answered);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Where the fake itself hung up, nobody was abandoned.
        if !self.over && !self.hang_up.is_cancelled() {
            self.shared.journal.end(End::Abandoned);
        }
    }
}
