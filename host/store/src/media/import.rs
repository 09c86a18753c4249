//! Takes the media of an older gateway's directory in, each under its own name, so that what was written about them
//! there leads to them here. The source is only read. Which names are media is `creel_policy::media`'s to say.

use std::io::Read as _;
use std::path::Path;

use cap_std::fs::{Metadata, MetadataExt as _};
use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::media::{Area, MediaId, MediaRef, MediaRefusalCode};
use sha2::{Digest as _, Sha256};

use super::adopt::original_name;
use super::{MediaError, Medium, no_file, refused, row};
use crate::beneath;
use crate::db::Store;
use crate::older::OlderDir;
use crate::state::StateError;

/// The directories that media were taken in from, as a JSON list of paths in the state directory.
const FROM_FILE: &str = "imported-media.json";
/// Directories that are remembered; nobody has had more gateways.
const FROM_MAX: usize = 32;
/// Bytes of that list: so many paths of the longest kind.
const FROM_BYTES_MAX: u64 = 256 << 10;

/// What became of a file of the older gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaImport {
    /// It is a medium now.
    New(Medium),
    /// It was one before.
    There(Medium),
}

impl Store {
    /// Makes a medium of a file of `source`, under its own name. A file that was taken in before is seen to be the same.
    ///
    /// # Errors
    ///
    /// `invalid-path` for a name that is none, a symbolic link, a file with a second name, one that changed while it was
    /// read, and for a name that another medium has; `not-file`, `too-large`; [`MediaError::Full`].
    pub fn media_import(&self, source: &OlderDir, name: &str) -> Result<MediaImport, MediaError> {
        let media = MediaRef { area: Area::Inbound, id: MediaId::parse(name)? };
        let opened = beneath::open_file(source.dir(), name);
        let (mut file, before) = opened.map_err(|no| no_file(no, &media))?;
        if before.nlink() > 1 {
            return Err(refused(MediaRefusalCode::InvalidPath, &media, "has a second name (a hard link) elsewhere"));
        }
        if before.size() > MEDIUM_BYTES_MAX {
            return Err(refused(
                MediaRefusalCode::TooLarge,
                &media,
                &format!("has more than {MEDIUM_BYTES_MAX} bytes"),
            ));
        }
        let known = row::find(self, &media)?;
        if known.is_none() && self.area(&media.area).is_ok_and(|dir| dir.symlink_metadata(media.id.as_str()).is_ok()) {
            return Err(refused(MediaRefusalCode::InvalidPath, &media, "lies there already, put there by hand"));
        }
        let mut new = match known {
            Some(_) => None,
            None => Some(self.media_begin(media.area.clone(), Some(&original_name(name)), MEDIUM_BYTES_MAX)?),
        };
        let mut hasher = Sha256::new();
        let failed = MediaError::io("read a file of the older gateway");
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = file.read(&mut buffer).map_err(&failed)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            hasher.update(bytes);
            if let Some(new) = &mut new {
                new.write(bytes)?;
            }
        }
        let after = Metadata::from_file(&file).map_err(&failed)?;
        let stamp = |metadata: &Metadata| (metadata.size(), metadata.mtime(), metadata.mtime_nsec());
        if stamp(&before) != stamp(&after) {
            return Err(refused(MediaRefusalCode::InvalidPath, &media, "changed while it was read"));
        }
        let digest = beneath::hex(&hasher.finalize());
        let Some(new) = new else {
            let medium = self.medium(&media)?;
            return same(medium, &digest).map(MediaImport::There);
        };
        let modified_ms = before.mtime().saturating_mul(1000).saturating_add(before.mtime_nsec() / 1_000_000);
        let (medium, is_ours) = new.finish_over(media, u64::try_from(modified_ms).unwrap_or(0))?;
        if is_ours {
            return Ok(MediaImport::New(medium));
        }
        // Another process was faster.
        same(self.medium(&medium.media)?, &digest).map(MediaImport::There)
    }

    /// Remembers the directory that media were taken in from, so that an absolute path in it leads to the medium: by its
    /// real path, and by the one that the operator gave, which older files may hold (case U9).
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn remember_import(&self, source: &OlderDir, given: &Path) -> Result<(), StateError> {
        let mut from = self.imported_from()?;
        let before = from.len();
        for path in [source.display_path(), given].map(|path| path.display().to_string()) {
            if !from.contains(&path) && from.len() < FROM_MAX {
                from.push(path);
            }
        }
        if from.len() == before {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&from).map_err(|error| StateError::Io {
            deed: "write",
            name: FROM_FILE.to_owned(),
            source: error.into(),
        })?;
        self.root().write_private(FROM_FILE, &text)
    }

    /// The directories that media were taken in from.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub(crate) fn imported_from(&self) -> Result<Vec<String>, StateError> {
        let Some(text) = self.root().read_private(FROM_FILE, FROM_BYTES_MAX)? else { return Ok(Vec::new()) };
        serde_json::from_str(&text).map_err(|error| StateError::Io {
            deed: "read",
            name: FROM_FILE.to_owned(),
            source: error.into(),
        })
    }

    /// The name that a path has among the media that were taken in. The path is compared and never opened.
    pub(crate) fn imported_name(&self, path: &Path) -> Result<Option<MediaId>, StateError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Ok(None);
        };
        let from = self.imported_from()?;
        let is_from = from.iter().any(|from| Path::new(from) == parent);
        Ok(if is_from { MediaId::parse(name).ok() } else { None })
    }
}

/// A name that has other bytes here is not taken from them.
fn same(medium: Medium, digest: &str) -> Result<Medium, MediaError> {
    if medium.sha256 == digest {
        return Ok(medium);
    }
    Err(refused(MediaRefusalCode::InvalidPath, &medium.media, "is stored already, with other bytes"))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::fixture::operator;
    use crate::resolve::Deed;
    use crate::state::StateRoot;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x02\0\0\0";

    #[test]
    fn media_are_taken_in_once_and_found_by_their_old_paths() {
        let temp = tempfile::tempdir().unwrap();
        let older = temp.path().join("older/media/inbound");
        std::fs::create_dir_all(&older).unwrap();
        std::fs::write(older.join("cat.jpg"), PNG).unwrap();
        let root = StateRoot::open_ambient(&temp.path().join("state")).unwrap();
        let store = Store::open(&root).unwrap();
        let source = OlderDir::open_ambient(&older).unwrap();
        let path = source.display_path().join("cat.jpg").display().to_string();
        let refusal = |store: &Store, path: &str| {
            store.resolve(path, &operator(), Deed::Look { now_ms: 1 }).unwrap().outcome.unwrap_err().code
        };
        let found = |store: &Store, path: &str| {
            store.resolve(path, &operator(), Deed::Look { now_ms: 1 }).unwrap().medium().cloned().unwrap()
        };
        assert_eq!(refusal(&store, &path), MediaRefusalCode::PathNotAllowed);

        let MediaImport::New(medium) = store.media_import(&source, "cat.jpg").unwrap() else { panic!("it is new") };
        assert_eq!((medium.content_type.as_str(), medium.size, medium.width), ("image/png", PNG.len() as u64, Some(2)));
        assert_eq!(store.media_import(&source, "cat.jpg").unwrap(), MediaImport::There(medium.clone()));
        assert_eq!(refusal(&store, &path), MediaRefusalCode::PathNotAllowed);
        store.remember_import(&source, Path::new("/home/me/older")).unwrap();
        store.remember_import(&source, Path::new("/home/me/older")).unwrap();
        let other = older.join("none.jpg").display().to_string();
        for _ in 0..2 {
            assert_eq!(found(&store, &path), medium);
            assert_eq!(found(&store, "/home/me/older/cat.jpg"), medium, "U9");
            assert_eq!(found(&store, "media/inbound/cat.jpg"), medium);
            assert_eq!(refusal(&store, &other), MediaRefusalCode::NotFound);
            let near = older.parent().unwrap().join("cat.jpg").display().to_string();
            assert_eq!(refusal(&store, &near), MediaRefusalCode::PathNotAllowed);
        }
        // The old directory may go: nothing of it is opened.
        std::fs::remove_dir_all(temp.path().join("older")).unwrap();
        assert_eq!(found(&store, &path), medium);
    }

    #[test]
    fn what_is_no_plain_file_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let older = temp.path().join("older");
        std::fs::create_dir_all(older.join("dir")).unwrap();
        std::fs::write(temp.path().join("outside"), PNG).unwrap();
        symlink(temp.path().join("outside"), older.join("link.png")).unwrap();
        std::fs::hard_link(temp.path().join("outside"), older.join("hard.png")).unwrap();
        std::fs::write(older.join(".hidden"), PNG).unwrap();
        std::fs::write(older.join("same.png"), PNG).unwrap();
        let large = std::fs::File::create(older.join("large.bin")).unwrap();
        large.set_len(MEDIUM_BYTES_MAX + 1).unwrap();
        let root = StateRoot::open_ambient(&temp.path().join("state")).unwrap();
        let store = Store::open(&root).unwrap();
        let source = OlderDir::open_ambient(&older).unwrap();
        let check = |name: &str, expect: &str| {
            let said = store.media_import(&source, name).map(|_| ()).map_err(|error| error.to_string());
            let said = said.unwrap_err();
            assert!(said.contains(expect), "{name}: {said}");
        };
        check("link.png", "`media://inbound/link.png` is a symbolic link");
        check("hard.png", "has a second name (a hard link) elsewhere");
        check("dir", "is not a regular file");
        check(".hidden", "does not begin with a dot");
        check("large.bin", "has more than 104857600 bytes");
        check("../outside", "a media id");
        check("none.png", "is not stored");
        store.media_import(&source, "same.png").unwrap();
        std::fs::write(older.join("same.png"), b"other").unwrap();
        check("same.png", "is stored already, with other bytes");
    }
}
