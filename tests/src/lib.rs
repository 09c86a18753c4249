//! What the tests share: components built by the one command, a whole house on loopback, and the workspace as data.

#![forbid(unsafe_code)]

pub mod components;
pub mod house;
pub mod workspace;
