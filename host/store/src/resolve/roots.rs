//! The directories and files outside the media store that may be read: the agent's workspace, and what the operator
//! grants. They are opened anew for each question, so that one which appears, moves or is mounted later counts from that
//! moment (case U14), and what lies below is reached through the opened directory alone.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Metadata, MetadataExt as _};
use creel_policy::media::{MediaRefusal, MediaRefusalCode};

use super::answer::{RootReport, RootVerdict};
use super::{Reached, Scope};
use crate::beneath::{self, NoFile};
use crate::db::Store;
use crate::ingest::{GrantedDir, GrantedDirError};
use crate::media::MediaError;

/// How the host uses every root.
const MODE: &str = "read";

/// Where a medium may lie, as it is at this moment.
pub(super) struct Places {
    /// Name and path of each area.
    areas: Vec<(String, PathBuf)>,
    workspace: PathBuf,
    roots: Vec<Root>,
}

/// A root, as it is at this moment.
pub(super) struct Root {
    pub(super) name: String,
    pub(super) is_workspace: bool,
    path: PathBuf,
    state: State,
}

enum State {
    Directory(Dir),
    /// A single file: its directory, and its name there.
    File(Dir, String),
    Missing,
    Unusable(String),
}

/// What a path names below a root: segments, of which the last is the file's.
pub(super) struct Below(Vec<String>);

impl Places {
    pub(super) fn open(store: &Store, scope: &Scope<'_>) -> Result<Self, MediaError> {
        let areas = store.areas().map_err(MediaError::io("list the areas of media"))?;
        let areas = areas.iter().map(|area| (area.to_string(), store.area_path(area))).collect();
        let home = |path: &str| match (path.strip_prefix("~/"), store.root().home()) {
            (Some(below), Some(home)) => home.join(below),
            (Some(_) | None, _) => PathBuf::from(path),
        };
        let workspace = scope.workspace.map_or_else(
            || {
                let name = match scope.agent.as_str() {
                    "main" => "workspace".to_owned(),
                    agent => format!("workspace-{agent}"),
                };
                store.root().display_path().join(name)
            },
            home,
        );
        let mut roots = vec![Root::at("workspace".to_owned(), workspace.clone(), true, store)];
        roots.extend(scope.roots.iter().map(|root| Root::at(root.name.clone(), home(&root.path), false, store)));
        Ok(Self { areas, workspace, roots })
    }

    /// The directory that relative paths start from.
    pub(super) fn workspace_path(&self) -> &Path {
        &self.workspace
    }

    /// The root that a path leads into, the innermost first, and the rest of the path. Directories are compared by what
    /// they are, so that a link or a bind mount on the way to a root changes nothing; behind it, nothing is followed.
    pub(super) fn holding(&self, path: &Path) -> Option<(&Root, Below)> {
        let (parent, name) = (path.parent()?, path.file_name()?.to_str()?);
        let single = |root: &&Root| match &root.state {
            State::File(dir, own) => own == name && same(dir, identity(parent)) || root.path == path,
            State::Directory(_) | State::Missing | State::Unusable(_) => false,
        };
        if let Some(root) = self.roots.iter().find(single) {
            return Some((root, Below(Vec::new())));
        }
        let mut below = vec![name.to_owned()];
        for ancestor in parent.ancestors() {
            let found = identity(ancestor);
            let holds = |root: &&Root| matches!(&root.state, State::Directory(dir) if same(dir, found));
            if let Some(root) = self.roots.iter().find(holds) {
                below.reverse();
                return Some((root, Below(below)));
            }
            // A name that is no text is below no root that a text can lead into.
            below.push(ancestor.file_name()?.to_str()?.to_owned());
        }
        None
    }

    pub(super) fn reports(&self, reached: &Reached, scope: &Scope<'_>) -> Vec<RootReport> {
        let verdict = |name: &str| match reached {
            Reached::Nothing => RootVerdict::NotAsked,
            Reached::Root(root) if root == name => RootVerdict::Matches,
            Reached::Root(_) | Reached::NoRoot => RootVerdict::DoesNotMatch,
        };
        let areas = self.areas.iter().map(|(name, path)| RootReport {
            name: name.clone(),
            path: path.display().to_string(),
            mode: MODE,
            verdict: verdict(name),
            detail: None,
        });
        let roots = self.roots.iter().map(|root| {
            let (verdict, detail) = match &root.state {
                State::Missing => (RootVerdict::Missing, None),
                State::Unusable(why) => (RootVerdict::Unusable, Some(why.clone())),
                State::Directory(_) | State::File(..) if scope.workspace_only && !root.is_workspace => {
                    (RootVerdict::Shut, None)
                }
                State::Directory(_) | State::File(..) => (verdict(&root.name), None),
            };
            RootReport { name: root.name.clone(), path: root.path.display().to_string(), mode: MODE, verdict, detail }
        });
        areas.chain(roots).collect()
    }
}

impl Root {
    #[expect(clippy::disallowed_methods, reason = "the door to directories and files that the operator grants")]
    fn at(name: String, path: PathBuf, is_workspace: bool, store: &Store) -> Self {
        let of = |path: PathBuf, state: State| Self { name: name.clone(), is_workspace, path, state };
        let canonical = match std::fs::canonicalize(&path) {
            Ok(canonical) => canonical,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return of(path, State::Missing);
            }
            Err(error) => return of(path, State::Unusable(error.to_string())),
        };
        let is_file = std::fs::metadata(&canonical).is_ok_and(|metadata| !metadata.is_dir());
        let parent = canonical.parent().map(Path::to_owned);
        let file = canonical.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let (dir, file) = match (is_file, parent, file) {
            (true, Some(parent), Some(file)) => (parent, Some(file)),
            (true, _, _) => return of(canonical, State::Unusable("its name is no text".to_owned())),
            (false, _, _) => (canonical.clone(), None),
        };
        let opened = match (&file, is_workspace) {
            // One file gives no directory away.
            (Some(_), _) => GrantedDir::of_file(&dir, store),
            (None, true) => GrantedDir::of_workspace(&dir, store),
            (None, false) => GrantedDir::open_ambient(&dir, store),
        };
        match (opened, file) {
            (Ok(dir), None) => of(canonical, State::Directory(dir.into_dir())),
            (Ok(dir), Some(file)) => of(canonical, State::File(dir.into_dir(), file)),
            (Err(GrantedDirError::Open { source, .. }), _) => of(canonical, State::Unusable(source.to_string())),
            (Err(error), _) => of(canonical, State::Unusable(error.to_string())),
        }
    }

    /// Opens a file below; gives it with its name.
    pub(super) fn open_file(&self, below: &Below) -> Result<(File, String), MediaRefusal> {
        let (file, metadata, name) = self.open_below(below).map_err(|no| self.refusal(no))?;
        // Whoever has the other name of a hard link may have got no more of the file than that (case O7).
        if metadata.nlink() > 1 {
            let rule = format!("the file in the root `{}` has a second name (a hard link) elsewhere", self.name);
            return Err(MediaRefusal::new(MediaRefusalCode::InvalidPath, rule));
        }
        Ok((file, name))
    }

    fn open_below(&self, below: &Below) -> Result<(File, Metadata, String), NoFile> {
        let (dir, last) = match &self.state {
            State::File(dir, name) => (dir.try_clone()?, name.as_str()),
            State::Directory(dir) => {
                let (last, parents) = below.0.split_last().ok_or(NoFile::NotFile)?;
                let mut dir = dir.try_clone()?;
                for parent in parents {
                    dir = beneath::open_dir(&dir, parent)?;
                }
                (dir, last.as_str())
            }
            State::Missing | State::Unusable(_) => return Err(NoFile::Missing),
        };
        let (file, metadata) = beneath::open_file(&dir, last)?;
        Ok((file, metadata, last.to_owned()))
    }

    fn refusal(&self, no: NoFile) -> MediaRefusal {
        use MediaRefusalCode as Code;
        let name = &self.name;
        let (code, rule) = match no {
            NoFile::Missing => (Code::NotFound, format!("no such file lies in the root `{name}`")),
            NoFile::Symlink => (Code::InvalidPath, format!("the path leads over a symbolic link in the root `{name}`")),
            NoFile::NotFile => (Code::NotFile, format!("what lies there in the root `{name}` is no regular file")),
            NoFile::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let rule = format!("the operating system does not let creel read that file of the root `{name}`");
                (Code::PathNotAllowed, rule)
            }
            // In words of ours: those of the operating system may name what lies there (case O11).
            NoFile::Io(error) => {
                (Code::NotFound, format!("the file in the root `{name}` cannot be read: {}", error.kind()))
            }
        };
        MediaRefusal::new(code, rule)
    }
}

/// Which directory a path leads to, if it leads to one that can be looked at.
#[expect(clippy::disallowed_methods, reason = "the directory of a path is looked at, to be compared, and never opened")]
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((std::os::unix::fs::MetadataExt::dev(&metadata), std::os::unix::fs::MetadataExt::ino(&metadata)))
}

fn same(dir: &Dir, other: Option<(u64, u64)>) -> bool {
    let own = dir.dir_metadata().map(|own| (own.dev(), own.ino())).ok();
    own.is_some() && own == other
}
