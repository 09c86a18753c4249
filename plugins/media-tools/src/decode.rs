//! Makes pixels of a file, after having counted what that takes. Nothing is decoded that does not fit the memory of a
//! call, and a JPEG that is to become smaller is decoded small. Which file is decoded, and why, is `fit`'s.

use std::io::Cursor;

use heifer::heifer_isobmff::HeifFile;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use jpeg_decoder::PixelFormat;
use zune_bmp::BmpDecoder;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

use crate::container::{Coding, Survey};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::limits::{PIXELS_MAX, PROFILE_BYTES_MAX, WORK_BYTES_MAX};
use crate::scale::shrink_factor;

/// Pixels, and the colour profile that they are to be seen with.
pub(crate) struct Decoded {
    pub(crate) image: DynamicImage,
    profile: Option<Vec<u8>>,
}

impl Decoded {
    /// The profile, if it is short and of the colours that these pixels have now.
    pub(crate) fn profile(&self) -> Option<&[u8]> {
        let colours = if self.image.color().has_color() { b"RGB " } else { b"GRAY" };
        let profile = self.profile.as_deref().filter(|profile| profile.len() <= PROFILE_BYTES_MAX)?;
        (profile.get(16..20) == Some(colours)).then_some(profile)
    }
}

/// Decodes a picture that is to have this size in the end. What comes out may be larger than that; it is smaller only
/// where there is no room for more.
///
/// # Errors
///
/// [`Fault::Pixels`] before anything is decoded, where that would take more memory than there is.
pub(crate) fn decode(survey: &Survey, bytes: &[u8], target: (u32, u32)) -> Result<Decoded, Fault> {
    let budget = Budget { survey, file_bytes: bytes.len(), target };
    // What no way of decoding could do is said before a decoder sees the file.
    budget.check(0, 0)?;
    match survey.kind {
        Kind::Jpeg => decode_jpeg(&budget, bytes),
        Kind::Png => decode_usual(&budget, bytes, ImageFormat::Png),
        Kind::Gif => decode_usual(&budget, bytes, ImageFormat::Gif),
        Kind::WebP => decode_usual(&budget, bytes, ImageFormat::WebP),
        Kind::Bmp => decode_bmp(&budget, bytes),
        Kind::Heic => decode_heic(&budget, bytes),
        Kind::Tiff | Kind::Avif => Err(Fault::NoDecoder { kind: survey.kind }),
    }
}

/// What decoding may take.
struct Budget<'a> {
    survey: &'a Survey,
    file_bytes: usize,
    target: (u32, u32),
}

impl Budget<'_> {
    fn pixels(&self) -> u64 {
        u64::from(self.survey.width) * u64::from(self.survey.height)
    }

    /// Checks what is needed at once: `decoding` bytes a pixel until the pixels are there, `after` while they are
    /// scaled, turned and encoded.
    fn check(&self, decoding: u64, after: u64) -> Result<(), Fault> {
        let held = match self.survey.coding {
            Coding::Plain => 0,
            Coding::Held { bytes } => bytes.div_ceil(self.pixels().max(1)),
        };
        self.check_bytes((decoding + held).max(after))
    }

    fn check_bytes(&self, bytes_per_pixel: u64) -> Result<(), Fault> {
        let room = WORK_BYTES_MAX.saturating_sub(self.file_bytes as u64);
        let limit = (room / bytes_per_pixel.max(1)).min(PIXELS_MAX);
        if self.pixels() <= limit {
            return Ok(());
        }
        Err(Fault::Pixels { width: self.survey.width, height: self.survey.height, limit })
    }

    /// Bytes a pixel that pixels of `out` bytes and `channels` take from the moment when they are there.
    fn after(&self, out: u64, channels: u64) -> u64 {
        match shrink_factor((self.survey.width, self.survey.height), self.target) {
            // In eight bits a channel, then scaled or turned or encoded, which may take two copies.
            1 => (out + channels).max(3 * channels),
            factor => out + (2 * channels).div_ceil(u64::from(factor) * u64::from(factor)),
        }
    }

    fn broken(&self, error: impl ToString) -> Fault {
        Fault::broken(self.survey.kind, error)
    }
}

/// Decodes a JPEG at an eighth, a quarter or half of its size, where that is enough; also where there is no room for the
/// whole of it, since half of it is better than nothing.
fn decode_jpeg(budget: &Budget<'_>, bytes: &[u8]) -> Result<Decoded, Fault> {
    let (across, down) = budget.target;
    let is_enough = |factor: &u32| budget.survey.width / factor >= across && budget.survey.height / factor >= down;
    if let Some(factor) = [8, 4, 2].into_iter().find(is_enough)
        && let Some(decoded) = decode_small_jpeg(budget, bytes, factor)?
    {
        return Ok(decoded);
    }
    match decode_usual(budget, bytes, ImageFormat::Jpeg) {
        Err(fault @ Fault::Pixels { .. }) => decode_small_jpeg(budget, bytes, 2)?.ok_or(fault),
        other => other,
    }
}

/// Nothing where the colours are none that are known here.
fn decode_small_jpeg(budget: &Budget<'_>, bytes: &[u8], factor: u32) -> Result<Option<Decoded>, Fault> {
    let (width, height) = (budget.survey.width, budget.survey.height);
    // The planes, the pixels, and both once more while these are scaled.
    let bytes_per_pixel = 12_u64.div_ceil(u64::from(factor * factor));
    budget.check(bytes_per_pixel, bytes_per_pixel)?;
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(usize::try_from(WORK_BYTES_MAX).unwrap_or(usize::MAX));
    let side = |pixels: u32| u16::try_from(pixels.div_ceil(factor)).unwrap_or(u16::MAX);
    match decoder.scale(side(width), side(height)) {
        Ok(_) => {}
        // The other decoder knows more of them.
        Err(jpeg_decoder::Error::Unsupported(_)) => return Ok(None),
        Err(error) => return Err(budget.broken(error)),
    }
    let format = decoder.info().map(|info| info.pixel_format);
    if !matches!(format, Some(PixelFormat::L8 | PixelFormat::RGB24)) {
        return Ok(None);
    }
    let pixels = match decoder.decode() {
        Ok(pixels) => pixels,
        Err(jpeg_decoder::Error::Unsupported(_)) => return Ok(None),
        Err(error) => return Err(budget.broken(error)),
    };
    let Some(info) = decoder.info() else { return Ok(None) };
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    let image = if info.pixel_format == PixelFormat::L8 {
        ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
    } else {
        ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    Ok(image.map(|image| Decoded { image, profile: decoder.icc_profile() }))
}

fn decode_usual(budget: &Budget<'_>, bytes: &[u8], format: ImageFormat) -> Result<Decoded, Fault> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(WORK_BYTES_MAX.saturating_sub(bytes.len() as u64));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| fault_of(budget, error))?;
    if decoder.dimensions() != (budget.survey.width, budget.survey.height) {
        return Err(budget.broken("it tells two sizes"));
    }
    let colour = decoder.color_type();
    let out = u64::from(colour.bytes_per_pixel());
    let beside = match (format, budget.survey.is_animated) {
        // A canvas, or planes, of the picture's own size.
        (ImageFormat::WebP, false) => 4,
        // And one picture of the animation.
        (ImageFormat::WebP, true) | (ImageFormat::Gif, _) => 8,
        // Line by line.
        _ => 0,
    };
    budget.check(out + beside, budget.after(out, u64::from(colour.channel_count())))?;
    let profile = decoder.icc_profile().ok().flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(|error| fault_of(budget, error))?;
    Ok(Decoded { image, profile })
}

fn fault_of(budget: &Budget<'_>, error: ImageError) -> Fault {
    match error {
        ImageError::Limits(_) => Fault::Memory,
        ImageError::Unsupported(error) => Fault::Sort { kind: budget.survey.kind, detail: error.to_string() },
        error => budget.broken(error),
    }
}

fn decode_bmp(budget: &Budget<'_>, bytes: &[u8]) -> Result<Decoded, Fault> {
    budget.check(8, budget.after(4, 4))?;
    let side = usize::try_from(PIXELS_MAX).unwrap_or(usize::MAX);
    let options = DecoderOptions::default().set_max_width(side).set_max_height(side);
    let mut decoder = BmpDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| budget.broken(format!("{error:?}")))?;
    let expect = (budget.survey.width as usize, budget.survey.height as usize);
    if decoder.dimensions() != Some(expect) {
        return Err(budget.broken("it tells two sizes"));
    }
    let pixels = decoder.decode().map_err(|error| budget.broken(format!("{error:?}")))?;
    let (width, height) = (budget.survey.width, budget.survey.height);
    let image = match decoder.colorspace() {
        Some(ColorSpace::RGB) => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        Some(ColorSpace::RGBA) => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
        Some(ColorSpace::Luma) => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        _ => None,
    };
    let image = image.ok_or_else(|| budget.broken("its pixels are not those that it tells of"))?;
    Ok(Decoded { image, profile: None })
}

fn decode_heic(budget: &Budget<'_>, bytes: &[u8]) -> Result<Decoded, Fault> {
    // Four bytes a pixel, and once more while it is turned.
    budget.check(8, budget.after(4, 4))?;
    let options = heifer::Options { max_threads: 1, max_pixels: budget.pixels() };
    let decoded = heifer::decode_rgba8(bytes, &options).map_err(|error| match error {
        heifer::Error::Unsupported(detail) => Fault::Sort { kind: Kind::Heic, detail },
        error => budget.broken(error),
    })?;
    let file = HeifFile::parse(bytes).map_err(|error| budget.broken(error))?;
    let profile = file.icc_profile(file.primary_id).ok().flatten().map(<[u8]>::to_vec);
    let image = ImageBuffer::from_raw(decoded.width, decoded.height, decoded.data).map(DynamicImage::ImageRgba8);
    let image = image.ok_or_else(|| budget.broken("its pixels are not those that it tells of"))?;
    Ok(Decoded { image, profile })
}
