//! `creel media put URL`: what lies elsewhere, or stands in the URL itself, becomes a medium. Which URLs may be fetched
//! is said by `media.urls` of the configuration.

use creel_engine::Egress;
use creel_policy::ids::AgentId;
use creel_runtime::{media_scope, take_media};
use creel_store::media::Medium;
use creel_store::resolve::{Asker, Found};

use super::{Kept, MediaCommandError};
use crate::clock;
use crate::error::CommandError;

/// Whether an argument is a URL rather than the name of a file.
pub(super) fn is_url(text: &str) -> bool {
    ["http://", "https://", "data:"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// Stores what a URL leads to.
///
/// # Errors
///
/// [`CommandError`].
pub(super) fn take(url: &str, kept: &Kept) -> Result<Medium, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let agent = AgentId::main();
    let scope = media_scope(&kept.config, &agent, Asker::Operator);
    let egress = Egress::new().map_err(CommandError::from)?;
    let taken = runtime.block_on(take_media((&kept.store, &egress), url, &scope, clock::now_ms()));
    match taken.map_err(MediaCommandError::from)?.outcome.map_err(MediaCommandError::from)? {
        Found::Medium(medium) => Ok(*medium),
        // Only a mere look leaves a URL as it is.
        Found::Url(_) => Err(MediaCommandError::from(super::not_stored()).into()),
    }
}
