//! The names of media, why one is refused, and what kinds there are. Purely lexical: no file is looked at here, so
//! nothing here says whether a medium exists.

use std::fmt;

use crate::ids::AgentId;
use crate::manifest::Input;

mod spelling;
pub mod url;

pub use spelling::{Spelling, mentions, read_spelling};

/// Bytes of an id: what the older gateway made stays below it, and it leaves room beneath the 255 of a file name.
const MEDIA_ID_BYTES_MAX: usize = 200;

/// Where a medium belongs; the first part of its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Area {
    /// It came in over a channel or from the operator.
    Inbound,
    /// A plugin or a model made it.
    Outbound,
    /// It was taken out of the working directory of an agent, and is that agent's alone.
    Workspace(AgentId),
}

/// The segment that the workspaces of all agents stand below.
const WORKSPACE: &str = "workspace";

impl Area {
    /// Reads an area as it stands in a name: `inbound`, `workspace/main`.
    ///
    /// # Errors
    ///
    /// `path-not-allowed` where there is no such area.
    pub fn parse(text: &str) -> Result<Self, MediaRefusal> {
        let unknown = || {
            let rule = "the media areas are `inbound`, `outbound` and `workspace/<agent>`";
            MediaRefusal::new(MediaRefusalCode::PathNotAllowed, rule)
        };
        match text.split_once('/') {
            None if text == "inbound" => Ok(Self::Inbound),
            None if text == "outbound" => Ok(Self::Outbound),
            Some((WORKSPACE, agent)) => AgentId::parse(agent).map(Self::Workspace).map_err(|_| unknown()),
            None | Some(_) => Err(unknown()),
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inbound => f.write_str("inbound"),
            Self::Outbound => f.write_str("outbound"),
            Self::Workspace(agent) => write!(f, "{WORKSPACE}/{agent}"),
        }
    }
}

/// Names one stored blob within its area. It is one segment of a path and cannot leave its directory.
///
/// New ids are 32 lower-case hex digits and an extension; the freer names of the older gateway's files are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaId(Box<str>);

impl MediaId {
    /// Parses an id that came from outside.
    ///
    /// # Errors
    ///
    /// [`MediaRefusalCode::InvalidPath`] with the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, MediaRefusal> {
        let bad = |rule: &str| Err(MediaRefusal::new(MediaRefusalCode::InvalidPath, format!("a media id {rule}")));
        if text.is_empty() {
            return bad("must not be empty");
        }
        if text.len() > MEDIA_ID_BYTES_MAX {
            return bad("has at most 200 bytes");
        }
        if text.starts_with('.') || text.contains("..") {
            return bad("does not begin with a dot and holds no `..`");
        }
        if let Some(c) = text.chars().find(|&c| !belongs_in_an_id(c)) {
            return bad(&format!("holds no {}", name_of(c)));
        }
        Ok(Self(text.into()))
    }

    /// Makes a new id from random bits. An extension that is not 1 to 8 of `a-z` and `0-9` is left away.
    #[must_use]
    pub fn from_random(bits: [u8; 16], extension: Option<&str>) -> Self {
        let mut text = String::with_capacity(41);
        for byte in bits {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        let is_plain =
            |e: &&str| (1..=8).contains(&e.len()) && e.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if let Some(extension) = extension.filter(is_plain) {
            text.push('.');
            text.push_str(extension);
        }
        Self(text.into())
    }

    /// The id as text: also the name of its file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The only form in which a medium is named beyond the edge: `media://<area>/<id>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaRef {
    /// Where it came from.
    pub area: Area,
    /// Its name there.
    pub id: MediaId,
}

impl MediaRef {
    /// Parses the canonical form, and no other: see [`read_spelling`] for what people and older files write.
    ///
    /// # Errors
    ///
    /// `unsupported-scheme` for what is not `media://…`, `path-not-allowed` for an area that does not exist,
    /// `invalid-path` for a malformed id.
    pub fn parse(text: &str) -> Result<Self, MediaRefusal> {
        let Some(rest) = text.strip_prefix("media://") else {
            return Err(MediaRefusal::new(
                MediaRefusalCode::UnsupportedScheme,
                "a medium is named `media://<area>/<id>`",
            ));
        };
        let (area, id) = split_area(rest)?;
        Ok(Self { area, id: MediaId::parse(id)? })
    }
}

impl fmt::Display for MediaRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "media://{}/{}", self.area, self.id)
    }
}

impl TryFrom<String> for MediaRef {
    type Error = MediaRefusal;
    fn try_from(text: String) -> Result<Self, MediaRefusal> {
        Self::parse(&text)
    }
}

impl From<MediaRef> for String {
    fn from(media: MediaRef) -> Self {
        media.to_string()
    }
}

/// Why a medium is not given. The words are those of the older gateway, so that its users find them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaRefusalCode {
    /// It lies, or claims to lie, where no media are.
    PathNotAllowed,
    /// It is no well-formed name, or leads over a symbolic link.
    InvalidPath,
    /// Nothing is stored under that name.
    NotFound,
    /// A directory, a pipe, a device.
    NotFile,
    /// A `file:` URL of another host, or one that is no plain path.
    InvalidFileUrl,
    /// A UNC or other network path.
    NetworkPathNotAllowed,
    /// A URL of a scheme that names no stored medium.
    UnsupportedScheme,
    /// More bytes than a medium may have.
    TooLarge,
    /// It was stored and has been cleaned away.
    Expired,
    /// A file of a granted directory that is none of the types that are taken from there.
    WrongType,
    /// A URL that media are not fetched from.
    UrlNotAllowed,
    /// The server of a URL did not give it.
    NotFetched,
}

impl MediaRefusalCode {
    /// The code as it is printed: `path-not-allowed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PathNotAllowed => "path-not-allowed",
            Self::InvalidPath => "invalid-path",
            Self::NotFound => "not-found",
            Self::NotFile => "not-file",
            Self::InvalidFileUrl => "invalid-file-url",
            Self::NetworkPathNotAllowed => "network-path-not-allowed",
            Self::UnsupportedScheme => "unsupported-scheme",
            Self::TooLarge => "too-large",
            Self::Expired => "expired",
            Self::WrongType => "wrong-type",
            Self::UrlNotAllowed => "url-not-allowed",
            Self::NotFetched => "not-fetched",
        }
    }
}

impl fmt::Display for MediaRefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refused medium: the code for programs, the rule for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{code}: {detail}")]
pub struct MediaRefusal {
    /// The reason.
    pub code: MediaRefusalCode,
    /// The rule, as a sentence. What is made in this file names no path of the host.
    pub detail: String,
}

impl MediaRefusal {
    /// A refusal with its rule.
    pub fn new(code: MediaRefusalCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// What sort of thing a medium is, as far as a model cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaKind {
    /// Pixels.
    Image,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// PDF, office documents, text.
    Document,
    /// Anything else.
    Other,
}

impl MediaKind {
    /// What a model must take in to be given such a medium; `None`: no model takes it.
    #[must_use]
    pub fn input(self) -> Option<Input> {
        match self {
            Self::Image => Some(Input::Image),
            Self::Audio => Some(Input::Audio),
            Self::Video => Some(Input::Video),
            Self::Document => Some(Input::Document),
            Self::Other => None,
        }
    }
}

/// The kind that a content type stands for. SVG is a program and no picture (cases M6, M7).
#[must_use]
pub fn kind_of(content_type: &str) -> MediaKind {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.split_once('/') {
        Some(("image", "svg+xml")) => MediaKind::Other,
        Some(("image", _)) => MediaKind::Image,
        Some(("audio", _)) => MediaKind::Audio,
        Some(("video", _)) => MediaKind::Video,
        Some(("text", "plain" | "csv" | "markdown")) | Some(("application", "pdf" | "msword" | "rtf")) => {
            MediaKind::Document
        }
        Some(("application", office))
            if office.starts_with("vnd.openxmlformats-officedocument.")
                || office.starts_with("vnd.oasis.opendocument.") =>
        {
            MediaKind::Document
        }
        _ => MediaKind::Other,
    }
}

fn belongs_in_an_id(c: char) -> bool {
    let is_separator = matches!(c, '/' | '\\' | '%' | '[' | ']' | '"' | '<' | '>' | '|' | ':' | '*' | '?');
    // Invisible and direction-changing characters make two names look like one (attack 119).
    let is_invisible = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !(is_separator || is_invisible || c.is_whitespace() || c.is_control())
}

fn name_of(c: char) -> String {
    match c {
        '/' | '\\' | '%' | '[' | ']' | '"' | '<' | '>' | '|' | ':' | '*' | '?' => format!("`{c}`"),
        c if c.is_whitespace() => "white space".to_owned(),
        c => format!("character U+{:04X}", u32::from(c)),
    }
}

/// Splits `<area>/<id>`; a workspace is two segments.
fn split_area(rest: &str) -> Result<(Area, &str), MediaRefusal> {
    let split = match rest.strip_prefix(WORKSPACE).is_some_and(|rest| rest.starts_with('/')) {
        true => rest[WORKSPACE.len() + 1..].find('/').map(|at| WORKSPACE.len() + 1 + at),
        false => rest.find('/'),
    };
    let (area, id) = split.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]));
    Ok((Area::parse(area)?, id))
}

#[cfg(test)]
mod tests;
