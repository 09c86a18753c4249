//! Single fields of a request body, with the texts of the service's own validator.

use serde_json::Value;

use super::error::ApiError;

/// Refuses keys that are not in the list.
pub(super) fn keys(value: &Value, allowed: &[&str], at: &str) -> Result<(), ApiError> {
    let unknown = value.as_object().and_then(|map| map.keys().find(|key| !allowed.contains(&key.as_str())));
    match unknown {
        None => Ok(()),
        Some(key) => Err(ApiError::invalid(format!("{}: Extra inputs are not permitted", join(at, key)))),
    }
}

/// A field that must be there and be text.
pub(super) fn text_field<'a>(value: &'a Value, key: &str, at: &str) -> Result<&'a str, ApiError> {
    match value.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(ApiError::invalid(format!("{}: Input should be a valid string", join(at, key)))),
        None => Err(ApiError::invalid(format!("{}: Field required", join(at, key)))),
    }
}

/// Whether a text is made of letters, digits, `_` and `-` alone.
pub(super) fn is_name(text: &str, length_max: usize) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !text.is_empty() && text.len() <= length_max && text.bytes().all(is_allowed)
}

/// A field that must be there and be a whole number above zero.
pub(super) fn count_field(body: &Value, key: &str) -> Result<u64, ApiError> {
    match body.get(key).map(Value::as_u64) {
        Some(Some(0)) => Err(ApiError::invalid(format!("{key}: Input should be greater than or equal to 1"))),
        Some(Some(count)) => Ok(count),
        Some(None) => Err(ApiError::invalid(format!("{key}: Input should be a valid integer"))),
        None => Err(ApiError::invalid(format!("{key}: Field required"))),
    }
}

fn join(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}
