//! Load for gateways on this machine: a fake upstream, a client, and a table of what came of it. Nothing of Creel is
//! known here but its command line: it is a program like its peers.

mod ask;
mod dialect;
mod error;
mod lane;
mod machine;
mod measure;
mod pace;
mod report;
mod running;
mod slow;
mod start;
mod streams;
mod upstream;
mod wrk;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::error::LoadError;
use crate::measure::Options;
use crate::pace::Pace;
use crate::streams::Plan;

/// Measures gateways side by side, on this machine and over loopback alone.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the fake upstream on a free port until standard input ends
    Upstream,
    /// Measure, and print a table
    Measure(MeasureArgs),
}

/// `measure`.
#[derive(Args)]
struct MeasureArgs {
    /// The top level of the project
    #[arg(long, value_name = "DIR", hide = true)]
    root: PathBuf,
    /// Creel's program [default: target/release/creel, built where it is not there]
    #[arg(long, value_name = "PATH")]
    creel: Option<PathBuf>,
    /// How often each case is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// For how long each time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Which programs or lanes: direct, creel, tensorzero, portkey, litellm, or with -messages, or creel-crossed
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Which cases: json, delayed, burst, stream, slow
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    cases: Vec<String>,
    /// Slow streams at once
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    streams: u16,
    /// How many of a hundred slow streams the client gives up half-way
    #[arg(long, value_name = "PERCENT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=100))]
    aborts: u8,
    /// Milliseconds between two events of a slow stream
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    gap: u64,
    /// Also write the table into a file
    #[arg(long, value_name = "FILE.md")]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Upstream => tokio::runtime::Runtime::new()
            .map_err(LoadError::Runtime)
            .and_then(|runtime| runtime.block_on(upstream::serve())),
        Command::Measure(arguments) => measure(&arguments),
    };
    match done {
        // A thread may be blocked on standard input: the process ends without it.
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("error: {}", error.chain());
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &MeasureArgs) -> Result<(), LoadError> {
    let options = Options {
        root: arguments.root.clone(),
        creel: arguments.creel.clone(),
        rounds: arguments.rounds.into(),
        seconds: arguments.seconds,
        only: arguments.only.clone(),
        cases: arguments.cases.clone(),
        slow: Plan {
            streams: arguments.streams.into(),
            aborts_percent: arguments.aborts.into(),
            pace: Pace { gap_ms: arguments.gap, ..Pace::default() },
        },
    };
    let findings = measure::measure(&options)?;
    let report = report::markdown(&findings, &options);
    print!("{report}");
    match &arguments.out {
        None => Ok(()),
        Some(path) => std::fs::write(path, report).map_err(|source| LoadError::File { path: path.clone(), source }),
    }
}
