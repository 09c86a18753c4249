//! Bodies, good and bad, and the form in which they go on.

use creel_dialects::{ApiError, Dialect, ErrorKind, read_chat, read_count, read_embeddings};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{DIALECTS, least, read};

/// Words that the readers look for, so that a body made of them comes far.
const WORDS: [&str; 44] = [
    "model",
    "messages",
    "input",
    "role",
    "content",
    "type",
    "text",
    "user",
    "assistant",
    "system",
    "developer",
    "tool",
    "function",
    "image_url",
    "url",
    "input_image",
    "image",
    "source",
    "base64",
    "data",
    "media_type",
    "file",
    "file_data",
    "tools",
    "tool_choice",
    "tool_calls",
    "tool_call_id",
    "function_call_output",
    "tool_result",
    "id",
    "name",
    "arguments",
    "parameters",
    "response_format",
    "json_schema",
    "schema",
    "stop",
    "max_tokens",
    "stream_options",
    "thinking",
    "data:image/png;base64,AAAA",
    "data:,",
    "input_audio",
    "é\u{1f980}",
];

fn any_word() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Eighths are written as they are read.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        any_word().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_word(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A good body in which some value, somewhere, is another one.
fn broken_body(dialect: Dialect) -> impl Strategy<Value = Value> {
    (any::<prop::sample::Index>(), any_value(), prop::collection::vec((any_word(), any_value()), 0..4)).prop_map(
        move |(at, value, more)| {
            let mut body = rich(dialect);
            for (name, value) in more {
                body[name] = value;
            }
            let places = count(&body);
            replace(&mut body, &mut at.index(places), value);
            body
        },
    )
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(fields) => fields.values().map(count).sum(),
        Value::Array(list) => list.iter().map(count).sum(),
        _ => 0,
    }
}

/// Puts another value in the place of one that is so many away, counted from the top.
fn replace(here: &mut Value, away: &mut usize, value: Value) -> Option<Value> {
    if *away == 0 {
        *here = value;
        return None;
    }
    *away -= 1;
    let inner: Box<dyn Iterator<Item = &mut Value>> = match here {
        Value::Object(fields) => Box::new(fields.values_mut()),
        Value::Array(list) => Box::new(list.iter_mut()),
        _ => return Some(value),
    };
    inner.into_iter().try_fold(value, |value, inner| replace(inner, away, value).ok_or(())).ok()
}

/// A body that uses much of its dialect.
fn rich(dialect: Dialect) -> Value {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let url = "data:image/png;base64,iVBORw0KGgo=";
    match dialect {
        Dialect::OpenaiCompletions => json!({
            "model": "asked", "stream": true, "stream_options": { "include_usage": true }, "n": 1, "stop": ["a", "b"],
            "response_format": { "type": "json_schema", "json_schema": { "name": "s", "schema": schema, "strict": true } },
            "tools": [{ "type": "function", "function": { "name": "weather", "description": "d", "parameters": schema } }],
            "tool_choice": { "type": "function", "function": { "name": "weather" } },
            "messages": [
                { "role": "developer", "content": [{ "type": "text", "text": "be brief" }] },
                { "role": "user", "content": [
                    { "type": "text", "text": "look" },
                    { "type": "image_url", "image_url": { "url": url, "detail": "low" } },
                    { "type": "image_url", "image_url": "https://pictures.example/a.png" },
                    { "type": "input_audio", "input_audio": { "data": "UklGRg==", "format": "wav" } },
                    { "type": "file", "file": { "file_data": url, "filename": "a.png" } },
                    { "type": "file", "file": { "file_id": "file-1" } } ] },
                { "role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
                    { "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "{}" } }] },
                { "role": "tool", "tool_call_id": "call_1", "content": "sunny" } ],
        }),
        Dialect::OpenaiResponses => json!({
            "model": "asked", "stream": true, "instructions": "be brief", "reasoning": { "effort": "low" },
            "text": { "format": { "type": "json_schema", "name": "s", "schema": schema } },
            "tools": [{ "type": "function", "name": "weather", "description": "d", "parameters": schema }],
            "tool_choice": { "type": "function", "name": "weather" },
            "input": [
                { "role": "user", "content": [
                    { "type": "input_text", "text": "look" },
                    { "type": "input_image", "image_url": url, "detail": "low" },
                    { "type": "input_file", "file_data": url, "filename": "a.png" },
                    { "type": "input_file", "file_id": "file-1" } ] },
                { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "hm" }] },
                { "type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}" },
                { "type": "function_call_output", "call_id": "call_1", "output": "sunny" } ],
        }),
        Dialect::AnthropicMessages => json!({
            "model": "asked", "max_tokens": 2000, "stream": true, "stop_sequences": ["a"],
            "system": [{ "type": "text", "text": "be brief", "cache_control": { "type": "ephemeral" } }],
            "thinking": { "type": "enabled", "budget_tokens": 1024 },
            "tools": [{ "name": "weather", "description": "d", "input_schema": schema }],
            "tool_choice": { "type": "tool", "name": "weather" },
            "messages": [
                { "role": "user", "content": [
                    { "type": "text", "text": "look" },
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo=" } },
                    { "type": "image", "source": { "type": "url", "url": "https://pictures.example/a.png" } },
                    { "type": "document", "source": { "type": "file", "file_id": "file-1" } } ] },
                { "role": "assistant", "content": [
                    { "type": "thinking", "thinking": "hm", "signature": "s" },
                    { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": {} }] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "toolu_1", "content": [{ "type": "text", "text": "sunny" }] }] } ],
        }),
    }
}

/// An error that a client can act on: it is the client's, it says something, and it does so on one line of fair length.
fn is_helpful(error: &ApiError) -> bool {
    matches!(error.kind, ErrorKind::InvalidRequest | ErrorKind::Unsupported)
        && !error.message.is_empty()
        && !error.message.ends_with('.')
}

fn check_all(body: &[u8]) -> Result<(), TestCaseError> {
    for dialect in DIALECTS {
        match read_chat(dialect, body) {
            Ok(call) => drop(call.native("m", &[])),
            Err(error) => prop_assert!(is_helpful(&error), "{error:?}"),
        }
    }
    let errors = [read_count(body).err(), read_embeddings(body).err()];
    for error in errors.into_iter().flatten() {
        prop_assert!(is_helpful(&error), "{error:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_bytes_break_a_reader(body in prop::collection::vec(any::<u8>(), 0..200)) {
        check_all(&body)?;
    }

    #[test]
    fn no_json_breaks_a_reader(body in any_value()) {
        check_all(body.to_string().as_bytes())?;
    }

    #[test]
    fn no_half_body_breaks_a_reader(which in 0..3usize, length in any::<prop::sample::Index>()) {
        let body = rich(DIALECTS[which]).to_string();
        let half = &body.as_bytes()[..length.index(body.len())];
        for dialect in DIALECTS {
            let error = read_chat(dialect, half).expect_err("it is no JSON");
            prop_assert!(error.message.contains("line 1 column"), "{error:?}");
        }
    }

    #[test]
    fn no_wrong_value_breaks_a_reader(body in prop::sample::select(&DIALECTS[..]).prop_flat_map(broken_body)) {
        check_all(body.to_string().as_bytes())?;
    }

    #[test]
    fn a_body_without_media_goes_on_as_it_came(
        which in 0..3usize,
        model in "\\PC{1,20}",
        fields in prop::collection::vec(("[a-z]{1,8}", any_value()), 0..6),
    ) {
        let mut body = Map::new();
        let mut rest = least(DIALECTS[which]).as_object().cloned().unwrap_or_default();
        // Unknown fields stand before, between and behind those that are known.
        for (index, (name, value)) in fields.into_iter().enumerate() {
            body.insert(format!("x-{name}"), value);
            if index == 1 {
                body.append(&mut rest);
            }
        }
        body.append(&mut rest);
        let call = read(DIALECTS[which], &Value::Object(body.clone()));
        body.insert("model".to_owned(), model.clone().into());
        prop_assert_eq!(call.native(&model, &[]), Value::Object(body).to_string());
    }
}

#[test]
fn a_rich_body_is_read() {
    for dialect in DIALECTS {
        let call = read(dialect, &rich(dialect));
        assert_eq!(call.native_only, Vec::<String>::new(), "{dialect:?}");
        assert_eq!(call.tools.len(), 1, "{dialect:?}");
        assert!(call.is_streaming, "{dialect:?}");
    }
}

#[test]
fn the_place_of_a_mistake_is_said() {
    let check = |dialect, body: &[u8], param: Option<&str>, said: &str| {
        let error = read_chat(dialect, body).expect_err("the body is bad");
        assert_eq!(error.kind, ErrorKind::InvalidRequest);
        assert_eq!(error.param.as_deref(), param, "{error:?}");
        assert!(error.message.contains(said), "{:?} says {said:?}", error.message);
    };
    for dialect in DIALECTS {
        check(dialect, b"", None, "line 1 column 0");
        check(dialect, b"{\n \"model\": ,}", None, "line 2 column 11");
        check(dialect, b"{\"model\": \"m\xff\"}", None, "line 1 column");
        check(dialect, b"[]", None, "an object");
        check(dialect, b"{}", Some("model"), "`model` is missing");
        check(dialect, br#"{"model": 7}"#, Some("model"), "`model` must be a string");
    }
    let chat = |fields: &str| format!(r#"{{"model": "m", "messages": [{{"role": "user", {fields}}}]}}"#).into_bytes();
    let check = |fields: &str, param: &str| {
        check(Dialect::OpenaiCompletions, &chat(fields), Some(param), "");
    };
    check(r#""content": 7"#, "messages[0].content");
    check(r#""content": [{"text": "x"}]"#, "messages[0].content[0].type");
    check(r#""content": [{"type": "text", "text": 1}]"#, "messages[0].content[0].text");
    check(r#""content": [{"type": "image_url", "image_url": {}}]"#, "messages[0].content[0].image_url.url");
    check(
        r#""content": [{"type": "text", "text": ""}, {"type": "image_url", "image_url": {"url": "data:image/png,x"}}]"#,
        "messages[0].content[1].image_url.url",
    );
}

#[test]
fn only_a_count_needs_no_bound() {
    let body = br#"{"model": "m", "messages": [{"role": "user", "content": "hi"}]}"#;
    assert_eq!(read_count(body).expect("a count needs no bound").max_tokens, None);
    let error = read_chat(Dialect::AnthropicMessages, body).expect_err("a message needs one");
    assert_eq!(error.param.as_deref(), Some("max_tokens"));
}
