//! Takes a table of a file apart key by key; what nobody asked for is an error that suggests the nearest key.
//! Which keys there are is said by the callers.

use std::ops::RangeInclusive;

use crate::ids::BadId;
use crate::json5::{Entry, Node, Number, Place, Problems, Value};
use crate::problem::{did_you_mean, shown};
use crate::secret_ref::{BadSecretRef, Literal, SecretInput, SecretRef, Source};

use super::secrets::SecretsConfig;

/// A table that is being read.
pub(crate) struct Table<'p> {
    pub(crate) key: String,
    pub(crate) place: Place,
    problems: &'p Problems,
    entries: Vec<Entry>,
    asked: Vec<&'static str>,
}

impl<'p> Table<'p> {
    /// Opens a node that must be an object.
    pub(crate) fn open(node: Node, problems: &'p Problems) -> Option<Self> {
        let Node { place, key, value } = node;
        if let Value::Table(entries) = value {
            return Some(Self { key, place, problems, entries, asked: Vec::new() });
        }
        problems.add(place, &key, format!("expected an object, found {}", value.kind()), None);
        None
    }

    /// Takes what stands under a key.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Node> {
        self.asked.push(name);
        let at = self.entries.iter().position(|entry| entry.name == name)?;
        Some(self.entries.remove(at).node)
    }

    /// Tells whether a key is still there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// Takes a table of its own.
    pub(crate) fn table(&mut self, name: &'static str) -> Option<Self> {
        let problems = self.problems;
        self.take(name).and_then(|node| Self::open(node, problems))
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let problems = self.problems;
        self.take(name).and_then(|node| text(&node, problems))
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let node = self.take(name)?;
        if let Value::Flag(flag) = node.value {
            return Some(flag);
        }
        self.wrong(&node, "`true` or `false`");
        None
    }

    /// Takes a whole number within bounds.
    pub(crate) fn count(&mut self, name: &'static str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let problems = self.problems;
        self.take(name).and_then(|node| whole(&node, bounds, problems))
    }

    /// Takes a finite number that is not negative.
    pub(crate) fn amount(&mut self, name: &'static str) -> Option<f64> {
        let problems = self.problems;
        self.take(name).and_then(|node| amount(&node, problems))
    }

    /// Takes one of a few words. The word that was written is not repeated: it may be a secret in the wrong place.
    pub(crate) fn word<T: Copy>(&mut self, name: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let node = self.take(name)?;
        let written = text(&node, self.problems)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == written) {
            return Some(*meaning);
        }
        let hint = did_you_mean(&written, words.iter().map(|(word, _)| *word));
        let message = format!("expected {}", alternatives(words.iter().map(|(word, _)| *word)));
        self.problems.add(node.place, &node.key, message, hint);
        None
    }

    /// Takes an id, a model, or whatever proves its form.
    pub(crate) fn id<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, BadId>) -> Option<T> {
        let problems = self.problems;
        self.take(name).and_then(|node| id(&node, parse, problems))
    }

    /// Takes a list and reads each element; elements that cannot be read are reported and left out.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(Node, &'p Problems) -> Option<T>,
    ) -> Option<Vec<T>> {
        let node = self.take(name)?;
        let Value::List(elements) = node.value else {
            self.wrong(&node, "a list");
            return None;
        };
        Some(elements.into_iter().filter_map(|element| read(element, self.problems)).collect())
    }

    /// Takes a secret: the value, a shorthand, or a reference.
    pub(crate) fn secret(&mut self, name: &'static str, secrets: &SecretsConfig) -> Option<SecretInput> {
        let problems = self.problems;
        self.take(name).and_then(|node| secret(node, secrets, problems))
    }

    /// Refuses keys that the older gateway knew and Creel does not support, each with what to write instead.
    pub(crate) fn refuse(&mut self, keys: &[(&'static str, &'static str)]) {
        for (name, instead) in keys {
            let place = self.place_of(name);
            if let (Some(place), Some(node)) = (place, self.take(name)) {
                self.problems.add(place, &node.key, "not supported by Creel", Some((*instead).to_owned()));
            }
        }
        // They are not what somebody meant who misspelt a key.
        self.asked.retain(|asked| !keys.iter().any(|(name, _)| name == asked));
    }

    /// Refuses a key unless it holds the one meaning that Creel has anyway.
    pub(crate) fn only(&mut self, name: &'static str, allowed: &Only, instead: &str) {
        let Some(node) = self.take(name) else { return };
        let same = match (allowed, &node.value) {
            (Only::Flag(allowed), Value::Flag(flag)) => allowed == flag,
            (Only::Word(allowed), Value::Text(text)) => *allowed == text.as_str(),
            (Only::Flag(_) | Only::Word(_), _) => false,
        };
        if !same {
            let message = format!("not supported by Creel, except {allowed}");
            self.problems.add(node.place, &node.key, message, Some(instead.to_owned()));
        }
    }

    /// Refuses one word of a key that the older gateway knew and Creel does not support.
    pub(crate) fn refuse_word(&mut self, name: &'static str, word: &str, instead: &str) {
        let is_word = |entry: &Entry| {
            entry.name == name && matches!(&entry.node.value, Value::Text(text) if text.as_str() == word)
        };
        if let Some(at) = self.entries.iter().position(is_word) {
            let node = self.entries.remove(at).node;
            let message = format!("`{word}` is not supported by Creel");
            self.problems.add(node.place, &node.key, message, Some(instead.to_owned()));
        }
    }

    /// Reports whatever was not asked for.
    pub(crate) fn finish(self) {
        for Entry { name, place, node } in &self.entries {
            let hint = did_you_mean(name, self.asked.iter().copied());
            self.problems.add(*place, &node.key, format!("unknown key `{}`", shown(name)), hint);
        }
    }

    /// The keys that were asked for, and what is left: for tables whose further keys a plugin defines.
    pub(crate) fn rest(self) -> (Vec<&'static str>, Vec<Entry>) {
        (self.asked, self.entries)
    }

    /// All entries of a table whose keys are names and not known words.
    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    pub(crate) fn problem(&self, message: impl Into<String>, hint: Option<String>) {
        self.problems.add(self.place, &self.key, message, hint);
    }

    pub(crate) fn problems(&self) -> &'p Problems {
        self.problems
    }

    pub(crate) fn place_of(&self, name: &str) -> Option<Place> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.place)
    }

    fn wrong(&self, node: &Node, expected: &str) {
        self.problems.add(node.place, &node.key, format!("expected {expected}, found {}", node.value.kind()), None);
    }
}

/// The one value of an older key that Creel can take.
pub(crate) enum Only {
    Flag(bool),
    Word(&'static str),
}

impl std::fmt::Display for Only {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "`{flag}`"),
            Self::Word(word) => write!(f, "`{word}`"),
        }
    }
}

/// Reads a string that is not empty.
pub(crate) fn text(node: &Node, problems: &Problems) -> Option<String> {
    match &node.value {
        Value::Text(text) if text.trim().is_empty() => {
            problems.add(node.place, &node.key, "expected a string, found an empty one", None);
            None
        }
        Value::Text(text) => Some(text.as_str().to_owned()),
        other => {
            problems.add(node.place, &node.key, format!("expected a string, found {}", other.kind()), None);
            None
        }
    }
}

/// Reads a whole number within bounds.
pub(crate) fn whole(node: &Node, bounds: RangeInclusive<u64>, problems: &Problems) -> Option<u64> {
    let message = match node.value {
        Value::Number(Number::Whole(number)) => match u64::try_from(number) {
            Ok(number) if bounds.contains(&number) => return Some(number),
            Ok(_) | Err(_) => format!("expected a whole number from {} to {}", bounds.start(), bounds.end()),
        },
        Value::Number(_) => format!("expected a whole number from {} to {}", bounds.start(), bounds.end()),
        _ => format!("expected a whole number, found {}", node.value.kind()),
    };
    problems.add(node.place, &node.key, message, None);
    None
}

/// Reads a finite number that is not negative.
pub(crate) fn amount(node: &Node, problems: &Problems) -> Option<f64> {
    match node.value {
        #[expect(clippy::cast_precision_loss, reason = "amounts are small, and a rounding error is harmless")]
        Value::Number(Number::Whole(number)) if number >= 0 => Some(number as f64),
        Value::Number(Number::Real(number)) if number >= 0.0 => Some(number),
        Value::Number(_) => {
            problems.add(node.place, &node.key, "expected a finite number that is not negative", None);
            None
        }
        _ => {
            problems.add(node.place, &node.key, format!("expected a number, found {}", node.value.kind()), None);
            None
        }
    }
}

/// Reads something that proves its form. What was written is not repeated: it may be a secret in the wrong place.
pub(crate) fn id<T>(node: &Node, parse: fn(&str) -> Result<T, BadId>, problems: &Problems) -> Option<T> {
    let written = text(node, problems)?;
    checked_id(&written, parse, (node.place, &node.key), problems)
}

/// Reads a key of a table whose value is a string that may be a secret.
pub(crate) fn name_literal(entry: Entry, problems: &Problems) -> Option<(String, Literal)> {
    let Value::Text(value) = &entry.node.value else {
        let message = format!("expected a string, found {}", entry.node.value.kind());
        problems.add(entry.node.place, &entry.node.key, message, None);
        return None;
    };
    Literal::new(value).map(|value| (entry.name, value))
}

/// Reads a key of a table as an id.
pub(crate) fn name<T>(entry: &Entry, parse: fn(&str) -> Result<T, BadId>, problems: &Problems) -> Option<T> {
    checked_id(&entry.name, parse, (entry.place, &entry.node.key), problems)
}

fn checked_id<T>(
    written: &str,
    parse: fn(&str) -> Result<T, BadId>,
    (place, key): (Place, &str),
    problems: &Problems,
) -> Option<T> {
    parse(written)
        .map_err(|BadId { kind, rule, .. }| problems.add(place, key, format!("not a {kind}: expected {rule}"), None))
        .ok()
}

/// Reads a secret, and checks a reference against the declared providers.
pub(crate) fn secret(node: Node, secrets: &SecretsConfig, problems: &Problems) -> Option<SecretInput> {
    let (place, key) = (node.place, node.key.clone());
    let input = secret_input(node, secrets, problems)?;
    if let Some(Err(refusal)) = input.reference().map(|reference| secrets.judge(reference)) {
        problems.add(place, &key, refusal.to_string(), None);
        return None;
    }
    Some(input)
}

/// Reads a secret without asking whether its provider is declared.
pub(crate) fn secret_input(node: Node, secrets: &SecretsConfig, problems: &Problems) -> Option<SecretInput> {
    match node.value {
        Value::Text(written) => {
            if let Some(reference) = SecretRef::from_shorthand(&written, secrets.default_alias(Source::Env)) {
                return Some(SecretInput::Ref(reference));
            }
            let literal = Literal::new(&written);
            if literal.is_none() {
                let hint = Some("write `${NAME}` to take it from the environment".to_owned());
                problems.add(node.place, &node.key, "the secret is empty", hint);
            }
            literal.map(SecretInput::Literal)
        }
        Value::Table(_) => secret_ref(node, secrets, problems).map(SecretInput::Ref),
        other => {
            let message = format!("expected a secret (a string or a reference), found {}", other.kind());
            problems.add(node.place, &node.key, message, None);
            None
        }
    }
}

/// Reads `{source, provider, id}`; the provider may be left out, as older files do.
fn secret_ref(node: Node, secrets: &SecretsConfig, problems: &Problems) -> Option<SecretRef> {
    let mut table = Table::open(node, problems)?;
    for name in ["source", "id"] {
        if !table.has(name) {
            table.problem(format!("the secret reference has no `{name}`"), None);
        }
    }
    let source = table.word("source", &Source::ALL.map(|source| (source.as_str(), source)));
    let missing_provider = !table.has("provider");
    let provider = table.text("provider");
    let id_node = table.take("id");
    // A16: an object with any further key is no reference.
    let extra = !table.entries.is_empty();
    let (key, place) = (table.key.clone(), table.place);
    table.finish();
    if extra {
        return None;
    }
    let source = source?;
    let provider = if missing_provider { Some(secrets.default_alias(source).to_owned()) } else { provider }?;
    let id_node = id_node?;
    let Value::Text(id) = &id_node.value else {
        problems.add(id_node.place, &id_node.key, format!("expected a string, found {}", id_node.value.kind()), None);
        return None;
    };
    let reference = SecretRef::parse(source, &provider, id).map_err(|bad| {
        let at = if bad == BadSecretRef::Alias { (place, &key) } else { (id_node.place, &id_node.key) };
        problems.add(at.0, at.1, bad.to_string(), None);
    });
    reference.ok()
}

/// `a`, `a` or `b`, `a`, `b` or `c`, in backticks.
pub(crate) fn alternatives<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
