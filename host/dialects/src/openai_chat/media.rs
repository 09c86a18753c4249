//! Where a medium stands in a body, read and written: a part with a URL, `input_audio` or `file`. In which messages the
//! parts stand is known to `conversation`.

use serde_json::{Value, json};

use crate::at::{At, Object, missing, needed_name, object, present, present_mut, text, wrong};
use crate::overlay::{self, Edit};
use crate::{ApiError, ChatCall, MediaSource, NamedMedia, Placed, data_url};

/// What a file is called where the client gave no name: the dialect wants one beside bytes.
const UNNAMED: &str = "file";
/// Letters before the colon of a URL, at most. Base64 has no colon, so that nothing more has to be sought.
const SCHEME_MAX: usize = 16;

/// Reads a part whose URL stands in a field of the same name as its type: in an object, or bare as clients of Ollama
/// write it.
pub(super) fn url(part: &mut Object, at: &At<'_>, kind: &str) -> Result<NamedMedia, ApiError> {
    let url_at = at.field(kind);
    let (source, param) = match present_mut(part, kind).ok_or_else(|| missing(at, kind))? {
        Value::Object(holder) => {
            let at = url_at.field("url");
            let url = present_mut(holder, "url").ok_or_else(|| missing(&url_at, "url"))?;
            (reference(url, &at)?, at.to_string())
        }
        url @ Value::String(_) => (reference(url, &url_at)?, url_at.to_string()),
        _ => return Err(wrong(&url_at, "an object or a string")),
    };
    Ok(NamedMedia { source, param, name: None, place: at.steps() })
}

/// Reads a part `input_audio`.
pub(super) fn audio(part: &mut Object, at: &At<'_>) -> Result<NamedMedia, ApiError> {
    let audio_at = at.field("input_audio");
    let holder = present_mut(part, "input_audio").ok_or_else(|| missing(at, "input_audio"))?;
    let holder = object(holder, &audio_at)?;
    let content_type = match needed_name(holder, &audio_at, "format")? {
        "mp3" => "audio/mpeg".to_owned(),
        format => format!("audio/{format}"),
    };
    let at_data = audio_at.field("data");
    let data = present_mut(holder, "data").ok_or_else(|| missing(&audio_at, "data"))?;
    let source = bytes(data, &at_data, content_type)?;
    Ok(NamedMedia { source, param: at_data.to_string(), name: None, place: at.steps() })
}

/// Reads a part `file`.
pub(super) fn file(part: &mut Object, at: &At<'_>) -> Result<NamedMedia, ApiError> {
    let file_at = at.field("file");
    let holder = present_mut(part, "file").ok_or_else(|| missing(at, "file"))?;
    let holder = object(holder, &file_at)?;
    let name = text(holder, &file_at, "filename")?.filter(|name| !name.is_empty()).map(str::to_owned);
    let (source, field) = if let Some(data) = present_mut(holder, "file_data") {
        (bytes(data, &file_at.field("file_data"), "application/octet-stream".to_owned())?, "file_data")
    } else {
        match text(holder, &file_at, "file_id")? {
            Some(id) if !id.is_empty() => (MediaSource::File(id.to_owned()), "file_id"),
            Some(_) | None => return Err(wrong(&file_at, "an object with `file_data` or `file_id`")),
        }
    };
    Ok(NamedMedia { source, param: file_at.field(field).to_string(), name, place: at.steps() })
}

/// A `data:` URL or a reference.
fn reference(value: &mut Value, at: &At<'_>) -> Result<MediaSource, ApiError> {
    let Value::String(url) = value else {
        return Err(wrong(at, "a string"));
    };
    if url.is_empty() {
        return Err(wrong(at, "a URL"));
    }
    match data_url::take(url, at)? {
        Some(inline) => Ok(inline),
        None => Ok(MediaSource::Reference(url.clone())),
    }
}

/// A URL, or bare base64 of the type that the client claims elsewhere.
fn bytes(value: &mut Value, at: &At<'_>, content_type: String) -> Result<MediaSource, ApiError> {
    let Value::String(data) = value else {
        return Err(wrong(at, "a string"));
    };
    if data.is_empty() {
        return Err(wrong(at, "the bytes in base64"));
    }
    if data.bytes().take(SCHEME_MAX).any(|byte| byte == b':') {
        return reference(value, at);
    }
    Ok(MediaSource::Inline { content_type, base64: std::mem::take(data) })
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
    let asked = usage_options(call);
    let steps = [Value::from(STREAM_OPTIONS)];
    match asked {
        Some((options, true)) => {
            edits.push(Edit { steps: &steps, value: options });
            overlay::write(&call.body, &edits)
        }
        Some((_, false)) => with_usage(overlay::write(&call.body, &edits)),
        None => overlay::write(&call.body, &edits),
    }
}

const STREAM_OPTIONS: &str = "stream_options";
/// What stands at the end of a body whose client did not ask for the totals of its stream. They are asked for all the same,
/// since a budget counts by them, and the chunk that holds them is not passed on; a plugin whose server takes no such
/// field cuts this off.
const ASKING_FOR_USAGE: &str = r#","stream_options":{"include_usage":true}}"#;

/// The `stream_options` of a stream whose client does not ask for the totals, and whether it has any.
fn usage_options(call: &ChatCall) -> Option<(Value, bool)> {
    if !call.is_streaming || call.includes_usage {
        return None;
    }
    let mut options = call.body.get(STREAM_OPTIONS).and_then(Value::as_object).cloned().unwrap_or_default();
    let has_any = call.body.get(STREAM_OPTIONS).is_some();
    options.insert("include_usage".to_owned(), true.into());
    Some((Value::Object(options), has_any))
}

fn with_usage(mut body: String) -> String {
    if body.ends_with('}') && body.len() > 2 {
        body.pop();
        body.push_str(ASKING_FOR_USAGE);
    }
    body
}

/// The part with bytes in the place of whatever named them.
fn with_bytes(part: &Object, medium: &NamedMedia, placed: &Placed) -> Object {
    let mut part = part.clone();
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let url = || Value::from(format!("data:{};base64,{}", placed.content_type, placed.placeholder));
    match (kind.as_str(), part.get_mut(&kind)) {
        ("input_audio", Some(Value::Object(audio))) => {
            audio.insert("data".to_owned(), placed.placeholder.as_str().into());
            if let Some(format) = format(&placed.content_type) {
                audio.insert("format".to_owned(), format.into());
            }
        }
        ("file", Some(Value::Object(file))) => {
            file.shift_remove("file_id");
            file.insert("file_data".to_owned(), url());
            if !present(file, "filename").is_some_and(|name| name != "") {
                file.insert("filename".to_owned(), medium.name.as_deref().unwrap_or(UNNAMED).into());
            }
        }
        (_, Some(Value::Object(holder))) => {
            holder.insert("url".to_owned(), url());
        }
        (_, Some(bare)) => *bare = json!({ "url": url() }),
        (_, None) => {}
    }
    part
}

/// The dialect's word for audio of a type, where it has one.
fn format(content_type: &str) -> Option<&'static str> {
    match content_type {
        "audio/mpeg" | "audio/mp3" => Some("mp3"),
        "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => Some("wav"),
        _ => None,
    }
}
