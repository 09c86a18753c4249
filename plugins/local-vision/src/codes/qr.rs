//! Reads QR codes by a library; here is only what goes in and what comes out.

use image::GrayImage;
use rqrr::PreparedImage;

use super::{Code, Kind};
use crate::limits::QR_ROUGH_PERCENT_MAX;

/// The least side of a picture in which anything is looked for: the smallest code has 21 modules and a margin.
const SIDE_MIN: u32 = 21;

/// Difference of two neighbours from which on it is sharp.
const SHARP_MIN: u8 = 40;

/// The QR codes of a picture, in the order in which they are found, each content once.
pub(super) fn find(picture: GrayImage) -> Vec<Code> {
    if picture.width().min(picture.height()) < SIDE_MIN || is_rough(&picture) {
        return Vec::new();
    }
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels = picture.into_raw();
    let pixel = |x: usize, y: usize| pixels.get(y * width + x).copied().unwrap_or(u8::MAX);
    let dark_on_light = read(width, height, pixel);
    if !dark_on_light.is_empty() {
        return dark_on_light;
    }
    // As in a dark theme.
    read(width, height, |x, y| u8::MAX - pixel(x, y))
}

/// Whether neighbours differ sharply all over the picture, as in noise.
fn is_rough(picture: &GrayImage) -> bool {
    let pixels = picture.as_raw();
    let sharp = pixels.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) > SHARP_MIN).count();
    sharp * 100 > pixels.len() * QR_ROUGH_PERCENT_MAX
}

fn read(width: usize, height: usize, pixel: impl Fn(usize, usize) -> u8) -> Vec<Code> {
    let mut codes: Vec<Code> = Vec::new();
    for grid in PreparedImage::prepare_from_greyscale(width, height, pixel).detect_grids() {
        let mut bytes = Vec::new();
        if grid.decode_to(&mut bytes).is_err() {
            continue;
        }
        // Text is UTF-8 nearly everywhere; by the standard it is Latin-1 unless the code says otherwise.
        let content = String::from_utf8(bytes)
            .unwrap_or_else(|error| error.into_bytes().iter().map(|byte| char::from(*byte)).collect());
        let code = Code { kind: Kind::Qr, content };
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}
