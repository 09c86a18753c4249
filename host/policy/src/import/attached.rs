//! The ways in which the older gateway wrote down what was attached to a message: parts with bytes, parallel lists of
//! paths, URLs and types, lists of facts, and lines of text for the model. They are only read here; what they lead to
//! is the store's to find.

use serde_json::{Map, Value};

use super::history::string;
use crate::media::{MediaKind, kind_of};
use crate::problem::shown;

type Object = Map<String, Value>;

/// How the line begins that tells a model of an attachment.
const NOTE: &str = "[media attached";

/// Who says that a medium belongs to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The gateway, in a field of its own.
    Gateway,
    /// A line of the text, which whoever wrote the message may have written too.
    Text,
}

/// A medium as a message names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastMedium {
    /// All that may lead to it, what is to be tried first at the front: a path before a URL. Empty where nothing of it
    /// was kept.
    pub spellings: Vec<String>,
    /// Who says so.
    pub witness: Witness,
    /// The name that people saw.
    pub name: Option<String>,
    /// The content type that it was said to have.
    pub declared_type: Option<String>,
}

impl PastMedium {
    fn new(spellings: impl IntoIterator<Item = String>, witness: Witness) -> Self {
        let mut known = Vec::new();
        for spelling in spellings {
            if !known.contains(&spelling) {
                known.push(spelling);
            }
        }
        Self { spellings: known, witness, name: None, declared_type: None }
    }

    /// What sort of thing it was, as far as that can be told without its bytes: by its type, then by what leads to it,
    /// and by the name that people saw only then (case M8).
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        let by_type = self.declared_type.as_deref().map(kind_of);
        let mut texts = self.spellings.iter().map(String::as_str).chain(self.name.as_deref());
        by_type
            .filter(|kind| *kind != MediaKind::Other)
            .or_else(|| texts.find_map(kind_of_name))
            .unwrap_or(MediaKind::Other)
    }

    /// What to call it towards a model: its sort, and its name without the directories of any host.
    #[must_use]
    pub fn label(&self) -> String {
        let sort = match self.kind() {
            MediaKind::Image => "picture",
            MediaKind::Audio => "sound",
            MediaKind::Video => "video",
            MediaKind::Document => "document",
            MediaKind::Other => "file",
        };
        let leaf = |text: &String| last_segment(text).map(str::to_owned);
        match self.name.clone().or_else(|| self.spellings.iter().find_map(leaf)) {
            Some(name) => format!("{sort} `{}`", shown(&name)),
            None => sort.to_owned(),
        }
    }
}

/// The media that stand in a message's own fields.
pub(super) fn of_fields(message: &Object) -> Vec<PastMedium> {
    for name in ["media", "Media", "attachments", "Attachments"] {
        let facts = message.get(name).and_then(Value::as_array).map(|facts| facts.iter().map(of_fact));
        let facts: Vec<PastMedium> = facts.into_iter().flatten().flatten().collect();
        if !facts.is_empty() {
            return facts;
        }
    }
    let paths =
        texts(message, [&["MediaPaths", "mediaPaths", "media_paths"], &["MediaPath", "mediaPath", "media_path"]]);
    let urls = texts(message, [&["MediaUrls", "mediaUrls", "media_urls"], &["MediaUrl", "mediaUrl", "media_url"]]);
    let types =
        texts(message, [&["MediaTypes", "mediaTypes", "media_types"], &["MediaType", "mediaType", "media_type"]]);
    let at = |list: &[Option<String>], index: usize| list.get(index).cloned().flatten();
    let media = (0..paths.len().max(urls.len())).map(|index| PastMedium {
        declared_type: at(&types, index),
        ..PastMedium::new(at(&paths, index).into_iter().chain(at(&urls, index)), Witness::Gateway)
    });
    // A place in the lists that names nothing is no medium; it only keeps the others in theirs.
    media.filter(|medium| !medium.spellings.is_empty()).collect()
}

/// A list by one of its names, or the one text that stood there before there were lists.
fn texts(message: &Object, [many, one]: [&[&str]; 2]) -> Vec<Option<String>> {
    let text = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let list = many.iter().find_map(|name| message.get(*name)?.as_array()).filter(|list| !list.is_empty());
    match list {
        Some(list) => list.iter().map(text).collect(),
        None => string(message, one).map(|text| Some(text.to_owned())).into_iter().collect(),
    }
}

/// A fact of the newer lists: `{path, url, contentType, fileName, …}`, or a text that leads to the medium.
fn of_fact(fact: &Value) -> Option<PastMedium> {
    let fact = match fact {
        Value::String(text) => return Some(PastMedium::new([text.clone()], Witness::Gateway)),
        Value::Object(fact) => fact,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
    };
    Some(of_part(fact))
}

/// A part of a message that is a medium: its bytes in base64, or what leads to it.
pub(super) fn of_part(part: &Object) -> PastMedium {
    const TYPES: [&str; 5] = ["mimeType", "mime_type", "media_type", "contentType", "mime"];
    let inner = ["source", "image_url", "input_audio", "file"].iter().find_map(|name| part.get(*name)?.as_object());
    let of = |names: &[&str]| string(part, names).or_else(|| string(inner?, names)).map(str::to_owned);
    let declared_type = of(&TYPES);
    let bytes = of(&["data", "file_data"]).map(|data| match data.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case("data:") => data,
        Some(_) | None => {
            let declared = declared_type.as_deref().unwrap_or("application/octet-stream");
            format!("data:{declared};base64,{data}")
        }
    });
    let path = of(&["path", "filePath", "file_path", "localPath", "MediaPath"]);
    let url = of(&["url", "image_url", "file_url", "uri", "MediaUrl"]);
    let spellings = bytes.into_iter().chain(path).chain(url);
    PastMedium {
        name: of(&["fileName", "filename", "file_name", "name", "displayName"]),
        declared_type,
        ..PastMedium::new(spellings, Witness::Gateway)
    }
}

/// Takes the lines away that told a model of attachments, and adds those that are not known yet.
pub(super) fn take_notes(text: &str, media: &mut Vec<PastMedium>) -> String {
    if !text.contains(NOTE) {
        return text.to_owned();
    }
    let mut kept = Vec::new();
    for line in text.lines() {
        match read_note(line.trim()) {
            None => kept.push(line),
            Some(note) => {
                let is_known = |medium: &PastMedium| note.spellings.iter().any(|one| medium.spellings.contains(one));
                if !note.spellings.is_empty() && !media.iter().any(is_known) {
                    media.push(note);
                }
            }
        }
    }
    kept.join("\n")
}

/// Reads `[media attached 1/2: <path> (<type>, …) | <url>]`. The head of a list, `[media attached: 2 files]`, names
/// nothing.
fn read_note(line: &str) -> Option<PastMedium> {
    let (place, body) = line.strip_prefix(NOTE)?.strip_suffix(']')?.split_once(':')?;
    let is_place = |(number, of): (&str, &str)| [number, of].iter().all(|text| text.parse::<u16>().is_ok());
    if !place.is_empty() && !place.trim().split_once('/').is_some_and(is_place) {
        return None;
    }
    let body = body.trim();
    if body.strip_suffix(" files").is_some_and(|count| count.parse::<u16>().is_ok()) {
        return Some(PastMedium::new([], Witness::Text));
    }
    let (body, url) = match body.rsplit_once(" | ") {
        Some((body, url)) => (body, Some(url.trim().to_owned())),
        None => (body, None),
    };
    // A name may hold brackets of its own; what is in the last pair is a type, or belongs to the name.
    let details = body.strip_suffix(')').and_then(|body| body.rsplit_once(" ("));
    let details = details.map(|(path, details)| (path, details.split(',').next().unwrap_or_default().trim()));
    let (path, declared_type) = match details.filter(|(_, declared)| declared.contains('/')) {
        Some((path, declared)) => (path, Some(declared.to_owned())),
        None => (body, None),
    };
    let path = Some(path.trim().to_owned()).filter(|path| !path.is_empty());
    Some(PastMedium { declared_type, ..PastMedium::new(path.into_iter().chain(url), Witness::Text) })
}

/// The name at the end of a path or a URL.
fn last_segment(text: &str) -> Option<&str> {
    if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return None;
    }
    let is_url = text.contains("://");
    let path = if is_url { text.split(['?', '#']).next().unwrap_or_default() } else { text };
    // Behind the scheme alone stands a host, and that is no name.
    let path = path.split_once("://").map_or(Some(path), |(_, rest)| rest.split_once('/').map(|(_, path)| path))?;
    path.rsplit(['/', '\\']).next().filter(|name| !name.is_empty())
}

/// The kind that the end of a name stands for.
fn kind_of_name(text: &str) -> Option<MediaKind> {
    let (_, extension) = last_segment(text)?.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "heic" | "heif" | "bmp" | "avif" | "tif" | "tiff" => {
            Some(MediaKind::Image)
        }
        "ogg" | "oga" | "opus" | "mp3" | "m4a" | "wav" | "flac" | "aac" | "wma" | "aiff" => Some(MediaKind::Audio),
        "mp4" | "mov" | "webm" | "mkv" | "avi" | "m4v" => Some(MediaKind::Video),
        "pdf" | "txt" | "md" | "csv" | "doc" | "docx" | "xls" | "xlsx" | "odt" | "rtf" => Some(MediaKind::Document),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
