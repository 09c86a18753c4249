//! What a client is told when there is no answer. How a dialect says it is written elsewhere.

/// What kind of error it is; it decides status, type and code in each dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The token is missing, unknown, revoked or over: 401.
    WrongToken,
    /// The token may not do this: 403.
    Forbidden,
    /// The request cannot be understood: 400.
    InvalidRequest,
    /// The request is understood, and no provider here can do what it asks for: 400.
    Unsupported,
    /// The conversation does not fit the model: 400.
    ContextTooLong,
    /// The provider will not answer this: 400.
    ContentRefused,
    /// There is no such model, or this token may not know of it: 404.
    UnknownModel,
    /// There is no such thing, or this token may not know of it: 404.
    NotFound,
    /// There is no such route: 404.
    UnknownRoute,
    /// The route has no such method: 405.
    MethodNotAllowed,
    /// The body has too many bytes: 413.
    TooLarge,
    /// The token's budget or rate is spent: 429.
    OverBudget,
    /// The provider's rate is spent, and nobody else may answer: 429.
    RateLimited,
    /// The provider is too busy: 503, and 529 in Anthropic's dialect.
    Overloaded,
    /// The gateway's own credential was refused by the provider, or there is none: 502, never the provider's 401.
    UpstreamCredentials,
    /// The provider failed, or could not be reached: 502.
    UpstreamFailed,
    /// The provider did not answer in time: 504.
    TimedOut,
    /// The gateway stops, or has no room: 503.
    Unavailable,
    /// The gateway failed: 500.
    Internal,
}

/// An error as a client is told of it. It holds no credential, no host path and no origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The kind.
    pub kind: ErrorKind,
    /// For people: what was wrong, where, and what to do.
    pub message: String,
    /// The field of the request that it is about, e.g. `messages[0].content`.
    pub param: Option<String>,
    /// A word for programs where the kind alone does not say enough, e.g. `budget_exceeded`.
    pub code: Option<&'static str>,
    /// Seconds after which another try makes sense.
    pub retry_after_seconds: Option<u64>,
}

impl ApiError {
    /// An error of which no more is known.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), param: None, code: None, retry_after_seconds: None }
    }

    /// The same about one field of the request.
    #[must_use]
    pub fn about(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }
}
