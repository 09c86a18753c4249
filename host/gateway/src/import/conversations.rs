//! The conversations of another gateway: its lists of sessions are read, and each transcript that has a place here goes
//! into the log of its session. What a transcript says is `creel_policy::import`'s to read; nothing is fetched.

use std::collections::BTreeSet;

use creel_policy::config::Config;
use creel_policy::import::{OldSession, SourceFile, Target, read_history, read_sessions};
use creel_policy::limits::TRANSCRIPT_BYTES_MAX;
use creel_policy::media::{MediaRefusal, MediaRefusalCode};
use creel_runtime::media_scope;
use creel_store::Store;
use creel_store::history::{Fetch, HistoryTarget};
use creel_store::older::{OlderDir, OlderKind};
use creel_store::resolve::Asker;
use serde_json::json;

use super::ImportError;
use super::source::Found;
use crate::clock;
use crate::error::CommandError;
use crate::views::{ImportedConversation, ImportedConversations, SkippedConversation};

/// The list of sessions beside the transcripts.
const LIST: &str = "sessions.json";
/// What marks a transcript, whatever was put behind it when it ended.
const TRANSCRIPT: &str = ".jsonl";

/// Reads every list of sessions; with a store, what has a place here is put there.
pub(super) fn take(found: &Found, into: Option<(&Store, &Config)>) -> Result<ImportedConversations, CommandError> {
    let mut all = ImportedConversations::default();
    for place in places(found)? {
        let dir = match found.dir.below(&place) {
            Ok(Some(dir)) => dir,
            Ok(None) => continue,
            Err(error) => {
                skip(&mut all, &place, error.to_string());
                continue;
            }
        };
        let name = format!("{place}/{LIST}");
        let sessions = match dir.read_text(LIST, TRANSCRIPT_BYTES_MAX) {
            Ok(Some(text)) => {
                read_sessions(SourceFile { name: &name, text: &text }).map_err(|problem| problem.to_string())
            }
            Ok(None) => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        };
        let sessions = sessions.unwrap_or_else(|reason| {
            skip(&mut all, &name, reason);
            Vec::new()
        });
        of_list((&dir, &place), &sessions, into, &mut all)?;
    }
    Ok(all)
}

/// Where lists of sessions lie: with each agent, and where they lay before there were agents.
fn places(found: &Found) -> Result<Vec<String>, CommandError> {
    let mut places = vec!["sessions".to_owned()];
    if let Some(agents) = found.dir.below("agents")? {
        let agents = agents.entries()?.into_iter().filter(|agent| agent.kind == OlderKind::Directory);
        places.extend(agents.map(|agent| format!("agents/{}/sessions", agent.name)));
    }
    Ok(places)
}

fn of_list(
    (dir, place): (&OlderDir, &str),
    sessions: &[OldSession],
    into: Option<(&Store, &Config)>,
    all: &mut ImportedConversations,
) -> Result<(), CommandError> {
    for session in sessions {
        let target = match &session.target {
            Ok(target) => target,
            Err(reason) => {
                skip(all, &session.key, (*reason).to_owned());
                continue;
            }
        };
        match dir.read_text(&session.transcript, TRANSCRIPT_BYTES_MAX) {
            Ok(Some(text)) => all.taken.push(conversation((session, target), (place, &text), into)?),
            Ok(None) => skip(all, &session.key, format!("its transcript `{}` is not there", session.transcript)),
            Err(error) => skip(all, &session.key, error.to_string()),
        }
    }
    let named: BTreeSet<&str> = sessions.iter().map(|session| session.transcript.as_str()).collect();
    let entries = dir.entries()?;
    let ended = entries.iter().filter(|entry| {
        entry.kind == OlderKind::File && entry.name.contains(TRANSCRIPT) && !named.contains(entry.name.as_str())
    });
    match ended.count() {
        0 => {}
        count => skip(all, place, format!("transcripts that no session goes on with: {count}")),
    }
    Ok(())
}

/// Takes one conversation; without a store, says what it holds.
fn conversation(
    (session, target): (&OldSession, &Target),
    (place, text): (&str, &str),
    into: Option<(&Store, &Config)>,
) -> Result<ImportedConversation, CommandError> {
    let history = read_history(text);
    let mut view = ImportedConversation {
        key: session.key.clone(),
        session: target.session.clone(),
        new: history.messages.len(),
        there: 0,
        late: 0,
        media: history.messages.iter().map(|message| message.media.len()).sum(),
        missing: Vec::new(),
        left_out: history.left_out.clone(),
        remark: target.remark.map(str::to_owned),
    };
    let Some((store, config)) = into else { return Ok(view) };
    let sender = json!({ "id": &target.conversation, "aliases": [], "name": null }).to_string();
    let conversation = json!({ "id": &target.conversation, "is_group": target.is_group, "thread": null }).to_string();
    let source = format!("{place}/{}", session.transcript);
    let to = HistoryTarget {
        channel: &target.channel,
        session: &target.session,
        sender_json: &sender,
        conversation_json: &conversation,
        source: &source,
    };
    let scope = media_scope(config, &target.agent, Asker::Operator);
    let refusal = MediaRefusal::new(MediaRefusalCode::NotFetched, "an import asks no server");
    let fetch: Fetch<'_> = &mut |_| Err(refusal.clone());
    let taken = store.take_history(&history, &to, &scope, (clock::now_ms(), fetch)).map_err(ImportError::Media)?;
    view.new = taken.new;
    view.there = taken.there;
    view.late = taken.late;
    view.media = taken.media;
    view.missing = taken.missing;
    Ok(view)
}

fn skip(all: &mut ImportedConversations, name: &str, reason: String) {
    all.skipped.push(SkippedConversation { name: name.to_owned(), reason });
}
