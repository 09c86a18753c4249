//! What a request says in the server's dialect: settings of the answer here, the conversation in `turns`.

mod turns;

use creel_sdk::provider::{CallError, ChatRequest, Fault, ResponseFormat, Tool, ToolChoice};
use creel_sdk::{JsonBody, log};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Settings;
use turns::Turn;

/// The body of `POST /api/chat`.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    model: &'a str,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolSpec<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Value>,
    #[serde(skip_serializing_if = "Options::is_empty")]
    options: Options<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    think: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<&'a str>,
    /// The server streams unless it is told not to.
    stream: bool,
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
    description: &'a str,
    parameters: Value,
}

#[derive(Default, PartialEq, Serialize)]
struct Options<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    num_ctx: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_predict: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
}

impl Options<'_> {
    fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

/// Writes the body; media become placeholders of `body`.
///
/// # Errors
///
/// `unsupported-input` for a medium that is no picture, `invalid-request` for a schema that is no JSON.
pub(crate) fn write<'a>(
    request: &'a ChatRequest,
    settings: &'a Settings,
    body: &mut JsonBody,
) -> Result<Body<'a>, CallError> {
    let options = Options {
        num_ctx: settings.num_ctx,
        num_predict: request.max_tokens,
        temperature: request.temperature,
        top_p: request.top_p,
        seed: request.seed,
        stop: &request.stop,
    };
    let format = match &request.response_format {
        ResponseFormat::Text => None,
        ResponseFormat::Json => Some("json".into()),
        ResponseFormat::JsonSchema(schema) => Some(parse_schema(schema, "the answer")?),
    };
    Ok(Body {
        model: &request.model,
        messages: turns::write(&request.messages, body)?,
        tools: tools(request)?,
        format,
        options,
        think: think(request),
        keep_alive: settings.keep_alive.as_deref(),
        stream: request.streaming,
    })
}

/// The server knows no choice of tools: a tool that shall not be called is not offered.
fn tools(request: &ChatRequest) -> Result<Vec<ToolSpec<'_>>, CallError> {
    let is_offered = |tool: &&Tool| match &request.tool_choice {
        ToolChoice::Auto | ToolChoice::Required => true,
        ToolChoice::None => false,
        ToolChoice::Named(name) => tool.name == *name,
    };
    match &request.tool_choice {
        ToolChoice::Required | ToolChoice::Named(_) => {
            log::warn("the server cannot be made to call a tool; the choice is left to the model");
        }
        ToolChoice::Auto | ToolChoice::None => {}
    }
    if request.parallel_tool_calls == Some(false) && !request.tools.is_empty() {
        log::warn("the server cannot be kept to one tool at a time; that is left to the model");
    }
    let tools = request.tools.iter().filter(is_offered).map(|tool| {
        let parameters = parse_schema(&tool.parameters_json, &tool.name)?;
        let function = Function { name: &tool.name, description: &tool.description, parameters };
        Ok(ToolSpec { kind: "function", function })
    });
    tools.collect()
}

/// Models of the `gpt-oss` family take one of three efforts, the others only whether to think at all.
fn think(request: &ChatRequest) -> Option<Value> {
    let effort = request.reasoning_effort.as_deref().filter(|effort| !effort.is_empty())?;
    let name = request.model.rsplit('/').next().unwrap_or(&request.model);
    // Callers of another dialect say a budget of tokens.
    let budget: Option<u64> = effort.parse().ok();
    Some(match (effort, budget, name.starts_with("gpt-oss")) {
        ("none" | "off", _, _) | (_, Some(0), _) => false.into(),
        (_, _, false) => true.into(),
        ("minimal" | "low", _, true) | (_, Some(1..4_096), true) => "low".into(),
        ("medium", _, true) | (_, Some(4_096..16_384), true) => "medium".into(),
        (_, _, true) => "high".into(),
    })
}

fn parse_schema(json: &str, of: &str) -> Result<Value, CallError> {
    if json.trim().is_empty() {
        return Ok(json!({ "type": "object" }));
    }
    serde_json::from_str(json).map_err(|error| {
        CallError::new(Fault::InvalidRequest, format!("the JSON schema of `{of}` cannot be used: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use creel_sdk::test_kit::chat;

    use super::*;

    #[test]
    fn an_effort_is_said_as_the_model_takes_it() {
        let check = |model: &str, effort: &str, expected: Option<Value>| {
            let request = ChatRequest { reasoning_effort: Some(effort.into()), ..chat(model, Vec::new()) };
            assert_eq!(think(&request), expected, "{model} {effort}");
        };
        for (effort, expected) in [
            ("minimal", "low"),
            ("low", "low"),
            ("medium", "medium"),
            ("high", "high"),
            ("xhigh", "high"),
            ("1024", "low"),
            ("8192", "medium"),
            ("32000", "high"),
        ] {
            check("gpt-oss:20b", effort, Some(expected.into()));
            check("me/gpt-oss:20b", effort, Some(expected.into()));
            check("qwen3", effort, Some(true.into()));
        }
        for effort in ["none", "off", "0"] {
            check("gpt-oss:20b", effort, Some(false.into()));
            check("qwen3", effort, Some(false.into()));
        }
        check("qwen3", "", None);
    }
}
