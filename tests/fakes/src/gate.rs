//! A gate that holds answers back until a test opens it. It knows nothing of what passes through.

use std::sync::Arc;

use tokio::sync::watch;

use crate::sync::{Overdue, reach};

/// A gate that is open or closed; clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
    reached: Arc<watch::Sender<usize>>,
}

impl Gate {
    /// Makes a gate that holds whoever comes.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(false)
    }

    /// Makes a gate that lets everyone through until it is closed.
    #[must_use]
    pub fn opened() -> Self {
        Self::new(true)
    }

    /// Lets everyone through, those who wait and those who come.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Holds whoever comes from now on.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// Waits until the gate was found closed `count` times since it was made.
    ///
    /// # Errors
    ///
    /// [`Overdue`] when that did not happen in time.
    pub async fn wait_until_reached(&self, count: usize) -> Result<(), Overdue> {
        let mut reached = self.reached.subscribe();
        reach(&mut reached, count, "arrivals at a closed gate", Vec::new).await
    }

    /// Passes, now or when the gate is opened.
    pub(crate) async fn pass(&self) {
        let mut open = self.open.subscribe();
        if *open.borrow_and_update() {
            return;
        }
        self.reached.send_modify(|reached| *reached += 1);
        // The sender lives as long as `self`, so that waiting cannot fail; if it could, the gate would be open.
        drop(open.wait_for(|open| *open).await);
    }

    fn new(open: bool) -> Self {
        Self { open: Arc::new(watch::Sender::new(open)), reached: Arc::new(watch::Sender::new(0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_gate_holds_until_it_is_opened() {
        let gate = Gate::closed();
        let held = tokio::spawn({
            let gate = gate.clone();
            async move { gate.pass().await }
        });
        gate.wait_until_reached(1).await.unwrap();
        assert!(!held.is_finished());
        gate.open();
        held.await.unwrap();
        gate.pass().await;
        gate.close();
        let mut again = Box::pin(gate.pass());
        assert!(futures_util::poll!(again.as_mut()).is_pending());
    }
}
