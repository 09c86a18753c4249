//! Bodies with media in them. The plugin writes its JSON with placeholders; the host puts the bytes there while it
//! sends. Nothing here reads a medium.

use serde::Serialize;
use serde_json::Value;

use crate::bindings::words::creel::plugin::io::{BodyPiece, Context};
use crate::bindings::words::creel::plugin::types::Media;

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
        let mut places = Vec::with_capacity(self.spliced.len());
        for (index, spliced) in self.spliced.into_iter().enumerate() {
            let quoted = format!("\"{}\"", placeholder(&self.marker, index));
            let mut found = text.match_indices(&quoted);
            match (found.next(), found.count()) {
                (Some((start, _)), 0) => places.push((start, start + quoted.len(), spliced)),
                (first, more) => {
                    let count = more + usize::from(first.is_some());
                    return Err(BodyError::Placeholder { uri: spliced.media.uri, count });
                }
            }
        }
        places.sort_by_key(|(start, _, _)| *start);
        Ok(cut(&text, places))
    }

    fn splice(&mut self, prefix: String, media: &Media) -> String {
        self.spliced.push(Spliced { prefix, media: media.clone() });
        placeholder(&self.marker, self.spliced.len() - 1)
    }
}

fn placeholder(marker: &str, index: usize) -> String {
    format!("{marker}-{index}")
}

fn cut(text: &str, places: Vec<(usize, usize, Spliced)>) -> Vec<BodyPiece> {
    let mut pieces = Vec::with_capacity(2 * places.len() + 1);
    let mut before = String::new();
    let mut from = 0;
    for (start, end, Spliced { prefix, media }) in places {
        before.push_str(text.get(from..start).unwrap_or_default());
        let opening = Value::String(prefix).to_string();
        before.push_str(opening.strip_suffix('"').unwrap_or(&opening));
        pieces.push(BodyPiece::Bytes(std::mem::take(&mut before).into_bytes()));
        pieces.push(BodyPiece::MediaBase64(media));
        before.push('"');
        from = end;
    }
    before.push_str(text.get(from..).unwrap_or_default());
    pieces.push(BodyPiece::Bytes(before.into_bytes()));
    pieces
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        assert!(text.starts_with(r#"{"image":"<media://inbound/1>","texts":"#), "{text}");
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
}
