//! The API of agents and ordinary clients, through the program: what a client sends, what the strict fakes receive, and what
//! the client gets back.

#![expect(clippy::panic, reason = "a test that cannot be set up cannot go on")]

mod balance;
mod chat;
mod connections;
mod door;
mod errors;
mod files;
mod files_ends;
mod files_forms;
mod files_pages;
mod grants;
mod hedge;
mod mcp;
mod metrics;
mod routing;
mod rows;
mod rows_failures;
mod rows_fallbacks;
mod rows_media;
mod rows_names;
mod secrecy;
mod streams;
