//! Reads the settings of a request to OpenAI's responses. The conversation is read in `conversation`, the tools in
//! `tools`.

use serde_json::Value;

use super::conversation::Conversation;
use super::tools;
use crate::at::{At, Object, count, flag, inner, list, missing, needed_name, number, object, present, text, wrong};
use crate::{ApiError, ChatCall, Dialect, ResponseFormat};

/// Fields that name what a provider keeps, each with what it is. Nothing is kept here.
const KEPT: [(&str, &str); 3] =
    [("previous_response_id", "an earlier response"), ("conversation", "a conversation"), ("prompt", "a prompt")];

/// Reads the body of `POST /v1/responses`.
///
/// # Errors
///
/// [`crate::ErrorKind::InvalidRequest`] where the body is not what the dialect says, with the place.
pub(crate) fn read(mut body: Value) -> Result<ChatCall, ApiError> {
    let at = At::Body;
    let fields = object(&mut body, &at)?;
    let model = needed_name(fields, &at, "model")?.to_owned();
    let mut native_only = Vec::new();
    let chosen = tools::read(fields, &mut native_only)?;
    let response_format = response_format(fields)?;
    let reasoning_effort = reasoning_effort(fields)?;
    refuse_elsewhere(fields, &mut native_only)?;
    let max_tokens = count(fields, &at, "max_output_tokens")?;
    let temperature = number(fields, &at, "temperature")?;
    let top_p = number(fields, &at, "top_p")?;
    let parallel_tool_calls = flag(fields, &at, "parallel_tool_calls")?;
    let is_streaming = flag(fields, &at, "stream")?.unwrap_or(false);
    let conversation = Conversation::read(fields, native_only)?;
    Ok(ChatCall {
        dialect: Dialect::OpenaiResponses,
        model,
        messages: conversation.messages,
        media: conversation.media,
        tools: chosen.tools,
        tool_choice: chosen.choice,
        response_format,
        max_tokens,
        temperature,
        top_p,
        stop: Vec::new(),
        seed: None,
        reasoning_effort,
        parallel_tool_calls,
        is_streaming,
        includes_usage: true,
        fallbacks: None,
        native_only: conversation.native_only,
        body,
    })
}

fn response_format(fields: &Object) -> Result<ResponseFormat, ApiError> {
    let text_at = At::Body.field("text");
    let Some(settings) = inner(fields, &At::Body, "text")? else {
        return Ok(ResponseFormat::Text);
    };
    let at = text_at.field("format");
    let Some(format) = inner(settings, &text_at, "format")? else {
        return Ok(ResponseFormat::Text);
    };
    match text(format, &at, "type")? {
        Some("text") => Ok(ResponseFormat::Text),
        Some("json_object") => Ok(ResponseFormat::Json),
        Some("json_schema") => match inner(format, &at, "schema")? {
            Some(_) => Ok(ResponseFormat::JsonSchema(format.get("schema").map(Value::to_string).unwrap_or_default())),
            None => Err(missing(&at, "schema")),
        },
        Some(_) => Err(wrong(&at.field("type"), "`text`, `json_object` or `json_schema`")),
        None => Err(missing(&at, "type")),
    }
}

fn reasoning_effort(fields: &Object) -> Result<Option<String>, ApiError> {
    let at = At::Body.field("reasoning");
    let Some(reasoning) = inner(fields, &At::Body, "reasoning")? else {
        return Ok(None);
    };
    // Only this dialect knows more than `high`.
    let effort = text(reasoning, &at, "effort")?.map(|effort| match effort {
        "xhigh" | "max" => "high",
        effort => effort,
    });
    Ok(effort.map(str::to_owned))
}

/// Puts down what a provider of another dialect cannot do, where its loss would change what is asked.
fn refuse_elsewhere(fields: &Object, native_only: &mut Vec<String>) -> Result<(), ApiError> {
    for (name, what) in KEPT {
        if present(fields, name).is_some() {
            native_only.push(format!("`{name}`: {what} that a provider of this dialect keeps; nothing is kept here"));
        }
    }
    if flag(fields, &At::Body, "background")? == Some(true) {
        native_only.push("`background`: only a provider of this dialect keeps answers to be fetched".to_owned());
    }
    let at = At::Body.field("include");
    for (index, value) in list(fields, &At::Body, "include")?.into_iter().flatten().enumerate() {
        let at = at.element(index);
        if value.as_str().ok_or_else(|| wrong(&at, "a string"))? == "message.output_text.logprobs" {
            native_only.push(format!("`{at}`: only a provider of this dialect gives log probabilities"));
        }
    }
    if count(fields, &At::Body, "top_logprobs")?.is_some_and(|logprobs| logprobs > 0) {
        native_only.push("`top_logprobs`: only a provider of this dialect gives log probabilities".to_owned());
    }
    Ok(())
}
