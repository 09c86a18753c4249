//! Reads JSON5 into a tree in which every node knows its place and its key path. What the keys mean is decided by
//! those who read the tree; nothing here knows a single one.

use std::cell::RefCell;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use zeroize::Zeroizing;

use crate::limits::CONFIG_BYTES_MAX;
use crate::problem::Problem;

/// Where something stands in its file; both count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value with its place and key path.
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) key: String,
    pub(crate) value: Value,
}

/// A value. Text may be a secret, so it is wiped when dropped.
pub(crate) enum Value {
    Null,
    Flag(bool),
    Number(Number),
    Text(Zeroizing<String>),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A number that was written in some form of JSON5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Whole(i64),
    Real(f64),
    /// `Infinity`, `NaN`, or larger than a number can be.
    NotFinite,
}

/// A key of a table with what stands there.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Where the key itself stands.
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Value {
    /// What it is, for `expected …, found …`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Table(_) => "an object",
        }
    }
}

/// Collects what is wrong with one file, so that all of it is reported and not the first alone.
pub(crate) struct Problems {
    file: String,
    found: RefCell<Vec<Problem>>,
}

impl Problems {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), found: RefCell::default() }
    }

    pub(crate) fn add(&self, place: Place, key: &str, message: impl Into<String>, hint: Option<String>) {
        let Place { line, column } = place;
        let (file, key, message) = (self.file.clone(), key.to_owned(), message.into());
        self.found.borrow_mut().push(Problem { file, line, column, key, message, hint });
    }

    /// All of them, in the order in which they stand in the file.
    pub(crate) fn into_sorted(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|problem| (problem.line, problem.column));
        found
    }
}

/// Parses the text of a file. `None` when it is not JSON5; the problem is then among the problems.
pub(crate) fn parse(text: &str, problems: &Problems) -> Option<Node> {
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > CONFIG_BYTES_MAX) {
        problems.add(Place::default(), "", format!("the file is larger than {CONFIG_BYTES_MAX} bytes"), None);
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::of(text);
    let options = ParseOptions { allow_missing_commas: false, ..ParseOptions::default() };
    let root = match parse_to_ast(text, &CollectOptions::default(), &options) {
        Ok(parsed) => parsed.value,
        Err(error) => {
            let message = error.kind().to_string();
            problems.add(lines.place(error.range().start), "", lower_first(&message), None);
            return None;
        }
    };
    let Some(root) = root else {
        problems.add(Place { line: 1, column: 1 }, "", "the file is empty", Some("write at least `{}`".into()));
        return None;
    };
    Some(Reading { lines: &lines, problems }.node(root, String::new()))
}

/// Appends a name to a key path: `a.b`, or `a["b c"]` where the name is not a plain word.
pub(crate) fn key_below(key: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'));
    match (key.is_empty(), plain) {
        (true, true) => name.to_owned(),
        (false, true) => format!("{key}.{name}"),
        (_, false) => format!("{key}[{:?}]", crate::problem::shown(name)),
    }
}

struct Reading<'a> {
    lines: &'a Lines<'a>,
    problems: &'a Problems,
}

impl Reading<'_> {
    fn node(&self, value: ast::Value<'_>, key: String) -> Node {
        let place = self.lines.place(value.range().start);
        let value = match value {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(flag) => Value::Flag(flag.value),
            ast::Value::NumberLit(number) => Value::Number(read_number(number.value)),
            ast::Value::StringLit(text) => Value::Text(Zeroizing::new(text.value.into_owned())),
            ast::Value::Array(list) => {
                let below = |(index, value)| self.node(value, format!("{key}[{index}]"));
                Value::List(list.elements.into_iter().enumerate().map(below).collect())
            }
            ast::Value::Object(table) => Value::Table(self.entries(table, &key)),
        };
        Node { place, key, value }
    }

    fn entries(&self, table: ast::Object<'_>, key: &str) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(table.properties.len());
        let mut first_lines = std::collections::HashMap::with_capacity(table.properties.len());
        for property in table.properties {
            let place = self.lines.place(property.range.start);
            let name = property.name.into_string();
            let key = key_below(key, &name);
            if let Some(line) = first_lines.get(&name) {
                self.problems.add(place, &key, format!("the key appears twice, first on line {line}"), None);
                continue;
            }
            first_lines.insert(name.clone(), place.line);
            entries.push(Entry { name, place, node: self.node(property.value, key) });
        }
        entries
    }
}

/// Where each line begins.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        Place { line, column }
    }
}

/// Reads what the parser let through as a number: a sign, hexadecimal digits, a bare point, `Infinity`, `NaN`.
fn read_number(text: &str) -> Number {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let whole = match hex {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    };
    if let Some(whole) = whole {
        return Number::Whole(if negative { -whole } else { whole });
    }
    match digits.parse::<f64>() {
        Ok(real) if real.is_finite() && hex.is_none() => whole_or_real(if negative { -real } else { real }),
        Ok(_) | Err(_) => Number::NotFinite,
    }
}

/// `1e3` and `5.` are whole numbers too.
fn whole_or_real(real: f64) -> Number {
    /// Beyond this not every whole number has a double of its own.
    const EXACT_MAX: f64 = 9_007_199_254_740_991.0;
    if real.fract() == 0.0 && real.abs() <= EXACT_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits, as the line above proves")]
        return Number::Whole(real as i64);
    }
    Number::Real(real)
}

fn lower_first(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_count_characters_and_any_line_break() {
        let problems = Problems::new("f");
        let root = parse("{ 'ä€😀': 1,\r\n\t\"b\": [ 2 ] }", &problems).expect("it is JSON5");
        let Value::Table(entries) = root.value else { panic!("it is an object") };
        let places: Vec<(&str, Place, Place)> =
            entries.iter().map(|entry| (entry.node.key.as_str(), entry.place, entry.node.place)).collect();
        let at = |line, column| Place { line, column };
        assert_eq!(places, [("[\"ä€😀\"]", at(1, 3), at(1, 10)), ("b", at(2, 2), at(2, 7))]);
    }

    #[test]
    fn numbers_in_all_their_forms() {
        for (text, expect) in [
            ("0", Number::Whole(0)),
            ("-0x10", Number::Whole(-16)),
            ("9223372036854775807", Number::Whole(i64::MAX)),
            ("1e3", Number::Whole(1000)),
            ("-1.5", Number::Real(-1.5)),
            (".5", Number::Real(0.5)),
            ("1e999", Number::NotFinite),
            ("NaN", Number::NotFinite),
            ("-Infinity", Number::NotFinite),
            ("0xffffffffffffffffff", Number::NotFinite),
        ] {
            assert_eq!(read_number(text), expect, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_with_a_place(text in "[-{}\\[\\]:,'\"a0x./*\\\\\n +u\u{e4}]{0,40}") {
            let problems = Problems::new("f");
            let read = parse(&text, &problems).is_some();
            let found = problems.into_sorted();
            prop_assert!(read || found.len() == 1, "{:?}", found);
            prop_assert!(found.iter().all(|problem| problem.line > 0 && problem.column > 0));
        }
    }
}
