//! How long the tasks of a host live: asked to stop first, cut off where that takes too long. Knows nothing of what
//! they do.

use std::time::Duration;

use creel_policy::limits::SHUTDOWN_MS_MAX;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of a host and how they are told to end. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Life {
    /// Nothing new shall begin.
    pub(crate) stopping: CancellationToken,
    cut_off: CancellationToken,
    tasks: TaskTracker,
}

impl Life {
    /// Starts a task. It looks at `stopping` itself.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cut_off = self.cut_off.clone();
        self.tasks.spawn(async move {
            cut_off.run_until_cancelled(task).await;
        });
    }

    /// Lets what has begun end, and cuts off what does not in time: all of it is durable up to its last step, and no
    /// task outlives this, so that another host may take over.
    pub(crate) async fn end(&self) {
        self.end_within(Duration::from_millis(SHUTDOWN_MS_MAX)).await;
    }

    async fn end_within(&self, bound: Duration) {
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(bound, self.tasks.wait()).await.is_err() {
            tracing::warn!(unfinished = self.tasks.len(), "what did not finish in time is parked");
            self.cut_off.cancel();
            self.tasks.wait().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_begun_may_end_and_what_hangs_is_cut_off() {
        let life = Life::default();
        let (done, finished) = tokio::sync::oneshot::channel();
        let stopping = life.stopping.clone();
        life.spawn(async move {
            stopping.cancelled().await;
            tokio::task::yield_now().await;
            done.send(()).expect("somebody who waits");
        });
        let (hangs, cut_off) = tokio::sync::oneshot::channel::<()>();
        life.spawn(async move {
            std::future::pending::<()>().await;
            drop(hangs);
        });
        life.end_within(Duration::from_millis(50)).await;
        finished.await.expect("it has ended");
        cut_off.await.expect_err("it was cut off");
    }
}
