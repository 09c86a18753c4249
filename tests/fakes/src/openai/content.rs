//! The content of a message in either API: its parts, and what a picture in a data URL must be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::field::{join, keys, missing, object, text, wrong_type, wrong_value};
use crate::pictures::{self, Description};

/// What stands in the content of a message.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) text: String,
    pub(super) images: Vec<Description>,
}

/// Which parts a message may have, by its API and its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// Chat completions, a message of the user.
    User,
    /// Chat completions, any other message.
    TextOnly,
    /// Chat completions, a message of the model.
    Assistant,
    /// Responses, what the caller says.
    Input,
    /// Responses, what the model said.
    Output,
}

impl Parts {
    fn types(self) -> &'static [&'static str] {
        match self {
            Self::User => &["text", "image_url", "input_audio", "file"],
            Self::TextOnly => &["text"],
            Self::Assistant => &["text", "refusal"],
            Self::Input => &["input_text", "input_image", "input_file"],
            Self::Output => &["output_text", "refusal"],
        }
    }
}

/// Parses `content`, which is a text or a list of parts.
pub(super) fn parse(content: &Value, parts: Parts, at: &str) -> Result<Content, ApiError> {
    let list = match content {
        Value::String(text) => return Ok(Content { text: text.clone(), images: Vec::new() }),
        Value::Array(list) => list,
        other => return Err(wrong_type(other, at, "one of a string or array of objects")),
    };
    if list.is_empty() {
        let text = format!(
            "Invalid '{at}': empty array. Expected an array with minimum length 1, but got an empty array instead."
        );
        return Err(ApiError::invalid(text).at(at).coded("empty_array"));
    }
    let mut parsed = Content::default();
    for (index, part) in list.iter().enumerate() {
        parse_part(part, parts, &format!("{at}[{index}]"), &mut parsed)?;
    }
    Ok(parsed)
}

fn parse_part(part: &Value, parts: Parts, at: &str, into: &mut Content) -> Result<(), ApiError> {
    let map = object(part, at)?;
    let kind = text(map, "type", at)?;
    if !parts.types().contains(&kind) {
        return Err(wrong_value(kind, &join(at, "type"), parts.types()));
    }
    match kind {
        "text" | "input_text" | "output_text" => {
            keys(map, &["type", "text", "annotations", "logprobs"], at)?;
            if !into.text.is_empty() {
                into.text.push('\n');
            }
            into.text.push_str(text(map, "text", at)?);
        }
        "refusal" => {
            keys(map, &["type", "refusal"], at)?;
            text(map, "refusal", at)?;
        }
        "image_url" => {
            keys(map, &["type", "image_url"], at)?;
            let at = join(at, "image_url");
            let image = object(map.get("image_url").ok_or_else(|| missing(&at))?, &at)?;
            keys(image, &["url", "detail"], &at)?;
            check_detail(image, &at)?;
            into.images.push(picture(text(image, "url", &at)?, &join(&at, "url"))?);
        }
        "input_image" => {
            keys(map, &["type", "image_url", "file_id", "detail"], at)?;
            check_detail(map, at)?;
            into.images.push(picture(text(map, "image_url", at)?, &join(at, "image_url"))?);
        }
        "input_audio" => {
            let at = join(at, "input_audio");
            let audio = object(map.get("input_audio").ok_or_else(|| missing(&at))?, &at)?;
            let format = text(audio, "format", &at)?;
            if !["wav", "mp3"].contains(&format) {
                return Err(wrong_value(format, &join(&at, "format"), &["wav", "mp3"]));
            }
            check_base64(text(audio, "data", &at)?, &join(&at, "data"))?;
        }
        "file" => {
            let at = join(at, "file");
            let file = object(map.get("file").ok_or_else(|| missing(&at))?, &at)?;
            keys(file, &["file_id", "file_data", "filename"], &at)?;
            check_file(file, &at)?;
        }
        _ => {
            keys(map, &["type", "file_id", "file_data", "file_url", "filename"], at)?;
            check_file(map, at)?;
        }
    }
    Ok(())
}

fn check_detail(map: &Map<String, Value>, at: &str) -> Result<(), ApiError> {
    let supported = ["low", "high", "auto"];
    match map.get("detail") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(detail)) if supported.contains(&detail.as_str()) => Ok(()),
        Some(Value::String(detail)) => Err(wrong_value(detail, &join(at, "detail"), &supported)),
        Some(other) => Err(wrong_type(other, &join(at, "detail"), "a string")),
    }
}

/// A file that comes along is a data URL with a name; what is in it is not looked at.
fn check_file(map: &Map<String, Value>, at: &str) -> Result<(), ApiError> {
    if !map.contains_key("file_data") {
        let key = ["file_id", "file_url"].into_iter().find(|key| map.contains_key(*key)).unwrap_or("file_data");
        text(map, key, at)?;
        return Ok(());
    }
    text(map, "filename", at)?;
    let at = join(at, "file_data");
    let url = map.get("file_data").and_then(Value::as_str).unwrap_or_default();
    match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((_, data)) => check_base64(data, &at),
        None => {
            let text = format!("Invalid '{at}'. Expected a base64-encoded data URL, but got a value without one.");
            Err(ApiError::invalid(text).at(at).coded("invalid_value"))
        }
    }
}

fn check_base64(data: &str, at: &str) -> Result<(), ApiError> {
    match STANDARD.decode(data) {
        Ok(bytes) if !bytes.is_empty() => Ok(()),
        Ok(_) | Err(_) => Err(ApiError::invalid(format!("Invalid '{at}'. Expected base64-encoded data."))
            .at(at)
            .coded("invalid_base64")),
    }
}

/// Decodes the picture of a data URL; the fake fetches nothing, so that every other URL fails as a dead link does.
fn picture(url: &str, at: &str) -> Result<Description, ApiError> {
    let Some(rest) = url.strip_prefix("data:") else {
        return Err(match url.starts_with("https://") || url.starts_with("http://") {
            true => ApiError::invalid(format!("Error while downloading {url}.")).at(at).coded("invalid_image_url"),
            false => {
                let text = format!("Invalid '{at}'. Expected a valid URL, but got a value with an invalid format.");
                ApiError::invalid(text).at(at).coded("invalid_value")
            }
        });
    };
    let (media_type, data) = rest.split_once(";base64,").unwrap_or((rest, ""));
    if !["image/jpeg", "image/png", "image/gif", "image/webp"].contains(&media_type) {
        let text = format!(
            "Invalid '{at}'. Expected a base64-encoded data URL with an image MIME type (e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got unsupported MIME type '{media_type}'."
        );
        return Err(ApiError::invalid(text).at(at).coded("invalid_value"));
    }
    let invalid = || {
        let text = "The image data you provided does not represent a valid image. Please check your input and try again with one of the supported image formats: ['image/jpeg', 'image/png', 'image/gif', 'image/webp'].";
        ApiError::invalid(text).at(at).coded("image_parse_error")
    };
    let bytes = STANDARD.decode(data).map_err(|_| {
        ApiError::invalid(format!("Invalid '{at}'. Expected a base64-encoded data URL.")).at(at).coded("invalid_base64")
    })?;
    let picture = pictures::describe(&bytes).map_err(|_| invalid())?;
    if picture.media_type != media_type {
        let text = format!("The image was given as {media_type}, but its bytes are those of {}.", picture.media_type);
        return Err(ApiError::invalid(text).at(at).coded("invalid_image_format"));
    }
    Ok(picture)
}
