//! The body of `/v1/responses`: its items, and which calls and outputs belong together.

use serde_json::{Map, Value};

use super::Model;
use super::content::{self, Parts};
use super::error::ApiError;
use super::field::{count, flag, join, keys, missing, object, text, wrong_type, wrong_value};
use super::parameters::{check_effort, check_sampling, parse_format, parse_stream_options, parse_tools, unsupported};
use super::reply::unsealed;
use super::request::{Api, Message, Request, ToolCall, find_model, words};

/// The keys that a request may have at its top.
const KEYS: [&str; 30] = [
    "background",
    "client_metadata",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
/// The least that `max_output_tokens` may be.
const OUTPUT_TOKENS_MIN: u64 = 16;

impl Request {
    pub(super) fn parse_responses(body: &Value, models: &[Model]) -> Result<Self, ApiError> {
        let Some(map) = body.as_object() else {
            return Err(ApiError::invalid("We could not parse the JSON body of your request."));
        };
        check_keys(map)?;
        let name = text(map, "model", "")?;
        let model = find_model(models, name).map_err(|error| error.at("model"))?;
        if let Some(id) = map.get("previous_response_id").and_then(Value::as_str) {
            let text = format!("Previous response with id '{id}' not found.");
            return Err(ApiError::invalid(text).at("previous_response_id").coded("previous_response_not_found"));
        }
        let messages = parse_input(map)?;
        let stream = flag(map, "stream", "")?.unwrap_or(false);
        let stream_options = parse_stream_options(map, stream)?;
        if stream_options.include_usage {
            let text = "Unknown parameter: 'stream_options.include_usage'.";
            return Err(ApiError::invalid(text).at("stream_options.include_usage").coded("unknown_parameter"));
        }
        let tokens_max = count(map, "max_output_tokens", OUTPUT_TOKENS_MIN)?;
        let tools = parse_tools(map, Api::Responses)?;
        check_sampling(map, model)?;
        if let Some(reasoning) = map.get("reasoning").filter(|reasoning| !reasoning.is_null()) {
            let reasoning = object(reasoning, "reasoning")?;
            keys(reasoning, &["effort", "summary", "generate_summary"], "reasoning")?;
            check_effort(reasoning.get("effort"), "reasoning.effort", model)?;
        }
        let format = map.get("text").and_then(|text| text.get("format"));
        let schema = parse_format(format, "text.format", Api::Responses, &words(&messages))?;
        Ok(Self {
            api: Api::Responses,
            model: name.to_owned(),
            dated_model: model.dated_id.clone(),
            stream,
            tokens_max,
            messages,
            tools,
            schema,
            body: body.clone(),
            stream_options,
        })
    }
}

/// Names the new place of a parameter that has moved, as the service does.
fn check_keys(map: &Map<String, Value>) -> Result<(), ApiError> {
    let moved = [("messages", "input"), ("response_format", "text.format"), ("reasoning_effort", "reasoning.effort")];
    if let Some((old, new)) = moved.into_iter().find(|(old, _)| map.contains_key(*old)) {
        let text = format!(
            "Unsupported parameter: '{old}'. In the Responses API, this parameter has moved to '{new}'. Try again with the new parameter."
        );
        return Err(unsupported(old, &text));
    }
    let old = ["max_tokens", "max_completion_tokens"];
    if let Some(old) = old.into_iter().find(|old| map.contains_key(*old)) {
        let text = format!(
            "Unsupported parameter: '{old}' is not supported with this model. Use 'max_output_tokens' instead."
        );
        return Err(unsupported(old, &text));
    }
    keys(map, &KEYS, "")
}

fn parse_input(map: &Map<String, Value>) -> Result<Vec<Message>, ApiError> {
    let mut messages = Vec::new();
    if let Some(instructions) = map.get("instructions").filter(|instructions| !instructions.is_null()) {
        let text = instructions.as_str().ok_or_else(|| wrong_type(instructions, "instructions", "a string"))?;
        messages.push(Message { role: "system".to_owned(), text: text.to_owned(), ..Message::default() });
    }
    match map.get("input") {
        Some(Value::String(text)) => {
            messages.push(Message { role: "user".to_owned(), text: text.clone(), ..Message::default() });
        }
        Some(Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                messages.push(parse_item(item, &format!("input[{index}]"))?);
            }
        }
        Some(other) => return Err(wrong_type(other, "input", "one of a string or array of objects")),
        None => return Err(missing("input")),
    }
    check_outputs(&messages)?;
    Ok(messages)
}

fn parse_item(item: &Value, at: &str) -> Result<Message, ApiError> {
    let map = object(item, at)?;
    let kind = if map.contains_key("type") { text(map, "type", at)? } else { "message" };
    match kind {
        "message" => message(map, at),
        "function_call" => {
            keys(map, &["type", "id", "call_id", "name", "arguments", "status"], at)?;
            check_id(map, "fc_", at)?;
            let field = |key| text(map, key, at).map(str::to_owned);
            let call = ToolCall { id: field("call_id")?, name: field("name")?, arguments: field("arguments")? };
            Ok(Message { role: "assistant".to_owned(), tool_calls: vec![call], ..Message::default() })
        }
        "function_call_output" => {
            keys(map, &["type", "id", "call_id", "output", "status"], at)?;
            let answers = Some(text(map, "call_id", at)?.to_owned());
            let output = map.get("output").ok_or_else(|| missing(&join(at, "output")))?;
            let output = content::parse(output, Parts::Input, &join(at, "output"))?;
            let role = "tool".to_owned();
            Ok(Message { role, text: output.text, images: output.images, answers, ..Message::default() })
        }
        "reasoning" => reasoning(map, at),
        "item_reference" => {
            let text = format!("Item with id '{}' not found.", text(map, "id", at)?);
            Err(ApiError::new(404, text).at("input"))
        }
        other => {
            let supported = ["message", "function_call", "function_call_output", "reasoning", "item_reference"];
            Err(wrong_value(other, at, &supported))
        }
    }
}

fn message(map: &Map<String, Value>, at: &str) -> Result<Message, ApiError> {
    keys(map, &["type", "role", "content", "id", "status", "phase"], at)?;
    let role = text(map, "role", at)?;
    let parts = match role {
        "user" | "system" | "developer" => Parts::Input,
        "assistant" => Parts::Output,
        other => return Err(wrong_value(other, at, &["assistant", "system", "developer", "user"])),
    };
    check_id(map, "msg_", at)?;
    let at = join(at, "content");
    let content = content::parse(map.get("content").ok_or_else(|| missing(&at))?, parts, &at)?;
    Ok(Message { role: role.to_owned(), text: content.text, images: content.images, ..Message::default() })
}

/// A thought that comes back is one that this fake sealed itself, where it is sealed at all.
fn reasoning(map: &Map<String, Value>, at: &str) -> Result<Message, ApiError> {
    keys(map, &["type", "id", "summary", "encrypted_content", "content", "status"], at)?;
    check_id(map, "rs_", at)?;
    let summary = map.get("summary").ok_or_else(|| missing(&join(at, "summary")))?;
    let parts = summary.as_array().ok_or_else(|| wrong_type(summary, &join(at, "summary"), "an array of objects"))?;
    let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
    let thought = texts.collect::<Vec<_>>().join("\n");
    let refused = |why: &str| {
        let text = format!("The encrypted content could not be verified. Reason: {why}");
        Err(ApiError::invalid(text).coded("invalid_encrypted_content"))
    };
    let role = "reasoning".to_owned();
    let seal = match map.get("encrypted_content") {
        None | Some(Value::Null) => return Ok(Message { role, text: thought, ..Message::default() }),
        Some(Value::String(seal)) => seal,
        Some(other) => return Err(wrong_type(other, &join(at, "encrypted_content"), "a string")),
    };
    match unsealed(seal) {
        None => refused("Encrypted content could not be decrypted or parsed."),
        Some(text) if !parts.is_empty() && text != thought => {
            refused("Encrypted content item_id did not match the target item id.")
        }
        Some(text) => Ok(Message { role, text, ..Message::default() }),
    }
}

fn check_id(map: &Map<String, Value>, prefix: &str, at: &str) -> Result<(), ApiError> {
    match map.get("id") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(id)) if id.starts_with(prefix) => Ok(()),
        Some(Value::String(id)) => {
            let (at, prefix) = (join(at, "id"), prefix.trim_end_matches('_'));
            let text = format!("Invalid '{at}': '{id}'. Expected an ID that begins with '{prefix}'.");
            Err(ApiError::invalid(text).at(at).coded("invalid_value"))
        }
        Some(other) => Err(wrong_type(other, &join(at, "id"), "a string")),
    }
}

/// Each output answers a call before it, and each call has an output somewhere behind it.
fn check_outputs(messages: &[Message]) -> Result<(), ApiError> {
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        open.extend(message.tool_calls.iter().map(|call| call.id.as_str()));
        let Some(id) = &message.answers else { continue };
        let Some(place) = open.iter().position(|known| known == id) else {
            let text = format!("No tool call found for function call output with call_id {id}.");
            return Err(ApiError::invalid(text).at("input"));
        };
        open.remove(place);
    }
    match open.first() {
        None => Ok(()),
        Some(id) => Err(ApiError::invalid(format!("No tool output found for function call {id}.")).at("input")),
    }
}
