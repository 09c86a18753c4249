//! `creel media rm|gc|verify`: what stays and what goes. Which media are needed is the store's to say.

use creel_policy::media::{MediaRef, Spelling, read_spelling};
use creel_store::Store;
use creel_store::media::{Removal, Swept, Verification};
use serde::Serialize;

use super::{Kept, MediaCommandError, print, retention};
use crate::cli::{CollectMediaArgs, RemoveMediaArgs, VerifyMediaArgs};
use crate::clock;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::explain::note;
use crate::process::Process;
use crate::render;

#[derive(Serialize)]
struct Collected {
    dry_run: bool,
    older_than_ms: Option<u64>,
    #[serde(flatten)]
    swept: Swept,
}

#[derive(Serialize)]
struct Verified<'a> {
    ok: bool,
    #[serde(flatten)]
    found: &'a Verification,
}

/// Removes a medium.
///
/// # Errors
///
/// [`CommandError`], e.g. where something live refers to it.
pub(super) fn remove(args: &RemoveMediaArgs, kept: &Kept) -> Result<Exit, CommandError> {
    let store = &kept.store;
    let now_ms = clock::now_ms();
    let remove = |media: &MediaRef| store.media_remove(media, args.force, now_ms).map_err(MediaCommandError::from);
    // By its handle it can go even where its file is not what was stored, and would not be given out.
    let named = match read_spelling(&args.reference) {
        Ok(Spelling::Handle(media)) => Some((remove(&media)?, media)).filter(|(done, _)| *done != Removal::NotThere),
        _ => None,
    };
    let (done, media) = match named {
        Some(named) => named,
        None => {
            let media = kept.find(&args.reference)?.media;
            (remove(&media)?, media)
        }
    };
    match done {
        Removal::Held(holders) => Err(MediaCommandError::Held { media, holders }.into()),
        // Somebody was faster; it is gone as it should be.
        Removal::Removed | Removal::NotThere => {
            let rule = if args.force { "the operator said so, with `--force`" } else { "the operator said so" };
            store.audit(&retention::record(now_ms, rule, media.to_string()))?;
            print(&format!("removed `{media}`"))?;
            Ok(Exit::Ok)
        }
    }
}

/// Removes what is old, or past its own end, and what nothing refers to.
///
/// # Errors
///
/// [`CommandError`].
pub(super) fn collect(args: &CollectMediaArgs, store: &Store, process: &Process) -> Result<Exit, CommandError> {
    let now_ms = clock::now_ms();
    let older_than_ms = args.older_than.or(store.media_policy().ttl_ms);
    if older_than_ms.is_none() {
        let text = "nothing goes for its age: pass `--older-than`, or set `media.ttlHours` in the configuration";
        note(process, text);
    }
    let swept = if args.dry_run {
        store.media_sweepable(retention::old_before_ms(older_than_ms, now_ms), now_ms)
    } else {
        retention::sweep(store, older_than_ms, now_ms)
    };
    let swept = swept.map_err(MediaCommandError::from)?;
    print(&if args.json {
        serde_json::to_string_pretty(&Collected { dry_run: args.dry_run, older_than_ms, swept })?
    } else {
        render::swept(&swept, args.dry_run)
    })?;
    Ok(Exit::Ok)
}

/// Looks through everything.
///
/// # Errors
///
/// [`CommandError`].
pub(super) fn verify(args: &VerifyMediaArgs, store: &Store, process: &Process) -> Result<Exit, CommandError> {
    let found = store.media_verify(args.repair, clock::now_ms()).map_err(MediaCommandError::from)?;
    let ok = found.flaws.iter().all(|flaw| flaw.repaired);
    print(&if args.json {
        serde_json::to_string_pretty(&Verified { ok, found: &found })?
    } else {
        render::verification(&found, process.style_of_stdout())
    })?;
    Ok(if ok { Exit::Ok } else { Exit::Refused })
}
