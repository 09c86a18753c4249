//! Every rule of Creel as a pure function: what was asked and what is known go in, a verdict with its derivation
//! comes out. No I/O, no async, no clock, no environment, no logging.

#![forbid(unsafe_code)]

pub mod access;
pub mod address;
pub mod agent;
pub mod audit;
pub mod balance;
pub mod catalog;
pub mod channel_text;
pub mod config;
pub mod cooldown;
pub mod credential;
pub mod entry_headers;
pub mod fallback;
pub mod grant;
pub mod headers;
pub mod idle;
pub mod ids;
pub mod import;
mod json5;
pub mod judge;
pub mod limits;
pub mod look_alike;
pub mod manifest;
pub mod media;
pub mod moment;
pub mod origin;
pub mod plaintext;
pub mod plan;
pub mod probe;
pub mod problem;
pub mod profiles;
pub mod renewal;
pub mod route;
pub mod secret_ref;
mod settings;
