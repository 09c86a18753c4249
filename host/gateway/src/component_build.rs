//! `creel plugin build`: hands the command line to `build` and shows how far it has come.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::build::{self, BuildOptions, Built, Event, Install, Lockfile, Network, Progress, State, ToolchainChoice};
use crate::cli::{BuildArgs, ToolchainArg};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::explain::print;
use crate::process::Process;

/// Builds components.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn run(args: &BuildArgs, process: &Process) -> Result<Exit, CommandError> {
    let options = options(args, process)?;
    let mut shown = Shown::new(process.stderr_is_terminal);
    let built = build::build(&options, &mut shown);
    shown.bar.finish_and_clear();
    let built = built?;
    if args.json {
        print(&serde_json::to_string_pretty(&built)?)?;
    } else {
        let lines: Vec<String> = built.iter().map(line).collect();
        print(&lines.join("\n"))?;
    }
    Ok(Exit::Ok)
}

/// Builds the plugins of the workspace around the current directory, where there is one, and gives the directory of
/// the components. Elsewhere `None`: a program that was installed has its components beside it.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn shipped(process: &Process) -> Result<Option<PathBuf>, CommandError> {
    let options = BuildOptions {
        directories: Vec::new(),
        current_directory: process.current_directory.clone().ok_or(CommandError::NoCurrentDirectory)?,
        out: None,
        toolchain: ToolchainChoice::Auto,
        network: Network::Online,
        lockfile: Lockfile::MayChange,
        install: Install::Allowed,
        environment: process.build_environment(),
    };
    let mut shown = Shown::new(process.stderr_is_terminal);
    let built = build::build(&options, &mut shown);
    shown.bar.finish_and_clear();
    match built {
        Ok(built) => Ok(built.first().and_then(|built| built.path.parent()).map(Path::to_owned)),
        Err(error) if error.is_nothing_to_build() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn options(args: &BuildArgs, process: &Process) -> Result<BuildOptions, CommandError> {
    let toolchain = match args.toolchain {
        ToolchainArg::Auto => ToolchainChoice::Auto,
        ToolchainArg::Rustup => ToolchainChoice::Rustup,
        ToolchainArg::Debian => ToolchainChoice::Debian,
    };
    Ok(BuildOptions {
        directories: args.directories.clone(),
        current_directory: process.current_directory.clone().ok_or(CommandError::NoCurrentDirectory)?,
        out: args.out.clone(),
        toolchain,
        network: if args.offline { Network::Offline } else { Network::Online },
        lockfile: if args.locked { Lockfile::Locked } else { Lockfile::MayChange },
        install: if args.no_install { Install::Never } else { Install::Allowed },
        environment: process.build_environment(),
    })
}

fn line(built: &Built) -> String {
    let state = match built.state {
        State::Fresh => "fresh",
        State::Built => "built",
    };
    format!("{state} {} {} ({} KB) {}", built.id, built.version, built.bytes.div_ceil(1_000), built.path.display())
}

/// Shows a build on standard error: a line that moves for whoever watches, plain lines for a log.
struct Shown {
    bar: ProgressBar,
    is_watched: bool,
}

impl Shown {
    fn new(is_watched: bool) -> Self {
        let target = if is_watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, is_watched }
    }

    fn say(&self, line: &str) {
        let write = || {
            // Where standard error is closed there is nobody to tell.
            drop(writeln!(std::io::stderr().lock(), "{line}"));
        };
        self.bar.suspend(write);
    }
}

impl Progress for Shown {
    fn tell(&mut self, event: Event<'_>) {
        match event {
            Event::Running { command, purpose } => self.say(&format!("running `{command}` ({purpose})")),
            Event::Status { line } => self.bar.set_message(line.to_owned()),
            Event::FellBack { reason, to } => self.say(&format!("{reason}; trying {to}")),
            Event::Toolchain { name } => self.say(&format!("using {name}")),
            Event::Started { id, index, total } => {
                self.bar.set_prefix(format!("[{}/{total}] {id}", index + 1));
                self.bar.set_message("");
                if !self.is_watched {
                    self.say(&format!("building {id} ({} of {total})", index + 1));
                }
            }
            Event::Compiled { name, count } => self.bar.set_message(format!("{name} ({count} crates)")),
            Event::Warnings { id, text } => self.say(&format!("warnings of {id}:\n{}", text.trim_end())),
            Event::Done { built } => {
                if self.is_watched {
                    self.say(&line(built));
                }
            }
        }
    }
}
