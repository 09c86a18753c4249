//! A chat request as a client wrote it, in the words that all dialects share, beside the client's own body. Which dialect
//! it was read from is no matter here.

use serde_json::Value;

use crate::Dialect;

/// A chat request, read.
#[derive(Clone, Debug)]
pub struct ChatCall {
    /// What the client speaks.
    pub dialect: Dialect,
    /// The model as the client wrote it.
    pub model: String,
    /// System messages come first.
    pub messages: Vec<Message>,
    /// Media that the messages name, by their index.
    pub media: Vec<NamedMedia>,
    /// Tools that the model may call.
    pub tools: Vec<Tool>,
    /// Which of them it shall call.
    pub tool_choice: ToolChoice,
    /// What form the answer shall have.
    pub response_format: ResponseFormat,
    /// Tokens of the answer.
    pub max_tokens: Option<u32>,
    /// As the client wrote it.
    pub temperature: Option<f32>,
    /// As the client wrote it.
    pub top_p: Option<f32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// For answers that can be repeated.
    pub seed: Option<u64>,
    /// `minimal`, `low`, `medium`, `high`.
    pub reasoning_effort: Option<String>,
    /// Whether several tools may be called in one answer.
    pub parallel_tool_calls: Option<bool>,
    /// Whether the answer shall come in events.
    pub is_streaming: bool,
    /// Whether a stream of OpenAI's chat dialect ends with the usage.
    pub includes_usage: bool,
    /// Models to ask in turn where the first cannot answer, if the client names any itself.
    pub fallbacks: Option<Vec<String>>,
    /// Fields that only a provider of the same dialect understands, and whose loss would change the meaning of the
    /// request (`n`, server tools, audio, …), each with the reason why. A provider of another dialect is not asked.
    pub native_only: Vec<String>,
    /// The body as it was written, without the bytes of its media.
    pub(crate) body: Value,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator of the program.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
    /// Tools.
    Tool,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What, in order.
    pub content: Vec<Content>,
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Words.
    Text(String),
    /// An element of [`ChatCall::media`].
    Media(usize),
    /// What the model thought.
    Reasoning {
        /// The words.
        text: String,
        /// What its provider verifies it by.
        signature: Option<String>,
    },
    /// A tool that the model called.
    ToolCall {
        /// Of the call.
        id: String,
        /// Of the tool.
        name: String,
        /// A JSON object.
        arguments_json: String,
    },
    /// What came of a call.
    ToolResult {
        /// Of the call.
        id: String,
        /// What, in order.
        content: Vec<ResultContent>,
        /// The tool failed.
        is_error: bool,
    },
}

/// A part of what came of a tool's call.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultContent {
    /// Words.
    Text(String),
    /// An element of [`ChatCall::media`].
    Media(usize),
}

/// A medium that a request names.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedMedia {
    /// Where its bytes are.
    pub source: MediaSource,
    /// Where it stands in the request, for errors, e.g. `messages[0].content[1].image_url.url`.
    pub param: String,
    /// A name that the client gave.
    pub name: Option<String>,
    /// Where it stands in the body, and how: known to the reader of the dialect and to the writer of its native form.
    pub(crate) place: Value,
}

/// How a client names a medium.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaSource {
    /// The bytes themselves.
    Inline {
        /// As the client claims.
        content_type: String,
        /// Standard base64.
        base64: String,
    },
    /// `http:`, `https:`, `media:`, a relative path: whatever is no `data:` URL.
    Reference(String),
    /// The id of an uploaded file.
    File(String),
}

/// What stands for a medium in the native form of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// A text that nobody else can have written; the base64 of the bytes comes in its place.
    pub placeholder: String,
    /// The type of the bytes that will be sent.
    pub content_type: String,
}

/// A tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// For the model.
    pub description: String,
    /// A JSON Schema.
    pub parameters_json: String,
}

/// Which tools a model shall call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// What form an answer shall have.
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseFormat {
    /// Words.
    Text,
    /// A JSON object.
    Json,
    /// JSON that fits a schema.
    JsonSchema(String),
}
