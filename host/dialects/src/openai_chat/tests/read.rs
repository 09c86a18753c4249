//! What is understood, what is refused, and what goes on as it came.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{body, native, read, refuse};
use crate::{ChatCall, Content, ErrorKind, Message, ResponseFormat, ResultContent, Role, Tool, ToolChoice};

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

fn said(role: Role, content: Vec<Content>) -> Message {
    Message { role, content }
}

fn called(id: &str, name: &str, arguments: &str) -> Content {
    Content::ToolCall { id: id.to_owned(), name: name.to_owned(), arguments_json: arguments.to_owned() }
}

fn result(id: &str, said: &str) -> Content {
    let content = vec![ResultContent::Text(said.to_owned())];
    Content::ToolResult { id: id.to_owned(), content, is_error: false }
}

#[test]
fn a_conversation_is_understood() {
    let call = read(json!({ "messages": [
        { "role": "system", "content": "be brief" },
        { "role": "user", "name": "ann", "content": [
            { "type": "text", "text": "hi" }, { "type": "text", "text": "you" },
        ] },
        { "role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
            { "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"a\":1}" } },
            { "id": "c2", "function": { "name": "g", "arguments": "" } },
        ] },
        { "role": "tool", "tool_call_id": "c1", "content": "one" },
        { "role": "tool", "tool_call_id": "c2", "content": [{ "type": "text", "text": "two" }] },
        { "role": "developer", "content": "be kind" },
        { "role": "assistant", "content": "", "reasoning": "so", "refusal": "no" },
        { "role": "assistant", "content": [{ "type": "refusal", "refusal": "never" }] },
        { "role": "assistant", "content": null },
    ] }));
    let thought = |text: &str| Content::Reasoning { text: text.to_owned(), signature: None };
    let expect = [
        said(Role::System, vec![text("be brief")]),
        said(Role::System, vec![text("be kind")]),
        said(Role::User, vec![text("hi"), text("you")]),
        said(Role::Assistant, vec![thought("hm"), called("c1", "f", "{\"a\":1}"), called("c2", "g", "{}")]),
        said(Role::Tool, vec![result("c1", "one"), result("c2", "two")]),
        said(Role::Assistant, vec![thought("so"), text("no")]),
        said(Role::Assistant, vec![text("never")]),
    ];
    assert_eq!(call.messages, expect);
    assert!(call.native_only.is_empty());
}

#[test]
fn the_older_form_is_understood() {
    let call = read(json!({
        "functions": [{ "name": "f", "description": "does", "parameters": { "type": "object" } }, { "name": "g" }],
        "function_call": { "name": "f" },
        "messages": [
            { "role": "user", "content": "go" },
            { "role": "assistant", "content": null, "function_call": { "name": "f", "arguments": "{}" } },
            { "role": "function", "name": "f", "content": "one" },
            { "role": "assistant", "content": null, "function_call": { "name": "f", "arguments": "{\"b\":2}" } },
            { "role": "function", "name": "f", "content": "two" },
        ],
    }));
    let expect = [
        said(Role::User, vec![text("go")]),
        said(Role::Assistant, vec![called("call_1", "f", "{}")]),
        said(Role::Tool, vec![result("call_1", "one")]),
        said(Role::Assistant, vec![called("call_3", "f", "{\"b\":2}")]),
        said(Role::Tool, vec![result("call_3", "two")]),
    ];
    assert_eq!(call.messages, expect);
    let tool = |name: &str, description: &str, parameters: &str| Tool {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters_json: parameters.to_owned(),
    };
    let bare = r#"{"type":"object","properties":{}}"#;
    assert_eq!(call.tools, [tool("f", "does", r#"{"type":"object"}"#), tool("g", "", bare)]);
    assert_eq!((call.tool_choice, call.parallel_tool_calls), (ToolChoice::Named("f".into()), Some(false)));
}

#[test]
fn settings_are_said() {
    let call = read(json!({
        "max_tokens": 5, "temperature": 0.5, "top_p": 0.25, "stop": "END", "seed": 7, "reasoning_effort": "low",
        "parallel_tool_calls": true, "stream": true, "stream_options": { "include_usage": true },
    }));
    assert_eq!((call.max_tokens, call.temperature, call.top_p), (Some(5), Some(0.5), Some(0.25)));
    assert_eq!((call.stop.as_slice(), call.seed), (&["END".to_owned()][..], Some(7)));
    assert_eq!((call.reasoning_effort.as_deref(), call.parallel_tool_calls), (Some("low"), Some(true)));
    assert!(call.is_streaming && call.includes_usage);
    let call = read(json!({}));
    assert_eq!((call.max_tokens, call.temperature, call.seed), (None, None, None));
    assert!(!call.is_streaming && !call.includes_usage && call.stop.is_empty());
    assert_eq!((call.tool_choice, call.response_format), (ToolChoice::Auto, ResponseFormat::Text));
    assert_eq!((call.parallel_tool_calls, call.fallbacks), (None, None));
    let call = read(json!({ "max_tokens": 5, "max_completion_tokens": 6, "stop": ["a", "b"], "seed": -1 }));
    assert_eq!((call.max_tokens, call.stop.len(), call.seed), (Some(6), 2, None));
    let effort = |fields: Value| read(fields).reasoning_effort;
    assert_eq!(effort(json!({ "reasoning_effort": "xhigh" })).as_deref(), Some("high"));
    assert_eq!(effort(json!({ "reasoning": { "effort": "minimal" } })).as_deref(), Some("minimal"));
    let format = |format: Value| read(json!({ "response_format": format })).response_format;
    assert_eq!(format(json!({ "type": "text" })), ResponseFormat::Text);
    assert_eq!(format(json!({ "type": "json_object" })), ResponseFormat::Json);
    let schema = json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": { "type": "object" } } });
    assert_eq!(format(schema), ResponseFormat::JsonSchema(r#"{"type":"object"}"#.into()));
}

#[test]
fn tools_are_chosen() {
    let tool = |name: &str| json!({ "type": "function", "function": { "name": name, "strict": true } });
    let check = |choice: Value, expect: ToolChoice, names: &[&str]| {
        let call = read(json!({ "tools": [tool("f"), tool("g")], "tool_choice": choice }));
        let has: Vec<_> = call.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!((call.tool_choice, has.as_slice()), (expect, names));
        assert!(call.native_only.is_empty());
    };
    check(json!(null), ToolChoice::Auto, &["f", "g"]);
    check(json!("auto"), ToolChoice::Auto, &["f", "g"]);
    check(json!("none"), ToolChoice::None, &["f", "g"]);
    check(json!("required"), ToolChoice::Required, &["f", "g"]);
    check(tool("g"), ToolChoice::Named("g".into()), &["f", "g"]);
    let allowed = json!({ "type": "allowed_tools", "allowed_tools": { "mode": "required", "tools": [tool("g")] } });
    check(allowed, ToolChoice::Required, &["g"]);
    let legacy = |choice: &str| read(json!({ "functions": [], "function_call": choice })).tool_choice;
    assert_eq!((legacy("auto"), legacy("none")), (ToolChoice::Auto, ToolChoice::None));
}

#[test]
fn what_changes_the_meaning_is_for_the_same_dialect_alone() {
    let check = |fields: Value, expect: &[&str]| assert_eq!(read(fields.clone()).native_only, expect, "{fields}");
    let only = "only a provider of this dialect";
    check(json!({ "n": 2 }), &[&format!("`n`: {only} gives several answers")]);
    check(json!({ "logprobs": true }), &[&format!("`logprobs`: {only} gives log probabilities")]);
    check(json!({ "top_logprobs": 3 }), &[&format!("`top_logprobs`: {only} gives log probabilities")]);
    let audio = json!({ "modalities": ["text", "audio"], "audio": { "voice": "ash" } });
    let expect = [format!("`modalities`: {only} answers in audio"), format!("`audio`: {only} answers in audio")];
    check(audio, &[&expect[0], &expect[1]]);
    check(json!({ "prediction": {} }), &[&format!("`prediction`: {only} is told what the answer may look like")]);
    check(json!({ "web_search_options": {} }), &[&format!("`web_search_options`: {only} searches the web itself")]);
    let custom = format!("{only} has tools of the type `custom`");
    check(json!({ "tools": [{ "type": "custom", "custom": {} }] }), &[&format!("`tools[0]`: {custom}")]);
    check(json!({ "tool_choice": { "type": "custom" } }), &[&format!("`tool_choice`: {custom}")]);
    let message = |message: Value| json!({ "messages": [{ "role": "user", "content": "a" }, message] });
    check(
        message(json!({ "role": "assistant", "tool_calls": [{ "id": "c", "type": "custom", "custom": {} }] })),
        &[&format!("`messages[1].tool_calls[0]`: {custom}")],
    );
    check(
        message(json!({ "role": "assistant", "audio": { "id": "a" } })),
        &["`messages[1].audio`: audio that a provider of this dialect keeps"],
    );
    check(
        message(json!({ "role": "user", "content": [{ "type": "hologram" }] })),
        &[&format!("`messages[1].content[0]`: {only} knows parts of the type `hologram`")],
    );
    let hints = json!({
        "n": 1, "logprobs": false, "top_logprobs": 0, "modalities": ["text", "image"], "user": "u", "metadata": {},
        "store": true, "service_tier": "flex", "prompt_cache_key": "k", "frequency_penalty": 1, "presence_penalty": 1,
        "logit_bias": { "1": 2 }, "verbosity": "low", "what": ["else"],
    });
    check(hints, &[]);
}

#[test]
fn other_models_are_named_for_the_host_alone() {
    let check = |fields: Value, expect: Option<&[&str]>| {
        let call = read(fields);
        let names: Option<Vec<_>> = call.fallbacks.as_ref().map(|names| names.iter().map(String::as_str).collect());
        assert_eq!(names.as_deref(), expect);
        assert_eq!(native(&call, "m", &[]), body(json!({})));
    };
    check(json!({}), None);
    check(json!({ "fallbacks": null }), None);
    check(json!({ "fallbacks": [] }), Some(&[]));
    check(json!({ "fallbacks": ["b", "c"] }), Some(&["b", "c"]));
    check(json!({ "models": ["m", "b", "b"] }), Some(&["b"]));
    check(json!({ "models": ["c", "b"], "fallbacks": ["b"] }), Some(&["b", "c"]));
}

#[test]
fn bad_requests_are_refused_with_their_place() {
    let check = |fields: Value, message: &str, param: &str| {
        let error = refuse(body(fields));
        assert_eq!(error.kind, ErrorKind::InvalidRequest);
        assert_eq!((error.message.as_str(), error.param.as_deref()), (message, Some(param)));
    };
    check(json!({ "model": null }), "`model` is missing", "model");
    check(json!({ "model": "" }), "`model` must be a string that is not empty", "model");
    check(json!({ "messages": null }), "`messages` is missing", "messages");
    check(json!({ "messages": [] }), "`messages` must be a list of at least one message", "messages");
    check(json!({ "n": 0 }), "`n` must be a whole number from 1 on", "n");
    check(json!({ "seed": 1.5 }), "`seed` must be a whole number", "seed");
    check(json!({ "stop": 1 }), "`stop` must be a string or a list of strings", "stop");
    check(json!({ "stop": ["a", 1] }), "`stop[1]` must be a string", "stop[1]");
    check(json!({ "fallbacks": "b" }), "`fallbacks` must be a list of names of models", "fallbacks");
    check(json!({ "models": ["b", {}] }), "`models[1]` must be the name of a model", "models[1]");
    check(
        json!({ "response_format": { "type": "json_schema" } }),
        "`response_format.json_schema` is missing",
        "response_format.json_schema",
    );
    check(
        json!({ "response_format": { "type": "json_schema", "json_schema": {} } }),
        "`response_format.json_schema.schema` is missing",
        "response_format.json_schema.schema",
    );
    check(
        json!({ "response_format": { "type": "xml" } }),
        "`response_format.type` must be `text`, `json_object` or `json_schema`",
        "response_format.type",
    );
    check(json!({ "tools": [{}] }), "`tools[0].type` is missing", "tools[0].type");
    check(json!({ "tools": [{ "type": "function" }] }), "`tools[0].function` is missing", "tools[0].function");
    let choices = "`tool_choice` must be `none`, `auto`, `required` or an object";
    check(json!({ "tool_choice": "any" }), choices, "tool_choice");
    let choices = "`function_call` must be `none`, `auto` or an object";
    check(json!({ "functions": [], "function_call": "f" }), choices, "function_call");
}

#[test]
fn bad_messages_are_refused_with_their_place() {
    let check = |message: Value, expect: &str| {
        assert_eq!(refuse(body(json!({ "messages": [message] }))).message, expect);
    };
    check(json!("hi"), "`messages[0]` must be an object");
    check(json!({ "content": "a" }), "`messages[0].role` is missing");
    let roles = "`system`, `developer`, `user`, `assistant`, `tool` or `function`";
    check(json!({ "role": "bot", "content": "a" }), &format!("`messages[0].role` must be {roles}"));
    check(json!({ "role": "user" }), "`messages[0].content` is missing");
    check(json!({ "role": "user", "content": 1 }), "`messages[0].content` must be a string or a list of parts");
    check(json!({ "role": "user", "content": [{ "type": "text" }] }), "`messages[0].content[0].text` is missing");
    check(json!({ "role": "tool", "content": "a" }), "`messages[0].tool_call_id` is missing");
    check(
        json!({ "role": "function", "name": "f", "content": "a" }),
        "`messages[0].name` must be a function that was called before",
    );
    let calls = |call: Value| json!({ "role": "assistant", "tool_calls": [call] });
    check(calls(json!({ "function": {} })), "`messages[0].tool_calls[0].id` is missing");
    check(calls(json!({ "id": "c" })), "`messages[0].tool_calls[0].function` is missing");
    check(
        calls(json!({ "id": "c", "function": { "name": "f", "arguments": {} } })),
        "`messages[0].tool_calls[0].function.arguments` must be a string",
    );
}

fn value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(
        &[
            "type",
            "text",
            "role",
            "user",
            "assistant",
            "tool",
            "function",
            "content",
            "image_url",
            "url",
            "file",
            "input_audio",
            "file_data",
            "tool_calls",
            "function_call",
            "id",
            "name",
            "arguments",
            "auto",
            "models",
            "data:image/png;base64,QUJD",
            "data:",
            "ü:é",
            "messages",
            "model",
            "json_schema",
            "",
        ][..],
    );
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let key = word.clone().prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

#[test]
fn the_totals_of_a_stream_are_always_asked_for() {
    let check = |options: Value, expect: &str| {
        let mut fields = json!({ "stream": true });
        if !options.is_null() {
            fields["stream_options"] = options;
        }
        let text = read(fields).native("m", &[]);
        assert!(text.ends_with(expect), "{text}");
    };
    check(Value::Null, r#","stream":true,"stream_options":{"include_usage":true}}"#);
    check(json!({}), r#""stream_options":{"include_usage":true}}"#);
    check(json!({ "include_usage": false, "x": 1 }), r#""stream_options":{"include_usage":true,"x":1}}"#);
    check(json!({ "include_usage": true }), r#""stream_options":{"include_usage":true}}"#);
    assert!(!read(json!({ "stream": false })).native("m", &[]).contains("stream_options"));
}

/// A body without media goes on as it came, but for the model and what is the host's alone.
fn goes_on(call: &ChatCall, mut body: Value) {
    body["model"] = "other".into();
    let fields = body.as_object_mut().expect("a body is an object");
    fields.shift_remove("fallbacks");
    fields.shift_remove("models");
    if call.is_streaming && !call.includes_usage {
        let options = fields.entry("stream_options").or_insert_with(|| json!({}));
        if !options.is_object() {
            *options = json!({});
        }
        options["include_usage"] = true.into();
    }
    if call.media.is_empty() {
        assert_eq!(call.native("other", &[]), body.to_string());
    }
}

proptest! {
    #[test]
    fn no_body_makes_the_reader_panic(value in value()) {
        if let Ok(call) = super::super::read(value.clone()) {
            goes_on(&call, value);
        }
    }

    #[test]
    fn no_field_makes_the_reader_panic(
        name in prop::sample::select(
            &["messages", "tools", "tool_choice", "functions", "function_call", "response_format", "models"][..],
        ),
        value in value(),
    ) {
        let body = body(json!({ name: value }));
        if let Ok(call) = super::super::read(body.clone()) {
            goes_on(&call, body);
        }
    }

    #[test]
    fn no_message_makes_the_reader_panic(
        role in prop::sample::select(&["system", "user", "assistant", "tool", "function"][..]),
        field in prop::sample::select(&["content", "tool_calls", "function_call", "audio"][..]),
        value in value(),
    ) {
        let body = body(json!({ "messages": [{ "role": role, "tool_call_id": "c", field: value }] }));
        if let Ok(call) = super::super::read(body.clone()) {
            goes_on(&call, body);
        }
    }
}
