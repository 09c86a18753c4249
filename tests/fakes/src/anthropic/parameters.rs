//! The parameters of a request beside its messages: tools, sampling, thinking.

use serde_json::Value;

use super::Model;
use super::error::ApiError;
use super::field::{is_name, keys, text_field};

/// Checks the tools and which of them must be used, and returns their names.
pub(super) fn parse_tools(body: &Value) -> Result<Vec<String>, ApiError> {
    let tools = match body.get("tools") {
        None => &[][..],
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(ApiError::invalid("tools: Input should be a valid list")),
    };
    let mut names = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let at = format!("tools.{index}.custom");
        keys(tool, &["type", "name", "description", "input_schema", "cache_control", "strict"], &at)?;
        let name = text_field(tool, "name", &at)?;
        if !is_name(name, 128) {
            let text = format!("{at}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'");
            return Err(ApiError::invalid(text));
        }
        if names.iter().any(|known| known == name) {
            return Err(ApiError::invalid("tools: Tool names must be unique."));
        }
        let schema = tool.get("input_schema").and_then(|schema| schema.get("type")).and_then(Value::as_str);
        if schema != Some("object") {
            return Err(ApiError::invalid(format!("{at}.input_schema.type: Input should be 'object'")));
        }
        names.push(name.to_owned());
    }
    check_tool_choice(body.get("tool_choice"), &names)?;
    Ok(names)
}

fn check_tool_choice(choice: Option<&Value>, tools: &[String]) -> Result<(), ApiError> {
    let Some(choice) = choice else { return Ok(()) };
    if tools.is_empty() {
        return Err(ApiError::invalid("tool_choice may only be specified while providing tools"));
    }
    match text_field(choice, "type", "tool_choice")? {
        "auto" | "any" | "none" => Ok(()),
        "tool" => {
            let name = text_field(choice, "name", "tool_choice.tool")?;
            if tools.iter().any(|known| known == name) {
                return Ok(());
            }
            Err(ApiError::invalid(format!("Tool '{name}' not found in provided tools")))
        }
        other => {
            let text = format!(
                "tool_choice: Input tag '{other}' found using 'type' does not match any of the expected tags: 'any', 'auto', 'none', 'tool'"
            );
            Err(ApiError::invalid(text))
        }
    }
}

/// Checks `temperature`, `top_p` and `stop_sequences`.
pub(super) fn check_sampling(body: &Value, model: &Model) -> Result<(), ApiError> {
    for key in ["temperature", "top_p"] {
        match body.get(key).map(Value::as_f64) {
            None => {}
            Some(Some(value)) if (0.0..=1.0).contains(&value) => {}
            Some(Some(_)) => return Err(ApiError::invalid(format!("{key}: range: 0..1"))),
            Some(None) => {
                return Err(ApiError::invalid(format!("{key}: Input should be a valid number")));
            }
        }
    }
    let is_both = body.get("temperature").is_some() && body.get("top_p").is_some();
    if is_both && model.one_sampling_parameter {
        let text = "`temperature` and `top_p` cannot both be specified for this model. Please use only one.";
        return Err(ApiError::invalid(text));
    }
    match body.get("stop_sequences") {
        None => Ok(()),
        Some(Value::Array(stops)) => {
            match stops.iter().find(|stop| stop.as_str().is_none_or(|s| s.trim().is_empty())) {
                None => Ok(()),
                Some(_) => Err(ApiError::invalid("stop_sequences: each stop sequence must contain non-whitespace")),
            }
        }
        Some(_) => Err(ApiError::invalid("stop_sequences: Input should be a valid list")),
    }
}

/// Checks what thinking allows and demands.
pub(super) fn check_thinking(body: &Value, max_tokens: u64) -> Result<(), ApiError> {
    let Some(thinking) = body.get("thinking") else {
        return Ok(());
    };
    match text_field(thinking, "type", "thinking")? {
        "disabled" => return Ok(()),
        "enabled" => {}
        other => {
            return Err(ApiError::invalid(format!(
                "thinking: Input tag '{other}' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'"
            )));
        }
    }
    let budget = thinking.get("budget_tokens").and_then(Value::as_u64);
    let Some(budget) = budget else {
        return Err(ApiError::invalid("thinking.enabled.budget_tokens: Field required"));
    };
    if budget < 1024 {
        let text = "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
        return Err(ApiError::invalid(text));
    }
    if budget >= max_tokens {
        return Err(ApiError::invalid("`max_tokens` must be greater than `thinking.budget_tokens`."));
    }
    match body.get("temperature").and_then(Value::as_f64) {
        Some(temperature) if temperature < 1.0 => {
            Err(ApiError::invalid("`temperature` may only be set to 1 when thinking is enabled."))
        }
        Some(_) | None => Ok(()),
    }
}
