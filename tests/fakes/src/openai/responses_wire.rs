//! A reply in the form of the Responses API: one JSON object, or named events with sequence numbers.

use serde_json::{Value, json};

use super::chat_wire::CREATED;
use super::reply::{Reply, fragments, obfuscation, pieces, sealed, tokens, words};
use super::request::Request;
use crate::answer::Answer;
use crate::pictures::sha256_hex;

/// The answer as one JSON object.
pub(super) fn whole(request: &Request, reply: &Reply) -> Answer {
    Answer::json(200, &finished(request, reply))
}

/// The answer as an event stream, each event in a chunk of its own.
pub(super) fn stream(request: &Request, reply: &Reply) -> Answer {
    as_stream(&events(request, reply))
}

/// A stream that breaks after `count` events: an `error` event, and a response that failed.
pub(super) fn broken(request: &Request, reply: &Reply, count: usize, error: (&str, &str)) -> Answer {
    let mut events = events(request, reply);
    events.truncate(count);
    let (code, message) = error;
    let mut response = response(request, "failed");
    response["error"] = json!({"code": code, "message": message});
    events.push(json!({"type": "error", "code": code, "message": message, "param": null}));
    events.push(json!({"type": "response.failed", "response": response}));
    as_stream(&events)
}

fn as_stream(events: &[Value]) -> Answer {
    let chunks = events.iter().enumerate().map(|(number, event)| {
        let mut event = event.clone();
        event["sequence_number"] = json!(number);
        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
    });
    Answer::chunks(200, "text/event-stream; charset=utf-8", chunks).header("cache-control", "no-cache")
}

fn events(request: &Request, reply: &Reply) -> Vec<Value> {
    let start = response(request, "in_progress");
    let mut events = vec![
        json!({"type": "response.created", "response": start}),
        json!({"type": "response.in_progress", "response": start}),
    ];
    for (index, item) in items(request, reply).iter().enumerate() {
        let mut empty = item.clone();
        match item["type"].as_str() {
            Some("message") => empty["content"] = json!([]),
            Some("reasoning") => empty["summary"] = json!([]),
            Some(_) | None => empty["arguments"] = json!(""),
        }
        if item.get("status").is_some() {
            empty["status"] = json!("in_progress");
        }
        events.push(json!({"type": "response.output_item.added", "output_index": index, "item": empty}));
        let inner = match item["type"].as_str() {
            Some("message") => message_events(request, reply, item),
            Some("reasoning") => reasoning_events(item),
            Some(_) | None => call_events(item),
        };
        for mut event in inner {
            event["output_index"] = json!(index);
            event["item_id"] = item["id"].clone();
            let is_delta = event["type"].as_str().is_some_and(|kind| kind.ends_with(".delta"));
            if is_delta && request.stream_options.is_obfuscated {
                event["obfuscation"] = json!(obfuscation(events.len()));
            }
            events.push(event);
        }
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    }
    let end = finished(request, reply);
    let kind = if end["status"] == "completed" { "response.completed" } else { "response.incomplete" };
    events.push(json!({"type": kind, "response": end}));
    events
}

fn message_events(request: &Request, reply: &Reply, item: &Value) -> Vec<Value> {
    let part = &item["content"][0];
    let mut empty = part.clone();
    let (key, kind) = match part["type"].as_str() {
        Some("refusal") => ("refusal", "response.refusal"),
        Some(_) | None => ("text", "response.output_text"),
    };
    empty[key] = json!("");
    if key == "text" {
        empty["annotations"] = json!([]);
    }
    let whole = part[key].as_str().unwrap_or_default();
    let mut events = vec![json!({"type": "response.content_part.added", "content_index": 0, "part": empty})];
    for piece in pieces(whole) {
        let mut event = json!({"type": format!("{kind}.delta"), "content_index": 0, "delta": piece});
        if key == "text" {
            event["logprobs"] = logprobs(request, &piece);
        }
        events.push(event);
    }
    for (index, annotation) in reply.annotations.iter().enumerate().filter(|_| key == "text") {
        events.push(json!({
            "type": "response.output_text.annotation.added",
            "content_index": 0,
            "annotation_index": index,
            "annotation": annotation,
        }));
    }
    let mut done = json!({"type": format!("{kind}.done"), "content_index": 0});
    done[key] = json!(whole);
    if key == "text" {
        done["logprobs"] = logprobs(request, whole);
    }
    events.push(done);
    events.push(json!({"type": "response.content_part.done", "content_index": 0, "part": part}));
    events
}

fn reasoning_events(item: &Value) -> Vec<Value> {
    let kind = "response.reasoning_summary";
    let mut events = Vec::new();
    for (index, part) in item["summary"].as_array().into_iter().flatten().enumerate() {
        let text = part["text"].as_str().unwrap_or_default();
        let empty = json!({"type": "summary_text", "text": ""});
        events.push(json!({"type": format!("{kind}_part.added"), "summary_index": index, "part": empty}));
        for piece in pieces(text) {
            events.push(json!({"type": format!("{kind}_text.delta"), "summary_index": index, "delta": piece}));
        }
        events.push(json!({"type": format!("{kind}_text.done"), "summary_index": index, "text": text}));
        events.push(json!({"type": format!("{kind}_part.done"), "summary_index": index, "part": part}));
    }
    events
}

fn call_events(item: &Value) -> Vec<Value> {
    let kind = "response.function_call_arguments";
    let arguments = item["arguments"].as_str().unwrap_or_default();
    let delta = |piece: String| json!({"type": format!("{kind}.delta"), "delta": piece});
    let mut events: Vec<Value> = fragments(arguments).into_iter().map(delta).collect();
    events.push(json!({"type": format!("{kind}.done"), "arguments": arguments, "name": item["name"]}));
    events
}

/// The finished items of an answer, in their order: thought, message, calls.
fn items(request: &Request, reply: &Reply) -> Vec<Value> {
    let digest = sha256_hex(request.body.to_string().as_bytes());
    let mut items = Vec::new();
    if !reply.reasoning.is_empty() {
        let wants = |key: &str| request.body.get("reasoning").and_then(|r| r.get(key)).is_some_and(|v| !v.is_null());
        let part = json!({"type": "summary_text", "text": reply.reasoning});
        let summary = if wants("summary") { json!([part]) } else { json!([]) };
        let mut item = json!({"id": format!("rs_{}", &digest[..48]), "type": "reasoning", "summary": summary});
        if includes(request, "reasoning.encrypted_content") {
            item["encrypted_content"] = json!(sealed(&reply.reasoning));
        }
        items.push(item);
    }
    let part = match &reply.refusal {
        Some(refusal) => Some(json!({"type": "refusal", "refusal": refusal})),
        None if reply.text.is_empty() && !reply.tool_calls.is_empty() => None,
        None => Some(json!({
            "type": "output_text",
            "text": reply.text,
            "annotations": reply.annotations,
            "logprobs": logprobs(request, &reply.text),
        })),
    };
    let status = status(reply);
    if let Some(part) = part {
        let id = format!("msg_{}", &digest[..48]);
        items.push(json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": [part]}));
    }
    for (index, call) in reply.tool_calls.iter().enumerate() {
        items.push(json!({
            "id": format!("fc_{index}{}", &digest[..47]),
            "type": "function_call",
            "status": status,
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }));
    }
    items
}

fn status(reply: &Reply) -> &'static str {
    if ["length", "content_filter"].contains(&reply.reason()) { "incomplete" } else { "completed" }
}

fn includes(request: &Request, wanted: &str) -> bool {
    let list = request.body.get("include").and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|word| word == wanted))
}

fn logprobs(request: &Request, text: &str) -> Value {
    if !includes(request, "message.output_text.logprobs") {
        return json!([]);
    }
    let token =
        |token: &&str| json!({"token": token, "logprob": -0.125, "bytes": token.as_bytes(), "top_logprobs": []});
    words(text).iter().map(token).collect()
}

fn finished(request: &Request, reply: &Reply) -> Value {
    let mut response = response(request, status(reply));
    if status(reply) == "incomplete" {
        let reason = if reply.reason() == "length" { "max_output_tokens" } else { "content_filter" };
        response["incomplete_details"] = json!({"reason": reason});
    }
    let (input, output, reasoning) = tokens(request, reply);
    response["output"] = json!(items(request, reply));
    response["usage"] = json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input + output,
    });
    response
}

/// A response before it has said anything, with the parameters of its request repeated as the service does.
fn response(request: &Request, status: &str) -> Value {
    let given = |key: &str, usual: Value| request.body.get(key).cloned().unwrap_or(usual);
    json!({
        "id": format!("resp_{}", &sha256_hex(request.body.to_string().as_bytes())[..48]),
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": given("instructions", Value::Null),
        "max_output_tokens": given("max_output_tokens", Value::Null),
        "metadata": given("metadata", json!({})),
        "model": request.dated_model,
        "output": [],
        "parallel_tool_calls": given("parallel_tool_calls", json!(true)),
        "previous_response_id": null,
        "reasoning": given("reasoning", json!({"effort": null, "summary": null})),
        "service_tier": "default",
        "store": given("store", json!(true)),
        "temperature": given("temperature", json!(1.0)),
        "text": given("text", json!({"format": {"type": "text"}})),
        "tool_choice": given("tool_choice", json!("auto")),
        "tools": given("tools", json!([])),
        "top_p": given("top_p", json!(1.0)),
        "truncation": given("truncation", json!("disabled")),
        "usage": null,
        "user": given("user", Value::Null),
    })
}
