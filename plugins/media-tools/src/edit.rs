//! Changes of a file, byte range by byte range; the pixels are in none of them. Knows no format.

use std::ops::Range;

/// What stands in a range from now on; nothing takes the range out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) at: Range<usize>,
    pub(crate) with: Vec<u8>,
}

impl Edit {
    pub(crate) fn remove(at: Range<usize>) -> Self {
        Self { at, with: Vec::new() }
    }

    pub(crate) fn replace(at: Range<usize>, with: Vec<u8>) -> Self {
        Self { at, with }
    }
}

/// How long the first `end` of a file's bytes are with these changes.
pub(crate) fn length(end: usize, edits: &[Edit]) -> usize {
    let within = edits.iter().filter(|edit| edit.at.end <= end);
    within.fold(end, |length, edit| (length + edit.with.len()).saturating_sub(edit.at.len()))
}

/// The file with these changes. A change that overlaps an earlier one, or that lies outside, is nobody's intent: such a
/// list answers with nothing.
pub(crate) fn apply(bytes: &[u8], mut edits: Vec<Edit>) -> Option<Vec<u8>> {
    edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
    let added: usize = edits.iter().map(|edit| edit.with.len()).sum();
    let mut out = Vec::with_capacity(bytes.len() + added);
    let mut done = 0;
    for edit in edits {
        out.extend_from_slice(bytes.get(done..edit.at.start)?);
        out.extend_from_slice(&edit.with);
        done = edit.at.end;
    }
    out.extend_from_slice(bytes.get(done..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_in_their_order_in_the_file() {
        let edits = vec![Edit::replace(4..6, b"EFGH".to_vec()), Edit::remove(0..1), Edit::replace(8..8, b"!".to_vec())];
        assert_eq!(apply(b"abcdefgh", edits).as_deref(), Some(b"bcdEFGHgh!".as_slice()));
        assert_eq!(apply(b"abc", Vec::new()).as_deref(), Some(b"abc".as_slice()));
    }

    #[test]
    fn changes_that_cannot_be_meant_are_not_made() {
        assert_eq!(apply(b"abcdef", vec![Edit::remove(0..3), Edit::remove(2..4)]), None);
        assert_eq!(apply(b"abcdef", vec![Edit::remove(0..7)]), None);
    }
}
