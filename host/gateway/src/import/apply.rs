//! Writes what an import comes to. Files are replaced as wholes, what was there is kept beside them, and the
//! configuration comes last, so that after a crash the import can be run again.

use creel_store::Store;
use creel_store::media::{MediaError, MediaImport};
use creel_store::older::OlderKind;
use creel_store::state::StateRoot;

use super::source::{self, Found};
use super::{ImportError, Plan, Planned, conversations, imported_config};
use crate::boot;
use crate::cli::ImportOpenclawArgs;
use crate::error::CommandError;
use crate::places::Places;
use crate::process::Process;
use crate::views::{FileAction, ImportView, ImportedMedia, SkippedMedium};

/// Backups of one file that are kept before the next one is refused.
const BACKUPS_MAX: u32 = 1_000;

/// Writes everything, and says in the view what was done.
pub(super) fn apply(
    plan: &Plan,
    found: &Found,
    (args, view): (&ImportOpenclawArgs, &mut ImportView),
    places: &Places,
    process: &Process,
) -> Result<(), CommandError> {
    let state = boot::open_or_create_state(places)?;
    // A daemon that runs would go on by what it has read.
    let _lock = state.lock().map_err(ImportError::State)?;
    super::vault::keep(plan, &state, args, process)?;
    if !args.no_media {
        view.media = media(found, &state)?;
    }
    // Behind the media: what a conversation names is looked for among them.
    if args.takes_conversations() {
        let store = Store::open(&state)?;
        view.conversations = conversations::take(found, Some((&store, &imported_config(plan)?)))?;
    }
    for (file, shown) in plan.files.iter().zip(&mut view.files).rev() {
        shown.backup = write(file, &state, places)?;
    }
    view.applied = true;
    Ok(())
}

/// Writes one file; says where what was there before is kept.
fn write(file: &Planned, state: &StateRoot, places: &Places) -> Result<Option<String>, ImportError> {
    let backup = match file.action {
        FileAction::Same => return Ok(None),
        FileAction::Create => {
            if state.put_private(file.name, file.text.as_bytes())? {
                return Ok(None);
            }
            // Somebody was faster; nothing of theirs is lost.
            Some(keep(file, state)?)
        }
        FileAction::Replace => Some(keep(file, state)?),
    };
    state.write_private(file.name, file.text.as_bytes())?;
    Ok(backup.map(|name| places.state_dir.join(name).display().to_string()))
}

/// Keeps what is there under a name that is free.
fn keep(file: &Planned, state: &StateRoot) -> Result<String, ImportError> {
    let text = state.read_text(file.name, creel_policy::limits::CONFIG_BYTES_MAX)?.unwrap_or_default();
    let text = zeroize::Zeroizing::new(text);
    for number in 1..=BACKUPS_MAX {
        let name = format!("{}.before-import-{number}", file.name);
        if state.put_private(&name, text.as_bytes())? {
            return Ok(name);
        }
    }
    let name = file.name.to_owned();
    let source = std::io::ErrorKind::AlreadyExists.into();
    Err(creel_store::state::StateError::Io { deed: "keep a copy of", name, source }.into())
}

/// Takes the media over; what is no medium is listed, and stops nothing.
fn media(found: &Found, state: &StateRoot) -> Result<ImportedMedia, CommandError> {
    let mut media = ImportedMedia::default();
    let Some(dir) = &found.media else { return Ok(media) };
    let store = Store::open(state)?;
    for entry in dir.entries()? {
        let taken = match entry.kind {
            OlderKind::Directory => {
                let reason = "it is a directory; media lie directly in theirs".to_owned();
                media.skipped.push(SkippedMedium { name: entry.name, reason });
                continue;
            }
            OlderKind::File | OlderKind::Symlink | OlderKind::Other => store.media_import(dir, &entry.name),
        };
        match taken {
            Ok(MediaImport::New(medium)) => {
                media.new += 1;
                media.bytes += medium.size;
            }
            Ok(MediaImport::There(medium)) => {
                media.there += 1;
                media.bytes += medium.size;
            }
            Err(MediaError::Refused(refusal)) => {
                media.skipped.push(SkippedMedium { name: entry.name, reason: refusal.detail });
            }
            Err(error @ (MediaError::Full { .. } | MediaError::Store(_) | MediaError::Io { .. })) => {
                return Err(ImportError::Media(error).into());
            }
        }
    }
    store.remember_import(dir, &source::media_path(found)).map_err(ImportError::State)?;
    Ok(media)
}
