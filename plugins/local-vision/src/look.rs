//! Looks at one picture: opens its file, and learns its format, its size, what its Exif says and, where that fits the
//! limits, what its pixels show. Answers in values, not in words; knows nothing of requests or models.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::codes::{self, Code};
use crate::colour::Share;
use crate::exif::{self, Exif};
use crate::jpeg;
use crate::limits::{DECODE_BYTES_MAX, EXIF_BYTES_MAX, PIXELS_MAX};
use crate::pixels;
use crate::text::{self, Line};

/// What a look at a picture has shown.
#[derive(Debug, PartialEq)]
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
#[derive(Debug, PartialEq)]
pub(crate) struct Picture {
    pub(crate) format: ImageFormat,
    /// As a person sees it, which for a photograph taken sideways is not as it is stored.
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) exif: Exif,
    pub(crate) colours: Colours,
    pub(crate) codes: Vec<Code>,
    /// What may be lines of text. Reading them takes longer than finding them.
    pub(crate) lines: Vec<Line>,
}

/// What its pixels have shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    /// They were decoded.
    Seen {
        /// The largest first; empty where everything is transparent.
        main: Vec<Share>,
        clear_percent: u8,
        /// Neighbours that are exactly alike.
        flat_percent: u8,
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

#[expect(clippy::disallowed_methods, reason = "the sandbox holds a read-only `/media` and nothing else")]
fn open(path: &Path) -> io::Result<(BufReader<File>, u64)> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    Ok((BufReader::new(file), bytes))
}

/// Looks at a picture of so many bytes.
pub(crate) fn look_at(mut file: impl BufRead + Seek, bytes: u64) -> Look {
    let held_bytes_per_pixel = match jpeg::held_bytes_per_pixel(&mut file) {
        Ok(bytes) => bytes,
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
    // A broken note on the orientation is no reason to refuse the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = upright(&decoder, orientation);
    let exif = match decoder.exif_metadata() {
        Ok(Some(bytes)) => exif::read(bytes.get(..EXIF_BYTES_MAX).unwrap_or(&bytes)),
        Ok(None) | Err(_) => Exif::default(),
    };
    let mut picture =
        Picture { format, width, height, exif, colours: Colours::TooLarge, codes: Vec::new(), lines: Vec::new() };
    let cost = Cost { format, held_bytes_per_pixel, file_bytes: bytes };
    if cost.fits(&decoder) {
        look_into(&mut picture, decoder, orientation);
    }
    Look::Picture(picture)
}

/// Looks at the pixels.
fn look_into(picture: &mut Picture, decoder: impl ImageDecoder, orientation: Orientation) {
    let image = match DynamicImage::from_decoder(decoder) {
        Ok(image) => image,
        Err(ImageError::Limits(_)) => return,
        Err(_) => {
            picture.colours = Colours::Broken;
            return;
        }
    };
    picture.colours = pixels::colours(&image);
    let mut grey = DynamicImage::from(pixels::grey(&image));
    // The search needs the room.
    drop(image);
    grey.apply_orientation(orientation);
    let grey = grey.into_luma8();
    picture.codes = codes::find(&grey);
    picture.lines = text::find(&grey);
}

/// What decoding needs beside the pixels that come out.
struct Cost {
    format: ImageFormat,
    held_bytes_per_pixel: u64,
    file_bytes: u64,
}

impl Cost {
    fn fits(&self, decoder: &impl ImageDecoder) -> bool {
        let (width, height) = decoder.dimensions();
        let pixels = u64::from(width) * u64::from(height);
        let out = decoder.total_bytes();
        let beside = match self.format {
            // The whole file; and the coefficients, of whole blocks, where they come in several scans.
            ImageFormat::Jpeg => {
                let padded = (u64::from(width) + 31) * (u64::from(height) + 31);
                self.file_bytes.saturating_add(padded.saturating_mul(self.held_bytes_per_pixel))
            }
            // A canvas, or planes, of the picture's own size.
            ImageFormat::WebP | ImageFormat::Gif => self.file_bytes.saturating_add(pixels.saturating_mul(4)),
            // Line by line.
            _ => 0,
        };
        pixels <= PIXELS_MAX && out.saturating_add(beside) <= DECODE_BYTES_MAX
    }
}

/// Width and height as a person sees them.
fn upright(decoder: &impl ImageDecoder, orientation: Orientation) -> (u32, u32) {
    let (width, height) = decoder.dimensions();
    match orientation {
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            (height, width)
        }
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => (width, height),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
