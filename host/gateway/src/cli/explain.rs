//! `creel explain …`: options and examples.

use clap::{Args, Subcommand, ValueEnum};
use creel_policy::ids::{ModelRef, ProfileId, ProviderId};
use creel_policy::manifest::Input;

/// `creel explain …`.
#[derive(Subcommand)]
#[command(after_help = "The daemon answers where one runs. Else the files and the environment of this shell are read.")]
pub(crate) enum ExplainCommand {
    /// Which credential a call would get, and why not the others
    Auth(ExplainAuthArgs),
    /// What a reference to a medium comes to
    Media(ExplainMediaArgs),
    /// Which models a message would be given to
    Route(ExplainRouteArgs),
    /// Whether a plugin may send a request
    Egress(ExplainEgressArgs),
}

/// `creel explain auth`.
#[derive(Args, Debug)]
#[command(after_help = "\
`--compare-shell` says which variables that can decide are other ones for the daemon than here. Neither side tells the other
a value: fingerprints are compared, keyed with random bytes of the state directory.

Examples:
  creel explain auth anthropic
  creel explain auth anthropic --for image --json
  creel explain auth anthropic --compare-shell")]
pub(crate) struct ExplainAuthArgs {
    /// The provider
    #[arg(value_parser = ProviderId::parse)]
    pub(crate) provider: ProviderId,
    /// What the credential is for [default: what the configuration uses the model for, else chat]
    #[arg(long = "for", value_name = "USE", value_enum)]
    pub(crate) use_: Option<UseArg>,
    /// The one profile to use
    #[arg(long, value_parser = ProfileId::parse)]
    pub(crate) profile: Option<ProfileId>,
    /// The model of the call, as `provider/model` or without the provider
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Say what differs between the environment of the daemon and that of this shell
    #[arg(long)]
    pub(crate) compare_shell: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UseArg {
    /// An answer
    Chat,
    /// An answer to, or a description of, pictures
    Image,
    /// The same of sound
    Audio,
    /// A tool of the agent
    Tool,
}

/// `creel explain media`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  creel explain media media://inbound/0123456789abcdef0123456789abcdef.jpg\n  \
    creel explain media ~/.creel/media/inbound/picture.jpg --json")]
pub(crate) struct ExplainMediaArgs {
    /// A `media://` handle, a path, or a `file:`, `data:`, `http:` or `https:` URL
    pub(crate) reference: String,
    /// What this session would get, e.g. `signal:+15557654321`, instead of you
    #[arg(long)]
    pub(crate) session: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel explain route`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  creel explain route\n  creel explain route --needs text,image")]
pub(crate) struct ExplainRouteArgs {
    /// What the message holds: text, image, audio, video, document
    #[arg(long, value_delimiter = ',', value_parser = parse_input, default_value = "text")]
    pub(crate) needs: Vec<Input>,
    /// The model that a client asks for: `provider/model`, an alias, a bare name or `default` [default: a message of a
    /// channel, which asks for none]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// How many tokens the request has
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) tokens: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel explain egress`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  creel explain egress anthropic POST https://api.anthropic.com/v1/messages\n  \
    creel explain egress channels.signal GET http://127.0.0.1:8080/api/v1/check")]
pub(crate) struct ExplainEgressArgs {
    /// A plugin, or an entry of the configuration such as `channels.signal`
    #[arg(value_name = "PLUGIN|ENTRY")]
    pub(crate) name: String,
    /// The method, e.g. POST
    pub(crate) method: String,
    /// The whole URL
    pub(crate) url: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl ExplainAuthArgs {
    /// The model that was named, with its provider.
    pub(crate) fn model(&self) -> Option<String> {
        let model = self.model.as_deref()?;
        let whole = ModelRef::parse(model).is_ok_and(|parsed| parsed.provider == self.provider);
        Some(if whole { model.to_owned() } else { format!("{}/{model}", self.provider) })
    }
}

/// Reads a kind of input, in the words of the configuration.
pub(crate) fn parse_input(text: &str) -> Result<Input, String> {
    match text.trim() {
        "text" => Ok(Input::Text),
        "image" => Ok(Input::Image),
        "audio" => Ok(Input::Audio),
        "video" => Ok(Input::Video),
        "document" => Ok(Input::Document),
        _ => Err("expected `text`, `image`, `audio`, `video` or `document`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn a_model_gets_its_provider() {
        let model = |text: &str| {
            let args = ["creel", "explain", "auth", "anthropic", "--model", text];
            match Cli::try_parse_from(args).map(|cli| cli.command) {
                Ok(Command::Explain(ExplainCommand::Auth(args))) => args.model(),
                _ => None,
            }
        };
        assert_eq!(model("claude-haiku-4-5").as_deref(), Some("anthropic/claude-haiku-4-5"));
        assert_eq!(model("anthropic/claude-haiku-4-5").as_deref(), Some("anthropic/claude-haiku-4-5"));
        assert_eq!(model("other/model").as_deref(), Some("anthropic/other/model"));
    }
}
