//! Where a medium stands in a body, read and written: a part `input_image` or `input_file`. In which lists the parts
//! stand is known to `conversation`.

use serde_json::{Map, Value};

use crate::at::{At, Object, present, text, wrong};
use crate::overlay::{self, Edit};
use crate::{ApiError, ChatCall, MediaSource, NamedMedia, Placed, data_url};

/// What a file is called where the client gave no name: the dialect wants one beside bytes.
const UNNAMED: &str = "file";
/// Fields of a part that say where its bytes are.
const SOURCES: [&str; 4] = ["image_url", "file_data", "file_url", "file_id"];

/// Reads a part `input_image`.
pub(super) fn image(part: &mut Object, at: &At<'_>) -> Result<NamedMedia, ApiError> {
    let (source, field) = if present(part, "image_url").is_some() {
        (url(part, at, "image_url")?, "image_url")
    } else {
        (MediaSource::File(file_id(part, at, "`image_url` or `file_id`")?), "file_id")
    };
    Ok(NamedMedia { source, param: at.field(field).to_string(), name: None, place: at.steps() })
}

/// Reads a part `input_file`.
pub(super) fn file(part: &mut Object, at: &At<'_>) -> Result<NamedMedia, ApiError> {
    let name = text(part, at, "filename")?.filter(|name| !name.is_empty()).map(str::to_owned);
    let (source, field) = if present(part, "file_data").is_some() {
        (data(part, at, "file_data")?, "file_data")
    } else if present(part, "file_url").is_some() {
        (url(part, at, "file_url")?, "file_url")
    } else {
        (MediaSource::File(file_id(part, at, "`file_data`, `file_url` or `file_id`")?), "file_id")
    };
    Ok(NamedMedia { source, param: at.field(field).to_string(), name, place: at.steps() })
}

fn file_id(part: &Object, at: &At<'_>, needed: &str) -> Result<String, ApiError> {
    match text(part, at, "file_id")? {
        Some(id) if !id.is_empty() => Ok(id.to_owned()),
        Some(_) | None => Err(wrong(at, &format!("a part with {needed}"))),
    }
}

/// A `data:` URL or a reference.
fn url(part: &mut Object, at: &At<'_>, name: &str) -> Result<MediaSource, ApiError> {
    let at = at.field(name);
    let Some(Value::String(url)) = part.get_mut(name) else {
        return Err(wrong(&at, "a string"));
    };
    if url.is_empty() {
        return Err(wrong(&at, "a URL"));
    }
    match data_url::take(url, &at)? {
        Some(inline) => Ok(inline),
        None => Ok(MediaSource::Reference(url.clone())),
    }
}

/// A `data:` URL or bare base64, whose type is then for others to see.
fn data(part: &mut Object, at: &At<'_>, name: &str) -> Result<MediaSource, ApiError> {
    let at = at.field(name);
    let Some(Value::String(data)) = part.get_mut(name) else {
        return Err(wrong(&at, "a string"));
    };
    if data.is_empty() {
        return Err(wrong(&at, "the bytes in base64"));
    }
    match data_url::take(data, &at)? {
        Some(inline) => Ok(inline),
        None => Ok(MediaSource::Inline {
            content_type: "application/octet-stream".to_owned(),
            base64: std::mem::take(data),
        }),
    }
}

/// Writes the body again, for a provider of this dialect: as it came, with the model and the media in their places.
pub(crate) fn native(call: &ChatCall, model: &str, placed: &[Placed]) -> String {
    let model_at = [Value::from("model")];
    let mut edits = vec![Edit { steps: &model_at, value: model.into() }];
    for (medium, placed) in call.media.iter().zip(placed) {
        let steps = medium.place.as_array().map_or(&[][..], Vec::as_slice);
        if let Some(part) = overlay::value_at(&call.body, steps).and_then(Value::as_object) {
            edits.push(Edit { steps, value: Value::Object(with_bytes(part, medium, placed)) });
        }
    }
    overlay::write(&call.body, &edits)
}

/// The part with bytes in the place of whatever named them.
fn with_bytes(part: &Object, medium: &NamedMedia, placed: &Placed) -> Object {
    let is_image = part.get("type").and_then(Value::as_str) == Some("input_image");
    let field = if is_image { "image_url" } else { "file_data" };
    let url = format!("data:{};base64,{}", placed.content_type, placed.placeholder);
    let mut url = Some(Value::String(url));
    let mut written = Map::with_capacity(part.len() + 1);
    for (name, value) in part {
        if !SOURCES.contains(&name.as_str()) {
            written.insert(name.clone(), value.clone());
        } else if let Some(url) = url.take_if(|_| !value.is_null()) {
            written.insert(field.to_owned(), url);
        }
    }
    if !is_image && !present(&written, "filename").is_some_and(|name| name != "") {
        written.insert("filename".to_owned(), medium.name.as_deref().unwrap_or(UNNAMED).into());
    }
    written
}
