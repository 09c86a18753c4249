//! Reads the tools of a request, and which of them shall be called. What the model does with them is no matter here.

use serde_json::Value;

use crate::at::{At, Object, flag, inner, list, missing, needed_name, needed_text, present, text, wrong};
use crate::{ApiError, Tool, ToolChoice};

/// The tools of a request.
pub(super) struct Chosen {
    /// Functions.
    pub(super) tools: Vec<Tool>,
    /// Which of them shall be called.
    pub(super) choice: ToolChoice,
    /// Whether several may be.
    pub(super) parallel: Option<bool>,
}

/// Reads them; those that are no functions go to `native_only`.
pub(super) fn read(fields: &Object, native_only: &mut Vec<String>) -> Result<Chosen, ApiError> {
    let parallel = flag(fields, &At::Body, "parallel_tool_calls")?;
    if present(fields, "tools").is_none() && present(fields, "functions").is_some() {
        return legacy(fields);
    }
    let at = At::Body.field("tools");
    let mut tools = Vec::new();
    for (index, value) in list(fields, &At::Body, "tools")?.into_iter().flatten().enumerate() {
        let at = at.element(index);
        let tool = value.as_object().ok_or_else(|| wrong(&at, "an object"))?;
        match needed_name(tool, &at, "type")? {
            "function" => {
                let named = inner(tool, &at, "function")?.ok_or_else(|| missing(&at, "function"))?;
                tools.push(function(named, &at.field("function"))?);
            }
            kind => native_only.push(unknown(&at, kind)),
        }
    }
    let choice = choice(fields, &mut tools, native_only)?;
    Ok(Chosen { tools, choice, parallel })
}

/// The older form. It has room for one call in an answer.
fn legacy(fields: &Object) -> Result<Chosen, ApiError> {
    let at = At::Body.field("functions");
    let mut tools = Vec::new();
    for (index, value) in list(fields, &At::Body, "functions")?.into_iter().flatten().enumerate() {
        let at = at.element(index);
        tools.push(function(value.as_object().ok_or_else(|| wrong(&at, "an object"))?, &at)?);
    }
    let at = At::Body.field("function_call");
    let what = "`none`, `auto` or an object";
    let choice = match present(fields, "function_call") {
        None => ToolChoice::Auto,
        Some(Value::String(word)) if word == "auto" => ToolChoice::Auto,
        Some(Value::String(word)) if word == "none" => ToolChoice::None,
        Some(Value::Object(choice)) => ToolChoice::Named(needed_name(choice, &at, "name")?.to_owned()),
        Some(_) => return Err(wrong(&at, what)),
    };
    Ok(Chosen { tools, choice, parallel: Some(false) })
}

fn function(function: &Object, at: &At<'_>) -> Result<Tool, ApiError> {
    let parameters = inner(function, at, "parameters")?.and_then(|_| function.get("parameters")).map(Value::to_string);
    Ok(Tool {
        name: needed_name(function, at, "name")?.to_owned(),
        description: text(function, at, "description")?.unwrap_or_default().to_owned(),
        // A function without parameters takes none.
        parameters_json: parameters.unwrap_or_else(|| r#"{"type":"object","properties":{}}"#.to_owned()),
    })
}

fn choice(fields: &Object, tools: &mut Vec<Tool>, native_only: &mut Vec<String>) -> Result<ToolChoice, ApiError> {
    const WHAT: &str = "`none`, `auto`, `required` or an object";
    let at = At::Body.field("tool_choice");
    let choice = match present(fields, "tool_choice") {
        None => return Ok(ToolChoice::Auto),
        Some(Value::String(word)) => return word_choice(word).ok_or_else(|| wrong(&at, WHAT)),
        Some(Value::Object(choice)) => choice,
        Some(_) => return Err(wrong(&at, WHAT)),
    };
    match needed_name(choice, &at, "type")? {
        "function" => {
            let named = inner(choice, &at, "function")?.ok_or_else(|| missing(&at, "function"))?;
            Ok(ToolChoice::Named(needed_name(named, &at.field("function"), "name")?.to_owned()))
        }
        "allowed_tools" => allowed(choice, &at, tools),
        kind => {
            native_only.push(unknown(&at, kind));
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
    let allowed = inner(choice, at, "allowed_tools")?.ok_or_else(|| missing(at, "allowed_tools"))?;
    let at = at.field("allowed_tools");
    let list_at = at.field("tools");
    let listed = list(allowed, &at, "tools")?.ok_or_else(|| missing(&at, "tools"))?;
    let mut names = Vec::with_capacity(listed.len());
    for (index, tool) in listed.iter().enumerate() {
        let at = list_at.element(index);
        let tool = tool.as_object().ok_or_else(|| wrong(&at, "an object"))?;
        if needed_text(tool, &at, "type")? == "function" {
            let named = inner(tool, &at, "function")?.ok_or_else(|| missing(&at, "function"))?;
            names.push(needed_name(named, &at.field("function"), "name")?);
        }
    }
    let mode = match needed_text(allowed, &at, "mode")? {
        "auto" => ToolChoice::Auto,
        "required" => ToolChoice::Required,
        _ => return Err(wrong(&at.field("mode"), "`auto` or `required`")),
    };
    tools.retain(|tool| names.contains(&tool.name.as_str()));
    Ok(mode)
}

fn unknown(at: &At<'_>, kind: &str) -> String {
    format!("`{at}`: only a provider of this dialect has tools of the type `{kind}`")
}
