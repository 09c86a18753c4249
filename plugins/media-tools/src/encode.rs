//! Writes pixels as JPEG, PNG or lossless WebP, with a colour profile and not one other word.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageEncoder, ImageResult, Rgb, RgbImage};

use crate::fault::Fault;
use crate::kind::Kind;
use crate::limits::PNG_PIXELS_MAX;

/// The kinds that are written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Jpeg,
    Png,
    WebP,
}

impl Form {
    pub(crate) const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::WebP];

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Jpeg => Kind::Jpeg,
            Self::Png => Kind::Png,
            Self::WebP => Kind::WebP,
        }
    }
}

/// The file of a picture with eight bits a channel. `quality` counts for JPEG alone, which has no transparency: whoever
/// asks for it has called [`opaque`].
pub(crate) fn encode(image: &DynamicImage, form: Form, quality: u8, profile: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
    let mut file = Vec::new();
    match form {
        Form::Jpeg => write(JpegEncoder::new_with_quality(&mut file, quality), image, profile),
        Form::Png => {
            let pixels = u64::from(image.width()) * u64::from(image.height());
            let effort = if pixels > PNG_PIXELS_MAX { CompressionType::Fast } else { CompressionType::Default };
            write(PngEncoder::new_with_quality(&mut file, effort, FilterType::Adaptive), image, profile)
        }
        Form::WebP => write(WebPEncoder::new_lossless(&mut file), image, profile),
    }
    .map_err(|error| Fault::Encode(error.to_string()))?;
    Ok(file)
}

fn write(mut encoder: impl ImageEncoder, image: &DynamicImage, profile: Option<&[u8]>) -> ImageResult<()> {
    if let Some(profile) = profile {
        // An encoder that takes none says so, and the picture is none the worse.
        if encoder.set_icc_profile(profile.to_vec()).is_err() {
            return image.write_with_encoder(encoder);
        }
    }
    image.write_with_encoder(encoder)
}

/// Whether anything shines through the picture.
pub(crate) fn is_transparent(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageLumaA8(image) => image.pixels().any(|pixel| pixel.0[1] != 0xFF),
        DynamicImage::ImageRgba8(image) => image.pixels().any(|pixel| pixel.0[3] != 0xFF),
        _ => false,
    }
}

/// The picture on white, without transparency.
pub(crate) fn opaque(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return image;
    }
    if !is_transparent(&image) {
        return if image.color().has_color() {
            DynamicImage::ImageRgb8(image.into_rgb8())
        } else {
            DynamicImage::ImageLuma8(image.into_luma8())
        };
    }
    let image = image.into_rgba8();
    let over_white = |colour: u8, alpha: u8| {
        let sum = u32::from(colour) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
        u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
    };
    let picture = RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0;
        Rgb([over_white(red, alpha), over_white(green, alpha), over_white(blue, alpha)])
    });
    DynamicImage::ImageRgb8(picture)
}
