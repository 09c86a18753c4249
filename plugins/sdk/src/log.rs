//! Lines for the operator's log. The host cuts them to 4 KiB; natively they go to standard error, for tests.

use crate::bindings::words::creel::plugin::log::Level;

/// Details for whoever debugs the plugin.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// Something that the operator may want to know.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Something that the operator should look at.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Something that the operator must look at.
pub fn error(message: &str) {
    write(Level::Error, message);
}

#[cfg(target_arch = "wasm32")]
fn write(level: Level, message: &str) {
    crate::bindings::words::creel::plugin::log::write(level, message);
}

#[cfg(not(target_arch = "wasm32"))]
fn write(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}
