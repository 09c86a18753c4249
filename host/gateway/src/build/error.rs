//! Why a build ends without components, one variant for each thing that an operator or an author can do about it.

use std::io;
use std::path::PathBuf;

use creel_policy::ids::PluginId;

use super::component::ComponentError;
use super::discover::DiscoverError;
use super::manifest_section::SectionError;
use super::toolchain::ToolchainError;

/// What the linker says of a crate that binds the interface and exports nothing.
const LINKER_MISSES_EXPORT: &str = "failed to find export of interface `creel:plugin/";

/// What such a crate lacks.
const NOT_EXPORTED: &str = "call `creel_sdk::provider!` or `creel_sdk::channel!` once, in the crate's `lib.rs`";

/// Why a build ends without components.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// No plugin crates, or bad ones.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// Nothing to compile them with.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// The author's to mend.
    #[error("plugin `{id}` does not compile\n{said}")]
    Compile {
        /// Which.
        id: PluginId,
        /// What cargo and the compiler said.
        said: String,
    },
    /// Cargo could not be run.
    #[error("could not run `{}`", program.display())]
    Run {
        /// Which cargo.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Cargo was content and named no file.
    #[error("cargo built plugin `{id}` and named no `.wasm` file")]
    NoArtifact {
        /// Which.
        id: PluginId,
    },
    /// It compiled, and is no plugin.
    #[error("plugin `{id}` compiles, but is not one")]
    NotPlugin {
        /// Which.
        id: PluginId,
        /// Why.
        #[source]
        source: ComponentError,
    },
    /// It is a component whose sections cannot be told.
    #[error("the manifest of plugin `{id}` cannot be put into it")]
    Section {
        /// Which.
        id: PluginId,
        /// Why.
        #[source]
        source: SectionError,
    },
    /// Larger than any host would load.
    #[error("plugin `{id}` has {bytes} bytes; a host loads {max} at most")]
    TooLarge {
        /// Which.
        id: PluginId,
        /// How large it is.
        bytes: u64,
        /// How large it may be.
        max: u64,
    },
    /// What cargo made could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The component could not be put in its place.
    #[error("could not write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl BuildError {
    /// Whether there is simply nothing to build around the current directory.
    pub(crate) fn is_nothing_to_build(&self) -> bool {
        matches!(self, Self::Discover(DiscoverError::NoWorkspace { .. } | DiscoverError::NoPlugins { .. }))
    }

    /// What can be done about it, where that is not plain from the message.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Discover(error) => error.hint(),
            Self::Toolchain(error) => Some(error.hint()),
            Self::NotPlugin { source: ComponentError::NoPlugin, .. } => Some(NOT_EXPORTED.to_owned()),
            Self::Compile { said, .. } if said.contains(LINKER_MISSES_EXPORT) => Some(NOT_EXPORTED.to_owned()),
            Self::Compile { .. }
            | Self::Run { .. }
            | Self::NoArtifact { .. }
            | Self::NotPlugin { .. }
            | Self::Section { .. }
            | Self::TooLarge { .. }
            | Self::Read { .. }
            | Self::Write { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_exports_nothing_is_told_how() {
        let id = PluginId::parse("echo").expect("an id");
        let compile = |said: &str| BuildError::Compile { id: id.clone(), said: said.to_owned() }.hint();
        let missing =
            "2: failed to find export of interface `creel:plugin/channel@0.1.0` function `[static]task.start`";
        assert_eq!(compile(missing).as_deref(), Some(NOT_EXPORTED));
        assert_eq!(compile("error[E0425]: cannot find value `x`"), None);
        let nothing = BuildError::NotPlugin { id: id.clone(), source: ComponentError::NoPlugin };
        assert_eq!(nothing.hint().as_deref(), Some(NOT_EXPORTED));
    }
}
