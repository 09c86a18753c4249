//! Reads from a picture's Exif when, where and with what it was taken. What the picture's maker wrote there is not to be
//! believed, so every field is checked or cut. Finds no files and no chunks: it is handed the bytes.

mod tiff;

use std::ops::Range;

use crate::limits::FIELD_CHARS_MAX;
use crate::quote;
use tiff::{Directory, Tiff, Values};

/// What the Exif of a picture says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exif {
    /// "2024-05-01 at 12:03:11", perhaps with "(UTC+02:00)".
    pub(crate) taken: Option<String>,
    /// Make and model, without saying the make twice.
    pub(crate) camera: Option<String>,
    /// "focal length 4.2 mm" and the like, in the order in which they are told.
    pub(crate) exposure: Vec<String>,
    /// "48.85837° N, 2.29448° E".
    pub(crate) place: Option<String>,
    /// Its maker says that it is a picture of a screen.
    pub(crate) is_screenshot: bool,
}

const MAKE: u16 = 0x010F;
const MODEL: u16 = 0x0110;
const CHANGED: u16 = 0x0132;
const EXPOSURE_DIRECTORY: u16 = 0x8769;
const PLACE_DIRECTORY: u16 = 0x8825;
const EXPOSURE_TIME: u16 = 0x829A;
const APERTURE: u16 = 0x829D;
const SENSITIVITY: u16 = 0x8827;
const TAKEN: u16 = 0x9003;
const TAKEN_OFFSET: u16 = 0x9011;
const FLASH: u16 = 0x9209;
const FOCAL_LENGTH: u16 = 0x920A;
const COMMENT: u16 = 0x9286;

/// Reads Exif, with or without the prefix that it has in a JPEG. What cannot be read is not there.
pub(crate) fn read(bytes: &[u8]) -> Exif {
    let bytes = bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes);
    let Some(first) = Tiff::parse(bytes).and_then(Tiff::first) else {
        return Exif::default();
    };
    let exposure = first.below(EXPOSURE_DIRECTORY);
    let taken = exposure.and_then(|directory| taken(&directory));
    Exif {
        taken: taken.or_else(|| moment(first.find(CHANGED)?.text()?)),
        camera: camera(&first),
        exposure: exposure.map(|directory| exposure_words(&directory)).unwrap_or_default(),
        place: first.below(PLACE_DIRECTORY).and_then(|directory| place(&directory)),
        is_screenshot: exposure.is_some_and(|directory| says_screenshot(&directory)),
    }
}

/// A text of its maker, made harmless; none where nothing is left of it.
fn field(directory: &Directory, tag: u16) -> Option<String> {
    let text = String::from_utf8_lossy(directory.find(tag)?.text()?).into_owned();
    let text = quote::harmless(&text, FIELD_CHARS_MAX);
    (!text.is_empty()).then_some(text)
}

fn camera(first: &Directory) -> Option<String> {
    match (field(first, MAKE), field(first, MODEL)) {
        (Some(make), Some(model)) if model.to_lowercase().starts_with(&make.to_lowercase()) => Some(model),
        (Some(make), Some(model)) => Some(format!("{make} {model}")),
        (make, model) => model.or(make),
    }
}

fn taken(directory: &Directory) -> Option<String> {
    let moment = moment(directory.find(TAKEN)?.text()?)?;
    let offset = directory.find(TAKEN_OFFSET).and_then(|values| values.text()).filter(|text| is_offset(text));
    Some(match offset.and_then(|text| str::from_utf8(text).ok()) {
        Some(offset) => format!("{moment} (UTC{offset})"),
        None => moment,
    })
}

/// Reads "2024:05:01 12:03:11". Cameras whose clock was never set write zeros or spaces, which are no moment.
fn moment(text: &[u8]) -> Option<String> {
    let text = text.first_chunk::<19>()?;
    let is_shaped = text.iter().zip(b"9999:99:99 99:99:99").all(|(byte, shape)| match shape {
        b'9' => byte.is_ascii_digit(),
        other => byte == other,
    });
    let text = str::from_utf8(text).ok().filter(|_| is_shaped)?;
    let part = |range: Range<usize>| text.get(range).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(u32::MAX);
    let is_date = (1..=9999).contains(&part(0..4)) && (1..=12).contains(&part(5..7)) && (1..=31).contains(&part(8..10));
    let is_time = part(11..13) < 24 && part(14..16) < 60 && part(17..19) < 61;
    (is_date && is_time).then(|| format!("{} at {}", text[..10].replace(':', "-"), &text[11..]))
}

/// Whether this is "+02:00" or "-09:30".
fn is_offset(text: &[u8]) -> bool {
    matches!(text, [b'+' | b'-', a, b, b':', c, d] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()))
}

fn exposure_words(directory: &Directory) -> Vec<String> {
    let fraction = |tag| directory.find(tag).and_then(|values| values.fraction(0)).filter(|(above, _)| *above > 0);
    let focal = fraction(FOCAL_LENGTH).map(|length| format!("focal length {} mm", decimal(length)));
    let time = fraction(EXPOSURE_TIME).map(|(above, below)| match below / above {
        0 | 1 => format!("exposed {} s", decimal((above, below))),
        parts => format!("exposed 1/{parts} s"),
    });
    let aperture = fraction(APERTURE).map(|number| format!("f/{}", decimal(number)));
    let sensitivity = directory.find(SENSITIVITY).and_then(|values| values.whole()).filter(|iso| *iso > 0);
    let flash = directory.find(FLASH).and_then(|values| values.whole()).filter(|flash| flash & 1 == 1);
    let words = [focal, time, aperture, sensitivity.map(|iso| format!("ISO {iso}")), flash.map(|_| "flash".to_owned())];
    words.into_iter().flatten().collect()
}

/// A fraction with one decimal place at most.
fn decimal((above, below): (u32, u32)) -> String {
    let text = format!("{:.1}", f64::from(above) / f64::from(below));
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

fn place(directory: &Directory) -> Option<String> {
    let latitude = coordinate(directory, (1, 2), (b'N', b'S'), 90.0)?;
    let longitude = coordinate(directory, (3, 4), (b'E', b'W'), 180.0)?;
    Some(format!("{latitude}, {longitude}"))
}

/// Degrees with the letter of their side; what lies beyond the pole or says no side is none.
fn coordinate(directory: &Directory, tags: (u16, u16), sides: (u8, u8), degrees_max: f64) -> Option<String> {
    let side = *directory.find(tags.0)?.text()?.first()?;
    let values = directory.find(tags.1)?;
    let part = |index| values.fraction(index).map(|(above, below)| f64::from(above) / f64::from(below));
    let degrees = part(0)? + part(1).unwrap_or(0.0) / 60.0 + part(2).unwrap_or(0.0) / 3600.0;
    let is_known = (side == sides.0 || side == sides.1) && degrees <= degrees_max;
    is_known.then(|| format!("{degrees:.5}° {}", char::from(side)))
}

/// Phones note it in the comment of the user, behind the name of an encoding.
fn says_screenshot(directory: &Directory) -> bool {
    let comment = directory.find(COMMENT).and_then(|values: Values| values.raw()).unwrap_or_default();
    let words = comment.get(8..).unwrap_or_default();
    words.iter().copied().filter(|byte| *byte != 0).take(10).eq(*b"Screenshot")
}

#[cfg(test)]
mod tests;
