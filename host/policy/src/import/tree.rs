//! A parsed file as something that can be changed: finding, taking away and putting in place by key path. Every node
//! keeps the place and the key that it had in the source, whatever happens around it.

use zeroize::Zeroizing;

use crate::json5::{Entry, Node, Place, Value};
use crate::secret_ref::SecretRef;

/// What stands under a name in a table.
pub(super) fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    entries(node).iter().find(|entry| entry.name == name).map(|entry| &entry.node)
}

/// The same down a path of names.
pub(super) fn at<'a>(node: &'a Node, names: &[&str]) -> Option<&'a Node> {
    names.iter().try_fold(node, |node, name| get(node, name))
}

pub(super) fn at_mut<'a>(node: &'a mut Node, names: &[&str]) -> Option<&'a mut Node> {
    names.iter().try_fold(node, |node, name| {
        let Value::Table(entries) = &mut node.value else { return None };
        entries.iter_mut().find(|entry| entry.name == *name).map(|entry| &mut entry.node)
    })
}

/// The entries of a table; none of anything else.
pub(super) fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Table(entries) => entries,
        Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => &[],
    }
}

pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) => Some(text),
        Value::Null | Value::Flag(_) | Value::Number(_) | Value::List(_) | Value::Table(_) => None,
    }
}

/// Takes an entry out of a table.
pub(super) fn take(node: &mut Node, name: &str) -> Option<Entry> {
    let Value::Table(entries) = &mut node.value else { return None };
    let at = entries.iter().position(|entry| entry.name == name)?;
    Some(entries.remove(at))
}

/// Puts a value under a name, in place of what stands there.
pub(super) fn put(node: &mut Node, name: &str, place: Place, value: Value) {
    let key = crate::json5::key_below(&node.key, name);
    let Value::Table(entries) = &mut node.value else { return };
    let entry = Entry { name: name.to_owned(), place, node: Node { place, key, value } };
    match entries.iter_mut().find(|entry| entry.name == name) {
        Some(there) => *there = entry,
        None => entries.push(entry),
    }
}

/// Takes out whatever had that key in the source; answers with its place and the key of what it stood in.
pub(super) fn remove(node: &mut Node, key: &str) -> Option<(Place, String)> {
    let parent = node.key.clone();
    match &mut node.value {
        Value::Table(entries) => {
            if let Some(at) = entries.iter().position(|entry| entry.node.key == key) {
                return Some((entries.remove(at).place, parent));
            }
            entries.iter_mut().find_map(|entry| remove(&mut entry.node, key))
        }
        Value::List(elements) => {
            if let Some(at) = elements.iter().position(|element| element.key == key) {
                return Some((elements.remove(at).place, parent));
            }
            elements.iter_mut().find_map(|element| remove(element, key))
        }
        Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) => None,
    }
}

/// The node that had that key in the source.
pub(super) fn find_mut<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    if node.key == key {
        return Some(node);
    }
    match &mut node.value {
        Value::Table(entries) => entries.iter_mut().find_map(|entry| find_mut(&mut entry.node, key)),
        Value::List(elements) => elements.iter_mut().find_map(|element| find_mut(element, key)),
        Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) => None,
    }
}

/// A second one of the same, for the reader of the configuration, which takes a tree apart.
pub(super) fn copy(node: &Node) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Flag(flag) => Value::Flag(*flag),
        Value::Number(number) => Value::Number(*number),
        Value::Text(text) => Value::Text(text.clone()),
        Value::List(elements) => Value::List(elements.iter().map(copy).collect()),
        Value::Table(entries) => Value::Table(entries.iter().map(copy_entry).collect()),
    };
    Node { place: node.place, key: node.key.clone(), value }
}

fn copy_entry(entry: &Entry) -> Entry {
    Entry { name: entry.name.clone(), place: entry.place, node: copy(&entry.node) }
}

/// Whether two values are the same, wherever they stand.
pub(super) fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Null, Value::Null) => true,
        (Value::Flag(one), Value::Flag(other)) => one == other,
        (Value::Number(one), Value::Number(other)) => one == other,
        (Value::Text(one), Value::Text(other)) => one == other,
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Table(entries), Value::Table(others)) => {
            entries.len() == others.len()
                && entries.iter().all(|entry| get(other, &entry.name).is_some_and(|there| same(&entry.node, there)))
        }
        (
            Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Table(_),
            Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Table(_),
        ) => false,
    }
}

/// A text as a value.
pub(super) fn string(text: &str) -> Value {
    Value::Text(Zeroizing::new(text.to_owned()))
}

/// A reference as it is written: `{ source, provider, id }`.
pub(super) fn reference(key: &str, place: Place, reference: &SecretRef) -> Value {
    let entry = |name: &str, text: &str| {
        let node = Node { place, key: crate::json5::key_below(key, name), value: string(text) };
        Entry { name: name.to_owned(), place, node }
    };
    Value::Table(vec![
        entry("source", reference.source().as_str()),
        entry("provider", reference.provider()),
        entry("id", reference.id()),
    ])
}
