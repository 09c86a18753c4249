//! The JSON form of OTLP 1: attributes, and what stands around spans and metrics. Numbers of 64 bits are texts in it.

use serde_json::{Value, json};

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attribute {
    Text(String),
    Whole(u64),
    Texts(Vec<String>),
}

/// Attributes as OTLP writes them.
pub(super) fn attributes(attributes: &[(&'static str, Attribute)]) -> Value {
    attributes.iter().map(|(key, attribute)| json!({ "key": key, "value": value(attribute) })).collect()
}

fn value(attribute: &Attribute) -> Value {
    match attribute {
        Attribute::Text(text) => json!({ "stringValue": text }),
        Attribute::Whole(number) => json!({ "intValue": number.to_string() }),
        Attribute::Texts(texts) => {
            let values: Value = texts.iter().map(|text| json!({ "stringValue": text })).collect();
            json!({ "arrayValue": { "values": values } })
        }
    }
}

/// Who exports: the resource of all spans and metrics.
pub(super) fn resource(service_name: &str) -> Value {
    let named = [
        ("service.name", Attribute::Text(service_name.to_owned())),
        ("service.version", Attribute::Text(env!("CARGO_PKG_VERSION").to_owned())),
    ];
    json!({ "attributes": attributes(&named) })
}

/// What made them.
pub(super) fn scope() -> Value {
    json!({ "name": "creel", "version": env!("CARGO_PKG_VERSION") })
}
