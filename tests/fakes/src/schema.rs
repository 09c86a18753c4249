//! What the fake models write where the caller demands a form: a small value that fits a JSON schema.

use serde_json::{Map, Value, json};

/// A value of the schema, whose texts are `text`. It knows what the strict forms of the services allow.
pub(crate) fn instance(schema: &Value, text: &str) -> Value {
    let first = |key: &str| schema.get(key).and_then(Value::as_array).and_then(|list| list.first());
    if let Some(value) = schema.get("const").or_else(|| first("enum")) {
        return value.clone();
    }
    if let Some(inner) = first("anyOf").or_else(|| first("allOf")) {
        return instance(inner, text);
    }
    let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    match kind {
        Some("string") => json!(text),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => Value::Array(schema.get("items").map(|items| instance(items, text)).into_iter().collect()),
        Some(_) | None => {
            let fields = schema.get("properties").and_then(Value::as_object);
            let fields = fields.into_iter().flatten().map(|(key, field)| (key.clone(), instance(field, text)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schema: &Value, expect: &Value) {
        assert_eq!(instance(schema, "hi"), *expect);
    }

    #[test]
    fn a_value_has_the_form_of_its_schema() {
        check(&json!({"type": "string"}), &json!("hi"));
        check(&json!({"type": ["integer", "null"], "minimum": 3}), &json!(3));
        check(&json!({"enum": ["red", "blue"]}), &json!("red"));
        check(&json!({"anyOf": [{"type": "boolean"}, {"type": "null"}]}), &json!(true));
        let properties = json!({"a": {"type": "array", "items": {"type": "string"}}, "b": {"const": 7}});
        check(&json!({"type": "object", "properties": properties}), &json!({"a": ["hi"], "b": 7}));
        check(&json!({"type": "object"}), &json!({}));
    }
}
