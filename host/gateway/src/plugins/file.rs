//! A component as a file: opened once, found to be nobody else's to change, read, and its manifest parsed. Everything
//! later works with the bytes that were read here.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use creel_engine::{LoadError, inspect};
use creel_policy::ids::PluginId;
use creel_policy::limits::COMPONENT_BYTES_MAX;
use creel_policy::manifest::Manifest;
use sha2::{Digest as _, Sha256};

/// A component that was read.
pub(crate) struct ComponentFile {
    /// Its real path.
    pub(crate) path: PathBuf,
    /// All of it.
    pub(crate) bytes: Vec<u8>,
    /// Lower-case hex of all of it.
    pub(crate) sha256: String,
    /// Its manifest, as it stands in it.
    pub(crate) manifest_text: String,
    /// Lower-case hex of that.
    pub(crate) manifest_sha256: String,
    /// What it asks for.
    pub(crate) manifest: Manifest,
    /// Names of what it imports.
    pub(crate) imports: Vec<String>,
    /// Names of what it exports.
    pub(crate) exports: Vec<String>,
}

/// Why a file is not taken for a plugin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileRefusal {
    /// It could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory, a pipe or a device.
    #[error("`{}` is not a file", path.display())]
    NotFile {
        /// Which.
        path: PathBuf,
    },
    /// It, or its directory, belongs to another user.
    #[error("`{}` belongs to user {owner}, neither to the user that creel runs as nor to root", path.display())]
    ForeignOwner {
        /// The file or its directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Others could change it.
    #[error("`{}` can be written by others (mode {mode:04o})", path.display())]
    WritableByOthers {
        /// The file or its directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is no plugin.
    #[error("`{}` is no plugin", path.display())]
    NotPlugin {
        /// Which.
        path: PathBuf,
        /// Why.
        source: LoadError,
    },
}

impl ComponentFile {
    /// The plugin's id.
    pub(crate) fn id(&self) -> &PluginId {
        &self.manifest.plugin.id
    }
}

/// Reads a component.
///
/// # Errors
///
/// [`FileRefusal`] with the file or directory to mend.
pub(crate) fn read(path: &Path) -> Result<ComponentFile, FileRefusal> {
    let failed = |source| FileRefusal::Read { path: path.to_owned(), source };
    let path = &std::fs::canonicalize(path).map_err(failed)?;
    // A file that nobody else can write is not safe in a directory where they can put another in its place.
    if let Some(directory) = path.parent() {
        own_alone(directory, &std::fs::metadata(directory).map_err(failed)?)?;
    }
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(FileRefusal::NotFile { path: path.clone() });
    }
    own_alone(path, &metadata)?;
    let mut bytes = Vec::new();
    file.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    let not_plugin = |source| FileRefusal::NotPlugin { path: path.clone(), source };
    let length = bytes.len() as u64;
    if length > COMPONENT_BYTES_MAX {
        return Err(not_plugin(LoadError::TooLarge { bytes: metadata.len() }));
    }
    let inspection = inspect(&bytes).map_err(not_plugin)?;
    let manifest = Manifest::parse(&inspection.manifest)
        .map_err(|problems| not_plugin(LoadError::BadManifest { detail: problems.to_string() }))?;
    Ok(ComponentFile {
        path: path.clone(),
        sha256: sha256(&bytes),
        manifest_sha256: sha256(inspection.manifest.as_bytes()),
        manifest_text: inspection.manifest,
        manifest,
        imports: inspection.imports,
        exports: inspection.exports,
        bytes,
    })
}

/// Lower-case hex of the SHA-256 of something.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses what others can change: a component runs with the operator's grants.
fn own_alone(path: &Path, metadata: &Metadata) -> Result<(), FileRefusal> {
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(FileRefusal::ForeignOwner { path: path.to_owned(), owner });
    }
    let mode = metadata.mode() & 0o7777;
    // A group of the owner's own number holds nobody but the owner: the usual set-up where the umask is 002.
    let group_is_owner = metadata.gid() == owner;
    // In a directory like `/tmp` nobody can put another file in the place of one that is not theirs.
    let is_sticky = metadata.is_dir() && mode & 0o1000 != 0;
    if !is_sticky && (mode & 0o002 != 0 || mode & 0o020 != 0 && !group_is_owner) {
        return Err(FileRefusal::WritableByOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn refusal(path: &Path) -> String {
        read(path).err().map(|refusal| creel_engine::chain(&refusal)).unwrap_or_default()
    }

    #[test]
    fn what_others_can_write_is_refused() {
        let temp = tempfile::tempdir().expect("a directory");
        let directory = temp.path().canonicalize().expect("its real path");
        let path = directory.join("p.wasm");
        std::fs::write(&path, "x").expect("a file");
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
        };
        let shown = path.display();
        set(&path, 0o666);
        assert_eq!(refusal(&path), format!("`{shown}` can be written by others (mode 0666)"));
        set(&path, 0o644);
        set(&directory, 0o777);
        assert_eq!(refusal(&path), format!("`{}` can be written by others (mode 0777)", directory.display()));
        set(&directory, 0o1777);
        assert!(refusal(&path).starts_with(&format!("`{shown}` is no plugin: ")));
        set(&directory, 0o700);
        assert!(refusal(&path).starts_with(&format!("`{shown}` is no plugin: ")));
        assert_eq!(refusal(&directory.join("none")).split('`').next(), Some("could not read "));
        assert_eq!(refusal(&directory), format!("`{}` is not a file", directory.display()));
    }
}
