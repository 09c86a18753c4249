//! Strict fakes of the services that plugins and the host talk to, on loopback: Anthropic, `OpenAI`, Ollama, the
//! signal-cli daemon, a token endpoint and a web server that holds files.
//!
//! They refuse whatever the real service would refuse, remember every byte they received, and let a test wait for
//! what it wants to see instead of sleeping. Nothing of Creel is used here: a fake that shared code with the host
//! would share its mistakes.
//!
//! ```
//! use creel_fakes::anthropic::{Anthropic, Config, overloaded};
//!
//! # async fn story() -> Result<(), Box<dyn std::error::Error>> {
//! let fake = Anthropic::start(Config::with_api_key("sk-ant-api03-test")).await?;
//! fake.script(overloaded()); // the next good request gets a 529, the one after it an answer
//! // … point the program under test at `fake.base_url()` …
//! let requests = fake.wait_for_requests(2).await?;
//! assert_eq!(requests[1].header("x-api-key"), Some("sk-ant-api03-test"));
//! assert!(fake.refusals().is_empty());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod anthropic;
pub mod files;
pub mod oauth;
pub mod ollama;
pub mod openai;
pub mod photographs;
pub mod pictures;
pub mod signal;

mod answer;
#[cfg(test)]
mod client;
mod exchange;
pub mod gate;
mod running;
#[cfg(test)]
mod running_tests;
mod schema;
mod sync;
mod wire;

pub use answer::{Answer, Piece};
pub use exchange::{Recorded, Refusal};
pub use gate::Gate;
pub use running::Running;
pub use sync::Overdue;
