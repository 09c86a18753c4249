//! What an agent may do with its token: how the token is written, what its grant says, and whether a request is
//! admitted. Nothing here knows which agents there are, keeps a count or asks what time it is.

mod admit;
mod cost;
mod file;
mod grant;
mod pattern;
mod token;
mod usage;

pub use admit::{Admitted, AgentRefusal, Asked, LimitRule, admit, no_such_model};
pub use cost::{TokenCount, micro_usd};
pub use grant::{AgentGrant, Limits, MediaReach, Need, SharedArea};
pub use pattern::{ChannelRule, ModelPattern, SessionPattern};
pub use token::{AgentToken, BadToken};
pub use usage::{DAY_MS, DayUsage, MINUTE_MS, Reservation, Usage, day_of};
