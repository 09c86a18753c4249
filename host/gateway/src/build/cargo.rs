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
    let mut call = Call::new(&toolchain.cargo, &plugin.run_in, &arguments(options, toolchain, plugin, home.as_deref()));
    call.set.clone_from(&toolchain.set);
    call.set.push(("CARGO_TERM_COLOR".into(), "never".into()));
    call.set.push(("CARGO_TERM_PROGRESS_WHEN".into(), "never".into()));

    let mut reader = Reader { manifest: plugin.directory.join("Cargo.toml"), ..Reader::default() };
    let ended = machine.run(&call, &mut |line| reader.read(line, progress));
    match ended {
        Ok(Exit::Success) => {}
        Ok(Exit::Failure(how)) => {
            return Err(BuildError::Compile { id: id.clone(), said: reader.said.into_text_or(&how) });
        }
        Err(source) => {
            return Err(BuildError::Run { program: toolchain.cargo.clone(), source });
        }
    }
    let warnings = reader.said.into_text();
    if !warnings.is_empty() {
        progress.tell(Event::Warnings { id, text: &warnings });
    }
    reader.artifact.ok_or_else(|| BuildError::NoArtifact { id: id.clone() })
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
    arguments.extend(["--lib", "--crate-type", "cdylib", "--release", "--target", TARGET].map(OsString::from));
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
            Line::Err(text) if is_status(text) => progress.tell(Event::Status { line: text.trim() }),
            Line::Err(text) => self.said.push(text),
        }
    }

    /// Messages of other kinds, and lines that are none, say nothing that is needed.
    fn read_message(&mut self, text: &str, progress: &mut dyn Progress) {
        let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str(text) else {
            return;
        };
        self.crates += 1;
        progress.tell(Event::Compiled { name: &artifact.target.name, count: self.crates });
        if artifact.manifest_path.as_std_path() != self.manifest {
            return;
        }
        let component = artifact.filenames.iter().find(|file| file.extension() == Some("wasm"));
        if let Some(file) = component {
            self.artifact = Some(Artifact { path: file.into(), is_fresh: artifact.fresh });
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
        && word.bytes().next().is_some_and(|first| first.is_ascii_uppercase())
        && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::super::manifest_file::ManifestFile;
    use super::super::process::tests::Scripted;
    use super::super::progress::tests::Told;
    use super::super::run::tests::options;
    use super::*;
    use creel_policy::ids::PluginId;

    fn plugin() -> PluginCrate {
        let id = PluginId::parse("echo").expect("an id");
        PluginCrate {
            manifest: ManifestFile { id, version: "0.1.0".into(), text: String::new() },
            directory: "/ws/plugins/echo".into(),
            run_in: "/ws".into(),
            workspace_root: "/ws".into(),
            target_directory: "/ws/target".into(),
            stack_bytes: 65_536,
        }
    }

    fn toolchain() -> Toolchain {
        Toolchain {
            name: "a compiler".into(),
            cargo: "/bin/cargo".into(),
            set: Vec::new(),
            cargo_arguments: Vec::new(),
            link_arguments: Vec::new(),
            work_directory: "components",
        }
    }

    /// What cargo is told when nothing was said.
    const CALL: &str = "cargo rustc --manifest-path /ws/plugins/echo/Cargo.toml --lib --crate-type cdylib --release \
        --target wasm32-wasip2 --target-dir /ws/target/components --message-format json-render-diagnostics \
        --config profile.release.opt-level=3 --config profile.release.lto=\"fat\" \
        --config profile.release.codegen-units=1 --config profile.release.panic=\"abort\" \
        --config profile.release.strip=true --config build.build-dir=\"/ws/target/components\" \
        --config target.wasm32-wasip2.rustflags=[\"--remap-path-prefix=/ws=/plugin\"] \
        -- -C link-arg=-zstack-size=65536";

    fn command(options: &BuildOptions, toolchain: &Toolchain, home: Option<&Path>) -> String {
        let arguments = arguments(options, toolchain, &plugin(), home);
        Call::new(&toolchain.cargo, Path::new("/ws"), &arguments).to_string()
    }

    fn run(answer: Result<&'static str, &'static str>) -> (Result<Artifact, BuildError>, Vec<String>) {
        let machine = Scripted { answers: vec![(CALL, answer)], ..Scripted::default() };
        let mut told = Told::default();
        let artifact = compile(&machine, &options(), &toolchain(), &plugin(), &mut told);
        (artifact, told.0)
    }

    #[test]
    fn cargo_is_told_all_that_a_component_needs() {
        assert_eq!(command(&options(), &toolchain(), None), CALL);
    }

    #[test]
    fn wishes_and_toolchains_add_to_it() {
        let options = BuildOptions { network: Network::Offline, lockfile: Lockfile::Locked, ..options() };
        let toolchain = Toolchain {
            cargo_arguments: vec!["-Zbuild-std=std"],
            link_arguments: vec!["-L".into(), "native=/lib".into()],
            work_directory: "elsewhere",
            ..toolchain()
        };
        let expect = CALL
            .replace("/ws/target/components", "/ws/target/elsewhere")
            .replace("diagnostics ", "diagnostics --offline --locked -Zbuild-std=std ")
            .replace(
                "=/plugin\"]",
                "=/plugin\",\"--remap-path-prefix=/a \\\"b\\\"=/cargo\"]".replace("\\\"", "'").as_str(),
            );
        assert_eq!(command(&options, &toolchain, Some(Path::new("/a 'b'"))), format!("{expect} -L native=/lib"));
    }

    #[test]
    fn paths_are_quoted_as_toml_wants_it() {
        for path in ["/a b", "/a\"b", "/a'b", "/a\\b", "/ä"] {
            let read: toml::Table = toml::from_str(&format!("x={}", quoted(path))).expect("TOML");
            assert_eq!(read.get("x").and_then(toml::Value::as_str), Some(path));
        }
    }

    const ARTIFACT: &str = concat!(
        r#"{"reason":"compiler-artifact","package_id":"path+file:///ws/plugins/echo#0.1.0","#,
        r#""manifest_path":"/ws/plugins/echo/Cargo.toml","target":{"kind":["cdylib"],"crate_types":["cdylib"],"#,
        r#""name":"creel_plugin_echo","src_path":"/ws/plugins/echo/src/lib.rs","edition":"2024"},"profile":"#,
        r#"{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false},"#,
        r#""features":[],"filenames":["/ws/target/x.d","/ws/target/x.wasm"],"executable":null,"fresh":true}"#,
    );

    #[test]
    fn the_artifact_of_the_crate_itself_counts() {
        let (artifact, told) = run(Ok(ARTIFACT));
        assert_eq!(artifact.expect("built"), Artifact { path: "/ws/target/x.wasm".into(), is_fresh: true });
        assert_eq!(told, ["compiled creel_plugin_echo 1"]);

        let other: &'static str = Box::leak(ARTIFACT.replace("plugins/echo/Cargo", "plugins/sdk/Cargo").into());
        let error = run(Ok(other)).0.expect_err("an error");
        assert_eq!(error.to_string(), "cargo built plugin `echo` and named no `.wasm` file");
    }

    #[test]
    fn a_failure_says_what_the_compiler_said_and_no_more() {
        let said = "   Compiling serde v1.0.229\nerror[E0425]: cannot find value `x`\n  --> src/lib.rs:1:1\n   |\n\
                    error: could not compile `creel-plugin-echo` (lib) due to 1 previous error";
        let (artifact, told) = run(Err(said));
        assert_eq!(
            artifact.expect_err("an error").to_string(),
            "plugin `echo` does not compile\nerror[E0425]: cannot find value `x`\n  --> src/lib.rs:1:1\n   |\n\
             error: could not compile `creel-plugin-echo` (lib) due to 1 previous error",
        );
        assert_eq!(told, ["status Compiling serde v1.0.229"]);
        let silent = run(Err("")).0.expect_err("an error");
        assert_eq!(silent.to_string(), "plugin `echo` does not compile\nexit status: 1");
    }

    #[test]
    fn a_status_line_is_a_verb_set_to_the_right() {
        for line in ["   Compiling a v1", "    Finished `release`", "    Blocking waiting", " Downloading crates"] {
            assert!(is_status(line), "{line}");
        }
        for line in ["error: a", "warning: b", "  --> src/lib.rs:1:1", "   |", "12 |     let", "", "   = note: what"] {
            assert!(!is_status(line), "{line}");
        }
        assert!(!is_status("Constructing nothing"));
        assert!(!is_status("          ä Compiling"));
    }
}
