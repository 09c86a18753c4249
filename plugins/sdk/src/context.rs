//! The moment that a call runs in: its settings and its random bits. No clock and no environment: there are none.

use serde::de::DeserializeOwned;

use crate::bindings::words::creel::plugin::io::Context;

/// The operator's settings are not what the plugin understands.
#[derive(Debug, thiserror::Error)]
#[error("the settings of this plugin do not fit: {0}")]
pub struct SettingsError(serde_json::Error);

impl Context {
    /// Reads the operator's settings of this plugin.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when they are not of the type `T`.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, SettingsError> {
        serde_json::from_str(&self.settings_json).map_err(SettingsError)
    }
}
