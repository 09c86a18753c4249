//! What the fake model says by default: what the pictures are, and what the user said.

use serde_json::{Value, json};

use super::content::Block;
use super::reply::Reply;
use super::request::Request;
use crate::pictures::Description;
use crate::schema;

/// Characters of the user's text that are echoed, so that an answer stays one short sentence.
const ECHO_CHARS_MAX: usize = 200;

/// Describes the pictures of the last message, repeats its text, and calls a tool where the caller insists on one.
#[must_use]
pub fn describe_and_echo(request: &Request) -> Reply {
    if let Some(tool) = demanded_tool(request) {
        return Reply::tool_use("toolu_01FakeFakeFakeFakeFake", &tool, json!({}));
    }
    let mut sentences = Vec::new();
    let pictures = request.last_user_pictures();
    if !pictures.is_empty() {
        sentences.push(describe(&pictures));
    }
    for block in request.last_user_turn() {
        if let Block::ToolResult { content, .. } = block {
            sentences.extend(content.iter().filter_map(|block| match block {
                Block::Text(text) => Some(format!("The tool said: {}", shorten(text))),
                _ => None,
            }));
        }
    }
    let text = request.last_user_text();
    if !text.is_empty() {
        sentences.push(format!("You said: {}", shorten(&text)));
    }
    if sentences.is_empty() {
        sentences.push("You said nothing.".to_owned());
    }
    let text = sentences.join(" ");
    match &request.schema {
        Some(schema) => Reply::text(&schema::instance(schema, &text).to_string()),
        None => Reply::text(&text),
    }
}

fn describe(pictures: &[Description]) -> String {
    let noun = if pictures.len() == 1 { "picture" } else { "pictures" };
    let list: Vec<String> = pictures.iter().map(Description::to_string).collect();
    format!("I see {} {noun}: {}.", pictures.len(), list.join("; "))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn demanded_tool(request: &Request) -> Option<String> {
    let choice = request.body.get("tool_choice")?;
    match choice.get("type").and_then(Value::as_str)? {
        "tool" => choice.get("name").and_then(Value::as_str).map(str::to_owned),
        "any" => request.tools.first().cloned(),
        _ => None,
    }
}
