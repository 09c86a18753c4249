//! What an event of a client's own dialect says, piece by piece: the strings under the keys that carry deltas. All else of
//! it is skipped, and a string without escapes is not copied, since this is read for every event.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// A key whose strings, one event after the other, make one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Arguments,
    Content,
    Delta,
    PartialJson,
    Reasoning,
    ReasoningContent,
    Refusal,
    Text,
    Thinking,
}

/// A string of an event, and which text it is a piece of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) field: Field,
    /// Tells the choices, blocks and calls of an answer from each other, by the numbers around the string.
    pub(crate) place: u64,
    pub(crate) text: &'a str,
    /// It stands in the event as it is, without an escape.
    pub(crate) is_plain: bool,
}

/// Gives each piece of an event, in order. Of what is no JSON it gives those before the fault: nobody reads on behind it.
pub(crate) fn pieces(event: &str, mut hear: impl FnMut(Piece<'_>)) {
    let mut json = serde_json::Deserializer::from_str(event);
    drop(Node { hear: &mut hear, field: None, place: 0 }.deserialize(&mut json));
}

/// A value within an event. What it comes to is its number, where it is one.
struct Node<'a, F> {
    hear: &'a mut F,
    field: Option<Field>,
    place: u64,
}

impl<F: FnMut(Piece<'_>)> Node<'_, F> {
    fn say(&mut self, text: &str, is_plain: bool) {
        if let Some(field) = self.field
            && !text.is_empty()
        {
            (self.hear)(Piece { field, place: self.place, text, is_plain });
        }
    }
}

impl<'de, F: FnMut(Piece<'_>)> DeserializeSeed<'de> for Node<'_, F> {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Piece<'_>)> Visitor<'de> for Node<'_, F> {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E>(mut self, text: &'de str) -> Result<Self::Value, E> {
        self.say(text, true);
        Ok(None)
    }

    fn visit_str<E>(mut self, text: &str) -> Result<Self::Value, E> {
        self.say(text, false);
        Ok(None)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number))
    }

    fn visit_i64<E>(self, _number: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _is: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Self { hear, field, place } = self;
        while list.next_element_seed(Node { hear: &mut *hear, field, place })?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self { hear, mut place, .. } = self;
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let field = match key {
                Key::Delta(field) => Some(field),
                Key::Index | Key::Other => None,
            };
            let number = map.next_value_seed(Node { hear: &mut *hear, field, place })?;
            if let (Key::Index, Some(number)) = (key, number) {
                place = place.wrapping_mul(0x9e37_79b9).wrapping_add(number).wrapping_add(1);
            }
        }
        Ok(None)
    }
}

#[derive(Clone, Copy)]
enum Key {
    Delta(Field),
    Index,
    Other,
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "arguments" => Key::Delta(Field::Arguments),
            "content" => Key::Delta(Field::Content),
            "delta" => Key::Delta(Field::Delta),
            "partial_json" => Key::Delta(Field::PartialJson),
            "reasoning" => Key::Delta(Field::Reasoning),
            "reasoning_content" => Key::Delta(Field::ReasoningContent),
            "refusal" => Key::Delta(Field::Refusal),
            "text" => Key::Delta(Field::Text),
            "thinking" => Key::Delta(Field::Thinking),
            "index" | "output_index" | "content_index" | "summary_index" => Key::Index,
            _ => Key::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &str, expect: &[(Field, &str)]) {
        let mut got = Vec::new();
        pieces(event, |piece| got.push((piece.field, piece.text.to_owned())));
        let got: Vec<_> = got.iter().map(|(field, text)| (*field, text.as_str())).collect();
        assert_eq!(got, expect, "{event}");
    }

    fn places(event: &str) -> Vec<u64> {
        let mut places = Vec::new();
        pieces(event, |piece| places.push(piece.place));
        places
    }

    #[test]
    fn the_deltas_of_every_dialect_are_read_and_nothing_else() {
        use Field::{Arguments, Content, Delta, PartialJson, ReasoningContent, Refusal, Text, Thinking};
        let block = |delta: &str| format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#);
        check(&block(r#"{"type":"text_delta","text":"a"}"#), &[(Text, "a")]);
        check(&block(r#"{"type":"thinking_delta","thinking":"b"}"#), &[(Thinking, "b")]);
        check(&block(r#"{"type":"input_json_delta","partial_json":"{\"c"}"#), &[(PartialJson, "{\"c")]);
        check(&block(r#"{"type":"signature_delta","signature":"d"}"#), &[]);
        let choice = |delta: &str| format!(r#"{{"id":"x","choices":[{{"index":0,"delta":{delta},"logprobs":null}}]}}"#);
        check(&choice(r#"{"role":"assistant","content":"e","refusal":null}"#), &[(Content, "e")]);
        check(&choice(r#"{"reasoning_content":"f","refusal":"g"}"#), &[(ReasoningContent, "f"), (Refusal, "g")]);
        let call = r#"{"tool_calls":[{"index":1,"id":"i","function":{"name":"n","arguments":"h"}}]}"#;
        check(&choice(call), &[(Arguments, "h")]);
        check(
            r#"{"type":"response.output_text.delta","sequence_number":4,"item_id":"m","output_index":0,"delta":"i"}"#,
            &[(Delta, "i")],
        );
        let whole = r#"{"content":[{"type":"text","text":"j"},{"type":"text","text":"k"}],"usage":{"input_tokens":1}}"#;
        check(whole, &[(Text, "j"), (Text, "k")]);
        check(r#"{"message":{"content":["l", 1.5, -1, true, null, "m"]}}"#, &[(Content, "l"), (Content, "m")]);
    }

    #[test]
    fn what_is_no_event_has_no_pieces() {
        for event in ["", "text", "\"text\"", "[DONE]", "{\"text\":", "{\"text\":\"open", "{\"text\":\"\"}"] {
            check(event, &[]);
        }
        check("{\"text\":\"a\",\"text\":\"b", &[(Field::Text, "a")]);
        check(&format!("{}\"deep\"", "{\"text\":".repeat(500)), &[]);
    }

    #[test]
    fn choices_and_calls_are_told_from_each_other_and_events_are_not() {
        let event = |choice: u32, call: u32| {
            let call = format!(r#"{{"index":{call},"function":{{"arguments":"a"}}}}"#);
            format!(r#"{{"created":7,"choices":[{{"index":{choice},"delta":{{"tool_calls":[{call}]}}}}]}}"#)
        };
        assert_eq!(places(&event(0, 0)), places(&event(0, 0)));
        assert_ne!(places(&event(0, 1)), places(&event(1, 0)));
        assert_ne!(places(&event(0, 0)), places(&event(0, 1)));
        let delta = |number: u32| format!(r#"{{"sequence_number":{number},"output_index":1,"delta":"a"}}"#);
        assert_eq!(places(&delta(1)), places(&delta(2)));
    }

    #[test]
    fn an_escape_is_read_and_told() {
        let mut got = Vec::new();
        pieces(r#"{"text":"\u0073k","delta":"plain"}"#, |piece| got.push((piece.text.to_owned(), piece.is_plain)));
        assert_eq!(got, [("sk".to_owned(), false), ("plain".to_owned(), true)]);
    }
}
