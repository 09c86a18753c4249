//! What the tests share: components built by the one command, and a whole house on loopback.

#![forbid(unsafe_code)]

pub mod components;
pub mod house;
