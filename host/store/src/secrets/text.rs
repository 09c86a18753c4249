//! Strings of a JSON document that are secret: found where they stand, and wiped. What they mean is not known here.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// What stands at a place of a document.
pub(super) enum Found {
    /// A string.
    Text(Zeroizing<String>),
    /// Something else.
    NotText,
    /// Nothing.
    Nothing,
}

/// Finds what a pointer (RFC 6901) names. `None`: the document is no JSON.
pub(super) fn find(document: &[u8], pointer: &str) -> Option<Found> {
    let segments: Vec<String> =
        pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~")).collect();
    let mut reader = serde_json::Deserializer::from_slice(document);
    let found = At(&segments).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(found)
}

/// A string, whatever stands there.
impl<'de> serde::Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        At(&[]).deserialize(deserializer)
    }
}

/// The rest of the way.
#[derive(Clone, Copy)]
struct At<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl At<'_> {
    /// What something is that has nothing inside.
    fn plain<E>(self, found: Found) -> Result<Found, E> {
        Ok(if self.0.is_empty() { found } else { Found::Nothing })
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        self.plain(Found::NotText)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        self.plain(Found::NotText)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        self.plain(Found::NotText)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        self.plain(Found::NotText)
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        self.plain(Found::NotText)
    }

    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        self.plain(Found::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Found, E> {
        self.plain(Found::Text(Zeroizing::new(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let (mut found, way) = match self.0.split_first() {
            Some((first, rest)) => (Found::Nothing, Some((first, rest))),
            None => (Found::NotText, None),
        };
        while let Some(key) = map.next_key::<String>()? {
            match way {
                // Of a key that is there twice the last counts, as in other readers of JSON.
                Some((first, rest)) if *first == key => found = map.next_value_seed(At(rest))?,
                Some(_) | None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found, A::Error> {
        let (mut found, way) = match self.0.split_first() {
            Some((first, rest)) => (Found::Nothing, index(first).map(|index| (index, rest))),
            None => (Found::NotText, None),
        };
        let mut at = 0;
        loop {
            match way {
                Some((index, rest)) if index == at => match list.next_element_seed(At(rest))? {
                    Some(element) => found = element,
                    None => return Ok(found),
                },
                Some(_) | None => {
                    if list.next_element::<IgnoredAny>()?.is_none() {
                        return Ok(found);
                    }
                }
            }
            at += 1;
        }
    }
}

/// A place in a list: decimal, without leading zeros; `-` is behind the last, where nothing is.
fn index(segment: &str) -> Option<usize> {
    let plain = segment == "0" || segment.bytes().all(|b| b.is_ascii_digit()) && !segment.starts_with('0');
    if plain { segment.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6901, section 5, with strings for numbers, and what its errors are.
    const DOCUMENT: &str = r#"{ "foo": ["bar", "baz"], "": "0", "a/b": "1", "c%d": "2", "e^f": "3", "g|h": "4",
        "i\\j": "5", "k\"l": "6", " ": "7", "m~n": "8", "~1": "9", "n": {"s": 1, "t": "twice", "t": "last"} }"#;

    fn check(pointer: &str, expect: &str) {
        let found = match find(DOCUMENT.as_bytes(), pointer) {
            Some(Found::Text(text)) => text.to_string(),
            Some(Found::NotText) => "not text".to_owned(),
            Some(Found::Nothing) => "nothing".to_owned(),
            None => "no json".to_owned(),
        };
        assert_eq!(found, expect, "{pointer}");
    }

    #[test]
    fn pointers_are_those_of_the_rfc() {
        for (pointer, expect) in [
            ("/foo/0", "bar"),
            ("/foo/1", "baz"),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
            ("/~01", "9"),
            ("/n/t", "last"),
        ] {
            check(pointer, expect);
        }
        for pointer in
            ["/foo/2", "/foo/-", "/foo/00", "/foo/01", "/foo/ 0", "/foo/+1", "/bar", "/foo/0/x", "/n/u", "/a/b"]
        {
            check(pointer, "nothing");
        }
        for pointer in ["/foo", "/n", "/n/s"] {
            check(pointer, "not text");
        }
    }

    #[test]
    fn what_is_no_json_is_told() {
        for document in ["", "{", "{\"a\": \"b\"} x", "plain"] {
            assert!(find(document.as_bytes(), "/a").is_none(), "{document}");
        }
    }
}
