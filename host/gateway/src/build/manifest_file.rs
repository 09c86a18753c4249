//! Reads `plugin.toml` beside a crate's `Cargo.toml`. What a manifest may say is decided in `creel_policy`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use creel_policy::ids::PluginId;
use creel_policy::limits::MANIFEST_BYTES_MAX;
use creel_policy::manifest::{Manifest, ManifestErrors};

/// Its name.
pub(crate) const FILE_NAME: &str = "plugin.toml";

/// A manifest that was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestFile {
    pub(crate) id: PluginId,
    pub(crate) version: String,
    /// As it was written, to the byte.
    pub(crate) text: String,
}

/// Why a manifest is not good.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestFileError {
    /// Not there, or not to be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Larger than any host would take.
    #[error("`{}` is larger than {MANIFEST_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// TOML is UTF-8.
    #[error("`{}` is not UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// No TOML, or no manifest.
    #[error("`{}` is not a manifest", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// All that is wrong, with line and column.
        #[source]
        source: ManifestErrors,
    },
}

/// Reads and checks the manifest in a directory.
///
/// # Errors
///
/// [`ManifestFileError`].
pub(crate) fn read(directory: &Path) -> Result<ManifestFile, ManifestFileError> {
    let path = directory.join(FILE_NAME);
    let bytes = match read_bounded(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(ManifestFileError::Read { path, source }),
    };
    if bytes.len() > MANIFEST_BYTES_MAX {
        return Err(ManifestFileError::TooLarge { path });
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(ManifestFileError::NotText { path });
    };
    match Manifest::parse(&text) {
        Ok(manifest) => Ok(ManifestFile { id: manifest.plugin.id, version: manifest.plugin.version, text }),
        Err(source) => Err(ManifestFileError::Malformed { path, source }),
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MANIFEST_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
