//! Pictures as cameras and old programs write them: what a JPEG says of itself beside its pixels, and a BMP. They are
//! written by hand, byte for byte, so that no library has to agree with ours about them.

/// Where the photographs of these tests were taken, as the numerators of degrees, minutes and seconds;
/// the last is a number that stands nowhere else.
pub const LATITUDE: [u32; 3] = [52, 31, 0x4C41_5421];
/// The same for the longitude.
pub const LONGITUDE: [u32; 3] = [13, 24, 0x4C4F_4E21];
/// The camera.
pub const MODEL: &str = "Pinhole 3";

/// The entry that leads from the first directory to that of the place.
const GPS: u16 = 0x8825;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;

/// What a camera notes beside the pixels: EXIF with its model, which way it was held (1 to 8) and, where it tells it,
/// the place.
#[must_use]
pub fn exif(orientation: u16, tells_place: bool) -> Vec<u8> {
    let count: u16 = if tells_place { 3 } else { 2 };
    // The directory begins at 8; its values and the next directory stand behind it.
    let values = 8 + 2 + u32::from(count) * 12 + 4;
    let model = [MODEL.as_bytes(), b"\0"].concat();
    let place = values + u32::try_from(model.len()).expect("a short name");
    let mut bytes = b"MM\0*\0\0\0\x08".to_vec();
    bytes.extend(count.to_be_bytes());
    bytes.extend(entry(0x0110, ASCII, u32::try_from(model.len()).expect("a short name"), values));
    bytes.extend(entry(0x0112, SHORT, 1, u32::from(orientation) << 16));
    if tells_place {
        bytes.extend(entry(GPS, LONG, 1, place));
    }
    bytes.extend([0; 4]);
    bytes.extend(model);
    if tells_place {
        bytes.extend(gps(place));
    }
    bytes
}

fn gps(at: u32) -> Vec<u8> {
    let values = at + 2 + 4 * 12 + 4;
    let mut bytes = 4_u16.to_be_bytes().to_vec();
    bytes.extend(entry(1, ASCII, 2, u32::from_be_bytes(*b"N\0\0\0")));
    bytes.extend(entry(2, RATIONAL, 3, values));
    bytes.extend(entry(3, ASCII, 2, u32::from_be_bytes(*b"E\0\0\0")));
    bytes.extend(entry(4, RATIONAL, 3, values + 24));
    bytes.extend([0; 4]);
    for numerators in [LATITUDE, LONGITUDE] {
        for (numerator, denominator) in numerators.into_iter().zip([1_u32, 1, 0x0200_0000]) {
            bytes.extend([numerator.to_be_bytes(), denominator.to_be_bytes()].concat());
        }
    }
    bytes
}

fn entry(tag: u16, kind: u16, count: u32, value: u32) -> Vec<u8> {
    [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
}

/// The JPEG with this EXIF right behind its first marker.
///
/// # Panics
///
/// When it is no JPEG, or the EXIF does not fit into a segment: that is a mistake in the test.
#[must_use]
pub fn with_exif(jpeg: &[u8], exif: &[u8]) -> Vec<u8> {
    let pixels = jpeg.strip_prefix(b"\xFF\xD8").expect("a test gives a JPEG");
    let length = u16::try_from(exif.len() + 8).expect("a test gives little EXIF");
    [b"\xFF\xD8\xFF\xE1".as_slice(), &length.to_be_bytes(), b"Exif\0\0", exif, pixels].concat()
}

/// Whether bytes tell the place of [`exif`]: by its values, or by the entry that leads to them.
#[must_use]
pub fn tells_place(bytes: &[u8]) -> bool {
    let marks = [
        LATITUDE[2].to_be_bytes().to_vec(),
        LONGITUDE[2].to_be_bytes().to_vec(),
        [&GPS.to_be_bytes()[..], &LONG.to_be_bytes()].concat(),
    ];
    marks.iter().any(|mark| memchr::memmem::find(bytes, mark).is_some())
}

/// A BMP of 24 bits a pixel and of one colour, red.
#[must_use]
pub fn bmp(width: u32, height: u32) -> Vec<u8> {
    let row = (width * 3).next_multiple_of(4);
    let pixels = row * height;
    let mut bytes = b"BM".to_vec();
    for number in [54 + pixels, 0, 54, 40, width, height] {
        bytes.extend(number.to_le_bytes());
    }
    // One plane, 24 bits, not compressed.
    bytes.extend([1, 0, 24, 0, 0, 0, 0, 0]);
    for number in [pixels, 2835, 2835, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    for _ in 0..height {
        let start = bytes.len();
        bytes.extend([30, 30, 200].repeat(width as usize));
        bytes.resize(start + row as usize, 0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::{describe, jpeg_of};

    #[test]
    fn a_photograph_is_still_a_picture_and_tells_its_place() {
        let plain = jpeg_of(1);
        assert!(!tells_place(&plain) && !tells_place(&with_exif(&plain, &exif(6, false))));
        let photograph = with_exif(&plain, &exif(1, true));
        assert!(tells_place(&photograph) && photograph.ends_with(&plain[2..]));
        assert_eq!(describe(&photograph).unwrap().width, 320);
    }

    #[test]
    fn a_bmp_is_as_long_as_it_says() {
        let picture = bmp(3, 2);
        assert_eq!((picture.len(), &picture[2..6]), (54 + 12 * 2, 78_u32.to_le_bytes().as_slice()));
    }
}
