//! The doors of requests: bytes become a call, and a call becomes the bytes for a provider of the same dialect. What a
//! dialect says, and how, is known to its own module.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{ApiError, ChatCall, Dialect, ErrorKind, MediaSource, NamedMedia, Placed};
use crate::{anthropic, openai_chat, responses, sse};

/// Reads a chat request in a dialect.
///
/// # Errors
///
/// [`ErrorKind::InvalidRequest`] where the body is not JSON, with line and column, or not what the dialect says, with
/// the field.
pub fn read_chat(dialect: Dialect, body: &[u8]) -> Result<ChatCall, ApiError> {
    let body = json(body)?;
    match dialect {
        Dialect::OpenaiCompletions => openai_chat::read(body),
        Dialect::OpenaiResponses => responses::read(body),
        Dialect::AnthropicMessages => anthropic::read(body),
    }
}

/// Reads the question of a client of Anthropic's dialect how many tokens a request has.
///
/// # Errors
///
/// As [`read_chat`] has them.
pub fn read_count(body: &[u8]) -> Result<ChatCall, ApiError> {
    anthropic::read_count(json(body)?)
}

/// Writes the answer to [`read_count`].
#[must_use]
pub fn write_count(tokens: u64) -> String {
    #[derive(Serialize)]
    struct Count {
        input_tokens: u64,
    }
    let mut written = String::new();
    sse::json(&mut written, &Count { input_tokens: tokens });
    written
}

/// Reads a body that must be JSON.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let refuse = |error| ApiError::new(ErrorKind::InvalidRequest, format!("the body cannot be read as JSON: {error}"));
    serde_json::from_slice(body).map_err(refuse)
}

impl ChatCall {
    /// Writes the body again, for a provider of the same dialect: as it came, with the provider's name of the model and
    /// something in the place of each of [`ChatCall::media`], in their order.
    #[must_use]
    pub fn native(&self, model: &str, placed: &[Placed]) -> String {
        match self.dialect {
            Dialect::OpenaiCompletions => openai_chat::native(self, model, placed),
            Dialect::OpenaiResponses => responses::native(self, model, placed),
            Dialect::AnthropicMessages => anthropic::native(self, model, placed),
        }
    }
}

impl NamedMedia {
    /// How much base64 the request itself holds of the medium.
    #[must_use]
    pub fn inline_bytes(&self) -> usize {
        match &self.source {
            MediaSource::Inline { base64, .. } => base64.len(),
            MediaSource::Reference(_) | MediaSource::File(_) => 0,
        }
    }

    /// The same medium in the same place, once its bytes are somewhere else.
    #[must_use]
    pub fn without_bytes(&self) -> Self {
        let source = match &self.source {
            MediaSource::Inline { content_type, .. } => {
                MediaSource::Inline { content_type: content_type.clone(), base64: String::new() }
            }
            MediaSource::Reference(reference) => MediaSource::Reference(reference.clone()),
            MediaSource::File(id) => MediaSource::File(id.clone()),
        };
        Self { source, param: self.param.clone(), name: self.name.clone(), place: self.place.clone() }
    }
}
