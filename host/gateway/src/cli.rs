//! The command line: every command, option and example. What a command does is not here.

mod agents;
mod decisions;
mod import;
mod mcp;
mod media;
mod vault;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use creel_policy::ids::{ModelRef, ProfileId, ProviderId};
use creel_policy::manifest::Input;

use crate::exit::{self, Exit};

pub(crate) use agents::{
    AddAgentArgs, AgentsCommand, GrantArgs, ListAgentsArgs, RevokeAgentArgs, RotateAgentArgs, SetAgentArgs, Setting,
    ShowAgentArgs, User,
};
pub(crate) use decisions::DecisionsArgs;
pub(crate) use import::{AuditArgs, ImportCommand, ImportOpenclawArgs, SeverityArg};
pub(crate) use mcp::McpArgs;
pub(crate) use media::{
    CollectMediaArgs, GetMediaArgs, ListMediaArgs, MediaCommand, PutMediaArgs, RemoveMediaArgs, ShowMediaArgs,
    VerifyMediaArgs,
};
pub(crate) use vault::{ListSecretsArgs, RemoveSecretArgs, RotateArgs, SetSecretArgs};

/// Where the daemon listens unless something else is said.
pub(crate) const LISTEN_PORT: u16 = 18790;

/// `creel` and what stands before its commands.
#[derive(Parser)]
#[command(
    name = "creel",
    version,
    about = "Hosts WebAssembly plugins for AI providers and messaging channels",
    long_about = "Hosts WebAssembly plugins for AI providers and messaging channels.\n\n\
        A plugin gets exactly what it was granted, and `creel explain` says at any time what that is and why.",
    after_help = exit::HELP,
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GlobalArgs {
    /// Directory that holds everything Creel keeps [default: $CREEL_STATE_DIR, else ~/.creel]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) state_dir: Option<PathBuf>,
    /// The configuration [default: creel.json5 in the state directory]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
}

/// What can be done.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the daemon: load the plugins, listen on the channels, answer messages
    Serve(ServeArgs),
    /// Make the daemon read again what the operator wrote, secrets included
    Reload(ReloadArgs),
    /// Send a picture through the whole chain on this machine, with stand-ins for the networks
    Demo(DemoArgs),
    /// Build, approve and look at plugins
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Look at models and what they would be called with
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Look after the secrets that Creel is given
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Look after the programs that use Creel, and their tokens
    #[command(subcommand)]
    Agents(AgentsCommand),
    /// Look after stored media
    #[command(subcommand)]
    Media(MediaCommand),
    /// Carry the Model Context Protocol between a client that starts this and the daemon
    Mcp(McpArgs),
    /// Take over what another gateway has
    #[command(subcommand)]
    Import(ImportCommand),
    /// Say what would be done, and why
    #[command(subcommand)]
    Explain(ExplainCommand),
    /// Show what was decided, and by which rule
    Audit(DecisionsArgs),
    /// Print the completion script of a shell
    #[command(after_help = "Example:\n  creel completions bash > ~/.local/share/bash-completion/completions/creel")]
    Completions(CompletionsArgs),
}

/// What is logged, and how.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LogArgs {
    /// How log lines look [default: human]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) log_format: Option<LogFormat>,
    /// How much is logged [default: $CREEL_LOG, else `logging.level` of the configuration, else info]
    #[arg(long, value_name = "LEVEL", value_enum)]
    pub(crate) log_level: Option<LogLevelArg>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Human,
    /// One JSON object a line
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevelArg {
    /// What went wrong
    Error,
    /// And what may go wrong
    Warn,
    /// And what was done
    Info,
    /// And how it was done
    Debug,
    /// And each step
    Trace,
}

/// `creel serve`.
#[derive(Args, Debug)]
#[command(after_help = "\
Prints `listening on ADDRESS` on standard output once it is ready; logs go to standard error. SIGTERM and SIGINT stop it
once the turns under way are done; a second one stops it at once. SIGHUP does what `creel reload` does, unless the daemon
was started on a terminal, whose end stops it.

Examples:
  creel serve
  creel serve --state-dir /var/lib/creel --log-format json")]
pub(crate) struct ServeArgs {
    /// Address of the HTTP server [default: 127.0.0.1:18790, or what `gateway` of the configuration says]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// `creel reload`.
#[derive(Args, Debug)]
#[command(after_help = "\
Configuration, profiles, secrets and plugins are read again. What has begun ends by what it began with. Where the
configuration is not valid nothing changes; a secret that cannot be had disables its owner alone. SIGHUP does the same.

Examples:
  creel reload
  creel reload --json")]
pub(crate) struct ReloadArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel demo`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  creel demo\n  creel demo --image cat.jpg --json")]
pub(crate) struct DemoArgs {
    /// The picture to send instead of a made one
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,
    /// Ask the real Anthropic API, with $ANTHROPIC_API_KEY
    #[arg(long)]
    pub(crate) anthropic_live: bool,
    /// Print each step as a JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// `creel plugin …`.
#[derive(Subcommand)]
pub(crate) enum PluginCommand {
    /// Build plugin components from their crates
    Build(BuildArgs),
    /// Show what a plugin asks for, and allow it
    Approve(ApproveArgs),
    /// List every plugin that is found, and whether it may run
    List(ListArgs),
    /// Show what a plugin asks for
    Inspect(InspectArgs),
}

/// `creel plugin build`.
#[derive(Args, Debug)]
#[command(after_help = "\
Each component is written to OUT/<id>.wasm with its manifest inside.

Examples:
  creel plugin build
  creel plugin build plugins/anthropic --out ~/.creel/plugins")]
pub(crate) struct BuildArgs {
    /// Plugin crates [default: every plugin of the workspace around the current directory]
    #[arg(value_name = "DIR")]
    pub(crate) directories: Vec<PathBuf>,
    /// Where components go [default: `plugins` in cargo's target directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Where the compiler comes from
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) toolchain: ToolchainArg,
    /// Fetch nothing
    #[arg(long)]
    pub(crate) offline: bool,
    /// Do not change Cargo.lock
    #[arg(long)]
    pub(crate) locked: bool,
    /// Install nothing on this machine
    #[arg(long)]
    pub(crate) no_install: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the compiler comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ToolchainArg {
    /// That of the crate's directory, else Debian's
    Auto,
    /// That of the crate's directory
    Rustup,
    /// Debian's packages
    Debian,
}

/// `creel plugin approve`.
#[derive(Args, Debug)]
#[command(after_help = "\
Pins the component and its manifest in creel.lock of the state directory: another component of the same name must be
approved anew. Plugins that come with Creel need no approval.

Examples:
  creel plugin approve ./weather.wasm
  creel plugin approve weather --yes")]
pub(crate) struct ApproveArgs {
    /// A component file, or the id of a plugin that is found
    #[arg(value_name = "FILE|ID")]
    pub(crate) plugin: String,
    /// Approve without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `creel plugin list`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  creel plugin list\n  creel plugin list --json")]
pub(crate) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel plugin inspect`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  creel plugin inspect ./weather.wasm\n  creel plugin inspect anthropic --json")]
pub(crate) struct InspectArgs {
    /// A component file, or the id of a plugin that is found
    #[arg(value_name = "FILE|ID")]
    pub(crate) plugin: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `creel models …`.
#[derive(Subcommand)]
pub(crate) enum ModelsCommand {
    /// Show which credential each configured model would be called with
    Status(StatusArgs),
}

/// `creel models status`.
#[derive(Args, Debug)]
#[command(after_help = "\
The daemon answers where one runs: what it prints is what it would send. Else the files are read. With `--probe` each
provider is asked once for each credential that it would be sent: for its list of models, which costs nothing, else for
one token.

Examples:
  creel models status
  creel models status --check           # exit code 3 where a model could not be called
  creel models status --probe --check   # the same after a real call")]
pub(crate) struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 3 where a model could not be called
    #[arg(long)]
    pub(crate) check: bool,
    /// Ask each provider whether it takes the credential
    #[arg(long)]
    pub(crate) probe: bool,
}

/// `creel secrets …`.
#[derive(Subcommand)]
pub(crate) enum SecretsCommand {
    /// Put a secret into the vault, encrypted
    Set(SetSecretArgs),
    /// List what is in the vault, without values
    List(ListSecretsArgs),
    /// Take a secret out of the vault
    Rm(RemoveSecretArgs),
    /// Give the vault a fresh key
    Rotate(RotateArgs),
    /// Find secrets that are not kept well, and references that lead to nothing
    Audit(AuditArgs),
}

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

/// `creel completions`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

impl ExplainAuthArgs {
    /// The model that was named, with its provider.
    pub(crate) fn model(&self) -> Option<String> {
        let model = self.model.as_deref()?;
        let whole = ModelRef::parse(model).is_ok_and(|parsed| parsed.provider == self.provider);
        Some(if whole { model.to_owned() } else { format!("{}/{model}", self.provider) })
    }
}

/// Writes a completion script to standard output.
pub(crate) fn completions(args: &CompletionsArgs) -> io::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "creel", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)?;
    Ok(Exit::Ok)
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
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

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
