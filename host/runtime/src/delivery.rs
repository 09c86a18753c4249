//! From the outbox to the network: each session's replies in order, tried again until they arrive or are given up,
//! also after a restart. The database is the queue.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use creel_engine::{channel, types};
use creel_policy::limits::{DELIVERY_PAUSE_MS_MAX, DELIVERY_TRIES_MAX};
use creel_policy::media::Area;
use creel_store::outbox::{NewOutbound, OutboxRow};
use creel_store::turn::AttachmentState;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::channel_task::{Task, TaskFailure};
use crate::conversation::Conversation;
use crate::core::{Core, StoreFailed};
use crate::pause::growing;
use crate::step::{DeliveredMedia, Step};

/// How long to wait when nothing is due and nobody nudges.
const IDLE: Duration = Duration::from_secs(60);
/// How long to wait after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(5);
/// Deliveries under way at once, of as many sessions; a network that hangs holds no more memory than theirs.
const DELIVERIES_AT_ONCE_MAX: usize = 256;

/// Tells the deliverer that something is in the outbox. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Deliveries(Arc<Notify>);

impl Deliveries {
    pub(crate) fn nudge(&self) {
        self.0.notify_one();
    }
}

/// Delivers until told to stop, then ends what has begun. One reply of a session at a time; a session that hangs holds
/// up no other.
pub(crate) async fn run(core: Arc<Core>, deliveries: Deliveries, stopping: CancellationToken) {
    let mut busy = BTreeSet::new();
    let mut under_way = FuturesUnordered::new();
    while !stopping.is_cancelled() {
        let next_due = match due(&core, &busy).await {
            Ok((rows, next_due)) => {
                for row in rows {
                    busy.insert(row.message.session.clone());
                    under_way.push(deliver_of_session(&core, row));
                }
                next_due
            }
            Err(error) => {
                tracing::error!(error = %creel_engine::chain(&error), "the outbox could not be read");
                Some(STORE_PAUSE)
            }
        };
        tokio::select! {
            biased;
            () = stopping.cancelled() => {}
            Some(session) = under_way.next() => drop(busy.remove(&session)),
            () = deliveries.0.notified() => {}
            () = tokio::time::sleep(next_due.unwrap_or(IDLE)) => {}
        }
    }
    while under_way.next().await.is_some() {}
}

/// What is due, the oldest of each session that is not busy, and the time until the next is. A session's later replies
/// wait for its first one, and those of a channel that is switched off until it is back.
async fn due(core: &Core, busy: &BTreeSet<String>) -> Result<(Vec<OutboxRow>, Option<Duration>), StoreFailed> {
    let free = DELIVERIES_AT_ONCE_MAX.saturating_sub(busy.len());
    if free == 0 {
        return Ok((Vec::new(), None));
    }
    let knowledge = core.knowledge();
    let running = knowledge.plan.channels.keys().filter(|channel| core.is_running(channel));
    let (running, count): (Vec<_>, _) = (running.cloned().collect(), busy.len() + free);
    // Those that are due come first, and at most the busy ones stand before them.
    let heads = core.store(move |store| store.outbox_heads(&running, count)).await?;
    let now_ms = core.now_ms();
    let heads = heads.into_iter().filter(|row| !busy.contains(&row.message.session));
    let (mut due, waiting): (Vec<_>, Vec<_>) = heads.partition(|row| row.next_attempt_ms <= now_ms);
    due.truncate(free);
    let next = waiting.iter().map(|row| row.next_attempt_ms - now_ms).min();
    Ok((due, next.map(Duration::from_millis)))
}

/// Tries one row once; gives its session.
async fn deliver_of_session(core: &Arc<Core>, row: OutboxRow) -> String {
    let session = row.message.session.clone();
    if let Err(error) = deliver(core, row).await {
        tracing::error!(error = %creel_engine::chain(&error), "a delivery could not be recorded");
        tokio::time::sleep(STORE_PAUSE).await;
    }
    session
}

/// Tries one row once and records what became of it.
async fn deliver(core: &Arc<Core>, row: OutboxRow) -> Result<(), StoreFailed> {
    let id = row.id;
    // A crash from here on may have delivered it: the row says so until the end is recorded.
    core.store(move |store| store.outbox_begin(id)).await?;
    match send(core, &row).await {
        Ok(network_id) => {
            let now_ms = core.now_ms();
            core.record(move |store| store.outbox_delivered(id, &network_id, now_ms)).await?;
            let media = answered_media(core, &row).await?;
            let NewOutbound { channel, session, text, .. } = row.message;
            core.observe(&Step::Delivered { channel: channel.to_string(), session, text, media });
        }
        Err(failure) => {
            let tries = row.attempts.saturating_add(1);
            let next_try = (failure.may_pass && tries < DELIVERY_TRIES_MAX)
                .then(|| failure.retry_after.unwrap_or_else(|| growing(tries, 1_000, DELIVERY_PAUSE_MS_MAX)));
            let next_try_ms = next_try.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            let (reason, now_ms) = (failure.reason.clone(), core.now_ms());
            core.record(move |store| match next_try_ms {
                Some(ms) => store.outbox_attempt(id, &reason, now_ms.saturating_add(ms)),
                None => store.outbox_given_up(id, &reason, now_ms),
            })
            .await?;
            let reason = failure.reason;
            let NewOutbound { channel, session, .. } = row.message;
            core.observe(&Step::DeliveryFailed { channel: channel.to_string(), session, reason, next_try_ms });
        }
    }
    Ok(())
}

/// Sends one reply; gives the network's identity of it.
async fn send(core: &Arc<Core>, row: &OutboxRow) -> Result<String, TaskFailure> {
    let message = &row.message;
    let conversation: Conversation = serde_json::from_str(&message.conversation_json)
        .map_err(|error| TaskFailure::lasting(format!("the conversation cannot be read: {error}")))?;
    let outbound = channel::Outbound {
        conversation: conversation.into(),
        text: message.text.clone(),
        attachments: attachments(core, row).await?,
        reply_to: message.reply_to.clone(),
    };
    let task = Task {
        channel: &message.channel,
        name: format!("{}:{}:deliver", message.channel, row.id),
        job: channel::Job::Deliver(outbound),
        media: message.media.clone(),
        area: Area::Outbound,
    };
    let delivered = task.run(core, |output| match output {
        channel::Output::Delivered(network_id) => Some(network_id),
        channel::Output::Received(_)
        | channel::Output::Collected(_)
        | channel::Output::Cursor(_)
        | channel::Output::Status(_) => None,
    });
    delivered.await
}

async fn attachments(core: &Core, row: &OutboxRow) -> Result<Vec<types::Media>, TaskFailure> {
    let mut attachments = Vec::with_capacity(row.message.media.len());
    for media in row.message.media.clone() {
        let medium = core.store(move |store| store.medium(&media)).await;
        attachments.push(crate::transcript::wit_media(
            medium.map_err(|error| TaskFailure::lasting(creel_engine::chain(&error)))?,
        ));
    }
    Ok(attachments)
}

/// The media of the message that a reply answers.
async fn answered_media(core: &Core, row: &OutboxRow) -> Result<Vec<DeliveredMedia>, StoreFailed> {
    let Some(inbound) = row.inbound else { return Ok(Vec::new()) };
    let record = core.store(move |store| store.inbound(inbound)).await?;
    let mut media = Vec::new();
    for attachment in record.attachments {
        if let AttachmentState::Stored(named) = attachment.state {
            let medium = core.store(move |store| store.medium(&named)).await?;
            media.push(DeliveredMedia { uri: medium.media, sha256: medium.sha256 });
        }
    }
    Ok(media)
}
