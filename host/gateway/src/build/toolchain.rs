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
        match self {
            Self::Neither { .. } => {
                format!(
                    "run `{}`, or as root `{}`",
                    rustup::command_line(),
                    debian::command_line()
                )
            }
            Self::Rustup { .. } => format!("run `{}`", rustup::command_line()),
            Self::Debian { .. } => format!("run as root `{}`", debian::command_line()),
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
    let toolchain =
        match options.toolchain {
            ToolchainChoice::Rustup => rustup::prepare(machine, options, directory, progress)
                .map_err(|refusal| ToolchainError::Rustup {
                    directory: directory.to_owned(),
                    refusal,
                })?,
            ToolchainChoice::Debian => debian::prepare(machine, options, directory, progress)
                .map_err(|refusal| ToolchainError::Debian { refusal })?,
            ToolchainChoice::Auto => match rustup::prepare(machine, options, directory, progress) {
                Ok(toolchain) => toolchain,
                Err(rustup) => debian::prepare(machine, options, directory, progress)
                    .map_err(|debian| ToolchainError::Neither { rustup, debian })?,
            },
        };
    progress.tell(Event::Toolchain {
        name: &toolchain.name,
    });
    Ok(toolchain)
}
