//! Rules of reading, each with its near misses.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{body, claude_code, read, read_body, refuse};
use crate::{
    ChatCall, Content, Dialect, ErrorKind, MediaSource, Message, Placed, ResponseFormat, ResultContent, Role,
    ToolChoice, read_count,
};

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

fn message(role: Role, content: Vec<Content>) -> Message {
    Message { role, content }
}

fn placed(number: usize) -> Placed {
    Placed { placeholder: format!("<<{number}>>"), content_type: "image/webp".to_owned() }
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).expect("what is written is JSON")
}

#[test]
fn a_coding_agent_is_understood() {
    let call = read_body(&claude_code()).expect("the request is good");
    let asked = [
        message(
            Role::System,
            vec![text("x-client-billing-header: version=2.1"), text("You are an agent."), text("Be short.")],
        ),
        message(
            Role::User,
            vec![text("<system-reminder>\nplatform: linux\n</system-reminder>"), text("what is in the picture?")],
        ),
        message(
            Role::Assistant,
            vec![
                Content::Reasoning { text: "I should look.".to_owned(), signature: Some("EqRkBn==".to_owned()) },
                Content::Reasoning { text: String::new(), signature: Some("redacted:EmwKA==".to_owned()) },
                text("I look at it."),
                Content::ToolCall {
                    id: "toolu_01".to_owned(),
                    name: "Read".to_owned(),
                    arguments_json: r#"{"file_path":"/p/a.png"}"#.to_owned(),
                },
                Content::ToolCall {
                    id: "toolu_02".to_owned(),
                    name: "ToolSearch".to_owned(),
                    arguments_json: r#"{"query":"select:TaskList"}"#.to_owned(),
                },
            ],
        ),
        message(
            Role::Tool,
            vec![
                Content::ToolResult {
                    id: "toolu_01".to_owned(),
                    content: vec![ResultContent::Media(0)],
                    is_error: false,
                },
                Content::ToolResult {
                    id: "toolu_02".to_owned(),
                    content: vec![ResultContent::Text("TaskList".to_owned())],
                    is_error: false,
                },
            ],
        ),
        message(Role::User, vec![text("go on")]),
    ];
    assert_eq!(call.messages, asked);
    assert_eq!(call.native_only, [""; 0], "any provider can be asked");
    assert_eq!(call.dialect, Dialect::AnthropicMessages);
    assert_eq!((call.max_tokens, call.is_streaming), (Some(32_000), true));
    assert_eq!(call.reasoning_effort.as_deref(), Some("high"));
    assert_eq!(
        call.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(),
        ["Read", "ToolSearch", "TaskList"]
    );
    assert!(call.tools[0].parameters_json.starts_with(r#"{"$schema":"https://"#), "the order of keys is kept");
    assert_eq!(call.media.len(), 1);
    assert_eq!(call.media[0].param, "messages[2].content[0].content[0].source.data");
    let source = MediaSource::Inline { content_type: "image/png".to_owned(), base64: "iVBORw0KGgo=".to_owned() };
    assert_eq!(call.media[0].source, source);
}

#[test]
fn a_system_message_between_turns_stands_where_it_stood() {
    let body = json!({
        "model": "m", "max_tokens": 9, "system": "first",
        "messages": [
            { "role": "user", "content": "a" },
            { "role": "system", "content": [{ "type": "text", "text": "b" }] },
            { "role": "user", "content": "c" },
        ],
    });
    let call = read_body(&body).expect("the request is good");
    let asked = [(Role::System, "first"), (Role::User, "a"), (Role::System, "b"), (Role::User, "c")];
    assert_eq!(call.messages, asked.map(|(role, said)| message(role, vec![text(said)])));
    assert_eq!(call.native("m", &[]), body.to_string());
}

#[test]
fn the_native_form_changes_the_model_and_the_media_alone() {
    let call = read_body(&claude_code()).expect("the request is good");
    let mut expect = claude_code();
    expect["model"] = "claude-x".into();
    expect["messages"][2]["content"][0]["content"][0]["source"] =
        json!({ "type": "base64", "media_type": "image/webp", "data": "<<0>>" });
    let written = call.native("claude-x", &[placed(0)]);
    assert_eq!(written, expect.to_string(), "the order of keys too");
}

#[test]
fn media_of_every_kind_have_their_place() {
    let inline = |content_type: &str| MediaSource::Inline { content_type: content_type.into(), base64: "QUJD".into() };
    let check = |block: Value, source: MediaSource, param: &str, name: Option<&str>| {
        let call =
            read(json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "t" }, block] }] }));
        assert_eq!(call.messages, [message(Role::User, vec![text("t"), Content::Media(0)])]);
        let [medium] = call.media.as_slice() else { panic!("one medium: {:?}", call.media) };
        assert_eq!((&medium.source, medium.name.as_deref()), (&source, name));
        assert_eq!(medium.param, format!("messages[0].content[1].source.{param}"));
        let written = parse(&call.native("m", &[placed(0)]));
        let source = &written["messages"][0]["content"][1]["source"];
        assert_eq!(*source, json!({ "type": "base64", "media_type": "image/webp", "data": "<<0>>" }));
    };
    let block = |kind: &str, source: Value| json!({ "type": kind, "source": source });
    let bytes = |of: &str| json!({ "type": "base64", "media_type": of, "data": "QUJD" });
    let url = "https://example.org/a.png";
    check(block("image", bytes("image/png")), inline("image/png"), "data", None);
    check(block("image", json!({ "type": "url", "url": url })), MediaSource::Reference(url.into()), "url", None);
    check(block("image", json!({ "type": "file", "file_id": "f" })), MediaSource::File("f".into()), "file_id", None);
    let mut titled = block("document", bytes("application/pdf"));
    titled["title"] = "a.pdf".into();
    check(titled, inline("application/pdf"), "data", Some("a.pdf"));
    let file = block("document", json!({ "type": "file", "file_id": "f" }));
    check(file, MediaSource::File("f".into()), "file_id", None);
}

#[test]
fn bytes_are_moved_out_of_the_body() {
    let source = json!({ "type": "base64", "media_type": "image/png", "data": "QUJD" });
    let call = read(json!({ "messages": [{ "role": "user", "content": [{ "type": "image", "source": source }] }] }));
    assert_eq!(call.body.pointer("/messages/0/content/0/source/data"), Some(&"".into()));
}

#[test]
fn documents_of_text_are_text() {
    let check = |document: Value, expect: &[&str]| {
        let call = read(json!({ "messages": [{ "role": "user", "content": [document] }] }));
        assert_eq!(call.messages, [message(Role::User, expect.iter().map(|words| text(words)).collect())]);
        assert_eq!(call.native_only, [""; 0]);
    };
    let plain = json!({ "type": "text", "media_type": "text/plain", "data": "words" });
    check(json!({ "type": "document", "source": plain }), &["words"]);
    check(
        json!({ "type": "document", "source": plain, "title": "T", "context": "C", "citations": { "enabled": false } }),
        &["T", "C", "words"],
    );
    check(json!({ "type": "document", "source": { "type": "content", "content": "words" } }), &["words"]);
    let parts = json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
    check(json!({ "type": "document", "source": { "type": "content", "content": parts } }), &["a", "b"]);
}

#[test]
fn results_of_tools_are_messages_of_tools() {
    let result = |content: Value| json!({ "type": "tool_result", "tool_use_id": "c", "content": content });
    let check = |content: Value, expect: &[Message]| {
        assert_eq!(read(json!({ "messages": [{ "role": "user", "content": content }] })).messages, expect);
    };
    let told = |content: &[&str], is_error| Content::ToolResult {
        id: "c".to_owned(),
        content: content.iter().map(|text| ResultContent::Text((*text).to_owned())).collect(),
        is_error,
    };
    check(json!([result("4".into())]), &[message(Role::Tool, vec![told(&["4"], false)])]);
    check(json!([{ "type": "tool_result", "tool_use_id": "c" }]), &[message(Role::Tool, vec![told(&[], false)])]);
    check(
        json!([{ "type": "tool_result", "tool_use_id": "c", "content": "no", "is_error": true }]),
        &[message(Role::Tool, vec![told(&["no"], true)])],
    );
    let parts = json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
    let split = [
        message(Role::Tool, vec![told(&["a", "b"], false)]),
        message(Role::User, vec![text("x")]),
        message(Role::Tool, vec![told(&["4"], false)]),
    ];
    check(json!([result(parts), { "type": "text", "text": "x" }, result("4".into())]), &split);
}

#[test]
fn tools_are_chosen() {
    let check = |choice: Value, expect: ToolChoice, parallel: Option<bool>| {
        let call = read(json!({ "tool_choice": choice }));
        assert_eq!((call.tool_choice, call.parallel_tool_calls), (expect, parallel));
    };
    check(Value::Null, ToolChoice::Auto, None);
    check(json!({ "type": "auto" }), ToolChoice::Auto, None);
    check(json!({ "type": "any", "disable_parallel_tool_use": true }), ToolChoice::Required, Some(false));
    check(json!({ "type": "none", "disable_parallel_tool_use": false }), ToolChoice::None, Some(true));
    check(json!({ "type": "tool", "name": "f" }), ToolChoice::Named("f".to_owned()), None);
}

#[test]
fn thinking_is_an_effort() {
    let check = |fields: Value, expect: Option<&str>| {
        assert_eq!(read(fields).reasoning_effort.as_deref(), expect);
    };
    let budget = |tokens: u32| json!({ "thinking": { "type": "enabled", "budget_tokens": tokens } });
    check(json!({}), None);
    check(budget(1_024), Some("minimal"));
    check(budget(1_025), Some("low"));
    check(budget(2_048), Some("low"));
    check(budget(8_192), Some("medium"));
    check(budget(8_193), Some("high"));
    check(json!({ "thinking": { "type": "adaptive" } }), None);
    check(json!({ "thinking": { "type": "adaptive" }, "output_config": { "effort": "low" } }), Some("low"));
    check(json!({ "thinking": { "type": "disabled" }, "output_config": { "effort": "low" } }), Some("none"));
    check(json!({ "output_config": { "effort": "max" } }), Some("high"));
    check(json!({ "output_config": { "effort": "xhigh" } }), Some("high"));
}

#[test]
fn settings_are_said() {
    let call = read(json!({
        "system": "s", "temperature": 0.5, "top_p": 1, "top_k": 4, "stop_sequences": ["a", "b"], "service_tier": "auto",
    }));
    assert_eq!(call.messages[0], message(Role::System, vec![text("s")]));
    assert_eq!((call.temperature, call.top_p), (Some(0.5), Some(1.0)));
    assert_eq!(call.stop, ["a", "b"]);
    assert!(!call.is_streaming);
    let schema = json!({ "type": "object", "properties": { "b": {}, "a": {} } });
    let format = json!({ "type": "json_schema", "schema": schema });
    let expect = ResponseFormat::JsonSchema(r#"{"type":"object","properties":{"b":{},"a":{}}}"#.to_owned());
    assert_eq!(read(json!({ "output_config": { "format": format } })).response_format, expect);
    assert_eq!(read(json!({ "output_format": format })).response_format, expect);
    assert_eq!(call.response_format, ResponseFormat::Text);
}

#[test]
fn a_count_has_no_bound() {
    let mut counted = body(json!({}));
    counted.as_object_mut().expect("a body is an object").remove("max_tokens");
    let call = read_count(counted.to_string().as_bytes()).expect("the request is good");
    assert_eq!(call.max_tokens, None);
    assert_eq!(refuse(counted).message, "`max_tokens` is missing");
}

#[test]
fn what_changes_the_meaning_is_for_the_same_dialect_alone() {
    let check = |fields: Value, expect: &[&str]| assert_eq!(read(fields).native_only, expect);
    let said = |block: Value| json!({ "messages": [{ "role": "user", "content": [block] }] });
    let tool = |kind: &str| json!({ "tools": [{ "type": kind, "name": "x" }] });
    check(
        tool("web_search_20250305"),
        &["`tools[0]`: only a provider of this dialect has the tool `web_search_20250305`"],
    );
    check(tool("bash_20250124"), &["`tools[0]`: only a provider of this dialect has the tool `bash_20250124`"]);
    check(tool("tool_search_tool_regex_20251119"), &[]);
    check(json!({ "tools": [{ "type": "custom", "name": "x", "input_schema": {} }] }), &[]);
    check(
        json!({ "mcp_servers": [{ "type": "url", "url": "https://example.org", "name": "n" }], "container": "c" }),
        &[
            "`mcp_servers`: only a provider of this dialect calls the servers itself",
            "`container`: only a provider of this dialect has containers",
        ],
    );
    check(json!({ "mcp_servers": [], "container": null, "inference_geo": null }), &[]);
    check(
        json!({ "inference_geo": "eu" }),
        &["`inference_geo`: only a provider of this dialect is bound to a region by it"],
    );
    check(
        said(json!({ "type": "search_result", "source": "s", "title": "t", "content": [] })),
        &["`messages[0].content[0]`: only a provider of this dialect knows blocks of the type `search_result`"],
    );
    let plain = json!({ "type": "text", "media_type": "text/plain", "data": "words" });
    check(
        said(json!({ "type": "document", "source": plain, "citations": { "enabled": true } })),
        &["`messages[0].content[0].citations`: only a provider of this dialect cites"],
    );
    check(json!({ "context_management": { "edits": [] }, "speed": "fast", "a_field_of_tomorrow": 1 }), &[]);
}

#[test]
fn bad_requests_are_refused_with_their_place() {
    let check = |fields: Value, param: &str, message: &str| {
        let error = refuse(body(fields));
        assert_eq!((error.param.as_deref(), error.message.as_str()), (Some(param), message));
        assert_eq!(error.kind, ErrorKind::InvalidRequest);
    };
    let said = |role: &str, block: Value| json!({ "messages": [{ "role": role, "content": [block] }] });
    let at = "messages[0].content[0]";
    check(json!({ "model": "" }), "model", "`model` must be a string that is not empty");
    check(json!({ "model": null }), "model", "`model` is missing");
    check(json!({ "max_tokens": "9" }), "max_tokens", "`max_tokens` must be a whole number from 0 to 4294967295");
    check(json!({ "max_tokens": -1 }), "max_tokens", "`max_tokens` must be a whole number from 0 to 4294967295");
    check(json!({ "temperature": "1" }), "temperature", "`temperature` must be a number");
    check(json!({ "temperature": 1e300 }), "temperature", "`temperature` must be a number");
    check(json!({ "stream": 1 }), "stream", "`stream` must be true or false");
    check(json!({ "stop_sequences": ["a", 1] }), "stop_sequences[1]", "`stop_sequences[1]` must be a string");
    check(json!({ "messages": [] }), "messages", "`messages` must be a list of at least one message");
    check(json!({ "messages": null }), "messages", "`messages` is missing");
    check(json!({ "messages": [3] }), "messages[0]", "`messages[0]` must be an object");
    check(said("tool", json!({})), "messages[0].role", "`messages[0].role` must be `user`, `assistant` or `system`");
    check(json!({ "messages": [{ "role": "user" }] }), "messages[0].content", "`messages[0].content` is missing");
    check(said("user", json!({ "text": "t" })), &format!("{at}.type"), &format!("`{at}.type` is missing"));
    check(
        said("user", json!({ "type": "tool_use", "id": "a", "name": "b", "input": {} })),
        &format!("{at}.type"),
        &format!("`{at}.type` must be another: a block of type `tool_use` stands in messages of the role `assistant`"),
    );
    check(
        said("assistant", json!({ "type": "tool_use", "id": "a", "name": "b", "input": "{}" })),
        &format!("{at}.input"),
        &format!("`{at}.input` must be an object"),
    );
    check(
        said("user", json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "" } })),
        &format!("{at}.source.data"),
        &format!("`{at}.source.data` must be the bytes in base64"),
    );
    check(
        said("user", json!({ "type": "image", "source": { "type": "path" } })),
        &format!("{at}.source.type"),
        &format!("`{at}.source.type` must be `base64`, `url` or `file`"),
    );
    check(
        json!({ "system": [{ "type": "image" }] }),
        "system[0].type",
        "`system[0].type` must be `text`: a system prompt has no other blocks",
    );
    check(json!({ "tools": [{ "name": "f" }] }), "tools[0].input_schema", "`tools[0].input_schema` is missing");
    check(json!({ "tool_choice": { "type": "tool" } }), "tool_choice.name", "`tool_choice.name` is missing");
    check(json!({ "tool_choice": "auto" }), "tool_choice", "`tool_choice` must be an object");
    check(
        json!({ "thinking": { "type": "on" } }),
        "thinking.type",
        "`thinking.type` must be `enabled`, `disabled` or `adaptive`",
    );
    assert_eq!(refuse(json!([])).message, "the body must be an object");
}

/// Values that are near to what clients send, so that the readers are led far into them.
fn value() -> impl Strategy<Value = Value> {
    let words = [
        "text",
        "image",
        "document",
        "tool_use",
        "tool_result",
        "thinking",
        "base64",
        "url",
        "file",
        "user",
        "assistant",
        "content",
        "x",
        "",
    ];
    let names = [
        "type",
        "text",
        "source",
        "content",
        "data",
        "media_type",
        "role",
        "id",
        "name",
        "input",
        "tool_use_id",
        "url",
        "thinking",
        "signature",
        "title",
        "citations",
        "enabled",
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
        name in prop::sample::select(&["messages", "system", "tools", "tool_choice", "thinking", "output_config"][..]),
        value in value(),
    ) {
        let body = body(json!({ name: value }));
        if let Ok(call) = read_body(&body) {
            goes_on(&call, body);
        }
    }

    #[test]
    fn no_block_makes_the_reader_panic(content in prop::collection::vec(value(), 1..4), is_user in any::<bool>()) {
        let role = if is_user { "user" } else { "assistant" };
        let body = body(json!({ "messages": [{ "role": role, "content": content }] }));
        if let Ok(call) = read_body(&body) {
            goes_on(&call, body);
        }
    }
}
