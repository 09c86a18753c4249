//! Where a value stands in a body, and how its fields are read with errors that say so. What the fields mean is known
//! to the readers of the dialects.

use std::fmt;

use serde_json::{Map, Value};

use crate::{ApiError, ErrorKind};

/// An object of a body.
pub(crate) type Object = Map<String, Value>;

/// A place in a body. It is a list on the stack, so that a body without errors and media pays nothing for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At<'a> {
    /// The body itself.
    Body,
    /// A field of an object.
    Field(&'a At<'a>, &'a str),
    /// An element of a list.
    Element(&'a At<'a>, usize),
}

impl<'a> At<'a> {
    /// The place of a field of the object that stands here.
    pub(crate) fn field(&'a self, name: &'a str) -> Self {
        Self::Field(self, name)
    }

    /// The place of an element of the list that stands here.
    pub(crate) fn element(&'a self, index: usize) -> Self {
        Self::Element(self, index)
    }

    /// The steps from the body to here, as [`crate::overlay`] takes them.
    pub(crate) fn steps(&self) -> Value {
        let mut steps = Vec::new();
        let mut here = self;
        loop {
            match here {
                At::Body => break,
                At::Field(above, name) => {
                    steps.push(Value::from(*name));
                    here = above;
                }
                At::Element(above, index) => {
                    steps.push(Value::from(*index));
                    here = above;
                }
            }
        }
        steps.reverse();
        Value::Array(steps)
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Body => Ok(()),
            At::Field(At::Body, name) => formatter.write_str(name),
            At::Field(above, name) => write!(formatter, "{above}.{name}"),
            At::Element(above, index) => write!(formatter, "{above}[{index}]"),
        }
    }
}

/// Refuses what stands at a place, because it is not `what`.
pub(crate) fn wrong(at: &At<'_>, what: &str) -> ApiError {
    match at {
        At::Body => ApiError::new(ErrorKind::InvalidRequest, format!("the body must be {what}")),
        At::Field(..) | At::Element(..) => {
            let place = at.to_string();
            ApiError::new(ErrorKind::InvalidRequest, format!("`{place}` must be {what}")).about(place)
        }
    }
}

/// Refuses an object, because a field is not there.
pub(crate) fn missing(at: &At<'_>, name: &str) -> ApiError {
    let place = at.field(name).to_string();
    ApiError::new(ErrorKind::InvalidRequest, format!("`{place}` is missing")).about(place)
}

/// Takes a value for an object.
pub(crate) fn object<'v>(value: &'v mut Value, at: &At<'_>) -> Result<&'v mut Object, ApiError> {
    value.as_object_mut().ok_or_else(|| wrong(at, "an object"))
}

/// A field that is there and not null.
pub(crate) fn present<'v>(object: &'v Object, name: &str) -> Option<&'v Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// The same, to be changed.
pub(crate) fn present_mut<'v>(object: &'v mut Object, name: &str) -> Option<&'v mut Value> {
    object.get_mut(name).filter(|value| !value.is_null())
}

/// A field that holds a text, if it is there.
pub(crate) fn text<'v>(object: &'v Object, at: &At<'_>, name: &str) -> Result<Option<&'v str>, ApiError> {
    let read = |value: &'v Value| value.as_str().ok_or_else(|| wrong(&at.field(name), "a string"));
    present(object, name).map(read).transpose()
}

/// A field that must hold a text.
pub(crate) fn needed_text<'v>(object: &'v Object, at: &At<'_>, name: &str) -> Result<&'v str, ApiError> {
    text(object, at, name)?.ok_or_else(|| missing(at, name))
}

/// A field that must hold a text which names something.
pub(crate) fn needed_name<'v>(object: &'v Object, at: &At<'_>, name: &str) -> Result<&'v str, ApiError> {
    let text = needed_text(object, at, name)?;
    if text.is_empty() { Err(wrong(&at.field(name), "a string that is not empty")) } else { Ok(text) }
}

/// A field that is true or false, if it is there.
pub(crate) fn flag(object: &Object, at: &At<'_>, name: &str) -> Result<Option<bool>, ApiError> {
    let read = |value: &Value| value.as_bool().ok_or_else(|| wrong(&at.field(name), "true or false"));
    present(object, name).map(read).transpose()
}

/// A field that holds a count, if it is there.
pub(crate) fn count(object: &Object, at: &At<'_>, name: &str) -> Result<Option<u32>, ApiError> {
    let read = |value: &Value| {
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
        count.ok_or_else(|| wrong(&at.field(name), "a whole number from 0 to 4294967295"))
    };
    present(object, name).map(read).transpose()
}

/// A field that holds a number, if it is there.
pub(crate) fn number(object: &Object, at: &At<'_>, name: &str) -> Result<Option<f32>, ApiError> {
    let read = |value: &Value| {
        #[expect(clippy::cast_possible_truncation, reason = "`chat-request` has 32 bits, and infinity is refused")]
        let number = value.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
        number.ok_or_else(|| wrong(&at.field(name), "a number"))
    };
    present(object, name).map(read).transpose()
}

/// A field that holds an object, if it is there.
pub(crate) fn inner<'v>(object: &'v Object, at: &At<'_>, name: &str) -> Result<Option<&'v Object>, ApiError> {
    let read = |value: &'v Value| value.as_object().ok_or_else(|| wrong(&at.field(name), "an object"));
    present(object, name).map(read).transpose()
}

/// A field that holds a list, if it is there.
pub(crate) fn list<'v>(object: &'v Object, at: &At<'_>, name: &str) -> Result<Option<&'v Vec<Value>>, ApiError> {
    let read = |value: &'v Value| value.as_array().ok_or_else(|| wrong(&at.field(name), "a list"));
    present(object, name).map(read).transpose()
}
