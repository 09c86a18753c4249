//! A fake that listens, as a test holds it: what came, waiting, holding, hanging up. What to answer is the fake's own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::answer::Answer;
use crate::exchange::{End, Journal, Recorded, Refusal, lock};
use crate::gate::Gate;
use crate::sync::{Overdue, reach};
use crate::wire::{Listening, Service, Shared, listen};

/// A fake that runs on `127.0.0.1` until it is dropped.
pub struct Running<F> {
    fake: Arc<F>,
    shared: Arc<Shared>,
    address: SocketAddr,
    listening: Mutex<Option<Listening>>,
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

    /// Waits until `count` connections are over, whoever ended them.
    ///
    /// # Errors
    ///
    /// [`Overdue`] when that did not happen in time.
    pub async fn wait_for_closed(&self, count: usize) -> Result<(), Overdue> {
        reach(&mut self.shared.closed.subscribe(), count, "closed connections", Vec::new).await
    }

    /// Holds the answers from now on: requests are received and acted on, and nothing comes back until
    /// [`release`](Self::release). An event stream is not held.
    pub fn hold(&self) {
        self.hold_those(|_| true);
    }

    /// Holds as [`hold`](Self::hold) does, but only the answers to requests that the function says yes to.
    pub fn hold_those(&self, which: impl Fn(&Recorded) -> bool + Send + 'static) {
        *lock(&self.shared.held) = Box::new(which);
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
        self.shared.service.hung_up();
    }

    /// Hangs up on every client and stops listening: connections are refused until [`restart`](Self::restart).
    pub async fn stop(&self) {
        let listening = lock(&self.listening).take();
        if let Some(Listening { stop, tasks }) = listening {
            stop.cancel();
            tasks.close();
            tasks.wait().await;
            self.shared.service.hung_up();
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
        held: Mutex::new(Box::new(|_| true)),
        intercepted: Mutex::default(),
        connections: Mutex::default(),
        closed: watch::Sender::new(0),
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
