//! Chunks and answers, word for word.

use serde_json::{Value, json};

use super::read;
use crate::openai_chat::{Stream, Whole};
use crate::{ApiError, ChatCall, ErrorKind, Finish, Output, Usage};

/// A chunk up to its choices.
const HEAD: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":9,\"model\":\"m\",\
                    \"service_tier\":\"default\",\"system_fingerprint\":null,\"choices\":[";

fn text(text: &str) -> Output {
    Output::Text(text.to_owned())
}

fn thought(text: &str) -> Output {
    Output::Reasoning { text: text.to_owned(), signature: Some("c2ln".to_owned()) }
}

fn call(index: u32, name: &str) -> Output {
    Output::ToolCallStart { index, id: format!("call_{index}"), name: name.to_owned() }
}

fn arguments(index: u32, json: &str) -> Output {
    Output::ToolCallArguments { index, json: json.to_owned() }
}

fn picture() -> Output {
    Output::Media { uri: "media://m/1".into(), content_type: "image/png".into(), base64: "QUJD".into() }
}

fn usage() -> Output {
    Output::Usage(Usage { input: 5, output: 7, cache_read: 30, cache_write: 4, reasoning: 1 })
}

fn end(finish: Finish) -> Output {
    Output::Finished(finish)
}

fn tokens() -> Value {
    json!({
        "prompt_tokens": 39,
        "completion_tokens": 7,
        "total_tokens": 46,
        "prompt_tokens_details": { "cached_tokens": 30, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": 1, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

fn legacy() -> ChatCall {
    read(json!({ "functions": [{ "name": "f" }], "stream_options": { "include_usage": true } }))
}

fn stream(call: &ChatCall, outputs: &[Output]) -> String {
    let mut stream = Stream::new(call, "chatcmpl-1", 9);
    let mut out = String::new();
    for output in outputs {
        stream.event(output, &mut out).expect("the outputs follow each other");
    }
    stream.finish(&mut out);
    stream.finish(&mut out);
    out
}

/// The chunks of a stream that is framed as the dialect frames it.
fn chunks(stream: &str) -> Vec<Value> {
    let frames = stream.strip_suffix("data: [DONE]\n\n").expect("a stream ends with its mark");
    let chunks = frames.split_terminator("\n\n").map(|frame| {
        let data = frame.strip_prefix("data: ").expect("a chunk is data alone");
        serde_json::from_str(data).expect("a chunk is JSON")
    });
    chunks.collect()
}

fn deltas(stream: &str) -> Vec<Value> {
    chunks(stream).into_iter().map(|chunk| chunk["choices"][0]["delta"].clone()).collect()
}

fn whole(call: &ChatCall, outputs: Vec<Output>) -> Value {
    let mut answer = Whole::new(call, "chatcmpl-1".to_owned(), 9);
    for output in outputs {
        answer.take(output).expect("the outputs follow each other");
    }
    let mut out = String::new();
    answer.finish(&mut out);
    serde_json::from_str(&out).expect("an answer is JSON")
}

#[test]
fn a_stream_is_written_word_for_word() {
    let outputs = [usage(), text("Hel"), text(""), text("lo\n\"ü\""), end(Finish::Stop)];
    let chunk = |delta: &str, reason: &str, rest: &str| {
        format!("{HEAD}{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{reason}}}]{rest}}}\n\n")
    };
    let said = |rest: &str| {
        chunk("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null", rest)
            + &chunk("{\"content\":\"Hel\"}", "null", rest)
            + &chunk("{\"content\":\"lo\\n\\\"ü\\\"\"}", "null", rest)
            + &chunk("{}", "\"stop\"", rest)
    };
    let done = "data: [DONE]\n\n";
    assert_eq!(stream(&read(json!({})), &outputs), format!("{}{done}", said("")));
    let counted = stream(&read(json!({ "stream_options": { "include_usage": true } })), &outputs);
    let tokens = concat!(
        "{\"prompt_tokens\":39,\"completion_tokens\":7,\"total_tokens\":46,\"prompt_tokens_details\":",
        "{\"cached_tokens\":30,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":1,",
        "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
    );
    let end = format!("{HEAD}],\"usage\":{tokens}}}\n\n{done}");
    assert_eq!(counted, said(",\"usage\":null") + &end);
}

#[test]
fn a_stream_without_outputs_is_an_empty_answer() {
    let written = stream(&read(json!({ "stream_options": { "include_usage": true } })), &[]);
    let begun = json!({ "role": "assistant", "content": "", "refusal": null });
    assert_eq!(deltas(&written), [begun, json!({}), Value::Null]);
    assert_eq!(chunks(&written)[2]["usage"], Value::Null);
}

#[test]
fn thoughts_pictures_and_calls_are_fragments() {
    let outputs = [
        thought("hm"),
        thought(""),
        text("Well."),
        picture(),
        Output::Media { uri: "media://m/2".into(), content_type: "audio/wav".into(), base64: String::new() },
        call(4, "f"),
        arguments(4, ""),
        arguments(4, "{\"a\":"),
        call(7, "g"),
        arguments(4, "1}"),
        end(Finish::Stop),
    ];
    let written = stream(&read(json!({})), &outputs);
    let image = json!({ "index": 0, "type": "image_url", "image_url": { "url": "data:image/png;base64,QUJD" } });
    let begins = |index: u32, id: &str, name: &str| {
        let function = json!({ "name": name, "arguments": "" });
        json!({ "tool_calls": [{ "index": index, "id": id, "type": "function", "function": function }] })
    };
    let more =
        |index: u32, json: &str| json!({ "tool_calls": [{ "index": index, "function": { "arguments": json } }] });
    let expect = [
        json!({ "role": "assistant", "content": "", "refusal": null }),
        json!({ "reasoning_content": "hm" }),
        json!({ "content": "Well." }),
        json!({ "images": [image] }),
        json!({ "content": "[audio/wav: media://m/2]" }),
        begins(0, "call_4", "f"),
        more(0, "{\"a\":"),
        begins(1, "call_7", "g"),
        more(0, "1}"),
        more(1, "{}"),
        json!({}),
    ];
    assert_eq!(deltas(&written), expect);
    assert_eq!(chunks(&written)[10]["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn an_answer_that_begins_with_a_call_has_no_words() {
    let deltas = deltas(&stream(&read(json!({})), &[call(0, "f"), arguments(0, "{}")]));
    let function = json!({ "name": "f", "arguments": "" });
    let calls = json!([{ "index": 0, "id": "call_0", "type": "function", "function": function }]);
    let expect = json!({ "role": "assistant", "content": null, "refusal": null, "tool_calls": calls });
    assert_eq!(deltas[0], expect);
    assert_eq!(deltas.len(), 3);
}

#[test]
fn the_older_form_is_answered_in_its_words() {
    let outputs = [call(0, "f"), arguments(0, "{\"a\":1}"), end(Finish::ToolCalls), usage()];
    let written = stream(&legacy(), &outputs);
    let function = json!({ "name": "f", "arguments": "" });
    let begun = json!({ "role": "assistant", "content": null, "refusal": null, "function_call": function });
    let more = json!({ "function_call": { "arguments": "{\"a\":1}" } });
    assert_eq!(deltas(&written)[..3], [begun, more, json!({})]);
    assert_eq!(chunks(&written)[2]["choices"][0]["finish_reason"], "function_call");
    assert_eq!(chunks(&written)[3]["choices"], json!([]));
    assert_eq!(chunks(&written)[3]["usage"], tokens());
    let answer = whole(&legacy(), outputs.to_vec());
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["function_call"], json!({ "name": "f", "arguments": "{\"a\":1}" }));
    assert!(message.get("tool_calls").is_none());
    assert_eq!(answer["choices"][0]["finish_reason"], "function_call");
}

#[test]
fn outputs_that_cannot_follow_are_errors() {
    let check = |asked: &ChatCall, outputs: &[Output], expect: &str| {
        let expect = format!("the answer of the provider is broken: {expect}");
        let mut stream = Stream::new(asked, "chatcmpl-1", 9);
        let mut answer = Whole::new(asked, "chatcmpl-1".to_owned(), 9);
        let mut out = String::new();
        let streamed = outputs.iter().find_map(|output| stream.event(output, &mut out).err());
        let taken = outputs.iter().find_map(|output| answer.take(output.clone()).err());
        for error in [streamed, taken] {
            let error = error.expect("the outputs cannot follow each other");
            assert_eq!((error.kind, error.message.as_str()), (ErrorKind::UpstreamFailed, expect.as_str()));
        }
    };
    check(&read(json!({})), &[arguments(3, "{}")], "call 3 has arguments and was never started");
    check(
        &legacy(),
        &[call(0, "f"), call(1, "f")],
        "it calls several functions, and the request is written for one: name them in `tools`",
    );
}

#[test]
fn reasons_of_the_end() {
    let check = |outputs: &[Output], expect: &str| {
        let asked = read(json!({}));
        let chunks = chunks(&stream(&asked, outputs));
        assert_eq!(chunks.last().map(|chunk| &chunk["choices"][0]["finish_reason"]), Some(&json!(expect)));
        assert_eq!(whole(&asked, outputs.to_vec())["choices"][0]["finish_reason"], expect);
    };
    check(&[], "stop");
    check(&[text("a"), end(Finish::Other)], "stop");
    check(&[text("a"), end(Finish::ToolCalls)], "stop");
    check(&[text("a"), end(Finish::Length)], "length");
    check(&[text("a"), end(Finish::ContentFilter)], "content_filter");
    check(&[call(0, "f"), end(Finish::Stop)], "tool_calls");
    check(&[call(0, "f"), end(Finish::Length)], "length");
}

#[test]
fn what_a_provider_of_the_dialect_says_goes_through() {
    let outputs = [
        Output::Native("{\"id\":\"chatcmpl-0\", \"type\":\"x\"}".to_owned()),
        usage(),
        Output::Native("{\n\"choices\":[]}".to_owned()),
        end(Finish::Stop),
    ];
    let expect = concat!(
        "data: {\"id\":\"chatcmpl-0\", \"type\":\"x\"}\n\n",
        "data: {\ndata: \"choices\":[]}\n\n",
        "data: [DONE]\n\n",
    );
    assert_eq!(stream(&read(json!({})), &outputs), expect);
    assert_eq!(whole(&read(json!({})), vec![Output::Native("{ \"a\": 1 }".to_owned()), usage()]), json!({ "a": 1 }));
}

#[test]
fn a_late_error_ends_the_stream() {
    let mut stream = Stream::new(&read(json!({})), "chatcmpl-1", 9);
    let mut out = String::new();
    stream.event(&text("a"), &mut out).expect("the outputs follow each other");
    out.clear();
    stream.error(&ApiError::new(ErrorKind::RateLimited, "too much"), &mut out);
    stream.error(&ApiError::new(ErrorKind::Internal, "again"), &mut out);
    stream.finish(&mut out);
    let expect = concat!(
        "data: {\"error\":{\"message\":\"too much\",\"type\":\"requests\",\"param\":null,",
        "\"code\":\"rate_limit_exceeded\"}}\n\ndata: [DONE]\n\n",
    );
    assert_eq!(out, expect);
}

#[test]
fn a_whole_answer_has_everything() {
    let outputs = vec![
        thought("h"),
        thought("m"),
        text("We"),
        text("ll."),
        picture(),
        call(0, "f"),
        call(1, "g"),
        arguments(0, "{\"a\":1}"),
        usage(),
        end(Finish::ToolCalls),
    ];
    let called = |id: &str, name: &str, arguments: &str| {
        let function = json!({ "name": name, "arguments": arguments });
        json!({ "id": id, "type": "function", "function": function })
    };
    let message = json!({
        "role": "assistant",
        "content": "Well.",
        "refusal": null,
        "reasoning_content": "hm",
        "tool_calls": [called("call_0", "f", "{\"a\":1}"), called("call_1", "g", "{}")],
        "images": [{ "index": 0, "type": "image_url", "image_url": { "url": "data:image/png;base64,QUJD" } }],
        "annotations": [],
    });
    let expect = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 9,
        "model": "m",
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": "tool_calls" }],
        "usage": tokens(),
        "service_tier": "default",
        "system_fingerprint": null,
    });
    assert_eq!(whole(&read(json!({})), outputs).to_string(), expect.to_string());
    let content = |outputs: Vec<Output>| whole(&read(json!({})), outputs)["choices"][0]["message"].clone();
    let empty = json!({ "role": "assistant", "content": "", "refusal": null, "annotations": [] });
    assert_eq!(content(vec![]), empty);
    assert_eq!(content(vec![call(0, "f")])["content"], Value::Null);
}
