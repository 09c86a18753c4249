//! What a request says in the chat dialect: settings of the answer here, the conversation in `turns`, schemas in
//! `schema`.

mod schema;
mod turns;

use creel_sdk::provider::{CallError, ChatRequest, ResponseFormat, ToolChoice};
use creel_sdk::{JsonBody, log};
use serde::Serialize;
use serde_json::{Value, json};

use crate::server::{Bound, Effort, Json, Seed, Server};
use turns::Turn;

/// The body of `POST /chat/completions`.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    model: &'a str,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolSpec<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    random_seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Value>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
}

#[derive(Serialize)]
struct ToolSpec<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters: Value,
}

/// Writes the body; media become placeholders of `body`.
///
/// # Errors
///
/// `unsupported-input` for a medium that the dialect has no part for, `invalid-request` for a schema that is no JSON.
pub(crate) fn write<'a>(request: &'a ChatRequest, server: &Server, body: &mut JsonBody) -> Result<Body<'a>, CallError> {
    let is_reasoning = server.is_reasoning(&request.model);
    let mut messages = turns::write(&request.messages, (server, is_reasoning), body)?;
    let (response_format, wish) = format(&request.response_format, server)?;
    if let Some(wish) = wish {
        turns::ask_first(&mut messages, &wish);
    }
    let tools = request.tools.iter().map(|tool| {
        let parameters = schema::parameters(&tool.parameters_json, &tool.name)?;
        let function = Function { name: &tool.name, description: &tool.description, parameters };
        Ok(ToolSpec { kind: "function", function })
    });
    let tools = tools.collect::<Result<Vec<_>, CallError>>()?;
    let parallel_tool_calls = request.parallel_tool_calls.filter(|_| server.takes_parallel && !tools.is_empty());
    let tool_choice = if tools.is_empty() { None } else { choice(&request.tool_choice) };
    let (max_tokens, max_completion_tokens) = match server.bound {
        Bound::MaxTokens => (request.max_tokens, None),
        Bound::MaxCompletionTokens => (None, request.max_tokens),
    };
    let (seed, random_seed) = match server.seed {
        Seed::Seed => (request.seed, None),
        Seed::RandomSeed => (None, request.seed),
    };
    let (temperature, top_p) = sampling(request, is_reasoning);
    let (reasoning_effort, reasoning) = effort(request, server, is_reasoning);
    let stream_options = (request.streaming && server.takes_stream_options).then(|| json!({ "include_usage": true }));
    Ok(Body {
        model: &request.model,
        messages,
        tools,
        tool_choice,
        parallel_tool_calls,
        response_format,
        max_tokens,
        max_completion_tokens,
        temperature,
        top_p,
        stop: &request.stop,
        seed,
        random_seed,
        reasoning_effort,
        reasoning,
        stream: request.streaming,
        stream_options,
    })
}

fn choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        // What the provider does anyway.
        ToolChoice::Auto => None,
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some("required".into()),
        ToolChoice::Named(name) => Some(json!({ "type": "function", "function": { "name": name } })),
    }
}

/// The form of the answer, and what the model is told beside it: `json_object` is refused where no message speaks of
/// JSON.
fn format(format: &ResponseFormat, server: &Server) -> Result<(Option<Value>, Option<String>), CallError> {
    let object = || Some(json!({ "type": "json_object" }));
    let plain_wish = || Some("Answer with one JSON object and nothing else.".to_owned());
    Ok(match (format, server.json) {
        (ResponseFormat::Text, _) => (None, None),
        (ResponseFormat::Json, Json::Both | Json::ObjectOnly) => (object(), plain_wish()),
        (ResponseFormat::Json, Json::SchemaOnly) => (Some(schema::format(json!({ "type": "object" }))), plain_wish()),
        (ResponseFormat::JsonSchema(text), Json::Both | Json::SchemaOnly) => {
            (Some(schema::format(schema::parse(text, "the answer")?)), None)
        }
        (ResponseFormat::JsonSchema(text), Json::ObjectOnly) => {
            let schema = schema::parse(text, "the answer")?;
            (object(), Some(format!("Answer with one JSON value of this JSON schema and nothing else:\n{schema}")))
        }
    })
}

/// Models that reason take no sampling.
fn sampling(request: &ChatRequest, is_reasoning: bool) -> (Option<f32>, Option<f32>) {
    if !is_reasoning {
        return (request.temperature, request.top_p);
    }
    if request.temperature.is_some() || request.top_p.is_some() {
        log::warn(&format!("model `{}` takes no sampling parameters; they are left out", request.model));
    }
    (None, None)
}

fn effort<'a>(request: &'a ChatRequest, server: &Server, is_reasoning: bool) -> (Option<&'a str>, Option<Value>) {
    let Some(effort) = request.reasoning_effort.as_deref().filter(|effort| !matches!(*effort, "" | "off")) else {
        return (None, None);
    };
    let effort = effort_of_budget(effort).unwrap_or(effort);
    if server.effort == Effort::Unknown || (server.tells_reasoning_models_apart && !is_reasoning) {
        log::warn(&format!("model `{}` is not told how much to reason; `{effort}` is left out", request.model));
        return (None, None);
    }
    match server.effort {
        Effort::Object => (None, Some(json!({ "effort": effort }))),
        Effort::Field | Effort::Unknown => (Some(effort), None),
    }
}

/// A budget of tokens, as callers of another dialect have it, in the words of this one.
fn effort_of_budget(effort: &str) -> Option<&'static str> {
    let tokens: u64 = effort.parse().ok()?;
    Some(match tokens {
        0 => "none",
        1..4_096 => "low",
        4_096..16_384 => "medium",
        16_384.. => "high",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_an_effort() {
        let check = |budget, expected| assert_eq!(effort_of_budget(budget), expected, "{budget}");
        check("0", Some("none"));
        check("4095", Some("low"));
        check("4096", Some("medium"));
        check("16384", Some("high"));
        check("high", None);
        check("-1", None);
    }
}
