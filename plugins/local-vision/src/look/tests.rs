//! Every format and every way for a picture to be broken, seen through files as in a call.

use image::codecs::jpeg::JpegEncoder;
use image::{ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};
use tempfile::TempDir;

use super::*;
use crate::colour::tests::named;

const BLUE: Rgb<u8> = Rgb([20, 60, 200]);

fn stored(bytes: &[u8]) -> (TempDir, Look) {
    let directory = TempDir::new().expect("a temporary directory");
    std::fs::write(directory.path().join("picture"), bytes).expect("a writable directory");
    let look = look(directory.path(), "picture");
    (directory, look)
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("an encodable picture");
    bytes.into_inner()
}

fn check(bytes: &[u8], expect: &Look) {
    let (_directory, look) = stored(bytes);
    assert_eq!(&look, expect);
}

fn seen(format: ImageFormat, (width, height): (u32, u32), colour: &str) -> Look {
    let main = vec![Share { colour: named(colour), percent: 100 }];
    let flat_percent = if width * height == 1 { 0 } else { 100 };
    picture(format, (width, height), Colours::Seen { main, clear_percent: 0, flat_percent })
}

fn picture(format: ImageFormat, (width, height): (u32, u32), colours: Colours) -> Look {
    Look::Picture(Picture {
        format,
        width,
        height,
        exif: Exif::default(),
        colours,
        codes: Vec::new(),
        lines: Vec::new(),
    })
}

#[test]
fn every_readable_format_shows_its_size_and_colour() {
    let image = DynamicImage::from(RgbImage::from_pixel(40, 30, BLUE));
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        check(&encoded(&image, format), &seen(format, (40, 30), "blue"));
    }
}

#[test]
fn the_bytes_decide_and_not_the_name() {
    let directory = TempDir::new().expect("a temporary directory");
    let bytes = encoded(&RgbImage::from_pixel(4, 4, BLUE).into(), ImageFormat::Png);
    std::fs::write(directory.path().join("photo.jpg"), bytes).expect("a writable directory");
    assert_eq!(look(directory.path(), "photo.jpg"), seen(ImageFormat::Png, (4, 4), "blue"));
}

#[test]
fn the_smallest_and_the_thinnest_pictures_are_seen() {
    for (width, height) in [(1, 1), (1, 3000), (3000, 1), (257, 255)] {
        let image = DynamicImage::from(RgbImage::from_pixel(width, height, BLUE));
        check(&encoded(&image, ImageFormat::Png), &seen(ImageFormat::Png, (width, height), "blue"));
    }
}

#[test]
fn shares_follow_the_area() {
    let image = RgbImage::from_fn(400, 300, |x, _| if x < 300 { Rgb([240, 130, 20]) } else { BLUE });
    let share = |name, percent| Share { colour: named(name), percent };
    let main = vec![share("orange", 75), share("blue", 25)];
    let colours = Colours::Seen { main, clear_percent: 0, flat_percent: 100 };
    check(&encoded(&image.into(), ImageFormat::Png), &picture(ImageFormat::Png, (400, 300), colours));
}

#[test]
fn transparency_is_no_colour() {
    let image = RgbaImage::from_fn(64, 64, |_, y| Rgba([200, 0, 0, if y < 32 { 0 } else { 255 }]));
    let main = vec![Share { colour: named("red"), percent: 50 }];
    let colours = Colours::Seen { main, clear_percent: 50, flat_percent: 99 };
    check(&encoded(&image.into(), ImageFormat::Png), &picture(ImageFormat::Png, (64, 64), colours));
}

#[test]
fn a_photograph_taken_sideways_is_measured_upright() {
    // TIFF, little-endian, one entry: tag 0x0112 (orientation), one short, 6 = turn by 90 degrees.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif).expect("JPEG holds Exif");
    encoder.encode_image(&RgbImage::from_pixel(40, 30, BLUE)).expect("an encodable picture");
    check(&bytes, &seen(ImageFormat::Jpeg, (30, 40), "blue"));
}

#[test]
fn a_header_that_claims_too_much_is_read_and_nothing_more() {
    let bytes = encoded(&RgbImage::from_pixel(4, 4, BLUE).into(), ImageFormat::Png);
    for (width, height) in [(60_000, 60_000), (8_001, 5_000)] {
        let expect = picture(ImageFormat::Png, (width, height), Colours::TooLarge);
        check(&with_size(bytes.clone(), width, height), &expect);
    }
}

/// Writes another size into the header of a PNG, with the check sum that goes with it.
fn with_size(mut png: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
    };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[test]
fn photographs_of_phones_fit_and_twice_as_much_does_not() {
    let file = 4 * 1024 * 1024;
    let fits = |held_bytes_per_pixel, pixels: (u32, u32)| {
        let cost = Cost { format: ImageFormat::Jpeg, held_bytes_per_pixel, file_bytes: file };
        cost.fits(&Claim(pixels))
    };
    assert!(fits(0, (4032, 3024)));
    assert!(fits(0, (8000, 5000)));
    assert!(!fits(0, (8001, 5000)));
    // Progressive.
    assert!(fits(6, (4032, 3024)));
    assert!(!fits(6, (8000, 5000)));
}

/// A decoder of nothing but a size.
struct Claim((u32, u32));

impl ImageDecoder for Claim {
    fn dimensions(&self) -> (u32, u32) {
        self.0
    }
    fn color_type(&self) -> image::ColorType {
        image::ColorType::Rgb8
    }
    fn read_image(self, _: &mut [u8]) -> image::ImageResult<()> {
        Ok(())
    }
    fn read_image_boxed(self: Box<Self>, _: &mut [u8]) -> image::ImageResult<()> {
        Ok(())
    }
}

#[test]
fn what_is_broken_is_said_to_be_broken() {
    let png = encoded(&RgbImage::from_pixel(64, 64, BLUE).into(), ImageFormat::Png);
    check(&png[..12], &Look::BrokenHeader(ImageFormat::Png));
    check(&png[..60], &picture(ImageFormat::Png, (64, 64), Colours::Broken));
}

#[test]
fn what_is_no_picture_is_said_to_be_none() {
    check(b"", &Look::NotAPicture);
    check(b"just some words, and no picture", &Look::NotAPicture);
    check(b"<svg xmlns='http://www.w3.org/2000/svg'/>", &Look::NotAPicture);
    check(b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", &Look::ForeignFormat(ImageFormat::Bmp));
}

#[test]
fn only_a_name_within_the_directory_is_opened() {
    let directory = TempDir::new().expect("a temporary directory");
    for name in ["", ".", "..", "../picture", "a/b", "/etc/hosts", "a\\b", ".hidden", "nul\0"] {
        assert_eq!(look(directory.path(), name), Look::NoFile(io::ErrorKind::InvalidInput), "{name}");
    }
    assert_eq!(look(directory.path(), "missing.png"), Look::NoFile(io::ErrorKind::NotFound));
}

/// A photograph with a QR code in it, and Exif.
fn busy() -> Vec<u8> {
    let code = qrcode::QrCode::new(b"https://example.org").expect("a content that fits");
    let (side, dots) = (code.width() as u32, code.to_colors());
    let image = RgbImage::from_fn(side * 4 + 32, side * 4 + 32, |x, y| {
        let (x, y) = ((x / 4).wrapping_sub(4), (y / 4).wrapping_sub(4));
        let is_dark = x < side && y < side && dots[(y * side + x) as usize] == qrcode::Color::Dark;
        if is_dark { Rgb([20, 20, 30]) } else { Rgb([235, 235, 240]) }
    });
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    // One entry: tag 0x0110 (model), the text "X-5".
    encoder
        .set_exif_metadata(b"II*\0\x08\0\0\0\x01\0\x10\x01\x02\0\x04\0\0\0X-5\0\0\0\0\0".to_vec())
        .expect("JPEG holds Exif");
    encoder.encode_image(&image).expect("an encodable picture");
    bytes
}

#[test]
fn codes_and_exif_are_seen_through_the_file() {
    let (_directory, look) = stored(&busy());
    let Look::Picture(picture) = look else {
        panic!("{look:?}");
    };
    assert_eq!(picture.exif.camera.as_deref(), Some("X-5"));
    let contents: Vec<&str> = picture.codes.iter().map(|code| code.content.as_str()).collect();
    assert_eq!(contents, ["https://example.org"]);
}

#[test]
fn a_file_that_is_cut_off_anywhere_or_has_flipped_bytes_is_looked_at_somehow() {
    let jpeg = busy();
    let png = encoded(&RgbImage::from_fn(64, 64, |x, y| Rgb([x as u8 * 4, y as u8 * 4, 9])).into(), ImageFormat::Png);
    for whole in [jpeg, png] {
        for length in (0..whole.len()).step_by(97) {
            stored(&whole[..length]);
        }
        for index in (0..whole.len()).step_by(113) {
            let mut flipped = whole.clone();
            flipped[index] ^= 0xFF;
            stored(&flipped);
        }
    }
}
