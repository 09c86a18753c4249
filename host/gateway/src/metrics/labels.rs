//! The labels of what is counted. Each value is one of a few words, or of a bounded number of names (`names`).

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;

/// A request of a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Request {
    /// The dialect of a chat, or the route.
    pub(super) dialect: &'static str,
    pub(super) status: u16,
}

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Model {
    pub(super) model: Arc<str>,
}

/// Tokens of a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Tokens {
    pub(super) model: Arc<str>,
    pub(super) kind: &'static str,
}

/// A try of a model that failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Failure {
    pub(super) model: Arc<str>,
    pub(super) fault: Arc<str>,
}

/// Something that was not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Denial {
    /// What was wanted: `egress`, `agent`, `token` or `message`.
    pub(super) what: &'static str,
    /// The code of the rule.
    pub(super) rule: Arc<str>,
}

/// A credential by its id, which says nothing of its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Credential {
    pub(super) credential: Arc<str>,
}

/// A request of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Egress {
    pub(super) plugin: Arc<str>,
    pub(super) verdict: &'static str,
}

/// A delivery over a channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Delivery {
    pub(super) channel: Arc<str>,
    pub(super) outcome: &'static str,
}
