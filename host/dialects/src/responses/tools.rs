//! Reads the tools of a request, and which of them shall be called. What the model does with them is no matter here.

use serde_json::Value;

use crate::at::{At, Object, inner, list, missing, needed_name, needed_text, text, wrong};
use crate::{ApiError, Tool, ToolChoice};

/// The tools of a request.
pub(super) struct Chosen {
    /// Functions.
    pub(super) tools: Vec<Tool>,
    /// Which of them shall be called.
    pub(super) choice: ToolChoice,
}

/// Reads them. Tools that are no functions are left out beside functions, and go to `native_only` where they are all
/// that the client offers: an agent that has its own functions is of use without them, and a model calls no tool that
/// it was not told of.
pub(super) fn read(fields: &Object, native_only: &mut Vec<String>) -> Result<Chosen, ApiError> {
    let at = At::Body.field("tools");
    let (mut tools, mut others) = (Vec::new(), Vec::new());
    for (index, value) in list(fields, &At::Body, "tools")?.into_iter().flatten().enumerate() {
        let at = at.element(index);
        let tool = value.as_object().ok_or_else(|| wrong(&at, "an object"))?;
        match needed_name(tool, &at, "type")? {
            "function" => tools.push(function(tool, &at)?),
            kind => others.push(format!("`{at}`: only a provider of this dialect has tools of the type `{kind}`")),
        }
    }
    if tools.is_empty() {
        native_only.append(&mut others);
    }
    let choice = choice(fields, &mut tools, native_only)?;
    Ok(Chosen { tools, choice })
}

fn function(tool: &Object, at: &At<'_>) -> Result<Tool, ApiError> {
    let parameters = inner(tool, at, "parameters")?.and_then(|_| tool.get("parameters")).map(Value::to_string);
    Ok(Tool {
        name: needed_name(tool, at, "name")?.to_owned(),
        description: text(tool, at, "description")?.unwrap_or_default().to_owned(),
        // A function without parameters takes none.
        parameters_json: parameters.unwrap_or_else(|| r#"{"type":"object","properties":{}}"#.to_owned()),
    })
}

fn choice(fields: &Object, tools: &mut Vec<Tool>, native_only: &mut Vec<String>) -> Result<ToolChoice, ApiError> {
    const WORDS: &str = "`none`, `auto`, `required` or an object";
    let at = At::Body.field("tool_choice");
    let choice = match fields.get("tool_choice") {
        None | Some(Value::Null) => return Ok(ToolChoice::Auto),
        Some(Value::String(word)) => return word_choice(word).ok_or_else(|| wrong(&at, WORDS)),
        Some(Value::Object(choice)) => choice,
        Some(_) => return Err(wrong(&at, WORDS)),
    };
    match needed_name(choice, &at, "type")? {
        "function" => Ok(ToolChoice::Named(needed_name(choice, &at, "name")?.to_owned())),
        "allowed_tools" => allowed(choice, &at, tools),
        kind => {
            native_only.push(format!("`{at}`: only a provider of this dialect has tools of the type `{kind}`"));
            Ok(ToolChoice::Auto)
        }
    }
}

fn word_choice(word: &str) -> Option<ToolChoice> {
    match word {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        "required" => Some(ToolChoice::Required),
        _ => None,
    }
}

/// A model that is not told of a tool does not call it, so the others are taken away.
fn allowed(choice: &Object, at: &At<'_>, tools: &mut Vec<Tool>) -> Result<ToolChoice, ApiError> {
    let list_at = at.field("tools");
    let allowed = list(choice, at, "tools")?.ok_or_else(|| missing(at, "tools"))?;
    let mut names = Vec::with_capacity(allowed.len());
    for (index, tool) in allowed.iter().enumerate() {
        let at = list_at.element(index);
        let tool = tool.as_object().ok_or_else(|| wrong(&at, "an object"))?;
        if needed_text(tool, &at, "type")? == "function" {
            names.push(needed_name(tool, &at, "name")?);
        }
    }
    let mode = match needed_text(choice, at, "mode")? {
        "auto" => ToolChoice::Auto,
        "required" => ToolChoice::Required,
        _ => return Err(wrong(&at.field("mode"), "`auto` or `required`")),
    };
    tools.retain(|tool| names.contains(&tool.name.as_str()));
    Ok(mode)
}
