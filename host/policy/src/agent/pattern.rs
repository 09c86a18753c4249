//! The patterns of a grant: which models, sessions and conversations are meant. What follows from a match is `grant`'s.

use std::fmt;

use crate::ids::{BadId, ChannelId, ModelRef, ProviderId};
use crate::problem::shown;

/// Bytes of a pattern: a session is named by a channel and what its network says.
const PATTERN_BYTES_MAX: usize = 512;

/// Which models an agent may use.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModelPattern {
    /// `*`: every model there is.
    Any,
    /// `provider/*`: every model of one provider.
    Provider(ProviderId),
    /// `provider/model`: this one, by whatever name it is asked for.
    Model(ModelRef),
    /// A name without `/`: whatever the operator lets it stand for, where it is asked for by this name.
    Alias(Box<str>),
}

impl ModelPattern {
    /// Parses a pattern that came from outside.
    ///
    /// # Errors
    ///
    /// [`BadId`] with the forms that are expected.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        const RULE: &str = "an alias, `provider/model`, `provider/*` or `*`";
        let bad = || BadId { kind: "pattern of models", text: shown(text), rule: RULE };
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(provider) = text.strip_suffix("/*") {
            return ProviderId::parse(provider).map(Self::Provider).map_err(|_| bad());
        }
        if text.contains('*') {
            return Err(bad());
        }
        if text.contains('/') {
            return ModelRef::parse(text).map(Self::Model).map_err(|_| bad());
        }
        plain(text).then(|| Self::Alias(text.to_lowercase().into())).ok_or_else(bad)
    }

    /// Whether it means this model, which was asked for by `alias`, if by any.
    #[must_use]
    pub fn matches(&self, model: &ModelRef, alias: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Provider(provider) => *provider == model.provider,
            Self::Model(own) => own == model,
            Self::Alias(own) => alias.is_some_and(|alias| alias.to_lowercase() == **own),
        }
    }
}

impl fmt::Display for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Provider(provider) => write!(f, "{provider}/*"),
            Self::Model(model) => model.fmt(f),
            Self::Alias(alias) => f.write_str(alias),
        }
    }
}

/// Which sessions an agent may read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SessionPattern {
    /// This one.
    Exact(Box<str>),
    /// Those whose names begin so; `*` alone means all.
    Prefix(Box<str>),
}

impl SessionPattern {
    /// Parses a pattern that came from outside: the name of a session, or how it begins and a `*`.
    ///
    /// # Errors
    ///
    /// [`BadId`] with the forms that are expected.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        const RULE: &str = "the name of a session, e.g. `signal:+15557654321`, or its beginning and one `*` at the end";
        let bad = || BadId { kind: "pattern of sessions", text: shown(text), rule: RULE };
        let (name, is_prefix) = text.strip_suffix('*').map_or((text, false), |name| (name, true));
        if name.contains('*') || !(plain(name) || is_prefix && name.is_empty()) {
            return Err(bad());
        }
        Ok(if is_prefix { Self::Prefix(name.into()) } else { Self::Exact(name.into()) })
    }

    /// Whether it means this session.
    #[must_use]
    pub fn matches(&self, session: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *session,
            Self::Prefix(name) => session.starts_with(&**name),
        }
    }
}

impl fmt::Display for SessionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Prefix(name) => write!(f, "{name}*"),
        }
    }
}

/// Where an agent may send to: `signal:*`, `signal:+15557654321`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelRule {
    channel: ChannelId,
    /// The conversation; `None`: any of the channel.
    conversation: Option<Box<str>>,
}

impl ChannelRule {
    /// Parses a rule that came from outside.
    ///
    /// # Errors
    ///
    /// [`BadId`] with the forms that are expected.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        const RULE: &str = "`<channel>:<conversation>` or `<channel>:*`, e.g. `signal:+15557654321`";
        let bad = || BadId { kind: "rule for channels", text: shown(text), rule: RULE };
        let (channel, conversation) = text.split_once(':').ok_or_else(bad)?;
        let channel = ChannelId::parse(channel).map_err(|_| bad())?;
        if conversation == "*" {
            return Ok(Self { channel, conversation: None });
        }
        if !plain(conversation) || conversation.contains('*') {
            return Err(bad());
        }
        Ok(Self { channel, conversation: Some(conversation.into()) })
    }

    /// Whether it means this conversation.
    #[must_use]
    pub fn matches(&self, channel: &ChannelId, conversation: &str) -> bool {
        self.channel == *channel && self.conversation.as_deref().is_none_or(|own| own == conversation)
    }
}

impl fmt::Display for ChannelRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.channel, self.conversation.as_deref().unwrap_or("*"))
    }
}

/// A name as it can stand in a list: not empty, not endless, and nothing invisible in it.
fn plain(text: &str) -> bool {
    let is_seen = |c: char| !c.is_control() && !c.is_whitespace();
    (1..=PATTERN_BYTES_MAX).contains(&text.len()) && text.chars().all(is_seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_its_models_and_no_near_miss() {
        let check = |pattern: &str, model: &str, alias: Option<&str>, expect: bool| {
            let matches = ModelPattern::parse(pattern).unwrap().matches(&ModelRef::parse(model).unwrap(), alias);
            assert_eq!(matches, expect, "{pattern} {model} {alias:?}");
        };
        check("*", "ollama/glm", None, true);
        check("ollama/*", "ollama/glm", None, true);
        check("Ollama/*", "ollama/a/b", None, true);
        check("z.ai/*", "zai/glm", None, true);
        check("ollama/*", "ollama2/glm", None, false);
        check("ollama/glm", "ollama/glm", None, true);
        check("ollama/glm", "ollama/glm", Some("fast"), true);
        check("ollama/glm", "ollama/glm-5", None, false);
        check("ollama/glm-5", "ollama/glm", None, false);
        check("ollama/glm", "ollama/GLM", None, false);
        check("ollama/glm", "other/glm", None, false);
        check("fast", "ollama/glm", Some("fast"), true);
        check("Fast", "ollama/glm", Some("FAST"), true);
        check("fast", "ollama/glm", Some("faster"), false);
        check("fast", "ollama/glm", None, false);
        check("fast", "ollama/fast", None, false);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", " ", "**", "*/glm", "*/*", "ollama/g*", "oll*", "/*", "/glm", "ollama/", "a b", "o l/*"] {
            assert!(ModelPattern::parse(text).is_err(), "{text:?}");
        }
        let expect = "`oll*` is not a pattern of models: an alias, `provider/model`, `provider/*` or `*`";
        assert_eq!(ModelPattern::parse("oll*").unwrap_err().to_string(), expect);
        for text in ["", "a*b", "**", "a b*", "a\n"] {
            assert!(SessionPattern::parse(text).is_err(), "{text:?}");
        }
        for text in ["", "signal", "signal:", ":x", "*:*", "*", "Signal:x", "signal:a*", "signal:a b"] {
            assert!(ChannelRule::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_pattern_is_not_endless() {
        let (most, more) = ("a".repeat(PATTERN_BYTES_MAX), "a".repeat(PATTERN_BYTES_MAX + 1));
        assert!(ModelPattern::parse(&most).is_ok() && ModelPattern::parse(&more).is_err());
        assert!(SessionPattern::parse(&format!("{most}*")).is_ok() && SessionPattern::parse(&more).is_err());
        assert!(ChannelRule::parse(&format!("signal:{most}")).is_ok());
        assert!(ChannelRule::parse(&format!("signal:{more}")).is_err());
    }

    #[test]
    fn sessions_and_conversations_are_met_whole_or_by_their_beginning() {
        let session = |pattern: &str, name: &str| SessionPattern::parse(pattern).unwrap().matches(name);
        assert!(session("*", "signal:alice") && session("signal:*", "signal:alice"));
        assert!(session("signal:alice", "signal:alice"));
        assert!(!session("signal:alice", "signal:alice2") && !session("signal:alice", "signal:Alice"));
        assert!(!session("signal:*", "signal") && !session("signal:*", "xsignal:alice"));
        let sends = |rule: &str, channel: &str, to: &str| {
            ChannelRule::parse(rule).unwrap().matches(&ChannelId::parse(channel).unwrap(), to)
        };
        assert!(sends("signal:*", "signal", "x") && sends("signal:+1:2", "signal", "+1:2"));
        assert!(!sends("signal:+1", "signal", "+12") && !sends("signal:+1", "signal", ""));
        assert!(!sends("signal:*", "signal-two", "x"));
    }

    #[test]
    fn patterns_are_written_as_they_are_read() {
        for text in ["*", "zai/*", "ollama/glm-5:cloud", "fast"] {
            assert_eq!(ModelPattern::parse(text).unwrap().to_string(), text);
        }
        for text in ["*", "signal:*", "signal:alice"] {
            assert_eq!(SessionPattern::parse(text).unwrap().to_string(), text);
        }
        for text in ["signal:*", "signal:group:abc="] {
            assert_eq!(ChannelRule::parse(text).unwrap().to_string(), text);
        }
    }
}
