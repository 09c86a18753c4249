//! Reads the conversation of a request: `instructions`, and `input` item by item. Bytes of media are moved out of the
//! body; everything else stays there for the native form.

use serde_json::Value;

use super::media;
use crate::at::{At, Object, list, missing, needed_name, needed_text, object, present, present_mut, text, wrong};
use crate::{ApiError, Content, Message, NamedMedia, ResultContent, Role};

/// What a request tells the model.
pub(super) struct Conversation {
    /// System messages first.
    pub(super) messages: Vec<Message>,
    /// What the messages name.
    pub(super) media: Vec<NamedMedia>,
    /// What a provider of another dialect cannot be told.
    pub(super) native_only: Vec<String>,
}

impl Conversation {
    /// Reads both.
    pub(super) fn read(fields: &mut Object, native_only: Vec<String>) -> Result<Self, ApiError> {
        let mut read = Self { messages: Vec::new(), media: Vec::new(), native_only };
        let at = At::Body.field("input");
        match present_mut(fields, "input") {
            Some(Value::String(text)) => read.push(Role::User, vec![Content::Text(text.clone())]),
            Some(Value::Array(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    read.item(item, &at.element(index))?;
                }
            }
            Some(_) => return Err(wrong(&at, "a string or a list of items")),
            // A provider that keeps the conversation, or a prompt, may be asked without.
            None if read.native_only.is_empty() => return Err(missing(&At::Body, "input")),
            None => {}
        }
        if let Some(instructions) = text(fields, &At::Body, "instructions")? {
            let content = vec![Content::Text(instructions.to_owned())];
            read.messages.insert(0, Message { role: Role::System, content });
        }
        // Those of a developer may stand anywhere, and no other dialect has them anywhere but first.
        read.messages.sort_by_key(|message| message.role != Role::System);
        Ok(read)
    }

    fn item(&mut self, item: &mut Value, at: &At<'_>) -> Result<(), ApiError> {
        let item = object(item, at)?;
        match text(item, at, "type")? {
            // Messages may go without a type.
            None | Some("message") => self.message(item, at)?,
            Some("function_call") => self.go_on(Role::Assistant, call(item, at)?),
            Some("function_call_output") => {
                let result = self.result(item, at)?;
                self.go_on(Role::Tool, result);
            }
            Some("reasoning") => {
                if let Some(thought) = thought(item, at)? {
                    self.go_on(Role::Assistant, thought);
                }
            }
            Some("item_reference") => {
                let reason = "an item that a provider of this dialect keeps; nothing is kept here";
                self.native_only.push(format!("`{at}`: {reason}"));
            }
            Some(kind) => {
                self.native_only
                    .push(format!("`{at}`: only a provider of this dialect knows items of the type `{kind}`"));
            }
        }
        Ok(())
    }

    fn message(&mut self, item: &mut Object, at: &At<'_>) -> Result<(), ApiError> {
        let role = match needed_text(item, at, "role")? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" | "developer" => Role::System,
            _ => return Err(wrong(&at.field("role"), "`user`, `assistant`, `system` or `developer`")),
        };
        let content_at = at.field("content");
        let content = match present_mut(item, "content") {
            None => return Err(missing(at, "content")),
            Some(Value::String(text)) => vec![Content::Text(text.clone())],
            Some(Value::Array(parts)) => self.parts(parts, &content_at)?,
            Some(_) => return Err(wrong(&content_at, "a string or a list of parts")),
        };
        if role == Role::Assistant {
            content.into_iter().for_each(|content| self.go_on(role, content));
        } else {
            self.push(role, content);
        }
        Ok(())
    }

    fn parts(&mut self, parts: &mut [Value], at: &At<'_>) -> Result<Vec<Content>, ApiError> {
        let mut read = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter_mut().enumerate() {
            read.extend(self.part(part, &at.element(index))?.map(|part| match part {
                ResultContent::Text(text) => Content::Text(text),
                ResultContent::Media(medium) => Content::Media(medium),
            }));
        }
        Ok(read)
    }

    /// A part of a message or of what came of a function.
    fn part(&mut self, part: &mut Value, at: &At<'_>) -> Result<Option<ResultContent>, ApiError> {
        let part = object(part, at)?;
        let medium = match needed_text(part, at, "type")? {
            "input_text" | "output_text" => {
                return Ok(Some(ResultContent::Text(needed_text(part, at, "text")?.to_owned())));
            }
            "refusal" => return Ok(Some(ResultContent::Text(needed_text(part, at, "refusal")?.to_owned()))),
            "input_image" => media::image(part, at)?,
            "input_file" => media::file(part, at)?,
            kind => {
                self.native_only
                    .push(format!("`{at}`: only a provider of this dialect knows parts of the type `{kind}`"));
                return Ok(None);
            }
        };
        self.media.push(medium);
        Ok(Some(ResultContent::Media(self.media.len() - 1)))
    }

    fn result(&mut self, item: &mut Object, at: &At<'_>) -> Result<Content, ApiError> {
        let id = needed_name(item, at, "call_id")?.to_owned();
        let output_at = at.field("output");
        let content = match present_mut(item, "output") {
            None => return Err(missing(at, "output")),
            Some(Value::String(text)) => vec![ResultContent::Text(text.clone())],
            Some(Value::Array(parts)) => {
                let mut content = Vec::with_capacity(parts.len());
                for (index, part) in parts.iter_mut().enumerate() {
                    content.extend(self.part(part, &output_at.element(index))?);
                }
                content
            }
            Some(_) => return Err(wrong(&output_at, "a string or a list of parts")),
        };
        // The dialect has no word for a tool that failed: the output says it.
        Ok(Content::ToolResult { id, content, is_error: false })
    }

    fn push(&mut self, role: Role, content: Vec<Content>) {
        if !content.is_empty() {
            self.messages.push(Message { role, content });
        }
    }

    /// What the model thought, said and called in one answer is one message elsewhere, and so is what came of its
    /// calls.
    fn go_on(&mut self, role: Role, content: Content) {
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.content.push(content),
            Some(_) | None => self.messages.push(Message { role, content: vec![content] }),
        }
    }
}

fn call(item: &Object, at: &At<'_>) -> Result<Content, ApiError> {
    Ok(Content::ToolCall {
        id: needed_name(item, at, "call_id")?.to_owned(),
        name: needed_name(item, at, "name")?.to_owned(),
        arguments_json: needed_text(item, at, "arguments")?.to_owned(),
    })
}

/// A thought of which neither words nor a signature are left is none.
fn thought(item: &Object, at: &At<'_>) -> Result<Option<Content>, ApiError> {
    // What the model thought itself, where the provider told, comes before what was made of it.
    let field = if present(item, "content").is_some() { "content" } else { "summary" };
    let field_at = at.field(field);
    let mut words = String::new();
    for (index, part) in list(item, at, field)?.into_iter().flatten().enumerate() {
        let at = field_at.element(index);
        let part = part.as_object().ok_or_else(|| wrong(&at, "an object"))?;
        if !words.is_empty() {
            words.push_str("\n\n");
        }
        words.push_str(needed_text(part, &at, "text")?);
    }
    let signature = text(item, at, "encrypted_content")?.filter(|signature| !signature.is_empty());
    if words.is_empty() && signature.is_none() {
        return Ok(None);
    }
    Ok(Some(Content::Reasoning { text: words, signature: signature.map(str::to_owned) }))
}
