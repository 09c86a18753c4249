//! Which crates are plugins and what each wants of its build. Reads `plugin.toml` and `Cargo.toml`, the latter through
//! `cargo metadata`; compiles nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};
use creel_policy::ids::PluginId;

use super::manifest_file::{self, ManifestFile, ManifestFileError};
use super::options::{BuildOptions, Network};
use super::process::{Call, Exit, Line, Machine, Said};
use super::toolchain::Toolchain;

/// Bytes of a plugin's shadow stack unless its crate asks for more: each live call pays for it, and chat plugins are
/// shallow.
pub(crate) const STACK_BYTES_DEFAULT: u64 = 64 << 10;
/// Below this, serde_json does not get far.
const STACK_BYTES_MIN: u64 = 16 << 10;
/// A quarter of what a call may have in all.
const STACK_BYTES_MAX: u64 = 16 << 20;
/// What the linker asks of it.
const STACK_BYTES_STEP: u64 = 16;

/// Where the plugin crates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// In these directories.
    Crates(Vec<PathBuf>),
    /// Below `plugins/` of the workspace around this directory.
    Workspace(PathBuf),
}

/// A crate that is to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PluginCrate {
    pub(crate) manifest: ManifestFile,
    /// Holds `plugin.toml` and `Cargo.toml`.
    pub(crate) directory: PathBuf,
    /// Where cargo is run, for that decides about compiler and configuration: the directory that was searched.
    pub(crate) run_in: PathBuf,
    pub(crate) workspace_root: PathBuf,
    pub(crate) target_directory: PathBuf,
    pub(crate) stack_bytes: u64,
}

/// Why there is nothing to build.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoverError {
    /// A directory that was named is not there.
    #[error("could not open directory `{}`", directory.display())]
    Directory {
        /// Which.
        directory: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A directory that was named holds no plugin crate.
    #[error("`{}` is no plugin crate: there is no `{missing}` in it", directory.display())]
    NotPluginCrate {
        /// Which.
        directory: PathBuf,
        /// `Cargo.toml` or `plugin.toml`.
        missing: &'static str,
    },
    /// No directory was named, and there is no workspace to look in.
    #[error("no plugin was named, and `{}` is in no cargo workspace", directory.display())]
    NoWorkspace {
        /// The current directory.
        directory: PathBuf,
    },
    /// No directory was named, and the workspace has no plugins.
    #[error("no plugin was named, and no crate of the workspace has a `plugin.toml` below `{}`", plugins.display())]
    NoPlugins {
        /// Where they were sought.
        plugins: PathBuf,
    },
    /// The manifest is not good.
    #[error(transparent)]
    Manifest(#[from] ManifestFileError),
    /// `cargo metadata` failed.
    #[error("cargo cannot read the workspace of `{}`\n{said}", directory.display())]
    Cargo {
        /// The crate or the directory within.
        directory: PathBuf,
        /// What it said.
        said: String,
    },
    /// Nothing to make a component of.
    #[error("crate `{package}` has no library")]
    NoLibrary {
        /// Which.
        package: String,
    },
    /// `[package.metadata.creel]` says something that is not understood.
    #[error("`package.metadata.creel` of crate `{package}`: {problem}")]
    Wish {
        /// Which.
        package: String,
        /// What is wrong.
        problem: String,
    },
    /// Both would be written to the same file.
    #[error("two crates make plugin `{id}`: `{}` and `{}`", first.display(), second.display())]
    SameId {
        /// Which.
        id: PluginId,
        /// A directory.
        first: PathBuf,
        /// Another.
        second: PathBuf,
    },
}

impl DiscoverError {
    /// What can be done about it, where that is not plain from the message.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoWorkspace { .. } | Self::NoPlugins { .. } => {
                Some("name the directory of a plugin crate: `creel plugin build DIR`".to_owned())
            }
            Self::Manifest(ManifestFileError::Malformed { source, .. }) => {
                let hints: Vec<_> = source.0.iter().filter_map(|problem| problem.hint.as_deref()).collect();
                (!hints.is_empty()).then(|| hints.join("; "))
            }
            Self::Directory { .. }
            | Self::NotPluginCrate { .. }
            | Self::Manifest(_)
            | Self::Cargo { .. }
            | Self::NoLibrary { .. }
            | Self::Wish { .. }
            | Self::SameId { .. } => None,
        }
    }
}

/// Settles where to look, before anything is installed or run. Manifests of named crates are read for the same reason.
///
/// # Errors
///
/// [`DiscoverError`].
pub(crate) fn search(options: &BuildOptions) -> Result<Search, DiscoverError> {
    let here = open(&options.current_directory, Path::new("."))?;
    if !options.directories.is_empty() {
        let mut crates = Vec::new();
        for directory in &options.directories {
            let directory = open(&here, directory)?;
            check_crate(&directory)?;
            if !crates.contains(&directory) {
                crates.push(directory);
            }
        }
        return Ok(Search::Crates(crates));
    }
    if here.join("Cargo.toml").is_file() && here.join(manifest_file::FILE_NAME).is_file() {
        check_crate(&here)?;
        return Ok(Search::Crates(vec![here]));
    }
    if here.ancestors().any(|directory| directory.join("Cargo.toml").is_file()) {
        return Ok(Search::Workspace(here));
    }
    Err(DiscoverError::NoWorkspace { directory: here })
}

/// The crate in a directory that [`search`] named.
///
/// # Errors
///
/// [`DiscoverError`].
pub(crate) fn crate_in(
    machine: &dyn Machine,
    options: &BuildOptions,
    toolchain: &Toolchain,
    directory: &Path,
) -> Result<PluginCrate, DiscoverError> {
    let metadata = metadata(machine, options, toolchain, directory)?;
    let package = metadata.packages.iter().find(|package| directory_of(package) == directory);
    let package = package.ok_or_else(|| DiscoverError::Cargo {
        directory: directory.to_owned(),
        said: format!("there is no package in `{}`", directory.join("Cargo.toml").display()),
    })?;
    read_package(&metadata, package, directory)
}

/// Every plugin of the workspace around a directory that [`search`] named, by the order of their directories.
///
/// # Errors
///
/// [`DiscoverError`].
pub(crate) fn crates_around(
    machine: &dyn Machine,
    options: &BuildOptions,
    toolchain: &Toolchain,
    directory: &Path,
) -> Result<Vec<PluginCrate>, DiscoverError> {
    let metadata = metadata(machine, options, toolchain, directory)?;
    let plugins = metadata.workspace_root.as_std_path().join("plugins");
    let is_plugin = |package: &&Package| {
        let directory = directory_of(package);
        directory.starts_with(&plugins) && directory.join(manifest_file::FILE_NAME).is_file()
    };
    let mut packages: Vec<_> = metadata.packages.iter().filter(is_plugin).collect();
    packages.sort_by_key(|package| directory_of(package));
    if packages.is_empty() {
        return Err(DiscoverError::NoPlugins { plugins });
    }
    packages.into_iter().map(|package| read_package(&metadata, package, directory)).collect()
}

/// Refuses two crates of the same id.
///
/// # Errors
///
/// [`DiscoverError::SameId`].
pub(crate) fn check_ids<'a>(crates: impl IntoIterator<Item = &'a PluginCrate>) -> Result<(), DiscoverError> {
    let mut directories = BTreeMap::new();
    for plugin in crates {
        let id = &plugin.manifest.id;
        if let Some(first) = directories.insert(id, &plugin.directory) {
            let (first, second) = (first.clone(), plugin.directory.clone());
            return Err(DiscoverError::SameId { id: id.clone(), first, second });
        }
    }
    Ok(())
}

fn open(base: &Path, directory: &Path) -> Result<PathBuf, DiscoverError> {
    let directory = base.join(directory);
    directory.canonicalize().map_err(|source| DiscoverError::Directory { directory, source })
}

fn check_crate(directory: &Path) -> Result<(), DiscoverError> {
    for missing in ["Cargo.toml", manifest_file::FILE_NAME] {
        if !directory.join(missing).is_file() {
            return Err(DiscoverError::NotPluginCrate { directory: directory.to_owned(), missing });
        }
    }
    manifest_file::read(directory)?;
    Ok(())
}

fn metadata(
    machine: &dyn Machine,
    options: &BuildOptions,
    toolchain: &Toolchain,
    directory: &Path,
) -> Result<Metadata, DiscoverError> {
    let failed = |said| DiscoverError::Cargo { directory: directory.to_owned(), said };
    let mut arguments = vec!["metadata", "--format-version", "1", "--no-deps"];
    if options.network == Network::Offline {
        arguments.push("--offline");
    }
    let mut call = Call::new(&toolchain.cargo, directory, &arguments);
    call.set.clone_from(&toolchain.set);
    let (mut out, mut said) = (String::new(), Said::default());
    let ended = machine.run(&call, &mut |line| match line {
        Line::Out(line) => out.push_str(line),
        Line::Err(line) => said.push(line),
    });
    match ended {
        Ok(Exit::Success) => MetadataCommand::parse(out).map_err(|error| failed(error.to_string())),
        Ok(Exit::Failure(how)) => Err(failed(said.into_text_or(&how))),
        Err(error) => Err(failed(format!("could not run `{}`: {error}", toolchain.cargo.display()))),
    }
}

fn directory_of(package: &Package) -> PathBuf {
    package.manifest_path.as_std_path().parent().map(Path::to_owned).unwrap_or_default()
}

fn read_package(metadata: &Metadata, package: &Package, run_in: &Path) -> Result<PluginCrate, DiscoverError> {
    let name = package.name.to_string();
    let is_library =
        |kind: &TargetKind| matches!(kind, TargetKind::Lib | TargetKind::RLib | TargetKind::CDyLib | TargetKind::DyLib);
    if !package.targets.iter().any(|target| target.kind.iter().any(is_library)) {
        return Err(DiscoverError::NoLibrary { package: name });
    }
    let stack_bytes = match stack_bytes(&package.metadata) {
        Ok(bytes) => bytes,
        Err(problem) => {
            return Err(DiscoverError::Wish { package: name, problem });
        }
    };
    let directory = directory_of(package);
    Ok(PluginCrate {
        manifest: manifest_file::read(&directory)?,
        directory,
        run_in: run_in.to_owned(),
        workspace_root: metadata.workspace_root.clone().into(),
        target_directory: metadata.target_directory.clone().into(),
        stack_bytes,
    })
}

/// `stack_bytes` of `[package.metadata.creel]`.
fn stack_bytes(metadata: &serde_json::Value) -> Result<u64, String> {
    let Some(wishes) = metadata.get("creel") else {
        return Ok(STACK_BYTES_DEFAULT);
    };
    let wishes = wishes.as_object().ok_or("it is not a table")?;
    if let Some(key) = wishes.keys().find(|key| *key != "stack_bytes") {
        return Err(format!("unknown key `{key}`; the only one is `stack_bytes`"));
    }
    let Some(wish) = wishes.get("stack_bytes") else {
        return Ok(STACK_BYTES_DEFAULT);
    };
    let fits =
        |bytes: &u64| (STACK_BYTES_MIN..=STACK_BYTES_MAX).contains(bytes) && bytes.is_multiple_of(STACK_BYTES_STEP);
    wish.as_u64().filter(fits).ok_or_else(|| {
        format!(
            "`stack_bytes` is {wish}; it must be a multiple of {STACK_BYTES_STEP} from {STACK_BYTES_MIN} to \
             {STACK_BYTES_MAX}"
        )
    })
}

#[cfg(test)]
mod tests;
