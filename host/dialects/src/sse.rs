//! Frames events for a client: a name, and JSON on one line. What the events say is known to the writers of the
//! dialects.

use std::borrow::Cow;
use std::io;

use serde::{Deserialize, Serialize};

/// Writes an event with its name.
pub(crate) fn named(out: &mut String, name: &str, data: &impl Serialize) {
    out.push_str("event: ");
    out.push_str(name);
    out.push_str("\ndata: ");
    json(out, data);
    out.push_str("\n\n");
}

/// Writes JSON behind what is there.
pub(crate) fn json(out: &mut String, data: &impl Serialize) {
    serde_json::to_writer(Appended(out), data).expect("keys are strings, and a string takes whatever is written");
}

/// Writes an event that a provider gave, by the name that its `type` says; data without one has no name.
pub(crate) fn native(out: &mut String, data: &str) {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
    }
    if let Ok(Typed { kind }) = serde_json::from_str(data)
        && !kind.contains(['\r', '\n'])
    {
        out.push_str("event: ");
        out.push_str(&kind);
        out.push('\n');
    }
    unnamed(out, data);
}

/// Writes an event that has no name.
pub(crate) fn unnamed(out: &mut String, data: &str) {
    // A line of JSON that was written over several is data on each of them; the client puts them together again.
    for line in data.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        out.push_str("data: ");
        out.push_str(line);
        out.push('\n');
    }
    out.push('\n');
}

/// Lets serde write into a string. It writes whole strings and ASCII, so that no sign is ever cut in two.
struct Appended<'a>(&'a mut String);

impl io::Write for Appended<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.0.push_str(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
