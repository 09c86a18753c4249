//! `auth-profiles.json`, the shared one and those of the agents, become one: there is one agent in Creel. Profiles keep
//! their format. What can be used by nobody is left out.

use super::config::plain_secret;
use super::render::{Form, Remarks, render};
use super::rewrite::legacy_reference;
use super::{Note, NoteKind, PlainSecret, Plaintext, SecretText, SourceFile, VaultNames, tree};
use crate::config::SecretsConfig;
use crate::ids::ProfileId;
use crate::json5::{Entry, Node, Number, Place, Problems, Value, parse};
use crate::plaintext::is_stand_in;
use crate::problem::{Problem, shown};
use crate::profiles::parse_profiles;

/// What the stored profiles of the older gateway came to.
pub struct ImportedProfiles {
    /// Our `auth-profiles.json`; `None` where there is no profile.
    pub text: Option<SecretText>,
    /// The profiles in it.
    pub ids: Vec<ProfileId>,
    /// What was left out or changed.
    pub notes: Vec<Note>,
    /// The secrets that stand in the source in plain text.
    pub secrets: Vec<PlainSecret>,
    /// What our own reader says to `text`: nothing, or the import must not be written.
    pub problems: Vec<Problem>,
}

struct Import<'n> {
    merged: Node,
    notes: Vec<Note>,
    secrets: Vec<PlainSecret>,
    plaintext: Plaintext,
    names: &'n mut VaultNames,
}

/// The tables of the file that are merged name by name; of two that differ the first stays.
const TABLES: [&str; 4] = ["profiles", "order", "lastGood", "usageStats"];

/// Translates and merges stored profiles. What an earlier file says stays; a later one adds to it.
///
/// # Errors
///
/// What is wrong with the syntax of a source.
pub fn import_profiles(
    sources: &[SourceFile<'_>],
    (plaintext, names): (Plaintext, &mut VaultNames),
) -> Result<ImportedProfiles, Vec<Problem>> {
    let whole = Place { line: 1, column: 1 };
    let merged = Node { place: whole, key: String::new(), value: Value::Table(Vec::new()) };
    let mut import = Import { merged, notes: Vec::new(), secrets: Vec::new(), plaintext, names };
    tree::put(&mut import.merged, "version", whole, Value::Number(Number::Whole(1)));
    for source in sources {
        let problems = Problems::new(source.name);
        let root = parse(source.text, &problems);
        let problems = problems.into_sorted();
        let Some(root) = root.filter(|_| problems.is_empty()) else { return Err(problems) };
        import.add(source.name, root);
    }
    let Import { merged, notes, secrets, .. } = import;
    if tree::get(&merged, "profiles").is_none_or(|profiles| tree::entries(profiles).is_empty()) {
        return Ok(ImportedProfiles { text: None, ids: Vec::new(), notes, secrets, problems: Vec::new() });
    }
    let text = render(&merged, Form::Json, &[], &Remarks::new());
    let (ids, problems) = match parse_profiles("auth-profiles.json", &text, &SecretsConfig::default()) {
        Ok(read) => (read.profiles.into_iter().map(|profile| profile.id).collect(), read.problems),
        Err(problems) => (Vec::new(), problems),
    };
    Ok(ImportedProfiles { text: Some(text), ids, notes, secrets, problems })
}

impl Import<'_> {
    fn add(&mut self, file: &str, mut root: Node) {
        let unusable = unusable(file, &root);
        let Value::Table(entries) = &mut root.value else {
            let message = format!("expected an object, found {}", root.value.kind());
            self.notes.push(Note::about(NoteKind::LeftOut, file, message, None));
            return;
        };
        for entry in std::mem::take(entries) {
            match entry.name.as_str() {
                "version" => {}
                "profiles" => self.profiles(file, entry, &unusable),
                name if TABLES.contains(&name) => self.table(file, entry),
                name => {
                    let message = format!("`{}` is not read by Creel", shown(name));
                    self.note(NoteKind::LeftOut, file, (entry.place, &entry.node.key), &message);
                }
            }
        }
    }

    fn profiles(&mut self, file: &str, profiles: Entry, unusable: &[(String, String)]) {
        let Value::Table(entries) = profiles.node.value else {
            self.note(NoteKind::LeftOut, file, (profiles.place, &profiles.node.key), "it is no object");
            return;
        };
        for mut entry in entries {
            let at = (entry.place, entry.node.key.clone());
            if let Some((_, why)) = unusable.iter().find(|(name, _)| *name == entry.name) {
                self.note(NoteKind::LeftOut, file, (at.0, &at.1), why);
                continue;
            }
            let there = tree::at(&self.merged, &["profiles", &entry.name]).is_some();
            if there {
                let message = "another file that comes first has a profile of this id, which stays";
                self.note(NoteKind::LeftOut, file, (at.0, &at.1), message);
                continue;
            }
            self.profile(file, &mut entry);
            self.merge("profiles", profiles.place, entry);
        }
    }

    /// Turns the markers of older files into references, and takes a value away that a reference stands beside.
    fn profile(&mut self, file: &str, entry: &mut Entry) {
        let (value_name, reference_name) = match tree::get(&entry.node, "type").and_then(tree::text) {
            Some("api_key") => ("key", "keyRef"),
            Some("token") => ("token", "tokenRef"),
            Some(_) | None => return self.renewed(file, entry),
        };
        let Some(value) = tree::get(&entry.node, value_name) else { return };
        let (place, key) = (value.place, value.key.clone());
        let Some(text) = tree::text(value).map(|text| zeroize::Zeroizing::new(text.trim().to_owned())) else { return };
        let has_reference =
            tree::get(&entry.node, reference_name).is_some_and(|node| !matches!(node.value, Value::Null));
        if has_reference {
            drop(tree::take(&mut entry.node, value_name));
            let message = format!("it is never used, since `{reference_name}` stands beside it");
            return self.note(NoteKind::LeftOut, file, (place, &key), &message);
        }
        let reference = match legacy_reference(&text) {
            Some(reference) => {
                self.note(NoteKind::Changed, file, (place, &key), &format!("is written as a reference: `{reference}`"));
                Some(reference)
            }
            None if is_stand_in(&text) => None,
            None => {
                let vault = match self.plaintext {
                    Plaintext::Keep => None,
                    Plaintext::ToVault => self.names.name(&["profiles", &entry.name]),
                };
                self.secrets.push(plain_secret(file, (place, &key), &text, vault.clone()));
                vault
            }
        };
        if let Some(reference) = reference {
            drop(tree::take(&mut entry.node, value_name));
            // `null` may stand there.
            drop(tree::take(&mut entry.node, reference_name));
            let key = crate::json5::key_below(&entry.node.key, reference_name);
            tree::put(&mut entry.node, reference_name, place, tree::reference(&key, place, &reference));
        }
    }

    /// What is renewed stays in the file, where who renews it can write it.
    fn renewed(&mut self, file: &str, entry: &Entry) {
        let message = "an `oauth` profile stays in the file as it is, since it is renewed";
        self.note(NoteKind::Kept, file, (entry.place, &entry.node.key), message);
    }

    fn table(&mut self, file: &str, table: Entry) {
        let Value::Table(entries) = table.node.value else {
            self.note(NoteKind::LeftOut, file, (table.place, &table.node.key), "it is no object");
            return;
        };
        for entry in entries {
            match tree::at(&self.merged, &[&table.name, &entry.name]) {
                None => self.merge(&table.name, table.place, entry),
                Some(there) if tree::same(there, &entry.node) => {}
                Some(_) if table.name == "usageStats" || table.name == "lastGood" => {}
                Some(_) => {
                    let message = "another file that comes first says something else, which stays";
                    self.note(NoteKind::LeftOut, file, (entry.place, &entry.node.key), message);
                }
            }
        }
    }

    fn merge(&mut self, table: &str, place: Place, entry: Entry) {
        if tree::get(&self.merged, table).is_none() {
            tree::put(&mut self.merged, table, place, Value::Table(Vec::new()));
        }
        if let Some(Value::Table(entries)) = tree::at_mut(&mut self.merged, &[table]).map(|node| &mut node.value) {
            entries.push(entry);
        }
    }

    fn note(&mut self, kind: NoteKind, file: &str, at: (Place, &str), message: &str) {
        self.notes.push(Note::at(kind, file, at, (message.to_owned(), None)));
    }
}

/// The names of profiles that can be used by nobody, each with the reason, as the reader of our own file gives it.
fn unusable(file: &str, root: &Node) -> Vec<(String, String)> {
    let Some(profiles) = tree::get(root, "profiles") else { return Vec::new() };
    let whole = Place { line: 1, column: 1 };
    let mut alone = Node { place: whole, key: String::new(), value: Value::Table(Vec::new()) };
    tree::put(&mut alone, "version", whole, Value::Number(Number::Whole(1)));
    tree::put(&mut alone, "profiles", whole, tree::copy(profiles).value);
    let text = render(&alone, Form::Json, &[], &Remarks::new());
    let Ok(read) = parse_profiles(file, &text, &SecretsConfig::default()) else { return Vec::new() };
    let reason = |entry: &Entry| {
        let found = read.profiles.iter().find(|profile| profile.id.as_str() == entry.name);
        match found.map(|profile| &profile.credential) {
            Some(Ok(_)) => None,
            Some(Err(unusable)) => {
                Some(match read.problems.iter().find(|problem| is_below(problem, &entry.node.key)) {
                    Some(detail) => format!("{unusable}: {}", detail.message),
                    None => unusable.to_string(),
                })
            }
            None => Some("the id of the profile is malformed".to_owned()),
        }
    };
    tree::entries(profiles).iter().filter_map(|entry| Some((entry.name.clone(), reason(entry)?))).collect()
}

fn is_below(problem: &Problem, key: &str) -> bool {
    problem.key.len() > key.len() && problem.key.starts_with(key)
}
