//! The way of decisions into the audit log: one writer, a bounded queue, batches. What is a decision is not known here.
//!
//! Whoever took a decision waits for a place in the queue and not for the disk. A place is there at once unless the
//! database fails or is held by somebody else; then callers are slowed down rather than records piled up in memory. A
//! record that finds no place in time, or whose caller is cut off while it waits, is counted, and the count stands in
//! the log: there are no gaps in silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use creel_store::Store;
use creel_store::audit::AuditRecord;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::core::Clock;
use crate::pause::growing;

/// Records that wait for the disk; some hundreds of kilobytes, and what a busy host decides in seconds.
const QUEUE_MAX: usize = 1_024;
/// Records of one transaction; others that write wait no longer than that takes.
const BATCH_MAX: usize = 256;
/// Waiting for more records once there is one: a transaction costs the same for one and for a hundred.
const GATHER: Duration = Duration::from_millis(20);
/// Waiting for a place in the queue; a request that has gone out is not held up for longer by a database that fails.
const PLACE_WAIT: Duration = Duration::from_secs(10);
/// Milliseconds between two tries to write, at most.
const PAUSE_MS_MAX: u64 = 5_000;
/// Tries to write a batch once the host stops; a database that fails must not keep it from ending.
const CLOSING_TRIES_MAX: u32 = 3;
/// Waiting for the writer to end. Each of its tries may wait for another process that has the database.
const FLUSH_WAIT: Duration = Duration::from_secs(40);

/// Takes records for the audit log. Writes them in the order in which they came.
pub(crate) struct AuditLog {
    queue: mpsc::Sender<AuditRecord>,
    lost: Arc<AtomicU64>,
    closing: CancellationToken,
    writer: TaskTracker,
}

impl AuditLog {
    /// Starts the writer.
    pub(crate) fn start(store: Store, clock: Clock) -> Self {
        let (queue, records) = mpsc::channel(QUEUE_MAX);
        let (lost, closing, tracker) = (Arc::<AtomicU64>::default(), CancellationToken::new(), TaskTracker::new());
        let writer = Writer { store, clock, lost: Arc::clone(&lost), closing: closing.clone() };
        tracker.spawn(writer.run(records));
        tracker.close();
        Self { queue, lost, closing, writer: tracker }
    }

    /// Hands a record over; waits while the queue is full.
    pub(crate) fn note(&self, record: AuditRecord) -> impl Future<Output = ()> + Send + use<> {
        let queue = self.queue.clone();
        let owed = Owed { lost: Arc::clone(&self.lost), is_noted: false };
        async move {
            if let Ok(Ok(())) = tokio::time::timeout(PLACE_WAIT, queue.send(record)).await {
                owed.settle();
            }
        }
    }

    /// Writes what waits, and takes no more.
    pub(crate) async fn flush(&self) {
        self.closing.cancel();
        if tokio::time::timeout(FLUSH_WAIT, self.writer.wait()).await.is_err() {
            tracing::error!("the audit log could not be written to its end");
        }
    }
}

/// A record that is not in the queue yet; counted where that never comes to be.
struct Owed {
    lost: Arc<AtomicU64>,
    is_noted: bool,
}

impl Owed {
    fn settle(mut self) {
        self.is_noted = true;
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if !self.is_noted {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The one who writes.
struct Writer {
    store: Store,
    clock: Clock,
    lost: Arc<AtomicU64>,
    closing: CancellationToken,
}

impl Writer {
    async fn run(self, mut records: mpsc::Receiver<AuditRecord>) {
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                count = records.recv_many(&mut batch, BATCH_MAX) => {
                    if count > 0 {
                        self.gather(&mut batch, &mut records).await;
                    }
                    batch.extend(self.gap());
                    if count == 0 && batch.is_empty() {
                        return;
                    }
                    self.write(batch).await;
                }
                () = self.closing.cancelled(), if !records.is_closed() => records.close(),
            }
        }
    }

    /// Lets what comes right behind the first records go with them.
    async fn gather(&self, batch: &mut Vec<AuditRecord>, records: &mut mpsc::Receiver<AuditRecord>) {
        if batch.len() < BATCH_MAX && !self.closing.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = self.closing.cancelled() => {}
            }
        }
        while batch.len() < BATCH_MAX
            && let Ok(record) = records.try_recv()
        {
            batch.push(record);
        }
    }

    /// What says how many records never came, if there are any.
    fn gap(&self) -> Option<AuditRecord> {
        let count = self.lost.swap(0, Ordering::Relaxed);
        (count > 0).then(|| AuditRecord {
            at_ms: (self.clock)(),
            plugin: "host".to_owned(),
            action: "audit".to_owned(),
            verdict: "lost".to_owned(),
            rule: format!("at most {QUEUE_MAX} records wait for the disk"),
            target: format!("{count} records"),
        })
    }

    /// Writes a batch, again and again while the database says no.
    async fn write(&self, batch: Vec<AuditRecord>) {
        let batch: Arc<[AuditRecord]> = batch.into();
        for tries in 1.. {
            let (store, records) = (self.store.clone(), Arc::clone(&batch));
            let written = tokio::task::spawn_blocking(move || store.audit_all(&records)).await;
            let error = match written {
                Ok(Ok(())) => return,
                Ok(Err(error)) => creel_engine::chain(&error),
                Err(error) => error.to_string(),
            };
            let records = batch.len();
            if self.closing.is_cancelled() && tries >= CLOSING_TRIES_MAX {
                tracing::error!(%error, records, "audit records are lost");
                return;
            }
            tracing::error!(%error, records, "could not write audit records; it is tried again");
            tokio::time::sleep(growing(tries, 100, PAUSE_MS_MAX)).await;
        }
    }
}

#[cfg(test)]
mod tests;
