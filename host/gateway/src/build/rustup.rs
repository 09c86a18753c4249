//! The first way to a compiler: the toolchain that cargo uses in the crate's directory, to which rustup adds the target
//! where it is missing. A toolchain that has the target already needs no rustup. Nothing here knows about packages.

use std::path::{Path, PathBuf};

use super::options::{BuildOptions, Install, Network};
use super::process::{Answer, Call, Exit, Machine, Said, ask};
use super::progress::{Event, Progress, tell_status};
use super::toolchain::{TARGET, Toolchain};

/// Why the toolchain of the directory will not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RustupRefusal {
    /// Nothing to ask.
    #[error("there is no `{program}` on the `PATH`")]
    NoProgram {
        /// `cargo` or `rustc`.
        program: &'static str,
    },
    /// The compiler does not start, e.g. since a `rust-toolchain.toml` names one that is not installed.
    #[error("`{call}` failed: {said}")]
    Compiler {
        /// What was run.
        call: String,
        /// What it said.
        said: String,
    },
    /// The target is missing, and so is rustup.
    #[error("`{}` has no `{TARGET}`, and there is no `rustup` to add it", rustc.display())]
    NoRustup {
        /// The compiler that was asked.
        rustc: PathBuf,
    },
    /// The target is missing and nothing may be installed.
    #[error("`{TARGET}` is not installed, and `--no-install` was given")]
    InstallNotAllowed,
    /// The target is missing and nothing may be fetched.
    #[error("`{TARGET}` is not installed, and `--offline` was given")]
    Offline,
    /// Rustup would not.
    #[error("`{}` failed: {said}", command_line())]
    Failed {
        /// What it said.
        said: String,
    },
    /// Rustup did, for another toolchain.
    #[error("`{}` succeeded, but `{}` still has no `{TARGET}`", command_line(), rustc.display())]
    StillMissing {
        /// The compiler that was asked.
        rustc: PathBuf,
    },
}

/// What adds the target.
pub(crate) fn command_line() -> String {
    format!("rustup target add {TARGET}")
}

/// Sees to the target in the toolchain that cargo uses in `directory`.
///
/// # Errors
///
/// [`RustupRefusal`].
pub(super) fn prepare(
    machine: &dyn Machine,
    options: &BuildOptions,
    directory: &Path,
    progress: &mut dyn Progress,
) -> Result<Toolchain, RustupRefusal> {
    let find = |program| machine.find(program).ok_or(RustupRefusal::NoProgram { program });
    let cargo = find("cargo")?;
    let rustc = find("rustc")?;
    if !has_target(machine, &rustc, directory)? {
        add_target(machine, options, directory, &rustc, progress)?;
        if !has_target(machine, &rustc, directory)? {
            return Err(RustupRefusal::StillMissing { rustc });
        }
    }
    Ok(Toolchain {
        name: inquire(machine, &rustc, directory, &["--version"])?,
        cargo,
        set: Vec::new(),
        cargo_arguments: Vec::new(),
        link_arguments: Vec::new(),
        work_directory: "components",
    })
}

fn has_target(machine: &dyn Machine, rustc: &Path, directory: &Path) -> Result<bool, RustupRefusal> {
    let libraries = inquire(machine, rustc, directory, &["--print", "target-libdir", "--target", TARGET])?;
    let is_std = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    };
    Ok(machine.children(Path::new(&libraries)).iter().any(is_std))
}

fn inquire(machine: &dyn Machine, rustc: &Path, directory: &Path, arguments: &[&str]) -> Result<String, RustupRefusal> {
    let call = Call::new(rustc, directory, arguments);
    match ask(machine, &call) {
        Answer::Text(text) => Ok(text),
        Answer::Failed(said) => Err(RustupRefusal::Compiler { call: call.to_string(), said }),
    }
}

fn add_target(
    machine: &dyn Machine,
    options: &BuildOptions,
    directory: &Path,
    rustc: &Path,
    progress: &mut dyn Progress,
) -> Result<(), RustupRefusal> {
    let rustup = machine.find("rustup").ok_or_else(|| RustupRefusal::NoRustup { rustc: rustc.to_owned() })?;
    match (options.install, options.network) {
        (Install::Allowed, Network::Online) => {}
        (Install::Never, _) => return Err(RustupRefusal::InstallNotAllowed),
        (Install::Allowed, Network::Offline) => return Err(RustupRefusal::Offline),
    }
    let mut call = Call::new(&rustup, directory, &["target", "add", TARGET]);
    call.set.push(("RUST_BACKTRACE".into(), "0".into()));
    progress.tell(Event::Running { command: &call.to_string(), purpose: "adds the target of plugin components" });
    let mut said = Said::default();
    let ended = machine.run(&call, &mut |line| {
        if !line.text().starts_with("info: ") {
            said.push(line.text());
        }
        tell_status(line, progress);
    });
    match ended {
        Ok(Exit::Success) => Ok(()),
        Ok(Exit::Failure(how)) => Err(RustupRefusal::Failed { said: said.into_text_or(&how) }),
        Err(error) => Err(RustupRefusal::Failed { said: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::ToolchainChoice;
    use super::super::process::tests::Scripted;
    use super::super::progress::tests::Told;
    use super::super::run::tests::options;
    use super::*;

    const LIBDIR: &str = "rustc --print target-libdir --target wasm32-wasip2";
    const ADD: &str = "rustup target add wasm32-wasip2";
    const STD: &str = "/tc/wasm32-wasip2/lib/libstd-0123.rlib";

    fn machine() -> Scripted {
        Scripted {
            programs: vec!["/bin/cargo", "/bin/rustc", "/bin/rustup"],
            answers: vec![(LIBDIR, Ok("/tc/wasm32-wasip2/lib")), ("rustc --version", Ok("rustc 1.95.0 (5 2026)"))],
            ..Scripted::default()
        }
    }

    fn check(machine: &Scripted, options: &BuildOptions, expect: &str) {
        let refusal = prepare(machine, options, Path::new("/ws"), &mut Told::default()).expect_err("a refusal");
        assert_eq!(refusal.to_string(), expect);
    }

    #[test]
    fn a_toolchain_that_has_the_target_is_taken_without_rustup() {
        let mut machine = Scripted { paths: vec![STD.into()].into(), ..machine() };
        machine.programs.pop();
        let options = BuildOptions { install: Install::Never, network: Network::Offline, ..options() };
        let toolchain = prepare(&machine, &options, Path::new("/ws"), &mut Told::default()).expect("a toolchain");
        assert_eq!(toolchain.name, "rustc 1.95.0 (5 2026)");
        assert_eq!(toolchain.cargo, Path::new("/bin/cargo"));
        assert_eq!(*machine.ran.borrow(), [LIBDIR, "rustc --version"]);
    }

    #[test]
    fn a_missing_target_is_added() {
        let mut machine = Scripted { creates: vec![(ADD, STD)], ..machine() };
        machine.answers.push((ADD, Ok("info: downloading component rust-std")));
        let mut told = Told::default();
        prepare(&machine, &options(), Path::new("/ws"), &mut told).expect("a toolchain");
        assert_eq!(*machine.ran.borrow(), [LIBDIR, ADD, LIBDIR, "rustc --version"]);
        assert_eq!(told.0, ["running rustup target add wasm32-wasip2", "status info: downloading component rust-std"]);
    }

    #[test]
    fn each_refusal_says_what_is_missing() {
        let options = BuildOptions { toolchain: ToolchainChoice::Rustup, ..options() };
        let none = Scripted::default();
        check(&none, &options, "there is no `cargo` on the `PATH`");
        let no_compiler = Scripted { programs: vec!["/bin/cargo"], ..Scripted::default() };
        check(&no_compiler, &options, "there is no `rustc` on the `PATH`");

        let mut broken = machine();
        broken.answers = vec![(LIBDIR, Err("error: toolchain '1.60' is not installed"))];
        check(
            &broken,
            &options,
            "`rustc --print target-libdir --target wasm32-wasip2` failed: error: toolchain '1.60' is not installed",
        );

        let mut no_rustup = machine();
        no_rustup.programs.pop();
        check(&no_rustup, &options, "`/bin/rustc` has no `wasm32-wasip2`, and there is no `rustup` to add it");

        let never = BuildOptions { install: Install::Never, ..options.clone() };
        check(&machine(), &never, "`wasm32-wasip2` is not installed, and `--no-install` was given");
        let offline = BuildOptions { network: Network::Offline, ..options.clone() };
        check(&machine(), &offline, "`wasm32-wasip2` is not installed, and `--offline` was given");

        let mut refused = machine();
        refused.answers.push((ADD, Err("info: downloading component\nerror: could not download file")));
        check(&refused, &options, "`rustup target add wasm32-wasip2` failed: error: could not download file");
        let mut silent = machine();
        silent.answers.push((ADD, Err("")));
        check(&silent, &options, "`rustup target add wasm32-wasip2` failed: exit status: 1");

        let mut elsewhere = machine();
        elsewhere.answers.push((ADD, Ok("")));
        check(
            &elsewhere,
            &options,
            "`rustup target add wasm32-wasip2` succeeded, but `/bin/rustc` still has no `wasm32-wasip2`",
        );
    }
}
