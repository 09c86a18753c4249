//! Which compiler builds a crate: that of the crate's directory, else Debian's. How each way is walked is in `rustup`
//! and `debian`; nothing here installs anything.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::debian::{self, DebianRefusal};
use super::options::{BuildOptions, ToolchainChoice};
use super::process::Machine;
use super::progress::{Event, Progress};
use super::rustup::{self, RustupRefusal};

/// What components are compiled for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// How to call a cargo that can build for [`TARGET`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// For people.
    pub(crate) name: String,
    pub(crate) cargo: PathBuf,
    /// Variables that it needs.
    pub(crate) set: Vec<(OsString, OsString)>,
    /// Arguments of cargo beside the usual ones.
    pub(crate) cargo_arguments: Vec<&'static str>,
    /// Arguments of the compiler when it links a component.
    pub(crate) link_arguments: Vec<OsString>,
    /// Where cargo works, below the target directory: each compiler in its own, for they share no artifact.
    pub(crate) work_directory: &'static str,
}

/// Why there is no compiler for [`TARGET`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolchainError {
    /// Neither the directory's own nor Debian's.
    #[error(
        "no compiler for `{TARGET}` was found, and none could be installed\n  rustup: {rustup}\n  Debian: {debian}"
    )]
    Neither {
        /// What the first way came to.
        rustup: RustupRefusal,
        /// What the second way came to.
        debian: DebianRefusal,
    },
    /// Not the directory's own, and no other was allowed.
    #[error("the toolchain of `{}` cannot build for `{TARGET}`: {refusal}", directory.display())]
    Rustup {
        /// Where it was sought.
        directory: PathBuf,
        /// What it came to.
        refusal: RustupRefusal,
    },
    /// Not Debian's, and no other was allowed.
    #[error("Debian's compiler cannot build for `{TARGET}`: {refusal}")]
    Debian {
        /// What it came to.
        refusal: DebianRefusal,
    },
}

impl ToolchainError {
    /// What the operator can do about it.
    pub(crate) fn hint(&self) -> String {
        let (rustup, apt) = (rustup::command_line(), debian::command_line());
        let get_rust = || format!("install Rust by https://rustup.rs and run `{rustup}`");
        match self {
            Self::Neither { debian: DebianRefusal::NoApt, rustup: refusal } | Self::Rustup { refusal, .. } => {
                match refusal {
                    RustupRefusal::NoProgram { .. } | RustupRefusal::NoRustup { .. } => get_rust(),
                    RustupRefusal::Compiler { .. } | RustupRefusal::StillMissing { .. } => {
                        format!("`cargo`, `rustc` and `rustup` on the `PATH` must belong together; then run `{rustup}`")
                    }
                    RustupRefusal::InstallNotAllowed | RustupRefusal::Offline | RustupRefusal::Failed { .. } => {
                        format!("run `{rustup}` where the network can be reached")
                    }
                }
            }
            // Debian's packages are of no use without it, and it comes with any toolchain that rustup installs.
            Self::Neither { debian: DebianRefusal::NoLinker, .. }
            | Self::Debian { refusal: DebianRefusal::NoLinker } => {
                "install any toolchain by https://rustup.rs: `wasm-component-ld` comes with it".to_owned()
            }
            Self::Neither { .. } => format!("run `{rustup}`, or as root `{apt}`"),
            Self::Debian { .. } => format!("run as root `{apt}`"),
        }
    }
}

/// Sees to a compiler for the crate in `directory`, installing one where that is allowed.
///
/// # Errors
///
/// [`ToolchainError`], with what each way that was allowed came to.
pub(crate) fn prepare(
    machine: &dyn Machine,
    options: &BuildOptions,
    directory: &Path,
    progress: &mut dyn Progress,
) -> Result<Toolchain, ToolchainError> {
    let toolchain = match options.toolchain {
        ToolchainChoice::Rustup => rustup::prepare(machine, options, directory, progress)
            .map_err(|refusal| ToolchainError::Rustup { directory: directory.to_owned(), refusal })?,
        ToolchainChoice::Debian => debian::prepare(machine, options, directory, progress)
            .map_err(|refusal| ToolchainError::Debian { refusal })?,
        ToolchainChoice::Auto => match rustup::prepare(machine, options, directory, progress) {
            Ok(toolchain) => toolchain,
            Err(rustup) => {
                progress.tell(Event::FellBack { reason: &rustup.to_string(), to: "Debian's packages" });
                debian::prepare(machine, options, directory, progress)
                    .map_err(|debian| ToolchainError::Neither { rustup, debian })?
            }
        },
    };
    progress.tell(Event::Toolchain { name: &toolchain.name });
    Ok(toolchain)
}

#[cfg(test)]
mod tests {
    use super::super::process::tests::Scripted;
    use super::super::progress::tests::Told;
    use super::super::run::tests::options;
    use super::*;

    const LIBDIR: &str = "rustc --print target-libdir --target wasm32-wasip2";
    const STD: &str = "/tc/wasm32-wasip2/lib/libstd-0123.rlib";
    const DEBIAN: [&str; 5] = [
        "/usr/bin/rustc",
        "/usr/bin/cargo",
        "/usr/src/rustc-1.96.0/library/std/Cargo.toml",
        "/usr/lib/wasm32-wasi/crt1-reactor.o",
        "/tc/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld",
    ];
    const LINKER: &str = "/tc/lib/rustlib/x86_64-unknown-linux-gnu/bin/wasm-component-ld";

    /// A toolchain without the target and without rustup, and these files.
    fn machine(paths: &[&str]) -> Scripted {
        Scripted {
            programs: vec!["/tc/bin/cargo", "/tc/bin/rustc"],
            paths: paths.iter().map(PathBuf::from).collect::<Vec<_>>().into(),
            answers: vec![
                (LIBDIR, Ok("/tc/wasm32-wasip2/lib")),
                ("rustc --version", Ok("rustc 1.95.0")),
                ("rustc --print sysroot", Ok("/tc")),
                ("rustc -vV", Ok("release: 1.96.0")),
            ],
            ..Scripted::default()
        }
    }

    fn choose(machine: &Scripted, toolchain: ToolchainChoice) -> Result<String, ToolchainError> {
        let options = BuildOptions { toolchain, ..options() };
        prepare(machine, &options, Path::new("/ws"), &mut Told::default()).map(|toolchain| toolchain.name)
    }

    fn check(machine: &Scripted, choice: ToolchainChoice, error: &str, hint: &str) {
        let refusal = choose(machine, choice).expect_err("a refusal");
        assert_eq!(refusal.to_string(), error);
        assert_eq!(refusal.hint(), hint);
    }

    #[test]
    fn the_toolchain_of_the_directory_comes_first() {
        let both = machine(&[&DEBIAN[..], &[LINKER, STD]].concat());
        assert_eq!(choose(&both, ToolchainChoice::Auto).expect("a toolchain"), "rustc 1.95.0");
        assert_eq!(choose(&both, ToolchainChoice::Rustup).expect("a toolchain"), "rustc 1.95.0");
        assert_eq!(choose(&both, ToolchainChoice::Debian).expect("a toolchain"), "Debian's rustc 1.96.0");
    }

    #[test]
    fn without_its_target_debian_steps_in_unless_told_otherwise() {
        let debian = machine(&[&DEBIAN[..], &[LINKER]].concat());
        assert_eq!(choose(&debian, ToolchainChoice::Auto).expect("a toolchain"), "Debian's rustc 1.96.0");
        check(
            &debian,
            ToolchainChoice::Rustup,
            "the toolchain of `/ws` cannot build for `wasm32-wasip2`: `/tc/bin/rustc` has no `wasm32-wasip2`, and there \
             is no `rustup` to add it",
            "install Rust by https://rustup.rs and run `rustup target add wasm32-wasip2`",
        );
    }

    #[test]
    fn falling_back_is_said_aloud() {
        let mut told = Told::default();
        let debian = machine(&[&DEBIAN[..], &[LINKER]].concat());
        prepare(&debian, &options(), Path::new("/ws"), &mut told).expect("a toolchain");
        let reason = "`/tc/bin/rustc` has no `wasm32-wasip2`, and there is no `rustup` to add it";
        assert_eq!(
            told.0,
            [format!("fell back to Debian's packages: {reason}"), "toolchain Debian's rustc 1.96.0".to_owned()]
        );
    }

    #[test]
    fn a_hint_fits_the_refusal() {
        let hint = |refusal| ToolchainError::Rustup { directory: "/ws".into(), refusal }.hint();
        let get_rust = "install Rust by https://rustup.rs and run `rustup target add wasm32-wasip2`";
        assert_eq!(hint(RustupRefusal::NoProgram { program: "cargo" }), get_rust);
        let run = "run `rustup target add wasm32-wasip2` where the network can be reached";
        assert_eq!(hint(RustupRefusal::Offline), run);
        assert_eq!(hint(RustupRefusal::Failed { said: String::new() }), run);
        let together = "`cargo`, `rustc` and `rustup` on the `PATH` must belong together; then run `rustup target add \
                        wasm32-wasip2`";
        assert_eq!(hint(RustupRefusal::StillMissing { rustc: "/bin/rustc".into() }), together);
    }

    #[test]
    fn an_error_names_both_ways_and_what_each_came_to() {
        let first = "no compiler for `wasm32-wasip2` was found, and none could be installed\n  \
                     rustup: `/tc/bin/rustc` has no `wasm32-wasip2`, and there is no `rustup` to add it\n  Debian: ";
        check(
            &machine(&[]),
            ToolchainChoice::Auto,
            &format!("{first}this is no Debian: there is no `apt-get`"),
            "install Rust by https://rustup.rs and run `rustup target add wasm32-wasip2`",
        );

        let mut user = machine(&[]);
        user.programs.extend(["/usr/bin/apt-get", "/usr/bin/id"]);
        user.answers.push(("id -u", Ok("1000")));
        let missing = "`rustc-web`, `cargo-web`, `rust-web-src`, `wasi-libc` are missing, and only root may install \
                       packages";
        let apt = "`apt-get install --no-install-recommends rustc-web cargo-web rust-web-src wasi-libc`";
        let both = format!("run `rustup target add wasm32-wasip2`, or as root {apt}");
        check(&user, ToolchainChoice::Auto, &format!("{first}{missing}"), &both);
        check(
            &user,
            ToolchainChoice::Debian,
            &format!("Debian's compiler cannot build for `wasm32-wasip2`: {missing}"),
            &format!("run as root {apt}"),
        );

        let no_linker = "there is no `wasm-component-ld`, neither in a toolchain of rustup nor on the `PATH`";
        check(
            &machine(&DEBIAN),
            ToolchainChoice::Auto,
            &format!("{first}{no_linker}"),
            "install any toolchain by https://rustup.rs: `wasm-component-ld` comes with it",
        );
    }
}
