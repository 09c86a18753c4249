//! What an agent may do, as the operator wrote it: scopes and limits. An empty grant gives nothing. How a grant is read
//! and written is `file`'s, whether a request is within its limits `admit`'s.

use std::collections::BTreeSet;

use crate::ids::{AgentId, ChannelId, ModelRef};
use crate::manifest::Input;
use crate::media::Area;

use super::pattern::{ChannelRule, ModelPattern, SessionPattern};

/// What an agent may do. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentGrant {
    /// `models`: those it may use.
    pub models: Vec<ModelPattern>,
    /// `needs`: what its requests may hold beside text.
    pub needs: BTreeSet<Need>,
    /// `media`: the areas beside its own workspace whose media it may name, as far as it may read their sessions.
    pub media: BTreeSet<SharedArea>,
    /// `sessions`: those it may read.
    pub sessions: Vec<SessionPattern>,
    /// `channels`: where it may send to.
    pub channels: Vec<ChannelRule>,
    /// How much of all that.
    pub limits: Limits,
    /// `expires`: the moment from which it may do nothing any more, in milliseconds since the Unix epoch.
    pub expires_ms: Option<u64>,
    /// `unixUser`: the user of this machine that is this agent on the Unix socket, without a token.
    pub unix_user: Option<u32>,
}

/// How much an agent may use; what is `None` has no limit of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `requestsPerMinute`.
    pub requests_per_minute: Option<u64>,
    /// `tokensPerMinute`.
    pub tokens_per_minute: Option<u64>,
    /// `tokensPerDay`.
    pub tokens_per_day: Option<u64>,
    /// `usdPerDay`, in millionths of a dollar.
    pub micro_usd_per_day: Option<u64>,
    /// `concurrency`: its calls at the same time.
    pub concurrency: Option<u64>,
}

/// What a request holds beside text, or wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// Pictures.
    Image,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Paged documents.
    Document,
    /// Tools that the model may call.
    Tools,
}

impl Need {
    /// All of them by the words of a grant.
    pub const ALL: [(&'static str, Self); 5] = [
        ("image", Self::Image),
        ("audio", Self::Audio),
        ("video", Self::Video),
        ("document", Self::Document),
        ("tools", Self::Tools),
    ];

    /// The word in a grant.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Document => "document",
            Self::Tools => "tools",
        }
    }

    /// What an input of a model is called here; text needs no grant.
    #[must_use]
    pub fn of_input(input: Input) -> Option<Self> {
        match input {
            Input::Text => None,
            Input::Image => Some(Self::Image),
            Input::Audio => Some(Self::Audio),
            Input::Video => Some(Self::Video),
            Input::Document => Some(Self::Document),
        }
    }
}

/// An area of media that belongs to no single agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SharedArea {
    /// `media://inbound/…`
    Inbound,
    /// `media://outbound/…`
    Outbound,
}

impl SharedArea {
    /// All of them by the words of a grant.
    pub const ALL: [(&'static str, Self); 2] = [("inbound", Self::Inbound), ("outbound", Self::Outbound)];

    /// The word in a grant.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// Which media of an area an agent may name; all others are to it as if they were not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaReach {
    /// All of them: the area is its own.
    All,
    /// Those that a session holds which it may read ([`AgentGrant::may_read`]).
    OfItsSessions,
    /// None.
    Nothing,
}

impl AgentGrant {
    /// What the operator's own token opens: all that can be asked for, and nothing that is sent in somebody's name.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            models: vec![ModelPattern::Any],
            needs: BTreeSet::from([Need::Image, Need::Audio, Need::Video, Need::Document, Need::Tools]),
            media: BTreeSet::from([SharedArea::Inbound, SharedArea::Outbound]),
            sessions: vec![SessionPattern::Prefix("".into())],
            ..Self::default()
        }
    }

    /// Whether it may use a model that was asked for by `alias`, if by any. The models that take over for a granted one
    /// are the operator's choice, and are not asked about.
    #[must_use]
    pub fn may_use(&self, model: &ModelRef, alias: Option<&str>) -> bool {
        self.models.iter().any(|pattern| pattern.matches(model, alias))
    }

    /// Whether it may read a session, and have what it holds described.
    #[must_use]
    pub fn may_read(&self, session: &str) -> bool {
        self.sessions.iter().any(|pattern| pattern.matches(session))
    }

    /// Whether it may send to a conversation of a channel.
    #[must_use]
    pub fn may_send(&self, channel: &ChannelId, conversation: &str) -> bool {
        self.channels.iter().any(|rule| rule.matches(channel, conversation))
    }

    /// Which media of an area it may name; `own` is the agent that holds this grant.
    #[must_use]
    pub fn media_reach(&self, own: &AgentId, area: &Area) -> MediaReach {
        let shared = match area {
            Area::Workspace(agent) if agent == own => return MediaReach::All,
            Area::Workspace(_) => return MediaReach::Nothing,
            Area::Inbound => SharedArea::Inbound,
            Area::Outbound => SharedArea::Outbound,
        };
        if self.media.contains(&shared) { MediaReach::OfItsSessions } else { MediaReach::Nothing }
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|expires_ms| now_ms >= expires_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_grant_gives_nothing() {
        let grant = AgentGrant::default();
        let own = AgentId::main();
        assert!(!grant.may_use(&ModelRef::parse("ollama/glm").unwrap(), Some("glm")));
        assert!(!grant.may_read("signal:alice"));
        assert!(!grant.may_send(&ChannelId::parse("signal").unwrap(), "alice"));
        assert_eq!(grant.media_reach(&own, &Area::Inbound), MediaReach::Nothing);
        assert_eq!(grant.media_reach(&own, &Area::Outbound), MediaReach::Nothing);
        assert!(!grant.is_expired(u64::MAX));
    }

    #[test]
    fn media_are_its_own_or_those_of_its_sessions() {
        let grant = AgentGrant { media: [SharedArea::Inbound].into(), ..AgentGrant::default() };
        let own = AgentId::parse("one").unwrap();
        let check = |area: &str, expect| {
            assert_eq!(grant.media_reach(&own, &Area::parse(area).unwrap()), expect, "{area}");
        };
        check("workspace/one", MediaReach::All);
        check("workspace/one-", MediaReach::Nothing);
        check("workspace/two", MediaReach::Nothing);
        check("inbound", MediaReach::OfItsSessions);
        check("outbound", MediaReach::Nothing);
    }

    #[test]
    fn a_grant_ends_at_its_moment() {
        let grant = AgentGrant { expires_ms: Some(1_000), ..AgentGrant::default() };
        assert!(!grant.is_expired(999) && grant.is_expired(1_000) && grant.is_expired(1_001));
    }

    #[test]
    fn each_word_means_itself() {
        assert!(Need::ALL.iter().all(|(word, need)| need.as_str() == *word));
        assert!(SharedArea::ALL.iter().all(|(word, area)| area.as_str() == *word));
    }
}
