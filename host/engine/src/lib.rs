//! Runs plugins: loads components into wasmtime, calls them with bounds, and turns their commands into I/O that has
//! been judged by `creel_policy`. No HTTP server, no command line, no choice of model or credential.

#![deny(unsafe_code)]

mod added;
mod bindings;
mod body;
mod cache;
mod call;
mod calls;
mod command;
mod context;
mod credential;
mod egress;
mod engine;
mod export;
mod fault;
mod fetch;
mod files;
mod fit;
mod guest;
mod imports;
mod inert;
mod inspect;
mod limiter;
mod load;
mod log;
mod maker;
mod out;
mod placing;
mod questions;
mod reader;
mod redact;
mod renew;
mod replay;
mod resolve;
mod sign;
mod slack;
mod sweep;
mod tally;

pub use added::{AddedHeader, AddedHeaders};
pub use bindings::{catalog, channel, chat, counter, embedding, io, pictures, types};
pub use body::{Form, spliced};
pub use call::CallEnd;
pub use calls::{CatalogCall, ChannelCall, ChatCall, CounterCall, EmbeddingCall};
pub use context::{CallContext, MediaScope, Roots, Witness};
pub use credential::{Injectable, Masks, Slot, Slots};
pub use egress::{Egress, EgressRecord, chain};
pub use engine::{Engine, EngineError, EngineSettings, Places};
pub use export::{ExportError, Exporter};
pub use fault::{Fault, FaultKind};
pub use fetch::UrlFetch;
pub use fit::{FitEnd, Fitted, fit_picture};
pub use imports::LINKABLE;
pub use inspect::{Inspection, inspect};
pub use load::{Kind, LoadError, Plugin};
pub use placing::{BadInjection, Injection, Secrets};
pub use replay::ChatReplay;
pub use tally::PluginCounts;
