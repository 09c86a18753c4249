//! What each text of a manifest must look like. Nothing here knows where a text stands or what the operator says.

use super::{CredentialClass, Input};
use crate::address;
use crate::headers;
use crate::ids::PluginId;
use crate::limits;
use crate::origin::{BaseUrl, Host, Scheme, check_fixed_path};

/// Methods that a request may have.
pub(crate) const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// Keys of an operator's entry that are the host's own and never a plugin's origin or directory.
const HOST_SETTINGS: [&str; 13] = [
    "apiKey",
    "api",
    "auth",
    "authHeader",
    "headers",
    "models",
    "plugin",
    "enabled",
    "dmPolicy",
    "allowFrom",
    "groupPolicy",
    "groupAllowFrom",
    "settings",
];

pub(super) fn any(text: &str) -> Result<String, &'static str> {
    Ok(text.to_owned())
}

pub(super) fn plugin_id(text: &str) -> Result<PluginId, String> {
    let id = PluginId::parse(text).map_err(|error| error.to_string())?;
    // A prefix that sounds like the host's own would be trusted more than it is (attack 155).
    if text == "creel" || text.starts_with("creel-") {
        return Err("`creel` and names that begin with `creel-` are reserved".to_owned());
    }
    Ok(id)
}

/// Semantic version, e.g. `1.0.0` or `1.0.0-rc.1`.
pub(super) fn version(text: &str) -> Result<String, &'static str> {
    const RULE: &str = "must be a version of three numbers, e.g. `0.1.0`";
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    let is_version = text.len() <= 64
        && numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && text.bytes().all(is_plain);
    if is_version { Ok(text.to_owned()) } else { Err(RULE) }
}

pub(super) fn summary(text: &str) -> Result<String, &'static str> {
    let is_line = text.chars().count() <= 200 && !text.chars().any(char::is_control);
    if is_line { Ok(text.to_owned()) } else { Err("must be one line of at most 200 characters") }
}

pub(super) fn api(text: &str) -> Result<String, &'static str> {
    name(text)?;
    Ok(text.to_owned())
}

/// The names a plugin uses for its endpoints, slots and roots.
pub(super) fn name(text: &str) -> Result<(), &'static str> {
    let is_name = (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && text.starts_with(|c: char| c.is_ascii_lowercase());
    if is_name { Ok(()) } else { Err("a name has 1 to 64 of `a-z`, `0-9` and `-`, beginning with a letter") }
}

/// The key of the operator's entry that a plugin takes an origin or a directory from.
pub(super) fn setting(text: &str) -> Result<(), &'static str> {
    let is_key = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && text.starts_with(|c: char| c.is_ascii_alphabetic());
    if !is_key {
        return Err("a setting has 1 to 64 of `A-Z`, `a-z`, `0-9` and `_`, beginning with a letter");
    }
    if HOST_SETTINGS.contains(&text) || is_secret_name(text) {
        return Err("this setting is the host's own");
    }
    Ok(())
}

/// Whether a setting of this name holds a secret: the last word says so (`botToken`, `client_secret`, not `maxTokens`).
pub(crate) fn is_secret_name(key: &str) -> bool {
    let mut words: Vec<String> = vec![String::new()];
    let mut was_lower = false;
    for c in key.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        was_lower = !c.is_uppercase();
    }
    words.retain(|word| !word.is_empty());
    let joined = words.concat();
    let is_secret = ["token", "secret", "password", "passwd", "passphrase", "credential", "credentials"];
    let ends = ["apikey", "accesskey", "privatekey", "secretkey", "authkey", "signingkey", "encryptionkey"];
    words.last().is_some_and(|word| is_secret.contains(&word.as_str()))
        || is_secret.contains(&joined.as_str())
        || ends.iter().any(|end| joined.ends_with(end))
}

/// The server that a plugin means when the operator says nothing. It may be this machine, and otherwise must be
/// reached over TLS at a public place: a manifest cannot point into the operator's network.
pub(super) fn default_base(text: &str) -> Result<String, String> {
    let base = BaseUrl::parse(text).map_err(|error| error.to_string())?;
    let host = base.origin.host();
    if address::is_loopback(host) {
        return Ok(base.to_string());
    }
    if base.origin.scheme() == Scheme::Http {
        return Err("a default that is not this machine must be `https`".to_owned());
    }
    let literal: Option<std::net::IpAddr> = match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
    };
    match address::vet(host, literal.as_slice(), false) {
        Ok(()) | Err(address::AddressRefusal::NoAddress { .. }) => Ok(base.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn method(text: &str) -> Result<String, String> {
    if METHODS.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("must be one of `{}`", METHODS.join("`, `")))
    }
}

/// An exact path, or a prefix that ends in `/*`. No other pattern exists, so none may be written (attack 176).
pub(super) fn allow_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') || text.len() > limits::PATH_BYTES_MAX {
        return Err("a path begins with `/`".to_owned());
    }
    let fixed = text.strip_suffix("/*").unwrap_or(text);
    if fixed.contains(['*', '{', '}', '[', ']', '?', '#', ':']) && !is_plain_colon(fixed) {
        return Err("a path is exact, or ends in `/*` for everything below it".to_owned());
    }
    if fixed.bytes().any(|b| !b.is_ascii_graphic()) || fixed.contains("//") {
        return Err("a path is written as it goes over the wire, without `//`".to_owned());
    }
    check_fixed_path(fixed).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// A colon is a letter of a path (`/models/x:generate`) unless it opens a parameter (`/:id`).
fn is_plain_colon(path: &str) -> bool {
    !path.contains(['*', '{', '}', '[', ']', '?', '#']) && !path.contains("/:")
}

pub(super) fn class(text: &str) -> Result<CredentialClass, &'static str> {
    match text {
        "api_key" => Ok(CredentialClass::ApiKey),
        "token" => Ok(CredentialClass::Token),
        "oauth" => Ok(CredentialClass::Oauth),
        _ => Err("must be one of `api_key`, `token`, `oauth`"),
    }
}

/// The name of a variable that may hold a credential. What steers the host itself is not for sending.
pub(super) fn environment(text: &str) -> Result<String, &'static str> {
    let is_name = (2..=128).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
        && text.starts_with(|c: char| c.is_ascii_uppercase());
    if !is_name {
        return Err("a variable has 2 to 128 of `A-Z`, `0-9` and `_`, beginning with a letter");
    }
    let is_host = text.starts_with("CREEL_") || matches!(text, "PATH" | "HOME" | "USER" | "SHELL" | "PWD" | "LANG");
    if is_host { Err("this variable is the host's own") } else { Ok(text.to_owned()) }
}

/// The header that a credential goes into.
pub(super) fn place_header(text: &str) -> Result<String, &'static str> {
    header_name(text)?;
    Ok(text.to_owned())
}

/// A header that goes with a credential. It carries no credential itself: a slot has one (attack 67).
pub(super) fn with_header(text: &str, own: &[&str]) -> Result<(), &'static str> {
    header_name(text)?;
    if own.contains(&text) || headers::holds_credential(text) {
        return Err("a header that goes with a credential carries none itself");
    }
    Ok(())
}

/// Text that is part of a header's value.
pub(super) fn header_text(text: &str) -> Result<String, &'static str> {
    let is_text = text.len() <= 256 && text.bytes().all(|b| matches!(b, b' '..=b'~'));
    if is_text { Ok(text.to_owned()) } else { Err("must be at most 256 printable ASCII characters") }
}

pub(super) fn model(text: &str) -> Result<String, &'static str> {
    let fixed = text.strip_suffix('*').unwrap_or(text);
    let is_id = text.len() <= 200
        && !text.is_empty()
        && !fixed.contains('*')
        && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if is_id { Ok(text.to_owned()) } else { Err("must be a model's name, with `*` at most at its end") }
}

pub(super) fn input(text: &str) -> Result<Input, &'static str> {
    match text {
        "text" => Ok(Input::Text),
        "image" => Ok(Input::Image),
        "audio" => Ok(Input::Audio),
        "video" => Ok(Input::Video),
        "document" => Ok(Input::Document),
        _ => Err("must be one of `text`, `image`, `audio`, `video`, `document`"),
    }
}

/// The content type of a picture that a receiver takes.
pub(super) fn picture_type(text: &str) -> Result<String, &'static str> {
    let is_plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'+' | b'.');
    let is_type = text.strip_prefix("image/").is_some_and(|sub| !sub.is_empty() && sub.bytes().all(is_plain));
    if is_type && text.len() <= 64 {
        Ok(text.to_owned())
    } else {
        Err("must be the content type of a picture in lower case, e.g. `image/png`")
    }
}

fn header_name(text: &str) -> Result<(), &'static str> {
    if text != text.to_ascii_lowercase() || !headers::is_token(text) || text.len() > 64 {
        return Err("a header's name is a lower-case token");
    }
    if headers::frames_message(text) {
        return Err("this header frames the message and is the host's own");
    }
    Ok(())
}
