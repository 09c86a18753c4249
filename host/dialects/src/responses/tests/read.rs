//! Rules of reading, each with its near misses.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{body, codex, read, read_body, refuse};
use crate::{
    ChatCall, Content, Dialect, ErrorKind, MediaSource, Message, Placed, ResponseFormat, ResultContent, Role,
    ToolChoice,
};

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

fn message(role: Role, content: Vec<Content>) -> Message {
    Message { role, content }
}

fn called(id: &str, name: &str, arguments: &str) -> Content {
    Content::ToolCall { id: id.to_owned(), name: name.to_owned(), arguments_json: arguments.to_owned() }
}

fn result(id: &str, content: Vec<ResultContent>) -> Content {
    Content::ToolResult { id: id.to_owned(), content, is_error: false }
}

fn placed(number: usize) -> Placed {
    Placed { placeholder: format!("<<{number}>>"), content_type: "image/webp".to_owned() }
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).expect("what is written is JSON")
}

#[test]
fn a_coding_agent_is_understood() {
    let call = read_body(&codex()).expect("the request is good");
    let asked = [
        message(Role::System, vec![text("You are a coding agent.")]),
        message(Role::System, vec![text("<skills_instructions>"), text("<permissions instructions>")]),
        message(Role::User, vec![text("<environment_context>")]),
        message(Role::User, vec![text("what is this?"), Content::Media(0)]),
        message(
            Role::Assistant,
            vec![
                Content::Reasoning { text: "I should look.".to_owned(), signature: Some("gAAAAB==".to_owned()) },
                text("I look."),
                called("call_a", "exec_command", "{\"cmd\":\"ls\"}"),
                called("call_b", "view_image", "{\"path\":\"a.png\"}"),
            ],
        ),
        message(
            Role::Tool,
            vec![
                result("call_a", vec![ResultContent::Text("a.png\n".to_owned())]),
                result("call_b", vec![ResultContent::Text("here".to_owned()), ResultContent::Media(1)]),
            ],
        ),
    ];
    assert_eq!(call.messages, asked);
    assert_eq!(call.native_only, [""; 0], "any provider can be asked");
    assert_eq!(call.dialect, Dialect::OpenaiResponses);
    assert_eq!(call.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["exec_command", "view_image"]);
    assert_eq!((call.is_streaming, call.parallel_tool_calls), (true, Some(true)));
    assert_eq!(call.reasoning_effort.as_deref(), Some("high"));
    assert_eq!(call.response_format, ResponseFormat::Text);
    let places: Vec<_> = call.media.iter().map(|medium| medium.param.as_str()).collect();
    assert_eq!(places, ["input[3].content[1].image_url", "input[9].output[1].image_url"]);
    let source = MediaSource::Inline { content_type: "image/jpeg".to_owned(), base64: "/9j/4AA=".to_owned() };
    assert_eq!(call.media[1].source, source);
}

#[test]
fn the_native_form_changes_the_model_and_the_media_alone() {
    let call = read_body(&codex()).expect("the request is good");
    let mut expect = codex();
    expect["model"] = "gpt-x".into();
    expect["input"][3]["content"][1]["image_url"] = "data:image/webp;base64,<<0>>".into();
    expect["input"][9]["output"][1]["image_url"] = "data:image/webp;base64,<<1>>".into();
    let written = call.native("gpt-x", &[placed(0), placed(1)]);
    assert_eq!(written, expect.to_string(), "the order of keys too");
}

#[test]
fn media_of_every_kind_have_their_place() {
    let inline = |content_type: &str| MediaSource::Inline { content_type: content_type.into(), base64: "QUJD".into() };
    let check = |part: Value, source: MediaSource, param: &str, native_part: Value| {
        let call = read(json!({ "input": [{ "role": "user", "content": [part] }] }));
        assert_eq!(call.messages, [message(Role::User, vec![Content::Media(0)])]);
        let [medium] = call.media.as_slice() else { panic!("one medium: {:?}", call.media) };
        assert_eq!((&medium.source, medium.param.as_str()), (&source, param));
        assert_eq!(parse(&call.native("m", &[placed(0)]))["input"][0]["content"][0], native_part);
    };
    let url = "https://example.org/a.png";
    let at = |field: &str| format!("input[0].content[0].{field}");
    let shown = "data:image/webp;base64,<<0>>";
    let image = json!({ "type": "input_image", "image_url": shown });
    check(
        json!({ "type": "input_image", "image_url": "DATA:image/png;name=a;BASE64,QUJD" }),
        inline("image/png"),
        &at("image_url"),
        image.clone(),
    );
    check(
        json!({ "type": "input_image", "image_url": url }),
        MediaSource::Reference(url.into()),
        &at("image_url"),
        image.clone(),
    );
    check(
        json!({ "type": "input_image", "image_url": "media://inbound/x" }),
        MediaSource::Reference("media://inbound/x".into()),
        &at("image_url"),
        image,
    );
    check(
        json!({ "type": "input_image", "detail": "low", "file_id": "f", "image_url": null }),
        MediaSource::File("f".into()),
        &at("file_id"),
        json!({ "type": "input_image", "detail": "low", "image_url": shown }),
    );
    check(
        json!({ "type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD" }),
        inline("application/pdf"),
        &at("file_data"),
        json!({ "type": "input_file", "filename": "a.pdf", "file_data": shown }),
    );
    let unnamed = json!({ "type": "input_file", "file_data": shown, "filename": "file" });
    check(
        json!({ "type": "input_file", "file_data": "QUJD" }),
        inline("application/octet-stream"),
        &at("file_data"),
        unnamed.clone(),
    );
    check(
        json!({ "type": "input_file", "file_url": url }),
        MediaSource::Reference(url.into()),
        &at("file_url"),
        unnamed.clone(),
    );
    check(json!({ "type": "input_file", "file_id": "f" }), MediaSource::File("f".into()), &at("file_id"), unnamed);
}

#[test]
fn bytes_are_moved_out_of_the_body() {
    let image = json!({ "type": "input_image", "image_url": "data:image/png;base64,QUJD" });
    let call = read(json!({ "input": [{ "role": "user", "content": [image] }] }));
    assert_eq!(call.body.pointer("/input/0/content/0/image_url"), Some(&"".into()));
}

#[test]
fn items_become_messages() {
    let check = |fields: Value, expect: &[Message]| assert_eq!(read(fields).messages, expect);
    let says = |role: &str, words: &str| json!({ "role": role, "content": words });
    check(json!({ "input": "hi" }), &[message(Role::User, vec![text("hi")])]);
    check(
        json!({ "instructions": "s", "input": [says("user", "a"), says("developer", "d"), says("system", "e")] }),
        &[
            message(Role::System, vec![text("s")]),
            message(Role::System, vec![text("d")]),
            message(Role::System, vec![text("e")]),
            message(Role::User, vec![text("a")]),
        ],
    );
    check(
        json!({ "input": [says("assistant", "a"), says("assistant", "b"), says("user", "c"), says("user", "d")] }),
        &[
            message(Role::Assistant, vec![text("a"), text("b")]),
            message(Role::User, vec![text("c")]),
            message(Role::User, vec![text("d")]),
        ],
    );
    let refused = json!({ "role": "assistant", "content": [{ "type": "refusal", "refusal": "no" }] });
    check(json!({ "input": [refused] }), &[message(Role::Assistant, vec![text("no")])]);
    let thought = |item: Value| read(json!({ "input": [item] })).messages;
    let words = |words: &str, signature: Option<&str>| {
        let signature = signature.map(str::to_owned);
        [message(Role::Assistant, vec![Content::Reasoning { text: words.to_owned(), signature }])]
    };
    let part = |text: &str| json!({ "type": "summary_text", "text": text });
    assert_eq!(thought(json!({ "type": "reasoning", "summary": [part("a"), part("b")] })), words("a\n\nb", None));
    assert_eq!(
        thought(json!({ "type": "reasoning", "summary": [part("a")], "content": [part("b")] })),
        words("b", None)
    );
    assert_eq!(thought(json!({ "type": "reasoning", "summary": [], "encrypted_content": "e" })), words("", Some("e")));
    assert_eq!(thought(json!({ "type": "reasoning", "summary": [] })), []);
}

#[test]
fn tools_are_chosen() {
    let check = |choice: Value, expect: ToolChoice, tools: &[&str]| {
        let function = |name: &str| json!({ "type": "function", "name": name });
        let call = read(json!({ "tool_choice": choice, "tools": [function("f"), function("g")] }));
        assert_eq!(call.tool_choice, expect);
        assert_eq!(call.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), tools);
        assert_eq!(call.native_only, [""; 0]);
    };
    let both = ["f", "g"];
    check(Value::Null, ToolChoice::Auto, &both);
    check("auto".into(), ToolChoice::Auto, &both);
    check("none".into(), ToolChoice::None, &both);
    check("required".into(), ToolChoice::Required, &both);
    check(json!({ "type": "function", "name": "g" }), ToolChoice::Named("g".to_owned()), &both);
    let allowed =
        |mode: &str| json!({ "type": "allowed_tools", "mode": mode, "tools": [{ "type": "function", "name": "g" }] });
    check(allowed("auto"), ToolChoice::Auto, &["g"]);
    check(allowed("required"), ToolChoice::Required, &["g"]);
    let plain = read(json!({ "tools": [{ "type": "function", "name": "f", "parameters": null }] }));
    assert_eq!(plain.tools[0].parameters_json, r#"{"type":"object","properties":{}}"#);
}

#[test]
fn settings_are_said() {
    let format = |format: Value| read(json!({ "text": { "format": format } })).response_format;
    assert_eq!(format(json!({ "type": "text" })), ResponseFormat::Text);
    assert_eq!(format(json!({ "type": "json_object" })), ResponseFormat::Json);
    assert_eq!(
        format(json!({ "type": "json_schema", "name": "n", "strict": true, "schema": { "b": 1, "a": 2 } })),
        ResponseFormat::JsonSchema(r#"{"b":1,"a":2}"#.to_owned())
    );
    let call = read(json!({ "max_output_tokens": 7, "temperature": 0, "top_p": 0.5, "parallel_tool_calls": false }));
    assert_eq!((call.max_tokens, call.temperature, call.top_p), (Some(7), Some(0.0), Some(0.5)));
    assert_eq!((call.parallel_tool_calls, call.is_streaming), (Some(false), false));
    let effort = |effort: Value| read(json!({ "reasoning": { "effort": effort } })).reasoning_effort;
    assert_eq!(effort(Value::Null), None);
    assert_eq!(effort("minimal".into()).as_deref(), Some("minimal"));
    assert_eq!(effort("none".into()).as_deref(), Some("none"));
    assert_eq!(effort("max".into()).as_deref(), Some("high"));
}

#[test]
fn what_changes_the_meaning_is_for_the_same_dialect_alone() {
    let check = |fields: Value, expect: &[&str]| assert_eq!(read(fields).native_only, expect);
    let search = json!({ "type": "web_search" });
    let function = json!({ "type": "function", "name": "f" });
    let searched = "only a provider of this dialect has tools of the type `web_search`";
    check(json!({ "tools": [search] }), &[&format!("`tools[0]`: {searched}")]);
    check(json!({ "tools": [search, function] }), &[]);
    check(
        json!({ "tools": [search, function], "tool_choice": { "type": "web_search" } }),
        &[&format!("`tool_choice`: {searched}")],
    );
    check(
        json!({ "previous_response_id": "resp_1" }),
        &["`previous_response_id`: an earlier response that a provider of this dialect keeps; nothing is kept here"],
    );
    check(
        json!({ "conversation": { "id": "c" }, "input": null }),
        &["`conversation`: a conversation that a provider of this dialect keeps; nothing is kept here"],
    );
    check(json!({ "previous_response_id": null, "conversation": null, "background": false, "store": true }), &[]);
    check(
        json!({ "background": true }),
        &["`background`: only a provider of this dialect keeps answers to be fetched"],
    );
    check(
        json!({ "include": ["reasoning.encrypted_content", "message.output_text.logprobs"] }),
        &["`include[1]`: only a provider of this dialect gives log probabilities"],
    );
    check(json!({ "top_logprobs": 2 }), &["`top_logprobs`: only a provider of this dialect gives log probabilities"]);
    check(
        json!({ "input": [{ "type": "item_reference", "id": "x" }] }),
        &["`input[0]`: an item that a provider of this dialect keeps; nothing is kept here"],
    );
    check(
        json!({ "input": [{ "type": "custom_tool_call", "call_id": "x" }] }),
        &["`input[0]`: only a provider of this dialect knows items of the type `custom_tool_call`"],
    );
    check(
        json!({ "input": [{ "role": "user", "content": [{ "type": "input_audio" }] }] }),
        &["`input[0].content[0]`: only a provider of this dialect knows parts of the type `input_audio`"],
    );
    check(json!({ "truncation": "auto", "a_field_of_tomorrow": 1, "top_logprobs": 0 }), &[]);
}

#[test]
fn bad_requests_are_refused_with_their_place() {
    let check = |fields: Value, param: &str, rest: &str| {
        let error = refuse(body(fields));
        assert_eq!((error.param.as_deref(), error.message), (Some(param), format!("`{param}` {rest}")));
        assert_eq!(error.kind, ErrorKind::InvalidRequest);
    };
    let item = |item: Value| json!({ "input": [item] });
    let part = |part: Value| json!({ "input": [{ "role": "user", "content": [part] }] });
    check(json!({ "model": 3 }), "model", "must be a string");
    check(json!({ "input": null }), "input", "is missing");
    check(json!({ "input": 3 }), "input", "must be a string or a list of items");
    check(json!({ "max_output_tokens": 1.5 }), "max_output_tokens", "must be a whole number from 0 to 4294967295");
    check(item(json!("hi")), "input[0]", "must be an object");
    check(item(json!({ "content": "a" })), "input[0].role", "is missing");
    check(
        item(json!({ "role": "tool", "content": "a" })),
        "input[0].role",
        "must be `user`, `assistant`, `system` or `developer`",
    );
    check(item(json!({ "role": "user" })), "input[0].content", "is missing");
    check(item(json!({ "type": "function_call", "name": "f" })), "input[0].call_id", "is missing");
    check(
        item(json!({ "type": "function_call", "name": "f", "call_id": "c", "arguments": {} })),
        "input[0].arguments",
        "must be a string",
    );
    check(item(json!({ "type": "function_call_output", "call_id": "c" })), "input[0].output", "is missing");
    check(part(json!({ "type": "input_text" })), "input[0].content[0].text", "is missing");
    check(
        part(json!({ "type": "input_image" })),
        "input[0].content[0]",
        "must be a part with `image_url` or `file_id`",
    );
    let bad_url = "must be a URL `data:<type>;base64,<bytes>` or another URL";
    for url in ["data:image/png,QUJD", "data:image/png;base64", "data:image/png;base64,", "data:;base64x,QUJD"] {
        check(part(json!({ "type": "input_image", "image_url": url })), "input[0].content[0].image_url", bad_url);
    }
    check(json!({ "tools": [{ "name": "f" }] }), "tools[0].type", "is missing");
    check(json!({ "tools": [{ "type": "function" }] }), "tools[0].name", "is missing");
    check(json!({ "tool_choice": "any" }), "tool_choice", "must be `none`, `auto`, `required` or an object");
    check(json!({ "tool_choice": { "type": "allowed_tools" } }), "tool_choice.tools", "is missing");
    let format = json!({ "text": { "format": { "type": "xml" } } });
    check(format, "text.format.type", "must be `text`, `json_object` or `json_schema`");
    check(json!({ "include": [1] }), "include[0]", "must be a string");
}

/// Values that are near to what clients send, so that the reader is led far into them.
fn value() -> impl Strategy<Value = Value> {
    let words = [
        "message",
        "input_text",
        "input_image",
        "input_file",
        "function_call",
        "function_call_output",
        "reasoning",
        "user",
        "assistant",
        "function",
        "allowed_tools",
        "data:a/b;base64,QUJD",
        "data:",
        "x",
        "",
    ];
    let names = [
        "type",
        "text",
        "role",
        "content",
        "output",
        "summary",
        "image_url",
        "file_id",
        "file_data",
        "filename",
        "call_id",
        "name",
        "arguments",
        "encrypted_content",
        "tools",
        "mode",
        "format",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        prop::sample::select(Vec::from(words)).prop_map(Value::from),
        ".{0,4}".prop_map(Value::from),
    ];
    let names = prop::sample::select(Vec::from(names)).prop_map(str::to_owned);
    leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A body without media goes on as it came, but for the model.
fn goes_on(call: &ChatCall, mut body: Value) {
    body["model"] = "other".into();
    if call.media.is_empty() {
        assert_eq!(parse(&call.native("other", &[])), body);
    }
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_panic(value in value()) {
        if let Ok(call) = read_body(&value) {
            goes_on(&call, value);
        }
    }

    #[test]
    fn no_field_makes_the_reader_panic(
        name in prop::sample::select(&["input", "instructions", "tools", "tool_choice", "text", "reasoning"][..]),
        value in value(),
    ) {
        let body = body(json!({ name: value }));
        if let Ok(call) = read_body(&body) {
            goes_on(&call, body);
        }
    }

    #[test]
    fn no_item_makes_the_reader_panic(items in prop::collection::vec(value(), 1..4)) {
        let body = body(json!({ "input": items }));
        if let Ok(call) = read_body(&body) {
            goes_on(&call, body);
        }
    }
}
