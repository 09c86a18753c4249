//! `creel media ls|show`: what is stored. Nothing is changed here.

use creel_store::Store;
use creel_store::media::{AreaTotal, MediaHolder};
use serde::Serialize;

use super::{Kept, Record, print};
use crate::cli::{ListMediaArgs, ShowMediaArgs};
use crate::clock;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;
use crate::render;

/// Media that are asked for at once.
const PAGE: usize = 1_000;

#[derive(Serialize)]
struct List<'a> {
    media: Vec<Record<'a>>,
    areas: &'a [AreaTotal],
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    medium: Record<'a>,
    held_by: &'a [MediaHolder],
}

/// Lists media.
///
/// # Errors
///
/// [`CommandError`].
pub(super) fn list(args: &ListMediaArgs, store: &Store, process: &Process) -> Result<Exit, CommandError> {
    let mut media = Vec::new();
    let mut after = None;
    loop {
        let page = store.media_list(args.area.as_ref(), after.as_ref(), PAGE)?;
        media.extend(page.media);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let mut areas = store.media_totals()?;
    if let Some(area) = &args.area {
        areas.retain(|total| total.area == area.to_string());
    }
    print(&if args.json {
        serde_json::to_string_pretty(&List { media: media.iter().map(Record).collect(), areas: &areas })?
    } else {
        render::media_list(&media, &areas, clock::now_ms(), process.style_of_stdout())
    })?;
    Ok(Exit::Ok)
}

/// Shows a medium.
///
/// # Errors
///
/// [`CommandError`].
pub(super) fn show(args: &ShowMediaArgs, kept: &Kept, process: &Process) -> Result<Exit, CommandError> {
    let store = &kept.store;
    let medium = kept.find(&args.reference)?;
    let holders = store.media_holders(&medium.media, clock::now_ms())?;
    print(&if args.json {
        serde_json::to_string_pretty(&Shown { medium: Record(&medium), held_by: &holders })?
    } else {
        render::medium(&medium, &holders, process.style_of_stdout())
    })?;
    Ok(Exit::Ok)
}
