//! What comes back: words, streams, failures.

use serde_json::{Value, json};

use super::super::{
    Config, OpenAi, Reply, Variant, error, insufficient_quota, openrouter_error, rate_limited, server_error,
    with_comments,
};
use super::{KEY, chat, data, data_url, events, fake, responses};
use crate::{Gate, Running, pictures};

async fn replying(reply: Reply, variant: Variant) -> Running<OpenAi> {
    let config = Config::with_api_key(KEY).as_variant(variant).replying(move |_| reply.clone());
    OpenAi::start(config).await.unwrap()
}

fn thoughtful() -> Reply {
    let reply =
        Reply::text("Let me look there.").after_reasoning("hm hm hm").annotated(json!({"type": "url_citation"}));
    reply.and_tool_call("call_1", "look", &json!({"where": "müde"})).and_tool_call("call_2", "look", &json!({}))
}

/// The texts of a key in all deltas.
fn joined(chunks: &[Value], pointer: &str) -> String {
    chunks.iter().filter_map(|chunk| chunk.pointer(pointer)?.as_str()).collect()
}

#[tokio::test]
async fn the_answer_says_what_was_seen_and_said() {
    let fake = fake().await;
    let image = json!({"type": "image_url", "image_url": {"url": data_url("image/png", &pictures::png())}});
    let content = json!([image, {"type": "text", "text": "What is it?"}]);
    let got = chat(&json!({"messages": [{"role": "user", "content": content}]})).send(&fake).await.json();
    let sum = pictures::sha256_hex(&pictures::png());
    let expect = format!("I see a 200x100 PNG, mainly blue, sha256 {sum}. You said: What is it?");
    assert_eq!(got["choices"][0]["message"]["content"], expect);
    assert_eq!((&got["model"], &got["object"]), (&json!("gpt-4o-mini-2024-07-18"), &json!("chat.completion")));
    assert_eq!(got["choices"][0]["finish_reason"], "stop");
    assert_eq!(fake.accepted()[0].pictures()[0].sha256, sum);
    let cut = chat(&json!({"max_tokens": 2, "n": 2, "logprobs": true})).send(&fake).await.json();
    assert_eq!(
        (&cut["choices"][1]["message"]["content"], &cut["choices"][1]["finish_reason"]),
        (&json!("You said: "), &json!("length"))
    );
    assert_eq!(cut["choices"][0]["logprobs"]["content"][0]["token"], "You ");
    let schema = json!({"type": "object", "properties": {"answer": {"type": "string"}}, "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}});
    let formed = chat(&json!({"response_format": format})).send(&fake).await.json();
    assert_eq!(formed["choices"][0]["message"]["content"], "{\"answer\":\"You said: Hello.\"}");
}

#[tokio::test]
async fn a_chat_streams_as_the_service_does() {
    let fake = replying(thoughtful(), Variant::OpenAi).await;
    let stream = json!({"stream": true, "stream_options": {"include_usage": true}});
    let got = chat(&stream).send(&fake).await;
    assert_eq!(events(&got).last().unwrap(), &(String::new(), "[DONE]".to_owned()));
    let chunks = data(&got);
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": "", "refusal": null}));
    let (last, rest) = chunks.split_last().unwrap();
    assert!(rest.iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
    assert!(chunks.iter().all(|chunk| chunk["obfuscation"].is_string() && chunk["id"] == chunks[0]["id"]));
    assert_eq!(
        (&last["choices"], last["usage"]["completion_tokens_details"]["reasoning_tokens"].as_u64()),
        (&json!([]), Some(3))
    );
    assert_eq!(joined(rest, "/choices/0/delta/content"), "Let me look there.");
    let first = rest.iter().find(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["id"] == "call_2").unwrap();
    let call = json!([{"index": 1, "id": "call_2", "type": "function", "function": {"name": "look", "arguments": ""}}]);
    assert_eq!(first["choices"][0]["delta"]["tool_calls"], call);
    assert_eq!(joined(rest, "/choices/0/delta/tool_calls/0/function/arguments"), "{\"where\":\"müde\"}{}");
    assert_eq!(rest.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    let plain =
        data(&chat(&json!({"stream": true, "stream_options": {"include_obfuscation": false}})).send(&fake).await);
    assert!(plain.iter().all(|chunk| chunk.get("usage").is_none() && chunk.get("obfuscation").is_none()));

    let fake = replying(Reply::tool_call("call_1", "look", &json!({})), Variant::OpenAi).await;
    let chunks = data(&chat(&json!({"stream": true})).send(&fake).await);
    let delta = &chunks[0]["choices"][0]["delta"];
    assert_eq!((&delta["content"], &delta["tool_calls"][0]["id"]), (&Value::Null, &json!("call_1")));
    let fake = replying(Reply::refusal("I will not.").finished_by("content_filter"), Variant::OpenAi).await;
    let chunks = data(&chat(&json!({"stream": true})).send(&fake).await);
    assert_eq!(joined(&chunks, "/choices/0/delta/refusal"), "I will not.");
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "content_filter");
}

#[tokio::test]
async fn a_response_streams_named_and_numbered_events() {
    let fake = replying(thoughtful(), Variant::OpenAi).await;
    let ask = json!({"model": "gpt-5-mini", "stream": true, "reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]});
    let got = responses(&ask).send(&fake).await;
    let (events, chunks) = (events(&got), data(&got));
    for (number, ((name, _), data)) in events.iter().zip(&chunks).enumerate() {
        assert_eq!((&data["type"], &data["sequence_number"]), (&json!(name), &json!(number)));
    }
    let mut names: Vec<&str> = events.iter().map(|(name, _)| name.trim_start_matches("response.")).collect();
    names.dedup();
    let item = |inner: &[&'static str]| [&["output_item.added"], inner, &["output_item.done"]].concat();
    let expect = [
        vec!["created", "in_progress"],
        item(&[
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
        ]),
        item(&[
            "content_part.added",
            "output_text.delta",
            "output_text.annotation.added",
            "output_text.done",
            "content_part.done",
        ]),
        item(&["function_call_arguments.delta", "function_call_arguments.done"]),
        item(&["function_call_arguments.delta", "function_call_arguments.done"]),
        vec!["completed"],
    ];
    assert_eq!(names, expect.concat());
    let output = &chunks.last().unwrap()["response"]["output"];
    assert_eq!((&output[2]["call_id"], &output[2]["arguments"]), (&json!("call_1"), &json!("{\"where\":\"müde\"}")));
    let thought = json!({"input": [{"role": "user", "content": "x"}, output[0]]});
    assert_eq!(responses(&thought).send(&fake).await.status, 200);
    let whole = responses(&json!({})).send(&fake).await.json();
    assert_eq!((&whole["output"][0]["summary"], &whole["output"][0].get("encrypted_content")), (&json!([]), &None));
    let cut = responses(&json!({"max_output_tokens": 16, "input": "x"})).send(&fake).await.json();
    assert_eq!(cut["status"], "completed");
    let fake = replying(Reply::text("no").finished_by("content_filter"), Variant::OpenAi).await;
    let filtered = responses(&json!({})).send(&fake).await.json();
    assert_eq!(
        (&filtered["status"], &filtered["incomplete_details"]),
        (&json!("incomplete"), &json!({"reason": "content_filter"}))
    );
}

#[tokio::test]
async fn other_servers_stream_in_their_own_words() {
    let fake = replying(thoughtful(), Variant::Vllm).await;
    let chunks = data(&chat(&json!({"stream": true})).send(&fake).await);
    assert_eq!(joined(&chunks, "/choices/0/delta/reasoning_content"), "hm hm hm");
    let fake = replying(thoughtful(), Variant::OpenRouter).await;
    let got = chat(&json!({"stream": true})).send(&fake).await;
    assert!(got.body.starts_with(": OPENROUTER PROCESSING\n\n"), "{}", got.body);
    let chunks = data(&got);
    assert_eq!(joined(&chunks, "/choices/0/delta/reasoning"), "hm hm hm");
    assert_eq!((&chunks[0]["provider"], chunks.last().unwrap()["usage"]["cost"].is_number()), (&json!("Fake"), true));
    let request = fake.accepted().remove(0);
    fake.script(fake.stream_broken_by(&request, &thoughtful(), 2, ("502", "Provider returned error")));
    let got = chat(&json!({"stream": true})).send(&fake).await;
    assert_eq!(
        (data(&got)[2]["error"].clone(), events(&got).len()),
        (json!({"code": 502, "message": "Provider returned error"}), 4)
    );
}

#[tokio::test]
async fn failures_are_scripted_before_and_inside_a_stream() {
    let fake = fake().await;
    fake.script(rate_limited(3));
    fake.script(insufficient_quota());
    assert_eq!(chat(&json!({"model": null})).send(&fake).await.status, 400);
    let got = chat(&json!({})).send(&fake).await;
    assert_eq!((got.status, got.header("retry-after"), got.header("x-ratelimit-remaining-requests")), (429, "3", "0"));
    let got = responses(&json!({"stream": true})).send(&fake).await;
    assert_eq!(got.json()["error"]["code"], "insufficient_quota");

    let (reply, error) = (Reply::text("one two three four"), ("server_error", "The server had an error"));
    let chats = json!({"stream": true});
    chat(&chats).send(&fake).await;
    let accepted = fake.accepted();
    let [_, response, request] = accepted.as_slice() else {
        panic!("three requests were good, not {}", accepted.len())
    };
    fake.script(fake.stream_broken_by(request, &reply, 2, error));
    let got = chat(&chats).send(&fake).await;
    assert_eq!(
        (got.status, data(&got)[2]["error"]["code"].as_str(), got.body.contains("[DONE]")),
        (200, Some("server_error"), false)
    );
    fake.script(fake.stream_broken_by(response, &reply, 2, error));
    let got = responses(&chats).send(&fake).await;
    let names: Vec<_> = events(&got).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["response.created", "response.in_progress", "error", "response.failed"]);

    let gate = Gate::closed();
    let answer = with_comments(fake.answer_to(request, &reply), "ping", 1);
    fake.script(answer.pause_before(2, &gate).cut_before(3));
    let mut open = chat(&chats).open(&fake).await;
    assert!(open.until("\"role\"").await.starts_with(": ping\n\n"));
    gate.open();
    let got = open.rest().await;
    assert!(got.broken && got.body.contains("one two") && !got.body.contains("three"), "{got:?}");
}

#[tokio::test]
async fn each_scripted_error_has_its_status_and_body() {
    let fake = fake().await;
    fake.script(server_error());
    fake.script(error(503, "overloaded", None, "That model is currently overloaded."));
    fake.script(openrouter_error(402, "Insufficient credits", &json!({"provider_name": "Fake"})));
    let mut seen = Vec::new();
    for _ in 0..3 {
        let got = chat(&json!({})).send(&fake).await;
        let error = &got.json()["error"];
        seen.push((got.status, error["type"].clone(), error["code"].clone(), error["metadata"].clone()));
    }
    let expect = [
        (500, json!("server_error"), Value::Null, Value::Null),
        (503, json!("overloaded"), Value::Null, Value::Null),
        (402, Value::Null, json!(402), json!({"provider_name": "Fake"})),
    ];
    assert_eq!(seen, expect);
    assert_eq!(fake.refusals(), []);
}
