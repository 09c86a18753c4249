//! The `creel` binary: reads the command line and gives each command what it needs. Nothing is decided here.

#![forbid(unsafe_code)]

#[expect(clippy::disallowed_methods, reason = "the administration socket is opened here and nowhere else")]
mod admin;
mod again;
mod agents;
mod answers;
mod api;
#[expect(clippy::disallowed_methods, reason = "what the operator wrote is opened here, once")]
mod boot;
#[expect(clippy::disallowed_methods, reason = "cargo, rustup and apt are run here, and crates found")]
mod build;
mod cli;
#[expect(clippy::disallowed_methods, reason = "the one clock of the program")]
mod clock;
mod compare;
mod component_build;
mod connections;
mod decisions;
#[expect(
    clippy::disallowed_methods,
    reason = "the demo has a directory of its own, and reads the picture that the user names"
)]
mod demo;
mod error;
mod exit;
mod explain;
mod health;
mod import;
mod log;
#[expect(clippy::disallowed_methods, reason = "the bridge connects to the daemon here, and nowhere else")]
mod mcp;
#[expect(
    clippy::disallowed_methods,
    reason = "a file that the operator names is stored here, and a medium is written where the operator says"
)]
mod media;
mod metrics;
mod places;
mod plugin;
#[expect(clippy::disallowed_methods, reason = "components are found and read here")]
mod plugins;
mod probe;
#[expect(clippy::disallowed_methods, reason = "the environment and the command line are read here, once")]
mod process;
mod ready;
mod reload;
mod render;
#[expect(clippy::disallowed_methods, reason = "a secret is read from the file that the operator names")]
mod secrets;
#[expect(clippy::disallowed_methods, reason = "the daemon listens here")]
mod serve;
mod telemetry;
mod views;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use cli::{Cli, Command, ImportCommand, ModelsCommand, PluginCommand, SecretsCommand};
use creel_policy::config::LogLevel;
use error::CommandError;
use exit::Exit;
use places::Places;
use process::Process;

/// A request makes and drops some hundreds of small things, and a rush thousands of connections. The C library takes its
/// time over the former and keeps the memory of the latter; this one gives it back after some seconds.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let process = Arc::new(Process::ambient());
    let exit = run(cli, &process).unwrap_or_else(|error| {
        let text = render::failure(&error, process.style_of_stderr());
        // Where standard error is closed there is nobody to tell.
        drop(std::io::stderr().lock().write_all(text.as_bytes()));
        error.exit()
    });
    exit.into()
}

fn run(cli: Cli, process: &Arc<Process>) -> Result<Exit, CommandError> {
    let places = || Places::find(&cli.global, process);
    match &cli.command {
        Command::Serve(args) => serve::run(args, &places()?, process),
        Command::Reload(args) => {
            log::start_quiet(process)?;
            reload::run(args, &places()?, process)
        }
        Command::Demo(args) => {
            log::start(&args.log, Some(LogLevel::Warn), process)?;
            demo::run(args, process)
        }
        Command::Plugin(command) => {
            log::start_quiet(process)?;
            match command {
                PluginCommand::Build(args) => component_build::run(args, process),
                PluginCommand::Approve(args) => plugin::approve(args, &places()?, process),
                PluginCommand::List(args) => plugin::list(args, &places()?, process),
                PluginCommand::Inspect(args) => plugin::inspect(args, &places()?, process),
            }
        }
        Command::Models(ModelsCommand::Status(args)) => {
            log::start_quiet(process)?;
            explain::status(args, &places()?, process)
        }
        Command::Agents(command) => {
            log::start_quiet(process)?;
            agents::run(command, &places()?, process)
        }
        Command::Media(command) => {
            log::start_quiet(process)?;
            media::run(command, &places()?, process)
        }
        Command::Import(ImportCommand::Openclaw(args)) => {
            log::start_quiet(process)?;
            import::run(args, &places()?, process)
        }
        Command::Secrets(command) => {
            log::start_quiet(process)?;
            match command {
                SecretsCommand::Set(args) => secrets::vault::set(args, &places()?, process),
                SecretsCommand::List(args) => secrets::vault::list(args, &places()?, process),
                SecretsCommand::Rm(args) => secrets::vault::remove(args, &places()?, process),
                SecretsCommand::Rotate(_) => secrets::vault::rotate(&places()?, process),
                SecretsCommand::Audit(args) => secrets::audit::run(args, &places()?, process),
            }
        }
        Command::Explain(command) => {
            log::start_quiet(process)?;
            explain::run(command, &places()?, process)
        }
        Command::Audit(args) => {
            log::start_quiet(process)?;
            decisions::run(args, &places()?, process)
        }
        Command::Mcp(args) => {
            log::start_quiet(process)?;
            mcp::run(args, process)
        }
        Command::Completions(args) => cli::completions(args).map_err(CommandError::Output),
    }
}

/// The runtime of commands that wait for something.
fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::Runtime)
}
