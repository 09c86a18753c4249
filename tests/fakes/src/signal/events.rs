//! The event streams of the daemon: who listens, and what waits for somebody who does. Framing has no space after
//! the colon, as the daemon writes it.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::exchange::lock;

/// All event streams.
#[derive(Debug)]
pub(super) struct Events {
    keeps_unheard: bool,
    state: Mutex<State>,
    opened: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    listeners: Vec<mpsc::UnboundedSender<Bytes>>,
    unheard: VecDeque<Bytes>,
}

impl Events {
    pub(super) fn new(keeps_unheard: bool) -> Self {
        Self { keeps_unheard, state: Mutex::default(), opened: watch::Sender::new(0) }
    }

    /// Opens a stream; what nobody has heard yet comes first.
    pub(super) fn subscribe(&self) -> mpsc::UnboundedReceiver<Bytes> {
        let (sender, receiver) = mpsc::unbounded_channel();
        {
            let mut state = lock(&self.state);
            while let Some(event) = state.unheard.pop_front() {
                sender.send(event).expect("the receiver is held in this very function");
            }
            state.listeners.push(sender);
        }
        self.opened.send_modify(|opened| *opened += 1);
        receiver
    }

    pub(super) fn push(&self, account: &str, envelope: &Value) {
        let data = json!({"account": account, "envelope": envelope});
        self.push_bytes(Bytes::from(format!("event:receive\ndata:{data}\n\n")));
    }

    pub(super) fn push_bytes(&self, bytes: Bytes) {
        let mut state = lock(&self.state);
        state.listeners.retain(|listener| listener.send(bytes.clone()).is_ok());
        if state.listeners.is_empty() && self.keeps_unheard {
            state.unheard.push_back(bytes);
        }
    }

    pub(super) fn forget_listeners(&self) {
        lock(&self.state).listeners.clear();
    }

    pub(super) fn opened(&self) -> watch::Receiver<usize> {
        self.opened.subscribe()
    }
}
