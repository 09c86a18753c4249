//! The command line of `creel agents add|list|show|revoke|rotate|set`. What the commands do is not here.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use creel_policy::agent::{ChannelRule, Limits, ModelPattern, Need, SessionPattern, SharedArea};
use creel_policy::ids::{AgentId, BadId};

use super::media::age_ms;

/// `creel agents …`.
#[derive(Subcommand)]
#[command(after_help = "\
An agent is a program that uses Creel over HTTP with a token of its own. It may do what its grant says, and without one
nothing. All of these work whether a daemon runs or not; one that runs takes the change up at once.")]
pub(crate) enum AgentsCommand {
    /// Make an agent, and print its token this once
    Add(AddAgentArgs),
    /// List all agents, and what they have used today
    List(ListAgentsArgs),
    /// Show what an agent may do, and what it has used today
    Show(ShowAgentArgs),
    /// Take everything from an agent, its token included
    Revoke(RevokeAgentArgs),
    /// Give an agent another token, and print it this once
    Rotate(RotateAgentArgs),
    /// Change what an agent may do
    Set(SetAgentArgs),
}

/// `creel agents add`.
#[derive(Args, Debug)]
#[command(after_help = "\
Without `--models` it may use no model. Each option stands for the key of the same name in a file that `--grant` names.

Examples:
  creel agents add coder --models 'anthropic/*' --needs image,tools --tokens-per-day 2000000
  creel agents add notes --models fast --sessions 'signal:*' --channels 'signal:+15557654321' --expires 30d
  creel agents add local --models '*' --unix-user 1000
  creel agents add ci --grant ci-grant.json5 --json")]
pub(crate) struct AddAgentArgs {
    /// Its name
    #[arg(value_parser = AgentId::parse)]
    pub(crate) id: AgentId,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel agents list`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  creel agents list\n  creel agents list --json")]
pub(crate) struct ListAgentsArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel agents show`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  creel agents show coder")]
pub(crate) struct ShowAgentArgs {
    /// Its name
    #[arg(value_parser = AgentId::parse)]
    pub(crate) id: AgentId,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel agents revoke`.
#[derive(Args, Debug)]
#[command(after_help = "\
Its media and what it has used stay. `creel agents add` with the same name makes it anew.

Example:
  creel agents revoke coder")]
pub(crate) struct RevokeAgentArgs {
    /// Its name
    #[arg(value_parser = AgentId::parse)]
    pub(crate) id: AgentId,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel agents rotate`.
#[derive(Args, Debug)]
#[command(after_help = "\
Without `--grace` the earlier token is taken no more from this moment: right where it may have leaked.

Examples:
  creel agents rotate coder
  creel agents rotate coder --grace 10m")]
pub(crate) struct RotateAgentArgs {
    /// Its name
    #[arg(value_parser = AgentId::parse)]
    pub(crate) id: AgentId,
    /// For how long the earlier token is taken still: a number and a unit, e.g. 10m; at most 7d
    #[arg(long, value_name = "TIME", value_parser = age_ms, default_value = "0s")]
    pub(crate) grace: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel agents set`.
#[derive(Args, Debug)]
#[command(after_help = "\
What is not named stays as it is; `none` takes a limit or a whole list away. With `--grant` the file says all.

Examples:
  creel agents set coder --models 'anthropic/*,fast' --usd-per-day 5
  creel agents set coder --tokens-per-day none --channels none")]
pub(crate) struct SetAgentArgs {
    /// Its name
    #[arg(value_parser = AgentId::parse)]
    pub(crate) id: AgentId,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What an agent may do, one option for each key of a grant.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GrantArgs {
    /// A file of JSON or JSON5 that holds the grant; other options change what it says
    #[arg(long, value_name = "FILE")]
    pub(crate) grant: Option<PathBuf>,
    /// Models it may use: aliases, `provider/model`, `provider/*`, or `*`
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = model)]
    pub(crate) models: Option<Vec<Setting<ModelPattern>>>,
    /// What its requests may hold beside text: image, audio, video, document, tools
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = need)]
    pub(crate) needs: Option<Vec<Setting<Need>>>,
    /// Areas whose media it may name, of sessions that it may read: inbound, outbound
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = area)]
    pub(crate) media: Option<Vec<Setting<SharedArea>>>,
    /// Sessions it may read: names, or how they begin and a `*`
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = session)]
    pub(crate) sessions: Option<Vec<Setting<SessionPattern>>>,
    /// Where it may send to: `channel:conversation`, or `channel:*`
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = channel)]
    pub(crate) channels: Option<Vec<Setting<ChannelRule>>>,
    /// Requests in a minute
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) requests_per_minute: Option<Setting<u64>>,
    /// Tokens in a minute, sent and answered
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) tokens_per_minute: Option<Setting<u64>>,
    /// Tokens in a UTC day, sent and answered
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) tokens_per_day: Option<Setting<u64>>,
    /// Dollars in a UTC day, by the prices of the configuration
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub(crate) usd_per_day: Option<Setting<u64>>,
    /// Calls at the same time
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) concurrency: Option<Setting<u64>>,
    /// After which time it may do nothing any more: a number and a unit, e.g. 30d
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) expires: Option<Setting<u64>>,
    /// The user of this machine that is this agent on the Unix socket, without a token
    #[arg(long, value_name = "NAME|UID", value_parser = user)]
    pub(crate) unix_user: Option<Setting<User>>,
}

/// What an option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting<T> {
    /// `none`.
    Nothing,
    /// A value.
    To(T),
}

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// By his number.
    Id(u32),
    /// By his name.
    Name(String),
}

impl<T> Setting<T> {
    fn read<E>(text: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<Self, E> {
        if text == "none" { Ok(Self::Nothing) } else { read(text).map(Self::To) }
    }
}

fn model(text: &str) -> Result<Setting<ModelPattern>, BadId> {
    Setting::read(text, ModelPattern::parse)
}

fn session(text: &str) -> Result<Setting<SessionPattern>, BadId> {
    Setting::read(text, SessionPattern::parse)
}

fn channel(text: &str) -> Result<Setting<ChannelRule>, BadId> {
    Setting::read(text, ChannelRule::parse)
}

fn need(text: &str) -> Result<Setting<Need>, String> {
    Setting::read(text, |text| word(text, &Need::ALL))
}

fn area(text: &str) -> Result<Setting<SharedArea>, String> {
    Setting::read(text, |text| word(text, &SharedArea::ALL))
}

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        format!("expected one of {}, or `none`", words.join(", "))
    })
}

fn count(text: &str) -> Result<Setting<u64>, String> {
    let wrong = || "expected a whole number, or `none`".to_owned();
    Setting::read(text, |text| text.parse().map_err(|_| wrong()))
}

fn dollars(text: &str) -> Result<Setting<u64>, String> {
    let wrong = || "expected dollars, e.g. `2.50`, with at most six decimals, or `none`".to_owned();
    Setting::read(text, |text| Limits::micro_usd_of(text).ok_or_else(wrong))
}

fn time(text: &str) -> Result<Setting<u64>, String> {
    Setting::read(text, age_ms)
}

fn user(text: &str) -> Result<Setting<User>, String> {
    Setting::read(text, |text| match text.parse() {
        Ok(uid) => Ok(User::Id(uid)),
        Err(_) if text.is_empty() || text.bytes().any(|b| b == b':' || b.is_ascii_control()) => {
            Err("expected the name or the number of a user, or `none`".to_owned())
        }
        Err(_) => Ok(User::Name(text.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_takes_away_and_all_else_is_read() {
        assert_eq!(count("none"), Ok(Setting::Nothing));
        assert_eq!(count("7"), Ok(Setting::To(7)));
        let wrong = Err("expected a whole number, or `none`".to_owned());
        for text in ["", "-1", "1.5", "7k", "None"] {
            assert_eq!(count(text), wrong, "{text}");
        }
        assert_eq!(dollars("2.5"), Ok(Setting::To(2_500_000)));
        for text in ["", "0", "-1", "$2", "0.0000001", "inf"] {
            assert!(dollars(text).is_err(), "{text}");
        }
        assert_eq!(need("tools"), Ok(Setting::To(Need::Tools)));
        let words = "expected one of `image`, `audio`, `video`, `document`, `tools`, or `none`";
        assert_eq!(need("text"), Err(words.to_owned()));
        assert_eq!(area("workspace/x"), Err("expected one of `inbound`, `outbound`, or `none`".to_owned()));
        assert_eq!(time("30d"), Ok(Setting::To(2_592_000_000)));
        assert!(model("a b").is_err() && session("a*b").is_err() && channel("signal").is_err());
    }

    #[test]
    fn a_user_is_a_number_or_a_name() {
        assert_eq!(user("1000"), Ok(Setting::To(User::Id(1000))));
        assert_eq!(user("alice"), Ok(Setting::To(User::Name("alice".to_owned()))));
        assert_eq!(user("none"), Ok(Setting::Nothing));
        for text in ["", "a:b", "a\nb"] {
            assert!(user(text).is_err(), "{text:?}");
        }
    }
}
