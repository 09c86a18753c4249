//! The second way to a compiler: Debian's packages, with which cargo builds the standard library from source. Installs
//! them only as root, only where that is allowed, and never by removing another package.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::options::{BuildOptions, Install, Network};
use super::process::{Answer, Call, Exit, Line, Machine, Said, ask};
use super::progress::{Event, Progress, tell_status};
use super::toolchain::Toolchain;

/// Compiler, cargo, sources of the standard library, and the C library beneath it. About 150 MB to fetch and 820 MB on
/// disk with what they depend on.
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "wasi-libc"];

const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const WASI_LIBRARIES: &str = "/usr/lib/wasm32-wasi";
const REACTOR: &str = "/usr/lib/wasm32-wasi/crt1-reactor.o";

/// The linker of the target. Debian has none; each toolchain of the Rust project does.
const LINKER: &str = "wasm-component-ld";

/// Why Debian's compiler will not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DebianRefusal {
    /// Another system.
    #[error("this is no Debian: there is no `apt-get`")]
    NoApt,
    /// Missing, and nothing may be installed.
    #[error("{} missing, and `--no-install` was given", list(missing))]
    InstallNotAllowed {
        /// Packages.
        missing: Vec<&'static str>,
    },
    /// Missing, and nothing may be fetched.
    #[error("{} missing, and `--offline` was given", list(missing))]
    Offline {
        /// Packages.
        missing: Vec<&'static str>,
    },
    /// Missing, and this user may not install them.
    #[error("{} missing, and only root may install packages", list(missing))]
    NotRoot {
        /// Packages.
        missing: Vec<&'static str>,
    },
    /// Apt would not.
    #[error("`{}` failed: {said}", command_line())]
    Failed {
        /// What it said.
        said: String,
    },
    /// Apt did, and yet.
    #[error("`{}` succeeded, but {} still missing", command_line(), list(missing))]
    StillMissing {
        /// Packages.
        missing: Vec<&'static str>,
    },
    /// All there, but for the linker.
    #[error("there is no `{LINKER}`, neither in a toolchain of rustup nor on the `PATH`")]
    NoLinker,
}

/// What installs the packages.
pub(crate) fn command_line() -> String {
    format!("apt-get install --no-install-recommends {}", PACKAGES.join(" "))
}

/// Sees to Debian's compiler, which is the same in every directory.
///
/// # Errors
///
/// [`DebianRefusal`].
pub(super) fn prepare(
    machine: &dyn Machine,
    options: &BuildOptions,
    directory: &Path,
    progress: &mut dyn Progress,
) -> Result<Toolchain, DebianRefusal> {
    let release = match look(machine, directory) {
        Ok(release) => release,
        Err(missing) => {
            install(machine, options, missing, progress)?;
            look(machine, directory).map_err(|missing| DebianRefusal::StillMissing { missing })?
        }
    };
    let linker = linker_directory(machine, directory).ok_or(DebianRefusal::NoLinker)?;
    Ok(Toolchain {
        name: format!("Debian's rustc {release}"),
        cargo: CARGO.into(),
        set: vec![
            ("RUSTC".into(), RUSTC.into()),
            // `-Zbuild-std` is not stable; this is what Debian's own packages that build for wasm do.
            ("RUSTC_BOOTSTRAP".into(), "1".into()),
            ("PATH".into(), path_with(machine, linker)),
        ],
        // Without features: no backtraces, which nobody could read in there anyway.
        cargo_arguments: vec!["-Zbuild-std=std,panic_abort", "-Zbuild-std-features="],
        link_arguments: vec![
            "-L".into(),
            format!("native={WASI_LIBRARIES}").into(),
            "-C".into(),
            format!("link-arg={REACTOR}").into(),
        ],
        work_directory: "components-debian",
    })
}

/// The compiler's release where all is there, else the packages that are missing. Files count, not packages, so that a
/// newer Debian's `rustc` and `rust-src` do as well; the sources must be those of this very compiler.
fn look(machine: &dyn Machine, directory: &Path) -> Result<String, Vec<&'static str>> {
    let release = release_of(machine, directory);
    let sources = |release: &String| format!("/usr/src/rustc-{release}/library/std/Cargo.toml");
    let is_there = [
        release.is_some(),
        machine.is_there(Path::new(CARGO)),
        release.as_ref().is_some_and(|release| machine.is_there(Path::new(&sources(release)))),
        machine.is_there(Path::new(REACTOR)),
    ];
    let missing: Vec<_> = PACKAGES.iter().zip(is_there).filter(|(_, there)| !there).map(|(name, _)| *name).collect();
    release.filter(|_| missing.is_empty()).ok_or(missing)
}

fn release_of(machine: &dyn Machine, directory: &Path) -> Option<String> {
    if !machine.is_there(Path::new(RUSTC)) {
        return None;
    }
    match ask(machine, &Call::new(Path::new(RUSTC), directory, &["-vV"])) {
        Answer::Text(text) => text.lines().find_map(|line| line.strip_prefix("release: ")).map(str::to_owned),
        Answer::Failed(_) => None,
    }
}

fn install(
    machine: &dyn Machine,
    options: &BuildOptions,
    missing: Vec<&'static str>,
    progress: &mut dyn Progress,
) -> Result<(), DebianRefusal> {
    let apt = machine.find("apt-get").ok_or(DebianRefusal::NoApt)?;
    match (options.install, options.network) {
        (Install::Allowed, Network::Online) => {}
        (Install::Never, _) => return Err(DebianRefusal::InstallNotAllowed { missing }),
        (Install::Allowed, Network::Offline) => return Err(DebianRefusal::Offline { missing }),
    }
    if !is_root(machine) {
        return Err(DebianRefusal::NotRoot { missing });
    }
    let mut install = vec!["install", "--yes", "--no-install-recommends", "--no-remove"];
    install.extend(["-o", "DPkg::Lock::Timeout=120"]);
    install.extend(PACKAGES);
    let Err(first) = run_apt(machine, &apt, &install, progress) else {
        return Ok(());
    };
    // A fresh image has no package lists, an old one names packages that are gone. Both look the same from here.
    if run_apt(machine, &apt, &["update"], progress).is_err() {
        return Err(DebianRefusal::Failed { said: first });
    }
    run_apt(machine, &apt, &install, progress).map_err(|said| DebianRefusal::Failed { said })
}

fn is_root(machine: &dyn Machine) -> bool {
    let Some(id) = machine.find("id") else {
        return false;
    };
    matches!(ask(machine, &Call::new(&id, Path::new("/"), &["-u"])), Answer::Text(text) if text == "0")
}

fn run_apt(machine: &dyn Machine, apt: &Path, arguments: &[&str], progress: &mut dyn Progress) -> Result<(), String> {
    let mut call = Call::new(apt, Path::new("/"), arguments);
    call.set.push(("DEBIAN_FRONTEND".into(), "noninteractive".into()));
    progress.tell(Event::Running { command: &call.to_string(), purpose: "installs Debian's compiler for components" });
    let mut said = Said::default();
    let ended = machine.run(&call, &mut |line| {
        if let Line::Err(text) = line {
            said.push(text);
        }
        tell_status(line, progress);
    });
    match ended {
        Ok(Exit::Success) => Ok(()),
        Ok(Exit::Failure(how)) => Err(said.into_text_or(&how)),
        Err(error) => Err(error.to_string()),
    }
}

/// The directory with the linker of some toolchain of the Rust project, and the `rust-lld` that it calls. Any release
/// will do.
fn linker_directory(machine: &dyn Machine, directory: &Path) -> Option<PathBuf> {
    let own = machine.find("rustc").and_then(|rustc| {
        match ask(machine, &Call::new(&rustc, directory, &["--print", "sysroot"])) {
            Answer::Text(sysroot) => Some(PathBuf::from(sysroot)),
            Answer::Failed(_) => None,
        }
    });
    let toolchains = machine.environment().rustup_home().map(|home| home.join("toolchains"));
    let others = toolchains.map(|directory| machine.children(&directory)).unwrap_or_default();
    let in_toolchain = own.into_iter().chain(others).find_map(|sysroot| {
        let hosts = machine.children(&sysroot.join("lib/rustlib"));
        hosts
            .into_iter()
            .map(|host| host.join("bin"))
            .find(|bin| machine.is_there(&bin.join(LINKER)) && machine.is_there(&bin.join("rust-lld")))
    });
    in_toolchain.or_else(|| machine.find(LINKER)?.parent().map(Path::to_owned))
}

fn path_with(machine: &dyn Machine, first: PathBuf) -> OsString {
    let mut path = first.into_os_string();
    if let Some(rest) = machine.environment().get("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

fn list(packages: &[&str]) -> String {
    let names: Vec<_> = packages.iter().map(|name| format!("`{name}`")).collect();
    let verb = if packages.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::environment::Environment;
    use super::super::process::tests::Scripted;
    use super::super::progress::tests::Told;
    use super::super::run::tests::options;
    use super::*;

    const INSTALL: &str = "apt-get install --yes --no-install-recommends --no-remove -o DPkg::Lock::Timeout=120 \
                           rustc-web cargo-web rust-web-src wasi-libc";
    const UPDATE: &str = "apt-get update";
    const BIN: &str = "/r/toolchains/stable/lib/rustlib/x86_64-unknown-linux-gnu/bin";
    const SOURCES: &str = "/usr/src/rustc-1.96.0/library/std/Cargo.toml";

    /// A Debian whose packages come with `apt-get install`, and a toolchain of rustup beside them.
    fn machine() -> Scripted {
        let toolchain = [format!("{BIN}/rust-lld"), format!("{BIN}/wasm-component-ld")];
        Scripted {
            programs: vec!["/usr/bin/apt-get", "/usr/bin/id"],
            paths: toolchain.map(PathBuf::from).to_vec().into(),
            answers: vec![
                ("id -u", Ok("0")),
                (INSTALL, Ok("Setting up rustc-web")),
                ("rustc -vV", Ok("rustc 1.96.0\nrelease: 1.96.0")),
            ],
            creates: [RUSTC, CARGO, REACTOR, SOURCES].map(|path| (INSTALL, path)).to_vec(),
            environment: [("RUSTUP_HOME", "/r"), ("PATH", "/usr/bin:/bin")]
                .map(|(name, value)| (name.into(), value.into()))
                .into_iter()
                .collect(),
            ..Scripted::default()
        }
    }

    fn with_packages(paths: &[&str]) -> Scripted {
        let machine = machine();
        machine.paths.borrow_mut().extend(paths.iter().map(PathBuf::from));
        machine
    }

    fn run(machine: &Scripted, options: &BuildOptions) -> Result<Toolchain, DebianRefusal> {
        prepare(machine, options, Path::new("/ws"), &mut Told::default())
    }

    fn check(machine: &Scripted, options: &BuildOptions, expect: &str) {
        assert_eq!(run(machine, options).expect_err("a refusal").to_string(), expect);
    }

    #[test]
    fn packages_that_are_there_are_taken_as_they_are() {
        let machine = with_packages(&[RUSTC, CARGO, REACTOR, SOURCES]);
        let options = BuildOptions { install: Install::Never, network: Network::Offline, ..options() };
        let toolchain = run(&machine, &options).expect("a toolchain");
        assert_eq!(toolchain.name, "Debian's rustc 1.96.0");
        assert_eq!(toolchain.cargo, Path::new("/usr/bin/cargo"));
        let path = toolchain.set.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
        assert_eq!(path, Some(format!("{BIN}:/usr/bin:/bin").into()));
        assert_eq!(*machine.ran.borrow(), ["rustc -vV"]);
    }

    #[test]
    fn missing_packages_are_installed_by_root() {
        let machine = machine();
        let mut told = Told::default();
        prepare(&machine, &options(), Path::new("/ws"), &mut told).expect("a toolchain");
        assert_eq!(*machine.ran.borrow(), ["id -u", INSTALL, "rustc -vV"]);
        assert_eq!(told.0, [format!("running {INSTALL}"), "status Setting up rustc-web".to_owned()]);
    }

    #[test]
    fn old_package_lists_are_brought_up_to_date_once() {
        let mut machine = machine();
        machine.answers.retain(|(command, _)| *command != INSTALL);
        let missing = Err("E: Unable to locate package rustc-web");
        machine.answers.extend([(INSTALL, missing), (INSTALL, Ok("")), (UPDATE, Ok(""))]);
        run(&machine, &options()).expect("a toolchain");
        assert_eq!(*machine.ran.borrow(), ["id -u", INSTALL, UPDATE, INSTALL, "rustc -vV"]);
    }

    #[test]
    fn a_toolchain_of_the_path_may_link() {
        let mut machine = with_packages(&[RUSTC, CARGO, REACTOR, SOURCES]);
        machine.programs.push("/opt/bin/wasm-component-ld");
        machine.environment = Environment::default();
        let toolchain = run(&machine, &options()).expect("a toolchain");
        assert!(toolchain.set.contains(&("PATH".into(), "/opt/bin".into())));
    }

    #[test]
    fn each_refusal_says_what_is_missing() {
        let all = "`rustc-web`, `cargo-web`, `rust-web-src`, `wasi-libc` are missing";
        let line = "`apt-get install --no-install-recommends rustc-web cargo-web rust-web-src wasi-libc`";
        check(&Scripted::default(), &options(), "this is no Debian: there is no `apt-get`");

        let never = BuildOptions { install: Install::Never, ..options() };
        check(&machine(), &never, &format!("{all}, and `--no-install` was given"));
        let offline = BuildOptions { network: Network::Offline, ..options() };
        check(&machine(), &offline, &format!("{all}, and `--offline` was given"));

        let mut user = machine();
        user.answers.push(("id -u", Ok("1000")));
        user.answers.retain(|answer| *answer != ("id -u", Ok("0")));
        check(&user, &options(), &format!("{all}, and only root may install packages"));
        user.programs.retain(|program| *program != "/usr/bin/id");
        check(&user, &options(), &format!("{all}, and only root may install packages"));

        let mut refused = machine();
        refused.answers.retain(|(command, _)| *command != INSTALL);
        refused.answers.extend([(INSTALL, Err("E: no space")), (UPDATE, Ok(""))]);
        check(&refused, &options(), &format!("{line} failed: E: no space"));
        refused.answers.pop();
        refused.answers.push((UPDATE, Err("E: no network")));
        check(&refused, &options(), &format!("{line} failed: E: no space"));

        let mut half = machine();
        half.creates.pop();
        check(&half, &options(), &format!("{line} succeeded, but `rust-web-src` is still missing"));

        let no_linker = with_packages(&[RUSTC, CARGO, REACTOR, SOURCES]);
        no_linker.paths.borrow_mut().remove(0);
        let missing = "there is no `wasm-component-ld`, neither in a toolchain of rustup nor on the `PATH`";
        check(&no_linker, &options(), missing);
    }

    #[test]
    fn sources_of_another_release_do_not_count() {
        let other = with_packages(&[RUSTC, CARGO, REACTOR, "/usr/src/rustc-1.85.0/library/std/Cargo.toml"]);
        let never = BuildOptions { install: Install::Never, ..options() };
        check(&other, &never, "`rust-web-src` is missing, and `--no-install` was given");
    }
}
