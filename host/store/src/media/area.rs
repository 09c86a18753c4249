//! The directories that media lie in: one for each area, the workspaces of agents below one of their own. Which area a
//! medium belongs to is not known here.

use std::io;
use std::sync::Arc;

use cap_std::fs::{Dir, MetadataExt as _};
use creel_policy::ids::AgentId;
use creel_policy::media::Area;

use crate::beneath::{self, NoFile};
use crate::db::Store;
use crate::state::{StateError, StateRoot};

/// Below the directory of all media.
const WORKSPACES: &str = "workspace";

/// The directories that are always there, held open.
#[derive(Debug)]
pub(crate) struct MediaDirs {
    pub(crate) media: Dir,
    inbound: Arc<Dir>,
    outbound: Arc<Dir>,
}

impl MediaDirs {
    /// Opens them, made where they are not there yet.
    pub(crate) fn open(root: &StateRoot) -> Result<Self, StateError> {
        let media = root.open_private_dir(root.dir(), "media")?;
        let inbound = Arc::new(root.open_private_dir(&media, "media/inbound")?);
        let outbound = Arc::new(root.open_private_dir(&media, "media/outbound")?);
        Ok(Self { media, inbound, outbound })
    }

    /// Whether none was removed. One that was only moved is followed.
    pub(crate) fn are_there(&self) -> bool {
        let is_there = |dir: &Dir| dir.dir_metadata().is_ok_and(|metadata| metadata.nlink() > 0);
        is_there(&self.media) && is_there(&self.inbound) && is_there(&self.outbound)
    }
}

impl Store {
    /// The directory of an area, as far as it is there: a workspace is made when the first medium comes into it.
    pub(crate) fn area(&self, area: &Area) -> Result<Arc<Dir>, NoFile> {
        match area {
            Area::Inbound => Ok(Arc::clone(&self.media_dirs().inbound)),
            Area::Outbound => Ok(Arc::clone(&self.media_dirs().outbound)),
            Area::Workspace(agent) => {
                let workspaces = beneath::open_dir(&self.media_dirs().media, WORKSPACES)?;
                Ok(Arc::new(beneath::open_dir(&workspaces, agent.as_str())?))
            }
        }
    }

    /// As [`Self::area`], made where it is not there yet.
    pub(crate) fn make_area(&self, area: &Area) -> io::Result<Arc<Dir>> {
        let made = match area {
            Area::Inbound | Area::Outbound => self.area(area),
            Area::Workspace(agent) => beneath::open_or_create_dir(&self.media_dirs().media, WORKSPACES)
                .and_then(|workspaces| beneath::open_or_create_dir(&workspaces, agent.as_str()))
                .map(Arc::new),
        };
        made.map_err(|no| match no {
            NoFile::Io(error) => error,
            NoFile::Missing => io::ErrorKind::NotFound.into(),
            NoFile::Symlink | NoFile::NotFile => io::ErrorKind::NotADirectory.into(),
        })
    }

    /// Every area that is there, those of agents in the order of their names.
    pub(crate) fn areas(&self) -> io::Result<Vec<Area>> {
        let mut areas = vec![Area::Inbound, Area::Outbound];
        let workspaces = match beneath::open_dir(&self.media_dirs().media, WORKSPACES) {
            Ok(workspaces) => workspaces,
            Err(NoFile::Io(error)) => return Err(error),
            Err(NoFile::Missing | NoFile::Symlink | NoFile::NotFile) => return Ok(areas),
        };
        let mut agents = Vec::new();
        for entry in workspaces.entries()? {
            let entry = entry?;
            // What is no directory of an agent was put there by somebody else, and holds no media.
            let agent = entry.file_name().to_str().and_then(|name| AgentId::parse(name).ok());
            agents.extend(agent.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_dir())));
        }
        agents.sort();
        areas.extend(agents.into_iter().map(Area::Workspace));
        Ok(areas)
    }
}
