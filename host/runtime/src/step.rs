//! What happens in a host, one record a step, as it happens: for the log, for `creel demo`, for tests. Each is made
//! after the deed it names is durable. Holds no secret and no path.

use creel_engine::EgressRecord;
use creel_policy::credential::CredentialDerivation;
use creel_policy::media::MediaRef;
use creel_policy::route::RouteDerivation;
use serde::Serialize;

use crate::probe::Probe;

/// One step of a turn.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// A channel's listener changed its state.
    Listening {
        /// The channel entry.
        channel: String,
        /// `connected`, or what is wrong.
        state: String,
    },
    /// A message was not let in.
    Refused {
        /// The channel entry.
        channel: String,
        /// Who sent it.
        sender: String,
        /// The rule's code, e.g. `DM_POLICY_NOT_ALLOWLISTED`.
        code: String,
        /// The rule in words.
        rule: String,
    },
    /// A message came in and is durable.
    Received {
        /// The channel entry.
        channel: String,
        /// The session it belongs to.
        session: String,
        /// The network's identity of the message.
        message: String,
        /// Its text.
        text: String,
        /// How many attachments it names.
        attachments: usize,
    },
    /// A message that was here before was dropped.
    Duplicate {
        /// The channel entry.
        channel: String,
        /// The network's identity of the message.
        message: String,
    },
    /// Another picture goes to a provider in the place of one that says too much or does not fit.
    Fitted {
        /// The picture of the conversation; it stays.
        from: MediaRef,
        /// What was made of it.
        to: MediaRef,
        /// What was done, in words of the plugin.
        changes: Vec<String>,
    },
    /// An attachment is in the media store.
    MediaStored {
        /// The session it belongs to.
        session: String,
        /// The medium.
        media: StoredMedia,
    },
    /// An attachment could not be had; the turn goes on without it.
    MediaMissing {
        /// The session it belongs to.
        session: String,
        /// Why.
        reason: String,
    },
    /// The message with all its media is in the session's log.
    Ready {
        /// The session.
        session: String,
        /// The network's identity of the message.
        message: String,
    },
    /// A model was chosen.
    Routed {
        /// The session.
        session: String,
        /// Each candidate with its verdict.
        route: RouteDerivation,
    },
    /// A credential was chosen.
    Credential {
        /// The call it is for.
        call: String,
        /// The model.
        model: String,
        /// Each candidate with its verdict.
        credential: CredentialDerivation,
    },
    /// A request was judged.
    Egress {
        /// The call it belongs to.
        call: String,
        /// The plugin that asked for it.
        plugin: String,
        /// The method.
        method: String,
        /// The target without its query.
        target: String,
        /// The credential slot that was put on.
        credential: Option<String>,
        /// `sent` or `refused`.
        verdict: &'static str,
        /// The rule that refused it.
        rule: Option<String>,
        /// The kind of that rule, e.g. `no-grant`; there are few.
        #[serde(skip_serializing_if = "Option::is_none")]
        refusal: Option<&'static str>,
    },
    /// A model call failed.
    AttemptFailed {
        /// The session.
        session: String,
        /// The model.
        model: String,
        /// The id of the credential that was sent.
        credential: Option<String>,
        /// What kind of failure it was.
        fault: String,
        /// In words, for the operator.
        message: String,
        /// What follows: `retry`, `next-profile`, `next-model` or `stop`.
        next: &'static str,
        /// Each candidate with its verdict, where it was the credential that failed.
        derivation: Option<CredentialDerivation>,
        /// It was asked although it rests, to find out whether it still has to.
        is_probe: bool,
    },
    /// A model was not asked, since no credential of it can be sent for now.
    ModelSkipped {
        /// The session.
        session: String,
        /// The model.
        model: String,
        /// Until when, and why.
        reason: String,
        /// The same in milliseconds since 1970.
        until_ms: u64,
    },
    /// The call of a model was broken off, since another that was asked beside it answered first.
    Outrun {
        /// The session.
        session: String,
        /// The model.
        model: String,
    },
    /// A provider was asked whether it takes a credential.
    Probed {
        /// The provider.
        provider: String,
        /// The credential that was sent; `None`: none.
        credential: Option<String>,
        /// What came of it.
        probe: Probe,
    },
    /// A picture was described by a model, and the description is durable beside it.
    Described {
        /// The picture.
        media: MediaRef,
        /// The model.
        model: String,
        /// What it said.
        text: String,
    },
    /// The model's answer is complete.
    Answered {
        /// The session.
        session: String,
        /// The model.
        model: String,
        /// Its answer.
        text: String,
    },
    /// The answer is in the session's log and in the outbox.
    Recorded {
        /// The session.
        session: String,
    },
    /// A reply went out over its channel, and that is recorded.
    Delivered {
        /// The channel entry.
        channel: String,
        /// The session.
        session: String,
        /// What was sent.
        text: String,
        /// The media of the message that it answers.
        media: Vec<DeliveredMedia>,
    },
    /// A delivery failed.
    DeliveryFailed {
        /// The channel entry.
        channel: String,
        /// The session.
        session: String,
        /// Why.
        reason: String,
        /// Milliseconds until the next try; `None`: given up.
        next_try_ms: Option<u64>,
    },
}

/// A medium of a message.
#[derive(Clone, Debug, Serialize)]
pub struct StoredMedia {
    /// Its handle.
    pub uri: MediaRef,
    /// Sniffed from the bytes.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, in hex.
    pub sha256: String,
}

/// A medium that an answered message brought.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveredMedia {
    /// Its handle.
    pub uri: MediaRef,
    /// SHA-256 of the bytes, in hex.
    pub sha256: String,
}

/// Hears of each step, in order within a session, on the thread that takes it. Must be quick.
pub trait Observer: Send + Sync {
    /// Hears of one step.
    fn step(&self, step: &Step);
}

impl From<&EgressRecord> for Step {
    fn from(record: &EgressRecord) -> Self {
        Self::Egress {
            call: record.call.clone(),
            plugin: record.plugin.clone(),
            method: record.method.clone(),
            target: record.target.clone(),
            credential: record.credential.clone(),
            verdict: if record.refused.is_some() { "refused" } else { "sent" },
            rule: record.refused.as_ref().map(|refused| refused.rule.clone()),
            refusal: record.refused.as_ref().map(|refused| refused.refusal.as_str()),
        }
    }
}
