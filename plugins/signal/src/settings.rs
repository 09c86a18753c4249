//! The operator's settings of this plugin. Where the daemon is and where its files are is not among them: the host
//! keeps that to itself.

use creel_sdk::Context;
use creel_sdk::channel::{ChannelError, Fault};
use serde::Deserialize;

use crate::ids;

/// What `plugin.toml` describes under `[settings]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The phone number of the daemon's account to speak as.
    pub(crate) account: Option<String>,
    pub(crate) ignore_attachments: bool,
    pub(crate) ignore_stories: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { account: None, ignore_attachments: false, ignore_stories: true }
    }
}

impl Settings {
    /// Reads them from the call's context.
    ///
    /// # Errors
    ///
    /// A [`ChannelError`] that names what does not fit.
    pub(crate) fn read(cx: &Context) -> Result<Self, ChannelError> {
        let settings: Self = cx.settings().map_err(|error| ChannelError::new(Fault::Other, error.to_string()))?;
        match &settings.account {
            Some(account) if !ids::is_number(account) => {
                let message = "the setting `account` is not a phone number in international form, like `+15551234567`";
                Err(ChannelError::new(Fault::Other, message))
            }
            Some(_) | None => Ok(settings),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Settings, ChannelError> {
        let cx = Context { call: "call".into(), now_ms: 0, entropy: 0, settings_json: json.into() };
        Settings::read(&cx)
    }

    #[test]
    fn every_setting_has_a_default() {
        assert_eq!(read("{}").expect("settings"), Settings::default());
    }

    #[test]
    fn every_setting_is_read() {
        let json = r#"{"account":"+15551234567","ignoreAttachments":true,"ignoreStories":false}"#;
        let account = Some("+15551234567".to_owned());
        let expect = Settings { account, ignore_attachments: true, ignore_stories: false };
        assert_eq!(read(json).expect("settings"), expect);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let check = |json: &str, expect: &str| {
            let message = read(json).expect_err("a refusal").message;
            assert!(message.contains(expect), "{message}");
        };
        check(r#"{"account":"15551234567"}"#, "`account`");
        check(r#"{"acount":"+15551234567"}"#, "`acount`");
        check(r#"{"ignoreStories":"yes"}"#, "boolean");
    }

    #[test]
    fn the_manifest_describes_every_setting_and_no_other() {
        let manifest = include_str!("../plugin.toml");
        let lines = manifest.lines().filter_map(|line| line.strip_prefix("[settings.properties."));
        let names: Vec<_> = lines.filter_map(|line| line.strip_suffix(']')).collect();
        assert_eq!(names, ["account", "ignoreAttachments", "ignoreStories"]);
    }
}
