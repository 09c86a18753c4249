//! The body of `/v1/chat/completions`: what must be there, what may be, and which messages belong together.

use serde_json::{Map, Value};

use super::content::{self, Parts};
use super::error::ApiError;
use super::field::{count, flag, join, keys, list, missing, object, text, wrong_type, wrong_value};
use super::parameters::{check_effort, check_sampling, parse_format, parse_stream_options, parse_tools, unsupported};
use super::request::{Api, Message, Request, ToolCall, find_model, words};
use super::{Model, Variant};

/// The keys that a request may have at its top.
const KEYS: [&str; 35] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];
const ROLES: [&str; 6] = ["system", "assistant", "user", "function", "tool", "developer"];

impl Request {
    /// Parses a chat. Compatible servers take parameters of their own beside those of the service.
    pub(super) fn parse_chat(body: &Value, models: &[Model], variant: Variant) -> Result<Self, ApiError> {
        let Some(map) = body.as_object() else {
            return Err(ApiError::invalid("We could not parse the JSON body of your request."));
        };
        let Some(name) = map.get("model").filter(|model| !model.is_null()) else {
            return Err(ApiError::invalid("you must provide a model parameter"));
        };
        let name = name.as_str().ok_or_else(|| wrong_type(name, "model", "a string"))?;
        let model = find_model(models, name)?;
        if variant == Variant::OpenAi {
            keys(map, &KEYS, "")?;
        }
        let messages = parse_messages(map, variant)?;
        let stream = flag(map, "stream", "")?.unwrap_or(false);
        let stream_options = parse_stream_options(map, stream)?;
        let tokens_max = parse_tokens_max(map, model)?;
        let tools = parse_tools(map, Api::Completions)?;
        check_sampling(map, model)?;
        check_logprobs(map)?;
        check_effort(map.get("reasoning_effort"), "reasoning_effort", model)?;
        let format = map.get("response_format");
        let schema = parse_format(format, "response_format", Api::Completions, &words(&messages))?;
        for key in ["n", "seed"] {
            count(map, key, u64::from(key == "n"))?;
        }
        Ok(Self {
            api: Api::Completions,
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

fn parse_tokens_max(map: &Map<String, Value>, model: &Model) -> Result<Option<u64>, ApiError> {
    let (old, new) = (count(map, "max_tokens", 1)?, count(map, "max_completion_tokens", 1)?);
    if old.is_some() && model.reasons {
        let text = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return Err(unsupported("max_tokens", text));
    }
    if old.is_some() && new.is_some() {
        let text = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(ApiError::invalid(text).coded("invalid_parameter_combination"));
    }
    let key = if new.is_some() { "max_completion_tokens" } else { "max_tokens" };
    match new.or(old) {
        Some(tokens) if tokens > model.output_tokens_max => {
            let most = model.output_tokens_max;
            let text = format!(
                "{key} is too large: {tokens}. This model supports at most {most} completion tokens, whereas you provided {tokens}."
            );
            Err(ApiError::invalid(text).at(key).coded("invalid_value"))
        }
        tokens => Ok(tokens),
    }
}

fn check_logprobs(map: &Map<String, Value>) -> Result<(), ApiError> {
    let wanted = flag(map, "logprobs", "")?.unwrap_or(false);
    match count(map, "top_logprobs", 0)? {
        Some(_) if !wanted => {
            let text = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.";
            Err(ApiError::invalid(text).at("top_logprobs"))
        }
        Some(_) | None => Ok(()),
    }
}

fn parse_messages(map: &Map<String, Value>, variant: Variant) -> Result<Vec<Message>, ApiError> {
    if !map.contains_key("messages") {
        return Err(missing("messages"));
    }
    let list = list(map, "messages", "")?;
    if list.is_empty() {
        let text =
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.";
        return Err(ApiError::invalid(text).at("messages").coded("empty_array"));
    }
    let parse = |(index, message)| parse_message(message, &format!("messages[{index}]"), variant);
    let messages = list.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
    check_answers(&messages)?;
    Ok(messages)
}

fn parse_message(message: &Value, at: &str, variant: Variant) -> Result<Message, ApiError> {
    let map = object(message, at)?;
    let role = text(map, "role", at)?;
    let (own, parts): (&[&str], Parts) = match role {
        "user" => (&[], Parts::User),
        "system" | "developer" => (&[], Parts::TextOnly),
        "tool" => (&["tool_call_id"], Parts::TextOnly),
        "function" => (&[], Parts::TextOnly),
        "assistant" => (&["tool_calls", "refusal", "audio", "function_call", "annotations"], Parts::Assistant),
        other => return Err(wrong_value(other, &join(at, "role"), &ROLES)),
    };
    if variant == Variant::OpenAi || role != "assistant" {
        let allowed: Vec<&str> = ["role", "content", "name"].into_iter().chain(own.iter().copied()).collect();
        keys(map, &allowed, at)?;
    }
    let calls = list(map, "tool_calls", at)?;
    let parse_call = |(index, call)| parse_call(call, &format!("{at}.tool_calls[{index}]"));
    let tool_calls = calls.iter().enumerate().map(parse_call).collect::<Result<Vec<_>, _>>()?;
    let may_be_silent = !tool_calls.is_empty() || ["refusal", "audio"].iter().any(|key| map.contains_key(*key));
    let content = match map.get("content") {
        None | Some(Value::Null) if role == "assistant" && may_be_silent => content::Content::default(),
        None => return Err(missing(&join(at, "content"))),
        Some(Value::Null) => {
            let text = "Invalid value for 'content': expected a string, got null.";
            return Err(ApiError::invalid(text).at(join(at, "content")));
        }
        Some(content) => content::parse(content, parts, &join(at, "content"))?,
    };
    let answers = match role {
        "tool" => Some(text(map, "tool_call_id", at)?.to_owned()),
        _ => None,
    };
    Ok(Message { role: role.to_owned(), text: content.text, images: content.images, tool_calls, answers })
}

fn parse_call(call: &Value, at: &str) -> Result<ToolCall, ApiError> {
    let map = object(call, at)?;
    keys(map, &["id", "type", "function", "custom"], at)?;
    let id = text(map, "id", at)?;
    let (key, body) = match text(map, "type", at)? {
        "function" => ("function", "arguments"),
        "custom" => ("custom", "input"),
        other => return Err(wrong_value(other, &join(at, "type"), &["function", "custom"])),
    };
    let at = join(at, key);
    let function = object(map.get(key).ok_or_else(|| missing(&at))?, &at)?;
    keys(function, &["name", body], &at)?;
    let (name, arguments) = (text(function, "name", &at)?, text(function, body, &at)?);
    Ok(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() })
}

/// Each call is answered by the `tool` messages that follow at once, and nothing else is.
fn check_answers(messages: &[Message]) -> Result<(), ApiError> {
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if let Some(id) = &message.answers {
            let Some(place) = open.iter().position(|known| known == id) else {
                let text = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
                return Err(ApiError::invalid(text).at(format!("messages.[{index}].role")));
            };
            open.remove(place);
            continue;
        }
        check_none_open(&open)?;
        open = message.tool_calls.iter().map(|call| call.id.as_str()).collect();
    }
    check_none_open(&open)
}

fn check_none_open(open: &[&str]) -> Result<(), ApiError> {
    if open.is_empty() {
        return Ok(());
    }
    let text = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(ApiError::invalid(text).at("messages"))
}
