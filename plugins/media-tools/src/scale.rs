//! Makes pictures smaller, never larger: whole blocks of pixels first, which needs no memory to speak of, and then the
//! rest by a filter. Alpha weighs the colours, so that what nobody sees does not shine through.

use fast_image_resize::images::Image as Canvas;
use fast_image_resize::{FilterType, MulDiv, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageBuffer};

use crate::fault::Fault;

/// What is left to the filter when blocks have been averaged: at least this much, or its own sharpness would be lost.
const LEFT_TO_FILTER: f64 = 1.5;

/// The largest size of the same shape within these bounds; the same size where it is within them already.
pub(crate) fn size_within((width, height): (u32, u32), side_max: Option<u32>, pixels_max: Option<u64>) -> (u32, u32) {
    let by_side = f64::from(side_max.unwrap_or(u32::MAX)) / f64::from(width.max(height));
    let pixels = f64::from(width) * f64::from(height);
    let by_pixels = (pixels_max.unwrap_or(u64::MAX) as f64 / pixels).sqrt();
    let ratio = by_side.min(by_pixels);
    if ratio >= 1.0 {
        return (width, height);
    }
    let (mut across, mut down) = (times(width, ratio), times(height, ratio));
    if let Some(side_max) = side_max {
        (across, down) = (across.min(side_max), down.min(side_max));
    }
    // A picture that is one pixel high has more of them than its shape would.
    if let Some(pixels_max) = pixels_max {
        let room = |other: u32| u32::try_from(pixels_max / u64::from(other)).unwrap_or(u32::MAX).max(1);
        if across >= down { across = across.min(room(down)) } else { down = down.min(room(across)) }
    }
    (across, down)
}

/// A side by a ratio below 1, rounded, at least one pixel.
pub(crate) fn times(side: u32, ratio: f64) -> u32 {
    ((f64::from(side) * ratio + 1e-6).floor() as u32).clamp(1, side)
}

/// How many pixels of a side are averaged to one before the filter does the rest.
pub(crate) fn shrink_factor(from: (u32, u32), to: (u32, u32)) -> u32 {
    let ratio = (f64::from(from.0) / f64::from(to.0)).min(f64::from(from.1) / f64::from(to.1));
    (ratio / LEFT_TO_FILTER).floor().max(1.0) as u32
}

/// The picture in this size, which is no larger than it is, with eight bits a channel.
pub(crate) fn scale(image: DynamicImage, to: (u32, u32)) -> Result<DynamicImage, Fault> {
    let from = (image.width(), image.height());
    let factor = shrink_factor(from, to);
    let image = if factor > 1 { shrink(&image, factor) } else { eight_bits(image) };
    if (image.width(), image.height()) == to { Ok(image) } else { filter(image, to) }
}

fn eight_bits(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageLuma8(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageRgb8(_)
        | DynamicImage::ImageRgba8(_) => image,
        DynamicImage::ImageLuma16(_) => DynamicImage::ImageLuma8(image.into_luma8()),
        DynamicImage::ImageLumaA16(_) => DynamicImage::ImageLumaA8(image.into_luma_alpha8()),
        image if image.color().has_alpha() => DynamicImage::ImageRgba8(image.into_rgba8()),
        image => DynamicImage::ImageRgb8(image.into_rgb8()),
    }
}

/// Pixels of any depth, to be averaged.
struct Samples<'a, S> {
    samples: &'a [S],
    width: usize,
    channels: usize,
    has_alpha: bool,
    /// The value of white.
    full: u64,
}

fn shrink(image: &DynamicImage, factor: u32) -> DynamicImage {
    let (across, down) = (image.width().div_ceil(factor), image.height().div_ceil(factor));
    let colour = image.color();
    let (channels, has_alpha) = (usize::from(colour.channel_count()), colour.has_alpha());
    let (width, factor) = (image.width() as usize, factor as usize);
    let eight = |samples| Samples { samples, width, channels, has_alpha, full: 0xFF };
    let sixteen = |samples| Samples { samples, width, channels, has_alpha, full: 0xFFFF };
    let pixels = match image {
        DynamicImage::ImageLuma8(image) => averages(&eight(image.as_raw().as_slice()), factor),
        DynamicImage::ImageLumaA8(image) => averages(&eight(image.as_raw()), factor),
        DynamicImage::ImageRgb8(image) => averages(&eight(image.as_raw()), factor),
        DynamicImage::ImageRgba8(image) => averages(&eight(image.as_raw()), factor),
        DynamicImage::ImageLuma16(image) => averages(&sixteen(image.as_raw().as_slice()), factor),
        DynamicImage::ImageLumaA16(image) => averages(&sixteen(image.as_raw()), factor),
        DynamicImage::ImageRgb16(image) => averages(&sixteen(image.as_raw()), factor),
        DynamicImage::ImageRgba16(image) => averages(&sixteen(image.as_raw()), factor),
        // No decoder here gives floating point.
        image => return shrink(&DynamicImage::ImageRgba8(image.to_rgba8()), u32::try_from(factor).unwrap_or(1)),
    };
    of_pixels((across, down), channels, pixels).unwrap_or_else(|| DynamicImage::new_rgb8(across, down))
}

fn averages<S: Copy + Into<u64>>(from: &Samples<'_, S>, factor: usize) -> Vec<u8> {
    let Samples { channels, full, .. } = *from;
    let colours = if from.has_alpha { channels - 1 } else { channels };
    let row = from.width * channels;
    let across = from.width.div_ceil(factor);
    let mut out = Vec::with_capacity(from.samples.len() / (factor * factor) + across * channels);
    let mut sums = vec![[0_u64; 5]; across];
    for rows in from.samples.chunks(row * factor) {
        sums.fill([0; 5]);
        for row in rows.chunks_exact(row) {
            for (block, sum) in row.chunks(factor * channels).zip(&mut sums) {
                for pixel in block.chunks_exact(channels) {
                    let weight = if from.has_alpha { pixel[colours].into() } else { 1 };
                    for (sum, sample) in sum.iter_mut().zip(&pixel[..colours]) {
                        *sum += weight * (*sample).into();
                    }
                    sum[3] += weight;
                    sum[4] += 1;
                }
            }
        }
        for sum in &sums {
            let eight = |sum: u64, weight: u64| {
                let parts = (weight * full).max(1);
                u8::try_from((sum * 255 + parts / 2) / parts).unwrap_or(u8::MAX)
            };
            out.extend(sum[..colours].iter().map(|colour| eight(*colour, sum[3])));
            if from.has_alpha {
                out.push(eight(sum[3], sum[4]));
            }
        }
    }
    out
}

fn filter(image: DynamicImage, to: (u32, u32)) -> Result<DynamicImage, Fault> {
    let failed = |error: &dyn std::fmt::Display| Fault::Encode(error.to_string());
    let channels = usize::from(image.color().channel_count());
    let (sort, has_alpha) = match channels {
        1 => (PixelType::U8, false),
        2 => (PixelType::U8x2, true),
        3 => (PixelType::U8x3, false),
        _ => (PixelType::U8x4, true),
    };
    let from = (image.width(), image.height());
    let mut source = Canvas::from_vec_u8(from.0, from.1, image.into_bytes(), sort).map_err(|error| failed(&error))?;
    if has_alpha {
        MulDiv::new().multiply_alpha_inplace(&mut source).map_err(|error| failed(&error))?;
    }
    let mut target = Canvas::new(to.0, to.1, sort);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).map_err(|error| failed(&error))?;
    if has_alpha {
        MulDiv::new().divide_alpha_inplace(&mut target).map_err(|error| failed(&error))?;
    }
    of_pixels(to, channels, target.into_vec()).ok_or_else(|| failed(&"the pixels are too few"))
}

fn of_pixels((width, height): (u32, u32), channels: usize, pixels: Vec<u8>) -> Option<DynamicImage> {
    match channels {
        1 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        2 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLumaA8),
        3 => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        _ => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    #[test]
    fn a_size_stays_within_its_bounds_and_never_grows() {
        let check = |from, side_max, pixels_max, expect| {
            assert_eq!(size_within(from, side_max, pixels_max), expect, "{from:?} {side_max:?} {pixels_max:?}");
        };
        check((8000, 6000), Some(1568), None, (1568, 1176));
        check((6000, 8000), Some(1568), None, (1176, 1568));
        check((1568, 100), Some(1568), None, (1568, 100));
        check((1569, 100), Some(1568), None, (1568, 99));
        check((10, 10), Some(1568), Some(1000), (10, 10));
        check((4000, 3000), None, Some(3_000_000), (2000, 1500));
        check((4000, 3000), Some(1000), Some(3_000_000), (1000, 750));
        check((10_000, 1), Some(100), None, (100, 1));
        check((10_000, 1), None, Some(100), (100, 1));
        check((1, 10_000), None, Some(1), (1, 1));
        check((3, 3), Some(1), None, (1, 1));
    }

    #[test]
    fn what_nobody_sees_does_not_shine_through() {
        for factor in [2, 8] {
            let picture =
                RgbaImage::from_fn(
                    64,
                    64,
                    |x, _| if x % 2 == 0 { Rgba([255, 0, 0, 0]) } else { Rgba([0, 0, 255, 255]) },
                );
            let small =
                scale(DynamicImage::ImageRgba8(picture), (64 / factor, 64 / factor)).expect("a smaller picture");
            let Rgba([red, _, blue, alpha]) = *small.to_rgba8().get_pixel(4, 4);
            assert!(red < 3 && blue > 250 && (120..=136).contains(&alpha), "{red} {blue} {alpha}");
        }
    }

    #[test]
    fn sixteen_bits_become_eight() {
        for (from, to) in [(9, 9), (9, 7), (64, 7)] {
            let picture =
                DynamicImage::ImageRgb16(ImageBuffer::from_pixel(from, from, image::Rgb([0xFFFF, 0x8080, 0])));
            let small = scale(picture, (to, to)).expect("a smaller picture");
            assert_eq!(small.to_rgb8().get_pixel(3, 3).0, [255, 128, 0], "{from} to {to}");
        }
    }
}
