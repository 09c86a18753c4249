//! What comes of a call, in the words of `wit/creel.wit`. How a dialect says it is written elsewhere.

/// One piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// More of the text.
    Text(String),
    /// More of what the model thinks.
    Reasoning {
        /// The words; empty where there is a signature alone.
        text: String,
        /// What the provider verifies it by on a later turn.
        signature: Option<String>,
    },
    /// A tool is called.
    ToolCallStart {
        /// Of the call within the answer.
        index: u32,
        /// Of the call.
        id: String,
        /// Of the tool.
        name: String,
    },
    /// More of the arguments of a call.
    ToolCallArguments {
        /// Of the call within the answer.
        index: u32,
        /// JSON once complete.
        json: String,
    },
    /// A medium that the model made.
    Media {
        /// The handle.
        uri: String,
        /// Sniffed from the bytes.
        content_type: String,
        /// The bytes in base64, where the dialect carries media in the answer.
        base64: String,
    },
    /// One event of the caller's own dialect (its data), or the whole answer where it was not to be streamed.
    Native(String),
    /// Totals so far; the last one counts.
    Usage(Usage),
    /// Why the answer ends; once.
    Finished(Finish),
}

/// Tokens of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the request, those from the cache and into it not among them.
    pub input: u64,
    /// Of the answer, what the model thought among them.
    pub output: u64,
    /// Of the request, read from the provider's cache.
    pub cache_read: u64,
    /// Of the request, written to the provider's cache.
    pub cache_write: u64,
    /// Of the answer, what the model thought.
    pub reasoning: u64,
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model was done, or came to a stop sequence.
    Stop,
    /// The bound on its tokens.
    Length,
    /// It waits for the results of tools.
    ToolCalls,
    /// The provider broke it off.
    ContentFilter,
    /// Anything else.
    Other,
}
