//! Real pictures for tests and demonstrations, made by real encoders, and the description of a picture that a fake
//! model gives. The same call gives the same bytes on every machine. No picture is read from a file here.

use std::fmt;
use std::io::Cursor;

use image::codecs::{gif::GifEncoder, jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use sha2::{Digest, Sha256};

/// Pixels that [`describe`] looks at, at most, to name a colour: enough for any fixture, and quick in a debug build.
const SAMPLES_MAX: u32 = 10_000;

/// What a picture is, as far as a fake model can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// `JPEG`, `PNG`, `GIF` or `WebP`.
    pub format: &'static str,
    /// The media type that belongs to the format.
    pub media_type: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The colour that most of the picture has.
    pub main_colour: &'static str,
    /// Of the encoded bytes, in lower case hex.
    pub sha256: String,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, width, height, main_colour, sha256, .. } = self;
        write!(f, "a {width}x{height} {format}, mainly {main_colour}, sha256 {sha256}")
    }
}

/// Why bytes are no picture that a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPicture {
    /// Neither JPEG nor PNG, GIF or WebP by its first bytes.
    #[error("the bytes are neither JPEG nor PNG, GIF or WebP")]
    UnknownFormat,
    /// It starts like a picture, and cannot be decoded to its end.
    #[error("the picture is damaged")]
    Damaged,
}

/// A 640x480 JPEG: a sunset, mainly orange.
#[must_use]
pub fn jpeg() -> Vec<u8> {
    encode_jpeg(&sunset(640, 480, 0))
}

/// A JPEG of its own for each seed: a sunset with another sun and a pattern that spells the seed.
#[must_use]
pub fn jpeg_of(seed: u64) -> Vec<u8> {
    encode_jpeg(&sunset(320, 240, seed))
}

/// A picture of a few hundred bytes for each seed, unlike all others: every third is a JPEG, the rest are PNG.
#[must_use]
pub fn tiny_of(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let picture = RgbImage::from_fn(8, 8, |_, _| noise(&mut state));
    if seed.is_multiple_of(3) { encode_jpeg(&picture) } else { encode_png(&picture) }
}

/// A 200x100 PNG: a yellow disc on blue.
#[must_use]
pub fn png() -> Vec<u8> {
    let picture = RgbImage::from_fn(200, 100, |x, y| match is_within(x, y, (100, 50), 25) {
        true => Rgb([250, 210, 40]),
        false => Rgb([30, 70, 200]),
    });
    encode_png(&picture)
}

/// A 64x64 GIF, green.
#[must_use]
pub fn gif() -> Vec<u8> {
    let picture = RgbaImage::from_pixel(64, 64, Rgba([40, 160, 60, 255]));
    let mut bytes = Vec::new();
    GifEncoder::new(&mut bytes)
        .encode(picture.as_raw(), 64, 64, ExtendedColorType::Rgba8)
        .expect("a plain picture of small size can be encoded into memory");
    bytes
}

/// A 48x32 WebP, red.
#[must_use]
pub fn webp() -> Vec<u8> {
    let picture = RgbImage::from_pixel(48, 32, Rgb([200, 30, 30]));
    let mut bytes = Vec::new();
    WebPEncoder::new_lossless(&mut bytes)
        .encode(picture.as_raw(), 48, 32, ExtendedColorType::Rgb8)
        .expect("a plain picture of small size can be encoded into memory");
    bytes
}

/// A PNG of noise with at least so many bytes, for limits: noise does not compress.
#[must_use]
pub fn png_of_at_least(bytes: usize) -> Vec<u8> {
    let width = 1000;
    let height = u32::try_from(bytes / 3000 + 1).expect("a fixture of less than 12 TB");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    encode_png(&RgbImage::from_fn(width, height, |_, _| noise(&mut state)))
}

fn noise(state: &mut u64) -> Rgb<u8> {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let [a, b, c, ..] = state.to_be_bytes();
    Rgb([a, b, c])
}

/// A PNG of one colour with the given size in pixels; large ones are small in bytes.
#[must_use]
pub fn png_sized(width: u32, height: u32) -> Vec<u8> {
    encode_png(&RgbImage::from_pixel(width, height, Rgb([30, 70, 200])))
}

/// Decodes a picture and says what it is.
///
/// # Errors
///
/// [`NotAPicture`] when it is none, or not to its end.
pub fn describe(bytes: &[u8]) -> Result<Description, NotAPicture> {
    let (format, name, media_type) = sniff(bytes).ok_or(NotAPicture::UnknownFormat)?;
    let picture = image::load_from_memory_with_format(bytes, format).map_err(|_| NotAPicture::Damaged)?;
    let picture = picture.to_rgb8();
    let (width, height) = picture.dimensions();
    let sha256 = sha256_hex(bytes);
    Ok(Description { format: name, media_type, width, height, main_colour: main_colour(&picture), sha256 })
}

/// The SHA-256 of bytes in lower case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The media type of a picture by its first bytes, where it is one that models take.
#[must_use]
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    sniff(bytes).map(|(_, _, media_type)| media_type)
}

fn sniff(bytes: &[u8]) -> Option<(ImageFormat, &'static str, &'static str)> {
    match image::guess_format(bytes).ok()? {
        ImageFormat::Jpeg => Some((ImageFormat::Jpeg, "JPEG", "image/jpeg")),
        ImageFormat::Png => Some((ImageFormat::Png, "PNG", "image/png")),
        ImageFormat::Gif => Some((ImageFormat::Gif, "GIF", "image/gif")),
        ImageFormat::WebP => Some((ImageFormat::WebP, "WebP", "image/webp")),
        _ => None,
    }
}

/// A sky from deep orange to yellow, a sun, and dark ground; the seed moves the sun and draws a row of squares.
fn sunset(width: u32, height: u32, seed: u64) -> RgbImage {
    let horizon = height * 4 / 5;
    let offset = u32::try_from(seed % 16).expect("a remainder below 16 is a u32");
    let sun = (width / 2 + offset * width / 40, horizon - height / 8);
    let square = width / 64;
    RgbImage::from_fn(width, height, |x, y| {
        if y >= horizon {
            let bit = x / square.max(1);
            let is_set = bit < 64 && (seed >> bit) & 1 == 1;
            return if is_set && y < horizon + square { Rgb([230, 230, 230]) } else { Rgb([40, 28, 36]) };
        }
        if is_within(x, y, sun, height / 10) {
            return Rgb([255, 236, 150]);
        }
        let green = 90 + y * 80 / horizon;
        let blue = 20 + y * 30 / horizon;
        Rgb([245, u8::try_from(green).unwrap_or(170), u8::try_from(blue).unwrap_or(50)])
    })
}

fn is_within(x: u32, y: u32, centre: (u32, u32), radius: u32) -> bool {
    let (dx, dy) = (x.abs_diff(centre.0), y.abs_diff(centre.1));
    dx * dx + dy * dy <= radius * radius
}

fn encode_jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 85)
        .encode_image(picture)
        .expect("a plain picture of small size can be encoded into memory");
    bytes
}

fn encode_png(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let (width, height) = picture.dimensions();
    PngEncoder::new(&mut bytes)
        .write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8)
        .expect("a plain picture of small size can be encoded into memory");
    bytes.into_inner()
}

fn main_colour(picture: &RgbImage) -> &'static str {
    let step = (picture.width() * picture.height() / SAMPLES_MAX).max(1) as usize;
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    for pixel in picture.pixels().step_by(step) {
        let name = colour_name(*pixel);
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or("nothing", |(name, _)| name)
}

/// Names a colour by hue, or by brightness where it has next to no hue.
fn colour_name(Rgb([red, green, blue]): Rgb<u8>) -> &'static str {
    let [red, green, blue] = [red, green, blue].map(i32::from);
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let spread = most - least;
    if most < 50 {
        return "black";
    }
    if spread * 5 < most {
        return if most > 200 { "white" } else { "grey" };
    }
    let hue = match most {
        _ if most == red => (60 * (green - blue) / spread).rem_euclid(360),
        _ if most == green => 120 + 60 * (blue - red) / spread,
        _ => 240 + 60 * (red - green) / spread,
    };
    match hue {
        15..=44 => "orange",
        45..=69 => "yellow",
        70..=164 => "green",
        165..=194 => "cyan",
        195..=259 => "blue",
        260..=294 => "purple",
        295..=344 => "pink",
        _ => "red",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expect: &str) {
        let text = describe(bytes).unwrap().to_string();
        assert_eq!(text.split(", sha256 ").next(), Some(expect));
    }

    #[test]
    fn fixtures_are_what_they_say() {
        check(&jpeg(), "a 640x480 JPEG, mainly orange");
        check(&png(), "a 200x100 PNG, mainly blue");
        check(&gif(), "a 64x64 GIF, mainly green");
        check(&webp(), "a 48x32 WebP, mainly red");
        check(&png_sized(9000, 10), "a 9000x10 PNG, mainly blue");
        assert!(png_of_at_least(100_000).len() >= 100_000);
    }

    #[test]
    fn the_same_call_gives_the_same_bytes() {
        assert_eq!(jpeg(), jpeg());
        assert_eq!(jpeg_of(7), jpeg_of(7));
        let mut sums: Vec<_> = (0..40).map(|seed| sha256_hex(&jpeg_of(seed))).collect();
        sums.sort();
        sums.dedup();
        assert_eq!(sums.len(), 40);
        let mut sums: Vec<_> = (0..3_200).map(|seed| sha256_hex(&tiny_of(seed))).collect();
        sums.sort();
        sums.dedup();
        assert_eq!(sums.len(), 3_200);
    }

    #[test]
    fn what_is_no_picture_is_told_apart() {
        assert_eq!(describe(b"%PDF-1.7").unwrap_err(), NotAPicture::UnknownFormat);
        assert_eq!(describe(&png()[..100]).unwrap_err(), NotAPicture::Damaged);
        assert_eq!(describe(b"").unwrap_err(), NotAPicture::UnknownFormat);
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
