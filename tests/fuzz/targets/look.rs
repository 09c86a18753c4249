//! Any bytes as a picture to be described: what is said is one line of bounded length, whatever the picture says. What
//! begins with `BITS`, a width and a size is made a PNG of black and white blocks, so that the searches for codes and
//! letters are reached without a checksum in the way.
#![no_main]

use std::io::Cursor;

use creel_plugin_local_vision::look_at_bytes;
use image::{GrayImage, ImageFormat, Luma};
use libfuzzer_sys::fuzz_target;

/// Eight codes and the text are the longest parts of it.
const CHARS_MAX: usize = 8 * 600 + 1_500 + 2_000;

fuzz_target!(|bytes: &[u8]| {
    let words = match bytes {
        [b'B', b'I', b'T', b'S', width, size, bits @ ..] => look_at_bytes(&drawn(*width, *size, bits)),
        bytes => look_at_bytes(bytes),
    };
    assert!(words.starts_with("Picture 1 ") && words.chars().count() <= CHARS_MAX, "{words}");
    assert!(!words.chars().any(char::is_control), "{words:?}");
});

fn drawn(width: u8, size: u8, bits: &[u8]) -> Vec<u8> {
    let (across, size) = (u32::from(width).max(8), 1 + u32::from(size % 4));
    // As high as is needed, within what is quickly looked at.
    let down = (bits.len() * 8).div_ceil(across as usize).clamp(1, 256) as u32;
    let picture = GrayImage::from_fn(across * size, down * size, |x, y| {
        let index = (y / size * across + x / size) as usize;
        let is_dark = bits.get(index / 8).is_some_and(|byte| byte >> (7 - index % 8) & 1 == 1);
        Luma([if is_dark { 0 } else { 255 }])
    });
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).expect("memory takes all");
    file.into_inner()
}
