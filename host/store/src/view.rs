//! The media of one call as a directory of its own: exactly these, read-only, gone when the call ends. What a plugin
//! does with them is not known here.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Permissions, PermissionsExt as _};
use creel_policy::media::{MediaRef, MediaRefusal, MediaRefusalCode};

use crate::beneath;
use crate::db::Store;
use crate::limits::VIEW_MEDIA_MAX;
use crate::media::{MediaError, no_file};

/// A directory that holds the media of one call, each named by its id. It cannot be widened; dropping it removes it.
#[derive(Debug)]
pub struct MediaView {
    views: Dir,
    name: String,
    path: PathBuf,
}

impl Store {
    /// Makes a view of exactly these media. The same medium twice is there once.
    ///
    /// # Errors
    ///
    /// As [`Store::medium`] for each; `invalid-path` where media of two areas have one id; [`MediaError::Io`].
    pub fn media_view(&self, media: &[MediaRef]) -> Result<MediaView, MediaError> {
        let mut by_id = BTreeMap::new();
        for media in media {
            if let Some(other) = by_id.insert(media.id.as_str(), media)
                && other != media
            {
                let rule = format!("`{other}` and `{media}` have one name in the view of a call");
                return Err(MediaRefusal::new(MediaRefusalCode::InvalidPath, rule).into());
            }
        }
        if by_id.len() > VIEW_MEDIA_MAX {
            let rule = format!("a call has at most {VIEW_MEDIA_MAX} media");
            return Err(MediaRefusal::new(MediaRefusalCode::TooLarge, rule).into());
        }
        let failed = MediaError::io("make a view of media");
        let name = beneath::hex(&beneath::random::<16>().map_err(&failed)?);
        let dir = beneath::open_or_create_dir(self.views(), &name);
        let views = self.views().try_clone().map_err(&failed)?;
        let path = self.root().display_path().join("views").join(&name);
        let view = MediaView { views, name, path };
        let dir = dir.map_err(|_| failed(io::ErrorKind::NotADirectory.into()))?;
        for media in by_id.into_values() {
            // Also takes a file of the older gateway in, so that what is linked is ours and never changes.
            let file = self.media_open(media)?;
            let area = self.area(&media.area).map_err(|no| no_file(no, media))?;
            link(&area, &dir, media, file).map_err(&failed)?;
        }
        Ok(view)
    }
}

impl MediaView {
    /// Where it is, for the preopen of the call that it was made for.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for MediaView {
    fn drop(&mut self) {
        // What cannot be removed now is removed when the next daemon starts.
        drop(self.views.remove_dir_all(&self.name));
    }
}

/// A second name for the file; a copy where the file system has no such thing.
fn link(area: &Dir, view: &Dir, media: &MediaRef, mut file: std::fs::File) -> io::Result<()> {
    let id = media.id.as_str();
    if area.hard_link(id, view, id).is_ok() && view.symlink_metadata(id)?.is_file() {
        return Ok(());
    }
    let mut copy = beneath::create_file(view, id, 0o400)?;
    io::copy(&mut file, &mut copy)?;
    view.set_permissions(id, Permissions::from_mode(0o400))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
