//! Reads the tools of a request, and which of them shall be called. What the model does with them is no matter here.

use serde_json::Value;

use crate::at::{At, Object, flag, inner, list, missing, needed_name, text, wrong};
use crate::{ApiError, Tool, ToolChoice};

/// The tools of a request.
pub(super) struct Chosen {
    /// Those that the client carries out.
    pub(super) tools: Vec<Tool>,
    /// Which of them shall be called.
    pub(super) choice: ToolChoice,
    /// Whether several may be.
    pub(super) parallel: Option<bool>,
}

/// Reads them; those that the provider carries out go to `native_only`.
pub(super) fn read(fields: &Object, native_only: &mut Vec<String>) -> Result<Chosen, ApiError> {
    let at = At::Body.field("tools");
    let mut tools = Vec::new();
    for (index, value) in list(fields, &At::Body, "tools")?.into_iter().flatten().enumerate() {
        let at = at.element(index);
        let tool = value.as_object().ok_or_else(|| wrong(&at, "an object"))?;
        match text(tool, &at, "type")? {
            None | Some("custom") => tools.push(custom(tool, &at)?),
            // It loads the tools that were named without their schemas; elsewhere all of them are offered at once.
            Some(kind) if kind.starts_with("tool_search_tool_") => {}
            Some(kind) => native_only.push(format!("`{at}`: only a provider of this dialect has the tool `{kind}`")),
        }
    }
    let (choice, parallel) = choice(fields)?;
    Ok(Chosen { tools, choice, parallel })
}

fn custom(tool: &Object, at: &At<'_>) -> Result<Tool, ApiError> {
    inner(tool, at, "input_schema")?.ok_or_else(|| missing(at, "input_schema"))?;
    Ok(Tool {
        name: needed_name(tool, at, "name")?.to_owned(),
        description: text(tool, at, "description")?.unwrap_or_default().to_owned(),
        parameters_json: tool.get("input_schema").map(Value::to_string).unwrap_or_default(),
    })
}

fn choice(fields: &Object) -> Result<(ToolChoice, Option<bool>), ApiError> {
    let at = At::Body.field("tool_choice");
    let Some(choice) = inner(fields, &At::Body, "tool_choice")? else {
        return Ok((ToolChoice::Auto, None));
    };
    let parallel = flag(choice, &at, "disable_parallel_tool_use")?.map(|is_disabled| !is_disabled);
    let choice = match text(choice, &at, "type")? {
        Some("auto") => ToolChoice::Auto,
        Some("any") => ToolChoice::Required,
        Some("none") => ToolChoice::None,
        Some("tool") => ToolChoice::Named(needed_name(choice, &at, "name")?.to_owned()),
        Some(_) => return Err(wrong(&at.field("type"), "`auto`, `any`, `tool` or `none`")),
        None => return Err(missing(&at, "type")),
    };
    Ok((choice, parallel))
}
