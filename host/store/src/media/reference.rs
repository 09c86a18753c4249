//! Who counts on a medium: messages, entries of session logs, deliveries. It is noted in the transaction that names the
//! medium, and read from there ever after; how old a medium is says nothing about it.

use creel_policy::limits::ATTACHMENTS_MAX;
use creel_policy::media::{MediaRef, mentions};
use rusqlite::{OptionalExtension as _, Transaction};

use crate::db::{Store, StoreError, signed};
use crate::session::EntrySeq;
use crate::turn::InboundId;

/// What can name a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// A message, by an attachment of it.
    Inbound(InboundId),
    /// An entry of a session log.
    Entry(EntrySeq),
    /// A delivery.
    Outbox(crate::outbox::OutboxId),
}

impl Holder {
    pub(super) fn key(self) -> (&'static str, i64) {
        match self {
            Self::Inbound(id) => ("inbound", id.0),
            Self::Entry(seq) => ("entry", seq.0),
            Self::Outbox(id) => ("outbox", id.0),
        }
    }
}

/// Somebody who names a medium, for the operator's eyes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MediaHolder {
    /// `inbound`, `entry` or `outbox`.
    pub holder: String,
    /// Its number.
    pub id: i64,
    /// The session that it belongs to.
    pub session: String,
    /// Whether the medium is kept for it: an unfinished turn, an unsettled delivery, an entry of a session that is not
    /// idle.
    pub live: bool,
}

/// Whether the reference `r` is live, where `:idle_before` is the time before which a session's last entry makes it
/// idle. A session with an unfinished turn is not: the turn replays what was said before.
macro_rules! live {
    () => {
        "CASE r.holder
           WHEN 'inbound' THEN EXISTS (
             SELECT 1 FROM inbound i WHERE i.id = r.holder_id AND i.state IN ('received', 'ready'))
           WHEN 'outbox' THEN EXISTS (
             SELECT 1 FROM outbox o WHERE o.id = r.holder_id AND o.state IN ('pending', 'under-way'))
           ELSE EXISTS (
               SELECT 1 FROM inbound i INDEXED BY inbound_next
               WHERE i.session = r.session AND i.state IN ('received', 'ready'))
             OR coalesce((SELECT e.at_ms FROM entry e WHERE e.session = r.session ORDER BY e.seq DESC LIMIT 1), 0)
               >= :idle_before
         END"
    };
}
pub(super) use live;

const HELD: &str =
    concat!("SELECT EXISTS (SELECT 1 FROM media_reference r WHERE r.area = :area AND r.id = :id AND ", live!(), ")");

const HOLDERS: &str = concat!(
    "SELECT r.holder, r.holder_id, r.session, ",
    live!(),
    " FROM media_reference r WHERE r.area = :area AND r.id = :id ORDER BY r.holder, r.holder_id"
);

/// Notes, in the transaction that names these media, that they are not forgotten at the next start.
pub(crate) fn claim(transaction: &Transaction<'_>, media: &[MediaRef]) -> Result<(), StoreError> {
    let mut claim =
        transaction.prepare_cached("UPDATE media SET claimed = 1 WHERE area = ?1 AND id = ?2 AND claimed = 0")?;
    for media in media {
        claim.execute((media.area.to_string(), media.id.as_str()))?;
    }
    Ok(())
}

/// Notes, in the transaction that names these media, who counts on them from now on.
pub(crate) fn refer(
    transaction: &Transaction<'_>,
    media: &[MediaRef],
    holder: Holder,
    session: &str,
) -> Result<(), StoreError> {
    claim(transaction, media)?;
    let mut refer = transaction.prepare_cached(
        "INSERT INTO media_reference (area, id, holder, holder_id, session) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
    )?;
    let (kind, number) = holder.key();
    for media in media {
        refer.execute((media.area.to_string(), media.id.as_str(), kind, number, session))?;
    }
    Ok(())
}

/// Whether a session has ever been given this medium, or has made it.
fn held_by(transaction: &Transaction<'_>, media: &MediaRef, session: &str) -> Result<bool, StoreError> {
    let mut statement = transaction
        .prepare_cached("SELECT 1 FROM media_reference WHERE session = ?1 AND area = ?2 AND id = ?3 LIMIT 1")?;
    let key = (session, media.area.to_string(), media.id.as_str());
    Ok(statement.query_row(key, |_| Ok(())).optional()?.is_some())
}

/// The media that a text of a session names by their handles, as far as the session holds them and they are there; of
/// anybody else's it says nothing, just as of those that never were (attack 117).
pub(crate) fn mentioned(transaction: &Transaction<'_>, text: &str, session: &str) -> Result<Vec<MediaRef>, StoreError> {
    let mut named = Vec::new();
    let mut is_there =
        transaction.prepare_cached("SELECT 1 FROM media WHERE area = ?1 AND id = ?2 AND expired_ms IS NULL")?;
    for media in mentions(text).into_iter().take(ATTACHMENTS_MAX) {
        let key = (media.area.to_string(), media.id.as_str());
        if held_by(transaction, &media, session)? && is_there.exists(key)? && !named.contains(&media) {
            named.push(media);
        }
    }
    Ok(named)
}

/// Whether anything live refers to a name, be there a row of it or none.
pub(super) fn is_held(
    transaction: &Transaction<'_>,
    (area, id): (&str, &str),
    idle_before_ms: u64,
) -> Result<bool, StoreError> {
    let mut statement = transaction.prepare_cached(HELD)?;
    let values = rusqlite::named_params! { ":area": area, ":id": id, ":idle_before": signed(idle_before_ms)? };
    Ok(statement.query_row(values, |row| row.get(0))?)
}

/// Everybody who refers to a medium.
pub(super) fn holders(
    transaction: &Transaction<'_>,
    media: &MediaRef,
    idle_before_ms: u64,
) -> Result<Vec<MediaHolder>, StoreError> {
    let mut statement = transaction.prepare_cached(HOLDERS)?;
    let (area, idle_before) = (media.area.to_string(), signed(idle_before_ms)?);
    let values = rusqlite::named_params! { ":area": area, ":id": media.id.as_str(), ":idle_before": idle_before };
    let rows = statement.query_map(values, |row| {
        Ok(MediaHolder { holder: row.get(0)?, id: row.get(1)?, session: row.get(2)?, live: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Store {
    /// Whether a session has ever been given this medium, or has made it: somebody else's is *not found* to it
    /// (attack 117).
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn media_held_by(&self, media: &MediaRef, session: &str) -> Result<bool, StoreError> {
        self.read(|transaction| held_by(transaction, media, session))
    }

    /// Whether any of the sessions that are meant has been given this medium, or has made it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn media_held_by_any(
        &self,
        media: &MediaRef,
        mut is_meant: impl FnMut(&str) -> bool,
    ) -> Result<bool, StoreError> {
        self.read(|transaction| {
            let mut statement = transaction
                .prepare_cached("SELECT DISTINCT session FROM media_reference WHERE area = ?1 AND id = ?2")?;
            let mut rows = statement.query((media.area.to_string(), media.id.as_str()))?;
            while let Some(row) = rows.next()? {
                if is_meant(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Everybody who refers to a medium, and whether it is kept for them.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn media_holders(&self, media: &MediaRef, now_ms: u64) -> Result<Vec<MediaHolder>, StoreError> {
        let idle_before_ms = self.idle_before_ms(now_ms);
        self.read(|transaction| holders(transaction, media, idle_before_ms))
    }

    /// A session whose last entry is older than this is idle.
    pub(super) fn idle_before_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.media_policy().session_idle_ms)
    }
}
