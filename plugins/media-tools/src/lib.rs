//! Tools for pictures: `fit` makes one fulfil its receiver's wishes, `container` and `meta` know what files say beside
//! their pixels, `decode`, `scale` and `encode` are about the pixels. It has no endpoint, no credential and no network.

mod container;
mod decode;
mod door;
mod edit;
mod encode;
mod fault;
mod fit;
mod kind;
mod limits;
mod meta;
mod scale;
#[cfg(test)]
mod testing;

use std::path::Path;

use creel_sdk::picture::{Made, Outcome, PictureTools, ToolError, Wishes};
use creel_sdk::{Context, Media};

use crate::fault::Fault;

/// Where the host puts the media of a call.
const MEDIA: &str = "/media";
/// Where the host takes up what was made.
const OUT: &str = "/out";

/// The tools.
pub struct MediaTools;

impl PictureTools for MediaTools {
    fn fit(_: Context, picture: Media, wishes: Wishes) -> Result<Outcome, ToolError> {
        Ok(fit_between(Path::new(MEDIA), Path::new(OUT), &picture, &wishes)?)
    }
}

fn fit_between(media: &Path, out: &Path, picture: &Media, wishes: &Wishes) -> Result<Outcome, Fault> {
    let bytes = door::read(media, &picture.uri)?;
    let Some(made) = fit::fit(&bytes, &picture.content_type, wishes)? else {
        return Ok(Outcome::Unchanged);
    };
    let name = made.kind.file_name();
    door::write(out, name, &made.bytes)?;
    Ok(Outcome::Made(Made { name: name.to_owned(), changes: made.changes }))
}

/// A picture that was made, as bytes, and what was done to it, in words.
#[doc(hidden)]
pub type MadeBytes = (Vec<u8>, Vec<String>);

/// `fit` on bytes, for `tests/fuzz`: the bytes of what was made and what was done for it; nothing where it is fit already.
///
/// # Errors
///
/// As the tool's `fit`.
#[doc(hidden)]
pub fn fit_bytes(bytes: &[u8], wishes: &Wishes) -> Result<Option<MadeBytes>, ToolError> {
    Ok(fit::fit(bytes, "", wishes)?.map(|made| (made.bytes, made.changes)))
}

creel_sdk::picture_tools!(MediaTools);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
