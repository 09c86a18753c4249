//! `/v1/files` of OpenAI and Anthropic: their objects written. Where the bytes are, and who may see them, is no matter here.

use serde::Serialize;

use crate::models::rfc3339;
use crate::{Shape, sse};

/// A file that a client uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its id.
    pub id: String,
    /// How many.
    pub bytes: u64,
    /// What they are.
    pub content_type: String,
    /// Seconds since the Unix epoch.
    pub created_s: u64,
    /// As the client gave it.
    pub filename: String,
    /// As the client gave it.
    pub purpose: String,
}

#[derive(Serialize)]
struct File<'a> {
    object: &'static str,
    id: &'a str,
    purpose: &'a str,
    filename: &'a str,
    bytes: u64,
    created_at: u64,
    expires_at: Option<u64>,
    status: &'static str,
    status_details: Option<&'static str>,
}

impl<'a> File<'a> {
    fn of(entry: &'a FileEntry) -> Self {
        Self {
            object: "file",
            id: &entry.id,
            purpose: &entry.purpose,
            filename: &entry.filename,
            bytes: entry.bytes,
            created_at: entry.created_s,
            expires_at: None,
            status: "processed",
            status_details: None,
        }
    }
}

#[derive(Serialize)]
struct Anthropic<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    filename: &'a str,
    mime_type: &'a str,
    size_bytes: u64,
    created_at: String,
    downloadable: bool,
}

impl<'a> Anthropic<'a> {
    fn of(entry: &'a FileEntry) -> Self {
        Self {
            kind: "file",
            id: &entry.id,
            filename: &entry.filename,
            mime_type: &entry.content_type,
            size_bytes: entry.bytes,
            created_at: rfc3339(entry.created_s),
            downloadable: true,
        }
    }
}

#[derive(Serialize)]
struct List<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'static str>,
    data: Vec<T>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

impl<'a, T> List<'a, T> {
    fn of(object: Option<&'static str>, entries: &'a [FileEntry], item: fn(&'a FileEntry) -> T) -> Self {
        Self {
            object,
            data: entries.iter().map(item).collect(),
            has_more: false,
            first_id: entries.first().map(|entry| entry.id.as_str()),
            last_id: entries.last().map(|entry| entry.id.as_str()),
        }
    }
}

#[derive(Serialize)]
struct Deleted<'a> {
    object: &'static str,
    deleted: bool,
    id: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "file_deleted")]
struct AnthropicDeleted<'a> {
    id: &'a str,
}

/// Writes a file.
#[must_use]
pub fn write_file(shape: Shape, entry: &FileEntry) -> String {
    match shape {
        Shape::Openai => written(&File::of(entry)),
        Shape::Anthropic => written(&Anthropic::of(entry)),
    }
}

/// Writes all files of a client.
#[must_use]
pub fn write_files(shape: Shape, entries: &[FileEntry]) -> String {
    match shape {
        Shape::Openai => written(&List::of(Some("list"), entries, File::of)),
        Shape::Anthropic => written(&List::of(None, entries, Anthropic::of)),
    }
}

/// Writes that a file is gone.
#[must_use]
pub fn write_deleted(shape: Shape, id: &str) -> String {
    match shape {
        Shape::Openai => written(&Deleted { object: "file", deleted: true, id }),
        Shape::Anthropic => written(&AnthropicDeleted { id }),
    }
}

fn written(data: &impl Serialize) -> String {
    let mut written = String::new();
    sse::json(&mut written, data);
    written
}
