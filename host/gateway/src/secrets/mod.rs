//! `creel secrets …`: what the operator does with secrets. What a secret is, and how it is kept, is the store's.

pub(crate) mod audit;
mod entry;
pub(crate) mod vault;

pub(crate) use entry::EntryError;
