//! The two doors of this plugin: reads one picture in `/media`, writes one file to `/out`. Everything else works on
//! bytes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::fault::Fault;
use crate::limits::FILE_BYTES_MAX;

/// The bytes of the picture that the last segment of this handle names.
pub(crate) fn read(directory: &Path, uri: &str) -> Result<Vec<u8>, Fault> {
    let name = uri.rsplit('/').next().unwrap_or_default();
    if name.is_empty() || name.starts_with('.') || name.contains(['\\', '\0']) {
        return Err(Fault::Open(io::ErrorKind::InvalidInput));
    }
    let (file, bytes) = open(&directory.join(name)).map_err(|error| Fault::Open(error.kind()))?;
    if bytes > FILE_BYTES_MAX {
        return Err(Fault::File { bytes });
    }
    let mut held = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    file.take(FILE_BYTES_MAX).read_to_end(&mut held).map_err(|error| Fault::Open(error.kind()))?;
    Ok(held)
}

/// Writes a file with this name, which is one segment.
pub(crate) fn write(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), Fault> {
    let written = create(&directory.join(name)).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| Fault::Write(error.kind()))
}

#[expect(clippy::disallowed_methods, reason = "the sandbox holds a read-only `/media`, an `/out` and nothing else")]
fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

#[expect(clippy::disallowed_methods, reason = "the sandbox holds a read-only `/media`, an `/out` and nothing else")]
fn create(path: &Path) -> io::Result<File> {
    File::create(path)
}
