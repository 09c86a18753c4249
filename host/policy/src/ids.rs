//! The names that everything else is keyed by, each a type that proves its form. Nothing here looks anything up.

use std::fmt;

/// A text that is not an id of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: {rule}")]
pub struct BadId {
    /// What it should have been, e.g. `plugin id`.
    pub kind: &'static str,
    /// The text as it came, cut to 80 characters and stripped of control characters.
    pub text: String,
    /// The form that was expected.
    pub rule: &'static str,
}

impl BadId {
    fn new(kind: &'static str, text: &str, rule: &'static str) -> Self {
        let text = text.chars().filter(|c| !c.is_control()).take(80).collect();
        Self { kind, text, rule }
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Parses an id that came from outside.
            ///
            /// # Errors
            ///
            /// [`BadId`] with the form that was expected.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                let parse: fn(&str) -> Option<String> = $parse;
                parse(text).map(|id| Self(id.into())).ok_or_else(|| BadId::new($kind, text, $rule))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }
    };
}

/// `[a-z][a-z0-9-]{0,63}` with no `--` and no `-` at the end.
fn is_kebab(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
}

fn kebab(text: &str) -> Option<String> {
    is_kebab(text).then(|| text.to_owned())
}

id!(
    /// Names a plugin; ASCII only, so that no look-alike letter can stand in for another (attack 154).
    PluginId, "plugin id", "1 to 64 of `a-z`, `0-9` and single `-`, beginning with a letter", kebab
);
id!(
    /// Names a provider entry: a plugin's own id, or a key of `models.providers`. Lower case; aliases that the older
    /// gateway knew become the canonical name (`z.ai` and `z-ai` are `zai`, `bedrock` is `amazon-bedrock`, …).
    ProviderId, "provider id", "1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`, beginning with a letter or digit", |text| {
        let text = text.trim().to_lowercase();
        let ok = (1..=64).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
            && text.as_bytes()[0].is_ascii_alphanumeric();
        ok.then(|| canonical_provider(&text).to_owned())
    }
);
id!(
    /// Names a channel entry: a key of `channels`.
    ChannelId, "channel id", "1 to 64 of `a-z`, `0-9` and single `-`, beginning with a letter", kebab
);
id!(
    /// Names an agent, e.g. `main`; lower case, since it is also a directory.
    AgentId, "agent id", "1 to 64 of `a-z`, `0-9`, `_` and `-`, beginning with a letter or digit", |text| {
        let ok = (1..=64).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
            && text.as_bytes()[0].is_ascii_alphanumeric();
        ok.then(|| text.to_owned())
    }
);
id!(
    /// Names a credential profile, e.g. `anthropic:default`.
    ProfileId, "profile id", "1 to 200 characters without white space or control characters", |text| {
        let ok = (1..=200).contains(&text.chars().count())
            && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        ok.then(|| text.to_owned())
    }
);

/// The key of a session: one for each conversation of a channel, and for each thread of it.
#[must_use]
pub fn session_key(channel: &ChannelId, conversation: &str, thread: Option<&str>) -> String {
    match thread {
        Some(thread) => format!("{channel}:{conversation}#{thread}"),
        None => format!("{channel}:{conversation}"),
    }
}

/// The one name of a provider that has several.
fn canonical_provider(id: &str) -> &str {
    match id {
        "z.ai" | "z-ai" => "zai",
        "bedrock" | "aws-bedrock" => "amazon-bedrock",
        "modelstudio" | "qwencloud" => "qwen",
        other => other,
    }
}

/// A model of a provider, written `provider/model` and split at the first `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelRef {
    /// The provider entry.
    pub provider: ProviderId,
    /// The provider's own name of the model; may hold further `/`.
    pub model: Box<str>,
}

impl ModelRef {
    /// Parses `provider/model`.
    ///
    /// # Errors
    ///
    /// [`BadId`] when there is no `/`, or either side is not well formed.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        const RULE: &str = "`provider/model`, e.g. `anthropic/claude-haiku-4-5`";
        let bad = || BadId::new("model", text, RULE);
        let (provider, model) = text.trim().split_once('/').ok_or_else(bad)?;
        let model = model.trim();
        if model.is_empty() || model.len() > 200 || model.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(bad());
        }
        Ok(Self { provider: ProviderId::parse(provider).map_err(|_| bad())?, model: model.into() })
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

impl TryFrom<String> for ModelRef {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        Self::parse(&text)
    }
}

impl From<ModelRef> for String {
    fn from(model: ModelRef) -> Self {
        model.to_string()
    }
}

impl AgentId {
    /// The agent that is there where nobody has made others.
    #[must_use]
    pub fn main() -> Self {
        Self("main".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_of_a_plugin_id_are_refused() {
        for text in ["", "A", "1a", "a_b", "a--b", "a-", "-a", "аnthropic", "a b", "a\n"] {
            assert!(PluginId::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(PluginId::parse("local-vision").map(|id| id.to_string()), Ok("local-vision".to_owned()));
    }

    #[test]
    fn a_model_splits_at_the_first_slash_and_its_provider_is_normalised() {
        let parsed = |text: &str| ModelRef::parse(text).map(|model| model.to_string()).ok();
        assert_eq!(parsed(" Z.AI/glm/5 ").as_deref(), Some("zai/glm/5"));
        assert_eq!(parsed("ollama/glm-5:cloud").as_deref(), Some("ollama/glm-5:cloud"));
        assert_eq!(parsed("ollama"), None);
        assert_eq!(parsed("ollama/"), None);
        assert_eq!(parsed("/x"), None);
    }
}
