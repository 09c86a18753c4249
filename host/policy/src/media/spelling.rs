//! The one reader of every spelling that people, older files and other programs give a medium in. It looks at no file:
//! where only the file system can tell, the store goes on from the [`Spelling`].

use percent_encoding::percent_decode_str;

use crate::limits::MEDIUM_BYTES_MAX;

use super::{Area, MediaId, MediaRef, MediaRefusal, MediaRefusalCode, WORKSPACE, belongs_in_an_id, split_area};

/// Bytes of a name of a medium in any spelling; the longest path that Linux takes.
const SPELLING_BYTES_MAX: usize = 4096;
/// Bytes of a `data:` URL: the largest medium in base64 or, if need be, in percent-encoding of some of it.
#[expect(clippy::cast_possible_truncation, reason = "a medium has far fewer bytes than memory has addresses")]
const DATA_URL_BYTES_MAX: usize = MEDIUM_BYTES_MAX as usize / 3 * 4 + SPELLING_BYTES_MAX;
/// Bytes of one segment of a path; no file system here has longer ones.
const SEGMENT_BYTES_MAX: usize = 255;

/// What a text that is meant to name a medium says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// A stored medium, by whatever spelling of its handle.
    Handle(MediaRef),
    /// An absolute path of the host, without `.`, `..` or doubled separators. Only the store can tell whether it lies
    /// directly within the media directory.
    AbsolutePath(String),
    /// A path below the home directory of the daemon: what stood behind `~/`.
    HomePath(String),
    /// A path below the working directory of the agent (case K12).
    RelativePath(String),
    /// Bytes that stand in the text itself, and the type that it claims for them.
    Data {
        /// The claim, without parameters.
        declared_type: String,
        /// What it carries.
        bytes: Vec<u8>,
    },
    /// An `http:` or `https:` URL, as it was written.
    Url(String),
}

/// Reads any spelling of a medium: `media://inbound/x`, `media/inbound/x`, `./media/inbound/x`, `/media/inbound/x`,
/// an absolute path, `~/…`, a path relative to the agent's workspace, a `file:`, `data:`, `http:` or `https:` URL, each
/// perhaps behind `MEDIA:`.
///
/// # Errors
///
/// [`MediaRefusal`] where no file need be looked at to know that this names no medium.
pub fn read_spelling(text: &str) -> Result<Spelling, MediaRefusal> {
    use MediaRefusalCode as Code;
    let text = without_media_prefix(text.trim());
    let refuse = |code, rule: &str| Err(MediaRefusal::new(code, rule));
    if text.is_empty() {
        return refuse(Code::InvalidPath, "the name of a medium must not be empty");
    }
    if let Some(data) = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return read_data_url(data.len(), text);
    }
    if text.len() > SPELLING_BYTES_MAX {
        return refuse(Code::InvalidPath, "the name of a medium has at most 4096 bytes");
    }
    if text.chars().any(char::is_control) {
        return refuse(Code::InvalidPath, "the name of a medium holds no control characters");
    }
    if let Some((scheme, rest)) = split_scheme(text) {
        return match scheme.to_ascii_lowercase().as_str() {
            "media" => read_media_url(rest),
            "file" => read_file_url(rest),
            letter if letter.len() == 1 => {
                refuse(Code::PathNotAllowed, "a path with a drive letter lies in no media area")
            }
            "http" | "https" => Ok(Spelling::Url(text.to_owned())),
            _ => refuse(
                Code::UnsupportedScheme,
                "media are named by `media:`, `file:`, `data:`, `http:` and `https:` URLs and by paths",
            ),
        };
    }
    read_path(text)
}

/// The handles that stand in a text, e.g. `[media attached 1/2: media://inbound/ü.png]` in an older transcript. An id
/// ends at white space and at any other character that ids do not hold, and the signs that end a sentence are not of
/// it: no medium is found by an id that itself ends in one. What is malformed is passed over.
#[must_use]
pub fn mentions(text: &str) -> Vec<MediaRef> {
    let handles = text.match_indices("media://").filter_map(|(at, prefix)| {
        let rest = &text[at + prefix.len()..];
        let slash = match rest.strip_prefix(WORKSPACE) {
            Some(rest) if rest.starts_with('/') => WORKSPACE.len() + 1 + rest[1..].find('/')? + 1,
            _ => rest.find('/')? + 1,
        };
        let end = rest[slash..].find(|c| !belongs_in_an_id(c)).map_or(rest.len(), |end| slash + end);
        // A sentence goes on, or ends, behind a handle.
        let handle = text[at..at + prefix.len() + end].trim_end_matches(['.', ',', ';', '!', '\'', ')']);
        MediaRef::parse(handle).ok()
    });
    handles.collect()
}

/// Takes `MEDIA:` away, once, but leaves `media://` alone: the older gateway mangled the one by stripping the other.
fn without_media_prefix(text: &str) -> &str {
    let Some(rest) = text.get(..5).filter(|word| word.eq_ignore_ascii_case("media")).map(|_| text[5..].trim_start())
    else {
        return text;
    };
    match rest.strip_prefix(':') {
        Some(rest) if !rest.starts_with("//") => rest.trim_start(),
        _ => text,
    }
}

/// Splits `scheme:rest`; a text whose colon stands behind a separator is a path.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    is_scheme.then_some((scheme, rest))
}

/// Reads what stands behind `media:`. Percent-encoding is undone once, so that an encoded separator is seen as one.
fn read_media_url(rest: &str) -> Result<Spelling, MediaRefusal> {
    let (area, id) = split_area(rest.strip_prefix("//").unwrap_or(rest))?;
    let not_text = |_| MediaRefusal::new(MediaRefusalCode::InvalidPath, "a media id is UTF-8");
    let id = percent_decode_str(id).decode_utf8().map_err(not_text)?;
    Ok(Spelling::Handle(MediaRef { area, id: MediaId::parse(&id)? }))
}

/// Reads the bytes of a `data:` URL (RFC 2397, as browsers read it).
fn read_data_url(scheme_bytes: usize, text: &str) -> Result<Spelling, MediaRefusal> {
    let refuse = |code, rule: &str| MediaRefusal::new(code, rule);
    if text.len() > DATA_URL_BYTES_MAX {
        let rule = format!("a medium has at most {MEDIUM_BYTES_MAX} bytes");
        return Err(refuse(MediaRefusalCode::TooLarge, &rule));
    }
    let bad = |rule: &str| refuse(MediaRefusalCode::InvalidPath, rule);
    let lower = format!("data:{}", &text[scheme_bytes..]);
    let url = data_url::DataUrl::process(&lower)
        .map_err(|_| bad("a `data:` URL has the form `data:<type>;base64,<bytes>`: its comma is missing"))?;
    let (bytes, _) = url.decode_to_vec().map_err(|_| bad("the base64 of a `data:` URL is malformed"))?;
    if bytes.is_empty() {
        return Err(bad("a `data:` URL carries no bytes"));
    }
    let declared_type = format!("{}/{}", url.mime_type().type_, url.mime_type().subtype);
    Ok(Spelling::Data { declared_type, bytes })
}

/// Reads what stands behind `file:`.
fn read_file_url(rest: &str) -> Result<Spelling, MediaRefusal> {
    let bad = |rule: &str| MediaRefusal::new(MediaRefusalCode::InvalidFileUrl, rule);
    let path = match rest.strip_prefix("//") {
        Some(rest) => {
            let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
            if !host.is_empty() && !host.eq_ignore_ascii_case("localhost") {
                return Err(bad("remote hosts are not allowed in a `file:` URL"));
            }
            &rest[host.len()..]
        }
        None => rest,
    };
    if !path.starts_with('/') {
        return Err(bad("a `file:` URL holds an absolute path"));
    }
    if path.contains(['?', '#']) {
        return Err(bad("a `file:` URL has no query and no fragment"));
    }
    let path_upper = path.to_ascii_uppercase();
    if path.contains('\\') || path_upper.contains("%2F") || path_upper.contains("%5C") {
        return Err(bad("a `file:` URL holds no encoded separator and no `\\`"));
    }
    let path = percent_decode_str(path).decode_utf8().map_err(|_| bad("a `file:` URL is UTF-8"))?;
    if path.chars().any(char::is_control) {
        return Err(bad("a `file:` URL holds no control characters"));
    }
    read_path(&path)
}

/// The area that a relative name begins with, and what stands below it.
fn leading_area<'a, 'b>(segments: &'a [&'b str]) -> Option<(Area, &'a [&'b str])> {
    let (area, below) = match segments {
        [area @ ("inbound" | "outbound"), below @ ..] => (Area::parse(area).ok()?, below),
        [WORKSPACE, agent, below @ ..] => (Area::parse(&format!("{WORKSPACE}/{agent}")).ok()?, below),
        _ => return None,
    };
    Some((area, below))
}

fn read_path(text: &str) -> Result<Spelling, MediaRefusal> {
    use MediaRefusalCode as Code;
    let refuse = |code, rule: &str| Err(MediaRefusal::new(code, rule));
    let mut head = text.chars();
    if let (Some('/' | '\\'), Some('/' | '\\')) = (head.next(), head.next()) {
        return refuse(Code::NetworkPathNotAllowed, "network paths name no medium");
    }
    if text.contains('\\') {
        return refuse(Code::InvalidPath, "the name of a medium holds no `\\`");
    }
    let segments: Vec<&str> = text.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
    if segments.contains(&"..") {
        return refuse(Code::PathNotAllowed, "the name of a medium holds no `..`");
    }
    if segments.iter().any(|segment| segment.len() > SEGMENT_BYTES_MAX) {
        return refuse(Code::InvalidPath, "a segment of a path has at most 255 bytes");
    }
    let is_absolute = text.starts_with('/');
    let is_directory = text.ends_with('/') || text.ends_with("/.");
    if let Some((&"media", below)) = segments.split_first()
        && let Some((area, below)) = leading_area(below)
    {
        return match below {
            [] => refuse(Code::InvalidPath, "a media area is no medium"),
            [id] if !is_directory => Ok(Spelling::Handle(MediaRef { area, id: MediaId::parse(id)? })),
            [_] => refuse(Code::InvalidPath, "a name that ends in `/` is a directory's"),
            _ => refuse(Code::PathNotAllowed, "media lie directly within their area"),
        };
    }
    if is_directory || segments.is_empty() {
        return refuse(Code::InvalidPath, "a name that ends in `/` or `.` is a directory's");
    }
    match segments.split_first() {
        Some((&"~", below)) if !is_absolute && !below.is_empty() => Ok(Spelling::HomePath(below.join("/"))),
        Some((home, _)) if !is_absolute && home.starts_with('~') => {
            refuse(Code::PathNotAllowed, "the home directory of another user holds no media")
        }
        // A path through a process leads wherever that process looks (attack 120).
        Some((&("proc" | "sys"), _)) if is_absolute => {
            refuse(Code::PathNotAllowed, "the file systems of the kernel hold no media")
        }
        _ if is_absolute => Ok(Spelling::AbsolutePath(format!("/{}", segments.join("/")))),
        _ => Ok(Spelling::RelativePath(segments.join("/"))),
    }
}
