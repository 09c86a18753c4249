//! The keys of an entry that only its plugin knows, kept with their places until the plugin's manifest can judge them.
//! A secret never gets in here: a plugin sees its settings, and must never see a secret.

use std::collections::BTreeMap;

use serde_json::{Map, Number as JsonNumber, Value as Json};

use crate::grant::{EntrySettings, GrantProblem};
use crate::json5::{Entry, Node, Number, Place, Problems, Value};
use crate::problem::{Problem, did_you_mean};
use crate::secret_ref::{DEFAULT_ALIAS, SecretRef, Source};

/// Settings of one entry of the configuration.
#[derive(Clone, Default)]
pub struct Settings {
    key: String,
    place: Place,
    values: Map<String, Json>,
    places: BTreeMap<String, Place>,
    /// Keys that the host reads itself, to suggest when one of these was misspelt.
    host_keys: Vec<&'static str>,
}

/// Keys of channels that the older gateway knew, and what Creel has instead.
pub(crate) const OLDER_KEYS: [(&str, &str); 6] = [
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
        (key, place): (&str, Place),
        (host_keys, entries): (Vec<&'static str>, Vec<Entry>),
        problems: &Problems,
    ) -> Self {
        let mut settings = Self { key: key.to_owned(), place, host_keys, ..Self::default() };
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

    /// The same as the grant takes it.
    #[must_use]
    pub fn entry(&self) -> EntrySettings {
        EntrySettings { name: self.key.clone(), values: self.values.clone() }
    }

    /// Gives what is wrong with the grant of this entry its place in the file.
    #[must_use]
    pub fn locate(&self, file: &str, problem: &GrantProblem) -> Problem {
        let path = problem.key().strip_prefix(self.key.as_str()).map_or("", |path| path.trim_start_matches('.'));
        let name = path.split(['.', '[']).next().unwrap_or_default();
        let Place { line, column } = self.places.get(name).copied().unwrap_or(self.place);
        let older = || OLDER_KEYS.iter().find(|(older, _)| *older == name).map(|(_, instead)| (*instead).to_owned());
        let of_host = || did_you_mean(name, self.host_keys.iter().copied());
        let hint = match problem {
            GrantProblem::BadSetting { hint, .. } => older().or_else(|| hint.clone()).or_else(of_host),
            GrantProblem::NoServer { .. }
            | GrantProblem::NotText { .. }
            | GrantProblem::BadServer { .. }
            | GrantProblem::Metadata { .. }
            | GrantProblem::BadDirectory { .. } => None,
        };
        let (file, key) = (file.to_owned(), problem.key().to_owned());
        Problem { file, line, column, key, message: message(problem), hint }
    }
}

/// The whole message: a problem shows one and not a chain of causes.
fn message(problem: &GrantProblem) -> String {
    match std::error::Error::source(problem) {
        Some(cause) => format!("{problem}: {cause}"),
        None => problem.to_string(),
    }
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
