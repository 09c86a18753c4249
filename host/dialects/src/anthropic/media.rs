//! Where a medium stands in a body, read and written: the `source` of a block. Which blocks there are is known to
//! `conversation`.

use serde_json::{Value, json};

use crate::at::{At, missing, needed_name, needed_text, object, wrong};
use crate::overlay::{self, Edit};
use crate::{ApiError, ChatCall, MediaSource, NamedMedia, Placed};

/// Reads a source; its bytes are moved out of it.
pub(super) fn read(source: &mut Value, at: &At<'_>, name: Option<String>) -> Result<NamedMedia, ApiError> {
    let fields = object(source, at)?;
    let (source, param) = match needed_text(fields, at, "type")? {
        "base64" => {
            let content_type = needed_name(fields, at, "media_type")?.to_owned();
            let data_at = at.field("data");
            let base64 = match fields.get_mut("data") {
                Some(Value::String(data)) if !data.is_empty() => std::mem::take(data),
                Some(Value::String(_)) => return Err(wrong(&data_at, "the bytes in base64")),
                Some(value) if !value.is_null() => return Err(wrong(&data_at, "a string")),
                Some(_) | None => return Err(missing(at, "data")),
            };
            (MediaSource::Inline { content_type, base64 }, data_at.to_string())
        }
        "url" => (MediaSource::Reference(needed_name(fields, at, "url")?.to_owned()), at.field("url").to_string()),
        "file" => (MediaSource::File(needed_name(fields, at, "file_id")?.to_owned()), at.field("file_id").to_string()),
        _ => return Err(wrong(&at.field("type"), "`base64`, `url` or `file`")),
    };
    Ok(NamedMedia { source, param, name, place: at.steps() })
}

/// Writes the body again, for a provider of this dialect: as it came, with the model and the media in their places.
pub(crate) fn native(call: &ChatCall, model: &str, placed: &[Placed]) -> String {
    let model_at = [Value::from("model")];
    let mut edits = vec![Edit { steps: &model_at, value: model.into() }];
    for (medium, placed) in call.media.iter().zip(placed) {
        let value = json!({ "type": "base64", "media_type": placed.content_type, "data": placed.placeholder });
        edits.push(Edit { steps: medium.place.as_array().map_or(&[], Vec::as_slice), value });
    }
    overlay::write(&call.body, &edits)
}
