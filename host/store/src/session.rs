//! The session log: what was said, in order, with media by handle. How a message becomes part of it is in `turn`.

use creel_policy::media::MediaRef;
use rusqlite::{OptionalExtension as _, Transaction};

use crate::db::{Store, StoreError, limit, signed, unsigned};
use crate::media::{Holder, refer};
use crate::turn::{InboundId, Reply, read_media_list, write_media_list};

/// Numbers the entries of all sessions, in the order in which they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct EntrySeq(pub(crate) i64);

/// Who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Who wrote to us.
    User,
    /// The model.
    Assistant,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    fn read(text: &str) -> Result<Self, StoreError> {
        let role = [Self::User, Self::Assistant].into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| StoreError::Corrupt { what: format!("role of an entry: {text:?}") })
    }
}

/// Something that was said in a session.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// Its number.
    pub seq: EntrySeq,
    /// Who said it.
    pub role: Role,
    /// The words.
    pub text: String,
    /// The media, in order.
    pub media: Vec<MediaRef>,
    /// Why attachments that were sent along are missing, one reason for each.
    pub missing: Vec<String>,
    /// Which model it was, for an answer.
    pub model: Option<String>,
    /// How route and credential of an answer came about, as JSON.
    pub derivation_json: Option<String>,
    /// Tokens that an answer used, as JSON.
    pub usage_json: Option<String>,
    /// When it was written down.
    pub at_ms: u64,
    /// The message that it is, or answers; `None` where it was sent and answers none.
    pub inbound: Option<InboundId>,
}

/// What is to be appended.
pub(crate) struct NewEntry<'a> {
    pub(crate) session: &'a str,
    pub(crate) role: Role,
    pub(crate) text: &'a str,
    pub(crate) media: &'a [MediaRef],
    pub(crate) reply: Option<&'a Reply>,
    /// The message that it is, or answers; `None` for one that answers none.
    pub(crate) inbound: Option<InboundId>,
}

impl Store {
    /// The last `count` entries of a session, oldest first. With `through`, those behind that entry are left away: a
    /// turn sees what came before it and itself, and not what came while it waited.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn history(&self, session: &str, through: Option<EntrySeq>, count: usize) -> Result<Vec<Entry>, StoreError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT seq, role, text, media_json, model, derivation_json, usage_json, at_ms, inbound
                 FROM entry WHERE session = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT ?3",
            )?;
            let through = through.map_or(i64::MAX, |seq| seq.0);
            let rows = statement.query_and_then((session, through, limit(count)), read_entry)?;
            let mut entries = rows.collect::<Result<Vec<_>, _>>()?;
            entries.reverse();
            for entry in &mut entries {
                if let (Role::User, Some(inbound)) = (entry.role, entry.inbound) {
                    entry.missing = missing(transaction, inbound)?;
                }
            }
            Ok(entries)
        })
    }

    /// The names of the sessions that something was said in and that are meant, those behind `after`, in order of their
    /// names; at most `count`. It reads as many rows as there are sessions, however much was said in each.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn session_names(
        &self,
        after: &str,
        count: usize,
        mut is_meant: impl FnMut(&str) -> bool,
    ) -> Result<Vec<String>, StoreError> {
        self.read(|transaction| {
            let mut next = transaction
                .prepare_cached("SELECT min(session) FROM entry INDEXED BY entry_by_session WHERE session > ?1")?;
            let (mut names, mut last) = (Vec::new(), after.to_owned());
            while names.len() < count {
                let Some(name) = next.query_row([&last], |row| row.get::<_, Option<String>>(0))? else { break };
                if is_meant(&name) {
                    names.push(name.clone());
                }
                last = name;
            }
            Ok(names)
        })
    }

    /// Where the last message of a session came from, as JSON; `None` where nobody has written in it yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn conversation_of(&self, session: &str) -> Result<Option<String>, StoreError> {
        self.read(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT inbound.conversation_json FROM entry JOIN inbound ON inbound.id = entry.inbound
                 WHERE entry.session = ?1 ORDER BY entry.seq DESC LIMIT 1",
            )?;
            Ok(statement.query_row([session], |row| row.get(0)).optional()?)
        })
    }
}

impl EntrySeq {
    /// The number before one that was given out; `None` before the first.
    #[must_use]
    pub fn before(number: u64) -> Option<Self> {
        let number = number.checked_sub(1).filter(|before| *before > 0)?;
        Some(Self(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

pub(crate) fn append(transaction: &Transaction<'_>, entry: &NewEntry<'_>, now_ms: u64) -> Result<EntrySeq, StoreError> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO entry (session, role, text, media_json, model, derivation_json, usage_json, at_ms, inbound)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let seq = insert.insert((
        entry.session,
        entry.role.as_str(),
        entry.text,
        write_media_list(entry.media)?,
        entry.reply.map(|reply| &reply.model),
        entry.reply.map(|reply| &reply.derivation_json),
        entry.reply.and_then(|reply| reply.usage_json.as_ref()),
        signed(now_ms)?,
        entry.inbound.map(|inbound| inbound.0),
    ))?;
    refer(transaction, entry.media, Holder::Entry(EntrySeq(seq)), entry.session)?;
    Ok(EntrySeq(seq))
}

/// The entry that a message has become, or its answer.
pub(crate) fn entry_of(transaction: &Transaction<'_>, inbound: InboundId, role: Role) -> Result<EntrySeq, StoreError> {
    let mut statement = transaction.prepare_cached("SELECT seq FROM entry WHERE inbound = ?1 AND role = ?2")?;
    Ok(EntrySeq(statement.query_row((inbound.0, role.as_str()), |row| row.get(0))?))
}

fn missing(transaction: &Transaction<'_>, inbound: InboundId) -> Result<Vec<String>, StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT failure FROM attachment WHERE inbound = ?1 AND failure IS NOT NULL ORDER BY position",
    )?;
    let failures = statement.query_map([inbound.0], |row| row.get(0))?;
    Ok(failures.collect::<Result<_, _>>()?)
}

fn read_entry(row: &rusqlite::Row<'_>) -> Result<Entry, StoreError> {
    Ok(Entry {
        seq: EntrySeq(row.get(0)?),
        role: Role::read(&row.get::<_, String>(1)?)?,
        text: row.get(2)?,
        media: read_media_list(&row.get::<_, String>(3)?)?,
        missing: Vec::new(),
        model: row.get(4)?,
        derivation_json: row.get(5)?,
        usage_json: row.get(6)?,
        at_ms: unsigned(row.get(7)?)?,
        inbound: row.get::<_, Option<i64>>(8)?.map(InboundId),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, message};
    use crate::turn::{Inserted, NewInbound};

    fn say(fixture: &Fixture, message_id: &str, session: &str, conversation: &str) {
        let said = NewInbound {
            session: session.to_owned(),
            conversation_json: conversation.to_owned(),
            ..message(message_id, 0)
        };
        let Inserted::New(id) = fixture.store.inbound_insert(&said).unwrap() else { panic!("it is new") };
        fixture.store.inbound_ready(id, 3).unwrap();
    }

    #[test]
    fn sessions_are_named_in_order_and_in_pages() {
        let fixture = Fixture::new();
        for (n, session) in ["b:2", "a:1", "c:3", "a:1", "b:1"].into_iter().enumerate() {
            say(&fixture, &n.to_string(), session, "{}");
        }
        let check = |after: &str, count: usize, is_meant: fn(&str) -> bool, expect: &[&str]| {
            assert_eq!(fixture.store.session_names(after, count, is_meant).unwrap(), expect, "{after} {count}");
        };
        check("", 10, |_| true, &["a:1", "b:1", "b:2", "c:3"]);
        check("", 2, |_| true, &["a:1", "b:1"]);
        check("b:1", 2, |_| true, &["b:2", "c:3"]);
        check("", 1, |name| name.starts_with('c'), &["c:3"]);
        check("c:3", 10, |_| true, &[]);
        check("", 0, |_| true, &[]);
    }

    #[test]
    fn a_conversation_is_that_of_the_last_message() {
        let fixture = Fixture::new();
        say(&fixture, "1", "signal:g", r#"{"id":"g","is_group":false}"#);
        say(&fixture, "2", "signal:g", r#"{"id":"g","is_group":true}"#);
        say(&fixture, "3", "signal:h", r#"{"id":"h"}"#);
        let conversation = |session| fixture.store.conversation_of(session).unwrap();
        assert_eq!(conversation("signal:g").as_deref(), Some(r#"{"id":"g","is_group":true}"#));
        assert_eq!(conversation("signal:"), None);
    }

    #[test]
    fn the_number_before_one() {
        let check = |number: u64, expect: Option<i64>| assert_eq!(EntrySeq::before(number), expect.map(EntrySeq));
        check(0, None);
        check(1, None);
        check(2, Some(1));
        check(u64::MAX, Some(i64::MAX));
    }
}
