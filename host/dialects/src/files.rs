//! `/v1/files` of OpenAI and Anthropic: what is asked read, and their objects written. Where the bytes are, and who may see
//! them, is no matter here.

use serde::Serialize;

use crate::models::rfc3339;
use crate::{ApiError, ErrorKind, Shape, sse};

mod form;
mod listing;

pub use form::{FORM_TEXT_BYTES_MAX, FileForm, FileTold, FormField};
pub use listing::{FilesCursor, FilesPlace, FilesQuery, read_files_query};

/// What a file of OpenAI's may be uploaded for.
const PURPOSES: [&str; 6] = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"];
/// What stands before the id of its last file where a page of Anthropic's names the next.
const PAGE_PREFIX: &str = "page_";
/// Signs of a client's value that are shown in a refusal.
const SHOWN_CHARS_MAX: usize = 100;

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
    /// The same of the moment from which it is not to be found any more, if there is one.
    pub expires_s: Option<u64>,
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
            expires_at: entry.expires_s,
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
    expires_at: Option<String>,
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
            expires_at: entry.expires_s.map(rfc3339),
            downloadable: true,
        }
    }
}

/// Whether a page of files has others beside it, on the side that it was asked to grow to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// None.
    Nowhere,
    /// There are some behind it.
    Behind,
    /// There are some before it.
    Before,
}

#[derive(Serialize)]
struct List<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'static str>,
    data: Vec<T>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
    /// Where the dialect has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<Option<String>>,
}

impl<'a, T> List<'a, T> {
    fn of(entries: &'a [FileEntry], more: More, item: fn(&'a FileEntry) -> T) -> Self {
        Self {
            object: None,
            data: entries.iter().map(item).collect(),
            has_more: more != More::Nowhere,
            first_id: entries.first().map(|entry| entry.id.as_str()),
            last_id: entries.last().map(|entry| entry.id.as_str()),
            next_page: None,
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

/// Writes a page of the files of a client.
#[must_use]
pub fn write_files(shape: Shape, entries: &[FileEntry], more: More) -> String {
    match shape {
        Shape::Openai => written(&List { object: Some("list"), ..List::of(entries, more, File::of) }),
        Shape::Anthropic => {
            // Older clients go on by `last_id`, newer ones by this.
            let last = entries.last().filter(|_| more == More::Behind);
            let next_page = last.map(|entry| format!("{PAGE_PREFIX}{}", entry.id));
            written(&List { next_page: Some(next_page), ..List::of(entries, more, Anthropic::of) })
        }
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

fn refused(param: &str, what: &str) -> ApiError {
    let param = shown(param);
    ApiError::new(ErrorKind::InvalidRequest, format!("`{param}` {what}")).about(param)
}

/// What a value must be, and what it is.
fn not_one_of(allowed: &[&str], value: &str) -> String {
    let one_of = if allowed.len() == 1 { "" } else { "one of " };
    format!("must be {one_of}{}, and not `{}`", any_of(allowed.iter().copied()), shown(value))
}

fn any_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn whole_number(param: &str, value: &str, (least, most): (u64, u64)) -> Result<u64, ApiError> {
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| is_plain && (least..=most).contains(number));
    let words = || format!("must be a whole number from {least} to {most}, and not `{}`", shown(value));
    number.ok_or_else(|| refused(param, &words()))
}

/// A client's own words, as far as a refusal holds them.
fn shown(value: &str) -> String {
    value.chars().filter(|sign| !sign.is_control()).take(SHOWN_CHARS_MAX).collect()
}
