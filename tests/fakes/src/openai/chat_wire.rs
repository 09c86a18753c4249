//! A reply in the form of chat completions: one JSON object, or unnamed events that end with `[DONE]`.

use serde_json::{Value, json};

use super::Variant;
use super::error::error_json;
use super::reply::{Reply, fragments, obfuscation, pieces, tokens, with_comments, words};
use super::request::Request;
use crate::answer::Answer;
use crate::pictures::sha256_hex;

/// When every answer of the fake was made.
pub(super) const CREATED: u64 = 1_767_225_600;

/// The answer as one JSON object.
pub(super) fn whole(request: &Request, reply: &Reply, variant: Variant) -> Answer {
    let choices = (0..choice_count(request)).map(|index| {
        let content = if reply.text.is_empty() { Value::Null } else { json!(reply.text) };
        let mut message = json!({
            "role": "assistant", "content": content, "refusal": reply.refusal, "annotations": reply.annotations,
        });
        if !reply.tool_calls.is_empty() {
            message["tool_calls"] = (0..reply.tool_calls.len()).map(|at| call_json(reply, at)).collect();
        }
        if let Some(key) = variant.reasoning_key().filter(|_| !reply.reasoning.is_empty()) {
            message[key] = json!(reply.reasoning);
        }
        let mut choice = json!({"index": index, "message": message, "finish_reason": reply.reason()});
        choice["logprobs"] = logprobs(request, &words(&reply.text).concat());
        finish(choice, reply, variant)
    });
    let choices: Vec<Value> = choices.collect();
    let mut answer = head(request, "chat.completion", variant);
    answer["choices"] = json!(choices);
    answer["usage"] = usage(request, reply, variant);
    Answer::json(200, &answer)
}

/// The answer as an event stream, each event in a chunk of its own.
pub(super) fn stream(request: &Request, reply: &Reply, variant: Variant) -> Answer {
    let mut events = events(request, reply, variant);
    events.push("[DONE]".to_owned());
    let answer = as_stream(&events);
    if variant == Variant::OpenRouter { with_comments(answer, "OPENROUTER PROCESSING", 2) } else { answer }
}

/// A stream that breaks with an error after `count` events: the status was 200 long before.
pub(super) fn broken(request: &Request, reply: &Reply, count: usize, error: (&str, &str), variant: Variant) -> Answer {
    let mut events = events(request, reply, variant);
    events.truncate(count);
    let (code, message) = error;
    match variant {
        Variant::OpenRouter => {
            let mut chunk = head(request, "chat.completion.chunk", variant);
            let choice = json!({"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": "error"});
            chunk["choices"] = json!([choice]);
            chunk["error"] = json!({"code": code.parse::<u16>().unwrap_or(502), "message": message});
            events.extend([chunk.to_string(), "[DONE]".to_owned()]);
        }
        Variant::OpenAi | Variant::Compatible | Variant::Vllm => {
            events.push(error_json(code, Some(code), None, message).to_string());
        }
    }
    as_stream(&events)
}

fn as_stream(events: &[String]) -> Answer {
    let chunks = events.iter().map(|event| format!("data: {event}\n\n"));
    Answer::chunks(200, "text/event-stream; charset=utf-8", chunks).header("cache-control", "no-cache")
}

fn events(request: &Request, reply: &Reply, variant: Variant) -> Vec<String> {
    let mut chunks = Vec::new();
    let mut push = |choices: Value, usage: Value| {
        let mut chunk = head(request, "chat.completion.chunk", variant);
        chunk["choices"] = choices;
        if request.stream_options.include_usage || variant == Variant::OpenRouter && !usage.is_null() {
            chunk["usage"] = usage;
        }
        if variant == Variant::OpenAi && request.stream_options.is_obfuscated {
            chunk["obfuscation"] = json!(obfuscation(chunks.len()));
        }
        chunks.push(chunk.to_string());
    };
    for index in 0..choice_count(request) {
        for (delta, text) in deltas(reply, variant) {
            let logprobs = text.map_or(Value::Null, |text| logprobs(request, &text));
            let choice = json!({"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": null});
            push(json!([choice]), Value::Null);
        }
        let choice = json!({"index": index, "delta": {}, "logprobs": null, "finish_reason": reply.reason()});
        push(json!([finish(choice, reply, variant)]), Value::Null);
    }
    if request.stream_options.include_usage || variant == Variant::OpenRouter {
        push(json!([]), usage(request, reply, variant));
    }
    chunks
}

/// The deltas of one choice, each with the text that log probabilities are of.
fn deltas(reply: &Reply, variant: Variant) -> Vec<(Value, Option<String>)> {
    let has_words = !reply.text.is_empty() || reply.refusal.is_some() || reply.tool_calls.is_empty();
    let content = if has_words { json!("") } else { Value::Null };
    let mut deltas = vec![(json!({"role": "assistant", "content": content, "refusal": null}), None)];
    if let Some(key) = variant.reasoning_key() {
        deltas.extend(pieces(&reply.reasoning).into_iter().map(|piece| (json!({key: piece}), None)));
    }
    deltas.extend(pieces(&reply.text).into_iter().map(|piece| (json!({"content": piece}), Some(piece))));
    if !reply.annotations.is_empty() {
        deltas.push((json!({"annotations": reply.annotations}), None));
    }
    let refusal = reply.refusal.as_deref().unwrap_or_default();
    deltas.extend(pieces(refusal).into_iter().map(|piece| (json!({"refusal": piece}), None)));
    for (index, call) in reply.tool_calls.iter().enumerate() {
        let mut first = call_json(reply, index);
        first["index"] = json!(index);
        first["function"]["arguments"] = json!("");
        let first = json!({"tool_calls": [first]});
        match deltas.as_mut_slice() {
            // An answer of nothing but calls has its role and its first call in one delta.
            [(only, _)] if !has_words => only["tool_calls"] = first["tool_calls"].clone(),
            _ => deltas.push((first, None)),
        }
        let fragment = |text: String| json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]});
        deltas.extend(fragments(&call.arguments).into_iter().map(|text| (fragment(text), None)));
    }
    deltas
}

fn call_json(reply: &Reply, index: usize) -> Value {
    let call = &reply.tool_calls[index];
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
}

/// Adds what a variant says about the end beside `finish_reason`.
fn finish(mut choice: Value, reply: &Reply, variant: Variant) -> Value {
    match variant {
        Variant::OpenRouter => choice["native_finish_reason"] = json!(reply.reason()),
        Variant::Vllm => choice["stop_reason"] = Value::Null,
        Variant::OpenAi | Variant::Compatible => {}
    }
    choice
}

fn head(request: &Request, object: &str, variant: Variant) -> Value {
    let id = &sha256_hex(request.body.to_string().as_bytes())[..29];
    let mut head = json!({
        "id": format!("chatcmpl-{id}"), "object": object, "created": CREATED, "model": request.dated_model,
    });
    match variant {
        Variant::OpenAi => {
            head["service_tier"] = json!("default");
            head["system_fingerprint"] = json!("fp_50906f2aac");
        }
        Variant::OpenRouter => head["provider"] = json!("Fake"),
        Variant::Compatible | Variant::Vllm => {}
    }
    head
}

fn choice_count(request: &Request) -> u64 {
    request.body.get("n").and_then(Value::as_u64).unwrap_or(1)
}

fn logprobs(request: &Request, text: &str) -> Value {
    if request.body.get("logprobs") != Some(&Value::Bool(true)) {
        return Value::Null;
    }
    let top = request.body.get("top_logprobs").and_then(Value::as_u64).unwrap_or(0);
    let token = |token: &&str| {
        let one = json!({"token": token, "logprob": -0.125, "bytes": token.as_bytes()});
        let mut all = one.clone();
        all["top_logprobs"] = json!(vec![one; usize::from(top > 0)]);
        all
    };
    json!({"content": words(text).iter().map(token).collect::<Vec<_>>(), "refusal": null})
}

fn usage(request: &Request, reply: &Reply, variant: Variant) -> Value {
    let (prompt, completion, reasoning) = tokens(request, reply);
    let mut usage = json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    });
    if variant == Variant::OpenRouter {
        usage["cost"] = json!(0.000_25);
    }
    usage
}
