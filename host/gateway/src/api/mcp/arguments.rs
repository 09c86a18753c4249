//! What each tool takes. The schema that clients are shown is made from these types, so that neither says what the other
//! does not.

use creel_dialects::{ApiError, ErrorKind};
use rmcp::model::JsonObject;
use rmcp::schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// An area of media, as an agent knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(crate = "rmcp::schemars", inline)]
pub(super) enum AreaName {
    /// The agent's own: what it has uploaded or brought.
    Workspace,
    /// What came in over channels.
    Inbound,
    /// What models have made or the gateway has sent.
    Outbound,
}

/// Of `list_media`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct ListMedia {
    /// Only media of this area.
    #[serde(default)]
    pub(super) area: Option<AreaName>,
    /// Only media of this session, e.g. `signal:+15557654321`.
    #[serde(default)]
    pub(super) session: Option<String>,
    /// Where the last page ended: its `next`.
    #[serde(default)]
    pub(super) cursor: Option<String>,
    /// Media of a page, at most 200; usually 50.
    #[serde(default)]
    pub(super) limit: Option<u32>,
}

/// Of `describe_media`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct DescribeMedia {
    /// The medium: a handle such as `media://inbound/…`, a file id, or a path in the agent's own workspace.
    pub(super) media: String,
}

/// Of `ask_about_media`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct AskAboutMedia {
    /// The media, 1 to 32, in the order in which the model sees them.
    pub(super) media: Vec<String>,
    /// What is asked about them.
    pub(super) question: String,
    /// The model, as `provider/model` or by an alias; without it the one that the operator has configured.
    #[serde(default)]
    pub(super) model: Option<String>,
    /// Tokens of the answer, at most.
    #[serde(default)]
    pub(super) max_tokens: Option<u32>,
}

/// Of `send_message`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct SendMessage {
    /// The channel, e.g. `signal`.
    pub(super) channel: String,
    /// The conversation as the channel names it, e.g. `+15557654321`.
    pub(super) conversation: String,
    /// The thread of the conversation, where its network has threads.
    #[serde(default)]
    pub(super) thread: Option<String>,
    /// Whether the conversation is a group. Where somebody has written from it before, that is known.
    #[serde(default)]
    pub(super) is_group: Option<bool>,
    /// What the message says.
    #[serde(default)]
    pub(super) text: String,
    /// Media that go with it, by handle or file id; at most 32.
    #[serde(default)]
    pub(super) media: Vec<String>,
    /// The network's own identity of the message that this one answers.
    #[serde(default)]
    pub(super) reply_to: Option<String>,
}

/// Of `list_sessions`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct ListSessions {
    /// Where the last page ended: its `next`.
    #[serde(default)]
    pub(super) after: Option<String>,
    /// Sessions of a page, at most 200; usually 50.
    #[serde(default)]
    pub(super) limit: Option<u32>,
}

/// Of `read_session`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct ReadSession {
    /// The session, e.g. `signal:+15557654321`.
    pub(super) session: String,
    /// Only entries before the one of this number: the `before` of the last page. Without it, the newest.
    #[serde(default)]
    pub(super) before: Option<u64>,
    /// Entries of a page, at most 200; usually 50.
    #[serde(default)]
    pub(super) limit: Option<u32>,
}

/// Reads what a client gave.
pub(super) fn read<T: DeserializeOwned>(given: JsonObject) -> Result<T, ApiError> {
    serde_json::from_value(serde_json::Value::Object(given)).map_err(|error| {
        ApiError::new(ErrorKind::InvalidRequest, format!("the arguments do not fit the tool: {error}"))
    })
}
