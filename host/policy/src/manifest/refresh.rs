//! `[credentials.<slot>.refresh]`: where the host renews an OAuth access token. Whether one is renewed is
//! `credential`'s to say, and how `renewal`'s.

use super::place::Settings;
use super::read::{Reader, Table};
use super::rules;
use crate::origin::BaseUrl;
use crate::renewal::{self, NamedBy, token_url};

/// A grant of its own: one `POST` to exactly that address, made by the host and never by the plugin.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct RefreshRule {
    /// Where the token is renewed.
    pub token_url: BaseUrl,
    /// The key of the operator's entry that overrides it.
    pub setting: Option<String>,
    /// As which client, where the profile does not say.
    pub client_id: Option<String>,
    /// What the new token is for; `None`: what the old one was for.
    pub scope: Option<String>,
    /// How the request is written.
    pub style: RefreshStyle,
    /// Whether the address may be one that is not public: this machine alone, where the operator says so.
    pub may_be_private: bool,
}

/// How the request for a new token is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshStyle {
    /// A form, as RFC 6749 has it.
    #[default]
    Form,
    /// A JSON object.
    Json,
}

/// Reads the table `refresh` of a slot.
pub(super) fn read_refresh(
    reader: &mut Reader<'_>,
    table: &Table<'_>,
    settings: &mut Settings<'_>,
) -> Option<RefreshRule> {
    reader.only(table, &["token_url", "setting", "client_id", "scope", "style"]);
    let token_url = reader.required(table, "token_url", |text| token_url(text, NamedBy::Manifest));
    let setting = reader.parsed(table, "setting", |text| {
        rules::setting(text)?;
        let is_free = !settings.taken.contains(text) && settings.placed.insert(text.to_owned());
        if is_free { Ok(text.to_owned()) } else { Err("is used twice in this manifest") }
    });
    let client_id = reader.parsed(table, "client_id", renewal::client_id);
    let scope = reader.parsed(table, "scope", renewal::scope);
    let style = reader.parsed(table, "style", |text| match text {
        "form" => Ok(RefreshStyle::Form),
        "json" => Ok(RefreshStyle::Json),
        _ => Err("must be `form` or `json`"),
    });
    let style = style.unwrap_or_default();
    Some(RefreshRule { token_url: token_url?, setting, client_id, scope, style, may_be_private: false })
}
