//! `openclaw.json` becomes `creel.json5`: what has another name is renamed, and then the reader of our configuration
//! and the manifests are asked what they do not take, until nothing is left to complain about.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use super::render::{Form, Remarks, render};
use super::{Note, NoteKind, PlainSecret, Plaintext, SecretText, SourceFile, VaultNames, rewrite, tree};
use crate::config::{Config, parse_config, read_tree};
use crate::ids::{PluginId, ProfileId};
use crate::json5::{Node, Place, Problems, parse};
use crate::manifest::Manifest;
use crate::plaintext::is_stand_in;
use crate::plan::{PlanProblem, plan};
use crate::problem::Problem;
use crate::secret_ref::{SecretInput, SecretRef};

/// What a configuration of the older gateway came to.
pub struct ImportedConfig {
    /// Our configuration.
    pub text: SecretText,
    /// What was left out, changed, or should be known, in the order of the source.
    pub notes: Vec<Note>,
    /// The secrets that stand in the source in plain text.
    pub secrets: Vec<PlainSecret>,
    /// What our own reader says to `text`: nothing, or the import must not be written.
    pub problems: Vec<Problem>,
}

/// A configuration on its way.
pub(super) struct Import<'a> {
    pub(super) file: &'a str,
    pub(super) root: Node,
    pub(super) notes: Vec<Note>,
    pub(super) remarks: Remarks,
}

impl Import<'_> {
    /// Notes that something was left out, and leaves a remark where it stood.
    pub(super) fn leave_out(&mut self, place: Place, (key, parent): (&str, &str), message: &str, hint: Option<String>) {
        let name = key.strip_prefix(parent).unwrap_or(key).trim_start_matches('.');
        let instead = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        let remark = one_line(&format!("left out: {name}: {message}{instead}"));
        self.remarks.entry(parent.to_owned()).or_default().push((place, remark));
        self.note(NoteKind::LeftOut, place, key, (message.to_owned(), hint));
    }

    pub(super) fn note(&mut self, kind: NoteKind, place: Place, key: &str, why: (String, Option<String>)) {
        self.notes.push(Note::at(kind, self.file, (place, key), why));
    }
}

/// Translates a configuration. `manifests` are those of the plugins that are there; `profiles` the ids of the stored
/// profiles, which `apiKey` may name.
///
/// # Errors
///
/// What is wrong with the syntax of the source.
pub fn import_config(
    source: SourceFile<'_>,
    manifests: &BTreeMap<PluginId, Manifest>,
    profiles: &[ProfileId],
    (plaintext, names): (Plaintext, &mut VaultNames),
) -> Result<ImportedConfig, Vec<Problem>> {
    let problems = Problems::new(source.name);
    let root = parse(source.text, &problems);
    let problems = problems.into_sorted();
    let Some(root) = root.filter(|_| problems.is_empty()) else { return Err(problems) };
    let mut import = Import { file: source.name, root, notes: Vec::new(), remarks: Remarks::new() };
    rewrite::rewrite(&mut import, manifests);
    let config = prune(&mut import, manifests);
    let secrets = config.as_ref().map(|config| take_secrets(&mut import, config, profiles, (plaintext, names)));
    if !crate::plaintext::comments(source.text).is_empty() {
        let hint = "copy by hand those that you want to keep";
        let message = "its comments are not taken over, since a comment may hold a key";
        import.notes.push(Note::about(NoteKind::LeftOut, source.name, message, Some(hint)));
    }
    let head = ["Made by `creel import openclaw`. What has no counterpart in Creel is marked `left out`.".to_owned()];
    let text = render(&import.root, Form::Json5, &head, &import.remarks);
    let problems = parse_config("creel.json5", &text).err().unwrap_or_default();
    let mut notes = import.notes;
    notes.sort_by_key(|note| (note.problem.line, note.problem.column));
    Ok(ImportedConfig { text, notes, secrets: secrets.unwrap_or_default(), problems })
}

/// Takes out, one round after the other, whatever the reader of the configuration and the manifests refuse. Each round
/// takes something out, so that it ends.
fn prune(import: &mut Import<'_>, manifests: &BTreeMap<PluginId, Manifest>) -> Option<Config> {
    loop {
        let refused = match read_tree(import.file, tree::copy(&import.root)) {
            Err(problems) => problems,
            Ok(config) => {
                let (settings, others) = of_plan(&config, manifests);
                if !settings.iter().any(|problem| is_there(&mut import.root, &problem.key)) {
                    for problem in settings.into_iter().chain(others) {
                        let place = Place { line: problem.line, column: problem.column };
                        import.note(NoteKind::Kept, place, &problem.key, (problem.message, problem.hint));
                    }
                    return Some(config);
                }
                settings
            }
        };
        let before = import.notes.len();
        for problem in refused {
            let Some((place, parent)) = tree::remove(&mut import.root, &problem.key) else { continue };
            import.leave_out(place, (&problem.key, &parent), &problem.message, problem.hint);
        }
        if import.notes.len() == before {
            return None;
        }
    }
}

fn is_there(root: &mut Node, key: &str) -> bool {
    !key.is_empty() && tree::find_mut(root, key).is_some()
}

/// What the manifests say: settings that they refuse, and everything else.
fn of_plan(config: &Config, manifests: &BTreeMap<PluginId, Manifest>) -> (Vec<Problem>, Vec<Problem>) {
    let (mut settings, mut others) = (Vec::new(), Vec::new());
    for problem in plan(config, manifests).problems {
        match problem {
            PlanProblem::Setting { problem, .. } => settings.push(problem),
            other @ (PlanProblem::NoPlugin { .. }
            | PlanProblem::Ambiguous { .. }
            | PlanProblem::WrongKind { .. }
            | PlanProblem::PluginOff { .. }) => others.push(Problem {
                file: config.file.clone(),
                line: 0,
                column: 0,
                key: other.entry().to_owned(),
                message: other.to_string(),
                hint: Some("install such a plugin, or remove what names it".to_owned()),
            }),
        }
    }
    (settings, others)
}

/// Every secret of the configuration in plain text; those that go into the vault are replaced by a reference.
fn take_secrets(
    import: &mut Import<'_>,
    config: &Config,
    profiles: &[ProfileId],
    (plaintext, names): (Plaintext, &mut VaultNames),
) -> Vec<PlainSecret> {
    let mut secrets = Vec::new();
    for (key, input) in config.secret_inputs() {
        let SecretInput::Literal(literal) = input else { continue };
        let value = literal.expose_secret();
        if is_stand_in(value) || profiles.iter().any(|id| id.as_str() == value) {
            continue;
        }
        let Some(node) = tree::find_mut(&mut import.root, &key) else { continue };
        let place = node.place;
        let vault = match plaintext {
            Plaintext::Keep => None,
            Plaintext::ToVault => names.name(&segments(&key)),
        };
        if let Some(reference) = &vault {
            node.value = tree::reference(&key, place, reference);
        }
        secrets.push(plain_secret(import.file, (place, &key), value, vault));
    }
    secrets
}

pub(super) fn plain_secret(
    file: &str,
    (place, key): (Place, &str),
    value: &str,
    vault: Option<SecretRef>,
) -> PlainSecret {
    let message = match &vault {
        Some(reference) => format!("goes into the vault; the file says `{reference}`"),
        None => "stays in plain text".to_owned(),
    };
    let hint = vault.is_none().then(|| "pass `--to-vault` to keep it encrypted".to_owned());
    let Place { line, column } = place;
    PlainSecret {
        place: Problem { file: file.to_owned(), line, column, key: key.to_owned(), message, hint },
        vault,
        characters: value.chars().count(),
        value: SecretString::from(value),
    }
}

/// The names of a key path; what is in brackets stays one.
fn segments(key: &str) -> Vec<&str> {
    key.split(['.', '[', ']', '"']).filter(|segment| !segment.is_empty()).collect()
}

/// A remark is one line, whatever stands in a message.
fn one_line(text: &str) -> String {
    /// No message of a reader is longer.
    const CHARS_MAX: usize = 400;
    text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect()
}
