//! What the tests share: real clients of the API, components built by the one command, an engine with calls into plugins,
//! a whole house on loopback, scenes that stories begin with, houses that are killed, the program in a home of its own,
//! the search for secrets, and the workspace as data.

#![forbid(unsafe_code)]
#![expect(clippy::panic, reason = "a test that cannot be set up cannot go on")]

pub mod clients;
pub mod components;
pub mod crash;
pub mod house;
pub mod program;
pub mod rig;
pub mod scene;
pub mod search;
pub mod workspace;
