//! The dialects that clients of a gateway speak, seen from the server: a body becomes a [`ChatCall`], what a model says
//! becomes the events or the answer of the dialect, and a refusal becomes its error. Pure: no I/O, no clock, no media, no
//! credential, and no knowledge of plugins; media are named as the client named them, for others to resolve.

#![forbid(unsafe_code)]

mod anthropic;
mod at;
mod call;
mod dialect;
mod error;
mod output;
mod overlay;
mod responses;
mod sse;

pub use call::{
    ChatCall, Content, MediaSource, Message, NamedMedia, Placed, ResponseFormat, ResultContent, Role, Tool, ToolChoice,
};
pub use dialect::Dialect;
pub use error::{ApiError, ErrorKind};
pub use output::{Finish, Output, Usage};
