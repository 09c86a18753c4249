//! Who works on which session: at most one worker a session, so that its messages are answered one after the other
//! and in order, and a bound on how many work at once. The database is the queue. Knows nothing of models.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use creel_policy::limits::TURNS_AT_ONCE_MAX;
use creel_store::turn::InboundRecord;
use tokio::sync::Semaphore;

use crate::core::{Core, StoreFailed};
use crate::delivery::Deliveries;
use crate::life::Life;
use crate::turn;

/// How long a session rests after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// The workers of all sessions. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    deliveries: Deliveries,
    /// Sessions with a worker; `true` where something came in since the worker last looked.
    active: Mutex<HashMap<String, bool>>,
    turns: Semaphore,
    life: Life,
}

impl Sessions {
    pub(crate) fn new(core: Arc<Core>, deliveries: Deliveries, life: Life) -> Self {
        let turns = Semaphore::new(TURNS_AT_ONCE_MAX);
        Self { inner: Arc::new(Inner { core, deliveries, active: Mutex::default(), turns, life }) }
    }

    /// Sees to it that somebody looks at the session after a message of it has become durable.
    pub(crate) fn wake(&self, session: &str) {
        let mut active = self.inner.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(has_news) = active.get_mut(session) {
            *has_news = true;
            return;
        }
        active.insert(session.to_owned(), false);
        self.inner.life.spawn(self.clone().work(session.to_owned()));
    }

    /// Answers the unfinished messages of one session, oldest first, until there is none. What has begun when the host
    /// stops is finished: an answer that is lost would be paid for twice.
    async fn work(self, session: String) {
        let inner = &self.inner;
        while !inner.life.stopping.is_cancelled() {
            match self.answer_next(&session).await {
                Ok(true) => inner.deliveries.nudge(),
                Ok(false) if self.rest(&session) => return,
                Ok(false) => {}
                Err(error) => {
                    let error = creel_engine::chain(&error);
                    tracing::error!(%session, %error, "a turn could not be recorded; it is tried again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    /// Answers the oldest unfinished message; `false` when there is none.
    async fn answer_next(&self, session: &str) -> Result<bool, StoreFailed> {
        let inner = &self.inner;
        // Before the message is read: what waits for its turn holds nothing in memory. The semaphore is never closed.
        let permit = inner.life.stopping.run_until_cancelled(inner.turns.acquire()).await;
        let Some(Ok(_turn)) = permit else { return Ok(false) };
        let key = session.to_owned();
        let next: Option<InboundRecord> = inner.core.store(move |store| store.inbound_next(&key)).await?;
        let Some(inbound) = next else { return Ok(false) };
        turn::run(&inner.core, inbound).await?;
        Ok(true)
    }

    /// Ends the worker unless something came in since it last looked.
    fn rest(&self, session: &str) -> bool {
        let mut active = self.inner.active.lock().unwrap_or_else(PoisonError::into_inner);
        match active.get_mut(session) {
            Some(has_news) if *has_news => {
                *has_news = false;
                false
            }
            Some(_) | None => {
                active.remove(session);
                true
            }
        }
    }
}
