//! Writes a tree as text: JSON5 for people, with remarks, and JSON for `auth-profiles.json`. What is in it is not known
//! here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::SecretText;
use crate::json5::{Entry, Node, Number, Place, Value};

/// Longer tables are written one entry a line.
const LINE_CHARS_MAX: usize = 100;

/// How a tree is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json5,
    Json,
}

/// Remarks by the key of the table or list that they stand in, each with the place that it had in the source.
pub(super) type Remarks = BTreeMap<String, Vec<(Place, String)>>;

/// Writes a tree, behind the lines of a head.
pub(super) fn render(root: &Node, form: Form, head: &[String], remarks: &Remarks) -> SecretText {
    // Once, and large enough: a text that grows leaves copies of its secrets behind.
    let remark_bytes: usize = remarks.values().flatten().map(|(_, remark)| remark.len() + 64).sum();
    let mut out = Zeroizing::new(String::with_capacity(2 * size(root) + remark_bytes + 4096));
    for line in head {
        out.push_str("// ");
        out.push_str(line);
        out.push('\n');
    }
    Writer { form, remarks }.value(&mut out, root, 0);
    out.push('\n');
    out
}

/// The bytes that a tree may take, generously.
fn size(node: &Node) -> usize {
    let own = match &node.value {
        Value::Text(text) => 6 * text.len(),
        Value::Table(entries) => entries.iter().map(|entry| 2 * entry.name.len() + 64 + size(&entry.node)).sum(),
        Value::List(elements) => elements.iter().map(|element| 64 + size(element)).sum(),
        Value::Null | Value::Flag(_) | Value::Number(_) => 32,
    };
    own + 16
}

struct Writer<'a> {
    form: Form,
    remarks: &'a Remarks,
}

impl Writer<'_> {
    fn value(&self, out: &mut SecretText, node: &Node, depth: usize) {
        let (Value::Table(_) | Value::List(_)) = &node.value else { return scalar(out, &node.value) };
        if self.form == Form::Json5 && depth > 0 && !self.has_remarks(node) {
            let before = out.len();
            self.inline(out, node);
            let line = out.rfind('\n').map_or(0, |at| at + 1);
            if out[line..].chars().count() <= LINE_CHARS_MAX && nesting(node) <= 2 {
                return;
            }
            out.truncate(before);
        }
        self.block(out, node, depth);
    }

    fn block(&self, out: &mut SecretText, node: &Node, depth: usize) {
        let mut lines: Vec<(Place, Line<'_>)> = match &node.value {
            Value::Table(entries) => entries.iter().map(|entry| (entry.place, Line::Entry(entry))).collect(),
            Value::List(elements) => elements.iter().map(|element| (element.place, Line::Element(element))).collect(),
            Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) => Vec::new(),
        };
        for (place, remark) in self.remarks.get(&node.key).into_iter().flatten() {
            // Before what stood behind it; what was put in anew keeps its turn.
            let at = lines.iter().position(|(other, _)| (other.line, other.column) > (place.line, place.column));
            lines.insert(at.unwrap_or(lines.len()), (*place, Line::Remark(remark)));
        }
        let (open, close) = if matches!(node.value, Value::Table(_)) { ('{', '}') } else { ('[', ']') };
        out.push(open);
        let last = lines.iter().rposition(|(_, line)| !matches!(line, Line::Remark(_)));
        for (at, (_, line)) in lines.iter().enumerate() {
            indent(out, depth + 1);
            match line {
                Line::Entry(entry) => {
                    self.name(out, &entry.name);
                    self.value(out, &entry.node, depth + 1);
                }
                Line::Element(element) => self.value(out, element, depth + 1),
                Line::Remark(remark) => {
                    out.push_str("// ");
                    out.push_str(remark);
                    continue;
                }
            }
            if self.form == Form::Json5 || Some(at) != last {
                out.push(',');
            }
        }
        if !lines.is_empty() {
            indent(out, depth);
        }
        out.push(close);
    }

    fn inline(&self, out: &mut SecretText, node: &Node) {
        match &node.value {
            Value::Table(entries) if entries.is_empty() => out.push_str("{}"),
            Value::Table(entries) => {
                out.push_str("{ ");
                for (at, entry) in entries.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    self.name(out, &entry.name);
                    self.inline(out, &entry.node);
                }
                out.push_str(" }");
            }
            Value::List(elements) => {
                out.push('[');
                for (at, element) in elements.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    self.inline(out, element);
                }
                out.push(']');
            }
            Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) => scalar(out, &node.value),
        }
    }

    fn name(&self, out: &mut SecretText, name: &str) {
        let mut chars = name.chars();
        let is_word = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if self.form == Form::Json5 && is_word {
            out.push_str(name)
        } else {
            quote(out, name)
        }
        out.push_str(": ");
    }

    fn has_remarks(&self, node: &Node) -> bool {
        let below = match &node.value {
            Value::Table(entries) => entries.iter().any(|entry| self.has_remarks(&entry.node)),
            Value::List(elements) => elements.iter().any(|element| self.has_remarks(element)),
            Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) => false,
        };
        below || self.remarks.contains_key(&node.key)
    }
}

enum Line<'a> {
    Entry(&'a Entry),
    Element(&'a Node),
    Remark(&'a str),
}

/// How deep tables and lists stand in each other.
fn nesting(node: &Node) -> usize {
    match &node.value {
        Value::Table(entries) => 1 + entries.iter().map(|entry| nesting(&entry.node)).max().unwrap_or(0),
        Value::List(elements) => 1 + elements.iter().map(nesting).max().unwrap_or(0),
        Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) => 0,
    }
}

fn indent(out: &mut SecretText, depth: usize) {
    out.push('\n');
    (0..depth).for_each(|_| out.push_str("  "));
}

fn scalar(out: &mut SecretText, value: &Value) {
    match value {
        Value::Null | Value::Table(_) | Value::List(_) => out.push_str("null"),
        Value::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(Number::Whole(whole)) => write!(out, "{whole}").unwrap_or_default(),
        Value::Number(Number::Real(real)) => write!(out, "{real}").unwrap_or_default(),
        // The readers refuse it by name, and so does whoever reads this text.
        Value::Number(Number::NotFinite) => out.push_str("null"),
        Value::Text(text) => quote(out, text),
    }
}

/// Writes a string as JSON does, which JSON5 reads alike.
fn quote(out: &mut SecretText, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default();
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
