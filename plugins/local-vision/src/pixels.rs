//! Looks at decoded pixels: which colours there are, how flat they lie, and how light each place is. Nothing is searched
//! for here.

use image::{DynamicImage, GenericImageView, GrayImage, Luma};

use crate::colour::{Census, percent};
use crate::limits::{COLOURS_MAX, GREY_PIXELS_MAX, SAMPLES_PER_SIDE, SHARE_PERCENT_MIN};
use crate::look::Colours;

/// The colours of an even grid of pixels.
pub(crate) fn colours(image: &DynamicImage) -> Colours {
    let mut census = Census::new();
    let (mut alike, mut pairs) = (0, 0);
    let (width, height) = image.dimensions();
    let across = width.min(SAMPLES_PER_SIDE);
    let down = height.min(SAMPLES_PER_SIDE);
    for row in 0..down {
        for column in 0..across {
            let x = middle_of(column, across, width);
            let y = middle_of(row, down, height);
            let pixel = image.get_pixel(x, y);
            census.count(pixel.0);
            for (x, y) in [(x + 1, y), (x, y + 1)] {
                if x < width && y < height {
                    pairs += 1;
                    alike += u32::from(image.get_pixel(x, y) == pixel);
                }
            }
        }
    }
    Colours::Seen {
        main: census.main(COLOURS_MAX, SHARE_PERCENT_MIN),
        clear_percent: census.clear_percent(),
        flat_percent: percent(alike, pairs),
    }
}

/// The middle of part `index` of `parts` equal parts of `length`.
fn middle_of(index: u32, parts: u32, length: u32) -> u32 {
    let middle = (u64::from(index) * 2 + 1) * u64::from(length) / (u64::from(parts) * 2);
    u32::try_from(middle).unwrap_or(u32::MAX)
}

/// A grey copy, as a person sees it on white paper. A larger one than the limit is reduced by a whole factor, each pixel
/// then being the mean of a square.
pub(crate) fn grey(image: &DynamicImage) -> GrayImage {
    let (width, height) = image.dimensions();
    let fits = |factor: &u32| u64::from(width / factor) * u64::from(height / factor) <= GREY_PIXELS_MAX;
    let factor = (1..).find(fits).unwrap_or(1);
    let light = |x: u32, y: u32| match image {
        // The common kinds of pictures, without the long way.
        DynamicImage::ImageLuma8(grey) => grey.get_pixel(x, y).0[0],
        DynamicImage::ImageRgb8(colour) => lightness(colour.get_pixel(x, y).0, u8::MAX),
        other => {
            let [red, green, blue, opacity] = other.get_pixel(x, y).0;
            lightness([red, green, blue], opacity)
        }
    };
    if factor == 1 {
        return GrayImage::from_fn(width, height, |x, y| Luma([light(x, y)]));
    }
    GrayImage::from_fn((width / factor).max(1), (height / factor).max(1), |x, y| {
        let square = (0..factor * factor).map(|index| (x * factor + index % factor, y * factor + index / factor));
        let (sum, count) = square
            .filter(|(x, y)| *x < width && *y < height)
            .fold((0, 0), |(sum, count), (x, y)| (sum + u32::from(light(x, y)), count + 1));
        Luma([u8::try_from(sum / count.max(1)).unwrap_or(u8::MAX)])
    })
}

/// The lightness of a pixel by the weights of ITU-R BT.601; what is transparent shows the white below.
fn lightness([red, green, blue]: [u8; 3], opacity: u8) -> u8 {
    let light = (u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29) >> 8;
    let opacity = u32::from(opacity);
    u8::try_from((light * opacity + 255 * (255 - opacity)) / 255).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    #[test]
    fn what_is_transparent_is_white_paper() {
        let image = RgbaImage::from_fn(2, 1, |x, _| Rgba([0, 0, 0, if x == 0 { 0 } else { 255 }]));
        assert_eq!(grey(&image.into()).into_raw(), [255, 0]);
    }

    #[test]
    fn a_larger_picture_than_the_limit_is_reduced_and_one_at_the_limit_is_not() {
        let black_and_white = |side| RgbImage::from_fn(side, side, |x, _| Rgb([if x % 2 == 0 { 0 } else { 255 }; 3]));
        let at_limit = grey(&black_and_white(3549).into());
        assert_eq!((at_limit.dimensions(), at_limit.get_pixel(1, 0).0), ((3549, 3549), [255]));
        let above = grey(&black_and_white(3550).into());
        assert_eq!((above.dimensions(), above.get_pixel(1, 0).0), ((1775, 1775), [127]));
    }

    #[test]
    fn flat_is_what_has_like_neighbours() {
        let flat = |image: RgbImage| match colours(&image.into()) {
            Colours::Seen { flat_percent, .. } => flat_percent,
            other => panic!("{other:?}"),
        };
        assert_eq!(flat(RgbImage::from_pixel(40, 30, Rgb([1, 2, 3]))), 100);
        assert_eq!(flat(RgbImage::from_fn(40, 30, |x, y| Rgb([x as u8, y as u8, 0]))), 0);
        assert_eq!(flat(RgbImage::from_fn(40, 30, |x, _| Rgb([x as u8, 0, 0]))), 50);
        assert_eq!(flat(RgbImage::from_pixel(1, 1, Rgb([1, 2, 3]))), 0);
    }
}
