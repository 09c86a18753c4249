//! The one resolver: any spelling of a medium goes in, the medium or the reason comes out, with what each root said.
//! First, tenth, concurrent, replayed and after a restart are the same case, since nothing here is remembered. How
//! spellings are read is `creel_policy::media`'s to say.

use std::path::{Path, PathBuf};

use cap_std::fs::MetadataExt as _;
use creel_policy::media::{Area, MediaId, MediaRef, MediaRefusal, MediaRefusalCode, Spelling, read_spelling};

use crate::db::{Store, StoreError};
use crate::media::{MediaError, Medium};

/// What came of a text that was to name a medium, and why.
#[derive(Debug)]
pub struct MediaResolution {
    /// The text as it came.
    pub input: String,
    /// The medium, or why there is none.
    pub outcome: Result<Medium, MediaRefusal>,
    /// What each root said, for the operator.
    pub roots: Vec<RootReport>,
}

/// A root that media can lie under.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RootReport {
    /// The name of its area.
    pub name: String,
    /// The canonical path, for the operator's eyes.
    pub path: String,
    /// How the host uses it.
    pub mode: &'static str,
    /// Whether it holds what was named.
    pub verdict: RootVerdict,
}

/// What a root says to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootVerdict {
    /// The name leads directly into it.
    Matches,
    /// It does not.
    DoesNotMatch,
    /// The name was refused before any root was looked at.
    NotAsked,
}

impl Store {
    /// Resolves any spelling of a medium.
    ///
    /// # Errors
    ///
    /// [`MediaError`] only for surprises (the disk, the database): a refusal is part of the answer.
    pub fn resolve(&self, reference: &str) -> Result<MediaResolution, MediaError> {
        let answer =
            |outcome, area| Ok(MediaResolution { input: reference.to_owned(), outcome, roots: self.reports(area) });
        let located = match read_spelling(reference) {
            Err(refusal) => return answer(Err(refusal), Asked::No),
            Ok(Spelling::Handle(media)) => Ok((media.area, Ok(media.id))),
            Ok(Spelling::AbsolutePath(path)) => self.locate_anywhere(Path::new(&path))?,
            Ok(Spelling::HomePath(below)) => match self.root().home() {
                Some(home) => self.locate_anywhere(&home.join(below))?,
                None => Err(MediaRefusal::new(
                    MediaRefusalCode::PathNotAllowed,
                    "`~` means nothing to this daemon: it has no home directory",
                )),
            },
        };
        let media = match located {
            Err(refusal) => return answer(Err(refusal), Asked::FoundNone),
            Ok((area, Err(refusal))) => return answer(Err(refusal), Asked::Found(area)),
            Ok((area, Ok(id))) => MediaRef { area, id },
        };
        match self.medium(&media) {
            Ok(medium) => answer(Ok(medium), Asked::Found(media.area.clone())),
            Err(MediaError::Refused(refusal)) => answer(Err(refusal), Asked::Found(media.area.clone())),
            Err(error @ (MediaError::Full { .. } | MediaError::Store(_) | MediaError::Io { .. })) => Err(error),
        }
    }

    /// Looks among our own areas, and then among the names of what was taken in from an older gateway.
    fn locate_anywhere(&self, path: &Path) -> Result<Result<Located, MediaRefusal>, MediaError> {
        let located = self.locate(path);
        if located.is_ok() {
            return Ok(located);
        }
        let imported = self.imported_name(path).map_err(StoreError::from)?;
        Ok(imported.map_or(located, |id| Ok((Area::Inbound, Ok(id)))))
    }

    /// The area that a path leads directly into, and the name in it. Directories are compared by what they are and not
    /// by how they are spelled, so that no link, bind mount or renamed home changes the verdict (case U9, attack 113).
    #[expect(
        clippy::disallowed_methods,
        reason = "the directory of a path is looked at, to be compared, and never opened"
    )]
    fn locate(&self, path: &Path) -> Result<Located, MediaRefusal> {
        let refuse = || {
            let rule = format!("local media path is not under an allowed directory: {}", path.display());
            MediaRefusal::new(MediaRefusalCode::PathNotAllowed, rule)
        };
        let (parent, name) = path.parent().zip(path.file_name()).ok_or_else(refuse)?;
        let name = name.to_str().ok_or_else(refuse)?;
        // What cannot be looked at is not the area's directory, which is open.
        let parent = std::fs::metadata(parent).map_err(|_| refuse())?;
        let parent = (std::os::unix::fs::MetadataExt::dev(&parent), std::os::unix::fs::MetadataExt::ino(&parent));
        for area in self.areas().map_err(|_| refuse())? {
            let Ok(dir) = self.area(&area) else { continue };
            let own = dir.dir_metadata().map_err(|_| refuse())?;
            if (own.dev(), own.ino()) == parent {
                return Ok((area, MediaId::parse(name)));
            }
        }
        Err(refuse())
    }

    fn reports(&self, asked: Asked) -> Vec<RootReport> {
        let report = |area: Area| RootReport {
            name: area.to_string(),
            path: self.area_path(&area).display().to_string(),
            mode: "read",
            verdict: match asked {
                Asked::No => RootVerdict::NotAsked,
                Asked::Found(ref found) if *found == area => RootVerdict::Matches,
                Asked::Found(_) | Asked::FoundNone => RootVerdict::DoesNotMatch,
            },
        };
        self.areas().unwrap_or_default().into_iter().map(report).collect()
    }

    fn area_path(&self, area: &Area) -> PathBuf {
        self.root().display_path().join("media").join(area.to_string())
    }
}

/// The area that a name leads into, and the id that it has there, if it is one.
type Located = (Area, Result<MediaId, MediaRefusal>);

/// How far the name came.
#[derive(Clone)]
enum Asked {
    No,
    FoundNone,
    Found(Area),
}

impl serde::Serialize for MediaResolution {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Flat<'a> {
            input: &'a str,
            uri: Option<&'a MediaRef>,
            verdict: &'static str,
            reason: Option<MediaRefusalCode>,
            detail: Option<&'a str>,
            content_type: Option<&'a str>,
            size: Option<u64>,
            roots: &'a [RootReport],
        }
        let (medium, refusal) = match &self.outcome {
            Ok(medium) => (Some(medium), None),
            Err(refusal) => (None, Some(refusal)),
        };
        Flat {
            input: &self.input,
            uri: medium.map(|medium| &medium.media),
            verdict: if medium.is_some() { "allowed" } else { "refused" },
            reason: refusal.map(|refusal| refusal.code),
            detail: refusal.map(|refusal| refusal.detail.as_str()),
            content_type: medium.map(|medium| medium.content_type.as_str()),
            size: medium.map(|medium| medium.size),
            roots: &self.roots,
        }
        .serialize(serializer)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
