//! `list_sessions` and `read_session`: what was said, with media by handle. How an answer came about, and by which
//! credential, is the operator's alone.

use creel_dialects::{ApiError, ErrorKind};
use creel_policy::moment::rfc3339;
use creel_store::session::{Entry, EntrySeq, Role};
use serde::Serialize;
use serde_json::json;

use super::arguments::{ListSessions, ReadSession};
use super::said::Said;
use super::{count, stored};
use crate::api::Api;
use crate::api::caller::Caller;

#[derive(Serialize)]
struct Line {
    number: EntrySeq,
    role: Role,
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    media: Vec<String>,
    /// Attachments that came with it and could not be had.
    #[serde(skip_serializing_if = "is_zero")]
    missing: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    at: String,
}

impl Line {
    fn of(entry: Entry) -> Self {
        Self {
            number: entry.seq,
            role: entry.role,
            text: entry.text,
            media: entry.media.iter().map(ToString::to_string).collect(),
            // Why is told in words that may name paths of this machine.
            missing: entry.missing.len(),
            model: entry.model,
            at: rfc3339(entry.at_ms),
        }
    }
}

/// Lists the sessions that a caller may read.
pub(super) async fn list(api: &Api, caller: &Caller, wanted: ListSessions) -> Result<Said, ApiError> {
    let (count, grant) = (count(wanted.limit)?, caller.grant().clone());
    let after = wanted.after.unwrap_or_default();
    let names = stored(api, move |store| store.session_names(&after, count, |name| grant.may_read(name))).await?;
    let next = names.last().filter(|_| names.len() == count);
    Said::value(&json!({ "sessions": names, "next": next }))
}

/// Reads a session.
pub(super) async fn read(api: &Api, caller: &Caller, wanted: ReadSession) -> Result<Said, ApiError> {
    let count = count(wanted.limit)?;
    let ReadSession { session, before, .. } = wanted;
    if !caller.grant().may_read(&session) {
        return Err(no_session(&session));
    }
    let name = session.clone();
    let entries = stored(api, move |store| match before.map(EntrySeq::before) {
        None => store.history(&name, None, count),
        Some(Some(through)) => store.history(&name, Some(through), count),
        Some(None) => Ok(Vec::new()),
    });
    let entries = entries.await?;
    if entries.is_empty() && before.is_none() {
        return Err(no_session(&session));
    }
    let earlier = entries.first().filter(|_| entries.len() == count).map(|entry| entry.seq);
    let lines: Vec<Line> = entries.into_iter().map(Line::of).collect();
    Said::value(&json!({ "session": session, "entries": lines, "before": earlier }))
}

/// There is no such session, or it is not this caller's to read: the same words.
pub(super) fn no_session(name: &str) -> ApiError {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    let message = format!("there is no session `{shown}` that `sessions` of the agent's grant names");
    ApiError::new(ErrorKind::NotFound, message).about("session")
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
