//! Opens and writes files beneath a directory that is held already. No ambient path is opened here, no symbolic link
//! is followed, and nothing but a regular file is ever given out (attacks 105, 106, 120).

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, Metadata, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// Why a file was not given.
#[derive(Debug)]
pub(crate) enum NoFile {
    /// Nothing has that name.
    Missing,
    /// The name, or a directory on the way, is a symbolic link.
    Symlink,
    /// A directory, a pipe, a socket, a device.
    NotFile,
    /// The operating system said something else.
    Io(io::Error),
}

impl From<io::Error> for NoFile {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            // No file can have a name that is too long for its file system.
            Some(Errno::NOENT | Errno::NAMETOOLONG) => Self::Missing,
            Some(Errno::LOOP) => Self::Symlink,
            // A socket, and a path that goes on behind a file.
            Some(Errno::NXIO | Errno::NOTDIR | Errno::ISDIR) => Self::NotFile,
            _ => Self::Io(error),
        }
    }
}

/// Opens the regular file `name` (one segment) for reading.
pub(crate) fn open_file(dir: &Dir, name: &str) -> Result<(File, Metadata), NoFile> {
    // Looked at before it is opened, since opening a device or a pipe can have effects.
    let kind = dir.symlink_metadata(name)?.file_type();
    if kind.is_symlink() {
        return Err(NoFile::Symlink);
    }
    if !kind.is_file() {
        return Err(NoFile::NotFile);
    }
    let mut options = OpenOptions::new();
    // Without waiting: what was a file a moment ago may be a pipe now.
    options.read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY));
    let file = dir.open_with(name, &options)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(NoFile::NotFile);
    }
    Ok((file.into_std(), metadata))
}

/// Opens the directory `name` (one segment), which must not be a symbolic link.
pub(crate) fn open_dir(dir: &Dir, name: &str) -> Result<Dir, NoFile> {
    if dir.symlink_metadata(name)?.file_type().is_symlink() {
        return Err(NoFile::Symlink);
    }
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags(OFlags::NOFOLLOW | OFlags::DIRECTORY));
    let opened = dir.open_with(name, &options)?;
    Ok(Dir::from_std_file(opened.into_std()))
}

/// Opens the directory `name`, made with mode 0700 where it is not there yet.
pub(crate) fn open_or_create_dir(dir: &Dir, name: &str) -> Result<Dir, NoFile> {
    let mut private = DirBuilder::new();
    private.mode(0o700);
    match dir.create_dir_with(name, &private) {
        Ok(()) => sync_dir(dir)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    open_dir(dir, name)
}

/// Makes a file that was not there before.
pub(crate) fn create_file(dir: &Dir, name: &str, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(mode);
    Ok(dir.open_with(name, &options)?.into_std())
}

/// Opens a file that is there to be locked, made where it is not there yet.
pub(crate) fn open_lock(dir: &Dir, name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options.custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY));
    Ok(dir.open_with(name, &options)?.into_std())
}

/// Replaces `name` as a whole: after a crash the old bytes stand there or the new ones.
pub(crate) fn replace_file(dir: &Dir, name: &str, bytes: &[u8]) -> io::Result<()> {
    let partial = partial_name()?;
    let result = write_new(dir, &partial, bytes).and_then(|()| dir.rename(&partial, dir, name));
    if let Err(error) = result {
        return Err(remove_quietly(dir, &partial, error));
    }
    sync_dir(dir)
}

/// Puts `bytes` under `name` unless something stands there; says whether it did. Whoever comes second gets `false`.
pub(crate) fn publish_file(dir: &Dir, name: &str, bytes: &[u8]) -> io::Result<bool> {
    let partial = partial_name()?;
    write_new(dir, &partial, bytes)?;
    let linked = dir.hard_link(&partial, dir, name);
    dir.remove_file(&partial)?;
    match linked {
        Ok(()) => sync_dir(dir).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads at most `bytes_max` bytes; `None` when there are more. Room is made once, so that what is read is not copied
/// about in memory.
pub(crate) fn read_bounded(file: &File, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let size = file.metadata()?.len().min(bytes_max);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default().saturating_add(32));
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Dir) -> io::Result<()> {
    dir.open(Path::new("."))?.sync_all()
}

/// A name for a file that is being written: it begins with a dot, so that it is no id of a medium.
pub(crate) fn partial_name() -> io::Result<String> {
    Ok(format!("{PARTIAL_PREFIX}{}", hex(&random::<16>()?)))
}

/// How names of files begin that are being written.
pub(crate) const PARTIAL_PREFIX: &str = ".partial-";

/// Removes what was left behind by a process that ended in the middle of writing; says how many there were.
pub(crate) fn remove_partials(dir: &Dir) -> io::Result<usize> {
    let mut removed = 0;
    for entry in dir.entries()? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(PARTIAL_PREFIX)) {
            dir.remove_file(&name)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Fresh random bytes.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}

fn write_new(dir: &Dir, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_file(dir, name, 0o600)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes what could not be finished, and keeps the first error: it is the one that says why.
fn remove_quietly(dir: &Dir, name: &str, first: io::Error) -> io::Error {
    match dir.remove_file(name) {
        Ok(()) | Err(_) => first,
    }
}

fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}
