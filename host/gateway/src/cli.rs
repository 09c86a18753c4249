//! The command line: every command, option and example; those of each larger command stand in a
//! module of their own. What a command does is not here.

mod agents;
mod decisions;
mod explain;
mod import;
mod mcp;
mod media;
mod plugin;
mod vault;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::exit::{self, Exit};

pub(crate) use agents::{
    AddAgentArgs, AgentsCommand, GrantArgs, ListAgentsArgs, RevokeAgentArgs, RotateAgentArgs, SetAgentArgs, Setting,
    ShowAgentArgs, User,
};
pub(crate) use decisions::DecisionsArgs;
pub(crate) use explain::{ExplainAuthArgs, ExplainCommand, UseArg, parse_input};
pub(crate) use import::{AuditArgs, ImportCommand, ImportOpenclawArgs, SeverityArg};
pub(crate) use mcp::McpArgs;
pub(crate) use media::{
    CollectMediaArgs, GetMediaArgs, ListMediaArgs, MediaCommand, PutMediaArgs, RemoveMediaArgs, ShowMediaArgs,
    VerifyMediaArgs,
};
pub(crate) use plugin::{ApproveArgs, BuildArgs, InspectArgs, ListArgs, PluginCommand, ToolchainArg};
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

/// `creel completions`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Writes a completion script to standard output.
pub(crate) fn completions(args: &CompletionsArgs) -> io::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "creel", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
