//! Reads the settings of a request to OpenAI's chat completions. The conversation is read in `conversation`, the tools
//! in `tools`.

use serde_json::Value;

use super::conversation::Conversation;
use super::tools;
use crate::at::{At, Object, count, flag, inner, list, missing, needed_name, number, object, present, text, wrong};
use crate::{ApiError, ChatCall, Dialect, ResponseFormat};

/// Reads the body of `POST /v1/chat/completions`.
///
/// # Errors
///
/// [`crate::ErrorKind::InvalidRequest`] where the body is not what the dialect says, with the place.
pub(crate) fn read(mut body: Value) -> Result<ChatCall, ApiError> {
    let at = At::Body;
    let fields = object(&mut body, &at)?;
    let model = needed_name(fields, &at, "model")?.to_owned();
    let fallbacks = fallbacks(fields, &model)?;
    let mut native_only = Vec::new();
    let chosen = tools::read(fields, &mut native_only)?;
    refuse_elsewhere(fields, &mut native_only)?;
    let response_format = response_format(fields)?;
    let reasoning_effort = reasoning_effort(fields)?;
    let max_tokens = count(fields, &at, "max_completion_tokens")?.or(count(fields, &at, "max_tokens")?);
    let temperature = number(fields, &at, "temperature")?;
    let top_p = number(fields, &at, "top_p")?;
    let stop = stop(fields)?;
    let seed = seed(fields)?;
    let is_streaming = flag(fields, &at, "stream")?.unwrap_or(false);
    let includes_usage = includes_usage(fields)?;
    let conversation = Conversation::read(fields, native_only)?;
    Ok(ChatCall {
        dialect: Dialect::OpenaiCompletions,
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
        seed,
        reasoning_effort,
        parallel_tool_calls: chosen.parallel,
        is_streaming,
        includes_usage,
        fallbacks,
        native_only: conversation.native_only,
        body,
    })
}

/// Takes out of the body what gateways alone understand: `fallbacks` of LiteLLM and `models` of OpenRouter, where the
/// model itself may stand again.
fn fallbacks(fields: &mut Object, model: &str) -> Result<Option<Vec<String>>, ApiError> {
    let mut named: Option<Vec<String>> = None;
    for field in ["fallbacks", "models"] {
        let at = At::Body.field(field);
        let models = match fields.shift_remove(field) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(models)) => models,
            Some(_) => return Err(wrong(&at, "a list of names of models")),
        };
        let named = named.get_or_insert_default();
        for (index, name) in models.into_iter().enumerate() {
            match name {
                Value::String(name) if name == model || named.contains(&name) => {}
                Value::String(name) if !name.is_empty() => named.push(name),
                _ => return Err(wrong(&at.element(index), "the name of a model")),
            }
        }
    }
    Ok(named)
}

fn response_format(fields: &Object) -> Result<ResponseFormat, ApiError> {
    let at = At::Body.field("response_format");
    let Some(format) = inner(fields, &At::Body, "response_format")? else {
        return Ok(ResponseFormat::Text);
    };
    match text(format, &at, "type")? {
        Some("text") => Ok(ResponseFormat::Text),
        Some("json_object") => Ok(ResponseFormat::Json),
        Some("json_schema") => {
            let named = inner(format, &at, "json_schema")?.ok_or_else(|| missing(&at, "json_schema"))?;
            let at = at.field("json_schema");
            match inner(named, &at, "schema")? {
                Some(_) => {
                    Ok(ResponseFormat::JsonSchema(named.get("schema").map(Value::to_string).unwrap_or_default()))
                }
                None => Err(missing(&at, "schema")),
            }
        }
        Some(_) => Err(wrong(&at.field("type"), "`text`, `json_object` or `json_schema`")),
        None => Err(missing(&at, "type")),
    }
}

/// OpenRouter has the effort in an object, beside settings that nobody else knows.
fn reasoning_effort(fields: &Object) -> Result<Option<String>, ApiError> {
    let at = At::Body.field("reasoning");
    let effort = match text(fields, &At::Body, "reasoning_effort")? {
        Some(effort) => Some(effort),
        None => match inner(fields, &At::Body, "reasoning")? {
            Some(reasoning) => text(reasoning, &at, "effort")?,
            None => None,
        },
    };
    // Only this dialect knows more than `high`.
    let effort = effort.map(|effort| match effort {
        "xhigh" | "max" => "high",
        effort => effort,
    });
    Ok(effort.map(str::to_owned))
}

fn stop(fields: &Object) -> Result<Vec<String>, ApiError> {
    let at = At::Body.field("stop");
    match present(fields, "stop") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(texts)) => {
            let mut stop = Vec::with_capacity(texts.len());
            for (index, value) in texts.iter().enumerate() {
                stop.push(value.as_str().ok_or_else(|| wrong(&at.element(index), "a string"))?.to_owned());
            }
            Ok(stop)
        }
        Some(_) => Err(wrong(&at, "a string or a list of strings")),
    }
}

fn seed(fields: &Object) -> Result<Option<u64>, ApiError> {
    match present(fields, "seed") {
        None => Ok(None),
        Some(seed) if seed.is_i64() || seed.is_u64() => Ok(seed.as_u64()),
        Some(_) => Err(wrong(&At::Body.field("seed"), "a whole number")),
    }
}

fn includes_usage(fields: &Object) -> Result<bool, ApiError> {
    match inner(fields, &At::Body, "stream_options")? {
        Some(options) => Ok(flag(options, &At::Body.field("stream_options"), "include_usage")?.unwrap_or(false)),
        None => Ok(false),
    }
}

/// Puts down what a provider of another dialect cannot do, where its loss would change what is asked.
fn refuse_elsewhere(fields: &Object, native_only: &mut Vec<String>) -> Result<(), ApiError> {
    let at = At::Body;
    let mut put =
        |name: &str, what: &str| native_only.push(format!("`{name}`: only a provider of this dialect {what}"));
    match count(fields, &at, "n")? {
        None | Some(1) => {}
        Some(0) => return Err(wrong(&at.field("n"), "a whole number from 1 on")),
        Some(_) => put("n", "gives several answers"),
    }
    if flag(fields, &at, "logprobs")? == Some(true) {
        put("logprobs", "gives log probabilities");
    }
    if count(fields, &at, "top_logprobs")?.is_some_and(|logprobs| logprobs > 0) {
        put("top_logprobs", "gives log probabilities");
    }
    let modalities_at = at.field("modalities");
    for (index, value) in list(fields, &at, "modalities")?.into_iter().flatten().enumerate() {
        if value.as_str().ok_or_else(|| wrong(&modalities_at.element(index), "a string"))? == "audio" {
            put("modalities", "answers in audio");
        }
    }
    if inner(fields, &at, "audio")?.is_some() {
        put("audio", "answers in audio");
    }
    if inner(fields, &at, "prediction")?.is_some() {
        put("prediction", "is told what the answer may look like");
    }
    if inner(fields, &at, "web_search_options")?.is_some() {
        put("web_search_options", "searches the web itself");
    }
    Ok(())
}
