//! What the service demands of an image block, checked on the decoded bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::error::ApiError;
use super::field::{keys, text_field};
use crate::pictures::{self, Description, NotAPicture};

/// The service measures the base64 text, not the picture: 5 MB of it are 3.75 MB of picture.
const BASE64_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Pixels of the longer side.
const SIDE_MAX: u32 = 8000;
/// Pixels of the longer side where a request has more than [`MANY_IMAGES`].
const SIDE_OF_MANY_MAX: u32 = 2000;
/// From more pictures than this on, the smaller limit holds.
pub(super) const MANY_IMAGES: usize = 20;
/// Pictures in one request.
pub(super) const IMAGES_MAX: usize = 100;

/// Checks the source of an image block and decodes it.
pub(super) fn check(source: Option<&Value>, at: &str) -> Result<Description, ApiError> {
    let at = format!("{at}.image.source");
    let Some(source) = source else {
        return Err(ApiError::invalid(format!("{at}: Field required")));
    };
    match source.get("type").and_then(Value::as_str) {
        Some("base64") => check_base64(source, &format!("{at}.base64")),
        Some("url") => {
            text_field(source, "url", &format!("{at}.url"))?;
            Err(ApiError::invalid("Unable to download the file. Please verify the URL and try again."))
        }
        Some(other) => {
            let text = format!(
                "{at}: Input tag '{other}' found using 'type' does not match any of the expected tags: 'base64', 'url'"
            );
            Err(ApiError::invalid(text))
        }
        None => Err(ApiError::invalid(format!("{at}.type: Field required"))),
    }
}

/// Checks what holds for the pictures of a request together.
pub(super) fn check_together(pictures: &[&Description]) -> Result<(), ApiError> {
    if pictures.len() > IMAGES_MAX {
        let text = format!("messages: too many images: {} > {IMAGES_MAX}", pictures.len());
        return Err(ApiError::invalid(text));
    }
    let is_large = |picture: &&&Description| picture.width.max(picture.height) > SIDE_OF_MANY_MAX;
    if pictures.len() > MANY_IMAGES && pictures.iter().any(|picture| is_large(&picture)) {
        let text = "At least one of the image dimensions exceed max allowed size for many-image requests";
        return Err(ApiError::invalid(format!("messages: {text}: {SIDE_OF_MANY_MAX} pixels")));
    }
    Ok(())
}

fn check_base64(source: &Value, at: &str) -> Result<Description, ApiError> {
    keys(source, &["type", "media_type", "data"], at)?;
    let media_type = text_field(source, "media_type", at)?;
    if !["image/jpeg", "image/png", "image/gif", "image/webp"].contains(&media_type) {
        let text = format!("{at}.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'");
        return Err(ApiError::invalid(text));
    }
    let data = text_field(source, "data", at)?;
    if data.is_empty() {
        return Err(ApiError::invalid(format!("{at}: image cannot be empty")));
    }
    if data.len() > BASE64_BYTES_MAX {
        let text = format!("{at}: image exceeds 5 MB maximum: {} bytes > {BASE64_BYTES_MAX} bytes", data.len());
        return Err(ApiError::invalid(text));
    }
    let Ok(bytes) = STANDARD.decode(data) else {
        return Err(ApiError::invalid(format!("{at}.data: invalid base64 data")));
    };
    match pictures::media_type(&bytes) {
        Some(sniffed) if sniffed != media_type => {
            let text = format!(
                "{at}.media_type: The image was specified using the {media_type} media type, but the image appears to be a {sniffed} image"
            );
            return Err(ApiError::invalid(text));
        }
        Some(_) | None => {}
    }
    let picture = pictures::describe(&bytes).map_err(|fault| match fault {
        NotAPicture::UnknownFormat | NotAPicture::Damaged => ApiError::invalid("Could not process image"),
    })?;
    if picture.width.max(picture.height) > SIDE_MAX {
        let text = "At least one of the image dimensions exceed max allowed size";
        return Err(ApiError::invalid(format!("{at}.data: {text}: {SIDE_MAX} pixels")));
    }
    Ok(picture)
}
