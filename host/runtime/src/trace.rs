//! Steps as log lines. The words of people, what they send and what models answer, are left out at every level.

use crate::probe::Probe;
use crate::step::Step;

/// Logs a step. No field is called `message`: that is the name of the line itself.
pub(crate) fn step(step: &Step) {
    match step {
        Step::Listening { channel, state } => tracing::info!(channel, state, "listening"),
        Step::Refused { channel, sender, code, rule } => {
            tracing::warn!(channel, sender, code, rule, "message refused");
        }
        Step::Received { channel, session, message, attachments, .. } => {
            tracing::info!(channel, session, inbound = message, attachments, "message received");
        }
        Step::Duplicate { channel, message } => tracing::info!(channel, inbound = message, "duplicate dropped"),
        Step::MediaStored { session, media } => {
            tracing::info!(session, media = %media.uri, content_type = media.content_type, bytes = media.size, "media stored");
        }
        Step::Fitted { from, to, changes } => {
            tracing::info!(%from, %to, changes = changes.join("; "), "picture fitted");
        }
        Step::MediaMissing { session, reason } => tracing::warn!(session, reason, "attachment missing"),
        Step::Ready { session, message } => tracing::debug!(session, inbound = message, "message ready"),
        Step::Routed { session, route } => match &route.failure {
            Some(failure) => tracing::error!(session, failure, "no route"),
            None => tracing::info!(session, needs = %route.needs, models = models(route), "routed"),
        },
        Step::Credential { call, credential, .. } => match (credential.chosen(), &credential.failure) {
            (Some(chosen), _) => {
                tracing::info!(call, credential = chosen.id, source = chosen.source, "credential chosen")
            }
            (None, Some(failure)) => tracing::error!(call, failure, "no credential"),
            (None, None) => tracing::debug!(call, "no credential needed"),
        },
        Step::Egress { call, plugin, method, target, credential, verdict, rule, refusal: _ } => {
            tracing::info!(call, plugin, method, target, credential, verdict, rule, "egress");
        }
        Step::AttemptFailed { session, model, credential, fault, message, next, is_probe, derivation } => {
            let derivation = derivation.as_ref().map(creel_policy::credential::CredentialDerivation::in_words);
            let reason = message;
            tracing::warn!(session, model, credential, fault, reason, next, is_probe, derivation, "model call failed");
        }
        Step::ModelSkipped { session, model, reason, .. } => tracing::warn!(session, model, reason, "model not asked"),
        Step::Outrun { session, model } => tracing::info!(session, model, "another model answered first"),
        Step::Probed { provider, credential, probe } => {
            let Probe { status, message: reason, ms } = probe;
            if status.is_good() {
                tracing::info!(provider, credential, ?status, reason, ms, "credential probed");
            } else {
                tracing::warn!(provider, credential, ?status, reason, ms, "credential probed");
            }
        }
        Step::Described { media, model, text } => {
            tracing::info!(%media, model, characters = text.chars().count(), "picture described");
        }
        Step::Answered { session, model, text } => {
            tracing::info!(session, model, characters = text.chars().count(), "answered");
        }
        Step::Recorded { session } => tracing::debug!(session, "reply recorded"),
        Step::Delivered { channel, session, .. } => tracing::info!(channel, session, "delivered"),
        Step::DeliveryFailed { channel, session, reason, next_try_ms } => {
            tracing::warn!(channel, session, reason, next_try_ms, "delivery failed");
        }
    }
}

fn models(route: &creel_policy::route::RouteDerivation) -> String {
    use creel_policy::route::RouteVerdict;
    let taken = route.candidates.iter().filter(|candidate| candidate.verdict == RouteVerdict::Taken);
    taken.map(|candidate| candidate.model.to_string()).collect::<Vec<_>>().join(" ")
}
