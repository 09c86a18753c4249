//! Any bytes as a picture, with any wishes (its last five bytes): what is made fulfils them, or there is a reason.
#![no_main]

use std::io::Cursor;

use creel_plugin_media_tools::fit_bytes;
use creel_sdk::picture::{Bounds, Wishes};
use exif::{Reader, Tag};
use image::{ImageDecoder as _, ImageReader, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((bytes, trailer)) = input.split_last_chunk::<5>() else { return };
    let wishes = wishes_of(trailer);
    let (made, changes) = match fit_bytes(bytes, &wishes) {
        Ok(Some(made)) => made,
        Ok(None) => return check(bytes, &wishes, false),
        Err(error) => return assert!(!error.message.is_empty()),
    };
    assert!(!changes.is_empty() && !made.is_empty());
    let of_pixels = ["converted", "compressed", "scaled", "turned", "reduced"];
    let is_remade = changes.iter().any(|change| of_pixels.iter().any(|word| change.starts_with(word)));
    check(&made, &wishes, is_remade);
    // What fulfils its wishes is let alone.
    let again = fit_bytes(&made, &wishes).expect("what was made can be read");
    assert_eq!(again.map(|(_, changes)| changes), None, "after {changes:?}");
});

fn wishes_of([flags, side, pixels, bytes, types]: &[u8; 5]) -> Wishes {
    let some = |value: u64| (value > 0).then_some(value);
    let all = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/*"];
    let chosen = all.iter().enumerate().filter(|(bit, _)| types >> bit & 1 == 1);
    Wishes {
        bounds: Bounds {
            content_types: chosen.map(|(_, text)| (*text).to_owned()).collect(),
            bytes_max: some(u64::from(*bytes) * 128),
            side_max: some(u64::from(*side) * 4).and_then(|side| u32::try_from(side).ok()),
            pixels_max: some(u64::from(*pixels) * u64::from(*pixels) * 4),
        },
        upright: flags & 1 == 1,
        remove_location: flags & 2 == 2,
    }
}

/// Looks at a picture by the libraries of others.
fn check(bytes: &[u8], wishes: &Wishes, is_remade: bool) {
    let bounds = &wishes.bounds;
    assert!(bounds.bytes_max.is_none_or(|most| bytes.len() as u64 <= most));
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().expect("bytes can be read");
    if let Some(format) = reader.format()
        && !bounds.content_types.is_empty()
    {
        let is_named = |text: &String| text == format.to_mime_type() || text == "image/*";
        assert!(bounds.content_types.iter().any(is_named), "{format:?}");
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(64 << 20);
    reader.limits(limits);
    let mut decoder = match reader.into_decoder() {
        Ok(decoder) => decoder,
        Err(error) => return assert!(!is_remade, "{error}"),
    };
    let (width, height) = decoder.dimensions();
    assert!(bounds.side_max.is_none_or(|most| width.max(height) <= most), "{width}x{height}");
    assert!(bounds.pixels_max.is_none_or(|most| u64::from(width) * u64::from(height) <= most), "{width}x{height}");
    if wishes.remove_location
        && let Ok(Some(exif)) = decoder.exif_metadata()
        && let Ok(exif) = Reader::new().read_raw(exif)
    {
        let place = exif.fields().find(|field| [Tag::GPSLatitude, Tag::GPSLongitude].contains(&field.tag));
        assert!(place.is_none(), "{place:?}");
    }
    if is_remade {
        image::DynamicImage::from_decoder(decoder).expect("what was made can be decoded");
    }
}
