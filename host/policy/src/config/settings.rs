//! The keys of an entry that only its plugin knows, kept with their places until the plugin's manifest can judge them.
//! A secret never gets in here: a plugin sees its settings, and must never see a secret.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number as JsonNumber, Value as Json};

use crate::json5::{Entry, Node, Number, Place, Problems, Value};
use crate::manifest::Manifest;
use crate::problem::{Problem, did_you_mean, shown};
use crate::secret_ref::{DEFAULT_ALIAS, SecretRef, Source};

/// Settings of one entry of the configuration.
#[derive(Clone, Default)]
pub struct Settings {
    key: String,
    values: Map<String, Json>,
    places: BTreeMap<String, Place>,
    /// Keys that the host reads itself, to suggest when one of these was misspelt.
    host_keys: Vec<&'static str>,
}

/// Keys of channels that the older gateway knew, and what Creel has instead.
const OLDER_KEYS: [(&str, &str); 6] = [
    ("httpHost", "write the whole address in `httpUrl`"),
    ("httpPort", "write the whole address in `httpUrl`"),
    ("cliPath", "run the daemon as a service of its own, and name it in `httpUrl`"),
    ("autoStart", "run the daemon as a service of its own, and name it in `httpUrl`"),
    ("startupTimeoutMs", "run the daemon as a service of its own, and name it in `httpUrl`"),
    ("receiveMode", "Creel reads the daemon's event stream; leave it out"),
];

impl Settings {
    /// Takes the keys that are left of an entry.
    pub(super) fn read(
        key: &str,
        (host_keys, entries): (Vec<&'static str>, Vec<Entry>),
        problems: &Problems,
    ) -> Self {
        let mut settings = Self { key: key.to_owned(), host_keys, ..Self::default() };
        for Entry { name, place, node } in entries {
            if let Some(value) = json(node, problems) {
                settings.places.insert(name.clone(), place);
                settings.values.insert(name, value);
            }
        }
        settings
    }

    /// The key path of the entry, e.g. `channels.signal`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The values, by key.
    #[must_use]
    pub fn values(&self) -> &Map<String, Json> {
        &self.values
    }

    /// Reports each key that the plugin's manifest does not name as the setting of an endpoint, of a root or of its own.
    #[must_use]
    pub fn check(&self, file: &str, manifest: &Manifest) -> Vec<Problem> {
        let (known, open) = known_settings(manifest);
        if open {
            return Vec::new();
        }
        let unknown = self.places.iter().filter(|(name, _)| !known.contains(name.as_str()));
        let problems = Problems::new(file);
        for (name, place) in unknown {
            let candidates = known.iter().map(String::as_str).chain(self.host_keys.iter().copied());
            let older = OLDER_KEYS.iter().find(|(older, _)| older == name).map(|(_, instead)| (*instead).to_owned());
            let hint = older.or_else(|| did_you_mean(name, candidates));
            let message =
                format!("unknown key `{}`: neither Creel nor plugin `{}` knows it", shown(name), manifest.plugin.id);
            problems.add(*place, &crate::json5::key_below(&self.key, name), message, hint);
        }
        problems.into_sorted()
    }
}

/// The settings that a manifest names, and whether it takes any others.
fn known_settings(manifest: &Manifest) -> (BTreeSet<String>, bool) {
    let endpoints = manifest.endpoints.values().filter_map(|endpoint| endpoint.setting.clone());
    let roots = manifest.roots.values().map(|root| root.setting.clone());
    let mut known: BTreeSet<String> = endpoints.chain(roots).collect();
    let schema: Option<Json> = manifest.settings_schema.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let Some(schema) = schema else { return (known, false) };
    if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
        known.extend(properties.keys().cloned());
    }
    (known, schema.get("additionalProperties") == Some(&Json::Bool(true)))
}

/// Turns a node into the plugin's view of it; refuses secrets.
fn json(node: Node, problems: &Problems) -> Option<Json> {
    if refers_to_secret(&node.value) {
        let hint = Some("a plugin never holds a credential: give it by a profile or `apiKey`".to_owned());
        problems.add(node.place, &node.key, "the setting of a plugin cannot be a secret reference", hint);
        return None;
    }
    match node.value {
        Value::Null => Some(Json::Null),
        Value::Flag(flag) => Some(Json::Bool(flag)),
        Value::Text(text) => Some(Json::String(text.as_str().to_owned())),
        Value::Number(Number::Whole(number)) => Some(Json::Number(number.into())),
        Value::Number(number @ (Number::Real(_) | Number::NotFinite)) => {
            let real = if let Number::Real(real) = number { JsonNumber::from_f64(real) } else { None };
            if real.is_none() {
                problems.add(node.place, &node.key, "expected a finite number", None);
            }
            real.map(Json::Number)
        }
        Value::List(elements) => {
            Some(Json::Array(elements.into_iter().filter_map(|element| json(element, problems)).collect()))
        }
        Value::Table(entries) => {
            let below = |entry: Entry| json(entry.node, problems).map(|value| (entry.name, value));
            Some(Json::Object(entries.into_iter().filter_map(below).collect()))
        }
    }
}

fn refers_to_secret(value: &Value) -> bool {
    match value {
        Value::Text(text) => SecretRef::from_shorthand(text, DEFAULT_ALIAS).is_some(),
        Value::Table(entries) => {
            let text = |name: &str| {
                entries.iter().find(|entry| entry.name == name).and_then(|entry| match &entry.node.value {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                })
            };
            text("id").is_some() && text("source").is_some_and(|source| Source::parse(source).is_some())
        }
        Value::Null | Value::Flag(_) | Value::Number(_) | Value::List(_) => false,
    }
}
