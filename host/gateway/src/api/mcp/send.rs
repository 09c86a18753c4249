//! `send_message`: a message of an agent into a conversation that its grant names. It is in the outbox when the agent is
//! told so; how it gets from there to its network is the runtime's.

use creel_dialects::{ApiError, ErrorKind};
use creel_policy::ids::ChannelId;
use creel_policy::limits::ATTACHMENTS_MAX;
use creel_runtime::{Outgoing, SendError};
use creel_store::audit::AuditRecord;
use serde_json::json;

use super::arguments::SendMessage;
use super::said::Said;
use crate::api::caller::Caller;
use crate::api::{Api, media};
use crate::clock;

/// Puts a message into the outbox.
pub(super) async fn send(api: &Api, caller: &Caller, asked: SendMessage) -> Result<Said, ApiError> {
    let channel = granted(api, caller, &asked).await?;
    if asked.media.len() > ATTACHMENTS_MAX {
        let message = format!("a message has at most {ATTACHMENTS_MAX} media");
        return Err(ApiError::new(ErrorKind::InvalidRequest, message).about("media"));
    }
    let mut attached = Vec::with_capacity(asked.media.len());
    for (n, name) in asked.media.iter().enumerate() {
        attached.push(media::named(api, caller, name, &format!("media[{n}]")).await?.media);
    }
    let outgoing = Outgoing {
        channel,
        conversation: asked.conversation,
        thread: asked.thread,
        is_group: asked.is_group,
        text: asked.text,
        media: attached,
        reply_to: asked.reply_to,
    };
    let queued = api.host.send(outgoing).await.map_err(|error| match &error {
        SendError::NoChannel { .. } => ApiError::new(ErrorKind::Unavailable, error.to_string()).about("channel"),
        SendError::Empty | SendError::TextTooLarge | SendError::Unfit(_) => {
            ApiError::new(ErrorKind::InvalidRequest, error.to_string())
        }
        SendError::Store(_) => media::internal(&error),
    })?;
    tracing::info!(agent = %caller.id(), delivery = %queued.id, session = queued.session, "a message waits to be delivered");
    Said::value(&json!({ "delivery": queued.id, "session": queued.session, "state": "queued" }))
}

/// The channel, where the grant names the conversation. The decision is on record either way. What is refused is
/// refused in the same words whether there is such a conversation or not.
async fn granted(api: &Api, caller: &Caller, asked: &SendMessage) -> Result<ChannelId, ApiError> {
    let channel = ChannelId::parse(&asked.channel).ok();
    let channel = channel.filter(|channel| caller.grant().may_send(channel, &asked.conversation));
    let name: String =
        format!("{}:{}", asked.channel, asked.conversation).chars().filter(|c| !c.is_control()).take(200).collect();
    let (verdict, rule) = match &channel {
        Some(_) => ("allowed", "`channels` of the agent's grant".to_owned()),
        None => ("not-granted", format!("`channels` of the agent's grant does not name `{name}`")),
    };
    let record = AuditRecord {
        at_ms: clock::now_ms(),
        plugin: format!("agent:{}", caller.id()),
        action: "send-message".to_owned(),
        verdict: verdict.to_owned(),
        rule: rule.clone(),
        target: name,
    };
    api.host.audit(record).await;
    channel.ok_or_else(|| ApiError::new(ErrorKind::NotFound, rule).about("conversation"))
}
