//! What the caller wants kept: the shape of each `cache_control`, and how much of a prompt counts as cached.

use serde_json::Value;

use super::error::ApiError;

/// Places that may be marked in one request.
const MARKS_MAX: usize = 4;

/// What of a prompt was written into the cache, and what was read from it, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cached {
    /// Written by this request.
    pub written: usize,
    /// Read from an earlier one.
    pub read: usize,
}

/// Checks every mark of a body, and returns what they mark: tools and system, which the fake takes for the prefix.
pub(super) fn prefix(body: &Value) -> Result<Option<String>, ApiError> {
    let mut marks = Vec::new();
    find(body, "", &mut marks);
    for (at, mark) in &marks {
        let kind = mark.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind != "ephemeral" {
            return Err(ApiError::invalid(format!(
                "{at}: Input tag '{kind}' found using 'type' does not match any of the expected tags: 'ephemeral'"
            )));
        }
        if let Some(ttl) = mark.get("ttl").filter(|ttl| *ttl != "5m" && *ttl != "1h") {
            return Err(ApiError::invalid(format!("{at}.ephemeral.ttl: Input should be '5m' or '1h', not {ttl}")));
        }
    }
    match marks.len() {
        0 => Ok(None),
        count if count > MARKS_MAX => {
            let text = format!("A maximum of {MARKS_MAX} blocks with cache_control may be provided. Found {count}.");
            Err(ApiError::invalid(text))
        }
        _ => {
            let part = |key| body.get(key).map(Value::to_string).unwrap_or_default();
            Ok(Some([part("model"), part("tools"), part("system")].concat()))
        }
    }
}

/// Looks only where a mark may stand: not into the input of a tool or into a schema, whose keys are the caller's own.
fn find<'a>(value: &'a Value, at: &str, marks: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                match key.as_str() {
                    "cache_control" if !inner.is_null() => marks.push((at, inner)),
                    "tools" | "system" | "messages" | "content" => find(inner, &at, marks),
                    _ => {}
                }
            }
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, inner)| find(inner, &format!("{at}.{index}"), marks));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
