//! The one resolver: any spelling of a medium goes in, the medium or the reason comes out, with what each root said.
//! First, tenth, concurrent, replayed and after a restart are the same case, since nothing here is remembered. How
//! spellings are read is `creel_policy::media`'s to say, where files are looked for `roots`'.

use std::path::{Path, PathBuf};

use cap_std::fs::MetadataExt as _;
use creel_policy::agent::{AgentGrant, MediaReach};
use creel_policy::config::RootEntry;
use creel_policy::ids::AgentId;
use creel_policy::media::url::UrlAccess;
use creel_policy::media::{Area, MediaId, MediaRef, MediaRefusal, MediaRefusalCode, Spelling, read_spelling};

use crate::db::{Store, StoreError};
use crate::media::{MediaError, Medium};

mod answer;
mod roots;

pub use answer::{Found, MediaResolution, RootReport, RootVerdict};

use roots::{Below, Places, Root};

/// On whose behalf a medium is looked for, and where it may lie.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    /// The agent whose workspace counts.
    pub agent: &'a AgentId,
    /// The directory that the agent works in; `None`: `workspace` in the state directory, or `workspace-<agent>`.
    pub workspace: Option<&'a str>,
    /// What the operator grants.
    pub roots: &'a [RootEntry],
    /// Whether paths lead into the workspace alone (`tools.fs.workspaceOnly`).
    pub workspace_only: bool,
    /// Which URLs may be fetched.
    pub urls: &'a UrlAccess,
    /// Who asks.
    pub asker: Asker<'a>,
}

/// Who asks for a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker<'a> {
    /// The operator, who may name everything.
    Operator,
    /// A session, which may name the media that its log holds and those of its agent's workspace; to it, all others are
    /// not found (attack 117).
    Session(&'a str),
    /// An agent that is no part of the gateway, with what it was granted. It knows nothing of this machine: an absolute
    /// path leads it nowhere, and no refusal names one.
    Agent(&'a AgentGrant),
}

impl Scope<'_> {
    /// Where what is not stored yet goes: what an agent brings is its own.
    #[must_use]
    pub fn area_of_new(&self) -> Area {
        match self.asker {
            Asker::Operator | Asker::Session(_) => Area::Inbound,
            Asker::Agent(_) => Area::Workspace(self.agent.clone()),
        }
    }
}

/// What a resolution may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Say what would come of it; nothing is stored.
    Look {
        /// Milliseconds since the Unix epoch.
        now_ms: u64,
    },
    /// Make a medium of what is none yet.
    Take {
        /// Milliseconds since the Unix epoch.
        now_ms: u64,
    },
}

impl Deed {
    /// When it is done.
    fn now_ms(self) -> u64 {
        match self {
            Self::Look { now_ms } | Self::Take { now_ms } => now_ms,
        }
    }
}

/// What was found, or why nothing was.
type Outcome = Result<Found, MediaRefusal>;

impl Store {
    /// Resolves any spelling of a medium.
    ///
    /// # Errors
    ///
    /// [`MediaError`] only for surprises (the disk, the database, no room): a refusal is part of the answer.
    pub fn resolve(&self, reference: &str, scope: &Scope<'_>, deed: Deed) -> Result<MediaResolution, MediaError> {
        let places = Places::open(self, scope)?;
        let is_agent = matches!(scope.asker, Asker::Agent(_));
        let (outcome, reached) = match read_spelling(reference) {
            Ok(Spelling::AbsolutePath(_) | Spelling::HomePath(_)) if is_agent => {
                let rule = "an agent names media by handle, by file id, by URL, or by a path in its own workspace";
                (Err(MediaRefusal::new(MediaRefusalCode::PathNotAllowed, rule)), Reached::Nothing)
            }
            Err(refusal) => (Err(refusal), Reached::Nothing),
            Ok(Spelling::Handle(media)) => {
                let reached = Reached::Root(media.area.to_string());
                (self.stored(&media, scope, deed)?, reached)
            }
            Ok(Spelling::Data { declared_type, bytes }) => {
                (self.of_bytes(&bytes, &declared_type, (&scope.area_of_new(), deed))?, Reached::Nothing)
            }
            Ok(Spelling::Url(url)) => (scope.urls.judge(&url).map(Found::Url), Reached::Nothing),
            Ok(Spelling::AbsolutePath(path)) => self.at_path(Path::new(&path), &places, scope, deed)?,
            Ok(Spelling::RelativePath(path)) => {
                self.at_path(&places.workspace_path().join(path), &places, scope, deed)?
            }
            Ok(Spelling::HomePath(below)) => match self.root().home() {
                Some(home) => self.at_path(&home.join(below), &places, scope, deed)?,
                None => {
                    let rule = "`~` means nothing to this daemon: it has no home directory";
                    (Err(MediaRefusal::new(MediaRefusalCode::PathNotAllowed, rule)), Reached::NoRoot)
                }
            },
        };
        let input = answer::shown_input(reference);
        let outcome = outcome.map_err(|refusal| match read_spelling(reference) {
            // The path that was looked at begins with one of this machine's.
            Ok(Spelling::RelativePath(_)) if is_agent => {
                MediaRefusal::new(refusal.code, format!("`{input}` in the workspace of the agent"))
            }
            Ok(_) | Err(_) => refusal,
        });
        Ok(MediaResolution { input, outcome, roots: places.reports(&reached, scope) })
    }

    /// A medium by its handle, as far as the asker may name it.
    fn stored(&self, media: &MediaRef, scope: &Scope<'_>, deed: Deed) -> Result<Outcome, MediaError> {
        let not_found = || MediaRefusal::new(MediaRefusalCode::NotFound, format!("`{media}` is not stored"));
        let may_name = match (&media.area, scope.asker) {
            (_, Asker::Operator) => true,
            (Area::Workspace(agent), Asker::Session(_)) => agent == scope.agent,
            (Area::Inbound | Area::Outbound, Asker::Session(session)) => self.media_held_by(media, session)?,
            (area, Asker::Agent(grant)) => match grant.media_reach(scope.agent, area) {
                MediaReach::All => true,
                MediaReach::Nothing => false,
                MediaReach::OfItsSessions => self.media_held_by_any(media, |session| grant.may_read(session))?,
            },
        };
        if !may_name {
            return Ok(Err(not_found()));
        }
        let medium = match self.medium(media) {
            Ok(medium) => medium,
            Err(error) => return expected(Err(error)),
        };
        // Whoever counts on it keeps it; the file that was uploaded is over.
        let is_over = medium.has_ended(deed.now_ms())
            && match scope.asker {
                Asker::Operator => false,
                Asker::Session(session) => !self.media_held_by(media, session)?,
                Asker::Agent(_) => true,
            };
        if is_over {
            let rule = format!("`{media}` was uploaded for a time that is over");
            return Ok(Err(MediaRefusal::new(MediaRefusalCode::Expired, rule)));
        }
        Ok(Ok(Found::Medium(medium.into())))
    }

    /// What a path leads to: a stored medium by one of its paths, or a file of a root.
    fn at_path(
        &self,
        path: &Path,
        places: &Places,
        scope: &Scope<'_>,
        deed: Deed,
    ) -> Result<(Outcome, Reached), MediaError> {
        let stored = match self.in_area(path)? {
            Some(located) => Some(located),
            None => self.imported_name(path).map_err(StoreError::from)?.map(|id| (Area::Inbound, Ok(id))),
        };
        if let Some((area, id)) = stored {
            let reached = Reached::Root(area.to_string());
            return Ok(match id {
                Ok(id) => (self.stored(&MediaRef { area, id }, scope, deed)?, reached),
                Err(refusal) => (Err(refusal), reached),
            });
        }
        let Some((root, below)) = places.holding(path) else {
            let rule = format!("local media path is not under an allowed directory: {}", path.display());
            return Ok((Err(MediaRefusal::new(MediaRefusalCode::PathNotAllowed, rule)), Reached::NoRoot));
        };
        let reached = Reached::Root(root.name.clone());
        Ok((self.below_root(root, &below, scope, deed)?, reached))
    }

    fn below_root(&self, root: &Root, below: &Below, scope: &Scope<'_>, deed: Deed) -> Result<Outcome, MediaError> {
        if scope.workspace_only && !root.is_workspace {
            let rule = format!("`tools.fs.workspaceOnly` is on, and the root `{}` is not the workspace", root.name);
            return Ok(Err(MediaRefusal::new(MediaRefusalCode::PathNotAllowed, rule)));
        }
        let (file, name) = match root.open_file(below) {
            Ok(opened) => opened,
            Err(refusal) => return Ok(Err(refusal)),
        };
        expected(self.media_of_file(file, &name, &Area::Workspace(scope.agent.clone()), deed))
    }

    fn of_bytes(&self, bytes: &[u8], declared_type: &str, (area, deed): (&Area, Deed)) -> Result<Outcome, MediaError> {
        expected(self.media_of_bytes(bytes, declared_type, area, deed))
    }

    /// Makes a medium of bytes that came with a request; the same bytes are the same medium.
    ///
    /// # Errors
    ///
    /// [`MediaError::Refused`] for bytes that are no medium, [`MediaError::Full`], or the disk or the database failed.
    pub fn take_bytes(
        &self,
        bytes: &[u8],
        declared_type: &str,
        (area, now_ms): (&Area, u64),
    ) -> Result<Medium, MediaError> {
        match self.media_of_bytes(bytes, declared_type, area, Deed::Take { now_ms })? {
            Found::Medium(medium) => Ok(*medium),
            Found::Url(_) => Err(MediaRefusal::new(MediaRefusalCode::WrongType, "bytes are no URL").into()),
        }
    }

    /// The area that a path leads directly into, and the name in it. Directories are compared by what they are and not
    /// by how they are spelled, so that no link, bind mount or renamed home changes the verdict (case U9, attack 113).
    fn in_area(&self, path: &Path) -> Result<Option<Located>, MediaError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Ok(None);
        };
        let Some(parent) = roots::identity(parent) else { return Ok(None) };
        for area in self.areas().map_err(MediaError::io("list the areas of media"))? {
            // What cannot be looked at any more is not where the path leads.
            let Ok(own) = self.area(&area) else { continue };
            let Ok(own) = own.dir_metadata() else { continue };
            if (own.dev(), own.ino()) == parent {
                return Ok(Some((area, MediaId::parse(name))));
            }
        }
        Ok(None)
    }

    pub(crate) fn area_path(&self, area: &Area) -> PathBuf {
        self.root().display_path().join("media").join(area.to_string())
    }
}

/// The area that a name leads into, and the id that it has there, if it is one.
type Located = (Area, Result<MediaId, MediaRefusal>);

/// How far the name came.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reached {
    /// It was refused, or answered, before any root was looked at.
    Nothing,
    /// No root holds it.
    NoRoot,
    /// This one does.
    Root(String),
}

/// Takes what can be expected to go wrong out of the surprises.
fn expected(result: Result<Found, MediaError>) -> Result<Outcome, MediaError> {
    match result {
        Ok(found) => Ok(Ok(found)),
        Err(MediaError::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
