//! `/v1/files` of OpenAI: its objects written. Where the bytes are, and who may see them, is no matter here.

use serde::Serialize;

use crate::sse;

/// A file that a client uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its id.
    pub id: String,
    /// How many.
    pub bytes: u64,
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
struct List<'a> {
    object: &'static str,
    data: Vec<File<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Deleted<'a> {
    object: &'static str,
    deleted: bool,
    id: &'a str,
}

/// Writes a file.
#[must_use]
pub fn write_file(entry: &FileEntry) -> String {
    written(&File::of(entry))
}

/// Writes all files of a client.
#[must_use]
pub fn write_files(entries: &[FileEntry]) -> String {
    written(&List {
        object: "list",
        data: entries.iter().map(File::of).collect(),
        has_more: false,
        first_id: entries.first().map(|entry| entry.id.as_str()),
        last_id: entries.last().map(|entry| entry.id.as_str()),
    })
}

/// Writes that a file is gone.
#[must_use]
pub fn write_deleted(id: &str) -> String {
    written(&Deleted { object: "file", deleted: true, id })
}

fn written(data: &impl Serialize) -> String {
    let mut written = String::new();
    sse::json(&mut written, data);
    written
}
