//! The connections of a fake: accepting, reading a request to its end, pacing the answer, noticing who hangs up.
//! What to answer is the fake's own.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::Response;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::{Answer, Body, Live, Piece};
use crate::exchange::{End, Journal, Recorded, lock};
use crate::gate::Gate;

/// A fake's own part: what to answer to a request.
pub(crate) trait Service: Send + Sync + 'static {
    /// Answers; a fault that was found goes along as the answer's refusal.
    fn answer(&self, request: &Recorded) -> Verdict;

    /// Whether `hold` holds this request's answer.
    fn is_held(&self, _request: &Recorded) -> bool {
        true
    }

    /// Everyone was hung up on.
    fn hung_up(&self) {}
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

/// The task that accepts, and those it started.
pub(crate) struct Listening {
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// Tells a connection that the fake hangs up: on everyone who is here, or because it stops.
#[derive(Clone)]
struct HangUp {
    here: CancellationToken,
    stop: CancellationToken,
}

impl HangUp {
    fn is_cancelled(&self) -> bool {
        self.here.is_cancelled() || self.stop.is_cancelled()
    }

    async fn cancelled(&self) {
        tokio::select! {
            () = self.here.cancelled() => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// Which requests are meant.
pub(crate) type Which = Box<dyn Fn(&Recorded) -> bool + Send>;

/// What the connections of a fake have in common.
pub(crate) struct Shared {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) journal: Journal,
    pub(crate) gate: Gate,
    /// Whose answers the gate is for.
    pub(crate) held: Mutex<Which>,
    pub(crate) intercepted: Mutex<HashMap<String, VecDeque<Answer>>>,
    /// Cancelled to hang up on everyone; replaced by a fresh one then.
    pub(crate) connections: Mutex<CancellationToken>,
    /// Connections that are over.
    pub(crate) closed: watch::Sender<usize>,
}

/// Accepts connections and answers on them until it is told to stop.
pub(crate) fn listen(listener: TcpListener, shared: &Arc<Shared>) -> Listening {
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
            let hang_up = HangUp { here: lock(&shared.connections).clone(), stop: stop.clone() };
            tasks.spawn(connection(stream, Arc::clone(&shared), hang_up));
        }
    });
    listening
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, hang_up: HangUp) {
    let (token, of_all) = (hang_up.clone(), Arc::clone(&shared));
    let service = service_fn(move |request| exchange(request, Arc::clone(&of_all), token.clone()));
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        biased;
        () = hang_up.cancelled() => {}
        // A broken connection is the client's business, or was scripted.
        served = serving => served.unwrap_or(()),
    }
    shared.closed.send_modify(|closed| *closed += 1);
}

type SentBody = UnsyncBoxBody<Bytes, io::Error>;

async fn exchange(
    request: http::Request<Incoming>,
    shared: Arc<Shared>,
    hang_up: HangUp,
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
    let held = shared.service.is_held(&recorded) && lock(&shared.held)(&recorded);
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
        Body::Live(live) => StreamBody::new(ongoing(live, watch)).boxed_unsync(),
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
                Some(Piece::Bytes(bytes)) => {
                    return Some((Ok(Frame::data(bytes)), (pieces, watch)));
                }
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

fn ongoing(live: Live, watch: Watch) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    stream::unfold((live, watch), |(mut live, mut watch)| async move {
        let bytes = match tokio::time::timeout(live.keep_alive_after, live.events.recv()).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                watch.finish();
                return None;
            }
            Err(_) => live.keep_alive.clone(),
        };
        Some((Ok(Frame::data(bytes)), (live, watch)))
    })
}

/// Tells the journal how an exchange ended, when it is dropped.
struct Watch {
    shared: Arc<Shared>,
    hang_up: HangUp,
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
