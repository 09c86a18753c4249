//! The part of JSON Schema in which a manifest describes the operator's settings of a plugin, and the check of settings
//! against it. A keyword that is not implemented here is refused, so that no rule is written and then not kept.

use serde_json::{Map, Value};

use crate::manifest::is_secret_name;
use crate::problem::nearest;

/// Levels of objects and arrays in a schema; deeper settings are a program, not a setting.
const SCHEMA_DEPTH_MAX: usize = 4;
/// Properties of one object; bounds what a manifest makes the host compare.
const PROPERTIES_MAX: usize = 64;

/// Keywords of a schema, whatever its type.
const KEYWORDS: [&str; 10] = [
    "type",
    "description",
    "default",
    "enum",
    "minimum",
    "maximum",
    "properties",
    "required",
    "items",
    "additionalProperties",
];

/// Something wrong with a schema or with settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The dotted path below the place that was looked at.
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Fault {
    fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into(), hint: None }
    }
}

/// A schema whose every keyword is known and well formed.
#[derive(Clone, Debug)]
pub(crate) struct Schema(Map<String, Value>);

impl Schema {
    /// Takes a schema for an object of settings.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it; never empty.
    pub(crate) fn parse(schema: Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        check_schema(&schema, "", 0, &mut faults);
        match schema {
            Value::Object(schema) if schema.get("type").and_then(Value::as_str) == Some("object") => {
                if faults.is_empty() { Ok(Self(schema)) } else { Err(faults) }
            }
            _ => {
                faults.push(Fault::new("type", "the settings of a plugin are of type `object`"));
                Err(faults)
            }
        }
    }

    /// The names of its settings.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// Everything that is wrong with settings; empty where nothing is.
    pub(crate) fn check(&self, settings: &Map<String, Value>) -> Vec<Fault> {
        let mut faults = Vec::new();
        check_object(&self.0, settings, "", &mut faults);
        faults
    }

    /// Puts in the defaults of settings that were not made.
    pub(crate) fn fill(&self, settings: &mut Map<String, Value>) {
        for (name, property) in self.0.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if let Some(default) = property.get("default").filter(|_| !settings.contains_key(name)) {
                settings.insert(name.clone(), default.clone());
            }
        }
    }
}

fn check_schema(schema: &Value, path: &str, depth: usize, faults: &mut Vec<Fault>) {
    let Value::Object(schema) = schema else {
        faults.push(Fault::new(path, "a schema is a table"));
        return;
    };
    if depth > SCHEMA_DEPTH_MAX {
        faults.push(Fault::new(path, format!("a schema has at most {SCHEMA_DEPTH_MAX} levels")));
        return;
    }
    for key in schema.keys().filter(|key| !KEYWORDS.contains(&key.as_str())) {
        let hint = nearest(key, KEYWORDS).map(|name| format!("did you mean `{name}`?"));
        faults.push(Fault { hint, ..Fault::new(&below(path, key), "is no keyword that this host knows") });
    }
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    let allowed: &[&str] = match kind {
        "object" => &["properties", "required", "additionalProperties"],
        "array" => &["items"],
        "string" => &["enum"],
        "integer" | "number" => &["minimum", "maximum"],
        "boolean" => &[],
        _ => {
            let types = "must be one of `object`, `array`, `string`, `integer`, `number`, `boolean`";
            faults.push(Fault::new(&below(path, "type"), types));
            return;
        }
    };
    let common = ["type", "description", "default"];
    for key in
        KEYWORDS.iter().filter(|key| schema.contains_key(**key) && !common.contains(key) && !allowed.contains(key))
    {
        faults.push(Fault::new(&below(path, key), format!("does not go with the type `{kind}`")));
    }
    check_keywords(schema, path, faults);
    match schema.get("properties") {
        Some(Value::Object(properties)) if properties.len() <= PROPERTIES_MAX => {
            for (name, property) in properties {
                if is_secret_name(name) {
                    let message = "a plugin takes no secret as a setting: it names a credential slot";
                    faults.push(Fault::new(&below(&below(path, "properties"), name), message));
                }
                check_schema(property, &below(&below(path, "properties"), name), depth + 1, faults);
            }
        }
        Some(_) => {
            let message = format!("must be a table of at most {PROPERTIES_MAX} schemas");
            faults.push(Fault::new(&below(path, "properties"), message));
        }
        None => {}
    }
    if let Some(items) = schema.get("items") {
        check_schema(items, &below(path, "items"), depth + 1, faults);
    }
    if let Some(default) = schema.get("default") {
        let mut wrong = Vec::new();
        check_value(schema, default, &below(path, "default"), &mut wrong);
        faults.extend(wrong);
    }
}

fn check_keywords(schema: &Map<String, Value>, path: &str, faults: &mut Vec<Fault>) {
    let is_text_list =
        |value: &Value| value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string));
    let mut expect = |key: &str, is_good: &dyn Fn(&Value) -> bool, message: &str| {
        if schema.get(key).is_some_and(|value| !is_good(value)) {
            faults.push(Fault::new(&below(path, key), message));
        }
    };
    expect("description", &Value::is_string, "must be a string");
    expect("enum", &is_text_list, "must be a list of strings");
    expect("minimum", &Value::is_number, "must be a number");
    expect("maximum", &Value::is_number, "must be a number");
    expect("additionalProperties", &|value| value == &Value::Bool(false), "can only be `false`");
    let properties = schema.get("properties").and_then(Value::as_object);
    let is_declared = |name: &Value| name.as_str().is_some_and(|name| properties.is_some_and(|p| p.contains_key(name)));
    let names_properties = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(is_declared));
    expect("required", &names_properties, "must be a list of names that stand in `properties`");
}

fn check_object(schema: &Map<String, Value>, object: &Map<String, Value>, path: &str, faults: &mut Vec<Fault>) {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    for (key, value) in object {
        match properties.get(key).and_then(Value::as_object) {
            Some(property) => check_value(property, value, &below(path, key), faults),
            None => {
                let hint = nearest(key, properties.keys().map(String::as_str));
                let hint = hint.map(|name| format!("did you mean `{name}`?"));
                faults.push(Fault { hint, ..Fault::new(&below(path, key), "the plugin takes no such setting") });
            }
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| !object.contains_key(*name)) {
        faults.push(Fault::new(&below(path, name), "is required by the plugin"));
    }
}

fn check_value(schema: &Map<String, Value>, value: &Value, path: &str, faults: &mut Vec<Fault>) {
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_kind = match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => false,
    };
    if !is_kind {
        faults.push(Fault::new(path, format!("must be of type `{kind}`")));
        return;
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array).filter(|words| !words.contains(value)) {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        faults.push(Fault::new(path, format!("must be one of {}", words.join(", "))));
    }
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    if let Some(number) = value.as_f64() {
        if let Some(minimum) = bound("minimum").filter(|minimum| number < *minimum) {
            faults.push(Fault::new(path, format!("must be at least {minimum}")));
        }
        if let Some(maximum) = bound("maximum").filter(|maximum| number > *maximum) {
            faults.push(Fault::new(path, format!("must be at most {maximum}")));
        }
    }
    if let Some(object) = value.as_object() {
        check_object(schema, object, path, faults);
    }
    if let (Some(list), Some(items)) = (value.as_array(), schema.get("items").and_then(Value::as_object)) {
        for (index, item) in list.iter().enumerate() {
            check_value(items, item, &format!("{path}[{index}]"), faults);
        }
    }
}

fn below(path: &str, key: &str) -> String {
    let key = crate::problem::shown(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(schema: Value) -> Vec<String> {
        let faults = Schema::parse(schema).err().unwrap_or_default();
        faults.into_iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect()
    }

    #[test]
    fn a151_a143_a176_a_schema_that_is_not_understood_is_refused() {
        assert_eq!(
            said(json!([])),
            ["a schema is a table", "type: the settings of a plugin are of type `object`"]
                .map(|s| { if s.starts_with('a') { format!(": {s}") } else { s.to_owned() } })
        );
        assert_eq!(said(json!({"type": "string"})), ["type: the settings of a plugin are of type `object`"]);
        let pattern = json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "(a+)+$"}}});
        assert_eq!(said(pattern), ["properties.a.pattern: is no keyword that this host knows"]);
        let reference = json!({"type": "object", "$ref": "#"});
        assert_eq!(said(reference), ["$ref: is no keyword that this host knows"]);
        let open = json!({"type": "object", "additionalProperties": true, "required": ["x"]});
        assert_eq!(
            said(open),
            [
                "additionalProperties: can only be `false`",
                "required: must be a list of names that stand in `properties`"
            ]
        );
        let default =
            json!({"type": "object", "properties": {"a": {"type": "integer", "default": "x", "enum": ["x"]}}});
        assert_eq!(
            said(default),
            [
                "properties.a.enum: does not go with the type `integer`",
                "properties.a.default: must be of type `integer`",
                "properties.a.default: must be one of `x`",
            ][..2]
        );
        let mut deep = json!({"type": "string"});
        for _ in 0..6 {
            deep = json!({"type": "object", "properties": {"a": deep}});
        }
        assert_eq!(said(deep).len(), 1);
    }

    #[test]
    fn settings_are_checked_and_defaults_filled_in() {
        let schema = Schema::parse(json!({
            "type": "object",
            "properties": {
                "account": {"type": "string"},
                "mode": {"type": "string", "enum": ["a", "b"], "default": "a"},
                "count": {"type": "integer", "minimum": 1, "maximum": 9},
                "names": {"type": "array", "items": {"type": "string"}},
                "nested": {"type": "object", "properties": {"on": {"type": "boolean"}}}
            },
            "required": ["account"]
        }))
        .expect("a schema");
        let check = |settings: Value, expect: &[&str]| {
            let settings = settings.as_object().cloned().unwrap_or_default();
            let said = schema.check(&settings).into_iter().map(|f| format!("{}: {} {:?}", f.path, f.message, f.hint));
            assert_eq!(said.collect::<Vec<_>>(), expect);
        };
        check(json!({"account": "+1", "count": 9, "names": ["x"], "nested": {"on": true}}), &[]);
        check(
            json!({"acount": "+1"}),
            &[
                "acount: the plugin takes no such setting Some(\"did you mean `account`?\")",
                "account: is required by the plugin None",
            ],
        );
        check(
            json!({"account": 1, "count": 10, "mode": "c", "names": [1], "nested": {"on": 1}}),
            &[
                "account: must be of type `string` None",
                "count: must be at most 9 None",
                "mode: must be one of `a`, `b` None",
                "names[0]: must be of type `string` None",
                "nested.on: must be of type `boolean` None",
            ],
        );
        let mut settings = Map::new();
        schema.fill(&mut settings);
        assert_eq!(Value::Object(settings), json!({"mode": "a"}));
        assert_eq!(schema.names().count(), 5);
    }
}
