//! Finds QR codes and bar codes in a grey picture and reads what they hold. First in a small copy, and in more detail
//! only where nothing was found. What a code holds is data of strangers: it is handed on as text, and obeyed by nobody.

mod bars;
mod code128;
mod code39;
mod ean;
mod interleaved;
mod line;
mod qr;

use image::GrayImage;
use image::imageops::thumbnail;

use crate::limits::{CODES_MAX, QR_SIDES_MAX};

/// The kinds of codes that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Qr,
    Ean13,
    Ean8,
    UpcA,
    Code128,
    Code39,
    Interleaved,
}

impl Kind {
    /// The name with its article.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Qr => "a QR code",
            Self::Ean13 => "an EAN-13 bar code",
            Self::Ean8 => "an EAN-8 bar code",
            Self::UpcA => "a UPC-A bar code",
            Self::Code128 => "a Code 128 bar code",
            Self::Code39 => "a Code 39 bar code",
            Self::Interleaved => "an ITF bar code",
        }
    }
}

/// A code that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) kind: Kind,
    /// Exactly what it holds.
    pub(crate) content: String,
}

/// The codes of a picture, each content once, at most [`CODES_MAX`].
pub(crate) fn find(picture: &GrayImage) -> Vec<Code> {
    let mut codes = Vec::new();
    for side_max in QR_SIDES_MAX {
        let found = match smaller(picture, side_max) {
            Some(small) => qr::find(small),
            None => qr::find(picture.clone()),
        };
        codes.extend(found);
        if !codes.is_empty() || picture.width().max(picture.height()) <= side_max {
            break;
        }
    }
    codes.extend(bars::find(picture));
    codes.truncate(CODES_MAX);
    codes
}

/// A copy whose longer side has at most so many pixels; none where the picture is no larger than that.
fn smaller(picture: &GrayImage, side_max: u32) -> Option<GrayImage> {
    let (width, height) = picture.dimensions();
    let longer = width.max(height);
    if longer <= side_max {
        return None;
    }
    let scaled = |side: u32| {
        let side = u64::from(side) * u64::from(side_max) / u64::from(longer);
        u32::try_from(side).unwrap_or(side_max).max(1)
    };
    Some(thumbnail(picture, scaled(width), scaled(height)))
}

#[cfg(test)]
mod tests;
