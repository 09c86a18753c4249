//! Turns of a conversation: from the message that came in to the reply that went out. No argument is parsed and no
//! HTTP route served here; what is allowed is `creel_policy`'s to say.

#![forbid(unsafe_code)]

mod audit;
mod builder;
mod care;
mod chain;
mod channel_task;
mod collect;
mod conversation;
mod core;
mod delivery;
mod deltas;
mod describe;
mod entropy;
mod figures;
mod held;
mod host;
mod knowledge;
mod life;
mod listen;
mod memory;
mod model;
mod opening;
mod pause;
mod placing;
mod probe;
mod question;
mod renewals;
mod reply;
mod secrets_audit;
mod send;
mod sessions;
mod status;
pub mod step;
mod take;
mod trace;
mod transcript;
mod turn;

pub use crate::core::Clock;
pub use builder::{BuildError, HostBuilder, OwnHost};
pub use chain::{Attempt, trail};
pub use entropy::entropy;
pub use figures::Answered;
pub use host::{Host, Reloaded, Setup, StartError};
pub use knowledge::{AuthQuestion, EgressExplanation, GrantedEndpoint, Knowledge, media_scope};
pub use opening::{NativeForm, NativeMedium};
pub use probe::{Probe, Prober};
pub use question::{Question, Reply, Unanswered};
pub use send::{Outgoing, Queued, SendError};
pub use status::{ProviderStatus, UseStatus, Winner};
pub use step::{Observer, Step};
pub use take::take_media;
