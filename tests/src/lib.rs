//! What the tests share: components built by the one command, an engine with calls into
//! plugins, a whole house on loopback, and the workspace as data.

#![forbid(unsafe_code)]

pub mod components;
pub mod house;
pub mod rig;
pub mod workspace;
