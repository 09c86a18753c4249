//! A provider that describes pictures by itself: `look` looks at one with `exif`, `pixels`, `codes` and `text`, `sentence`
//! puts it into words, `answer` does so for a request. It has no endpoint, no credential and no network, so a picture shown
//! to it goes nowhere. It tells facts and what it reads; it knows no things, no faces and no places.

mod answer;
mod codes;
mod colour;
mod exif;
mod jpeg;
mod limits;
mod look;
mod pixels;
mod quote;
mod sentence;
mod text;

use std::io::Cursor;
use std::path::Path;

use creel_sdk::provider::{CallError, ChatRequest, Output, Provider};
use creel_sdk::{Context, Io};

/// Where the host puts the media of a call.
const MEDIA: &str = "/media";

/// The provider.
pub struct LocalVision;

impl Provider for LocalVision {
    async fn complete(_: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        answer::answer(Path::new(MEDIA), request, io, out).await
    }
}

/// What is said of the bytes of a picture, for `tests/fuzz`. Of the lines of text as many are read as one step reads.
#[doc(hidden)]
#[must_use]
pub fn look_at_bytes(bytes: &[u8]) -> String {
    let look = look::look_at(Cursor::new(bytes), bytes.len() as u64);
    let lines = match &look {
        look::Look::Picture(picture) => picture.lines.as_slice(),
        look::Look::ForeignFormat(_)
        | look::Look::NotAPicture
        | look::Look::BrokenHeader(_)
        | look::Look::NoFile(_) => &[],
    };
    let first = text::groups(lines).into_iter().next().unwrap_or_default();
    let layers = text::load().filter(|_| !first.is_empty());
    let text: Vec<String> =
        layers.map(|layers| first.iter().filter_map(|line| text::read(&layers, line)).collect()).unwrap_or_default();
    sentence::sentence(1, None, &look, &text)
}

creel_sdk::provider!(LocalVision);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cassettes_replay() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes");
        assert_eq!(creel_sdk::test_kit::cassette::run_provider::<LocalVision>(directory), 3);
    }
}
