//! Reads the conversation of a request: the system text and the turns, block by block. Bytes of media are moved out
//! of the body; everything else stays there for the native form.

use serde_json::Value;

use super::REDACTED_PREFIX;
use super::media;
use crate::at::{
    At, Object, flag, inner, missing, needed_name, needed_text, object, present, present_mut, text, wrong,
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
}

impl Conversation {
    /// Reads `system` and `messages`.
    pub(super) fn read(fields: &mut Object, native_only: Vec<String>) -> Result<Self, ApiError> {
        let mut read = Self { messages: Vec::new(), media: Vec::new(), native_only };
        if let Some(system) = present(fields, "system") {
            read.system(system)?;
        }
        let at = At::Body.field("messages");
        let messages = present_mut(fields, "messages").ok_or_else(|| missing(&At::Body, "messages"))?;
        let messages = messages.as_array_mut().filter(|messages| !messages.is_empty());
        let messages = messages.ok_or_else(|| wrong(&at, "a list of at least one message"))?;
        for (index, message) in messages.iter_mut().enumerate() {
            read.message(message, &at.element(index))?;
        }
        Ok(read)
    }

    fn system(&mut self, system: &Value) -> Result<(), ApiError> {
        let at = At::Body.field("system");
        let mut content = Vec::new();
        match system {
            Value::String(text) => content.push(Content::Text(text.clone())),
            Value::Array(blocks) => {
                for (index, block) in blocks.iter().enumerate() {
                    let at = at.element(index);
                    let block = block.as_object().ok_or_else(|| wrong(&at, "an object"))?;
                    if needed_text(block, &at, "type")? != "text" {
                        return Err(wrong(&at.field("type"), "`text`: a system prompt has no other blocks"));
                    }
                    content.push(Content::Text(needed_text(block, &at, "text")?.to_owned()));
                }
            }
            _ => return Err(wrong(&at, "a string or a list of text blocks")),
        }
        self.push(Role::System, content);
        Ok(())
    }

    fn message(&mut self, message: &mut Value, at: &At<'_>) -> Result<(), ApiError> {
        let message = object(message, at)?;
        let role = match needed_text(message, at, "role")? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            // The service has long taken the field `system` alone; Claude Code says this between turns to models whose
            // names it does not know. Whether the upstream takes it is the upstream's affair.
            "system" => Role::System,
            _ => return Err(wrong(&at.field("role"), "`user`, `assistant` or `system`")),
        };
        let content_at = at.field("content");
        match present_mut(message, "content") {
            None => Err(missing(at, "content")),
            Some(Value::String(text)) => {
                self.push(role, vec![Content::Text(text.clone())]);
                Ok(())
            }
            Some(Value::Array(blocks)) => self.blocks(blocks, &content_at, role),
            Some(_) => Err(wrong(&content_at, "a string or a list of blocks")),
        }
    }

    /// Results of tools become messages of their own: the other dialects have a role for them.
    fn blocks(&mut self, blocks: &mut [Value], at: &At<'_>, role: Role) -> Result<(), ApiError> {
        let (mut said, mut said_by) = (Vec::new(), role);
        for (index, block) in blocks.iter_mut().enumerate() {
            let at = at.element(index);
            let block = object(block, &at)?;
            let content = self.block(block, &at, role)?;
            for content in content {
                let by = if matches!(content, Content::ToolResult { .. }) { Role::Tool } else { role };
                if by != said_by {
                    self.push(said_by, std::mem::take(&mut said));
                    said_by = by;
                }
                said.push(content);
            }
        }
        self.push(said_by, said);
        Ok(())
    }

    fn push(&mut self, role: Role, content: Vec<Content>) {
        if !content.is_empty() {
            self.messages.push(Message { role, content });
        }
    }

    fn block(&mut self, block: &mut Object, at: &At<'_>, role: Role) -> Result<Vec<Content>, ApiError> {
        let content = match needed_text(block, at, "type")? {
            "text" => vec![Content::Text(needed_text(block, at, "text")?.to_owned())],
            "image" => vec![Content::Media(self.medium(block, at, None)?)],
            "document" => self.document(block, at)?,
            "thinking" => {
                said_by(at, role, Role::Assistant, "thinking")?;
                let signature = text(block, at, "signature")?.filter(|signature| !signature.is_empty());
                let text = needed_text(block, at, "thinking")?.to_owned();
                vec![Content::Reasoning { text, signature: signature.map(str::to_owned) }]
            }
            "redacted_thinking" => {
                said_by(at, role, Role::Assistant, "redacted_thinking")?;
                let signature = format!("{REDACTED_PREFIX}{}", needed_text(block, at, "data")?);
                vec![Content::Reasoning { text: String::new(), signature: Some(signature) }]
            }
            "tool_use" => {
                said_by(at, role, Role::Assistant, "tool_use")?;
                vec![tool_use(block, at)?]
            }
            "tool_result" => {
                said_by(at, role, Role::User, "tool_result")?;
                vec![self.tool_result(block, at)?]
            }
            kind => {
                self.native_only.push(unknown(at, kind));
                Vec::new()
            }
        };
        Ok(content)
    }

    /// A document of text is text; any other is a medium. What the client tells beside it comes before it.
    fn document(&mut self, block: &mut Object, at: &At<'_>) -> Result<Vec<Content>, ApiError> {
        let title = text(block, at, "title")?.filter(|title| !title.is_empty()).map(str::to_owned);
        let context = text(block, at, "context")?.filter(|context| !context.is_empty()).map(str::to_owned);
        let citations_at = at.field("citations");
        if let Some(citations) = inner(block, at, "citations")?
            && flag(citations, &citations_at, "enabled")? == Some(true)
        {
            self.native_only.push(format!("`{citations_at}`: only a provider of this dialect cites"));
        }
        let source_at = at.field("source");
        let source = inner(block, at, "source")?.ok_or_else(|| missing(at, "source"))?;
        let mut content = match needed_text(source, &source_at, "type")? {
            "text" => vec![Content::Text(needed_text(source, &source_at, "data")?.to_owned())],
            "content" => self.inner_content(block, &source_at)?,
            _ => {
                let medium = self.medium(block, at, title)?;
                return Ok(context.map(Content::Text).into_iter().chain([Content::Media(medium)]).collect());
            }
        };
        content.splice(0..0, title.into_iter().chain(context).map(Content::Text));
        Ok(content)
    }

    /// The source of a document may itself be blocks.
    fn inner_content(&mut self, document: &mut Object, at: &At<'_>) -> Result<Vec<Content>, ApiError> {
        let source = document.get_mut("source").and_then(Value::as_object_mut);
        let source = source.ok_or_else(|| wrong(at, "an object"))?;
        let content = present_mut(source, "content").ok_or_else(|| missing(at, "content"))?;
        let content = self.result_content(content, &at.field("content"))?;
        let content = content.into_iter().map(|content| match content {
            ResultContent::Text(text) => Content::Text(text),
            ResultContent::Media(medium) => Content::Media(medium),
        });
        Ok(content.collect())
    }

    fn medium(&mut self, block: &mut Object, at: &At<'_>, name: Option<String>) -> Result<usize, ApiError> {
        let source = present_mut(block, "source").ok_or_else(|| missing(at, "source"))?;
        self.media.push(media::read(source, &at.field("source"), name)?);
        Ok(self.media.len() - 1)
    }

    fn tool_result(&mut self, block: &mut Object, at: &At<'_>) -> Result<Content, ApiError> {
        let id = needed_name(block, at, "tool_use_id")?.to_owned();
        let is_error = flag(block, at, "is_error")?.unwrap_or(false);
        let content = match present_mut(block, "content") {
            Some(content) => self.result_content(content, &at.field("content"))?,
            None => Vec::new(),
        };
        Ok(Content::ToolResult { id, content, is_error })
    }

    fn result_content(&mut self, content: &mut Value, at: &At<'_>) -> Result<Vec<ResultContent>, ApiError> {
        let blocks = match content {
            Value::String(text) => return Ok(vec![ResultContent::Text(text.clone())]),
            Value::Array(blocks) => blocks,
            _ => return Err(wrong(at, "a string or a list of blocks")),
        };
        let mut read = Vec::with_capacity(blocks.len());
        for (index, block) in blocks.iter_mut().enumerate() {
            let at = at.element(index);
            let block = object(block, &at)?;
            match needed_text(block, &at, "type")? {
                "text" => read.push(ResultContent::Text(needed_text(block, &at, "text")?.to_owned())),
                "image" => read.push(ResultContent::Media(self.medium(block, &at, None)?)),
                // A tool has found another tool, which every dialect offers from the start.
                "tool_reference" => {
                    read.push(ResultContent::Text(needed_text(block, &at, "tool_name")?.to_owned()));
                }
                "document" => read.extend(self.document(block, &at)?.into_iter().filter_map(|content| match content {
                    Content::Text(text) => Some(ResultContent::Text(text)),
                    Content::Media(medium) => Some(ResultContent::Media(medium)),
                    Content::Reasoning { .. } | Content::ToolCall { .. } | Content::ToolResult { .. } => None,
                })),
                kind => self.native_only.push(unknown(&at, kind)),
            }
        }
        Ok(read)
    }
}

fn tool_use(block: &Object, at: &At<'_>) -> Result<Content, ApiError> {
    inner(block, at, "input")?.ok_or_else(|| missing(at, "input"))?;
    Ok(Content::ToolCall {
        id: needed_name(block, at, "id")?.to_owned(),
        name: needed_name(block, at, "name")?.to_owned(),
        arguments_json: block.get("input").map(Value::to_string).unwrap_or_default(),
    })
}

fn said_by(at: &At<'_>, role: Role, needed: Role, kind: &str) -> Result<(), ApiError> {
    if role == needed {
        return Ok(());
    }
    let whose = if needed == Role::Assistant { "assistant" } else { "user" };
    Err(wrong(
        &at.field("type"),
        &format!("another: a block of type `{kind}` stands in messages of the role `{whose}`"),
    ))
}

fn unknown(at: &At<'_>, kind: &str) -> String {
    format!("`{at}`: only a provider of this dialect knows blocks of the type `{kind}`")
}
