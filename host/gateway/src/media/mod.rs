//! `creel media …`: the operator's way to stored media, and the daemon's hourly sweep. What is stored and how is the
//! store's; these open it themselves, so that they work whether a daemon runs or not.

mod bytes;
mod fetch;
mod keep;
mod look;
mod retention;

use std::io::{self, Write as _};
use std::path::PathBuf;

use creel_policy::config::Config;
use creel_policy::ids::AgentId;
use creel_policy::media::{MediaRef, MediaRefusal, MediaRefusalCode};
use creel_runtime::media_scope;
use creel_store::Store;
use creel_store::media::{MediaError, MediaHolder, MediaPolicy, Medium};
use creel_store::resolve::{Asker, Deed, Found};
use creel_store::state::StateRoot;
use serde::{Serialize, Serializer};

use crate::boot::{self, BootError};
use crate::cli::MediaCommand;
use crate::clock;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::places::Places;
use crate::process::Process;

pub(crate) use retention::keep_sweeping;

/// Why a command about media ends without doing what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MediaCommandError {
    /// The reference leads to no medium, or it is not stored.
    #[error(transparent)]
    Refused(#[from] MediaRefusal),
    /// The store failed, or is full.
    #[error(transparent)]
    Media(MediaError),
    /// Something live refers to it.
    #[error("`{media}` is still needed: {}", held_by(holders))]
    Held {
        /// Which.
        media: MediaRef,
        /// By whom.
        holders: Vec<MediaHolder>,
    },
    /// A file that cannot be read or written.
    #[error("could not {deed} `{}`", path.display())]
    File {
        /// `read`, `write`.
        deed: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is to be stored is a directory.
    #[error("`{}` is a directory", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
    },
    /// A file is in the way.
    #[error("`{}` is there already", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// Standard input cannot be read.
    #[error("could not read standard input")]
    Input(#[source] io::Error),
    /// Bytes that would confuse a terminal.
    #[error("`{media}` is {content_type}, and standard output is a terminal")]
    Terminal {
        /// Which.
        media: MediaRef,
        /// What it is.
        content_type: String,
    },
    /// The bytes are not those that were stored.
    #[error("the file of `{media}` is not what was stored")]
    Changed {
        /// Which.
        media: MediaRef,
    },
}

impl From<MediaError> for MediaCommandError {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::Refused(refusal) => Self::Refused(refusal),
            error @ (MediaError::Full { .. } | MediaError::Store(_) | MediaError::Io { .. }) => Self::Media(error),
        }
    }
}

impl MediaCommandError {
    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused(refusal) => match refusal.code {
                MediaRefusalCode::NotFound | MediaRefusalCode::Expired => Exit::Missing,
                _ => Exit::Refused,
            },
            Self::Held { .. } => Exit::Refused,
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => Exit::Missing,
            Self::Terminal { .. } => Exit::Usage,
            Self::Media(_)
            | Self::File { .. }
            | Self::Directory { .. }
            | Self::Exists { .. }
            | Self::Input(_)
            | Self::Changed { .. } => Exit::Failure,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Held { .. } => Some("pass `--force` to remove it all the same".to_owned()),
            Self::Exists { .. } => Some("pass `--force` to replace it".to_owned()),
            Self::Terminal { .. } => {
                Some("pass `--out FILE`, or `--out -` to write it to the terminal all the same".to_owned())
            }
            Self::Media(MediaError::Full { .. }) => {
                Some("make room with `creel media gc` or `creel media rm`, or raise the quota".to_owned())
            }
            Self::Changed { .. } => Some("`creel media verify` says what else is wrong".to_owned()),
            Self::Refused(_) | Self::Media(_) | Self::File { .. } | Self::Directory { .. } | Self::Input(_) => None,
        }
    }
}

/// A medium as it is printed.
pub(crate) struct Record<'a>(pub(crate) &'a Medium);

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            uri: &'a MediaRef,
            area: String,
            id: &'a str,
            content_type: &'a str,
            declared_type: Option<&'a str>,
            size: u64,
            sha256: &'a str,
            name: Option<&'a str>,
            width: Option<u32>,
            height: Option<u32>,
            created_ms: u64,
        }
        let medium = self.0;
        Flat {
            uri: &medium.media,
            area: medium.media.area.to_string(),
            id: medium.media.id.as_str(),
            content_type: &medium.content_type,
            declared_type: medium.declared_type.as_deref(),
            size: medium.size,
            sha256: &medium.sha256,
            name: medium.name.as_deref(),
            width: medium.width,
            height: medium.height,
            created_ms: medium.created_ms,
        }
        .serialize(serializer)
    }
}

/// Runs a command about media.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn run(command: &MediaCommand, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    match command {
        MediaCommand::Ls(args) => look::list(args, &open(places)?.store, process),
        MediaCommand::Show(args) => look::show(args, &open(places)?, process),
        MediaCommand::Put(args) => {
            let state = boot::open_or_create_state(places)?;
            bytes::put(args, &of(places, &state)?, process)
        }
        MediaCommand::Get(args) => bytes::get(args, &open(places)?, process),
        MediaCommand::Rm(args) => keep::remove(args, &open(places)?),
        MediaCommand::Gc(args) => keep::collect(args, &open(places)?.store, process),
        MediaCommand::Verify(args) => keep::verify(args, &open(places)?.store, process),
    }
}

/// The store, and what the configuration says of where media lie.
struct Kept {
    store: Store,
    config: Config,
}

fn open(places: &Places) -> Result<Kept, CommandError> {
    let state = boot::open_state(places)?.ok_or_else(|| BootError::NoState { path: places.state_dir.clone() })?;
    of(places, &state)
}

/// The store of a state directory, kept as its configuration says.
fn of(places: &Places, state: &StateRoot) -> Result<Kept, CommandError> {
    let files = boot::read(places, Some(state))?;
    let store = Store::open(state)?;
    store.keep_media_by(MediaPolicy::of(&files.config.media));
    Ok(Kept { store, config: files.config })
}

impl Kept {
    /// The medium that a reference leads to, in any spelling. What is not stored yet is not stored by asking for it.
    fn find(&self, reference: &str) -> Result<Medium, MediaCommandError> {
        let agent = AgentId::main();
        let scope = media_scope(&self.config, &agent, Asker::Operator);
        match self.store.resolve(reference, &scope, Deed::Look { now_ms: clock::now_ms() })?.outcome? {
            Found::Medium(medium) => Ok(self.store.medium(&medium.media)?),
            Found::Url(_) => Err(not_stored().into()),
        }
    }
}

fn not_stored() -> MediaRefusal {
    MediaRefusal::new(MediaRefusalCode::NotFound, "a remote URL names no stored medium")
}

fn held_by(holders: &[MediaHolder]) -> String {
    let held = |holder: &MediaHolder| format!("{} of session `{}`", crate::render::holder(holder), holder.session);
    let mut named: Vec<String> = holders.iter().take(HOLDERS_NAMED_MAX).map(held).collect();
    if holders.len() > HOLDERS_NAMED_MAX {
        named.push(format!("{} more", holders.len() - HOLDERS_NAMED_MAX));
    }
    named.join(", ")
}

/// Holders that are named in one line; more would be read by nobody.
const HOLDERS_NAMED_MAX: usize = 4;

fn print(text: &str) -> Result<(), CommandError> {
    writeln!(io::stdout().lock(), "{}", text.trim_end()).map_err(CommandError::Output)
}
