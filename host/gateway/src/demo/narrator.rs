//! Tells the demo's steps as they are taken: a line or two for people, or one JSON object each.

use std::io::Write as _;
use std::sync::Mutex;

use creel_policy::credential::{CredentialDerivation, Verdict};
use creel_policy::route::{RouteDerivation, RouteVerdict};
use creel_runtime::{Observer, Step};
use serde_json::Value;
use tokio::sync::watch;

/// Tells steps on standard output.
pub(super) struct Narrator {
    as_json: bool,
    delivered: watch::Sender<Option<Delivered>>,
    /// Held while a step is told, so that steps of different threads do not mix.
    telling: Mutex<()>,
}

/// What ended the demo.
#[derive(Clone, Debug)]
pub(super) enum Delivered {
    /// The reply was delivered.
    Yes,
    /// It was given up.
    No {
        /// Why.
        reason: String,
    },
}

impl Narrator {
    pub(super) fn new(as_json: bool) -> Self {
        Self { as_json, delivered: watch::Sender::new(None), telling: Mutex::default() }
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) -> Option<Delivered> {
        let mut delivered = self.delivered.subscribe();
        let ended = delivered.wait_for(Option::is_some).await.ok()?;
        ended.clone()
    }

    /// Tells something that is no step of a turn.
    pub(super) fn tell(&self, name: &str, fields: &Value, lines: &[String]) {
        if self.delivered.borrow().is_some() {
            return;
        }
        if self.as_json {
            let mut object = serde_json::json!({ "step": name });
            if let (Some(object), Some(fields)) = (object.as_object_mut(), fields.as_object()) {
                object.extend(fields.clone());
            }
            self.write(&object.to_string());
        } else {
            self.write(&block(name, lines));
        }
    }

    fn write(&self, text: &str) {
        let _telling = self.telling.lock();
        // Where standard output is closed there is nobody to tell.
        drop(writeln!(std::io::stdout().lock(), "{text}"));
    }
}

impl Observer for Narrator {
    fn step(&self, step: &Step) {
        if self.delivered.borrow().is_some() {
            return;
        }
        if self.as_json {
            match serde_json::to_string(step) {
                Ok(line) => self.write(&line),
                Err(error) => tracing::error!(%error, "a step could not be written"),
            }
        } else if let Some((name, lines)) = told(step) {
            self.write(&block(name, &lines));
        }
        match step {
            Step::Delivered { .. } => {
                self.delivered.send_replace(Some(Delivered::Yes));
            }
            Step::DeliveryFailed { reason, next_try_ms: None, .. } => {
                self.delivered.send_replace(Some(Delivered::No { reason: reason.clone() }));
            }
            _ => {}
        }
    }
}

/// A name in the margin, and what is said of it.
fn block(name: &str, lines: &[String]) -> String {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let margin = if index == 0 { name } else { "" };
        text.push_str(&format!("{margin:<11} {line}\n"));
    }
    text.truncate(text.trim_end().len());
    text
}

/// A step in words; `None` for those that only machines care for.
fn told(step: &Step) -> Option<(&'static str, Vec<String>)> {
    Some(match step {
        Step::Listening { channel, state } => ("listening", vec![format!("{channel}: {state}")]),
        Step::Refused { sender, code, rule, .. } => ("refused", vec![format!("{sender}: {code}: {rule}")]),
        Step::Received { session, text, attachments, .. } => {
            ("received", vec![format!("in {session}: \"{text}\" with {attachments} attachment(s); durable")])
        }
        Step::MediaStored { media, .. } => {
            let facts = format!("{}, {} bytes, sha256 {}", media.content_type, media.size, media.sha256);
            ("media", vec![media.uri.to_string(), facts])
        }
        Step::Fitted { from, to, changes } => ("care", vec![format!("{from} goes as {to}"), changes.join("; ")]),
        Step::MediaMissing { reason, .. } => ("media", vec![format!("missing: {reason}")]),
        Step::Routed { route, .. } => ("route", route_lines(route)),
        Step::Credential { credential, .. } if credential.candidates.is_empty() => return None,
        Step::Credential { credential, .. } => ("credential", credential_lines(credential)),
        Step::Egress { plugin, method, target, credential, rule, .. } => {
            let with = credential
                .as_ref()
                .map_or_else(String::new, |slot| format!(", credential `{slot}` put on by the host"));
            let verdict = rule.as_ref().map_or_else(|| "granted".to_owned(), |rule| format!("refused: {rule}"));
            ("grant", vec![format!("{plugin}: {method} {target}"), format!("{verdict}{with}")])
        }
        Step::AttemptFailed { model, fault, message, next, derivation, .. } => {
            let sent = derivation.iter().map(CredentialDerivation::in_words);
            let lines = std::iter::once(format!("{model}: {fault}: {message}")).chain(sent);
            ("failed", lines.chain([format!("next: {next}")]).collect())
        }
        Step::ModelSkipped { model, reason, .. } => ("skipped", vec![format!("{model}: {reason}")]),
        Step::Outrun { model, .. } => ("outrun", vec![format!("{model}: another answered first")]),
        Step::Described { media, model, text } => ("described", vec![format!("{media} by {model}"), text.clone()]),
        Step::Answered { model, .. } => ("answered", vec![format!("by {model}; durable before it is sent")]),
        Step::Delivered { channel, text, .. } => {
            let mut lines = vec![format!("over {channel}:")];
            lines.extend(text.lines().map(|line| format!("  {line}")));
            ("delivered", lines)
        }
        Step::DeliveryFailed { reason, .. } => ("delivery", vec![format!("failed: {reason}")]),
        Step::Duplicate { .. } | Step::Ready { .. } | Step::Recorded { .. } | Step::Probed { .. } => return None,
    })
}

fn route_lines(route: &RouteDerivation) -> Vec<String> {
    let candidates = route.candidates.iter().map(|candidate| {
        let verdict = match candidate.verdict {
            RouteVerdict::Taken => "taken",
            RouteVerdict::PassedOver => "passed over",
        };
        format!("{} {verdict}: {}", candidate.model, candidate.reason)
    });
    std::iter::once(format!("the turn needs {}", route.needs)).chain(candidates).chain(route.failure.clone()).collect()
}

fn credential_lines(credential: &CredentialDerivation) -> Vec<String> {
    let candidates = credential.candidates.iter().map(|candidate| {
        let verdict = match candidate.verdict {
            Verdict::Chosen => "chosen",
            Verdict::PassedOver => "passed over",
            Verdict::Failed => "failed",
        };
        format!("{} ({}) {verdict}: {}", candidate.id, candidate.source, candidate.reason)
    });
    candidates.chain(credential.failure.clone()).collect()
}
