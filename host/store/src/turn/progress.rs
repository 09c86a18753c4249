//! The steps of a turn behind `received`. Each is one transaction, and done again it changes nothing: a process that
//! died between a step and the news of it takes the step once more.

use creel_policy::media::MediaRef;
use rusqlite::Transaction;

use super::received::find;
use super::{AttachmentState, InboundId, InboundRecord, InboundState, Reply, TurnError};
use crate::db::{Store, limit};
use crate::limits::{REASON_BYTES_MAX, cut};
use crate::media::{Holder, mentioned, refer};
use crate::outbox::{self, NewOutbound};
use crate::session::{self, EntrySeq, NewEntry, Role};

impl Store {
    /// Notes that an attachment has become a medium.
    ///
    /// # Errors
    ///
    /// [`TurnError::UnknownAttachment`]; [`TurnError::WrongState`] when the message is past `received`.
    pub fn inbound_attachment_stored(&self, id: InboundId, position: usize, media: &MediaRef) -> Result<(), TurnError> {
        self.write(|transaction| settle_attachment(transaction, id, position, (Some(media), None)))
    }

    /// Notes that an attachment cannot be had, and why. The turn goes on without it.
    ///
    /// # Errors
    ///
    /// As [`Self::inbound_attachment_stored`].
    pub fn inbound_attachment_failed(&self, id: InboundId, position: usize, reason: &str) -> Result<(), TurnError> {
        let reason = cut(reason, REASON_BYTES_MAX);
        self.write(|transaction| settle_attachment(transaction, id, position, (None, Some(reason))))
    }

    /// Puts the message with its media into the session log; from here on it is part of the session's history.
    ///
    /// # Errors
    ///
    /// [`TurnError::AttachmentsPending`]; [`TurnError::WrongState`] when it is answered or failed.
    pub fn inbound_ready(&self, id: InboundId, now_ms: u64) -> Result<EntrySeq, TurnError> {
        self.write(|transaction| {
            let record = find(transaction, id)?;
            match record.state {
                InboundState::Received => {}
                InboundState::Ready => return Ok(session::entry_of(transaction, id, Role::User)?),
                state @ (InboundState::Answered | InboundState::Failed) => {
                    return Err(TurnError::WrongState { id, state, wanted: InboundState::Ready });
                }
            }
            let mut media = collected(&record)?;
            // What was shown before and is named again is shown again (cases K14, U12).
            let again = mentioned(transaction, &record.message.text, &record.message.session)?;
            for named in again {
                if !media.contains(&named) {
                    media.push(named);
                }
            }
            let entry = NewEntry {
                session: &record.message.session,
                role: Role::User,
                text: &record.message.text,
                media: &media,
                reply: None,
                inbound: Some(id),
            };
            let seq = session::append(transaction, &entry, now_ms)?;
            set_state(transaction, id, InboundState::Ready, None)?;
            Ok(seq)
        })
    }

    /// Makes the reply durable: in the session log and, as what is to be delivered, in the outbox. An answered message
    /// is not answered again.
    ///
    /// # Errors
    ///
    /// [`TurnError::WrongState`] when the message is not `ready` (nor `answered` already).
    pub fn reply_commit(
        &self,
        id: InboundId,
        reply: &Reply,
        deliveries: &[NewOutbound],
        now_ms: u64,
    ) -> Result<(), TurnError> {
        self.write(|transaction| {
            let record = find(transaction, id)?;
            match record.state {
                InboundState::Ready => {}
                InboundState::Answered => return Ok(()),
                state @ (InboundState::Received | InboundState::Failed) => {
                    return Err(TurnError::WrongState { id, state, wanted: InboundState::Answered });
                }
            }
            let entry = NewEntry {
                session: &record.message.session,
                role: Role::Assistant,
                text: &reply.text,
                media: &reply.media,
                reply: Some(reply),
                inbound: Some(id),
            };
            session::append(transaction, &entry, now_ms)?;
            for delivery in deliveries {
                outbox::insert(transaction, delivery, Some(id), now_ms)?;
            }
            set_state(transaction, id, InboundState::Answered, None)
        })
    }

    /// Gives a message up, with the reason, and puts an apology into the outbox. A failed message does not fail again.
    ///
    /// # Errors
    ///
    /// [`TurnError::WrongState`] when it is answered.
    pub fn inbound_failed(
        &self,
        id: InboundId,
        reason: &str,
        apology: &[NewOutbound],
        now_ms: u64,
    ) -> Result<(), TurnError> {
        self.write(|transaction| {
            let record = find(transaction, id)?;
            match record.state {
                InboundState::Received | InboundState::Ready => {}
                InboundState::Failed => return Ok(()),
                state @ InboundState::Answered => {
                    return Err(TurnError::WrongState { id, state, wanted: InboundState::Failed });
                }
            }
            for delivery in apology {
                outbox::insert(transaction, delivery, Some(id), now_ms)?;
            }
            set_state(transaction, id, InboundState::Failed, Some(cut(reason, REASON_BYTES_MAX)))
        })
    }
}

fn settle_attachment(
    transaction: &Transaction<'_>,
    id: InboundId,
    position: usize,
    (media, failure): (Option<&MediaRef>, Option<&str>),
) -> Result<(), TurnError> {
    let record = find(transaction, id)?;
    let Some(attachment) = record.attachments.get(position) else {
        return Err(TurnError::UnknownAttachment { id, position });
    };
    match (record.state, &attachment.state) {
        (InboundState::Received, AttachmentState::Pending) => {}
        // Collected before a crash, and once more after it: the first one stays.
        (_, AttachmentState::Stored(_) | AttachmentState::Failed(_)) => return Ok(()),
        (state @ (InboundState::Ready | InboundState::Answered | InboundState::Failed), AttachmentState::Pending) => {
            return Err(TurnError::WrongState { id, state, wanted: InboundState::Received });
        }
    }
    transaction
        .prepare_cached("UPDATE attachment SET media = ?3, failure = ?4 WHERE inbound = ?1 AND position = ?2")?
        .execute((id.0, limit(position), media.map(MediaRef::to_string), failure))?;
    let media = media.map_or(&[][..], std::slice::from_ref);
    Ok(refer(transaction, media, Holder::Inbound(id), &record.message.session)?)
}

fn collected(record: &InboundRecord) -> Result<Vec<MediaRef>, TurnError> {
    let mut media = Vec::new();
    let mut pending = 0;
    for attachment in &record.attachments {
        match &attachment.state {
            AttachmentState::Stored(stored) => media.push(stored.clone()),
            AttachmentState::Failed(_) => {}
            AttachmentState::Pending => pending += 1,
        }
    }
    if pending > 0 { Err(TurnError::AttachmentsPending { id: record.id, pending }) } else { Ok(media) }
}

fn set_state(
    transaction: &Transaction<'_>,
    id: InboundId,
    state: InboundState,
    reason: Option<&str>,
) -> Result<(), TurnError> {
    transaction.prepare_cached("UPDATE inbound SET state = ?2, reason = ?3 WHERE id = ?1")?.execute((
        id.0,
        state.as_str(),
        reason,
    ))?;
    Ok(())
}
