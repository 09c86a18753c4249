//! The end of a turn: the answer, or the reason there is none, into the session's log and the outbox at once.

use creel_policy::channel_text::split;
use creel_policy::fallback::CallFault;
use creel_policy::route::RouteDerivation;
use creel_store::outbox::NewOutbound;
use creel_store::turn::{InboundRecord, Reply};
use serde_json::json;

use crate::chain::ChainFailure;
use crate::conversation::Conversation;
use crate::core::{Core, StoreFailed};
use crate::model::Answer;
use crate::step::Step;

/// Records an answer. From here on it is delivered, whatever happens.
pub(crate) async fn commit(
    core: &Core,
    inbound: &InboundRecord,
    route: &RouteDerivation,
    answer: Answer,
) -> Result<(), StoreFailed> {
    let session = inbound.message.session.clone();
    core.observe(&Step::Answered {
        session: session.clone(),
        model: answer.model.to_string(),
        text: answer.text.clone(),
    });
    let derivation = json!({ "route": route, "credential": answer.credential, "attempts": answer.attempts });
    let reply = Reply {
        text: answer.text.clone(),
        media: answer.media.clone(),
        model: answer.model.to_string(),
        derivation_json: derivation.to_string(),
        usage_json: answer.usage.map(|usage| json!(usage).to_string()),
    };
    let mut deliveries = outbound(core, inbound, &answer.text);
    if let Some(last) = deliveries.last_mut() {
        last.media = answer.media;
    }
    let (id, now_ms) = (inbound.id, core.now_ms());
    core.record(move |store| store.reply_commit(id, &reply, &deliveries, now_ms)).await?;
    core.observe(&Step::Recorded { session });
    Ok(())
}

/// Records that there is no answer. The sender is told so in words that give nothing away; the operator finds the
/// whole reason in the log and beside the message.
pub(crate) async fn give_up(core: &Core, inbound: &InboundRecord, failure: ChainFailure) -> Result<(), StoreFailed> {
    let reason = failure.for_operator();
    let session = inbound.message.session.clone();
    tracing::error!(%session, %reason, "a message could not be answered");
    // Where nobody was asked, nobody failed.
    let fault = failure.fault().filter(|_| failure.reason().is_none());
    let apology = outbound(core, inbound, apology(fault));
    let (id, now_ms) = (inbound.id, core.now_ms());
    core.record(move |store| store.inbound_failed(id, &reason, &apology, now_ms)).await?;
    core.observe(&Step::Recorded { session });
    Ok(())
}

/// What the sender is told.
fn apology(fault: Option<CallFault>) -> &'static str {
    match fault {
        Some(
            CallFault::Authentication
            | CallFault::CredentialInvalid
            | CallFault::Permission
            | CallFault::Billing
            | CallFault::CredentialMissing,
        ) => "I could not answer: the gateway's credential was refused. Its operator has been told.",
        Some(CallFault::ContentRefused) => "The model declined to answer that.",
        Some(CallFault::ContextTooLong) => "I could not answer: this conversation has become too long for the model.",
        Some(CallFault::RateLimited | CallFault::Overloaded | CallFault::TimedOut | CallFault::Unreachable) => {
            "I could not answer: the model cannot be reached just now. Please send it again in a while."
        }
        Some(
            CallFault::InvalidRequest
            | CallFault::UnsupportedInput
            | CallFault::UnknownModel
            | CallFault::MalformedResponse
            | CallFault::Refused
            | CallFault::PluginFault
            | CallFault::Outrun
            | CallFault::Other,
        ) => "I could not answer: something went wrong on my side. Its operator has been told.",
        None => "I could not answer: no model is set up for what you sent. Its operator has been told.",
    }
}

/// A text as the messages that the channel takes, in order. A reply in a group names the message it answers.
fn outbound(core: &Core, inbound: &InboundRecord, text: &str) -> Vec<NewOutbound> {
    let message = &inbound.message;
    let limit = core.text_limit(&message.channel);
    let conversation: Option<Conversation> = serde_json::from_str(&message.conversation_json).ok();
    let is_group = conversation.is_some_and(|conversation| conversation.is_group());
    let parts = split(text, limit);
    let texts = if parts.is_empty() { vec![String::new()] } else { parts };
    texts
        .into_iter()
        .enumerate()
        .map(|(index, text)| NewOutbound {
            channel: message.channel.clone(),
            session: message.session.clone(),
            conversation_json: message.conversation_json.clone(),
            text,
            media: Vec::new(),
            reply_to: (is_group && index == 0).then(|| message.message_id.clone()),
        })
        .collect()
}
