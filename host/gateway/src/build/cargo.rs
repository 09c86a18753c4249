//! Runs cargo on one plugin crate and reads what it says. How a component is compiled is written here and nowhere else,
//! so that a crate needs no profile, no crate type and no `.cargo/config.toml` of its own.
//!
//! One call makes one component: cargo takes a crate type for one crate at a time, and a crate that declares both
//! `cdylib` and `rlib` itself is not optimised across crates. What plugins share is compiled once all the same, since
//! the calls share a directory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_metadata::Message;

use super::discover::PluginCrate;
use super::error::BuildError;
use super::options::{BuildOptions, Lockfile, Network};
use super::process::{Call, Exit, Line, Machine, Said};
use super::progress::{Event, Progress};
use super::toolchain::{TARGET, Toolchain};

/// The release profile of every component, whatever the workspace says of its own.
const PROFILE: &[&str] = &[
    "profile.release.opt-level=3",
    "profile.release.lto=\"fat\"",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=true",
];

/// Columns that cargo sets the verb of a status line in.
const VERB_COLUMNS: usize = 12;

/// What cargo made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Artifact {
    pub(crate) path: PathBuf,
    /// Cargo had nothing to do.
    pub(crate) is_fresh: bool,
}

/// Compiles one plugin in `directory`, which decides about cargo's configuration.
///
/// # Errors
///
/// [`BuildError::Compile`], [`BuildError::Run`] or [`BuildError::NoArtifact`].
pub(crate) fn compile(
    machine: &dyn Machine,
    options: &BuildOptions,
    toolchain: &Toolchain,
    plugin: &PluginCrate,
    progress: &mut dyn Progress,
) -> Result<Artifact, BuildError> {
    let id = &plugin.manifest.id;
    let home = machine.environment().cargo_home();
    let mut call = Call::new(
        &toolchain.cargo,
        &plugin.run_in,
        &arguments(options, toolchain, plugin, home.as_deref()),
    );
    call.set.clone_from(&toolchain.set);
    call.set.push(("CARGO_TERM_COLOR".into(), "never".into()));
    call.set
        .push(("CARGO_TERM_PROGRESS_WHEN".into(), "never".into()));

    let mut reader = Reader {
        manifest: plugin.directory.join("Cargo.toml"),
        ..Reader::default()
    };
    let ended = machine.run(&call, &mut |line| reader.read(line, progress));
    match ended {
        Ok(Exit::Success) => {}
        Ok(Exit::Failure(how)) => {
            return Err(BuildError::Compile {
                id: id.clone(),
                said: reader.said.into_text_or(&how),
            });
        }
        Err(source) => {
            return Err(BuildError::Run {
                program: toolchain.cargo.clone(),
                source,
            });
        }
    }
    let warnings = reader.said.into_text();
    if !warnings.is_empty() {
        progress.tell(Event::Warnings {
            id,
            text: &warnings,
        });
    }
    reader
        .artifact
        .ok_or_else(|| BuildError::NoArtifact { id: id.clone() })
}

/// All that cargo is told.
fn arguments(
    options: &BuildOptions,
    toolchain: &Toolchain,
    plugin: &PluginCrate,
    cargo_home: Option<&Path>,
) -> Vec<OsString> {
    let work = plugin.target_directory.join(toolchain.work_directory);
    let mut arguments: Vec<OsString> = ["rustc", "--manifest-path"].map(OsString::from).into();
    arguments.push(plugin.directory.join("Cargo.toml").into());
    arguments.extend(
        [
            "--lib",
            "--crate-type",
            "cdylib",
            "--release",
            "--target",
            TARGET,
        ]
        .map(OsString::from),
    );
    arguments.push("--target-dir".into());
    arguments.push(work.clone().into());
    arguments.extend(["--message-format", "json-render-diagnostics"].map(OsString::from));
    if options.network == Network::Offline {
        arguments.push("--offline".into());
    }
    if options.lockfile == Lockfile::Locked {
        arguments.push("--locked".into());
    }
    arguments.extend(toolchain.cargo_arguments.iter().map(OsString::from));
    let settings = PROFILE.iter().map(|setting| (*setting).to_owned());
    let settings = settings.chain([build_directory(&work), target_flags(plugin, cargo_home)]);
    for setting in settings {
        arguments.extend(["--config".into(), setting.into()]);
    }
    arguments.extend(["--", "-C"].map(OsString::from));
    arguments.push(format!("link-arg=-zstack-size={}", plugin.stack_bytes).into());
    arguments.extend(toolchain.link_arguments.iter().cloned());
    arguments
}

/// An operator who keeps cargo's intermediate files elsewhere keeps those of the host there; ours would wait for the
/// lock of an outer `cargo run`.
fn build_directory(work: &Path) -> String {
    format!("build.build-dir={}", quoted(&work.to_string_lossy()))
}

/// Flags for every crate of the component. That there are any keeps cargo from using `build.rustflags`, which are meant
/// for the host. These take the directories of this machine out of panic messages: a plugin has no business with them,
/// and the same sources give the same bytes elsewhere.
fn target_flags(plugin: &PluginCrate, cargo_home: Option<&Path>) -> String {
    let remap = |from: &Path, to| quoted(&format!("--remap-path-prefix={}={to}", from.display()));
    let mut flags = vec![remap(&plugin.workspace_root, "/plugin")];
    flags.extend(cargo_home.map(|home| remap(home, "/cargo")));
    format!("target.{TARGET}.rustflags=[{}]", flags.join(","))
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// What is known from the lines so far.
#[derive(Default)]
struct Reader {
    /// Whose artifact counts.
    manifest: PathBuf,
    said: Said,
    crates: usize,
    artifact: Option<Artifact>,
}

impl Reader {
    fn read(&mut self, line: Line<'_>, progress: &mut dyn Progress) {
        match line {
            Line::Out(text) => self.read_message(text, progress),
            Line::Err(text) if is_status(text) => {
                progress.tell(Event::Status { line: text.trim() })
            }
            Line::Err(text) => self.said.push(text),
        }
    }

    /// Messages of other kinds, and lines that are none, say nothing that is needed.
    fn read_message(&mut self, text: &str, progress: &mut dyn Progress) {
        let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str(text) else {
            return;
        };
        self.crates += 1;
        progress.tell(Event::Compiled {
            name: &artifact.target.name,
            count: self.crates,
        });
        if artifact.manifest_path.as_std_path() != self.manifest {
            return;
        }
        let component = artifact
            .filenames
            .iter()
            .find(|file| file.extension() == Some("wasm"));
        if let Some(file) = component {
            self.artifact = Some(Artifact {
                path: file.into(),
                is_fresh: artifact.fresh,
            });
        }
    }
}

/// `   Compiling serde v1.0.229`: a verb, set to the right.
fn is_status(line: &str) -> bool {
    let Some((verb, rest)) = line.split_at_checked(VERB_COLUMNS) else {
        return false;
    };
    let word = verb.trim_start();
    rest.starts_with(' ')
        && word.len() < VERB_COLUMNS
        && word
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_uppercase())
        && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}
