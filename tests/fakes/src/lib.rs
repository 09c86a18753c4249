//! Strict fakes of the services that plugins talk to, on loopback: Anthropic, Ollama and the signal-cli daemon.
//!
//! They refuse whatever the real service would refuse, remember every byte they received, and let a test wait for
//! what it wants to see instead of sleeping. Nothing of Creel is used here: a fake that shared code with the host
//! would share its mistakes.

pub mod anthropic;
pub mod ollama;
pub mod pictures;
pub mod signal;

mod answer;
mod exchange;
mod gate;
mod running;
mod sync;
mod wire;

pub use answer::{Answer, Piece};
pub use exchange::{Recorded, Refusal};
pub use gate::Gate;
pub use running::Running;
pub use sync::Overdue;
