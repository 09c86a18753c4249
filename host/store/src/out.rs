//! The `/out` of one call: a directory of its own that its plugin writes to, and how files in it become media. What a
//! plugin may do there, and how much of it, is not decided here.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, MetadataExt as _};
use creel_policy::media::{Area, MediaRef, MediaRefusal, MediaRefusalCode};

use crate::beneath::{self, NoFile};
use crate::db::{Store, StoreError};
use crate::media::{MediaError, Medium};

/// A directory that one call writes to. Nobody else knows it; dropping it removes it, with all that lies in it.
#[derive(Debug)]
pub struct OutDir {
    views: Dir,
    dir: Dir,
    name: String,
    path: PathBuf,
}

/// What becomes of a file that is taken from there.
#[derive(Clone, Debug)]
pub struct Taking {
    /// Where the medium goes.
    pub area: Area,
    /// Bytes it may have.
    pub bytes_max: u64,
    /// When it is stored, in milliseconds since the Unix epoch.
    pub now_ms: u64,
}

/// A file that did not become a medium. None of those that were taken with it is stored either.
#[derive(Debug, thiserror::Error)]
#[error("could not take `{name}`")]
pub struct NotTaken {
    /// Its name.
    pub name: String,
    /// Why not.
    pub source: MediaError,
}

const TAKE: &str = "read what a plugin wrote";
/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;

impl Store {
    /// Makes an empty directory for one call. It lies among the views, so that what a crash leaves of it goes with
    /// theirs.
    ///
    /// # Errors
    ///
    /// [`MediaError::Io`].
    pub fn out_dir(&self) -> Result<OutDir, MediaError> {
        let failed = MediaError::io("make a directory to write to");
        let name = beneath::hex(&beneath::random::<16>().map_err(&failed)?);
        let views = self.views().try_clone().map_err(&failed)?;
        let dir = beneath::open_or_create_dir(&views, &name);
        let dir = dir.map_err(|_| failed(io::ErrorKind::NotADirectory.into()))?;
        let path = self.root().display_path().join("views").join(&name);
        Ok(OutDir { views, dir, name, path })
    }

    /// Makes a medium of every file that lies there, in the order of their names: of all or of none.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] for the first that cannot be one.
    pub fn out_take_all(&self, out: &OutDir, taking: &Taking) -> Result<Vec<Medium>, NotTaken> {
        let names = out.names().map_err(|source| NotTaken { name: ".".to_owned(), source })?;
        let mut taken = Vec::with_capacity(names.len());
        for name in names {
            match self.out_take(out, &name, taking) {
                Ok(medium) => taken.push(medium),
                Err(source) => {
                    // What cannot be taken back now is unclaimed, and goes when the next daemon starts.
                    drop(self.forget(&taken));
                    return Err(NotTaken { name, source });
                }
            }
        }
        Ok(taken)
    }

    /// Makes a medium of one file that lies there.
    ///
    /// # Errors
    ///
    /// `not-found`; `not-file`, and `invalid-path` for one that has another name elsewhere: neither comes to be by what
    /// a plugin may do; as [`NewMedium::write`](crate::media::NewMedium::write).
    pub fn out_take(&self, out: &OutDir, name: &str, taking: &Taking) -> Result<Medium, MediaError> {
        let failed = MediaError::io(TAKE);
        let is_plain = !name.is_empty() && !name.contains(['/', '\0']) && !matches!(name, "." | "..");
        if !is_plain {
            return Err(refuse(MediaRefusalCode::InvalidPath, "the name is not one of a file there"));
        }
        let (mut file, metadata) = beneath::open_file(&out.dir, name).map_err(no_file)?;
        if metadata.nlink() != 1 {
            // Attack 109.
            return Err(refuse(MediaRefusalCode::InvalidPath, "the file has another name elsewhere"));
        }
        let mut new = self.media_begin(taking.area.clone(), Some(name), taking.bytes_max)?;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = file.read(&mut buffer).map_err(&failed)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            new.write(bytes)?;
        }
        new.finish(taking.now_ms)
    }

    /// Removes media that nobody has been told of.
    fn forget(&self, media: &[Medium]) -> Result<(), MediaError> {
        media.iter().map(|medium| &medium.media).try_for_each(|media| self.forget_one(media))
    }

    fn forget_one(&self, media: &MediaRef) -> Result<(), MediaError> {
        let failed = MediaError::io("remove a medium");
        let area = self.area(&media.area).map_err(no_file)?;
        // The file goes first, as in a sweep: a file of ours without a row there never is.
        area.remove_file(media.id.as_str()).map_err(&failed)?;
        beneath::sync_dir(&area).map_err(&failed)?;
        self.write(|transaction| {
            let key = (media.area.to_string(), media.id.as_str());
            transaction.execute("DELETE FROM media WHERE area = ?1 AND id = ?2 AND claimed = 0", key)?;
            Ok::<_, StoreError>(())
        })?;
        Ok(())
    }
}

impl OutDir {
    /// Where it is, for the preopen of the call that it was made for.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What lies there, in order.
    fn names(&self) -> Result<Vec<String>, MediaError> {
        let failed = MediaError::io(TAKE);
        let mut names = Vec::new();
        for entry in self.dir.entries().map_err(&failed)? {
            let name = entry.map_err(&failed)?.file_name().into_string();
            names.push(name.map_err(|_| refuse(MediaRefusalCode::InvalidPath, "a name there is not UTF-8"))?);
        }
        names.sort();
        Ok(names)
    }
}

impl Drop for OutDir {
    fn drop(&mut self) {
        // What cannot be removed now is removed when the next daemon starts.
        drop(self.views.remove_dir_all(&self.name));
    }
}

fn no_file(no: NoFile) -> MediaError {
    match no {
        NoFile::Missing => refuse(MediaRefusalCode::NotFound, "no such file is there"),
        NoFile::Symlink => refuse(MediaRefusalCode::InvalidPath, "it is a symbolic link"),
        NoFile::NotFile => refuse(MediaRefusalCode::NotFile, "it is not a regular file"),
        NoFile::Io(source) => MediaError::Io { deed: TAKE, source },
    }
}

fn refuse(code: MediaRefusalCode, rule: &str) -> MediaError {
    MediaError::Refused(MediaRefusal::new(code, rule))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
