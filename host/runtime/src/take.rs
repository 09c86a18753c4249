//! Any spelling of a medium made a stored medium: what lies on this machine by the store's resolver, what lies elsewhere
//! by a fetch that the same answer allows.

use creel_engine::{Egress, UrlFetch};
use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_store::Store;
use creel_store::media::MediaError;
use creel_store::resolve::{Deed, Found, MediaResolution, Scope};

/// Resolves a reference and stores what is not stored yet.
///
/// # Errors
///
/// [`MediaError`] only for surprises: a refusal is part of the answer.
pub async fn take_media(
    (store, egress): (&Store, &Egress),
    reference: &str,
    scope: &Scope<'_>,
    now_ms: u64,
) -> Result<MediaResolution, MediaError> {
    // On this thread: whoever calls it is where the disk may be waited for.
    let resolution = store.resolve(reference, scope, Deed::Take { now_ms })?;
    fetched((store, egress), resolution, scope, now_ms).await
}

/// Fetches what a resolution says may be fetched.
pub(crate) async fn fetched(
    (store, egress): (&Store, &Egress),
    resolution: MediaResolution,
    scope: &Scope<'_>,
    now_ms: u64,
) -> Result<MediaResolution, MediaError> {
    let Ok(Found::Url(url)) = &resolution.outcome else { return Ok(resolution) };
    let fetch = UrlFetch { access: scope.urls, store, area: scope.area_of_new(), bytes_max: MEDIUM_BYTES_MAX, now_ms };
    let outcome = match egress.fetch_media(url, &fetch).await {
        Ok(medium) => Ok(Found::Medium(medium.into())),
        Err(MediaError::Refused(refusal)) => Err(refusal),
        Err(error) => return Err(error),
    };
    Ok(MediaResolution { outcome, ..resolution })
}
