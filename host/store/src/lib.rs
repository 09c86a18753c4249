//! What Creel keeps on disk: the state directory, media, sessions, the outbox, secrets. All of it is synchronous; no
//! async and no HTTP, and nothing is decided here that `creel_policy` decides.
//!
//! Power enters by two doors that say so: [`StateRoot::open_ambient`] and [`GrantedDir::open_ambient`]. Behind them
//! files are opened beneath a held directory, segment by segment, and never over a symbolic link.

#![forbid(unsafe_code)]

mod audit;
mod beneath;
mod cursor;
mod db;
mod description;
#[cfg(test)]
mod fixture;
mod ingest;
mod limits;
mod media;
mod outbox;
mod resolve;
mod session;
mod state;
mod turn;
mod view;

pub use audit::{AuditRecord, NewAuditRecord};
pub use db::{Store, StoreError};
pub use ingest::{GrantedDir, GrantedDirError, Ingest};
pub use media::{MediaError, Medium, NewMedium, Swept};
pub use outbox::{NewOutbound, OutboxId, OutboxRow};
pub use resolve::{MediaResolution, RootReport, RootVerdict};
pub use session::{Entry, EntrySeq, Role};
pub use state::{StateError, StateLock, StateRoot};
pub use turn::{
    Attachment, AttachmentState, InboundId, InboundRecord, InboundState, Inserted, NewInbound, Reply, TurnError,
};
pub use view::MediaView;
