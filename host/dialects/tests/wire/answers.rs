//! Answers: put together from a stream as a client does it, one says what the whole one says.

use creel_dialects::{ApiError, ChatCall, Dialect, ErrorKind, Finish, Output, StreamWriter, Usage, WholeWriter};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{DIALECTS, STAMP, least, read};

/// A call that takes whatever a model does.
fn call(dialect: Dialect, is_streaming: bool) -> ChatCall {
    let mut body = least(dialect);
    body["stream"] = is_streaming.into();
    match dialect {
        Dialect::OpenaiCompletions => body["stream_options"] = json!({ "include_usage": true }),
        Dialect::OpenaiResponses => {}
        Dialect::AnthropicMessages => body["thinking"] = json!({ "type": "enabled", "budget_tokens": 1024 }),
    }
    read(dialect, &body)
}

fn streamed(call: &ChatCall, outputs: &[Output]) -> String {
    let (mut writer, mut stream) = (StreamWriter::new(call, STAMP), String::new());
    for output in outputs {
        writer.event(output, &mut stream);
        writer.keep_alive(&mut stream);
    }
    writer.finish(&mut stream);
    let written = stream.len();
    writer.event(&Output::Text("late".to_owned()), &mut stream);
    writer.keep_alive(&mut stream);
    writer.error(&ApiError::new(ErrorKind::Internal, "late"), "req_1", &mut stream);
    writer.finish(&mut stream);
    assert_eq!(stream.len(), written, "nothing follows the end");
    stream
}

fn whole(call: &ChatCall, outputs: &[Output]) -> Value {
    let mut writer = WholeWriter::new(call, STAMP);
    for output in outputs {
        writer.event(output);
    }
    let answer = writer.finish().expect("the outputs follow each other");
    serde_json::from_str(&answer).expect("an answer is JSON")
}

/// Names and data of the events; comments are left out as clients do.
fn events(stream: &str) -> Vec<(Option<&str>, &str)> {
    let frames = stream.strip_suffix("\n\n").expect("a stream ends with a whole event").split("\n\n");
    let events = frames.filter(|frame| !frame.starts_with(':')).map(|frame| match frame.split_once('\n') {
        None => (None, frame.strip_prefix("data: ").expect("a line has data")),
        Some((name, data)) => {
            let name = name.strip_prefix("event: ").expect("the first of two lines has the name");
            (Some(name), data.strip_prefix("data: ").expect("the second has the data"))
        }
    });
    events.collect()
}

fn parsed(data: &str) -> Value {
    serde_json::from_str(data).expect("data is JSON")
}

fn append(to: &mut Value, more: &Value) {
    if let Some(more) = more.as_str() {
        let before = to.as_str().unwrap_or_default();
        *to = Value::from(format!("{before}{more}"));
    }
}

/// What a client of chat completions puts together.
fn chat_answer(stream: &str) -> Value {
    let mut events = events(stream);
    assert_eq!(events.pop(), Some((None, "[DONE]")));
    let (mut message, mut finish_reason, mut usage) = (json!({ "content": null }), Value::Null, Value::Null);
    for (position, (name, data)) in events.iter().enumerate() {
        assert_eq!(*name, None, "events of this dialect have no names");
        let chunk = parsed(data);
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["model"], "asked");
        assert!(chunk.get("usage").is_some(), "every chunk has `usage`: {chunk}");
        if position == events.len() - 1 {
            assert_eq!(chunk["choices"], json!([]), "the usage comes last, without a choice");
            usage = chunk["usage"].clone();
            continue;
        }
        assert_eq!(chunk["usage"], Value::Null);
        let choice = &chunk["choices"][0];
        assert_eq!(choice["delta"].get("role").is_some(), position == 0, "the first chunk has the role: {chunk}");
        append(&mut message["content"], &choice["delta"]["content"]);
        append(&mut message["reasoning_content"], &choice["delta"]["reasoning_content"]);
        for picture in choice["delta"]["images"].as_array().into_iter().flatten() {
            let index = picture["index"].as_u64().expect("a picture has an index");
            message["images"][index.to_string()] = picture.clone();
        }
        for fragment in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = fragment["index"].as_u64().expect("a fragment has an index").to_string();
            if let Some(id) = fragment.get("id") {
                assert_eq!(message["tool_calls"].get(&index), None, "a call begins once");
                let function = json!({ "name": fragment["function"]["name"], "arguments": "" });
                message["tool_calls"][&index] = json!({ "id": id, "type": fragment["type"], "function": function });
            }
            append(&mut message["tool_calls"][&index]["function"]["arguments"], &fragment["function"]["arguments"]);
        }
        if !choice["finish_reason"].is_null() {
            assert_eq!(position, events.len() - 2, "the reason of the end comes at the end");
            finish_reason = choice["finish_reason"].clone();
        }
    }
    let list = |value: &Value| Value::from_iter(value.as_object().into_iter().flatten().map(|(_, one)| one.clone()));
    let content = Some(message["content"].clone()).filter(|text| *text != "").unwrap_or_default();
    json!([
        content,
        message["reasoning_content"],
        list(&message["tool_calls"]),
        list(&message["images"]),
        finish_reason,
        usage
    ])
}

/// The same of a whole answer.
fn chat_said(answer: &Value) -> Value {
    let (choice, message) = (&answer["choices"][0], &answer["choices"][0]["message"]);
    let list = |name: &str| message.get(name).cloned().unwrap_or_else(|| json!([]));
    let content = Some(message["content"].clone()).filter(|text| *text != "").unwrap_or_default();
    json!([
        content,
        message["reasoning_content"],
        list("tool_calls"),
        list("images"),
        choice["finish_reason"],
        answer["usage"]
    ])
}

/// The answer that a client of responses is given with the last event.
fn responses_answer(stream: &str) -> Value {
    let events = events(stream);
    for (number, (name, data)) in events.iter().enumerate() {
        let data = parsed(data);
        assert_eq!(data["type"].as_str(), *name);
        assert_eq!(data["sequence_number"], number);
    }
    events.last().map(|(_, data)| parsed(data)["response"].take()).unwrap_or_default()
}

/// What a client of messages puts together.
fn messages_answer(stream: &str) -> Value {
    let (mut message, mut blocks): (Value, Vec<Value>) = (Value::Null, Vec::new());
    let (mut open, mut is_over) = (None, false);
    for (name, data) in events(stream) {
        let data = parsed(data);
        assert_eq!(data["type"].as_str(), name);
        assert!(!is_over, "nothing follows `message_stop`");
        match name.unwrap_or_default() {
            "ping" => {}
            "message_start" => {
                assert_eq!(message, Value::Null, "a message begins once");
                message = data["message"].clone();
            }
            "content_block_start" => {
                assert_eq!((open, &data["index"]), (None, &Value::from(blocks.len())), "one block at a time");
                open = Some(blocks.len());
                blocks.push(data["content_block"].clone());
            }
            "content_block_delta" => {
                assert_eq!(open.map(Value::from), Some(data["index"].clone()));
                let (delta, block) = (&data["delta"], blocks.last_mut().expect("a block is open"));
                match delta["type"].as_str().unwrap_or_default() {
                    "text_delta" => append(&mut block["text"], &delta["text"]),
                    "thinking_delta" => append(&mut block["thinking"], &delta["thinking"]),
                    "signature_delta" => append(&mut block["signature"], &delta["signature"]),
                    kind => {
                        assert_eq!(kind, "input_json_delta");
                        append(&mut block["json"], &delta["partial_json"]);
                    }
                }
            }
            "content_block_stop" => {
                assert_eq!(open.take().map(Value::from), Some(data["index"].clone()));
                let block = blocks.last_mut().and_then(Value::as_object_mut).expect("a block is open");
                if let Some(json) = block.shift_remove("json").filter(|json| *json != "") {
                    block.insert("input".to_owned(), parsed(json.as_str().unwrap_or_default()));
                }
            }
            "message_delta" => {
                message["stop_reason"] = data["delta"]["stop_reason"].clone();
                message["usage"] = data["usage"].clone();
            }
            name => {
                assert_eq!(name, "message_stop");
                is_over = true;
            }
        }
    }
    assert!(is_over && open.is_none(), "the message ends");
    message["content"] = blocks.into();
    message
}

fn check_alike(dialect: Dialect, outputs: &[Output]) {
    let stream = streamed(&call(dialect, true), outputs);
    let answer = whole(&call(dialect, false), outputs);
    match dialect {
        Dialect::OpenaiCompletions => assert_eq!(chat_answer(&stream), chat_said(&answer)),
        Dialect::OpenaiResponses => assert_eq!(responses_answer(&stream), answer),
        Dialect::AnthropicMessages => assert_eq!(messages_answer(&stream), answer),
    }
}

/// What a model does, in its order.
#[derive(Clone, Debug)]
enum Deed {
    Says(String),
    Thinks(String, Option<String>),
    /// Pieces of the arguments of each call, and whether the calls come mixed.
    Calls(Vec<Vec<String>>, bool),
    Draws(&'static str),
    Counts(Usage),
}

fn any_arguments() -> impl Strategy<Value = Vec<String>> {
    let object = prop::collection::btree_map("\\PC{0,4}", any::<String>(), 0..3);
    (object, 1..9usize).prop_map(|(object, length)| {
        let json: Vec<char> = json!(object).to_string().chars().collect();
        json.chunks(length).map(String::from_iter).collect()
    })
}

fn any_usage() -> impl Strategy<Value = Usage> {
    [0..9_000u64, 1..9_000u64, 0..9_000u64, 0..9_000u64].prop_map(|[input, output, cache_read, cache_write]| Usage {
        input,
        output,
        cache_read,
        cache_write,
        reasoning: output / 2,
    })
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => any::<String>().prop_map(Deed::Says),
        2 => (any::<String>(), prop::option::of("[a-z]{1,4}")).prop_map(|(text, seal)| Deed::Thinks(text, seal)),
        1 => prop::collection::vec(prop_oneof![4 => any_arguments(), 1 => Just(Vec::new())], 1..4)
            .prop_map(|calls| Deed::Calls(calls, false)),
        // While calls come mixed, one without arguments may still get some.
        1 => prop::collection::vec(any_arguments(), 1..4).prop_map(|calls| Deed::Calls(calls, true)),
        1 => prop::sample::select(&["image/png", "audio/mpeg"][..]).prop_map(Deed::Draws),
        1 => any_usage().prop_map(Deed::Counts),
    ]
}

fn outputs(deeds: Vec<Deed>, usage: Usage, finish: Finish) -> Vec<Output> {
    let (mut outputs, mut called) = (Vec::new(), 0);
    for deed in deeds {
        match deed {
            Deed::Says(text) => outputs.push(Output::Text(text)),
            Deed::Thinks(text, signature) => outputs.push(Output::Reasoning { text, signature }),
            Deed::Draws(content_type) => outputs.push(Output::Media {
                uri: "media://out/1".to_owned(),
                content_type: content_type.to_owned(),
                base64: "AAAA".to_owned(),
            }),
            Deed::Counts(usage) => outputs.push(Output::Usage(usage)),
            Deed::Calls(calls, are_mixed) => {
                let first = called;
                let start =
                    |index| Output::ToolCallStart { index, id: format!("call_{index}"), name: "weather".to_owned() };
                let mut pieces: Vec<(usize, Output)> = Vec::new();
                for (index, arguments) in (first..).zip(calls) {
                    called = index + 1;
                    let more = arguments.into_iter().map(|json| Output::ToolCallArguments { index, json });
                    pieces.extend([start(index)].into_iter().chain(more).enumerate());
                }
                if are_mixed {
                    // The sort keeps the order of what stands at the same place in different calls.
                    pieces.sort_by_key(|(place, _)| *place);
                }
                outputs.extend(pieces.into_iter().map(|(_, output)| output));
            }
        }
    }
    outputs.extend([Output::Usage(usage), Output::Finished(finish)]);
    outputs
}

proptest! {
    #[test]
    fn a_stream_says_what_the_whole_answer_says(
        which in 0..3usize,
        deeds in prop::collection::vec(any_deed(), 0..7),
        usage in any_usage(),
        finish in prop::sample::select(&[Finish::Stop, Finish::ToolCalls, Finish::Length, Finish::ContentFilter][..]),
    ) {
        check_alike(DIALECTS[which], &outputs(deeds, usage, finish));
    }

    #[test]
    fn no_outputs_break_a_writer(
        which in 0..3usize,
        deeds in prop::collection::vec(any_deed(), 0..5),
        order in any::<u64>(),
    ) {
        let mut outputs = outputs(deeds, Usage::default(), Finish::Other);
        let length = outputs.len().max(1);
        outputs.rotate_left(usize::try_from(order).unwrap_or(usize::MAX) % length);
        let stream = streamed(&call(DIALECTS[which], true), &outputs);
        for (_, data) in events(&stream) {
            prop_assert!(data == "[DONE]" || serde_json::from_str::<Value>(data).is_ok(), "{data}");
        }
        let mut writer = WholeWriter::new(&call(DIALECTS[which], false), STAMP);
        outputs.iter().for_each(|output| writer.event(output));
        match writer.finish() {
            Ok(answer) => prop_assert!(serde_json::from_str::<Value>(&answer).is_ok()),
            Err(error) => prop_assert_eq!(error.kind, ErrorKind::UpstreamFailed),
        }
    }
}

#[test]
fn a_providers_own_events_are_passed_on() {
    let check = |dialect, data: &str, expect: &str| {
        let outputs = [
            Output::Native(data.to_owned()),
            Output::Usage(Usage { input: 1, output: 1, ..Usage::default() }),
            Output::Finished(Finish::Stop),
        ];
        let (call, mut stream) = (call(dialect, true), String::new());
        let mut writer = StreamWriter::new(&call, STAMP);
        outputs.iter().for_each(|output| writer.event(output, &mut stream));
        writer.finish(&mut stream);
        assert_eq!(stream, expect);
        let mut writer = WholeWriter::new(&call, STAMP);
        outputs.iter().for_each(|output| writer.event(output));
        assert_eq!(writer.finish().expect("a provider's own answer is one"), data);
    };
    let chunk = r#"{"id":"theirs","choices":[],"x":"\u2028" }"#;
    check(Dialect::OpenaiCompletions, chunk, &format!("data: {chunk}\n\ndata: [DONE]\n\n"));
    let event = r#"{"type":"message_stop"      }"#;
    check(Dialect::AnthropicMessages, event, &format!("event: message_stop\ndata: {event}\n\n"));
    let event = r#"{"type":"response.completed","response":{}}"#;
    check(Dialect::OpenaiResponses, event, &format!("event: response.completed\ndata: {event}\n\n"));
}

#[test]
fn a_late_error_is_the_dialects_own() {
    let error = ApiError::new(ErrorKind::Overloaded, "the provider is busy");
    let check = |dialect, expect: &str| {
        let (call, mut stream) = (call(dialect, true), String::new());
        let mut writer = StreamWriter::new(&call, STAMP);
        writer.event(&Output::Text("half".to_owned()), &mut stream);
        let before = stream.len();
        writer.error(&error, "req_1", &mut stream);
        assert!(writer.is_over());
        assert_eq!(&stream[before..][..expect.len()], expect);
    };
    check(
        Dialect::OpenaiCompletions,
        "data: {\"error\":{\"message\":\"the provider is busy\",\"type\":\"service_unavailable_error\",\"param\":null,\
         \"code\":\"server_is_overloaded\"}}\n\ndata: [DONE]\n\n",
    );
    check(
        Dialect::AnthropicMessages,
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\
         \"message\":\"the provider is busy\"},\"request_id\":\"req_1\"}\n\n",
    );
    check(Dialect::OpenaiResponses, "event: error\ndata: {\"type\":\"error\",");
}

#[test]
fn ids_follow_the_stamp() {
    let id = |dialect, entropy| {
        let stamp = creel_dialects::Stamp { entropy, ..STAMP };
        let mut writer = WholeWriter::new(&call(dialect, false), stamp);
        writer.event(&Output::Text("hi".to_owned()));
        let answer: Value = parsed(&writer.finish().expect("words are an answer"));
        answer["id"].as_str().unwrap_or_default().to_owned()
    };
    for (dialect, prefix) in DIALECTS.into_iter().zip(["chatcmpl-", "resp_", "msg_"]) {
        assert!(id(dialect, 1).starts_with(prefix));
        assert_eq!(id(dialect, 1), id(dialect, 1), "the same stamp, the same id");
        assert_ne!(id(dialect, 1), id(dialect, 2));
    }
}

#[test]
fn a_sign_of_life_before_the_start_is_a_comment() {
    let check = |dialect, expect: &str| {
        let (mut writer, mut stream) = (StreamWriter::new(&call(dialect, true), STAMP), String::new());
        writer.keep_alive(&mut stream);
        assert_eq!(stream, ": keep-alive\n\n", "{dialect:?}");
        writer.event(&Output::Text("hi".to_owned()), &mut stream);
        stream.clear();
        writer.keep_alive(&mut stream);
        assert_eq!(stream, expect);
    };
    check(Dialect::OpenaiCompletions, ": keep-alive\n\n");
    check(Dialect::OpenaiResponses, ": keep-alive\n\n");
    check(Dialect::AnthropicMessages, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

#[test]
fn mixed_calls_stand_before_what_is_said_after_them() {
    let mixed = vec![vec!["{".to_owned(), "}".to_owned()], vec!["{".to_owned(), "}".to_owned()]];
    let deeds = vec![Deed::Calls(mixed, true), Deed::Says("so".to_owned())];
    let outputs = outputs(deeds, Usage::default(), Finish::ToolCalls);
    let message = messages_answer(&streamed(&call(Dialect::AnthropicMessages, true), &outputs));
    let blocks = message["content"].as_array().into_iter().flatten();
    let kinds: Vec<&Value> = blocks.map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["tool_use", "tool_use", "text"]);
}
