//! What a request says in the provider's dialect: settings of the answer here, the conversation in `turns`.

mod turns;

use creel_sdk::provider::{CallError, ChatRequest, Fault, ResponseFormat, ToolChoice};
use creel_sdk::{JsonBody, log};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{Generation, Thinking};
use turns::Turn;

/// Tokens below which the provider takes no budget.
const BUDGET_MIN: u32 = 1_024;

/// The body of `POST /v1/messages`.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    system: String,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolSpec<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<ThinkingConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
}

#[derive(Serialize)]
struct ToolSpec<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Choice<'a> {
    None,
    Auto {
        disable_parallel_tool_use: bool,
    },
    Any {
        #[serde(skip_serializing_if = "is_false")]
        disable_parallel_tool_use: bool,
    },
    Tool {
        name: &'a str,
        #[serde(skip_serializing_if = "is_false")]
        disable_parallel_tool_use: bool,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ThinkingConfig {
    Enabled { budget_tokens: u32 },
    Adaptive,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format {
    JsonSchema { schema: Value },
}

/// How the model shall think, and how long an answer may be with that.
struct Effort<'a> {
    max_tokens: u32,
    thinking: Option<ThinkingConfig>,
    effort: Option<&'a str>,
}

/// Writes the body; media become placeholders of `body`. `max_tokens` counts where the request names no bound.
///
/// # Errors
///
/// `unsupported-input` for a medium that the provider does not take, `invalid-request` for a schema that is no JSON.
pub(crate) fn write<'a>(
    request: &'a ChatRequest,
    max_tokens: Option<u32>,
    body: &mut JsonBody,
) -> Result<Body<'a>, CallError> {
    let generation = Generation::of(&request.model);
    let (mut system, messages) = turns::write(&request.messages, body)?;
    let format = match &request.response_format {
        ResponseFormat::Text => None,
        ResponseFormat::Json => {
            add_line(&mut system, "Answer with one JSON value and nothing else.");
            None
        }
        ResponseFormat::JsonSchema(schema) => {
            let mut schema = parse_schema(schema, "the answer")?;
            if generation.takes_schema() {
                close_objects(&mut schema);
                Some(Format::JsonSchema { schema })
            } else {
                let wish = format!("Answer with one JSON value of this JSON schema and nothing else:\n{schema}");
                add_line(&mut system, &wish);
                None
            }
        }
    };
    let tools = request.tools.iter().map(|tool| {
        let Value::Object(mut input_schema) = parse_schema(&tool.parameters_json, &tool.name)? else {
            return Err(bad_schema(&tool.name, "it is not an object"));
        };
        input_schema.entry("type").or_insert_with(|| "object".into());
        Ok(ToolSpec { name: &tool.name, description: &tool.description, input_schema })
    });
    let tools = tools.collect::<Result<Vec<_>, _>>()?;
    let tool_choice = (!tools.is_empty()).then(|| choice(request)).flatten();
    let is_forced = matches!(tool_choice, Some(Choice::Any { .. } | Choice::Tool { .. }));
    let reason_not_to = if is_forced {
        Some("a tool is to be called")
    } else if generation.thinking() == Thinking::Budget && !turns::may_go_on_thinking(&messages) {
        Some("the answer that goes on was begun without")
    } else {
        None
    };
    let Effort { max_tokens, thinking, effort } = effort(request, max_tokens, generation, reason_not_to);
    let (temperature, top_p) = sampling(request, generation, thinking.as_ref());
    let output_config = (effort.is_some() || format.is_some()).then_some(OutputConfig { effort, format });
    Ok(Body {
        model: &request.model,
        max_tokens: Some(max_tokens),
        system,
        messages,
        tools,
        tool_choice,
        thinking,
        output_config,
        temperature,
        top_p,
        stop_sequences: &request.stop,
        stream: Some(request.streaming),
    })
}

impl Body<'_> {
    /// The same without what is about the answer, which the provider does not take where it only counts.
    pub(crate) fn without_answer(self) -> Self {
        let (max_tokens, temperature, top_p, stream) = (None, None, None, None);
        Self { max_tokens, temperature, top_p, stop_sequences: &[], stream, ..self }
    }
}

fn choice(request: &ChatRequest) -> Option<Choice<'_>> {
    let disable_parallel_tool_use = request.parallel_tool_calls == Some(false);
    match &request.tool_choice {
        ToolChoice::Auto if disable_parallel_tool_use => Some(Choice::Auto { disable_parallel_tool_use }),
        // What the provider does anyway.
        ToolChoice::Auto => None,
        ToolChoice::None => Some(Choice::None),
        ToolChoice::Required => Some(Choice::Any { disable_parallel_tool_use }),
        ToolChoice::Named(name) => Some(Choice::Tool { name, disable_parallel_tool_use }),
    }
}

/// The bound of an answer covers the thinking, so a default bound grows by the budget, and a budget stays within half of
/// a bound that the caller named.
fn effort<'a>(
    request: &'a ChatRequest,
    max_tokens: Option<u32>,
    generation: Generation,
    reason_not_to: Option<&str>,
) -> Effort<'a> {
    let default = max_tokens.unwrap_or(generation.default_max_tokens());
    let max_tokens = request.max_tokens.unwrap_or(default);
    let plain = Effort { max_tokens, thinking: None, effort: None };
    let Some(effort) = request.reasoning_effort.as_deref().filter(|effort| !matches!(*effort, "" | "none" | "off"))
    else {
        return plain;
    };
    if let Some(reason) = reason_not_to {
        // The provider refuses such a request; without its thinking it is answered.
        log::warn(&format!("the model cannot reason where {reason}; effort `{effort}` is left out"));
        return plain;
    }
    match generation.thinking() {
        Thinking::Never => {
            log::warn(&format!("model `{}` does not reason; effort `{effort}` is left out", request.model));
            plain
        }
        Thinking::Adaptive => {
            let effort = if effort == "minimal" { "low" } else { effort };
            Effort { max_tokens, thinking: Some(ThinkingConfig::Adaptive), effort: Some(effort) }
        }
        Thinking::Budget => {
            let wanted = budget(effort);
            let (budget_tokens, max_tokens) = match request.max_tokens {
                Some(bound) => (wanted.min(bound / 2), bound),
                None => (wanted, default.saturating_add(wanted)),
            };
            if budget_tokens < BUDGET_MIN {
                log::warn(&format!("{max_tokens} tokens leave no room to reason; effort `{effort}` is left out"));
                return plain;
            }
            Effort { max_tokens, thinking: Some(ThinkingConfig::Enabled { budget_tokens }), effort: None }
        }
    }
}

fn budget(effort: &str) -> u32 {
    match effort {
        "minimal" => BUDGET_MIN,
        "low" => 2_048,
        "medium" => 8_192,
        "high" => 16_384,
        other => other.parse().unwrap_or(32_000),
    }
}

/// What the model takes of `temperature` and `top_p`: newer ones take neither, and none while it thinks by budget.
fn sampling(
    request: &ChatRequest,
    generation: Generation,
    thinking: Option<&ThinkingConfig>,
) -> (Option<f32>, Option<f32>) {
    if generation.takes_sampling() && thinking.is_none() {
        if request.temperature.is_some() && request.top_p.is_some() && !generation.takes_both_samplings() {
            log::warn(&format!("model `{}` takes no `top_p` beside `temperature`; it is left out", request.model));
            return (request.temperature, None);
        }
        return (request.temperature, request.top_p);
    }
    if request.temperature.is_some() || request.top_p.is_some() {
        log::warn(&format!("model `{}` takes no sampling parameters here; they are left out", request.model));
    }
    (None, None)
}

fn parse_schema(json: &str, of: &str) -> Result<Value, CallError> {
    if json.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_str(json).map_err(|error| bad_schema(of, &error.to_string()))
}

/// The provider holds an answer to a schema only where its objects have no other keys than those named.
fn close_objects(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let is_object = object.get("type").is_some_and(|kind| kind == "object");
            if is_object && object.contains_key("properties") {
                object.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            object.values_mut().for_each(close_objects);
        }
        Value::Array(list) => list.iter_mut().for_each(close_objects),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn bad_schema(of: &str, reason: &str) -> CallError {
    CallError::new(Fault::InvalidRequest, format!("the JSON schema of `{of}` cannot be used: {reason}"))
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(line);
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}
