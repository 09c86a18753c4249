//! The files that pictures come in: what each says of its picture, and which of its bytes tell a place. Pixels are not
//! decoded here, and every length that a file claims is checked against the bytes that are there.

mod bmp;
mod gif;
mod heif;
pub(crate) mod jpeg;
mod png;
mod webp;

use crate::edit::Edit;
use crate::fault::Fault;
use crate::kind::Kind;
use crate::meta::tiff;

/// What a file says of its picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Survey {
    pub(crate) kind: Kind,
    /// Of the pixels as they are stored.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The camera's note of 1 to 8 on which side is up.
    pub(crate) orientation: u8,
    pub(crate) is_animated: bool,
    pub(crate) coding: Coding,
}

/// What decoding depends on beside the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Nothing that counts.
    Plain,
    /// Coefficients are held while several scans bring them in.
    Held { bytes: u64 },
}

impl Survey {
    fn plain(kind: Kind, (width, height): (u32, u32)) -> Self {
        Self { kind, width, height, orientation: 1, is_animated: false, coding: Coding::Plain }
    }

    /// Width and height as a person sees them.
    pub(crate) fn upright(&self) -> (u32, u32) {
        if self.orientation >= 5 { (self.height, self.width) } else { (self.width, self.height) }
    }
}

/// What taking the places out of a file changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cleaning {
    pub(crate) edits: Vec<Edit>,
    /// A place is among what goes.
    pub(crate) tells_place: bool,
    /// Notes of which nobody knows what they tell are among what goes.
    pub(crate) is_unreadable: bool,
    /// Something behind the picture goes, of which nobody knows what it tells.
    pub(crate) has_more: bool,
}

impl Cleaning {
    /// A change that takes a place out.
    fn place(&mut self, edit: Edit) {
        self.tells_place = true;
        self.edits.push(edit);
    }

    /// A change that takes out notes which cannot be read.
    fn unreadable(&mut self, edit: Edit) {
        self.is_unreadable = true;
        self.edits.push(edit);
    }

    /// Takes out what lies behind the picture, unless it is padding.
    fn cut_behind(&mut self, bytes: &[u8], end: usize) -> bool {
        let is_more = bytes.get(end..).is_some_and(|rest| rest.iter().any(|byte| *byte != 0));
        if is_more {
            self.has_more = true;
            self.edits.push(Edit::remove(end..bytes.len()));
        }
        is_more
    }
}

/// Reads what a file says of its picture.
pub(crate) fn survey(kind: Kind, bytes: &[u8]) -> Result<Survey, Fault> {
    let survey = match kind {
        Kind::Jpeg => jpeg::survey(bytes),
        Kind::Png => png::survey(bytes),
        Kind::Gif => gif::survey(bytes),
        Kind::WebP => webp::survey(bytes),
        Kind::Bmp => bmp::survey(bytes),
        Kind::Tiff => {
            let facts = tiff::facts(bytes).map_err(|error| Fault::broken(kind, error))?;
            let size = facts.width.zip(facts.height).ok_or_else(|| Fault::broken(kind, "it has no size"))?;
            Ok(Survey { orientation: facts.orientation, ..Survey::plain(kind, size) })
        }
        Kind::Heic | Kind::Avif => heif::survey(kind, bytes),
    }?;
    if survey.width == 0 || survey.height == 0 {
        return Err(Fault::broken(kind, "it has no pixels"));
    }
    Ok(survey)
}

/// Finds what tells a place.
pub(crate) fn cleaning(kind: Kind, bytes: &[u8]) -> Result<Cleaning, Fault> {
    match kind {
        Kind::Jpeg => jpeg::cleaning(bytes),
        Kind::Png => png::cleaning(bytes),
        Kind::Gif => gif::cleaning(bytes),
        Kind::WebP => webp::cleaning(bytes),
        Kind::Bmp => Ok(Cleaning::default()),
        Kind::Tiff => {
            let mut cleaning = Cleaning::default();
            let cleaned = tiff::without_place(bytes).map_err(|error| Fault::broken(kind, error))?;
            if let Some(cleaned) = cleaned {
                cleaning.place(Edit::replace(0..bytes.len(), cleaned));
            }
            Ok(cleaning)
        }
        Kind::Heic | Kind::Avif => heif::cleaning(kind, bytes),
    }
}

/// What becomes of a block of EXIF that may tell a place.
enum Exif {
    /// It tells none.
    Kept,
    /// These bytes of the same length take its place.
    Cleaned(Vec<u8>),
    /// It cannot be followed, so nobody knows; the side that is up is all that is kept of it.
    Unreadable { orientation: u8 },
}

fn exif(tiff: &[u8]) -> Exif {
    match tiff::without_place(tiff) {
        Ok(None) => Exif::Kept,
        Ok(Some(cleaned)) => Exif::Cleaned(cleaned),
        Err(tiff::Broken) => Exif::Unreadable { orientation: tiff::orientation(tiff) },
    }
}
