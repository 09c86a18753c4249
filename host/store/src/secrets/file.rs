//! Secrets of files: opened once, looked at, read within bounds. Which file is the operator's to say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt as _};
use creel_policy::config::FileProvider;
use zeroize::Zeroizing;

use super::text::{Found, find};
use super::{Answer, Places};
use crate::beneath::{self, NoFile};
use crate::within::{Late, within};

/// Reads the file once and answers each id.
pub(super) fn ask(alias: &str, provider: &FileProvider, ids: &[&str], places: &Places<'_>) -> Vec<Answer> {
    let about = |what: &str| format!("File provider \"{alias}\" {what}");
    let all = |why: String| ids.iter().map(|_| Answer::Refused(why.clone())).collect();
    let Some(path) = places.absolute(&provider.path) else {
        return all(about("path begins with `~/`, and there is no home directory"));
    };
    let (insecure, bytes_max) = (provider.allow_insecure_path, provider.bytes_max);
    let time = Duration::from_millis(provider.timeout_ms);
    let bytes = match within(time, move || read(&path, insecure, bytes_max)) {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(why)) => return all(about(&why)),
        Err(Late) => return all(about(&format!("timed out after {} ms", provider.timeout_ms))),
    };
    if provider.single_value {
        return ids.iter().map(|_| single(&bytes).unwrap_or_else(|| Answer::Refused(about("is not UTF-8")))).collect();
    }
    let answer = |id: &&str| match find(&bytes, id) {
        Some(Found::Text(text)) => Answer::Value(text),
        Some(Found::NotText) => Answer::Refused(about("holds something there that is not a string")),
        Some(Found::Nothing) => Answer::not_found("not in the file"),
        None => Answer::Refused(about("is not valid JSON")),
    };
    ids.iter().map(answer).collect()
}

/// The whole file is the value, but for the line break that editors put at its end.
fn single(bytes: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).unwrap_or(text);
    Some(Answer::Value(Zeroizing::new(text.to_owned())))
}

#[expect(clippy::disallowed_methods, reason = "the door to the files that the operator named for secrets")]
fn read(path: &Path, insecure: bool, bytes_max: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err("path names no file".to_owned());
    };
    let dir = Dir::open_ambient_dir(parent, ambient_authority())
        .map_err(|error| format!("cannot open the directory of its file: {}", error.kind()))?;
    let (file, metadata) = beneath::open_file(&dir, name).map_err(|no| match no {
        NoFile::Missing => "file is not there".to_owned(),
        NoFile::Symlink => "path must not be a symlink".to_owned(),
        NoFile::NotFile => "path is not a regular file".to_owned(),
        NoFile::Io(error) => format!("cannot open its file: {}", error.kind()),
    })?;
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    if !insecure && !is_ours(owner) {
        return Err(format!("file belongs to user {owner}"));
    }
    if !insecure && mode & 0o077 != 0 {
        return Err(format!("file can be read or written by others (mode {mode:04o})"));
    }
    match beneath::read_bounded(&file, bytes_max) {
        Ok(Some(bytes)) => Ok(Zeroizing::new(bytes)),
        Ok(None) => Err(format!("file has more than {bytes_max} bytes")),
        Err(error) => Err(format!("cannot read its file: {}", error.kind())),
    }
}

/// Whether nobody but the operator can have written it.
pub(super) fn is_ours(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

impl Places<'_> {
    /// A path of the configuration, which begins at the root or at the home directory.
    pub(super) fn absolute(&self, path: &str) -> Option<PathBuf> {
        match path.strip_prefix("~/") {
            Some(rest) => self.home.map(|home| home.join(rest)),
            None => Some(PathBuf::from(path)),
        }
    }
}
