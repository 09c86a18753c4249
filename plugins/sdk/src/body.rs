//! Bodies with media in them. The plugin writes its JSON with placeholders, or has a caller's with the host's; the host
//! puts the bytes there while it sends. Nothing here reads a medium.

use std::mem;

use serde::Serialize;
use serde_json::Value;

use crate::bindings::words::creel::plugin::io::{BodyPiece, Context};
use crate::bindings::words::creel::plugin::types::Media;
use crate::provider::{NativeRequest, PlacedMedia};

/// A JSON body under construction.
///
/// ```
/// # use creel_sdk::{Context, JsonBody, Media};
/// # fn example(cx: &Context, media: &Media) -> Result<(), creel_sdk::BodyError> {
/// let mut body = JsonBody::new(cx);
/// let image = body.base64(media);
/// let pieces = body.finish(&serde_json::json!({ "images": [image] }))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JsonBody {
    /// Holds the call's entropy, so that nobody outside can write a text that equals a placeholder.
    marker: String,
    spliced: Vec<Spliced>,
}

#[derive(Debug)]
struct Spliced {
    prefix: String,
    media: Media,
}

/// Why a body could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It cannot be written as JSON.
    #[error("the body cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A placeholder is missing, or something else in the body looks like it: nothing is spliced by guess.
    #[error("the placeholder of medium `{uri}` stands {count} times in the body instead of once")]
    Placeholder {
        /// The medium.
        uri: String,
        /// How often its placeholder was found.
        count: usize,
    },
}

impl JsonBody {
    /// An empty body of the call.
    #[must_use]
    pub fn new(cx: &Context) -> Self {
        Self { marker: format!("creel-media-{:016x}", cx.entropy), spliced: Vec::new() }
    }

    /// A placeholder for the medium as base64; put it into the body exactly once, as a string.
    pub fn base64(&mut self, media: &Media) -> String {
        self.splice(String::new(), media)
    }

    /// A placeholder for the medium as a `data:` URL; put it into the body exactly once, as a string.
    pub fn data_url(&mut self, media: &Media) -> String {
        self.splice(format!("data:{};base64,", media.content_type), media)
    }

    /// Writes the body and puts the media where their placeholders stand.
    ///
    /// # Errors
    ///
    /// [`BodyError::Placeholder`] unless each placeholder stands there exactly once; [`BodyError::Json`].
    pub fn finish(self, body: &impl Serialize) -> Result<Vec<BodyPiece>, BodyError> {
        let text = serde_json::to_string(body)?;
        let spliced = self.spliced.into_iter().enumerate().map(|(index, Spliced { prefix, media })| {
            let opening = Value::String(prefix).to_string();
            let before = opening.strip_suffix('"').unwrap_or(&opening).to_owned();
            let placeholder = format!("\"{}\"", placeholder(&self.marker, index));
            Splice { placeholder, before, media, after: "\"" }
        });
        cut(text, spliced.collect())
    }

    fn splice(&mut self, prefix: String, media: &Media) -> String {
        self.spliced.push(Spliced { prefix, media: media.clone() });
        placeholder(&self.marker, self.spliced.len() - 1)
    }
}

impl NativeRequest {
    /// The body in pieces, the media where their placeholders stand. Nothing of it is parsed and nothing else changes.
    ///
    /// # Errors
    ///
    /// [`BodyError::Placeholder`] unless each placeholder stands there exactly once.
    pub fn into_pieces(self) -> Result<Vec<BodyPiece>, BodyError> {
        let splices = self.media.into_iter().map(|PlacedMedia { placeholder, media }| Splice {
            placeholder,
            before: String::new(),
            media,
            after: "",
        });
        cut(self.body_json, splices.collect())
    }

    /// The value of a header of the dialect, where the caller set one; several of one name are one list.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let values: Vec<&str> = values.map(|header| header.value.trim()).filter(|value| !value.is_empty()).collect();
        (!values.is_empty()).then(|| values.join(","))
    }
}

fn placeholder(marker: &str, index: usize) -> String {
    format!("{marker}-{index}")
}

/// What stands in the place of a placeholder.
struct Splice {
    placeholder: String,
    before: String,
    media: Media,
    after: &'static str,
}

/// Cuts a text where its placeholders stand, each of them exactly once.
fn cut(text: String, splices: Vec<Splice>) -> Result<Vec<BodyPiece>, BodyError> {
    if splices.is_empty() {
        return Ok(vec![BodyPiece::Bytes(text.into_bytes())]);
    }
    let found = find(&text, &splices);
    for (index, splice) in splices.iter().enumerate() {
        let count = found.iter().filter(|(_, which)| *which == index).count();
        if count != 1 {
            return Err(BodyError::Placeholder { uri: splice.media.uri.clone(), count });
        }
    }
    let mut splices: Vec<Option<Splice>> = splices.into_iter().map(Some).collect();
    let mut pieces = Vec::with_capacity(2 * splices.len() + 1);
    let mut open = String::new();
    let mut from = 0;
    for (start, which) in found {
        let Some(splice) = splices.get_mut(which).and_then(Option::take) else {
            continue;
        };
        open.push_str(text.get(from..start).unwrap_or_default());
        open.push_str(&splice.before);
        pieces.push(BodyPiece::Bytes(mem::take(&mut open).into_bytes()));
        pieces.push(BodyPiece::MediaBase64(splice.media));
        open.push_str(splice.after);
        from = start + splice.placeholder.len();
    }
    open.push_str(text.get(from..).unwrap_or_default());
    pieces.push(BodyPiece::Bytes(open.into_bytes()));
    Ok(pieces)
}

/// Where the placeholders stand, and which of them, in one pass: a search for what all of them begin with. Of two that
/// stand at one place, as `x-1` and `x-10`, the longer one is meant.
fn find(text: &str, splices: &[Splice]) -> Vec<(usize, usize)> {
    let shared = shared_beginning(splices);
    let mut found = Vec::with_capacity(splices.len());
    let mut free_from = 0;
    for (start, _) in text.match_indices(shared) {
        let rest = text.get(start..).unwrap_or_default();
        let here = splices.iter().enumerate().filter(|(_, splice)| rest.starts_with(&splice.placeholder));
        let longest = here.max_by_key(|(_, splice)| splice.placeholder.len());
        if let (Some((which, splice)), true) = (longest, start >= free_from) {
            found.push((start, which));
            free_from = start + splice.placeholder.len();
        }
    }
    found
}

fn shared_beginning(splices: &[Splice]) -> &str {
    let mut all = splices.iter().map(|splice| splice.placeholder.as_str());
    let first = all.next().unwrap_or_default();
    let length = all.fold(first.len(), |length, other| {
        let alike = first.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
        length.min(alike)
    });
    // Placeholders are ASCII; where they are not, a beginning that ends within a sign is no text.
    first.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bindings::words::creel::plugin::io::Header;

    fn cx() -> Context {
        Context { call: "c".into(), now_ms: 0, entropy: 0xfeed, settings_json: "{}".into() }
    }

    fn media(id: &str) -> Media {
        let uri = format!("media://inbound/{id}");
        Media { uri, content_type: "image/png".into(), size: 3, name: None }
    }

    fn render(pieces: &[BodyPiece]) -> String {
        let text = pieces.iter().map(|piece| match piece {
            BodyPiece::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            BodyPiece::MediaBase64(media) => format!("<{}>", media.uri),
            BodyPiece::MediaRaw(_) => panic!("nothing here is raw"),
        });
        text.collect()
    }

    #[test]
    fn media_stand_where_their_placeholders_stood() {
        let mut body = JsonBody::new(&cx());
        let (first, second) = (body.base64(&media("1")), body.data_url(&media("2")));
        let pieces = body.finish(&json!({ "b": [second, "x"], "c": first })).unwrap();
        let expected = r#"{"b":["data:image/png;base64,<media://inbound/2>","x"],"c":"<media://inbound/1>"}"#;
        assert_eq!(render(&pieces), expected);
        assert_eq!(pieces.len(), 5);
    }

    #[test]
    fn a_body_without_media_is_one_piece() {
        let pieces = JsonBody::new(&cx()).finish(&json!({ "a": 1 })).unwrap();
        assert_eq!(render(&pieces), r#"{"a":1}"#);
        assert_eq!(pieces.len(), 1);
    }

    #[test]
    fn ten_media_are_told_apart() {
        let mut body = JsonBody::new(&cx());
        let all: Vec<_> = (0..12).map(|n| body.base64(&media(&n.to_string()))).collect();
        let expected: Vec<_> = (0..12).map(|n| format!("\"<media://inbound/{n}>\"")).collect();
        assert_eq!(render(&body.finish(&all).unwrap()), format!("[{}]", expected.join(",")));
    }

    #[test]
    fn a_text_that_holds_a_placeholder_is_left_alone() {
        let mut body = JsonBody::new(&cx());
        let image = body.base64(&media("1"));
        let texts = [format!("say {image}"), format!("\"{image}\" quoted"), format!("{image}0")];
        let pieces = body.finish(&json!({ "texts": texts, "image": image })).unwrap();
        let text = render(&pieces);
        assert_eq!(text.matches("<media://inbound/1>").count(), 1, "{text}");
        assert!(text.ends_with(r#"],"image":"<media://inbound/1>"}"#), "{text}");
    }

    #[test]
    fn a_text_that_equals_a_placeholder_is_refused() {
        let mut body = JsonBody::new(&cx());
        let image = body.base64(&media("1"));
        let error = body.finish(&json!([image, image])).unwrap_err();
        let expected = "the placeholder of medium `media://inbound/1` stands 2 times in the body instead of once";
        assert_eq!(error.to_string(), expected);
        let mut body = JsonBody::new(&cx());
        let image = body.base64(&media("1"));
        let error = body.finish(&json!([image, format!("\"{image}")])).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_forgotten_placeholder_is_refused() {
        let mut body = JsonBody::new(&cx());
        body.base64(&media("1"));
        let error = body.finish(&json!({})).unwrap_err();
        let expected = "the placeholder of medium `media://inbound/1` stands 0 times in the body instead of once";
        assert_eq!(error.to_string(), expected);
    }

    /// A caller's body with the media `a`, `b`, … for the placeholders, and what becomes of it.
    fn check_native(body: &str, placeholders: &[&str], expected: Result<&str, (&str, usize)>) {
        let placed = placeholders
            .iter()
            .zip('a'..)
            .map(|(placeholder, id)| PlacedMedia { placeholder: (*placeholder).into(), media: media(&id.to_string()) });
        let native = NativeRequest {
            dialect: "anthropic-messages".into(),
            body_json: body.into(),
            headers: Vec::new(),
            media: placed.collect(),
        };
        let found = match native.into_pieces() {
            Ok(pieces) => Ok(render(&pieces)),
            Err(BodyError::Placeholder { uri, count }) => Err((uri, count)),
            Err(BodyError::Json(error)) => panic!("nothing is written: {error}"),
        };
        let expected = expected.map(str::to_owned).map_err(|(id, count)| (format!("media://inbound/{id}"), count));
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn a_native_body_is_cut_and_left_alone_otherwise() {
        let body = r#"{ "é" : 1.50,"data":"P-1","url":"data:image/png;base64,P-2" }"#;
        let cut = r#"{ "é" : 1.50,"data":"<media://inbound/a>","url":"data:image/png;base64,<media://inbound/b>" }"#;
        check_native(body, &["P-1", "P-2"], Ok(cut));
        let swapped = cut.replace("inbound/a", "c").replace("inbound/b", "inbound/a").replace("//c>", "//inbound/b>");
        check_native(body, &["P-2", "P-1"], Ok(&swapped));
        check_native(body, &[], Ok(body));
        check_native("P-1P-2", &["P-1", "P-2"], Ok("<media://inbound/a><media://inbound/b>"));
        check_native("P-P-1", &["P-1"], Ok("P-<media://inbound/a>"));
        check_native("ox", &["o", "x"], Ok("<media://inbound/a><media://inbound/b>"));
    }

    #[test]
    fn a_longer_placeholder_is_not_taken_for_its_beginning() {
        check_native("P-10 P-1", &["P-1", "P-10"], Ok("<media://inbound/b> <media://inbound/a>"));
        check_native("P-10", &["P-1", "P-10"], Err(("a", 0)));
    }

    #[test]
    fn a_native_body_whose_placeholders_do_not_fit_is_refused() {
        check_native("P-1 P-1", &["P-1"], Err(("a", 2)));
        check_native("P-1 P-2 P-1", &["P-1", "P-2"], Err(("a", 2)));
        check_native("P-1 P-", &["P-1", "P-2"], Err(("b", 0)));
        check_native("", &["P-1"], Err(("a", 0)));
        check_native("ab", &[""], Err(("a", 3)));
    }

    #[test]
    fn headers_of_one_name_are_one_list() {
        let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
        let headers = vec![header("anthropic-beta", "a, b"), header("other", "x"), header("anthropic-beta", " c")];
        let native =
            |headers| NativeRequest { dialect: String::new(), body_json: String::new(), headers, media: vec![] };
        assert_eq!(native(headers).header("Anthropic-Beta").as_deref(), Some("a, b,c"));
        assert_eq!(native(vec![header("anthropic-beta", " ")]).header("anthropic-beta"), None);
    }
}
