//! Puts what the older gateway kept of a conversation into a session's log, once however often it is done. Its media are
//! found by the one resolver; what is not found stays as words that say why. How a transcript is read is
//! `creel_policy::import`'s to say.

use std::collections::BTreeMap;

use creel_policy::ids::ChannelId;
use creel_policy::import::{History, PastMedium, PastMessage, Speaker, Witness};
use creel_policy::limits::{ATTACHMENTS_MAX, INBOUND_TEXT_BYTES_MAX, REPLY_BYTES_MAX};
use creel_policy::media::url::MediaUrl;
use creel_policy::media::{Area, MediaRef, MediaRefusal, Spelling, read_spelling};
use rusqlite::Transaction;
use sha2::{Digest as _, Sha256};

use crate::beneath::hex;
use crate::db::{Store, StoreError, limit, signed};
use crate::limits::cut;
use crate::media::{Holder, MediaError, Medium, refer};
use crate::resolve::{Deed, Found, Scope};
use crate::session::{self, NewEntry, Role};
use crate::turn::{InboundId, Reply};

/// Messages that are written in one transaction; a process that ends between two goes on behind the first.
const AT_ONCE: usize = 64;
/// How the answers that were made elsewhere came about.
const DERIVATION: &str = r#"{"older":true}"#;

/// Where a history goes.
#[derive(Clone, Copy, Debug)]
pub struct HistoryTarget<'a> {
    /// The channel of its messages.
    pub channel: &'a ChannelId,
    /// The key of the session.
    pub session: &'a str,
    /// Who wrote, as JSON.
    pub sender_json: &'a str,
    /// Where a reply would go, as JSON.
    pub conversation_json: &'a str,
    /// What tells this history from all others: where it lay.
    pub source: &'a str,
}

/// What became of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryTaken {
    /// Messages and answers that are in the log now.
    pub new: usize,
    /// Those that were before.
    pub there: usize,
    /// Those that can have no place in the log any more, since it has gone on without them.
    pub late: usize,
    /// Media that the new ones have.
    pub media: usize,
    /// What of their media is missing, and why.
    pub missing: Vec<String>,
}

/// Fetches what a URL leads to, or says why it does not.
pub type Fetch<'a> = &'a mut dyn FnMut(&MediaUrl) -> Result<Medium, MediaRefusal>;

/// A message with the answer to it.
struct Exchange<'a> {
    /// Its identity among the messages of the channel.
    message_id: String,
    message: &'a PastMessage,
    message_ms: u64,
    answer: Option<(&'a PastMessage, u64)>,
}

/// What an exchange lacks in the log.
struct Wanted<'a> {
    exchange: Exchange<'a>,
    /// The message is there, and only its answer is not.
    known: Option<InboundId>,
    of_message: Collected,
    of_answer: Collected,
}

/// The media of a message, as far as they were found.
#[derive(Default)]
struct Collected {
    media: Vec<MediaRef>,
    missing: Vec<String>,
}

/// What a session's log holds of a history.
struct Known {
    /// The messages by their identity, and whether an answer is there.
    messages: BTreeMap<String, (InboundId, bool)>,
    /// Something else is there as well.
    goes_on: bool,
}

impl Store {
    /// Puts a history at the end of a session's log. What is there is not put there again; once the log holds anything
    /// else, the history has no place behind it and is left where it is.
    ///
    /// # Errors
    ///
    /// [`MediaError`]: no room, or the disk or the database failed. What was written before stays.
    pub fn take_history(
        &self,
        history: &History,
        target: &HistoryTarget<'_>,
        scope: &Scope<'_>,
        (now_ms, fetch): (u64, Fetch<'_>),
    ) -> Result<HistoryTaken, MediaError> {
        let prefix = format!("older:{}:", digest(target.source, 16));
        let known: Known = self.read(|transaction| known(transaction, target, &prefix))?;
        let exchanges = exchanges(history, &prefix, now_ms);
        let last_known = exchanges.iter().rposition(|exchange| known.messages.contains_key(&exchange.message_id));
        let mut taken = HistoryTaken::default();
        let mut wanted = Vec::new();
        for (index, exchange) in exchanges.into_iter().enumerate() {
            let answers = usize::from(exchange.answer.is_some());
            let there = known.messages.get(&exchange.message_id).copied();
            let is_behind = last_known.is_none_or(|last| index >= last) && !known.goes_on;
            let known = match there {
                Some((_, true)) => {
                    taken.there += 1 + answers;
                    continue;
                }
                Some((id, false)) => {
                    taken.there += 1;
                    if answers == 0 || !is_behind {
                        taken.late += answers;
                        continue;
                    }
                    Some(id)
                }
                None if !is_behind => {
                    taken.late += 1 + answers;
                    continue;
                }
                None => None,
            };
            let of_message = match known {
                Some(_) => Collected::default(),
                None => self.collect(exchange.message, scope, (now_ms, &mut *fetch))?,
            };
            let of_answer = match exchange.answer {
                Some((answer, _)) => self.collect(answer, scope, (now_ms, &mut *fetch))?,
                None => Collected::default(),
            };
            taken.new += usize::from(known.is_none()) + answers;
            for collected in [&of_message, &of_answer] {
                taken.media += collected.media.len();
                taken.missing.extend(collected.missing.iter().cloned());
            }
            wanted.push(Wanted { exchange, known, of_message, of_answer });
            if wanted.len() == AT_ONCE {
                self.put_exchanges(&wanted, target, now_ms)?;
                wanted.clear();
            }
        }
        self.put_exchanges(&wanted, target, now_ms)?;
        Ok(taken)
    }

    /// Writes exchanges in their order.
    fn put_exchanges(&self, wanted: &[Wanted<'_>], target: &HistoryTarget<'_>, now_ms: u64) -> Result<(), StoreError> {
        self.write(|transaction| {
            for wanted in wanted {
                let id = match wanted.known {
                    Some(id) => id,
                    None => put_message(transaction, wanted, target, now_ms)?,
                };
                if let Some((answer, at_ms)) = wanted.exchange.answer {
                    put_answer(transaction, (answer, &wanted.of_answer), (target.session, id), at_ms)?;
                }
            }
            Ok(())
        })
    }

    /// Finds the media of a message, in their order, each once.
    fn collect(
        &self,
        message: &PastMessage,
        scope: &Scope<'_>,
        (now_ms, fetch): (u64, Fetch<'_>),
    ) -> Result<Collected, MediaError> {
        let mut found = Vec::new();
        let mut collected = Collected::default();
        for medium in &message.media {
            if found.len() + collected.missing.len() == ATTACHMENTS_MAX {
                let rest = message.media.len() - ATTACHMENTS_MAX;
                collected.missing.push(format!("{rest} more: a message has at most {ATTACHMENTS_MAX} attachments"));
                break;
            }
            match self.find_past(medium, scope, (now_ms, &mut *fetch))? {
                Ok((there, spelling)) => found.push((there, Some(spelling).filter(|spelling| is_data(spelling)))),
                Err(reason) => collected.missing.push(format!("{}: {reason}", medium.label())),
            }
        }
        // Bytes that stand in the transcript may lie in a file beside it: then they are that file's medium.
        for (medium, data) in &found {
            let same = found.iter().find(|(other, data)| data.is_none() && other.sha256 == medium.sha256);
            let media = match (data, same) {
                (None, _) | (Some(_), Some(_)) => same.map_or(&medium.media, |(other, _)| &other.media).clone(),
                (Some(url), None) => match self.resolve(url, scope, Deed::Take { now_ms })?.outcome {
                    Ok(Found::Medium(medium)) => medium.media,
                    Ok(Found::Url(_)) => continue,
                    Err(refusal) => {
                        collected.missing.push(refusal.code.to_string());
                        continue;
                    }
                },
            };
            if !collected.media.contains(&media) {
                collected.media.push(media);
            }
        }
        Ok(collected)
    }

    /// Finds one medium by the first of its spellings that leads to it (case M4). The reason names no path of a host.
    fn find_past<'a>(
        &self,
        medium: &'a PastMedium,
        scope: &Scope<'_>,
        (now_ms, fetch): (u64, Fetch<'_>),
    ) -> Result<Result<(Medium, &'a str), String>, MediaError> {
        let mut reason = None;
        for spelling in &medium.spellings {
            // What a text names is only looked for among what was stored: its writer may have named anything.
            let is_trusted = medium.witness == Witness::Gateway;
            let deed = if is_trusted && !is_data(spelling) { Deed::Take { now_ms } } else { Deed::Look { now_ms } };
            if !is_trusted && matches!(read_spelling(spelling), Ok(Spelling::Data { .. })) {
                continue;
            }
            let refusal = match self.resolve(spelling, scope, deed)?.outcome {
                Ok(Found::Medium(found)) if is_trusted || self.is_stored_inbound(&found)? => {
                    return Ok(Ok((*found, spelling)));
                }
                Ok(Found::Medium(_)) => continue,
                Ok(Found::Url(url)) if is_trusted => match fetch(&url) {
                    Ok(fetched) => return Ok(Ok((fetched, spelling))),
                    Err(refusal) => refusal,
                },
                Ok(Found::Url(_)) => continue,
                Err(refusal) => refusal,
            };
            // The first is what was meant; the others were second best then, too.
            reason.get_or_insert(refusal.code);
        }
        let none = if medium.spellings.is_empty() { "its bytes were not kept" } else { "it is no stored medium" };
        Ok(Err(reason.map_or_else(|| none.to_owned(), |code| code.to_string())))
    }

    fn is_stored_inbound(&self, medium: &Medium) -> Result<bool, MediaError> {
        match self.medium(&medium.media) {
            Ok(stored) => Ok(stored.media.area == Area::Inbound),
            Err(MediaError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether the bytes stand in the text itself.
fn is_data(spelling: &str) -> bool {
    spelling.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// The messages, each with what was answered to it. What bears no moment was said with what came before it.
fn exchanges<'a>(history: &'a History, prefix: &str, now_ms: u64) -> Vec<Exchange<'a>> {
    let mut exchanges: Vec<Exchange<'a>> = Vec::new();
    let mut last_ms = None;
    for message in &history.messages {
        let at_ms = message.at_ms.or(last_ms).unwrap_or(now_ms);
        last_ms = Some(at_ms);
        match (message.speaker, exchanges.last_mut()) {
            (Speaker::User, _) => {
                let message_id = format!("{prefix}{}", digest(&message.key, 32));
                exchanges.push(Exchange { message_id, message, message_ms: at_ms, answer: None });
            }
            (Speaker::Assistant, Some(last)) => last.answer = Some((message, at_ms)),
            // A history begins with a message.
            (Speaker::Assistant, None) => {}
        }
    }
    exchanges
}

fn digest(text: &str, chars: usize) -> String {
    let mut digest = hex(&Sha256::digest(text));
    digest.truncate(chars);
    digest
}

fn known(transaction: &Transaction<'_>, target: &HistoryTarget<'_>, prefix: &str) -> Result<Known, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT i.message_id, i.id, EXISTS (SELECT 1 FROM entry e WHERE e.inbound = i.id AND e.role = 'assistant')
         FROM inbound i WHERE i.channel = ?1 AND substr(i.message_id, 1, ?2) = ?3",
    )?;
    let key = (target.channel.as_str(), limit(prefix.len()), prefix);
    let rows = statement.query_map(key, |row| Ok((row.get(0)?, (InboundId(row.get(1)?), row.get(2)?))))?;
    let messages = rows.collect::<Result<_, _>>()?;
    let mut statement = transaction.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM inbound WHERE session = ?1 AND (channel <> ?2 OR substr(message_id, 1, ?3) <> ?4))
           OR EXISTS (SELECT 1 FROM entry WHERE session = ?1 AND inbound IS NULL)",
    )?;
    let key = (target.session, target.channel.as_str(), limit(prefix.len()), prefix);
    Ok(Known { messages, goes_on: statement.query_row(key, |row| row.get(0))? })
}

/// Writes a message as one that came in and was dealt with, so that nobody answers it.
fn put_message(
    transaction: &Transaction<'_>,
    wanted: &Wanted<'_>,
    target: &HistoryTarget<'_>,
    now_ms: u64,
) -> Result<InboundId, StoreError> {
    let (exchange, collected) = (&wanted.exchange, &wanted.of_message);
    let text = bounded(&exchange.message.text, INBOUND_TEXT_BYTES_MAX);
    let mut insert = transaction.prepare_cached(
        "INSERT INTO inbound (channel, message_id, session, sender_json, conversation_json, text, sent_at_ms,
           received_ms, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'answered')",
    )?;
    let id = InboundId(insert.insert((
        target.channel.as_str(),
        &exchange.message_id,
        target.session,
        target.sender_json,
        target.conversation_json,
        &text,
        signed(exchange.message_ms)?,
        signed(now_ms)?,
    ))?);
    let mut insert = transaction.prepare_cached(
        "INSERT INTO attachment (inbound, position, json, media, failure) VALUES (?1, ?2, '{}', ?3, ?4)",
    )?;
    let media = collected.media.iter().map(|media| (Some(media.to_string()), None));
    let missing = collected.missing.iter().map(|reason| (None, Some(reason)));
    for (position, (media, failure)) in media.chain(missing).enumerate() {
        insert.execute((id.0, limit(position), media, failure))?;
    }
    refer(transaction, &collected.media, Holder::Inbound(id), target.session)?;
    let entry = NewEntry {
        session: target.session,
        role: Role::User,
        text: &text,
        media: &collected.media,
        reply: None,
        inbound: Some(id),
    };
    session::append(transaction, &entry, exchange.message_ms)?;
    Ok(id)
}

fn put_answer(
    transaction: &Transaction<'_>,
    (answer, collected): (&PastMessage, &Collected),
    (session, inbound): (&str, InboundId),
    at_ms: u64,
) -> Result<(), StoreError> {
    let mut text = bounded(&answer.text, REPLY_BYTES_MAX);
    for reason in &collected.missing {
        text.push_str(&format!("\n[An attachment is missing: {reason}]"));
    }
    let reply = answer.model.as_ref().map(|model| Reply {
        text: String::new(),
        media: Vec::new(),
        model: model.clone(),
        derivation_json: DERIVATION.to_owned(),
        usage_json: None,
    });
    let media = &collected.media;
    let (text, reply, inbound) = (text.trim_start(), reply.as_ref(), Some(inbound));
    let entry = NewEntry { session, role: Role::Assistant, text, media, reply, inbound };
    session::append(transaction, &entry, at_ms)?;
    Ok(())
}

/// A text within its bound; what goes beyond is told.
fn bounded(text: &str, bytes_max: usize) -> String {
    let kept = cut(text, bytes_max);
    match text.len() - kept.len() {
        0 => kept.to_owned(),
        rest => format!("{kept}\n[{rest} bytes more were left out]"),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
