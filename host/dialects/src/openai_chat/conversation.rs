//! Reads the messages of a request. Bytes of media are moved out of the body; everything else stays there for the
//! native form.

use serde_json::Value;

use super::media;
use crate::at::{
    At, Object, inner, list, missing, needed_name, needed_text, object, present, present_mut, text, wrong,
};
use crate::{ApiError, Content, Message, NamedMedia, ResultContent, Role};

/// What a request tells the model.
pub(super) struct Conversation {
    /// System messages first.
    pub(super) messages: Vec<Message>,
    /// What the messages name.
    pub(super) media: Vec<NamedMedia>,
    /// What a provider of another dialect cannot be told.
    pub(super) native_only: Vec<String>,
    /// Calls of the older form that have no result yet.
    open_calls: Vec<OpenCall>,
}

struct OpenCall {
    id: String,
    name: String,
}

impl Conversation {
    /// Reads `messages`.
    pub(super) fn read(fields: &mut Object, native_only: Vec<String>) -> Result<Self, ApiError> {
        let mut read = Self { messages: Vec::new(), media: Vec::new(), native_only, open_calls: Vec::new() };
        let at = At::Body.field("messages");
        let messages = present_mut(fields, "messages").ok_or_else(|| missing(&At::Body, "messages"))?;
        let messages = messages.as_array_mut().filter(|messages| !messages.is_empty());
        let messages = messages.ok_or_else(|| wrong(&at, "a list of at least one message"))?;
        for (index, message) in messages.iter_mut().enumerate() {
            read.message(message, &at.element(index), index)?;
        }
        // Those of a developer may stand anywhere, and no other dialect has them anywhere but first.
        read.messages.sort_by_key(|message| message.role != Role::System);
        Ok(read)
    }

    fn message(&mut self, message: &mut Value, at: &At<'_>, index: usize) -> Result<(), ApiError> {
        let message = object(message, at)?;
        match needed_text(message, at, "role")? {
            "system" | "developer" => {
                let content = self.content(message, at)?.ok_or_else(|| missing(at, "content"))?;
                self.push(Role::System, content);
            }
            "user" => {
                let content = self.content(message, at)?.ok_or_else(|| missing(at, "content"))?;
                self.push(Role::User, content);
            }
            "assistant" => self.assistant(message, at, index)?,
            "tool" => {
                let id = needed_name(message, at, "tool_call_id")?.to_owned();
                self.result(message, at, id)?;
            }
            "function" => {
                let name = needed_name(message, at, "name")?;
                let call = self.open_calls.iter().rposition(|call| call.name == name);
                let call = call.ok_or_else(|| wrong(&at.field("name"), "a function that was called before"))?;
                let id = self.open_calls.remove(call).id;
                self.result(message, at, id)?;
            }
            _ => {
                let what = "`system`, `developer`, `user`, `assistant`, `tool` or `function`";
                return Err(wrong(&at.field("role"), what));
            }
        }
        Ok(())
    }

    /// What the model thought comes before what it said, and that before what it called.
    fn assistant(&mut self, message: &mut Object, at: &At<'_>, index: usize) -> Result<(), ApiError> {
        let mut content = Vec::new();
        let thought = match text(message, at, "reasoning_content")? {
            Some(thought) => Some(thought),
            None => text(message, at, "reasoning")?,
        };
        if let Some(thought) = thought.filter(|thought| !thought.is_empty()) {
            content.push(Content::Reasoning { text: thought.to_owned(), signature: None });
        }
        let said = self.content(message, at)?.unwrap_or_default();
        // Clients repeat an answer that only called tools with empty words.
        content.extend(said.into_iter().filter(|said| !matches!(said, Content::Text(text) if text.is_empty())));
        if let Some(refusal) = text(message, at, "refusal")?.filter(|refusal| !refusal.is_empty()) {
            content.push(Content::Text(refusal.to_owned()));
        }
        if present(message, "audio").is_some() {
            self.native_only.push(format!("`{at}.audio`: audio that a provider of this dialect keeps"));
        }
        let calls_at = at.field("tool_calls");
        for (index, call) in list(message, at, "tool_calls")?.into_iter().flatten().enumerate() {
            content.extend(self.call(call, &calls_at.element(index))?);
        }
        if let Some(function) = inner(message, at, "function_call")? {
            let id = format!("call_{index}");
            let call = called(function, &at.field("function_call"), id.clone())?;
            if let Content::ToolCall { name, .. } = &call {
                self.open_calls.push(OpenCall { id, name: name.clone() });
            }
            content.push(call);
        }
        self.push(Role::Assistant, content);
        Ok(())
    }

    fn call(&mut self, call: &Value, at: &At<'_>) -> Result<Option<Content>, ApiError> {
        let call = call.as_object().ok_or_else(|| wrong(at, "an object"))?;
        match text(call, at, "type")? {
            None | Some("function") => {
                let id = needed_name(call, at, "id")?.to_owned();
                let function = inner(call, at, "function")?.ok_or_else(|| missing(at, "function"))?;
                called(function, &at.field("function"), id).map(Some)
            }
            Some(kind) => {
                let reason = format!("only a provider of this dialect has tools of the type `{kind}`");
                self.native_only.push(format!("`{at}`: {reason}"));
                Ok(None)
            }
        }
    }

    /// What came of the calls of one answer is one message elsewhere.
    fn result(&mut self, message: &mut Object, at: &At<'_>, id: String) -> Result<(), ApiError> {
        let content = self.parts(message, at)?.ok_or_else(|| missing(at, "content"))?;
        // The dialect has no word for a tool that failed: the content says it.
        let result = Content::ToolResult { id, content, is_error: false };
        match self.messages.last_mut() {
            Some(last) if last.role == Role::Tool => last.content.push(result),
            Some(_) | None => self.push(Role::Tool, vec![result]),
        }
        Ok(())
    }

    fn push(&mut self, role: Role, content: Vec<Content>) {
        if !content.is_empty() {
            self.messages.push(Message { role, content });
        }
    }

    fn content(&mut self, message: &mut Object, at: &At<'_>) -> Result<Option<Vec<Content>>, ApiError> {
        let parts = self.parts(message, at)?.map(|parts| {
            let parts = parts.into_iter().map(|part| match part {
                ResultContent::Text(text) => Content::Text(text),
                ResultContent::Media(medium) => Content::Media(medium),
            });
            parts.collect()
        });
        Ok(parts)
    }

    /// `content` of a message, if there is any.
    fn parts(&mut self, message: &mut Object, at: &At<'_>) -> Result<Option<Vec<ResultContent>>, ApiError> {
        let at = at.field("content");
        match present_mut(message, "content") {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(vec![ResultContent::Text(text.clone())])),
            Some(Value::Array(parts)) => {
                let mut read = Vec::with_capacity(parts.len());
                for (index, part) in parts.iter_mut().enumerate() {
                    read.extend(self.part(part, &at.element(index))?);
                }
                Ok(Some(read))
            }
            Some(_) => Err(wrong(&at, "a string or a list of parts")),
        }
    }

    fn part(&mut self, part: &mut Value, at: &At<'_>) -> Result<Option<ResultContent>, ApiError> {
        let part = object(part, at)?;
        let medium = match needed_text(part, at, "type")? {
            "text" => return Ok(Some(ResultContent::Text(needed_text(part, at, "text")?.to_owned()))),
            "refusal" => return Ok(Some(ResultContent::Text(needed_text(part, at, "refusal")?.to_owned()))),
            "image_url" => media::url(part, at, "image_url")?,
            "video_url" => media::url(part, at, "video_url")?,
            "audio_url" => media::url(part, at, "audio_url")?,
            "input_audio" => media::audio(part, at)?,
            "file" => media::file(part, at)?,
            kind => {
                let reason = format!("only a provider of this dialect knows parts of the type `{kind}`");
                self.native_only.push(format!("`{at}`: {reason}"));
                return Ok(None);
            }
        };
        self.media.push(medium);
        Ok(Some(ResultContent::Media(self.media.len() - 1)))
    }
}

fn called(function: &Object, at: &At<'_>, id: String) -> Result<Content, ApiError> {
    let arguments = needed_text(function, at, "arguments")?;
    Ok(Content::ToolCall {
        id,
        name: needed_name(function, at, "name")?.to_owned(),
        // Some models write nothing at all for a function that takes nothing.
        arguments_json: if arguments.trim().is_empty() { "{}" } else { arguments }.to_owned(),
    })
}
