//! `creel media put|get`: bytes into the store and out of it. They stream; what they are is not looked at here.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write};
use std::path::{Path, PathBuf};

use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_store::Store;
use creel_store::media::{Medium, NewMedium};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::{Kept, MediaCommandError, Record, fetch, print};
use crate::cli::{GetMediaArgs, PutMediaArgs};
use crate::clock;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;
use crate::render;

/// Bytes that are moved at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Stores a file, standard input, or what a URL leads to.
///
/// # Errors
///
/// [`CommandError`].
pub(super) fn put(args: &PutMediaArgs, kept: &Kept, process: &Process) -> Result<Exit, CommandError> {
    let medium = match args.file.to_str().filter(|text| fetch::is_url(text)) {
        Some(url) => fetch::take(url, kept)?,
        None => put_file(args, &kept.store, process)?,
    };
    print(&if args.json { serde_json::to_string_pretty(&Record(&medium))? } else { render::stored(&medium) })?;
    Ok(Exit::Ok)
}

fn put_file(args: &PutMediaArgs, store: &Store, process: &Process) -> Result<Medium, CommandError> {
    let is_input = args.file == Path::new("-");
    let of_file = args.file.file_name().and_then(|name| name.to_str()).filter(|_| !is_input);
    let name = args.name.as_deref().or(of_file);
    let begin = |expected: Option<u64>| {
        let mut new = store.media_begin(args.area.clone(), name, MEDIUM_BYTES_MAX)?;
        new.keep();
        if let Some(declared) = &args.content_type {
            new.declare(declared);
        }
        expected.map_or(Ok(()), |bytes| new.expect(bytes))?;
        Ok::<_, MediaCommandError>(new)
    };
    let new = if is_input {
        let failed = MediaCommandError::Input;
        stream(io::stdin().lock(), begin(None)?, failed)?
    } else {
        let failed = |source| MediaCommandError::File { deed: "read", path: args.file.clone(), source };
        let file = File::open(absolute(&args.file, process)).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(MediaCommandError::Directory { path: args.file.clone() }.into());
        }
        let expected = metadata.is_file().then_some(metadata.len());
        stream(file, begin(expected)?, failed)?
    };
    let medium = new.finish(clock::now_ms()).map_err(MediaCommandError::from)?;
    if let Some(declared) = medium.declared_type.as_deref().filter(|declared| *declared != medium.content_type) {
        let text = format!("`--type` says {declared}, and the bytes are {}", medium.content_type);
        // Where standard error is closed there is nobody to tell.
        drop(io::stderr().lock().write_all(render::note(&text, process.style_of_stderr()).as_bytes()));
    }
    Ok(medium)
}

fn stream(
    mut from: impl Read,
    mut new: NewMedium,
    failed: impl Fn(io::Error) -> MediaCommandError,
) -> Result<NewMedium, MediaCommandError> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        match buffer.get(..count).filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => new.write(bytes)?,
            None => return Ok(new),
        }
    }
}

/// Writes a medium out.
///
/// # Errors
///
/// [`CommandError`].
pub(super) fn get(args: &GetMediaArgs, kept: &Kept, process: &Process) -> Result<Exit, CommandError> {
    let store = &kept.store;
    let medium = kept.find(&args.reference)?;
    let file = args.out.as_deref().filter(|out| *out != Path::new("-"));
    let from = store.media_open(&medium.media).map_err(MediaCommandError::from)?;
    let Some(path) = file else {
        let is_text = medium.content_type.starts_with("text/");
        if args.out.is_none() && io::stdout().is_terminal() && !is_text {
            let content_type = medium.content_type.clone();
            return Err(MediaCommandError::Terminal { media: medium.media, content_type }.into());
        }
        let mut out = io::stdout().lock();
        copy(from, &mut out, &medium, CommandError::Output)?;
        out.flush().map_err(CommandError::Output)?;
        return Ok(Exit::Ok);
    };
    write_file(from, &medium, path, args, process)?;
    Ok(Exit::Ok)
}

/// Writes a file as a whole or not at all.
fn write_file(
    from: File,
    medium: &Medium,
    path: &Path,
    args: &GetMediaArgs,
    process: &Process,
) -> Result<(), CommandError> {
    let failed = |source| MediaCommandError::File { deed: "write", path: path.to_owned(), source };
    let target = absolute(path, process);
    if target.is_dir() {
        return Err(MediaCommandError::Directory { path: path.to_owned() }.into());
    }
    if !args.force && target.symlink_metadata().is_ok() {
        return Err(MediaCommandError::Exists { path: path.to_owned() }.into());
    }
    let directory = target.parent().unwrap_or(Path::new("/"));
    directory.metadata().map_err(failed)?;
    // Of what else goes wrong the kind alone is said, not the name of a file that the operator never heard of.
    let mut partial = NamedTempFile::new_in(directory).map_err(|error| failed(error.kind().into()))?;
    copy(from, &mut partial, medium, |source| failed(source).into())?;
    partial.as_file().sync_all().map_err(failed)?;
    let persisted = if args.force { partial.persist(&target) } else { partial.persist_noclobber(&target) };
    match persisted {
        Ok(_file) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(MediaCommandError::Exists { path: path.to_owned() }.into())
        }
        Err(error) => Err(failed(error.error).into()),
    }
}

/// Copies a medium and sees that it is what was stored.
fn copy(
    mut from: File,
    to: &mut impl Write,
    medium: &Medium,
    failed: impl Fn(io::Error) -> CommandError,
) -> Result<(), CommandError> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = from.read(&mut buffer);
        let count = read.map_err(|source| MediaCommandError::File {
            deed: "read",
            path: PathBuf::from(medium.media.to_string()),
            source,
        })?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        to.write_all(bytes).map_err(&failed)?;
    }
    let sha256: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if sha256 == medium.sha256 {
        return Ok(());
    }
    Err(MediaCommandError::Changed { media: medium.media.clone() }.into())
}

fn absolute(path: &Path, process: &Process) -> PathBuf {
    process.current_directory.as_ref().map_or_else(|| path.to_owned(), |current| current.join(path))
}
