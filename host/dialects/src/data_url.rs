//! `data:` URLs as the dialects of OpenAI have them. Where they stand in a body is known to the dialects.

use crate::at::{At, wrong};
use crate::{ApiError, MediaSource};

/// Moves the bytes out of a `data:` URL, if it is one.
pub(crate) fn take(url: &mut String, at: &At<'_>) -> Result<Option<MediaSource>, ApiError> {
    if !url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return Ok(None);
    }
    let head = url.split(',').next().unwrap_or_default();
    let bytes_at = head.len() + 1;
    let (declared, parameters) = head.get(5..).unwrap_or_default().split_once(';').unwrap_or_default();
    let is_base64 = parameters.rsplit(';').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
    if !is_base64 || bytes_at >= url.len() {
        return Err(wrong(at, "a URL `data:<type>;base64,<bytes>` or another URL"));
    }
    let content_type = if declared.is_empty() { "text/plain" } else { declared }.to_owned();
    let mut base64 = std::mem::take(url);
    base64.drain(..bytes_at);
    Ok(Some(MediaSource::Inline { content_type, base64 }))
}
