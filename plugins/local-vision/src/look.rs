//! Looks at one picture: opens its file, and learns its format, its size and, where that fits the limits, its colours.
//! Answers in values, not in words; knows nothing of requests or models.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use image::metadata::Orientation;
use image::{
    DynamicImage, GenericImageView, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
};

use crate::colour::{Census, Share};
use crate::limits::{
    COLOURS_MAX, DECODE_BYTES_MAX, PIXELS_MAX, SAMPLES_PER_SIDE, SHARE_PERCENT_MIN,
};

/// What a look at a picture has shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// A picture of a format that is read here.
    Picture(Picture),
    /// Its first bytes are those of a picture in a format that is not read here.
    ForeignFormat(ImageFormat),
    /// Its first bytes are those of no picture.
    NotAPicture,
    /// Its header is broken.
    BrokenHeader(ImageFormat),
    /// There is no such file, or it cannot be read.
    NoFile(io::ErrorKind),
}

/// A picture whose header was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) format: ImageFormat,
    /// As a person sees it, which for a photograph taken sideways is not as it is stored.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) colours: Colours,
}

/// What its pixels have shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    /// They were decoded.
    Seen {
        /// The largest first; empty where everything is transparent.
        main: Vec<Share>,
        clear_percent: u8,
    },
    /// Decoding them would pass the limits, so nobody did.
    TooLarge,
    /// Something in them is broken.
    Broken,
}

/// Looks at the picture stored as `name` in `directory`. The name is one path segment.
pub(crate) fn look(directory: &Path, name: &str) -> Look {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Look::NoFile(io::ErrorKind::InvalidInput);
    }
    match open(&directory.join(name)) {
        Ok((file, bytes)) => look_at(file, bytes),
        Err(error) => Look::NoFile(error.kind()),
    }
}

fn open(path: &Path) -> io::Result<(BufReader<File>, u64)> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    Ok((BufReader::new(file), bytes))
}

/// Looks at a picture of so many bytes.
fn look_at(mut file: BufReader<File>, bytes: u64) -> Look {
    let progressive = match is_progressive_jpeg(&mut file) {
        Ok(progressive) => progressive,
        Err(error) => return Look::NoFile(error.kind()),
    };
    let mut reader = match ImageReader::new(file).with_guessed_format() {
        Ok(reader) => reader,
        Err(error) => return Look::NoFile(error.kind()),
    };
    let Some(format) = reader.format() else {
        return Look::NotAPicture;
    };
    if !format.reading_enabled() {
        return Look::ForeignFormat(format);
    }
    // A JPEG is held whole while it is decoded; one that alone fills the memory is not even opened.
    if format == ImageFormat::Jpeg && bytes > DECODE_BYTES_MAX {
        return Look::BrokenHeader(format);
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = match reader.into_decoder() {
        Ok(decoder) => decoder,
        Err(ImageError::IoError(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
            return Look::NoFile(error.kind());
        }
        Err(_) => return Look::BrokenHeader(format),
    };
    let (width, height) = upright(&mut decoder);
    let cost = Cost {
        format,
        progressive,
        file_bytes: bytes,
    };
    let colours = if cost.fits(&decoder) {
        colours(decoder)
    } else {
        Colours::TooLarge
    };
    Look::Picture(Picture {
        format,
        width,
        height,
        colours,
    })
}

/// What decoding needs beside the pixels that come out.
struct Cost {
    format: ImageFormat,
    progressive: bool,
    file_bytes: u64,
}

impl Cost {
    fn fits(&self, decoder: &impl ImageDecoder) -> bool {
        let (width, height) = decoder.dimensions();
        let pixels = u64::from(width) * u64::from(height);
        let out = decoder.total_bytes();
        let beside = match self.format {
            // The whole file; and two bytes a sample for the coefficients where they come in several scans.
            ImageFormat::Jpeg if self.progressive => {
                self.file_bytes.saturating_add(out.saturating_mul(2))
            }
            ImageFormat::Jpeg => self.file_bytes,
            // A canvas, or planes, of the picture's own size.
            ImageFormat::WebP | ImageFormat::Gif => {
                self.file_bytes.saturating_add(pixels.saturating_mul(4))
            }
            // Line by line.
            _ => 0,
        };
        pixels <= PIXELS_MAX && out.saturating_add(beside) <= DECODE_BYTES_MAX
    }
}

/// Width and height as a person sees them. A broken note on the orientation is no reason to refuse the picture.
fn upright(decoder: &mut impl ImageDecoder) -> (u32, u32) {
    let (width, height) = decoder.dimensions();
    match decoder.orientation().unwrap_or(Orientation::NoTransforms) {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => (width, height),
    }
}

fn colours(decoder: impl ImageDecoder) -> Colours {
    match DynamicImage::from_decoder(decoder) {
        Ok(image) => {
            let census = sample(&image);
            Colours::Seen {
                main: census.main(COLOURS_MAX, SHARE_PERCENT_MIN),
                clear_percent: census.clear_percent(),
            }
        }
        Err(ImageError::Limits(_)) => Colours::TooLarge,
        Err(_) => Colours::Broken,
    }
}

/// Counts the pixels of an even grid, without a second copy of the picture.
fn sample(image: &DynamicImage) -> Census {
    let mut census = Census::default();
    let (width, height) = image.dimensions();
    let across = width.min(SAMPLES_PER_SIDE);
    let down = height.min(SAMPLES_PER_SIDE);
    for row in 0..down {
        for column in 0..across {
            let x = middle_of(column, across, width);
            let y = middle_of(row, down, height);
            census.count(image.get_pixel(x, y).0);
        }
    }
    census
}

/// The middle of part `index` of `parts` equal parts of `length`.
fn middle_of(index: u32, parts: u32, length: u32) -> u32 {
    let middle = (u64::from(index) * 2 + 1) * u64::from(length) / (u64::from(parts) * 2);
    u32::try_from(middle).unwrap_or(u32::MAX)
}

/// Walks the markers of a JPEG up to its frame header, reading their lengths alone, and goes back to the start.
fn is_progressive_jpeg(file: &mut BufReader<File>) -> io::Result<bool> {
    let found = find_progressive_frame(file);
    file.rewind()?;
    match found {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        other => other,
    }
}

fn find_progressive_frame(file: &mut BufReader<File>) -> io::Result<bool> {
    let mut two = [0; 2];
    file.read_exact(&mut two)?;
    if two != [0xFF, 0xD8] {
        return Ok(false);
    }
    loop {
        file.read_exact(&mut two)?;
        match two {
            // A fill byte: the marker may begin at the second.
            [0xFF, 0xFF] => file.seek_relative(-1)?,
            // The frame headers of ITU-T T.81, table B.1: the third of each four codes is progressive.
            [0xFF, 0xC2 | 0xC6 | 0xCA | 0xCE] => return Ok(true),
            // Another frame header, the scan, or the end.
            [0xFF, 0xC0 | 0xC1 | 0xC3 | 0xD9 | 0xDA] => return Ok(false),
            [0xFF, _] => {
                file.read_exact(&mut two)?;
                file.seek_relative((i64::from(u16::from_be_bytes(two)) - 2).max(0))?;
            }
            // Not a marker. What the decoder makes of it is unknown, so the dearer way is assumed.
            _ => return Ok(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};
    use tempfile::TempDir;

    use super::*;
    use crate::colour::Colour;

    const BLUE: Rgb<u8> = Rgb([20, 60, 200]);

    fn stored(bytes: &[u8]) -> (TempDir, Look) {
        let directory = TempDir::new().expect("a temporary directory");
        std::fs::write(directory.path().join("picture"), bytes).expect("a writable directory");
        let look = look(directory.path(), "picture");
        (directory, look)
    }

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = io::Cursor::new(Vec::new());
        image
            .write_to(&mut bytes, format)
            .expect("an encodable picture");
        bytes.into_inner()
    }

    fn check(bytes: &[u8], expect: &Look) {
        let (_directory, look) = stored(bytes);
        assert_eq!(&look, expect);
    }

    fn seen(format: ImageFormat, (width, height): (u32, u32), colour: Colour) -> Look {
        let main = vec![Share {
            colour,
            percent: 100,
        }];
        Look::Picture(Picture {
            format,
            width,
            height,
            colours: Colours::Seen {
                main,
                clear_percent: 0,
            },
        })
    }

    #[test]
    fn every_readable_format_shows_its_size_and_colour() {
        let image = DynamicImage::from(RgbImage::from_pixel(40, 30, BLUE));
        for format in [
            ImageFormat::Png,
            ImageFormat::Jpeg,
            ImageFormat::Gif,
            ImageFormat::WebP,
        ] {
            check(
                &encoded(&image, format),
                &seen(format, (40, 30), Colour::Blue),
            );
        }
    }

    #[test]
    fn the_bytes_decide_and_not_the_name() {
        let directory = TempDir::new().expect("a temporary directory");
        let bytes = encoded(&RgbImage::from_pixel(4, 4, BLUE).into(), ImageFormat::Png);
        std::fs::write(directory.path().join("photo.jpg"), bytes).expect("a writable directory");
        assert_eq!(
            look(directory.path(), "photo.jpg"),
            seen(ImageFormat::Png, (4, 4), Colour::Blue)
        );
    }

    #[test]
    fn the_smallest_and_the_thinnest_pictures_are_seen() {
        for (width, height) in [(1, 1), (1, 3000), (3000, 1), (257, 255)] {
            let image = DynamicImage::from(RgbImage::from_pixel(width, height, BLUE));
            check(
                &encoded(&image, ImageFormat::Png),
                &seen(ImageFormat::Png, (width, height), Colour::Blue),
            );
        }
    }

    #[test]
    fn shares_follow_the_area() {
        let image = RgbImage::from_fn(
            400,
            300,
            |x, _| if x < 300 { Rgb([240, 130, 20]) } else { BLUE },
        );
        let main = vec![
            Share {
                colour: Colour::Orange,
                percent: 75,
            },
            Share {
                colour: Colour::Blue,
                percent: 25,
            },
        ];
        let colours = Colours::Seen {
            main,
            clear_percent: 0,
        };
        let picture = Picture {
            format: ImageFormat::Png,
            width: 400,
            height: 300,
            colours,
        };
        check(
            &encoded(&image.into(), ImageFormat::Png),
            &Look::Picture(picture),
        );
    }

    #[test]
    fn transparency_is_no_colour() {
        let image = RgbaImage::from_fn(64, 64, |_, y| {
            Rgba([200, 0, 0, if y < 32 { 0 } else { 255 }])
        });
        let main = vec![Share {
            colour: Colour::Red,
            percent: 50,
        }];
        let colours = Colours::Seen {
            main,
            clear_percent: 50,
        };
        let picture = Picture {
            format: ImageFormat::Png,
            width: 64,
            height: 64,
            colours,
        };
        check(
            &encoded(&image.into(), ImageFormat::Png),
            &Look::Picture(picture),
        );
    }

    #[test]
    fn a_photograph_taken_sideways_is_measured_upright() {
        // TIFF, little-endian, one entry: tag 0x0112 (orientation), one short, 6 = turn by 90 degrees.
        let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new(&mut bytes);
        encoder.set_exif_metadata(exif).expect("JPEG holds Exif");
        encoder
            .encode_image(&RgbImage::from_pixel(40, 30, BLUE))
            .expect("an encodable picture");
        check(&bytes, &seen(ImageFormat::Jpeg, (30, 40), Colour::Blue));
    }

    #[test]
    fn a_header_that_claims_too_much_is_read_and_nothing_more() {
        let bytes = encoded(&RgbImage::from_pixel(4, 4, BLUE).into(), ImageFormat::Png);
        for (width, height) in [(60_000, 60_000), (8_001, 5_000), (8_000, 4_000)] {
            let picture = Picture {
                format: ImageFormat::Png,
                width,
                height,
                colours: Colours::TooLarge,
            };
            check(
                &with_size(bytes.clone(), width, height),
                &Look::Picture(picture),
            );
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
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        };
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc))
        })
    }

    #[test]
    fn a_photograph_of_twelve_million_pixels_fits_and_a_progressive_one_does_not() {
        let file = 4 * 1024 * 1024;
        let fits = |progressive, pixels: (u32, u32)| {
            let cost = Cost {
                format: ImageFormat::Jpeg,
                progressive,
                file_bytes: file,
            };
            cost.fits(&Claim(pixels))
        };
        assert!(fits(false, (4032, 3024)));
        assert!(!fits(true, (4032, 3024)));
        assert!(fits(true, (2048, 1536)));
        assert!(!fits(false, (6000, 5000)));
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
    fn a_progressive_jpeg_is_told_by_its_frame_header() {
        let progressive = |bytes: &[u8]| {
            let directory = TempDir::new().expect("a temporary directory");
            let path = directory.path().join("picture");
            std::fs::write(&path, bytes).expect("a writable directory");
            let (mut file, _) = open(&path).expect("a readable file");
            let answer = is_progressive_jpeg(&mut file).expect("a readable file");
            assert_eq!(file.stream_position().expect("a position"), 0);
            answer
        };
        assert!(progressive(b"\xFF\xD8\xFF\xE0\x00\x04ab\xFF\xC2\x00\x11"));
        assert!(progressive(b"\xFF\xD8\xFF\xFF\xFF\xC2\x00\x11"));
        assert!(!progressive(
            b"\xFF\xD8\xFF\xE0\x00\x04ab\xFF\xC0\x00\x11\xFF\xC2"
        ));
        assert!(!progressive(b"\xFF\xD8\xFF\xE0\xFF\xFF"));
        assert!(!progressive(b"\x89PNG"));
        assert!(!progressive(b""));
    }

    #[test]
    fn what_is_broken_is_said_to_be_broken() {
        let png = encoded(&RgbImage::from_pixel(64, 64, BLUE).into(), ImageFormat::Png);
        check(&png[..12], &Look::BrokenHeader(ImageFormat::Png));
        let colours = Colours::Broken;
        let picture = Picture {
            format: ImageFormat::Png,
            width: 64,
            height: 64,
            colours,
        };
        check(&png[..60], &Look::Picture(picture));
    }

    #[test]
    fn what_is_no_picture_is_said_to_be_none() {
        check(b"", &Look::NotAPicture);
        check(b"just some words, and no picture", &Look::NotAPicture);
        check(
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            &Look::NotAPicture,
        );
        check(
            b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0",
            &Look::ForeignFormat(ImageFormat::Bmp),
        );
    }

    #[test]
    fn only_a_name_within_the_directory_is_opened() {
        let directory = TempDir::new().expect("a temporary directory");
        for name in [
            "",
            ".",
            "..",
            "../picture",
            "a/b",
            "/etc/hosts",
            "a\\b",
            ".hidden",
            "nul\0",
        ] {
            assert_eq!(
                look(directory.path(), name),
                Look::NoFile(io::ErrorKind::InvalidInput),
                "{name}"
            );
        }
        assert_eq!(
            look(directory.path(), "missing.png"),
            Look::NoFile(io::ErrorKind::NotFound)
        );
    }
}
