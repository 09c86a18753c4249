//! Events and answers, word for word.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{claude_code, read, read_body};
use crate::anthropic::{Stream, Whole};
use crate::{ApiError, ChatCall, ErrorKind, Finish, Output, Usage};

fn text(text: &str) -> Output {
    Output::Text(text.to_owned())
}

fn thought(text: &str, signature: Option<&str>) -> Output {
    Output::Reasoning { text: text.to_owned(), signature: signature.map(str::to_owned) }
}

fn call(index: u32, name: &str) -> Output {
    Output::ToolCallStart { index, id: format!("toolu_{index}"), name: name.to_owned() }
}

fn arguments(index: u32, json: &str) -> Output {
    Output::ToolCallArguments { index, json: json.to_owned() }
}

fn usage(input: u64, output: u64) -> Output {
    Output::Usage(Usage { input, output, cache_read: 30, cache_write: 4, reasoning: 1 })
}

fn agent() -> ChatCall {
    read_body(&claude_code()).expect("the fixture is good")
}

fn stream(call: &ChatCall, outputs: Vec<Output>) -> String {
    let mut stream = Stream::new(call, "msg_1".to_owned());
    let mut out = String::new();
    for output in outputs {
        stream.event(&output, &mut out).expect("the outputs follow each other");
    }
    stream.finish(&mut out);
    out
}

/// Names and data of events; each is framed as the dialect frames it.
fn events(stream: &str) -> Vec<(String, Value)> {
    let frames = stream.strip_suffix("\n\n").expect("a stream ends with a whole event").split("\n\n");
    let events = frames.map(|frame| {
        let (name, data) = frame.split_once('\n').expect("an event has two lines");
        let name = name.strip_prefix("event: ").expect("the first line has the name");
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").expect("the second has the data"))
            .expect("the data is JSON");
        assert_eq!(data["type"], name, "the data has the name too");
        (name.to_owned(), data)
    });
    events.collect()
}

/// The blocks that a client puts together, and the events in short: `+` starts a block, `-` ends it.
fn short(stream: &str) -> Vec<String> {
    let short = events(stream).into_iter().map(|(name, data)| match name.as_str() {
        "content_block_start" => format!("+{} {}", data["index"], data["content_block"]["type"]),
        "content_block_delta" => {
            let delta = data["delta"].as_object().expect("a delta is an object");
            let (_, said) = delta.iter().find(|(name, _)| *name != "type").expect("a delta says something");
            format!("{} {said}", data["index"])
        }
        "content_block_stop" => format!("-{}", data["index"]),
        "message_delta" => format!("end {}", data["delta"]["stop_reason"]),
        name => name.to_owned(),
    });
    short.collect()
}

#[test]
fn a_stream_is_written_word_for_word() {
    let outputs =
        vec![usage(5, 0), text("Hel"), text(""), text("lo\n\"ü\""), usage(5, 7), Output::Finished(Finish::Stop)];
    let expect = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"type\":\"message\",\"id\":\"msg_1\",",
        "\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":",
        "{\"input_tokens\":5,\"cache_creation_input_tokens\":4,\"cache_read_input_tokens\":30,",
        "\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":",
        "{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":",
        "{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":",
        "{\"type\":\"text_delta\",\"text\":\"lo\\n\\\"ü\\\"\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",",
        "\"stop_sequence\":null},\"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":4,",
        "\"cache_read_input_tokens\":30,\"output_tokens\":7}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    assert_eq!(stream(&read(json!({})), outputs), expect);
}

#[test]
fn thoughts_words_and_calls_are_blocks_in_turn() {
    let outputs = vec![
        thought("I ", None),
        thought("think", None),
        thought("", Some("c2ln")),
        thought("", Some("redacted:ZGF0YQ==")),
        text("Well."),
        call(0, "Read"),
        arguments(0, "{\"a\":"),
        arguments(0, "1}"),
        call(1, "Bash"),
        arguments(1, "{}"),
        Output::Finished(Finish::ToolCalls),
    ];
    let written = stream(&agent(), outputs);
    let expect = [
        "message_start",
        "+0 \"thinking\"",
        "ping",
        "0 \"I \"",
        "0 \"think\"",
        "0 \"c2ln\"",
        "-0",
        "+1 \"redacted_thinking\"",
        "-1",
        "+2 \"text\"",
        "2 \"Well.\"",
        "-2",
        "+3 \"tool_use\"",
        "3 \"\"",
        "3 \"{\\\"a\\\":\"",
        "3 \"1}\"",
        "-3",
        "+4 \"tool_use\"",
        "4 \"\"",
        "4 \"{}\"",
        "-4",
        "end \"tool_use\"",
        "message_stop",
    ];
    assert_eq!(short(&written), expect);
    let events = events(&written);
    let block = |at: usize| events[at].1["content_block"].clone();
    assert_eq!(block(1), json!({ "type": "thinking", "thinking": "", "signature": "" }));
    assert_eq!(block(7), json!({ "type": "redacted_thinking", "data": "ZGF0YQ==" }));
    assert_eq!(block(12), json!({ "type": "tool_use", "id": "toolu_0", "name": "Read", "input": {} }));
    let delta = |at: usize| events[at].1["delta"].clone();
    assert_eq!(delta(3), json!({ "type": "thinking_delta", "thinking": "I " }));
    assert_eq!(delta(5), json!({ "type": "signature_delta", "signature": "c2ln" }));
    assert_eq!(delta(15), json!({ "type": "input_json_delta", "partial_json": "1}" }));
}

#[test]
fn calls_whose_arguments_come_mixed_are_still_blocks_in_turn() {
    let outputs = vec![
        call(0, "f"),
        call(1, "g"),
        arguments(1, "{\"b\":"),
        arguments(0, "{\"a\":"),
        arguments(1, "2}"),
        arguments(0, "1}"),
        call(2, "h"),
        arguments(2, "{}"),
    ];
    let expect = [
        "message_start",
        "+0 \"tool_use\"",
        "ping",
        "0 \"\"",
        "0 \"{\\\"a\\\":\"",
        "0 \"1}\"",
        "-0",
        "+1 \"tool_use\"",
        "1 \"{\\\"b\\\":2}\"",
        "-1",
        "+2 \"tool_use\"",
        "2 \"\"",
        "2 \"{}\"",
        "-2",
        "end \"tool_use\"",
        "message_stop",
    ];
    assert_eq!(short(&stream(&read(json!({})), outputs)), expect);
}

#[test]
fn reasons_of_the_end() {
    let check = |outputs: Vec<Output>, expect: &str| {
        let written = stream(&read(json!({})), outputs.clone());
        assert!(short(&written).contains(&format!("end \"{expect}\"")), "{written}");
        assert_eq!(whole(&read(json!({})), outputs)["stop_reason"], expect);
    };
    let end = |finish| Output::Finished(finish);
    check(vec![], "end_turn");
    check(vec![text("a"), end(Finish::Stop)], "end_turn");
    check(vec![text("a"), end(Finish::Other)], "end_turn");
    check(vec![text("a"), end(Finish::Length)], "max_tokens");
    check(vec![text("a"), end(Finish::ContentFilter)], "refusal");
    check(vec![call(0, "f"), end(Finish::ToolCalls)], "tool_use");
    check(vec![call(0, "f"), end(Finish::Stop)], "tool_use");
    check(vec![call(0, "f"), end(Finish::Length)], "max_tokens");
    check(vec![text("a"), end(Finish::ToolCalls)], "end_turn");
}

#[test]
fn thoughts_are_shown_to_those_who_asked() {
    let outputs = || vec![thought("hm", Some("c2ln")), text("a"), Output::Finished(Finish::Stop)];
    let block = json!({ "type": "thinking", "thinking": "hm", "signature": "c2ln" });
    let check = |fields: Value, is_shown: bool| {
        let call = read(fields);
        assert_eq!(stream(&call, outputs()).contains("thinking"), is_shown);
        assert_eq!(whole(&call, outputs())["content"][0] == block, is_shown);
    };
    check(json!({ "thinking": { "type": "enabled", "budget_tokens": 2_000 } }), true);
    check(json!({ "thinking": { "type": "adaptive" } }), true);
    check(json!({ "thinking": { "type": "disabled" } }), false);
    check(json!({}), false);
}

#[test]
fn what_a_provider_of_the_dialect_says_goes_through() {
    let started = r#"{"type":"message_start","message":{"id":"msg_0"}  }"#;
    let outputs = vec![
        Output::Native(started.to_owned()),
        usage(1, 2),
        Output::Native("{\n\"type\":\"message_stop\"}".to_owned()),
        Output::Native("{\"no\":\"type\"}".to_owned()),
        Output::Finished(Finish::Stop),
    ];
    let expect = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_0\"}  }\n\n",
        "event: message_stop\ndata: {\ndata: \"type\":\"message_stop\"}\n\n",
        "data: {\"no\":\"type\"}\n\n",
    );
    assert_eq!(stream(&agent(), outputs), expect);
    let mut answer = Whole::new(&agent(), "msg_1".to_owned());
    for output in [Output::Native("{ \"as\": \"it is\" }".to_owned()), usage(1, 2)] {
        answer.take(output).expect("the outputs follow each other");
    }
    let mut out = String::new();
    answer.finish(&mut out).expect("the answer is good");
    assert_eq!(out, "{ \"as\": \"it is\" }");
}

#[test]
fn a_late_error_ends_the_stream() {
    let mut stream = Stream::new(&read(json!({})), "msg_1".to_owned());
    let mut out = String::new();
    stream.event(&text("a"), &mut out).expect("the outputs follow each other");
    out.clear();
    stream.keep_alive(&mut out);
    stream.error(&ApiError::new(ErrorKind::Overloaded, "too busy"), Some("req_1"), &mut out);
    stream.finish(&mut out);
    stream.keep_alive(&mut out);
    stream.error(&ApiError::new(ErrorKind::Internal, "again"), None, &mut out);
    let expect = concat!(
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"too busy\"},",
        "\"request_id\":\"req_1\"}\n\n",
    );
    assert_eq!(out, expect);
}

#[test]
fn outputs_that_cannot_follow_are_errors() {
    let check = |outputs: Vec<Output>, expect: &str| {
        let mut stream = Stream::new(&read(json!({})), "msg_1".to_owned());
        let mut out = String::new();
        let error = outputs.into_iter().find_map(|output| stream.event(&output, &mut out).err());
        let error = error.expect("the outputs cannot follow each other");
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::UpstreamFailed, expect));
    };
    check(vec![arguments(3, "{}")], "the answer of the provider is broken: call 3 has arguments and was never started");
    check(
        vec![call(0, "f"), arguments(0, "{}"), text("a"), arguments(0, " "), arguments(0, "{}")],
        "the answer of the provider is broken: the arguments of call 0 go on after its end",
    );
}

fn whole_or_error(call: &ChatCall, outputs: Vec<Output>) -> Result<Value, ApiError> {
    let mut answer = Whole::new(call, "msg_1".to_owned());
    for output in outputs {
        answer.take(output)?;
    }
    let mut out = String::new();
    answer.finish(&mut out)?;
    Ok(serde_json::from_str(&out).expect("an answer is JSON"))
}

fn whole(call: &ChatCall, outputs: Vec<Output>) -> Value {
    whole_or_error(call, outputs).expect("the answer is good")
}

#[test]
fn a_whole_answer_has_every_block() {
    let outputs = vec![
        thought("I ", None),
        thought("think", Some("c2ln")),
        thought("", Some("redacted:ZGF0YQ==")),
        text("We"),
        text("ll."),
        Output::Media { uri: "media://m/1".into(), content_type: "image/png".into(), base64: "QUJD".into() },
        call(0, "f"),
        call(1, "g"),
        arguments(1, "{\"b\":"),
        arguments(1, "2}"),
        usage(5, 7),
        Output::Finished(Finish::ToolCalls),
    ];
    let expect = json!({
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "model": "sonnet",
        "content": [
            { "type": "thinking", "thinking": "I think", "signature": "c2ln" },
            { "type": "redacted_thinking", "data": "ZGF0YQ==" },
            { "type": "text", "text": "Well.[image/png: media://m/1]" },
            { "type": "tool_use", "id": "toolu_0", "name": "f", "input": {} },
            { "type": "tool_use", "id": "toolu_1", "name": "g", "input": { "b": 2 } },
        ],
        "stop_reason": "tool_use",
        "stop_sequence": null,
        "usage": {
            "input_tokens": 5, "cache_creation_input_tokens": 4, "cache_read_input_tokens": 30, "output_tokens": 7,
        },
    });
    assert_eq!(whole(&agent(), outputs), expect);
}

#[test]
fn arguments_that_are_no_object_are_not_hidden() {
    let outputs = |json: &str, finish| vec![text("a"), call(0, "f"), arguments(0, json), Output::Finished(finish)];
    let call = read(json!({}));
    for json in ["{\"a\":", "[1]", "words"] {
        let error = whole_or_error(&call, outputs(json, Finish::ToolCalls)).expect_err("this is no object");
        let expect = "the answer of the provider is broken: `f` is called with something else than a JSON object";
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::UpstreamFailed, expect));
    }
    let cut = whole(&call, outputs("{\"a\":", Finish::Length));
    assert_eq!(cut["content"], json!([{ "type": "text", "text": "a" }]));
    assert_eq!(cut["stop_reason"], "max_tokens");
}

fn outputs() -> impl Strategy<Value = Vec<Output>> {
    let words = || prop::sample::select(&["", "a", "\"\n\u{0}ü"][..]);
    let signature = prop::sample::select(&["c2ln", "redacted:ZGF0YQ=="][..]);
    let json = prop::sample::select(&["", " ", "{", "}", "{}", "\"a\":1", "1"][..]);
    let output = prop_oneof![
        words().prop_map(text),
        (words(), prop::option::of(signature)).prop_map(|(text, signature)| thought(text, signature)),
        (0..3_u32).prop_map(|index| call(index, "f")),
        (0..3_u32, json).prop_map(|(index, json)| arguments(index, json)),
        Just(usage(1, 2)),
    ];
    prop::collection::vec(output, 0..20)
}

proptest! {
    #[test]
    fn blocks_never_overlap(outputs in outputs()) {
        let mut stream = Stream::new(&agent(), "msg_1".to_owned());
        let (mut out, mut calls, mut json) = (String::new(), 0, String::new());
        for output in outputs {
            let (is_call, more) = match &output {
                Output::ToolCallStart { .. } => (true, ""),
                Output::ToolCallArguments { json, .. } => (false, json.as_str()),
                _ => (false, ""),
            };
            let more = more.to_owned();
            let closed = stream.event(&output, &mut out).is_err();
            calls += usize::from(is_call);
            if !closed {
                json.push_str(more.trim());
            }
        }
        stream.finish(&mut out);
        let (mut open, mut blocks, mut written) = (None, 0_u64, 0);
        let events = events(&out);
        for (name, data) in &events {
            match name.as_str() {
                "content_block_start" => {
                    prop_assert_eq!((open, data["index"].as_u64()), (None, Some(blocks)));
                    open = Some(blocks);
                    blocks += 1;
                }
                "content_block_delta" => {
                    prop_assert_eq!(data["index"].as_u64(), open);
                    let piece = data["delta"]["partial_json"].as_str().unwrap_or_default();
                    written += piece.chars().filter(|sign| !sign.is_whitespace()).count();
                }
                "content_block_stop" => prop_assert_eq!(data["index"].as_u64(), open.take()),
                _ => {}
            }
        }
        let starts = events.iter().filter(|(_, data)| data["content_block"]["type"] == "tool_use");
        prop_assert_eq!((open, starts.count(), written), (None, calls, json.chars().count()));
        let is_ended = out.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        prop_assert!(is_ended);
    }
}
