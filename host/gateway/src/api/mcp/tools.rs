//! Which tools there are, how clients are shown them, and which a grant opens. What they do is not here.

use creel_policy::agent::AgentGrant;
use rmcp::handler::server::tool::schema_for_input;
use rmcp::model::{Tool, ToolAnnotations};
use rmcp::schemars::JsonSchema;

use super::arguments;

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ToolName {
    /// `list_media`
    ListMedia,
    /// `describe_media`
    DescribeMedia,
    /// `ask_about_media`
    AskAboutMedia,
    /// `send_message`
    SendMessage,
    /// `list_sessions`
    ListSessions,
    /// `read_session`
    ReadSession,
}

impl ToolName {
    const ALL: [Self; 6] = [
        Self::ListMedia,
        Self::DescribeMedia,
        Self::AskAboutMedia,
        Self::SendMessage,
        Self::ListSessions,
        Self::ReadSession,
    ];

    /// Its name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::ListMedia => "list_media",
            Self::DescribeMedia => "describe_media",
            Self::AskAboutMedia => "ask_about_media",
            Self::SendMessage => "send_message",
            Self::ListSessions => "list_sessions",
            Self::ReadSession => "read_session",
        }
    }

    /// The tool of a name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name)
    }

    /// Whether a grant has anything that it could be used for.
    pub(super) fn is_open_to(self, grant: &AgentGrant) -> bool {
        match self {
            // Its own workspace everybody may name.
            Self::ListMedia | Self::DescribeMedia => true,
            Self::AskAboutMedia => !grant.models.is_empty(),
            Self::SendMessage => !grant.channels.is_empty(),
            Self::ListSessions | Self::ReadSession => !grant.sessions.is_empty(),
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::ListMedia => {
                "List the media that this token may name, oldest first: handle, type, size, name, and the pixels of \
                 pictures. `areas` says which areas that are."
            }
            Self::DescribeMedia => {
                "Say what is known of a medium without opening it: type, size, hash, name, the pixels of a picture, and \
                 which readable sessions hold it."
            }
            Self::AskAboutMedia => {
                "Have a model look at media and answer a question about them. The model is given the media themselves; \
                 the answer is text."
            }
            Self::SendMessage => {
                "Send a message, with media if wished, into a conversation of a channel. It is durable when this \
                 returns, and is delivered behind that, in order and after a restart too."
            }
            Self::ListSessions => "List the sessions that this token may read, in order of their names.",
            Self::ReadSession => {
                "Read what was said in a session, oldest first: the newest entries, or those before a given one. Media \
                 are named by their handles."
            }
        }
    }

    fn annotations(self) -> ToolAnnotations {
        let (title, reads_only, is_open_world) = match self {
            Self::ListMedia => ("List media", true, false),
            Self::DescribeMedia => ("Describe a medium", true, false),
            Self::AskAboutMedia => ("Ask a model about media", true, true),
            Self::SendMessage => ("Send a message", false, true),
            Self::ListSessions => ("List sessions", true, false),
            Self::ReadSession => ("Read a session", true, false),
        };
        ToolAnnotations::with_title(title).read_only(reads_only).destructive(false).open_world(is_open_world)
    }

    fn tool(self) -> Tool {
        let schema = match self {
            Self::ListMedia => schema::<arguments::ListMedia>(),
            Self::DescribeMedia => schema::<arguments::DescribeMedia>(),
            Self::AskAboutMedia => schema::<arguments::AskAboutMedia>(),
            Self::SendMessage => schema::<arguments::SendMessage>(),
            Self::ListSessions => schema::<arguments::ListSessions>(),
            Self::ReadSession => schema::<arguments::ReadSession>(),
        };
        Tool::new(self.as_str(), self.description(), schema).with_annotations(self.annotations())
    }
}

/// The tools that a grant opens, as clients are shown them.
pub(super) fn open_to(grant: &AgentGrant) -> Vec<Tool> {
    ToolName::ALL.into_iter().filter(|tool| tool.is_open_to(grant)).map(ToolName::tool).collect()
}

fn schema<T: JsonSchema + 'static>() -> std::sync::Arc<rmcp::model::JsonObject> {
    schema_for_input::<T>().expect("the arguments of every tool are one object")
}

#[cfg(test)]
mod tests {
    use creel_policy::agent::{ChannelRule, ModelPattern, SessionPattern};

    use super::*;

    fn names(grant: &AgentGrant) -> Vec<String> {
        open_to(grant).into_iter().map(|tool| tool.name.into_owned()).collect()
    }

    #[test]
    fn a_tool_that_a_grant_gives_nothing_for_is_not_there() {
        let check = |grant: AgentGrant, more: &[&str]| {
            let expect: Vec<&str> = ["list_media", "describe_media"].into_iter().chain(more.iter().copied()).collect();
            assert_eq!(names(&grant), expect);
        };
        let nothing = AgentGrant::default;
        check(nothing(), &[]);
        check(AgentGrant { models: vec![ModelPattern::Any], ..nothing() }, &["ask_about_media"]);
        let channel = ChannelRule::parse("signal:alice").expect("a rule");
        check(AgentGrant { channels: vec![channel], ..nothing() }, &["send_message"]);
        let session = SessionPattern::parse("signal:alice").expect("a pattern");
        check(AgentGrant { sessions: vec![session], ..nothing() }, &["list_sessions", "read_session"]);
        // The operator's own token sends nothing in somebody's name.
        check(AgentGrant::everything(), &["ask_about_media", "list_sessions", "read_session"]);
    }

    #[test]
    fn every_tool_says_what_it_takes() {
        for tool in ToolName::ALL {
            assert_eq!(ToolName::parse(tool.as_str()), Some(tool));
            let shown = tool.tool();
            let schema = shown.schema_as_json_value();
            assert_eq!(schema["type"], "object", "{schema}");
            assert_eq!(schema["additionalProperties"], false, "{schema}");
            let properties = schema["properties"].as_object().expect("it has properties");
            for (name, property) in properties {
                assert!(property["description"].is_string(), "{}: {name} is not described", tool.as_str());
            }
        }
        assert_eq!(ToolName::parse("list_Media"), None);
    }

    #[test]
    fn what_must_be_given_is_said() {
        let check = |tool: ToolName, expect: &[&str]| {
            let schema = tool.tool().schema_as_json_value();
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
            assert_eq!(required, expect, "{}", tool.as_str());
        };
        check(ToolName::ListMedia, &[]);
        check(ToolName::DescribeMedia, &["media"]);
        check(ToolName::AskAboutMedia, &["media", "question"]);
        check(ToolName::SendMessage, &["channel", "conversation"]);
        check(ToolName::ListSessions, &[]);
        check(ToolName::ReadSession, &["session"]);
    }
}
