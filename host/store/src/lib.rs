//! What Creel keeps on disk: the state directory, media, sessions, the outbox, secrets. All of it is synchronous; no
//! async and no HTTP, and nothing is decided here that `creel_policy` decides.
//!
//! Power enters by doors that say so: [`state::StateRoot::open_ambient`], [`ingest::GrantedDir::open_ambient`] and, for
//! reading alone, [`older::OlderDir::open_ambient`]. Behind them files are opened beneath a held directory, segment by segment, and never over a symbolic link.

#![forbid(unsafe_code)]

mod beneath;
mod command;
mod cursor;
mod db;
mod description;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod fixture;
mod ledger;
mod limits;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod properties;
mod within;

pub mod agents;
pub mod audit;
pub mod fitted;
pub mod history;
pub mod ingest;
pub mod media;
pub mod older;
pub mod out;
pub mod outbox;
pub mod resolve;
pub mod secrets;
pub mod session;
pub mod state;
pub mod turn;
pub mod vault;
pub mod view;

pub use db::{Store, StoreError};
