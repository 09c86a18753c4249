//! The names of the dialects.

/// A dialect of chat requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `POST /v1/chat/completions` of OpenAI.
    OpenaiCompletions,
    /// `POST /v1/responses` of OpenAI.
    OpenaiResponses,
    /// `POST /v1/messages` of Anthropic.
    AnthropicMessages,
}

impl Dialect {
    /// The word of configurations, manifests and `wit/creel.wit`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::OpenaiCompletions => "openai-completions",
            Self::OpenaiResponses => "openai-responses",
            Self::AnthropicMessages => "anthropic-messages",
        }
    }
}
