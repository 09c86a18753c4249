//! Half-written media: which are being written, and which were left behind by a process that is gone. What they were to
//! become nobody knows.

use std::fs::TryLockError;
use std::io;

use cap_std::fs::{Dir, MetadataExt as _};

use crate::beneath::{self, PARTIAL_PREFIX};

/// A half-written medium that nobody writes.
#[derive(Debug)]
pub(super) struct Leftover {
    pub(super) name: String,
    /// When it was last written to.
    pub(super) modified_ms: u64,
}

/// The half-written media of an area that nobody writes: whoever writes one holds its lock, and loses it by dying.
pub(super) fn leftovers(dir: &Dir) -> io::Result<Vec<Leftover>> {
    let mut leftovers = Vec::new();
    for entry in dir.entries()? {
        let name = entry?.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PARTIAL_PREFIX)) else { continue };
        match beneath::open_file(dir, name) {
            Ok((file, metadata)) => match file.try_lock() {
                Err(TryLockError::WouldBlock) => {}
                // Where there are no locks, nothing but its age speaks for it.
                Ok(()) | Err(TryLockError::Error(_)) => {
                    leftovers.push(Leftover { name: name.to_owned(), modified_ms: modified_ms(&metadata) });
                }
            },
            Err(beneath::NoFile::Missing) => {}
            // No file of ours: a link or a directory of that name was put there by somebody else.
            Err(_) => leftovers.push(Leftover { name: name.to_owned(), modified_ms: 0 }),
        }
    }
    Ok(leftovers)
}

/// Removes what was left behind half written; says how many there were.
pub(crate) fn clear_partials(dir: &Dir) -> io::Result<usize> {
    let mut removed = 0;
    for leftover in leftovers(dir)? {
        removed += usize::from(remove(dir, &leftover.name)?);
    }
    Ok(removed)
}

/// Removes a file or a link; `false` where it is gone already, or is a directory.
pub(super) fn remove(dir: &Dir, name: &str) -> io::Result<bool> {
    match dir.remove_file(name) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => Ok(false),
        Err(error) => Err(error),
    }
}

/// When a file was last written to, in milliseconds since the Unix epoch.
pub(super) fn modified_ms(metadata: &cap_std::fs::Metadata) -> u64 {
    let modified_ms = metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000);
    u64::try_from(modified_ms).unwrap_or(0)
}
