//! What the tests share: components built by the one command, and a whole house on loopback, the scenes of
//! the stories.

#![forbid(unsafe_code)]

pub mod components;
pub mod crash;
pub mod house;
pub mod scene;
