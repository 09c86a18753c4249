//! Finds and reads what another gateway has. Its directory is held for reading, and nothing in it is ever written.

use std::path::{Path, PathBuf};

use creel_policy::import::{CONFIG_NAMES, Note, NoteKind, SourceFile};
use creel_policy::limits::{CONFIG_BYTES_MAX, MEDIUM_BYTES_MAX};
use creel_policy::media::MediaId;
use creel_store::older::{OlderDir, OlderEntry, OlderError, OlderKind};
use zeroize::Zeroizing;

use super::ImportError;
use crate::boot::PROFILES_FILE;
use crate::cli::ImportOpenclawArgs;
use crate::error::CommandError;
use crate::places::Places;
use crate::process::Process;
use crate::views::{ImportedMedia, SkippedMedium};

/// The variable that names that gateway's state directory.
const STATE_DIR_VARIABLE: &str = "OPENCLAW_STATE_DIR";
/// Its state directories in the home directory, the newest name first.
const DIRECTORIES: [&str; 4] = [".openclaw", ".clawdbot", ".moltbot", ".moldbot"];
/// Where its media lie.
pub(super) const MEDIA_DIR: &str = "media/inbound";

/// A file with its path for people.
pub(super) struct Text {
    pub(super) name: String,
    text: Zeroizing<String>,
}

/// What another gateway has.
pub(super) struct Found {
    pub(super) dir: OlderDir,
    /// The path as it was given, made absolute: older files may hold it.
    pub(super) given: PathBuf,
    pub(super) config: Option<Text>,
    pub(super) profiles: Vec<Text>,
    pub(super) notes: Vec<Note>,
    pub(super) media: Option<OlderDir>,
}

impl Text {
    pub(super) fn as_source(&self) -> SourceFile<'_> {
        SourceFile { name: &self.name, text: &self.text }
    }
}

/// Finds the directory and reads its files.
pub(super) fn find(args: &ImportOpenclawArgs, places: &Places, process: &Process) -> Result<Found, CommandError> {
    let given = directory(args, process)?;
    let dir = OlderDir::open_ambient(&given).map_err(|error| match error {
        OlderError::Open { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            CommandError::from(ImportError::NoSource { path: given.clone(), others: others(process) })
        }
        error => error.into(),
    })?;
    let ours = super::state_dir(places)?;
    if ours.is_some_and(|ours| ours.display_path() == dir.display_path()) {
        return Err(ImportError::Ourselves { path: given }.into());
    }
    let mut notes = Vec::new();
    let config = config(&dir, &mut notes)?;
    let profiles = profiles(&dir, &mut notes)?;
    unread(&dir, &mut notes)?;
    let media = match dir.below(MEDIA_DIR) {
        Ok(media) => media,
        Err(error @ (OlderError::Symlink { .. } | OlderError::WrongKind { .. })) => {
            notes.push(left_out(&dir, MEDIA_DIR, &error.to_string(), "media are taken from a plain directory"));
            None
        }
        Err(error) => return Err(error.into()),
    };
    if config.is_none() && profiles.is_empty() && media.is_none() {
        return Err(ImportError::Nothing { path: given }.into());
    }
    Ok(Found { dir, given, config, profiles, notes, media })
}

/// The argument, then the variable, then the home directory.
fn directory(args: &ImportOpenclawArgs, process: &Process) -> Result<PathBuf, ImportError> {
    let named = args.directory.clone().or_else(|| process.variable(STATE_DIR_VARIABLE).map(PathBuf::from));
    let path = match (named, process.home()) {
        (Some(named), home) => match (named.strip_prefix("~"), home) {
            (Ok(below), Some(home)) => home.join(below),
            (Ok(_), None) | (Err(_), _) => named,
        },
        (None, Some(home)) => home.join(DIRECTORIES[0]),
        (None, None) => return Err(ImportError::NoHome),
    };
    Ok(match &process.current_directory {
        Some(current) => current.join(path),
        None => path,
    })
}

/// Directories of other names that are there, to be suggested and never taken in silence.
fn others(process: &Process) -> Vec<PathBuf> {
    let Some(home) = process.home() else { return Vec::new() };
    let paths = DIRECTORIES.iter().map(|name| home.join(name));
    paths.filter(|path| OlderDir::open_ambient(path).is_ok()).collect()
}

/// The configuration under its newest name.
fn config(dir: &OlderDir, notes: &mut Vec<Note>) -> Result<Option<Text>, OlderError> {
    let mut found = None;
    for name in CONFIG_NAMES {
        if found.is_some() {
            if dir.entry(name)?.is_some() {
                notes.push(left_out(
                    dir,
                    name,
                    "a configuration under a newer name is there",
                    "compare the two by hand",
                ));
            }
            continue;
        }
        found = text(dir, name)?;
    }
    Ok(found)
}

/// The stored profiles: those of the main agent first, which that gateway hands down to the others.
fn profiles(dir: &OlderDir, notes: &mut Vec<Note>) -> Result<Vec<Text>, CommandError> {
    let mut places = vec!["agents/main/agent".to_owned(), String::new(), "agent".to_owned()];
    if let Some(agents) = dir.below("agents")? {
        let agents = agents.entries()?.into_iter().filter(|agent| agent.kind == OlderKind::Directory);
        let others = agents.map(|agent| format!("agents/{}/agent", agent.name));
        places.extend(others.filter(|place| place != "agents/main/agent"));
    }
    let mut found = Vec::new();
    for place in places {
        let below = if place.is_empty() { None } else { dir.below(&place)? };
        let Some(at) = (if place.is_empty() { Some(dir) } else { below.as_ref() }) else { continue };
        found.extend(text(at, PROFILES_FILE)?);
        for name in ["openclaw-agent.sqlite", "auth.json", "models.json"] {
            if at.entry(name)?.is_some() {
                let hint = "write the profiles that you need into `auth-profiles.json`";
                notes.push(left_out(at, name, "Creel does not read it, and a credential may stand in it", hint));
            }
        }
    }
    Ok(found)
}

/// What else lies there and has no counterpart.
fn unread(dir: &OlderDir, notes: &mut Vec<Note>) -> Result<(), OlderError> {
    const UNREAD: [(&str, &str, &str); 8] = [
        (
            ".env",
            "Creel reads no variables from files",
            "set them in the daemon's environment, or keep the values in the vault",
        ),
        (
            "credentials",
            "sign-ins of channels and pairings are not taken over",
            "sign in anew; name who may write in `allowFrom`",
        ),
        ("state", "its database is not read", "write the profiles that you need into `auth-profiles.json`"),
        ("workspace", "tools that work on files are not there yet", "leave it where it is"),
        ("skills", "skills are not there yet", "leave it where it is"),
        ("cron", "timed turns are not there yet", "leave it where it is"),
        ("hooks", "web hooks are not there yet", "leave it where it is"),
        ("extensions", "the plugins of the older gateway do not run in Creel", "see `creel plugin list`"),
    ];
    for (name, message, hint) in UNREAD {
        if dir.entry(name)?.is_some() {
            notes.push(left_out(dir, name, message, hint));
        }
    }
    Ok(())
}

fn left_out(dir: &OlderDir, name: &str, message: &str, hint: &str) -> Note {
    Note::about(NoteKind::LeftOut, &dir.display_path().join(name).display().to_string(), message, Some(hint))
}

fn text(dir: &OlderDir, name: &str) -> Result<Option<Text>, OlderError> {
    let shown = dir.display_path().join(name).display().to_string();
    Ok(dir.read_text(name, CONFIG_BYTES_MAX)?.map(|text| Text { name: shown, text }))
}

/// What lies in the media directory, and what of it could be taken over, by name, kind and size.
pub(super) fn media(found: &Found, args: &ImportOpenclawArgs, places: &Places) -> Result<ImportedMedia, CommandError> {
    let mut media = ImportedMedia::default();
    let Some(dir) = found.media.as_ref().filter(|_| !args.no_media) else { return Ok(media) };
    let ours = super::state_dir(places)?.map(|dir| dir.below(MEDIA_DIR)).transpose()?.flatten();
    for entry in dir.entries()? {
        if let Some(reason) = refusal(&entry) {
            media.skipped.push(SkippedMedium { name: entry.name, reason });
            continue;
        }
        let there = ours.as_ref().map(|ours| ours.entry(&entry.name)).transpose()?.flatten();
        if there.is_some_and(|there| there.size == entry.size) {
            media.there += 1;
        } else {
            media.new += 1;
        }
        media.bytes += entry.size;
    }
    Ok(media)
}

/// Why a file cannot become a medium, where that can be seen without opening it.
fn refusal(entry: &OlderEntry) -> Option<String> {
    match entry.kind {
        OlderKind::Symlink => Some("it is a symbolic link".to_owned()),
        OlderKind::Directory => Some("it is a directory; media lie directly in theirs".to_owned()),
        OlderKind::Other => Some("it is no regular file".to_owned()),
        OlderKind::File if entry.size > MEDIUM_BYTES_MAX => Some(format!("it has more than {MEDIUM_BYTES_MAX} bytes")),
        OlderKind::File => MediaId::parse(&entry.name).err().map(|refusal| refusal.detail),
    }
}

/// The path of the media as the operator gave it.
pub(super) fn media_path(found: &Found) -> PathBuf {
    found.given.join(Path::new(MEDIA_DIR))
}
