//! Writes a body again with other values in a few places, and copies nothing for it. Which places those are is known to
//! the dialects.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

/// A value and the place that it takes: names of fields and indices of elements, from the body on.
pub(crate) struct Edit<'a> {
    /// The steps.
    pub(crate) steps: &'a [Value],
    /// What stands there afterwards.
    pub(crate) value: Value,
}

/// Writes the body. An edit of a place that the body does not have changes nothing.
pub(crate) fn write(body: &Value, edits: &[Edit<'_>]) -> String {
    let edits = edits.iter().collect();
    serde_json::to_string(&Overlay { value: body, edits, depth: 0 }).expect("keys of JSON are strings")
}

/// What stands at a place, if the body has it.
pub(crate) fn value_at<'a>(body: &'a Value, steps: &[Value]) -> Option<&'a Value> {
    let step_into = |value: &'a Value, step: &Value| match step {
        Value::String(name) => value.get(name),
        step => value.get(usize::try_from(step.as_u64()?).ok()?),
    };
    steps.iter().try_fold(body, step_into)
}

/// A value with what is to be changed in it.
struct Overlay<'a> {
    value: &'a Value,
    edits: Vec<&'a Edit<'a>>,
    depth: usize,
}

impl Serialize for Overlay<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(edit) = self.edits.iter().find(|edit| edit.steps.len() == self.depth) {
            return edit.value.serialize(serializer);
        }
        match self.value {
            Value::Object(object) if !self.edits.is_empty() => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                for (name, value) in object {
                    map.serialize_entry(name, &self.below(value, |step| step.as_str() == Some(name)))?;
                }
                map.end()
            }
            Value::Array(list) if !self.edits.is_empty() => {
                let mut sequence = serializer.serialize_seq(Some(list.len()))?;
                for (index, value) in list.iter().enumerate() {
                    let is_here = |step: &Value| step.as_u64().and_then(|at| usize::try_from(at).ok()) == Some(index);
                    sequence.serialize_element(&self.below(value, is_here))?;
                }
                sequence.end()
            }
            value => value.serialize(serializer),
        }
    }
}

impl<'a> Overlay<'a> {
    fn below(&self, value: &'a Value, is_here: impl Fn(&Value) -> bool) -> Self {
        let edits = self.edits.iter().filter(|edit| edit.steps.get(self.depth).is_some_and(&is_here));
        Overlay { value, edits: edits.copied().collect(), depth: self.depth + 1 }
    }
}
