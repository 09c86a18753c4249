//! The workspace as data: its crates, its manifests, its sources. What must hold of them is said by the tests.

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Where the sources of the project lie, beneath its root.
const SOURCES: [&str; 3] = ["host", "plugins", "tests"];

/// A part of the house, by the directory that a crate lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `host/policy`.
    Policy,
    /// `host/dialects`.
    Dialects,
    /// `host/store`.
    Store,
    /// `host/engine`.
    Engine,
    /// `host/runtime`.
    Runtime,
    /// `host/gateway`.
    Gateway,
    /// `plugins/sdk`.
    Sdk,
    /// Any other crate beneath `plugins`.
    Plugin,
    /// `tests/fakes`.
    Fakes,
    /// A crate beneath `tests/guests`.
    Guest,
    /// `tests`.
    Tests,
    /// Anywhere else: it has no place in the house.
    Nowhere,
}

/// A crate of the workspace.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its directory, relative to the root.
    pub directory: PathBuf,
    /// Which part of the house it is.
    pub part: Part,
    /// Every crate that it names in any table of dependencies.
    pub dependencies: Vec<String>,
    /// Those of them that its tests alone may use.
    pub of_tests: Vec<String>,
    /// Its `Cargo.toml`.
    pub manifest: toml::Table,
}

/// A source file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path, relative to the root.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
}

/// The top level of the project.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("`tests` lies beneath the root").to_owned()
}

/// What cargo knows of the workspace, without its dependencies.
#[must_use]
pub fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command.exec().expect("cargo can read the workspace")
}

/// Every crate of the workspace.
#[must_use]
pub fn members() -> Vec<Member> {
    let root = root();
    let member = |package: &cargo_metadata::Package| {
        let path = package.manifest_path.as_std_path();
        let directory = path.parent().and_then(|directory| directory.strip_prefix(&root).ok());
        let directory = directory.expect("a member lies beneath the root").to_owned();
        Member {
            name: package.name.to_string(),
            part: part(&directory),
            dependencies: package.dependencies.iter().map(|dependency| dependency.name.clone()).collect(),
            of_tests: package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind == DependencyKind::Development)
                .map(|dependency| dependency.name.clone())
                .collect(),
            manifest: table(path),
            directory,
        }
    };
    metadata().workspace_packages().into_iter().map(member).collect()
}

/// The workspace's own `Cargo.toml`.
#[must_use]
pub fn workspace_manifest() -> toml::Table {
    table(&root().join("Cargo.toml"))
}

/// `Cargo.lock`.
#[must_use]
pub fn lock_file() -> toml::Table {
    table(&root().join("Cargo.lock"))
}

/// Every Rust source of the project, in order.
#[must_use]
pub fn sources() -> Vec<Source> {
    let root = root();
    let mut paths = Vec::new();
    for directory in SOURCES {
        walk(&root.join(directory), &mut paths);
    }
    paths.sort();
    let source = |path: PathBuf| Source {
        text: fs::read_to_string(&path).expect("a source is a text"),
        path: path.strip_prefix(&root).expect("it lies beneath the root").to_owned(),
    };
    paths.into_iter().map(source).collect()
}

/// The sources of one crate.
#[must_use]
pub fn sources_of(member: &Member) -> Vec<Source> {
    const NESTED: [&str; 4] = ["tests/fakes", "tests/fuzz", "tests/guests", "tests/load"];
    let is_nested = |path: &Path| NESTED.iter().any(|directory| path.starts_with(directory));
    let is_its = |path: &Path| path.starts_with(&member.directory) && (member.part != Part::Tests || !is_nested(path));
    let mut all = sources();
    all.retain(|source| is_its(&source.path));
    all
}

/// A source without its comments and without what stands in its strings and characters: only code.
#[must_use]
pub fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| literal(rest));
        match skipped {
            // Lines stay lines, so that a place can be told.
            Some(length) => {
                code.extend(rest[..length].chars().filter(|character| *character == '\n'));
                code.push(' ');
                rest = &rest[length..];
            }
            None => {
                let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()).max(next.len_utf8());
                code.push_str(&rest[..word]);
                rest = &rest[word..];
            }
        }
    }
    code
}

/// The words of a code, each with the number of its line.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().zip(1..).flat_map(|(line, number)| words_of_line(line).map(move |word| (number, word)))
}

fn words_of_line(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character| !is_word(character)).filter(|word| !word.is_empty())
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of the comment that the text begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(text.len())
}

/// The length of the string or character that the text begins with, its prefix included.
fn literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c"].into_iter().find(|prefix| {
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        rest.starts_with('"')
            || (prefix.ends_with('r') && raw_fence(rest).is_some())
            || (*prefix == "b" && rest.starts_with('\''))
    });
    let at = prefix.map_or(0, str::len);
    let rest = &text[at..];
    if prefix.is_some_and(|prefix| prefix.ends_with('r')) {
        let fence = raw_fence(rest)?;
        let end = format!("\"{}", "#".repeat(fence));
        let body = fence + 1;
        return Some(at + rest[body..].find(&end).map_or(rest.len(), |found| body + found + end.len()));
    }
    if rest.starts_with('"') {
        return Some(at + quoted(rest, '"'));
    }
    // A lifetime is no character.
    let is_character = rest.starts_with("'\\") || rest.starts_with('\'') && rest.chars().nth(2) == Some('\'');
    is_character.then(|| at + quoted(rest, '\''))
}

/// How many `#` stand before the quote of a raw string.
fn raw_fence(text: &str) -> Option<usize> {
    let fence = text.bytes().take_while(|byte| *byte == b'#').count();
    text[fence..].starts_with('"').then_some(fence)
}

/// The length of a quoted text, both quotes included.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            end if end == quote => return at + end.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

fn part(directory: &Path) -> Part {
    let names: Vec<&str> = directory.iter().filter_map(|name| name.to_str()).collect();
    match names[..] {
        ["host", "policy"] => Part::Policy,
        ["host", "dialects"] => Part::Dialects,
        ["host", "store"] => Part::Store,
        ["host", "engine"] => Part::Engine,
        ["host", "runtime"] => Part::Runtime,
        ["host", "gateway"] => Part::Gateway,
        ["plugins", "sdk"] => Part::Sdk,
        ["plugins", _] => Part::Plugin,
        ["tests", "fakes"] => Part::Fakes,
        ["tests", "guests", _] => Part::Guest,
        ["tests"] => Part::Tests,
        _ => Part::Nowhere,
    }
}

fn table(path: &Path) -> toml::Table {
    let text = fs::read_to_string(path).expect("it can be read");
    text.parse().expect("it is TOML")
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory of the project") {
        let path = entry.expect("an entry").path();
        let is_built = path.ends_with("target");
        if path.is_dir() && !is_built {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        let code = code(text);
        let found: Vec<&str> = words(&code).map(|(_, word)| word).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn only_code_is_left() {
        check("let a = 1; // b\nc", &["let", "a", "1", "c"]);
        check("/* a /* b */ c */ d", &["d"]);
        check(r#"f("a \" b", 'c', b'd', '\'', "e")"#, &["f"]);
        check("r#\"a \" b\"# r\"c\\\" br##\"d\"# e\"## f", &["f"]);
        check("fn f<'a>(x: &'a str) -> char { 'b' }", &["fn", "f", "a", "x", "a", "str", "char"]);
        check("bar r2 breaker", &["bar", "r2", "breaker"]);
    }

    #[test]
    fn a_word_keeps_its_line() {
        let code = code("/* a\n b */ c \"d\n\" e");
        assert_eq!(words(&code).collect::<Vec<_>>(), [(2, "c"), (3, "e")]);
    }
}
