//! Reads the settings of a request to Anthropic's messages. The conversation is read in `conversation`, the tools in
//! `tools`.

use serde_json::Value;

use super::conversation::Conversation;
use super::tools;
use crate::at::{At, Object, count, flag, inner, list, missing, needed_name, number, object, present, text, wrong};
use crate::{ApiError, ChatCall, Dialect, ResponseFormat};

/// Tokens of a budget up to which an effort has its name; more is `high`. They are what the shipped plugin gives each
/// effort, read the other way.
const BUDGETS: [(u64, &str); 3] = [(1_024, "minimal"), (2_048, "low"), (8_192, "medium")];

/// Reads the body of `POST /v1/messages`.
///
/// # Errors
///
/// [`crate::ErrorKind::InvalidRequest`] where the body is not what the dialect says, with the place.
pub(crate) fn read(body: Value) -> Result<ChatCall, ApiError> {
    let call = read_unbounded(body)?;
    if call.max_tokens.is_none() {
        return Err(missing(&At::Body, "max_tokens"));
    }
    Ok(call)
}

/// Reads the body of `POST /v1/messages/count_tokens`, which asks for no answer and so for no bound of one.
///
/// # Errors
///
/// As [`read`] has them.
pub(crate) fn read_count(body: Value) -> Result<ChatCall, ApiError> {
    read_unbounded(body)
}

fn read_unbounded(mut body: Value) -> Result<ChatCall, ApiError> {
    let at = At::Body;
    let fields = object(&mut body, &at)?;
    let model = needed_name(fields, &at, "model")?.to_owned();
    let mut native_only = Vec::new();
    let chosen = tools::read(fields, &mut native_only)?;
    let stop = stop(fields)?;
    let reasoning_effort = reasoning_effort(fields)?;
    let response_format = response_format(fields)?;
    refuse_elsewhere(fields, &mut native_only)?;
    let max_tokens = count(fields, &at, "max_tokens")?;
    let temperature = number(fields, &at, "temperature")?;
    let top_p = number(fields, &at, "top_p")?;
    let is_streaming = flag(fields, &at, "stream")?.unwrap_or(false);
    let conversation = Conversation::read(fields, native_only)?;
    Ok(ChatCall {
        dialect: Dialect::AnthropicMessages,
        model,
        messages: conversation.messages,
        media: conversation.media,
        tools: chosen.tools,
        tool_choice: chosen.choice,
        response_format,
        max_tokens,
        temperature,
        top_p,
        stop,
        seed: None,
        reasoning_effort,
        parallel_tool_calls: chosen.parallel,
        is_streaming,
        includes_usage: true,
        fallbacks: None,
        native_only: conversation.native_only,
        body,
    })
}

fn stop(fields: &Object) -> Result<Vec<String>, ApiError> {
    let at = At::Body.field("stop_sequences");
    let mut stop = Vec::new();
    for (index, value) in list(fields, &At::Body, "stop_sequences")?.into_iter().flatten().enumerate() {
        let text = value.as_str().ok_or_else(|| wrong(&at.element(index), "a string"))?;
        stop.push(text.to_owned());
    }
    Ok(stop)
}

/// The effort that a request names outweighs the budget; a model that thinks as it likes is given no effort.
fn reasoning_effort(fields: &Object) -> Result<Option<String>, ApiError> {
    let config_at = At::Body.field("output_config");
    let named = match inner(fields, &At::Body, "output_config")? {
        Some(config) => text(config, &config_at, "effort")?,
        None => None,
    };
    let at = At::Body.field("thinking");
    let thought = match inner(fields, &At::Body, "thinking")? {
        None => None,
        Some(thinking) => match text(thinking, &at, "type")? {
            Some("enabled") => {
                let budget = count(thinking, &at, "budget_tokens")?.ok_or_else(|| missing(&at, "budget_tokens"))?;
                let name = BUDGETS.iter().find(|(tokens, _)| u64::from(budget) <= *tokens);
                Some(name.map_or("high", |(_, name)| *name))
            }
            Some("disabled") => return Ok(Some("none".to_owned())),
            Some("adaptive") => None,
            Some(_) => return Err(wrong(&at.field("type"), "`enabled`, `disabled` or `adaptive`")),
            None => return Err(missing(&at, "type")),
        },
    };
    Ok(named.map(common_effort).or(thought).map(str::to_owned))
}

/// Only this dialect knows more than `high`.
fn common_effort(name: &str) -> &str {
    match name {
        "xhigh" | "max" => "high",
        name => name,
    }
}

/// `output_format` is the older name of `output_config.format`.
fn response_format(fields: &Object) -> Result<ResponseFormat, ApiError> {
    let config_at = At::Body.field("output_config");
    let newer = match inner(fields, &At::Body, "output_config")? {
        Some(config) => inner(config, &config_at, "format")?,
        None => None,
    };
    let (format, at) = match newer {
        Some(format) => (format, config_at.field("format")),
        None => match inner(fields, &At::Body, "output_format")? {
            Some(format) => (format, At::Body.field("output_format")),
            None => return Ok(ResponseFormat::Text),
        },
    };
    match text(format, &at, "type")? {
        Some("json_schema") => match inner(format, &at, "schema")? {
            Some(_) => Ok(ResponseFormat::JsonSchema(format.get("schema").map(Value::to_string).unwrap_or_default())),
            None => Err(missing(&at, "schema")),
        },
        Some(_) => Err(wrong(&at.field("type"), "`json_schema`")),
        None => Err(missing(&at, "type")),
    }
}

/// Puts down what a provider of another dialect cannot do, where its loss would change what is asked.
fn refuse_elsewhere(fields: &Object, native_only: &mut Vec<String>) -> Result<(), ApiError> {
    if list(fields, &At::Body, "mcp_servers")?.is_some_and(|servers| !servers.is_empty()) {
        native_only.push("`mcp_servers`: only a provider of this dialect calls the servers itself".to_owned());
    }
    if present(fields, "container").is_some() {
        native_only.push("`container`: only a provider of this dialect has containers".to_owned());
    }
    if present(fields, "inference_geo").is_some() {
        native_only.push("`inference_geo`: only a provider of this dialect is bound to a region by it".to_owned());
    }
    Ok(())
}
