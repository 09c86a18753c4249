//! What an agent may name of what lies in the store, page by page. What its grant gives it is `creel_policy`'s to say.

use creel_policy::agent::{AgentGrant, MediaReach};
use creel_policy::ids::AgentId;
use creel_policy::media::Area;
use rusqlite::CachedStatement;

use super::{MediaCursor, MediaPage, row};
use crate::db::{Store, StoreError, signed};

/// Which of the media that an agent may name are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct MediaWanted<'a> {
    /// Those of one area alone.
    pub area: Option<&'a Area>,
    /// Those that one session holds, alone.
    pub session: Option<&'a str>,
    /// When it is asked: what has ended by then is not shown.
    pub now_ms: u64,
}

impl Store {
    /// The media that an agent may name, oldest first; at most `count` of them. A page ends with one that it may name,
    /// so that where the next begins says nothing of others'.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn media_of_agent(
        &self,
        (agent, grant): (&AgentId, &AgentGrant),
        wanted: MediaWanted<'_>,
        after: Option<&MediaCursor>,
        count: usize,
    ) -> Result<MediaPage, StoreError> {
        if wanted.session.is_some_and(|session| !grant.may_read(session)) {
            return Ok(MediaPage::default());
        }
        let query = format!(
            "SELECT {} FROM media
             WHERE expired_ms IS NULL AND (?1 IS NULL OR area = ?1) AND (created_ms, area, id) > (?2, ?3, ?4)
               AND (ends_ms IS NULL OR ends_ms > ?5)
             ORDER BY created_ms, area, id",
            row::COLUMNS
        );
        let (created_ms, after_area, id) = MediaCursor::key(after)?;
        self.read(|transaction| {
            let mut held = transaction
                .prepare_cached("SELECT DISTINCT session FROM media_reference WHERE area = ?1 AND id = ?2")?;
            let mut statement = transaction.prepare_cached(&query)?;
            let values = (wanted.area.map(Area::to_string), created_ms, after_area, id, signed(wanted.now_ms)?);
            let mut media = Vec::new();
            for row in statement.query_and_then(values, row::read)? {
                if media.len() == count {
                    break;
                }
                let medium = row?.medium;
                let reach = grant.media_reach(agent, &medium.media.area);
                let key = (medium.media.area.to_string(), medium.media.id.as_str());
                let is_meant = match (reach, wanted.session) {
                    (MediaReach::Nothing, _) => false,
                    (MediaReach::All, None) => true,
                    (MediaReach::All | MediaReach::OfItsSessions, Some(session)) => {
                        is_held(&mut held, key, |holder| holder == session)?
                    }
                    (MediaReach::OfItsSessions, None) => is_held(&mut held, key, |holder| grant.may_read(holder))?,
                };
                if is_meant {
                    media.push(medium);
                }
            }
            Ok(MediaPage { next: MediaCursor::behind(&media, count), media })
        })
    }
}

fn is_held(
    held: &mut CachedStatement<'_>,
    key: (String, &str),
    is_meant: impl Fn(&str) -> bool,
) -> Result<bool, StoreError> {
    let mut rows = held.query(key)?;
    while let Some(row) = rows.next()? {
        if is_meant(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?) {
            return Ok(true);
        }
    }
    Ok(false)
}
