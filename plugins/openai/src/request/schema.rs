//! JSON schemas of tools and answers, as the dialect wants them. What they are for is said in `request`.

use creel_sdk::provider::{CallError, Fault};
use serde_json::{Value, json};

/// Reads a schema; none at all is that of any object.
///
/// # Errors
///
/// `invalid-request` where it is no JSON object.
pub(super) fn parse(text: &str, of: &str) -> Result<Value, CallError> {
    if text.trim().is_empty() {
        return Ok(json!({ "type": "object", "properties": {} }));
    }
    let reason = match serde_json::from_str(text) {
        Ok(schema @ Value::Object(_)) => return Ok(schema),
        Ok(_) => "it is not an object".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(CallError::new(Fault::InvalidRequest, format!("the JSON schema of `{of}` cannot be used: {reason}")))
}

/// Reads the schema of a tool's arguments. The provider refuses one that does not say that it is an object, and an
/// object without its keys.
///
/// # Errors
///
/// As [`parse`].
pub(super) fn parameters(text: &str, of: &str) -> Result<Value, CallError> {
    let mut schema = parse(text, of)?;
    if let Value::Object(schema) = &mut schema {
        let kind = schema.entry("type").or_insert_with(|| "object".into());
        if kind == "object" {
            schema.entry("properties").or_insert_with(|| json!({}));
        }
    }
    Ok(schema)
}

/// An answer by schema. The provider holds the model to it only where it leaves nothing open, and refuses it otherwise.
pub(super) fn format(schema: Value) -> Value {
    let strict = is_closed(&schema);
    json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema, "strict": strict } })
}

/// Whether every object of the schema requires all of its keys and allows no others.
fn is_closed(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => {
            let names_object = object.get("type").is_some_and(|kind| match kind {
                Value::Array(kinds) => kinds.iter().any(|kind| kind == "object"),
                kind => kind == "object",
            });
            let is_object = object.get("properties").and_then(Value::as_object);
            let is_closed_here = match is_object {
                Some(properties) => {
                    let required = object.get("required").and_then(Value::as_array);
                    let requires = |name: &String| required.is_some_and(|list| list.iter().any(|one| one == name));
                    object.get("additionalProperties") == Some(&Value::Bool(false)) && properties.keys().all(requires)
                }
                None => !names_object,
            };
            // The names of properties are no keywords, but what stands beneath them are schemas all the same.
            is_closed_here && object.values().all(is_closed)
        }
        Value::Array(list) => list.iter().all(is_closed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_strict_where_nothing_is_open() {
        let check = |schema: &str, expected| {
            let schema = parse(schema, "x").expect("a schema");
            assert_eq!(format(schema.clone())["json_schema"]["strict"], expected, "{schema}");
        };
        let closed =
            r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}"#;
        check(closed, true);
        check(&closed.replace(r#"["a"]"#, "[]"), false);
        check(&closed.replace("false", "true"), false);
        check(&closed.replace(r#"{"type":"string"}"#, r#"{"type":"object"}"#), false);
        check(&closed.replace(r#"{"type":"string"}"#, closed), true);
        check(r#"{"type":["object","null"]}"#, false);
        check("", false);
    }

    #[test]
    fn arguments_are_those_of_an_object() {
        let check = |text, expected: Value| {
            assert_eq!(parameters(text, "t").expect("a schema"), expected, "{text}");
        };
        let empty = json!({ "type": "object", "properties": {} });
        check("", empty.clone());
        check("{}", empty.clone());
        check(r#"{"type":"object"}"#, empty);
        check(r#"{"properties":{"a":{}}}"#, json!({ "properties": { "a": {} }, "type": "object" }));
        check(r#"{"type":"string"}"#, json!({ "type": "string" }));
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        let check = |text, expected: &str| {
            let error = parse(text, "t").expect_err("it is refused");
            assert_eq!((error.fault, error.message.as_str()), (Fault::InvalidRequest, expected));
        };
        check("[1]", "the JSON schema of `t` cannot be used: it is not an object");
        check("{", "the JSON schema of `t` cannot be used: EOF while parsing an object at line 1 column 1");
    }
}
