//! What tests make: small pictures whose sides can be told apart, EXIF that tells a place, and files that carry it. The
//! files are written by the encoders of others, and only what these cannot write is put together here.

use std::io::Cursor;

use creel_sdk::picture::{Bounds, Wishes};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// 48 degrees, 8 minutes, 31.5 seconds, as the three fractions that EXIF writes (little-endian).
pub(crate) const COORDINATES: [u8; 24] = [48, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0x3B, 1, 0, 0, 10, 0, 0, 0];

/// Wishes for nothing.
pub(crate) fn no_wishes() -> Wishes {
    Wishes {
        bounds: Bounds { content_types: Vec::new(), bytes_max: None, side_max: None, pixels_max: None },
        upright: false,
        remove_location: false,
    }
}

pub(crate) fn without_location() -> Wishes {
    Wishes { remove_location: true, ..no_wishes() }
}

/// A picture with four corners of different colours, in blocks that survive a JPEG: red, green, blue, white.
pub(crate) fn corners(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgb([255, 0, 0]),
        (false, true) => Rgb([0, 255, 0]),
        (true, false) => Rgb([0, 0, 255]),
        (false, false) => Rgb([255, 255, 255]),
    })
}

/// A picture that does not compress well.
pub(crate) fn noise(width: u32, height: u32) -> RgbImage {
    let mut state = 1_u32;
    RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, a, b, c] = state.to_le_bytes();
        Rgb([a, b, c])
    })
}

/// A picture whose left half is clear.
pub(crate) fn half_clear(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, _| if x < width / 2 { Rgba([9, 9, 9, 0]) } else { Rgba([255, 0, 0, 255]) })
}

pub(crate) fn file(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.into().write_to(&mut file, format).expect("an encoder that takes this picture");
    file.into_inner()
}

pub(crate) fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 95).encode_image(image).expect("an encoder that takes this picture");
    file
}

/// The pixels of a file.
pub(crate) fn pixels(file: &[u8]) -> DynamicImage {
    image::load_from_memory(file).expect("a whole picture")
}

/// EXIF with a maker, an orientation, and a place: altitude (in the entry itself), latitude and longitude.
pub(crate) fn exif_with_place(orientation: u8) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    let maker = 8 + 2 + 3 * 12 + 4;
    let gps = maker + 6;
    let latitude = gps + 2 + 3 * 12 + 4;
    bytes.extend([3, 0]);
    bytes.extend(entry(0x010F, 2, 6, maker));
    bytes.extend(entry(0x0112, 3, 1, u32::from(orientation)));
    bytes.extend(entry(0x8825, 4, 1, gps));
    bytes.extend([0; 4]);
    bytes.extend(b"Maker\0");
    bytes.extend([3, 0]);
    bytes.extend(entry(0x0001, 2, 2, u32::from(b'N')));
    bytes.extend(entry(0x0002, 5, 3, latitude));
    bytes.extend(entry(0x0004, 5, 3, latitude + 24));
    bytes.extend([0; 4]);
    bytes.extend(COORDINATES);
    bytes.extend(COORDINATES);
    bytes
}

/// The same without a place.
pub(crate) fn exif_without_place(orientation: u8) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0\x02\0".to_vec();
    bytes.extend(entry(0x010F, 2, 6, 8 + 2 + 2 * 12 + 4));
    bytes.extend(entry(0x0112, 3, 1, u32::from(orientation)));
    bytes.extend([0; 4]);
    bytes.extend(b"Maker\0");
    bytes
}

/// An entry of a directory, little-endian.
pub(crate) fn entry(tag: u16, sort: u16, count: u32, value: u32) -> [u8; 12] {
    let [t0, t1] = tag.to_le_bytes();
    let [s0, s1] = sort.to_le_bytes();
    let [c0, c1, c2, c3] = count.to_le_bytes();
    let [v0, v1, v2, v3] = value.to_le_bytes();
    [t0, t1, s0, s1, c0, c1, c2, c3, v0, v1, v2, v3]
}

/// A JPEG with these segments behind its first marker.
pub(crate) fn with_segments(jpeg: &[u8], segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut file = jpeg[..2].to_vec();
    for (marker, body) in segments {
        file.extend([0xFF, *marker]);
        file.extend(u16::try_from(body.len() + 2).expect("a segment that is not too long").to_be_bytes());
        file.extend(*body);
    }
    file.extend(&jpeg[2..]);
    file
}

pub(crate) fn with_exif(jpeg: &[u8], tiff: &[u8]) -> Vec<u8> {
    with_segments(jpeg, &[(0xE1, &[b"Exif\0\0", tiff].concat())])
}

/// A chunk of PNG.
pub(crate) fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(body);
    let length = u32::try_from(body.len()).expect("a chunk that is not too long");
    [length.to_be_bytes().as_slice(), name, body, &crc.sum().to_be_bytes()].concat()
}

/// A PNG with these chunks behind its header.
pub(crate) fn with_chunks(png: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    let header = 8 + 25;
    [&png[..header], &chunks.concat(), &png[header..]].concat()
}

/// A WebP with these chunks behind its picture, and the flags of `VP8X` that belong to them.
pub(crate) fn with_webp_chunks(webp: &[u8], flags: u8, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let picture = pixels(webp);
    let padded = |name: &[u8; 4], body: &[u8]| {
        let length = u32::try_from(body.len()).expect("a chunk that is not too long");
        let mut chunk = [name.as_slice(), &length.to_le_bytes(), body].concat();
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    };
    let [w0, w1, w2, _] = (picture.width() - 1).to_le_bytes();
    let [h0, h1, h2, _] = (picture.height() - 1).to_le_bytes();
    let mut riff = padded(b"VP8X", &[flags, 0, 0, 0, w0, w1, w2, h0, h1, h2]);
    riff.extend(&webp[12..]);
    for (name, body) in chunks {
        riff.extend(padded(name, body));
    }
    let length = u32::try_from(riff.len() + 4).expect("a file that is not too long");
    [b"RIFF", length.to_le_bytes().as_slice(), b"WEBP", &riff].concat()
}

pub(crate) fn holds(bytes: &[u8], sought: &[u8]) -> bool {
    bytes.windows(sought.len()).any(|window| window == sought)
}
