//! The one reader of every spelling that people, older files and other programs give a medium in. It looks at no file:
//! where only the file system can tell, the store goes on from the [`Spelling`].

use percent_encoding::percent_decode_str;

use super::{Area, MediaId, MediaRef, MediaRefusal, MediaRefusalCode, WORKSPACE, belongs_in_an_id, split_area};

/// Bytes of a name of a medium in any spelling; the longest path that Linux takes.
const SPELLING_BYTES_MAX: usize = 4096;

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
}

/// Reads any spelling of a medium: `media://inbound/x`, `media/inbound/x`, `./media/inbound/x`, `/media/inbound/x`,
/// an absolute path, `~/…`, a `file:` URL, each perhaps behind `MEDIA:`.
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
            "data" => refuse(Code::UnsupportedScheme, "a `data:` URL carries bytes and names no stored medium"),
            letter if letter.len() == 1 => {
                refuse(Code::PathNotAllowed, "a path with a drive letter lies in no media area")
            }
            "http" | "https" => refuse(Code::UnsupportedScheme, "a remote URL names no stored medium"),
            _ => refuse(Code::UnsupportedScheme, "media are named by `media:` and `file:` URLs and by paths"),
        };
    }
    read_path(text)
}

/// The handles that stand in a text, e.g. `[media attached 1/2: media://inbound/ü.png]` in an older transcript. An id
/// ends at white space and at any other character that ids do not hold; what is malformed is passed over.
#[must_use]
pub fn mentions(text: &str) -> Vec<MediaRef> {
    let handles = text.match_indices("media://").filter_map(|(at, prefix)| {
        let rest = &text[at + prefix.len()..];
        let slash = match rest.strip_prefix(WORKSPACE) {
            Some(rest) if rest.starts_with('/') => WORKSPACE.len() + 1 + rest[1..].find('/')? + 1,
            _ => rest.find('/')? + 1,
        };
        let end = rest[slash..].find(|c| !belongs_in_an_id(c)).map_or(rest.len(), |end| slash + end);
        MediaRef::parse(&text[at..at + prefix.len() + end]).ok()
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
        _ if is_absolute => Ok(Spelling::AbsolutePath(format!("/{}", segments.join("/")))),
        _ => refuse(Code::PathNotAllowed, "a relative path names a medium only as `media/<area>/<id>`"),
    }
}
