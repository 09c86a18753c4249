//! The session log: what was said, in order, with media by handle. How a message becomes part of it is in `turn`.

use creel_policy::media::MediaRef;
use rusqlite::Transaction;

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
    /// The message that it is, or answers.
    pub inbound: Option<InboundId>,
}

/// What is to be appended.
pub(crate) struct NewEntry<'a> {
    pub(crate) session: &'a str,
    pub(crate) role: Role,
    pub(crate) text: &'a str,
    pub(crate) media: &'a [MediaRef],
    pub(crate) reply: Option<&'a Reply>,
    pub(crate) inbound: InboundId,
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
        entry.inbound.0,
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
