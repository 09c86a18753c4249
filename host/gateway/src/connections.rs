//! Serves HTTP/1 on a listener with bounds: so many connections, so long for a request's head. What is served is the
//! caller's.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::again::again;
use crate::api::Peer;

/// Connections of the administration socket at once; more wait in the kernel's queue.
const ADMIN_CONNECTIONS_MAX: usize = 64;
/// Connections of clients at once, of one listener: each live call has one, and as many again may idle.
const CLIENT_CONNECTIONS_MAX: usize = 4_096;
/// How long the head of a request may take, and how long a connection may idle.
const HEAD_MS_MAX: u64 = 10_000;
/// How long to wait where no connection could be taken, e.g. because no file descriptor is free.
const ACCEPT_PAUSE_MS: u64 = 100;
/// How long answers under way may take once it is to stop.
const FINISH_MS_MAX: u64 = 2_000;

/// What connections come from.
pub(crate) trait Listener {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Waits for the next connection; `None` for one that is not let in.
    fn next(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;

    /// What a connection is served.
    fn router(&self, stream: &Self::Stream) -> Router;

    /// Connections at once.
    fn connections_max(&self) -> usize;
}

/// The HTTP server of the daemon.
pub(crate) struct Tcp {
    /// Where it listens.
    pub(crate) listener: TcpListener,
    /// What it serves to this machine.
    pub(crate) near: Router,
    /// What it serves to others.
    pub(crate) far: Router,
}

impl Listener for Tcp {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<Option<TcpStream>> {
        let (stream, _) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(Some(stream))
    }

    fn router(&self, stream: &TcpStream) -> Router {
        let is_near = stream.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback());
        if is_near { self.near.clone() } else { self.far.clone() }
    }

    fn connections_max(&self) -> usize {
        CLIENT_CONNECTIONS_MAX
    }
}

/// The socket of agents on this machine.
pub(crate) struct Local {
    /// Where it listens.
    pub(crate) listener: UnixListener,
    /// What it serves, given who is at the other end.
    pub(crate) router: Router,
}

impl Listener for Local {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<Option<UnixStream>> {
        let (stream, _) = self.listener.accept().await?;
        Ok(Some(stream))
    }

    fn router(&self, stream: &UnixStream) -> Router {
        // Somebody whom the kernel does not name needs a token like anybody else.
        let peer = stream.peer_cred().map_or(Peer::Network, |credentials| Peer::User(credentials.uid()));
        self.router.clone().layer(Extension(peer))
    }

    fn connections_max(&self) -> usize {
        CLIENT_CONNECTIONS_MAX
    }
}

/// The administration socket.
pub(crate) struct Unix {
    /// Where it listens.
    pub(crate) listener: UnixListener,
    /// What it serves.
    pub(crate) router: Router,
}

impl Listener for Unix {
    type Stream = UnixStream;

    /// The socket's mode keeps others out already; this holds where a file system knows no modes for sockets.
    async fn next(&self) -> io::Result<Option<UnixStream>> {
        let (stream, _) = self.listener.accept().await?;
        let is_own = stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw();
        Ok(is_own.then_some(stream))
    }

    fn router(&self, _stream: &UnixStream) -> Router {
        self.router.clone()
    }

    fn connections_max(&self) -> usize {
        ADMIN_CONNECTIONS_MAX
    }
}

/// Serves until `stopping` is cancelled, then lets the answers under way finish for a moment.
pub(crate) async fn serve(listener: impl Listener, stopping: CancellationToken) {
    let (places, connections) = (Arc::new(Semaphore::new(listener.connections_max())), TaskTracker::new());
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((place, listener.next().await?))
        };
        let accepted = tokio::select! {
            accepted = next => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((place, Some(stream))) => {
                let (router, stopping) = (listener.router(&stream), stopping.clone());
                connections.spawn(async move {
                    serve_one(stream, router, stopping).await;
                    drop(place);
                });
            }
            Ok((_, None)) => tracing::warn!("a connection of another user was turned away"),
            Err(error) => {
                tracing::warn!(%error, "could not take a connection");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
    connections.close();
    if tokio::time::timeout(Duration::from_millis(FINISH_MS_MAX), connections.wait()).await.is_err() {
        tracing::warn!("answers that took too long were cut off");
    }
}

async fn serve_one<S>(stream: S, router: Router, stopping: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_millis(HEAD_MS_MAX));
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        biased;
        served = again(connection.as_mut()) => served,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            again(connection).await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
