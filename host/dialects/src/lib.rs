//! The dialects that clients of a gateway speak, seen from the server: a body becomes a [`ChatCall`], what a model says
//! becomes the events or the answer of the dialect, and a refusal becomes its error. Pure: no I/O, no clock, no media, no
//! credential, and no knowledge of plugins; media are named as the client named them, for others to resolve.

#![forbid(unsafe_code)]

mod anthropic;
mod at;
mod call;
mod data_url;
mod dialect;
mod door;
mod embeddings;
mod error;
mod files;
mod models;
mod openai_chat;
mod output;
mod overlay;
mod refusal;
mod responses;
mod sse;
#[cfg(test)]
mod tests;
mod write;

pub use call::{
    ChatCall, Content, MediaSource, Message, NamedMedia, Placed, ResponseFormat, ResultContent, Role, Tool, ToolChoice,
};
pub use dialect::Dialect;
pub use door::{read_chat, read_count, write_count};
pub use embeddings::{EmbeddingsCall, read_embeddings, write_embeddings};
pub use error::{ApiError, ErrorKind};
pub use files::{
    FORM_TEXT_BYTES_MAX, FileEntry, FileForm, FileTold, FilesCursor, FilesPlace, FilesQuery, FormField, More,
    read_files_query, write_deleted, write_file, write_files,
};
pub use models::{ModelEntry, write_model, write_models};
pub use output::{Finish, Output, Usage};
pub use refusal::{Shape, write_error};
pub use write::{Stamp, StreamWriter, WholeWriter};
