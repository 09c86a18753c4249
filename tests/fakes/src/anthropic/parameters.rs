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
        if let Some(name) = server_tool(tool, index)? {
            names.push(name);
            continue;
        }
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

/// The name of a tool that the service knows by its type: one it runs itself, or whose input it has laid down.
fn server_tool(tool: &Value, index: usize) -> Result<Option<String>, ApiError> {
    let known = [
        ("web_search_20250305", "web_search"),
        ("web_fetch_20250910", "web_fetch"),
        ("code_execution_20250825", "code_execution"),
        ("bash_20250124", "bash"),
        ("text_editor_20250728", "str_replace_based_edit_tool"),
        ("computer_20250124", "computer"),
        ("memory_20250818", "memory"),
        ("tool_search_tool_regex_20251119", "tool_search_tool_regex"),
    ];
    let kind = match tool.get("type").and_then(Value::as_str) {
        None | Some("custom") => return Ok(None),
        Some(kind) => kind,
    };
    let Some((_, name)) = known.into_iter().find(|(known, _)| *known == kind) else {
        let text =
            format!("tools.{index}: Input tag '{kind}' found using 'type' does not match any of the expected tags");
        return Err(ApiError::invalid(text));
    };
    match text_field(tool, "name", &format!("tools.{index}.{kind}"))? == name {
        true => Ok(Some(name.to_owned())),
        false => Err(ApiError::invalid(format!("tools.{index}.{kind}.name: Input should be '{name}'"))),
    }
}

/// The schema that the answer shall follow, where there is one.
pub(super) fn parse_schema(config: Option<&Value>) -> Result<Option<Value>, ApiError> {
    let Some(config) = config.filter(|config| !config.is_null()) else {
        return Ok(None);
    };
    keys(config, &["format", "effort"], "output_config")?;
    let efforts = ["low", "medium", "high", "max"];
    if config.get("effort").is_some_and(|effort| !effort.as_str().is_some_and(|effort| efforts.contains(&effort))) {
        return Err(ApiError::invalid("output_config.effort: Input should be 'low', 'medium', 'high' or 'max'"));
    }
    let Some(format) = config.get("format").filter(|format| !format.is_null()) else {
        return Ok(None);
    };
    let at = "output_config.format";
    keys(format, &["type", "schema"], at)?;
    if text_field(format, "type", at)? != "json_schema" {
        return Err(ApiError::invalid(format!("{at}.type: Input should be 'json_schema'")));
    }
    match format.get("schema") {
        Some(schema) if schema.get("additionalProperties") == Some(&Value::Bool(false)) => Ok(Some(schema.clone())),
        Some(_) => {
            let text =
                format!("{at}.schema: For 'object' type, 'additionalProperties' must be explicitly set to false");
            Err(ApiError::invalid(text))
        }
        None => Err(ApiError::invalid(format!("{at}.schema: Field required"))),
    }
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
        "disabled" | "adaptive" => return Ok(()),
        "enabled" => {}
        other => {
            return Err(ApiError::invalid(format!(
                "thinking: Input tag '{other}' found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'"
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
