//! The build from top to bottom: which crates, with what, then each in turn from source to the file that a host loads.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use creel_policy::limits::COMPONENT_BYTES_MAX;
use sha2::{Digest, Sha256};

use super::cargo::{self, Artifact};
use super::component;
use super::discover::{self, PluginCrate, Search};
use super::error::BuildError;
use super::manifest_section;
use super::options::{BuildOptions, Built, State};
use super::process::{AmbientMachine, Machine};
use super::progress::{Event, Progress};
use super::toolchain::{self, Toolchain};

/// A crate and the compiler of its directory.
type Job = (PluginCrate, Toolchain);

/// Builds plugins and puts each, with its manifest inside, to `<out>/<id>.wasm`. Waits for as long as cargo takes; where
/// one plugin fails the rest is not tried, and those before it stay.
///
/// # Errors
///
/// [`BuildError`], for the first thing that went wrong.
pub(crate) fn build(options: &BuildOptions, progress: &mut dyn Progress) -> Result<Vec<Built>, BuildError> {
    let machine = AmbientMachine::new(options.environment.clone());
    let jobs = find(&machine, options, progress)?;
    let total = jobs.len();
    let mut all = Vec::with_capacity(total);
    for (index, (plugin, toolchain)) in jobs.iter().enumerate() {
        progress.tell(Event::Started { id: &plugin.manifest.id, index, total });
        let begun = Instant::now();
        let artifact = cargo::compile(&machine, options, toolchain, plugin, progress)?;
        let bytes = assemble(plugin, &artifact)?;
        let path = place_of(options, plugin);
        let is_new = put(&path, &bytes).map_err(|source| BuildError::Write { path: path.clone(), source })?;
        let built = Built {
            id: plugin.manifest.id.clone(),
            version: plugin.manifest.version.clone(),
            path,
            bytes: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
            milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            state: if artifact.is_fresh && !is_new { State::Fresh } else { State::Built },
        };
        progress.tell(Event::Done { built: &built });
        all.push(built);
    }
    Ok(all)
}

fn find(machine: &dyn Machine, options: &BuildOptions, progress: &mut dyn Progress) -> Result<Vec<Job>, BuildError> {
    let mut jobs: Vec<Job> = Vec::new();
    match discover::search(options)? {
        Search::Crates(directories) => {
            for directory in directories {
                let toolchain = toolchain::prepare(machine, options, &directory, progress)?;
                jobs.push((discover::crate_in(machine, options, &toolchain, &directory)?, toolchain));
            }
        }
        Search::Workspace(directory) => {
            let toolchain = toolchain::prepare(machine, options, &directory, progress)?;
            let crates = discover::crates_around(machine, options, &toolchain, &directory)?;
            jobs.extend(crates.into_iter().map(|plugin| (plugin, toolchain.clone())));
        }
    }
    discover::check_ids(jobs.iter().map(|(plugin, _)| plugin))?;
    Ok(jobs)
}

/// The bytes that a host loads: what cargo made, found to be a plugin, with the manifest in it.
fn assemble(plugin: &PluginCrate, artifact: &Artifact) -> Result<Vec<u8>, BuildError> {
    let id = || plugin.manifest.id.clone();
    let path = &artifact.path;
    let wasm = fs::read(path).map_err(|source| BuildError::Read { path: path.clone(), source })?;
    component::check(&wasm).map_err(|source| BuildError::NotPlugin { id: id(), source })?;
    let bytes = manifest_section::with_manifest(&wasm, &plugin.manifest.text)
        .map_err(|source| BuildError::Section { id: id(), source })?;
    let length = bytes.len() as u64;
    if length > COMPONENT_BYTES_MAX {
        return Err(BuildError::TooLarge { id: id(), bytes: length, max: COMPONENT_BYTES_MAX });
    }
    Ok(bytes)
}

fn place_of(options: &BuildOptions, plugin: &PluginCrate) -> PathBuf {
    let out = match &options.out {
        Some(out) => options.current_directory.join(out),
        None => plugin.target_directory.join("plugins"),
    };
    out.join(format!("{}.wasm", plugin.manifest.id))
}

/// Puts the bytes there in one step, so that a reader sees the old file or the new one and a crash leaves no half.
/// Says whether there was anything to do.
fn put(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    if is_same(path, bytes) {
        return Ok(false);
    }
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    // Temporary files are their owner's alone; the daemon may run as somebody else.
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(true)
}

/// A file that cannot be read is not the same; writing will say why.
fn is_same(path: &Path, bytes: &[u8]) -> bool {
    let has_size = fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() == bytes.len() as u64);
    has_size && fs::read(path).is_ok_and(|old| old == bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::environment::Environment;
    use super::super::options::{Install, Lockfile, Network, ToolchainChoice};
    use super::*;

    /// What a build does when nothing was said.
    pub(crate) fn options() -> BuildOptions {
        BuildOptions {
            directories: Vec::new(),
            current_directory: "/ws".into(),
            out: None,
            toolchain: ToolchainChoice::default(),
            network: Network::default(),
            lockfile: Lockfile::default(),
            install: Install::default(),
            environment: Environment::default(),
        }
    }

    #[test]
    fn a_file_is_written_once_and_replaced_when_it_differs() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("new/plugins/a.wasm");
        assert!(put(&path, b"one").expect("written"));
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        assert!(!put(&path, b"one").expect("compared"));
        assert!(put(&path, b"two").expect("written"));
        assert!(put(&path, b"longer").expect("written"));
        assert_eq!(fs::read(&path).expect("there"), b"longer");
        let left: Vec<_> = fs::read_dir(directory.path().join("new/plugins")).expect("there").collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_directory_in_its_place_is_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("a.wasm")).expect("a directory");
        let error = put(&directory.path().join("a.wasm"), b"one").expect_err("an error");
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_digest_is_lower_case_hex() {
        assert_eq!(hex(&[0x00, 0x0a, 0xff]), "000aff");
    }
}
