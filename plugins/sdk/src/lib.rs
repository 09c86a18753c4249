//! Write a Creel plugin as straight-line async code.
//!
//! A plugin is a state machine without I/O; this crate drives an ordinary `async fn` over it:
//!
//! ```
//! use creel_sdk::provider::{CallError, ChatRequest, Finish, Output, Provider};
//! use creel_sdk::{Context, Io, Request};
//!
//! struct Shout;
//!
//! impl Provider for Shout {
//!     async fn complete(_: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
//!         let mut response = io.send(Request::get("api", "/v1/shout").credential("account")).await?;
//!         while let Some(chunk) = response.chunk().await? {
//!             out.text(String::from_utf8_lossy(&chunk).to_uppercase());
//!         }
//!         out.finished(Finish::Stop);
//!         Ok(())
//!     }
//! }
//! ```
//!
//! `creel_sdk::provider!(Shout);` (or `channel!`) exports it, with the crate's `plugin.toml` beside it. A provider that can
//! list its models exports that too, with `catalog!`; one that makes vectors or counts tokens, with `embedding!` and
//! `counter!`.
//! No host crate is used here, and nothing here decides what a plugin may do.

extern crate self as creel_sdk;

#[doc(hidden)]
pub mod bindings;
mod body;
pub mod catalog;
pub mod channel;
pub mod classify;
mod context;
pub mod counter;
pub mod embedding;
mod error;
mod executor;
mod inquiry;
mod io;
mod join;
pub mod log;
pub mod native;
pub mod ndjson;
pub mod picture;
pub mod provider;
mod retry;
pub mod sse;
mod stream;
#[cfg(any(test, feature = "test-kit"))]
pub mod test_kit;

pub use bindings::words::creel::plugin::io::{BodyPiece, Context, IoError, Refusal, Request};
pub use bindings::words::creel::plugin::types::{
    Media, Message, Part, Reasoning, ResultPart, Role, ToolCall, ToolResult,
};
pub use body::{BodyError, JsonBody};
pub use context::SettingsError;
pub use error::ReadError;
pub use io::{Io, Response};
pub use join::{Either, join_all, race};
pub use stream::{NdjsonStream, SseStream};

#[doc(hidden)]
pub use wit_bindgen;
