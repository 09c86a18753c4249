//! The parameters beside the conversation: tools, sampling, structured output, streaming.

use serde_json::{Map, Value};

use super::Model;
use super::error::ApiError;
use super::field::{decimal, flag, is_name, join, keys, list, missing, object, text, wrong_type, wrong_value};
use super::request::Api;

/// Tools that are no plain functions, by type; what is in them is not looked at.
const SERVER_TOOLS: [&str; 11] = [
    "web_search",
    "web_search_preview",
    "file_search",
    "code_interpreter",
    "image_generation",
    "mcp",
    "computer_use_preview",
    "local_shell",
    "apply_patch",
    "custom",
    "namespace",
];

/// Checks the tools and which of them must be used, and returns the names of the functions.
pub(super) fn parse_tools(map: &Map<String, Value>, api: Api) -> Result<Vec<String>, ApiError> {
    let tools = list(map, "tools", "")?;
    let mut names = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let at = format!("tools[{index}]");
        let tool = object(tool, &at)?;
        let kind = text(tool, "type", &at)?;
        let (function, at) = match api {
            Api::Completions if kind == "custom" => continue,
            Api::Completions if kind != "function" => {
                return Err(wrong_value(kind, &join(&at, "type"), &["function", "custom"]));
            }
            Api::Completions => {
                keys(tool, &["type", "function"], &at)?;
                let at = join(&at, "function");
                (object(tool.get("function").ok_or_else(|| missing(&at))?, &at)?, at)
            }
            Api::Responses if SERVER_TOOLS.contains(&kind) => continue,
            Api::Responses if kind != "function" => {
                let supported: Vec<&str> = ["function"].into_iter().chain(SERVER_TOOLS).collect();
                return Err(wrong_value(kind, &join(&at, "type"), &supported));
            }
            Api::Responses => (tool, at),
        };
        keys(function, &["type", "name", "description", "parameters", "strict"], &at)?;
        names.push(function_name(function, &at)?);
    }
    check_tool_choice(map.get("tool_choice"), tools, &names, api)?;
    flag(map, "parallel_tool_calls", "")?;
    if map.contains_key("parallel_tool_calls") && tools.is_empty() && api == Api::Completions {
        let text = "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.";
        return Err(ApiError::invalid(text).at("parallel_tool_calls"));
    }
    Ok(names)
}

fn function_name(function: &Map<String, Value>, at: &str) -> Result<String, ApiError> {
    let name = text(function, "name", at)?;
    if !is_name(name) {
        let at = join(at, "name");
        let text = format!(
            "Invalid '{at}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        );
        return Err(ApiError::invalid(text).at(at).coded("invalid_value"));
    }
    let Some(schema) = function.get("parameters").filter(|schema| !schema.is_null()) else {
        return Ok(name.to_owned());
    };
    let kind = object(schema, &join(at, "parameters"))?.get("type").and_then(Value::as_str);
    let fault = |text: String| {
        Err(ApiError::invalid(format!("Invalid schema for function '{name}': {text}"))
            .at(join(at, "parameters"))
            .coded("invalid_function_parameters"))
    };
    if kind != Some("object") {
        let kind = kind.unwrap_or("None");
        return fault(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."));
    }
    match flag(function, "strict", at)? {
        Some(true) if schema.get("additionalProperties") != Some(&Value::Bool(false)) => {
            fault("In context=(), 'additionalProperties' is required to be supplied and to be false.".to_owned())
        }
        Some(_) | None => Ok(name.to_owned()),
    }
}

fn check_tool_choice(choice: Option<&Value>, tools: &[Value], names: &[String], api: Api) -> Result<(), ApiError> {
    let Some(choice) = choice.filter(|choice| !choice.is_null()) else {
        return Ok(());
    };
    if tools.is_empty() && (api == Api::Completions || !matches!(choice.as_str(), Some("auto" | "none"))) {
        let text = "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.";
        return Err(ApiError::invalid(text).at("tool_choice"));
    }
    let supported = ["none", "auto", "required"];
    let choice = match choice {
        Value::String(word) if supported.contains(&word.as_str()) => return Ok(()),
        Value::String(word) => return Err(wrong_value(word, "tool_choice", &supported)),
        other => object(other, "tool_choice")?,
    };
    if text(choice, "type", "tool_choice")? != "function" {
        return Ok(());
    }
    let (function, at) = match api {
        Api::Completions => {
            let at = "tool_choice.function";
            (object(choice.get("function").ok_or_else(|| missing(at))?, at)?, at)
        }
        Api::Responses => (choice, "tool_choice"),
    };
    let name = text(function, "name", at)?;
    match names.iter().any(|known| known == name) {
        true => Ok(()),
        false => {
            let text = format!("Tool choice '{name}' not found in 'tools' parameter.");
            Err(ApiError::invalid(text).at("tool_choice"))
        }
    }
}

/// Checks `temperature`, the penalties and what a model that reasons does not take.
pub(super) fn check_sampling(map: &Map<String, Value>, model: &Model) -> Result<(), ApiError> {
    let ranges = [("temperature", (0.0, 2.0)), ("top_p", (0.0, 1.0))];
    for (key, range) in ranges {
        let value = decimal(map, key, range)?;
        if let Some(value) = value.filter(|value| model.reasons && *value < 1.0) {
            let text = format!(
                "Unsupported value: '{key}' does not support {value} with this model. Only the default (1) value is supported."
            );
            return Err(ApiError::invalid(text).at(key).coded("unsupported_value"));
        }
    }
    for key in ["frequency_penalty", "presence_penalty"] {
        decimal(map, key, (-2.0, 2.0))?;
    }
    let refused = ["logprobs", "frequency_penalty", "presence_penalty", "stop"];
    if let Some(key) = refused.into_iter().find(|key| model.reasons && map.get(*key).is_some_and(|v| !v.is_null())) {
        return Err(unsupported(key, &format!("Unsupported parameter: '{key}' is not supported with this model.")));
    }
    match map.get("stop") {
        Some(Value::Array(stops)) if stops.len() > 4 => {
            let text = format!(
                "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length {} instead.",
                stops.len()
            );
            Err(ApiError::invalid(text).at("stop").coded("array_above_max_length"))
        }
        None | Some(Value::Null | Value::String(_) | Value::Array(_)) => Ok(()),
        Some(other) => Err(wrong_type(other, "stop", "one of a string or array of strings")),
    }
}

/// Checks how hard the model shall think, which only a model that reasons can be told.
pub(super) fn check_effort(effort: Option<&Value>, at: &str, model: &Model) -> Result<(), ApiError> {
    let supported = ["none", "minimal", "low", "medium", "high", "xhigh"];
    match effort {
        None | Some(Value::Null) => Ok(()),
        Some(_) if !model.reasons => {
            Err(unsupported(at, &format!("Unsupported parameter: '{at}' is not supported with this model.")))
        }
        Some(Value::String(effort)) if supported.contains(&effort.as_str()) => Ok(()),
        Some(Value::String(effort)) => Err(wrong_value(effort, at, &supported)),
        Some(other) => Err(wrong_type(other, at, "a string")),
    }
}

pub(super) fn unsupported(param: &str, text: &str) -> ApiError {
    ApiError::invalid(text).at(param).coded("unsupported_parameter")
}

/// Parses the wanted form of the answer, and returns its schema where there is one: of `json_object`, any object.
pub(super) fn parse_format(format: Option<&Value>, at: &str, api: Api, words: &str) -> Result<Option<Value>, ApiError> {
    let Some(format) = format.filter(|format| !format.is_null()) else {
        return Ok(None);
    };
    let map = object(format, at)?;
    let (holder, at) = match text(map, "type", at)? {
        "text" => return Ok(None),
        "json_object" if !words.to_lowercase().contains("json") => {
            let place = if api == Api::Completions { "messages" } else { "input" };
            let text =
                format!("'{place}' must contain the word 'json' in some form, to use '{at}' of type 'json_object'.");
            return Err(ApiError::invalid(text).at(place));
        }
        "json_object" => return Ok(Some(serde_json::json!({"type": "object"}))),
        "json_schema" if api == Api::Responses => (map, at.to_owned()),
        "json_schema" => {
            let at = join(at, "json_schema");
            (object(map.get("json_schema").ok_or_else(|| missing(&at))?, &at)?, at)
        }
        other => return Err(wrong_value(other, &join(at, "type"), &["json_object", "json_schema", "text"])),
    };
    let name = text(holder, "name", &at)?;
    let schema = holder.get("schema").ok_or_else(|| missing(&join(&at, "schema")))?;
    let fields = object(schema, &join(&at, "schema"))?;
    let is_closed = fields.get("additionalProperties") == Some(&Value::Bool(false));
    if flag(holder, "strict", &at)? == Some(true) && !is_closed {
        let text = format!(
            "Invalid schema for response_format '{name}': In context=(), 'additionalProperties' is required to be supplied and to be false."
        );
        return Err(ApiError::invalid(text)
            .at(if api == Api::Completions { "response_format" } else { "text.format.schema" })
            .coded("invalid_json_schema"));
    }
    Ok(Some(schema.clone()))
}

/// What a stream shall carry beside the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
    pub(super) is_obfuscated: bool,
}

/// Parses `stream_options`, which only a stream has.
pub(super) fn parse_stream_options(map: &Map<String, Value>, stream: bool) -> Result<StreamOptions, ApiError> {
    let Some(options) = map.get("stream_options").filter(|options| !options.is_null()) else {
        return Ok(StreamOptions { include_usage: false, is_obfuscated: true });
    };
    if !stream {
        let text = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(ApiError::invalid(text).at("stream_options"));
    }
    let options = object(options, "stream_options")?;
    keys(options, &["include_usage", "include_obfuscation"], "stream_options")?;
    let flag = |key: &str| flag(options, key, "stream_options");
    Ok(StreamOptions {
        include_usage: flag("include_usage")?.unwrap_or(false),
        is_obfuscated: flag("include_obfuscation")?.unwrap_or(true),
    })
}
