//! Walks a parsed TOML document and collects every problem with its place. It knows types, not what a manifest means.

use std::fmt::Display;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Problem, did_you_mean, shown};

/// The name under which a manifest's problems are reported.
const FILE: &str = "plugin.toml";

/// A table of the document and the dotted path that leads to it.
#[derive(Clone)]
pub(super) struct Table<'a> {
    pub(super) path: String,
    pub(super) span: Range<usize>,
    pub(super) entries: &'a DeTable<'a>,
}

impl Table<'_> {
    /// The dotted path of one of its keys.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { shown(key) } else { format!("{}.{}", self.path, shown(key)) }
    }
}

/// Collects problems while values are read.
pub(super) struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, problems: Vec::new() }
    }

    /// Every problem so far, in the order of the text.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems
    }

    pub(super) fn problem(&mut self, span: &Range<usize>, key: String, message: impl Display) {
        self.problem_with_hint(span, key, message, None);
    }

    pub(super) fn problem_with_hint(
        &mut self,
        span: &Range<usize>,
        key: String,
        message: impl Display,
        hint: Option<String>,
    ) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        self.problems.push(Problem {
            file: FILE.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            key,
            message: message.to_string(),
            hint,
        });
    }

    /// Reports every key of a table that is not known.
    pub(super) fn only(&mut self, table: &Table<'_>, known: &[&str]) {
        for (key, _) in table.entries {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let hint = did_you_mean(name, known.iter().copied());
                self.problem_with_hint(&key.span(), table.key(name), "unknown key", hint);
            }
        }
    }

    /// A table within a table; `None` where there is none.
    pub(super) fn table<'a>(&mut self, parent: &Table<'a>, key: &str) -> Option<Table<'a>> {
        let value = parent.entries.get(key)?;
        self.as_table(parent.key(key), value)
    }

    /// The tables of a table of tables, each under its name.
    pub(super) fn tables<'a>(&mut self, parent: &Table<'a>, key: &str) -> Vec<(String, Range<usize>, Table<'a>)> {
        let Some(outer) = self.table(parent, key) else { return Vec::new() };
        let mut tables = Vec::new();
        for (name, value) in outer.entries {
            if let Some(table) = self.as_table(outer.key(name.get_ref()), value) {
                tables.push((name.get_ref().to_string(), name.span(), table));
            }
        }
        tables
    }

    /// The tables of an array of tables.
    pub(super) fn table_list<'a>(&mut self, parent: &Table<'a>, key: &str) -> Vec<Table<'a>> {
        let items = self.items(parent, key);
        let path = parent.key(key);
        let tables = items.iter().enumerate().map(|(index, item)| self.as_table(format!("{path}[{index}]"), item));
        tables.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    /// A text that must be there, read into something.
    pub(super) fn required<T, E: Display>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !table.entries.contains_key(key) {
            self.problem(&table.span, table.key(key), "is required");
        }
        self.parsed(table, key, parse)
    }

    /// A text that is read into something; what the reading says is reported at the text.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = table.entries.get(key)?;
        self.value(table, key, value, parse)
    }

    /// The same for a value at hand.
    pub(super) fn value<T, E: Display>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let DeValue::String(text) = value.get_ref() else {
            return self.wrong(&value.span(), table.key(key), "a string", value.get_ref());
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(&value.span(), table.key(key), error);
                None
            }
        }
    }

    /// `true` or `false`; `false` where there is none.
    pub(super) fn flag(&mut self, table: &Table<'_>, key: &str) -> bool {
        let Some(value) = table.entries.get(key) else { return false };
        match value.get_ref() {
            DeValue::Boolean(flag) => *flag,
            other => self.wrong(&value.span(), table.key(key), "`true` or `false`", other).unwrap_or(false),
        }
    }

    /// A whole number from 1 to `max`.
    pub(super) fn number(&mut self, table: &Table<'_>, key: &str, max: u64) -> Option<u64> {
        let value = table.entries.get(key)?;
        let DeValue::Integer(digits) = value.get_ref() else {
            return self.wrong(&value.span(), table.key(key), "a whole number", value.get_ref());
        };
        match u64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(number) if (1..=max).contains(&number) => Some(number),
            Ok(_) | Err(_) => {
                self.problem(&value.span(), table.key(key), format!("must be a whole number from 1 to {max}"));
                None
            }
        }
    }

    /// A list of texts, each read into something.
    pub(super) fn list<T, E: Display>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        for (index, item) in self.items(table, key).iter().enumerate() {
            let path = format!("{}[{index}]", table.key(key));
            match item.get_ref() {
                DeValue::String(text) => match parse(text) {
                    Ok(value) => list.push(value),
                    Err(error) => self.problem(&item.span(), path, error),
                },
                other => {
                    self.wrong::<()>(&item.span(), path, "a string", other);
                }
            }
        }
        list
    }

    fn items<'a>(&mut self, table: &Table<'a>, key: &str) -> &'a [Spanned<DeValue<'a>>] {
        let Some(value) = table.entries.get(key) else { return &[] };
        match value.get_ref() {
            DeValue::Array(items) => items,
            other => self.wrong(&value.span(), table.key(key), "a list", other).unwrap_or_default(),
        }
    }

    fn as_table<'a>(&mut self, path: String, value: &'a Spanned<DeValue<'a>>) -> Option<Table<'a>> {
        match value.get_ref() {
            DeValue::Table(entries) => Some(Table { path, span: value.span(), entries }),
            other => self.wrong(&value.span(), path, "a table", other),
        }
    }

    fn wrong<T>(&mut self, span: &Range<usize>, key: String, expected: &str, found: &DeValue<'_>) -> Option<T> {
        self.problem(span, key, format!("must be {expected}, not a value of type {}", found.type_str()));
        None
    }
}

/// A table as JSON. Numbers that JSON has not and dates become `null`, which no schema takes.
pub(super) fn json_of_table(entries: &DeTable<'_>) -> serde_json::Value {
    let entries = entries.iter().map(|(key, value)| (key.get_ref().to_string(), json_of(value.get_ref())));
    serde_json::Value::Object(entries.collect())
}

fn json_of(value: &DeValue<'_>) -> serde_json::Value {
    use serde_json::Value;
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(digits) => {
            i64::from_str_radix(digits.as_str(), digits.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(digits) => digits.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(_) => Value::Null,
        DeValue::Array(items) => items.iter().map(|item| json_of(item.get_ref())).collect(),
        DeValue::Table(entries) => json_of_table(entries),
    }
}
