//! Events and answers, word for word.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{codex, read, read_body};
use crate::responses::{Stream, Whole};
use crate::{ApiError, ChatCall, ErrorKind, Finish, Output, Usage};

fn text(text: &str) -> Output {
    Output::Text(text.to_owned())
}

fn thought(text: &str, signature: Option<&str>) -> Output {
    Output::Reasoning { text: text.to_owned(), signature: signature.map(str::to_owned) }
}

fn call(index: u32, name: &str) -> Output {
    Output::ToolCallStart { index, id: format!("call_{index}"), name: name.to_owned() }
}

fn arguments(index: u32, json: &str) -> Output {
    Output::ToolCallArguments { index, json: json.to_owned() }
}

fn usage() -> Output {
    Output::Usage(Usage { input: 5, output: 7, cache_read: 30, cache_write: 4, reasoning: 1 })
}

fn picture() -> Output {
    Output::Media { uri: "media://m/1".into(), content_type: "image/png".into(), base64: "QUJD".into() }
}

fn stream(call: &ChatCall, outputs: Vec<Output>) -> String {
    let mut stream = Stream::new(call, "resp_1".to_owned(), 1_700_000_000);
    let mut out = String::new();
    for output in outputs {
        stream.event(&output, &mut out).expect("the outputs follow each other");
    }
    stream.finish(&mut out);
    out
}

/// The data of events; each is framed as the dialect frames it, and numbered.
fn events(stream: &str) -> Vec<Value> {
    let frames = stream.strip_suffix("\n\n").expect("a stream ends with a whole event").split("\n\n");
    let events = frames.enumerate().map(|(number, frame)| {
        let (name, data) = frame.split_once('\n').expect("an event has two lines");
        let name = name.strip_prefix("event: ").expect("the first line has the name");
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").expect("the second has the data"))
            .expect("the data is JSON");
        assert_eq!((&data["type"], &data["sequence_number"]), (&name.into(), &number.into()));
        data
    });
    events.collect()
}

fn without_response(stream: &str) -> Vec<Value> {
    let keep = |event: &Value| event.get("response").is_none();
    events(stream).into_iter().filter(keep).collect()
}

fn last_response(stream: &str) -> (String, Value) {
    let last = events(stream).pop().expect("a stream has events");
    (last["type"].as_str().expect("an event has a type").to_owned(), last["response"].clone())
}

/// What the answer to the plainest request says, but for what it says of its own.
fn plain(status: &str, output: Value, usage: Value) -> Value {
    json!({
        "id": "resp_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "model": "m",
        "output": output,
        "usage": usage,
        "background": false,
        "instructions": null,
        "max_output_tokens": null,
        "metadata": {},
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "prompt_cache_key": null,
        "reasoning": { "effort": null, "summary": null },
        "safety_identifier": null,
        "service_tier": "default",
        "store": false,
        "temperature": 1.0,
        "text": { "format": { "type": "text" } },
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": null,
    })
}

fn tokens() -> Value {
    json!({
        "input_tokens": 39,
        "input_tokens_details": { "cache_write_tokens": 4, "cached_tokens": 30 },
        "output_tokens": 7,
        "output_tokens_details": { "reasoning_tokens": 1 },
        "total_tokens": 46,
    })
}

fn said(id: &str, status: &str, words: &str) -> Value {
    let part = json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": words });
    json!({ "type": "message", "id": id, "status": status, "role": "assistant", "content": [part] })
}

#[test]
fn a_stream_of_words_has_every_event() {
    let written = stream(
        &read(json!({})),
        vec![text("Hel"), text(""), text("lo\n\"ü\""), usage(), Output::Finished(Finish::Stop)],
    );
    let (id, part) = ("msg_1_0", |text: &str| said("", "", text)["content"][0].clone());
    let item = json!({ "type": "message", "id": id, "status": "in_progress", "role": "assistant", "content": [] });
    let whole = said(id, "completed", "Hello\n\"ü\"");
    let at = |kind: &str, number: u32, fields: Value| {
        let mut event = json!({ "type": kind, "sequence_number": number });
        for (name, value) in fields.as_object().expect("fields are an object") {
            event[name] = value.clone();
        }
        event
    };
    let in_part = |kind: &str, number: u32, name: &str, value: Value| {
        at(kind, number, json!({ "item_id": id, "output_index": 0, "content_index": 0, name: value }))
    };
    let words = |kind: &str, number: u32, name: &str, words: &str| {
        let mut event = in_part(kind, number, name, words.into());
        event["logprobs"] = json!([]);
        event
    };
    let expect = [
        at("response.created", 0, json!({ "response": plain("in_progress", json!([]), Value::Null) })),
        at("response.in_progress", 1, json!({ "response": plain("in_progress", json!([]), Value::Null) })),
        at("response.output_item.added", 2, json!({ "output_index": 0, "item": item })),
        in_part("response.content_part.added", 3, "part", part("")),
        words("response.output_text.delta", 4, "delta", "Hel"),
        words("response.output_text.delta", 5, "delta", "lo\n\"ü\""),
        words("response.output_text.done", 6, "text", "Hello\n\"ü\""),
        in_part("response.content_part.done", 7, "part", part("Hello\n\"ü\"")),
        at("response.output_item.done", 8, json!({ "output_index": 0, "item": whole })),
        at("response.completed", 9, json!({ "response": plain("completed", json!([whole]), tokens()) })),
    ];
    assert_eq!(events(&written), expect);
    let delta = concat!(
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":4,",
        "\"item_id\":\"msg_1_0\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hel\",\"logprobs\":[]}\n\n",
    );
    assert!(written.contains(delta), "{written}");
}

#[test]
fn thoughts_and_calls_are_items() {
    let written = stream(
        &read(json!({})),
        vec![
            thought("I ", None),
            thought("think", Some("c2ln")),
            call(0, "f"),
            arguments(0, "{\"a\":"),
            arguments(0, "1}"),
            call(1, "g"),
            Output::Finished(Finish::ToolCalls),
        ],
    );
    let thinking = json!({
        "type": "reasoning", "id": "rs_1_0", "summary": [{ "type": "summary_text", "text": "I think" }],
        "encrypted_content": "c2ln",
    });
    let calls = |id: &str, call: &str, name: &str, arguments: &str, status: &str| {
        json!({
            "type": "function_call", "id": id, "call_id": call, "name": name, "arguments": arguments, "status": status,
        })
    };
    let (f, g) =
        (calls("fc_1_1", "call_0", "f", "{\"a\":1}", "completed"), calls("fc_1_2", "call_1", "g", "{}", "completed"));
    let summary = |kind: &str, number: u32, name: &str, value: Value| {
        json!({
            "type": format!("response.reasoning_summary_{kind}"), "sequence_number": number,
            "item_id": "rs_1_0", "output_index": 0, "summary_index": 0, name: value,
        })
    };
    let item = |kind: &str, number: u32, index: u32, item: &Value| {
        let kind = format!("response.output_item.{kind}");
        json!({ "type": kind, "sequence_number": number, "output_index": index, "item": item })
    };
    let more = |number: u32, delta: &str| {
        json!({
            "type": "response.function_call_arguments.delta", "sequence_number": number, "item_id": "fc_1_1",
            "output_index": 1, "delta": delta,
        })
    };
    let whole = |number: u32, index: u32, id: &str, name: &str, arguments: &str| {
        json!({
            "type": "response.function_call_arguments.done", "sequence_number": number, "item_id": id,
            "output_index": index, "name": name, "arguments": arguments,
        })
    };
    let part = |text: &str| json!({ "type": "summary_text", "text": text });
    let expect = [
        item("added", 2, 0, &json!({ "type": "reasoning", "id": "rs_1_0", "summary": [] })),
        summary("part.added", 3, "part", part("")),
        summary("text.delta", 4, "delta", "I ".into()),
        summary("text.delta", 5, "delta", "think".into()),
        summary("text.done", 6, "text", "I think".into()),
        summary("part.done", 7, "part", part("I think")),
        item("done", 8, 0, &thinking),
        item("added", 9, 1, &calls("fc_1_1", "call_0", "f", "", "in_progress")),
        more(10, "{\"a\":"),
        more(11, "1}"),
        whole(12, 1, "fc_1_1", "f", "{\"a\":1}"),
        item("done", 13, 1, &f),
        item("added", 14, 2, &calls("fc_1_2", "call_1", "g", "", "in_progress")),
        whole(15, 2, "fc_1_2", "g", "{}"),
        item("done", 16, 2, &g),
    ];
    assert_eq!(without_response(&written), expect);
    let (_, response) = last_response(&written);
    assert_eq!(response, plain("completed", json!([thinking, f, g]), Value::Null));
}

#[test]
fn calls_whose_arguments_come_mixed_are_told_apart() {
    let written = stream(
        &read(json!({})),
        vec![
            call(0, "f"),
            call(1, "g"),
            arguments(1, "{\"b\":"),
            arguments(0, "{\"a\":1}"),
            arguments(1, "2}"),
            text("a"),
        ],
    );
    let (_, response) = last_response(&written);
    let output = response["output"].as_array().expect("an answer has items");
    let arguments: Vec<_> = output.iter().map(|item| item["arguments"].as_str()).collect();
    assert_eq!(arguments, [Some("{\"a\":1}"), Some("{\"b\":2}"), None]);
}

#[test]
fn what_is_not_complete_says_why() {
    let check = |finish: Finish, kind: &str, status: &str, details: Value| {
        let outputs = || vec![text("a"), call(0, "f"), arguments(0, "{\"a"), Output::Finished(finish)];
        let (name, response) = last_response(&stream(&read(json!({})), outputs()));
        assert_eq!(name, kind);
        for response in [response, whole(&read(json!({})), outputs())] {
            assert_eq!((&response["status"], &response["incomplete_details"]), (&status.into(), &details));
            assert_eq!(response["output"][0]["status"], "completed");
            assert_eq!(response["output"][1]["status"], status);
            assert_eq!(response["output"][1]["arguments"], "{\"a");
        }
    };
    for finish in [Finish::Stop, Finish::ToolCalls, Finish::Other] {
        check(finish, "response.completed", "completed", Value::Null);
    }
    let cut = json!({ "reason": "max_output_tokens" });
    check(Finish::Length, "response.incomplete", "incomplete", cut);
    let filtered = json!({ "reason": "content_filter" });
    check(Finish::ContentFilter, "response.incomplete", "incomplete", filtered);
}

#[test]
fn a_late_error_is_an_event_and_a_failed_answer() {
    let mut stream = Stream::new(&read(json!({})), "resp_1".to_owned(), 1_700_000_000);
    let mut out = String::new();
    stream.event(&text("a"), &mut out).expect("the outputs follow each other");
    stream.error(&ApiError::new(ErrorKind::ContextTooLong, "too long").about("input"), &mut out);
    let late = events(&out).split_off(5);
    let mut failed = plain("failed", json!([]), Value::Null);
    failed["error"] = json!({ "code": "context_length_exceeded", "message": "too long" });
    failed["output"] = json!([{
        "type": "message", "id": "msg_1_0", "status": "in_progress", "role": "assistant", "content": [],
    }]);
    let expect = [
        json!({
            "type": "error", "sequence_number": 5, "code": "context_length_exceeded", "message": "too long",
            "param": "input",
        }),
        json!({ "type": "response.failed", "sequence_number": 6, "response": failed }),
    ];
    assert_eq!(late, expect);
    out.clear();
    stream.finish(&mut out);
    stream.keep_alive(&mut out);
    stream.error(&ApiError::new(ErrorKind::Internal, "again"), &mut out);
    assert_eq!(out, "", "after the end nothing is written");
}

#[test]
fn codes_of_late_errors_are_those_of_the_dialect() {
    let check = |error: ApiError, said: &str, failed: &str| {
        let mut stream = Stream::new(&read(json!({})), "resp_1".to_owned(), 0);
        let mut out = String::new();
        stream.error(&error, &mut out);
        let events = events(&out);
        assert_eq!(events[0]["code"], said);
        assert_eq!(events[1]["response"]["error"], json!({ "code": failed, "message": "m" }));
    };
    let error = |kind| ApiError::new(kind, "m");
    check(error(ErrorKind::Overloaded), "server_error", "server_error");
    check(error(ErrorKind::RateLimited), "rate_limit_exceeded", "rate_limit_exceeded");
    check(error(ErrorKind::ContentRefused), "invalid_prompt", "invalid_prompt");
    let spent = ApiError { code: Some("budget_exceeded"), ..error(ErrorKind::OverBudget) };
    check(spent, "budget_exceeded", "rate_limit_exceeded");
}

#[test]
fn a_sign_of_life_is_a_comment() {
    let mut out = String::new();
    Stream::new(&read(json!({})), "resp_1".to_owned(), 0).keep_alive(&mut out);
    assert_eq!(out, ": keep-alive\n\n");
}

#[test]
fn what_a_provider_of_the_dialect_says_goes_through() {
    let created = r#"{"type":"response.created","sequence_number":0,"response":{}}"#;
    let outputs = vec![Output::Native(created.to_owned()), usage(), Output::Finished(Finish::Stop)];
    let expect = format!("event: response.created\ndata: {created}\n\n");
    assert_eq!(stream(&read(json!({})), outputs), expect);
    let mut answer = Whole::new(&read(json!({})), "resp_1".to_owned(), 0);
    for output in [Output::Native("{ \"as\": \"it is\" }".to_owned()), usage()] {
        answer.take(output).expect("the outputs follow each other");
    }
    let mut out = String::new();
    answer.finish(&mut out);
    assert_eq!(out, "{ \"as\": \"it is\" }");
}

#[test]
fn outputs_that_cannot_follow_are_errors() {
    let check = |outputs: Vec<Output>, expect: &str| {
        let mut stream = Stream::new(&read(json!({})), "resp_1".to_owned(), 0);
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

fn whole(call: &ChatCall, outputs: Vec<Output>) -> Value {
    let mut answer = Whole::new(call, "resp_1".to_owned(), 1_700_000_000);
    for output in outputs {
        answer.take(output).expect("the outputs follow each other");
    }
    let mut out = String::new();
    answer.finish(&mut out);
    serde_json::from_str(&out).expect("an answer is JSON")
}

#[test]
fn a_whole_answer_has_what_the_stream_ends_with() {
    let outputs = || {
        vec![
            thought("I ", None),
            thought("think", Some("c2ln")),
            thought("", Some("more")),
            text("We"),
            text("ll."),
            Output::Media { uri: "media://m/2".into(), content_type: "audio/wav".into(), base64: "QUJD".into() },
            picture(),
            call(0, "f"),
            arguments(0, "{\"a\":1}"),
            usage(),
            Output::Finished(Finish::ToolCalls),
        ]
    };
    let answer = whole(&read(json!({})), outputs());
    let output = json!([
        {
            "type": "reasoning", "id": "rs_1_0", "summary": [{ "type": "summary_text", "text": "I think" }],
            "encrypted_content": "c2ln",
        },
        { "type": "reasoning", "id": "rs_1_1", "summary": [], "encrypted_content": "more" },
        said("msg_1_2", "completed", "Well.[audio/wav: media://m/2]"),
        { "type": "image_generation_call", "id": "ig_1_3", "status": "completed", "result": "QUJD" },
        {
            "type": "function_call", "id": "fc_1_4", "call_id": "call_0", "name": "f", "arguments": "{\"a\":1}",
            "status": "completed",
        },
    ]);
    assert_eq!(answer, plain("completed", output, tokens()));
    assert_eq!(last_response(&stream(&read(json!({})), outputs())), ("response.completed".to_owned(), answer));
}

#[test]
fn an_answer_repeats_its_request() {
    let call = read_body(&codex()).expect("the fixture is good");
    let answer = whole(&call, vec![]);
    let asked = codex();
    for name in ["model", "tools", "tool_choice", "reasoning", "prompt_cache_key"] {
        assert_eq!(answer[name], asked[name], "{name}");
    }
    assert_eq!(answer["text"], json!({ "verbosity": "low", "format": { "type": "text" } }));
    let fields = json!({
        "instructions": "s", "metadata": { "a": "b" }, "temperature": 0.5, "max_output_tokens": 9, "store": true,
    });
    let answer = whole(&read(fields.clone()), vec![]);
    for name in ["instructions", "metadata", "temperature", "max_output_tokens"] {
        assert_eq!(answer[name], fields[name], "{name}");
    }
    assert_eq!(answer["store"], false, "nothing is stored");
}

fn outputs() -> impl Strategy<Value = Vec<Output>> {
    let words = || prop::sample::select(&["", "a", "\"\n\u{0}ü"][..]);
    let json = prop::sample::select(&["", "{", "}", "{}", "\"a\":1", "1"][..]);
    let finish = prop::sample::select(
        &[Finish::Stop, Finish::Length, Finish::ToolCalls, Finish::ContentFilter, Finish::Other][..],
    );
    let output = prop_oneof![
        words().prop_map(text),
        (words(), prop::option::of(words())).prop_map(|(text, signature)| thought(text, signature)),
        (0..3_u32).prop_map(|index| call(index, "f")),
        (0..3_u32, json).prop_map(|(index, json)| arguments(index, json)),
        Just(picture()),
        Just(usage()),
        finish.prop_map(Output::Finished),
    ];
    prop::collection::vec(output, 0..20)
}

proptest! {
    #[test]
    fn a_stream_ends_with_the_whole_answer(outputs in outputs()) {
        let mut stream = Stream::new(&read(json!({})), "resp_1".to_owned(), 1_700_000_000);
        let (mut out, mut taken) = (String::new(), Vec::new());
        for output in outputs {
            if stream.event(&output, &mut out).is_ok() {
                taken.push(output);
            }
        }
        stream.finish(&mut out);
        let events = events(&out);
        let response = events.last().map(|event| event["response"].clone()).unwrap_or_default();
        let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        let items = response["output"].as_array().map(Vec::len);
        prop_assert_eq!(Some(count("response.output_item.added")), items);
        prop_assert_eq!(Some(count("response.output_item.done")), items);
        prop_assert_eq!(response, whole(&read(json!({})), taken));
    }
}
