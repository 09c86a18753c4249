//! A request of either API as a test sees it, once it passed every check. The checks stand in `chat` and `responses`.

use serde_json::Value;

use super::Model;
use super::error::ApiError;
use super::parameters::StreamOptions;
use crate::pictures::Description;

/// Which of the two APIs was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `/v1/chat/completions`.
    Completions,
    /// `/v1/responses`.
    Responses,
}

/// A call of a function by the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Names the call.
    pub id: String,
    /// The function.
    pub name: String,
    /// The arguments as the model wrote them, which is JSON in a text.
    pub arguments: String,
}

/// One message, or one item of a Responses input that stands for a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant`, `tool`; `reasoning` for an item of that type.
    pub role: String,
    /// The text, its parts joined by line breaks.
    pub text: String,
    /// The pictures, decoded.
    pub images: Vec<Description>,
    /// What the model called.
    pub tool_calls: Vec<ToolCall>,
    /// In a message of the role `tool`: the call that it answers.
    pub answers: Option<String>,
}

/// A request that passed every check.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which API was called.
    pub api: Api,
    /// The model as the caller named it.
    pub model: String,
    /// The model's dated name, as answers have it.
    pub dated_model: String,
    /// Whether the answer shall be streamed.
    pub stream: bool,
    /// The most tokens that the answer may have.
    pub tokens_max: Option<u64>,
    /// The conversation; in the Responses API `instructions` come first, as a message of the role `system`.
    pub messages: Vec<Message>,
    /// The names of the functions.
    pub tools: Vec<String>,
    /// The schema that the answer shall follow.
    pub schema: Option<Value>,
    /// The body as it came.
    pub body: Value,
    pub(super) stream_options: StreamOptions,
}

impl Request {
    /// The last message of the user.
    #[must_use]
    pub fn last_user_message(&self) -> Option<&Message> {
        self.messages.iter().rev().find(|message| message.role == "user")
    }

    /// The pictures of the whole conversation, oldest first.
    #[must_use]
    pub fn pictures(&self) -> Vec<Description> {
        self.messages.iter().flat_map(|message| message.images.clone()).collect()
    }
}

/// The model of that name.
pub(super) fn find_model<'a>(models: &'a [Model], name: &str) -> Result<&'a Model, ApiError> {
    models.iter().find(|model| model.id == name || model.dated_id == name).ok_or_else(|| {
        let text = format!("The model `{name}` does not exist or you do not have access to it.");
        ApiError::new(404, text).coded("model_not_found")
    })
}

/// All words of a conversation, to look for one of them.
pub(super) fn words(messages: &[Message]) -> String {
    messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>().join("\n")
}
