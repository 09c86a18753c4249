//! A channel's listener: takes what comes in, lets in who may speak, makes it durable and wakes the session. Starts
//! again when the plugin ends, with a growing pause.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use creel_engine::{CallEnd, ChannelCall, Slots, channel};
use creel_policy::access::{Sender, admit};
use creel_policy::ids::ChannelId;
use creel_policy::limits::{ATTACHMENTS_MAX, INBOUND_TEXT_BYTES_MAX, LISTEN_PAUSE_MS_MAX, TOKEN_BYTES_MAX};
use creel_policy::media::Area;
use creel_policy::plan::ChannelPlan;
use creel_store::turn::{Inserted, NewInbound};
use tokio_util::sync::CancellationToken;

use crate::conversation::{Conversation, Peer, Waiting, write};
use crate::core::{Audit, CallParts, Core, StoreFailed};
use crate::life::Life;
use crate::pause::growing;
use crate::sessions::Sessions;
use crate::step::Step;

/// A listener that ran this long counts as good: the pause begins anew.
const GOOD_RUN_MS: u64 = 60_000;

/// The listeners of a host, each with the word that ends it.
#[derive(Default)]
pub(crate) struct Listeners(Mutex<BTreeMap<ChannelId, CancellationToken>>);

impl Listeners {
    /// Listens on a channel, in place of a listener that may be there: its cursor stands where that one has put it.
    pub(crate) fn start(&self, core: &Arc<Core>, channel: &ChannelId, sessions: &Sessions, life: &Life) {
        let stopping = life.stopping.child_token();
        if let Some(before) = self.held().insert(channel.clone(), stopping.clone()) {
            before.cancel();
        }
        life.spawn(run(Arc::clone(core), channel.clone(), sessions.clone(), stopping));
    }

    /// Listens on a channel no longer.
    pub(crate) fn stop(&self, channel: &ChannelId) {
        if let Some(stopping) = self.held().remove(channel) {
            stopping.cancel();
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<ChannelId, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens until told to stop.
async fn run(core: Arc<Core>, channel: ChannelId, sessions: Sessions, stopping: CancellationToken) {
    let mut tries = 0;
    while !stopping.is_cancelled() {
        let started_ms = core.now_ms();
        let ended = tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            ended = listen(&core, &channel, &sessions) => ended,
        };
        let reason = ended.unwrap_or_else(|error| creel_engine::chain(&error));
        tries = if core.now_ms().saturating_sub(started_ms) > GOOD_RUN_MS { 1 } else { tries + 1 };
        core.observe(&Step::Listening { channel: channel.to_string(), state: format!("stopped: {reason}") });
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(growing(tries, 500, LISTEN_PAUSE_MS_MAX)) => {}
        }
    }
}

/// Listens once; gives the reason for which the plugin ended.
async fn listen(core: &Arc<Core>, channel: &ChannelId, sessions: &Sessions) -> Result<String, StoreFailed> {
    let now = core.generation();
    let Some(plan) = now.knowledge.plan.channels.get(channel) else {
        return Ok("the channel is not configured".into());
    };
    let Some(plugin) = now.plugins.get(&plan.plugin) else { return Ok("its plugin is not loaded".into()) };
    let key = channel.clone();
    let cursor = core.store(move |store| store.cursor_get(&key)).await?;
    let context = core.context(CallParts {
        name: format!("{channel}:listen"),
        grant: Arc::clone(&plan.grant),
        settings_json: plan.settings_json.clone(),
        slots: Slots::new(),
        media: Vec::new(),
        area: Area::Inbound,
        medium_bytes_max: core.medium_limit(channel),
        roots: now.roots.get(channel).map(Arc::clone).unwrap_or_default(),
        total_ms_max: None,
    });
    let started = ChannelCall::start(plugin, &core.egress, &core.store, context, (channel::Job::Listen, cursor)).await;
    let mut call = match started {
        Ok(call) => call,
        Err(fault) => return Ok(fault.to_string()),
    };
    loop {
        match call.next().await {
            Ok(Some(channel::Output::Received(inbound))) => {
                receive(core, channel, plan, sessions, inbound).await?;
            }
            Ok(Some(channel::Output::Cursor(cursor))) => {
                if cursor.len() > plan.grant.cursor_bytes_max {
                    return Ok(format!("its cursor is larger than {} bytes", plan.grant.cursor_bytes_max));
                }
                let (key, now_ms) = (channel.clone(), core.now_ms());
                core.store(move |store| store.cursor_put(&key, &cursor, now_ms)).await?;
            }
            Ok(Some(channel::Output::Status(connection))) => {
                let state = match connection {
                    channel::Connection::Connected => "connected".to_owned(),
                    channel::Connection::Lost(why) => format!("lost: {why}"),
                };
                core.observe(&Step::Listening { channel: channel.to_string(), state });
            }
            Ok(Some(channel::Output::Collected(_) | channel::Output::Delivered(_))) => {}
            Ok(None) => return Ok("the plugin said that it is done".into()),
            Err(CallEnd::Failed(error)) => return Ok(error.message),
            Err(CallEnd::Fault(fault)) => return Ok(fault.to_string()),
            Err(CallEnd::TimedOut { milliseconds }) => return Ok(format!("it ran for {milliseconds} ms")),
        }
    }
}

/// Lets a message in, or not, and makes it durable before anything is done about it.
async fn receive(
    core: &Arc<Core>,
    channel: &ChannelId,
    plan: &ChannelPlan,
    sessions: &Sessions,
    inbound: channel::Inbound,
) -> Result<(), StoreFailed> {
    let sender = Sender {
        id: &inbound.sender.id,
        aliases: &inbound.sender.aliases,
        conversation_id: &inbound.conversation.id,
        is_group: inbound.conversation.is_group,
    };
    let admission = admit(&plan.access, &sender);
    let refused = if admission.allowed { oversize(&inbound) } else { Some((admission.code, admission.rule)) };
    if let Some((code, rule)) = refused {
        core.audit(Audit {
            plugin: plan.plugin.to_string(),
            action: format!("receive on {channel}"),
            is_allowed: false,
            rule: rule.clone(),
            target: inbound.sender.id.clone(),
        });
        core.observe(&Step::Refused {
            channel: channel.to_string(),
            sender: inbound.sender.id,
            code: code.to_owned(),
            rule,
        });
        return Ok(());
    }
    record(core, channel, sessions, inbound).await
}

/// What makes a message larger than any that a person sends.
fn oversize(inbound: &channel::Inbound) -> Option<(&'static str, String)> {
    if inbound.text.len() > INBOUND_TEXT_BYTES_MAX {
        return Some(("TEXT_TOO_LARGE", format!("a message has at most {INBOUND_TEXT_BYTES_MAX} bytes of text")));
    }
    if inbound.attachments.len() > ATTACHMENTS_MAX {
        return Some(("TOO_MANY_ATTACHMENTS", format!("a message has at most {ATTACHMENTS_MAX} attachments")));
    }
    let is_long = |attachment: &channel::Attachment| attachment.token.len() > TOKEN_BYTES_MAX;
    let rule = || format!("the token of an attachment has at most {TOKEN_BYTES_MAX} bytes");
    inbound.attachments.iter().any(is_long).then(|| ("TOKEN_TOO_LARGE", rule()))
}

async fn record(
    core: &Arc<Core>,
    channel: &ChannelId,
    sessions: &Sessions,
    inbound: channel::Inbound,
) -> Result<(), StoreFailed> {
    let conversation = Conversation::from(inbound.conversation);
    let session = conversation.session(channel);
    let attachments: Vec<String> =
        inbound.attachments.into_iter().map(|attachment| write(&Waiting::from(attachment))).collect();
    let count = attachments.len();
    let sender = Peer::from(inbound.sender);
    let new = NewInbound {
        channel: channel.clone(),
        message_id: inbound.id.clone(),
        session: session.clone(),
        // In a group the model is told who speaks.
        text: if conversation.is_group() && !inbound.text.is_empty() {
            format!("{}: {}", sender.display_name(), inbound.text)
        } else {
            inbound.text.clone()
        },
        sender_json: write(&sender),
        conversation_json: write(&conversation),
        attachments,
        reply_to: inbound.reply_to,
        sent_at_ms: inbound.sent_at_ms,
        received_ms: core.now_ms(),
    };
    let inserted = core.store(move |store| store.inbound_insert(&new)).await?;
    let (channel, message) = (channel.to_string(), inbound.id);
    match inserted {
        Inserted::New(_) => {
            core.observe(&Step::Received {
                channel,
                session: session.clone(),
                message,
                text: inbound.text,
                attachments: count,
            });
            sessions.wake(&session);
        }
        Inserted::Duplicate(_) => core.observe(&Step::Duplicate { channel, message }),
    }
    Ok(())
}
