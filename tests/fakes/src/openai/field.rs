//! Single fields of a request body, with the texts of the service's own validator.

use serde_json::{Map, Value};

use super::error::ApiError;

/// The object that must stand at `at`.
pub(super) fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, ApiError> {
    value.as_object().ok_or_else(|| wrong_type(value, at, "an object"))
}

/// Refuses keys that are not in the list.
pub(super) fn keys(map: &Map<String, Value>, allowed: &[&str], at: &str) -> Result<(), ApiError> {
    match map.keys().find(|key| !allowed.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let param = join(at, key);
            Err(ApiError::invalid(format!("Unknown parameter: '{param}'.")).at(param).coded("unknown_parameter"))
        }
    }
}

/// A field that must be there and be text.
pub(super) fn text<'a>(map: &'a Map<String, Value>, key: &str, at: &str) -> Result<&'a str, ApiError> {
    match map.get(key) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(wrong_type(other, &join(at, key), "a string")),
        None => Err(missing(&join(at, key))),
    }
}

/// A field that may be left out or null.
pub(super) fn flag(map: &Map<String, Value>, key: &str, at: &str) -> Result<Option<bool>, ApiError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(wrong_type(other, &join(at, key), "a boolean")),
    }
}

/// A list that may be left out or null.
pub(super) fn list<'a>(map: &'a Map<String, Value>, key: &str, at: &str) -> Result<&'a [Value], ApiError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(wrong_type(other, &join(at, key), "an array of objects")),
    }
}

/// A whole number of at least `least` that may be left out or null.
pub(super) fn count(map: &Map<String, Value>, key: &str, least: u64) -> Result<Option<u64>, ApiError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) if u64::try_from(number).is_ok_and(|number| number >= least) => Ok(value.as_u64()),
            Some(number) => Err(ApiError::invalid(format!(
                "Invalid '{key}': integer below minimum value. Expected a value >= {least}, but got {number} instead."
            ))
            .at(key)
            .coded("integer_below_min_value")),
            None => Err(wrong_type(value, key, "an integer")),
        },
    }
}

/// A number between two others that may be left out or null.
pub(super) fn decimal(map: &Map<String, Value>, key: &str, (least, most): (f64, f64)) -> Result<Option<f64>, ApiError> {
    let value = match map.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_f64().ok_or_else(|| wrong_type(value, key, "a decimal"))?,
    };
    let (side, sign, limit, code) = match value {
        _ if value < least => ("below minimum", ">=", least, "decimal_below_min_value"),
        _ if value > most => ("above maximum", "<=", most, "decimal_above_max_value"),
        _ => return Ok(Some(value)),
    };
    let text =
        format!("Invalid '{key}': decimal {side} value. Expected a value {sign} {limit}, but got {value} instead.");
    Err(ApiError::invalid(text).at(key).coded(code))
}

/// Whether a text is made of letters, digits, `_` and `-` alone, and not longer than the service takes.
pub(super) fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(is_allowed)
}

pub(super) fn missing(param: &str) -> ApiError {
    ApiError::invalid(format!("Missing required parameter: '{param}'.")).at(param).coded("missing_required_parameter")
}

pub(super) fn wrong_type(value: &Value, param: &str, wanted: &str) -> ApiError {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let text = format!("Invalid type for '{param}': expected {wanted}, but got {kind} instead.");
    ApiError::invalid(text).at(param).coded("invalid_type")
}

/// One of several words was wanted, and another came.
pub(super) fn wrong_value(value: &str, param: &str, supported: &[&str]) -> ApiError {
    let quoted: Vec<String> = supported.iter().map(|word| format!("'{word}'")).collect();
    let list = match quoted.split_last() {
        Some((last, rest)) if rest.len() > 1 => format!("{}, and {last}", rest.join(", ")),
        Some(_) | None => quoted.join(" and "),
    };
    let text = format!("Invalid value: '{value}'. Supported values are: {list}.");
    ApiError::invalid(text).at(param).coded("invalid_value")
}

pub(super) fn join(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}
