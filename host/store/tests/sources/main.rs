//! Where secrets come from, through the public door: real files, real commands, a real vault. Rows of the shared cases
//! are named by their ids.
//!
//! Where the design overrules a row: B16 and B21 (nothing is all-or-nothing: a reference that fails disables its owner,
//! and everything else stays up), B22 (the host decides on a reload; here it is shown that two snapshots do not meet).

#![expect(clippy::disallowed_methods, reason = "tests arrange files and look at processes")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "what a helper of a test cannot do fails the test")]

mod commands;
mod files;
mod lab;
mod snapshots;
