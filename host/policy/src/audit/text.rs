//! What the text of a file says by itself: secrets in plain text and the spellings of older files, with their places.

use std::collections::BTreeMap;

use super::{Code, Finding, Severity};
use crate::ids::ProfileId;
use crate::json5::{Entry, Node, Place, Problems, Value, key_below, parse};
use crate::plaintext::{is_secret_at, is_secret_name, is_stand_in, looks_like_secret};
use crate::secret_ref::is_env_name;

/// What a file is to Creel.
#[derive(Clone, Copy, Debug)]
pub enum TextKind<'a> {
    /// The configuration; `apiKey` may name one of these stored profiles.
    Config(&'a [ProfileId]),
    /// The stored profiles.
    Profiles,
    /// A file that Creel does not read.
    Unread,
}

/// Finds secrets in plain text and older spellings. What is no JSON5 is read as lines of `NAME=value`.
#[must_use]
pub fn of_text(file: &str, text: &str, kind: TextKind<'_>) -> Vec<Finding> {
    let mut walk = Walk { file, kind, names: Vec::new(), found: Vec::new() };
    match parse(text, &Problems::new(file)) {
        Some(root) if matches!(root.value, Value::Table(_) | Value::List(_)) => walk.node(&root),
        Some(_) | None => walk.lines(text),
    }
    walk.found
}

/// Gives findings that have a key but no place the place of that key. Of a profile, that of its reference.
pub fn locate(findings: &mut [Finding], file: &str, text: &str) {
    let Some(root) = parse(text, &Problems::new(file)) else { return };
    let mut places = BTreeMap::new();
    collect(&root, &mut places);
    for finding in findings.iter_mut().filter(|finding| finding.file == file && finding.line == 0) {
        let of_profile = ["keyRef", "tokenRef", "key", "token"].map(|name| key_below(&finding.key, name));
        let keys = if finding.code == Code::RefUnresolved { &of_profile[..] } else { &[] };
        let own = std::slice::from_ref(&finding.key);
        let at = keys.iter().chain(own).find_map(|key| Some((key.clone(), *places.get(key)?)));
        if let Some((key, Place { line, column })) = at {
            (finding.key, finding.line, finding.column) = (key, line, column);
        }
    }
}

fn collect(node: &Node, places: &mut BTreeMap<String, Place>) {
    places.insert(node.key.clone(), node.place);
    match &node.value {
        Value::Table(entries) => entries.iter().for_each(|entry| collect(&entry.node, places)),
        Value::List(elements) => elements.iter().for_each(|element| collect(element, places)),
        Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

struct Walk<'a> {
    file: &'a str,
    kind: TextKind<'a>,
    /// The names on the way to what is looked at.
    names: Vec<String>,
    found: Vec<Finding>,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node) {
        match &node.value {
            Value::Table(entries) => {
                for entry in entries {
                    self.entry(entries, entry);
                }
            }
            Value::List(elements) => elements.iter().for_each(|element| self.node(element)),
            Value::Text(text) => self.text(node, text),
            Value::Null | Value::Flag(_) | Value::Number(_) => {}
        }
    }

    fn entry(&mut self, beside: &[Entry], entry: &Entry) {
        let reference = format!("{}Ref", entry.name);
        let has_reference =
            beside.iter().any(|other| other.name == reference && !matches!(other.node.value, Value::Null));
        match (&entry.node.value, self.kind) {
            (Value::Text(text), TextKind::Profiles) if has_reference && !text.trim().is_empty() => {
                let message = format!("a value stands beside `{reference}`, and is never used");
                let hint = "remove it".to_owned();
                self.add((Code::LegacyResidue, Severity::Warn), &entry.node, message, hint);
            }
            _ => {
                self.names.push(entry.name.clone());
                self.node(&entry.node);
                self.names.pop();
            }
        }
    }

    fn text(&mut self, node: &Node, text: &str) {
        let trimmed = text.trim();
        let is_secret = is_secret_at(&self.names);
        if let Some(variable) = trimmed.strip_prefix("secretref-env:").or_else(|| trimmed.strip_prefix("__env__:")) {
            let (message, hint) = if is_env_name(variable) {
                let hint = format!(
                    "write `${{{variable}}}`, or `{{ source: \"env\", provider: \"default\", id: \"{variable}\" }}`"
                );
                ("the reference is spelled as in older files", hint)
            } else {
                ("a marker of older files names no variable", "write a reference".to_owned())
            };
            return self.add((Code::LegacyResidue, Severity::Warn), node, message.to_owned(), hint);
        }
        if is_secret && trimmed == "secretref-managed" {
            let message = "it marks a secret that is kept elsewhere, and does not say where".to_owned();
            let hint = "write the reference itself: `{ source, provider, id }`".to_owned();
            return self.add((Code::LegacyResidue, Severity::Warn), node, message, hint);
        }
        if is_secret && is_env_name(trimmed) && ["_KEY", "_TOKEN", "_SECRET"].iter().any(|end| trimmed.ends_with(end)) {
            let message = format!("variable `{trimmed}` is named as older files do");
            return self.add((Code::LegacyResidue, Severity::Info), node, message, format!("write `${{{trimmed}}}`"));
        }
        if !is_stand_in(trimmed) && (is_secret || looks_like_secret(trimmed)) && !self.is_profile(trimmed) {
            let name = self.names.last().cloned().unwrap_or_default();
            self.plaintext(node, &name);
        }
    }

    fn is_profile(&self, text: &str) -> bool {
        matches!(self.kind, TextKind::Config(ids) if ids.iter().any(|id| id.as_str() == text))
    }

    fn plaintext(&mut self, node: &Node, name: &str) {
        const VAULT: &str = "keep it in the vault or in a variable, and write a reference";
        let is_setting =
            node.key.starts_with("channels.") || (node.key.starts_with("models.providers.") && !is_host_key(&node.key));
        let (code, severity, message, hint) = match self.kind {
            TextKind::Config(_) if is_setting => {
                let hint = "give it by a profile or `apiKey`, and remove it here";
                (
                    Code::PlaintextFound,
                    Severity::Error,
                    "a secret stands in plain text in a setting that a plugin sees",
                    hint,
                )
            }
            TextKind::Config(_) => (Code::PlaintextFound, Severity::Warn, "a secret stands in plain text", VAULT),
            TextKind::Profiles if matches!(name, "access" | "refresh") => {
                let message = "an OAuth token stands in plain text, since it is renewed";
                let hint = "keep the file readable by its owner alone";
                (Code::PlaintextFound, Severity::Info, message, hint)
            }
            TextKind::Profiles => (Code::PlaintextFound, Severity::Warn, "a secret stands in plain text", VAULT),
            TextKind::Unread => {
                let message = "a secret stands in plain text in a file that Creel does not read";
                (Code::LegacyResidue, Severity::Warn, message, "remove the file, or the secret from it")
            }
        };
        self.add((code, severity), node, message.to_owned(), hint.to_owned());
    }

    fn lines(&mut self, text: &str) {
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim().trim_start_matches("export ");
            let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
            let (name, value) = (name.trim(), value.trim().trim_matches(['"', '\'']));
            if is_stand_in(value) || !(is_secret_name(None, name) || looks_like_secret(value)) {
                continue;
            }
            let key = if is_env_name(name) { name.to_owned() } else { String::new() };
            let node = Node { place: Place { line: number, column: 1 }, key, value: Value::Null };
            self.plaintext(&node, name);
        }
    }

    fn add(&mut self, (code, severity): (Code, Severity), node: &Node, message: String, hint: String) {
        let Place { line, column } = node.place;
        let finding = Finding::about(code, severity, (self.file, &node.key), message, hint);
        self.found.push(Finding { line, column, ..finding });
    }
}

/// Keys of a provider that the host reads itself, and whose value no plugin sees.
fn is_host_key(key: &str) -> bool {
    key.split(['.', '[']).any(|segment| matches!(segment, "apiKey" | "headers"))
}
