//! The doors of the crate: what they read, and what they write, word for word.
