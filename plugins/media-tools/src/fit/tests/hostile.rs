//! Files that are cut off, flipped or made to burst: each gets an answer, and none a panic.

use proptest::prelude::*;

use super::*;
use crate::limits::PIXELS_MAX;

/// One file of each kind, small, with notes.
fn files() -> Vec<Vec<u8>> {
    let picture = corners(24, 16);
    let options = heifer::EncodeOptions { quality: 60, max_threads: 1 };
    let metadata = heifer::Metadata { exif: Some(exif_with_place(6)), ..Default::default() };
    let image = heifer::Image::filled(16, 16, 8, [200, 10, 10, 255]);
    vec![
        with_exif(&jpeg(&picture), &exif_with_place(6)),
        with_chunks(&file(picture.clone(), ImageFormat::Png), &[chunk(b"eXIf", &exif_with_place(6))]),
        file(picture.clone(), ImageFormat::Gif),
        with_webp_chunks(&file(picture, ImageFormat::WebP), 0x08, &[(b"EXIF", &exif_with_place(6))]),
        bmp(),
        heifer::encode_with_metadata(&image, &metadata, &options).expect("an encoder of HEIC"),
    ]
}

/// All wishes at once, and those that leave the pixels alone.
fn all_wishes() -> [Wishes; 2] {
    let mut wishes = Wishes { upright: true, ..without_location() };
    wishes.bounds.side_max = Some(10);
    [wishes, without_location()]
}

/// Whatever the answer is, one that says that a place is out has to be right.
fn try_out(file: &[u8]) {
    for wishes in all_wishes() {
        match fit(file, "image/x", &wishes) {
            Ok(Some(made)) => assert!(!holds(&made.bytes, &COORDINATES), "it still tells the place"),
            Ok(None) => {}
            Err(fault) => assert!(!fault.to_string().is_empty()),
        }
    }
}

#[test]
fn a_file_that_is_cut_at_any_byte_gets_an_answer() {
    for file in files() {
        for length in 0..file.len() {
            try_out(&file[..length]);
        }
    }
}

#[test]
fn a_cut_jpeg_or_png_is_said_to_be_cut_off() {
    let jpeg = jpeg(&corners(24, 16));
    let png = file(corners(24, 16), ImageFormat::Png);
    for (file, name) in [(jpeg, "JPEG"), (png, "PNG")] {
        for length in [30, file.len() / 2, file.len() - 1] {
            let expect = (ToolFault::Malformed, format!("the {name} is cut off"));
            assert_eq!(refused(&file[..length], &no_wishes()), expect, "{length}");
        }
    }
}

#[test]
fn a_header_that_claims_too_many_pixels_is_refused_before_anything_is_decoded() {
    let mut png = file(corners(24, 16), ImageFormat::Png);
    let header = chunk(b"IHDR", &[0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 8, 2, 0, 0, 0]);
    png.splice(8..8 + 25, header);
    let expect = format!("65535x65535 pixels are over the pixel input limit of {PIXELS_MAX} for this picture");
    for wishes in [types(&["image/jpeg"]), within(|bounds| bounds.side_max = Some(100))] {
        assert_eq!(refused(&png, &wishes), (ToolFault::TooLarge, expect.clone()));
    }
    // Sixteen bits a channel and alpha take more memory, so the limit is lower.
    let mut png = file(corners(24, 16), ImageFormat::Png);
    let header = chunk(b"IHDR", &[0, 0, 0x1F, 0x40, 0, 0, 0x17, 0x70, 16, 6, 0, 0, 0]);
    png.splice(8..8 + 25, header);
    let (fault, message) = refused(&png, &within(|bounds| bounds.side_max = Some(1568)));
    assert_eq!(fault, ToolFault::TooLarge);
    assert!(message.starts_with("8000x6000 pixels are over the pixel input limit of 2"), "{message}");
}

#[test]
fn data_that_unfold_without_an_end_are_not_unfolded() {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&[0; 1 << 20]).expect("memory takes all");
    }
    let bomb = encoder.finish().expect("memory takes all");
    let header = chunk(b"IHDR", &[0, 0, 0, 16, 0, 0, 0, 16, 8, 2, 0, 0, 0]);
    let parts = [header, chunk(b"IDAT", &bomb), chunk(b"IEND", b"")];
    try_out(&[b"\x89PNG\r\n\x1A\n".as_slice(), &parts.concat()].concat());
    let profile = chunk(b"iCCP", &[b"p\0\0".as_slice(), &bomb].concat());
    let png = with_chunks(&file(corners(24, 16), ImageFormat::Png), &[profile]);
    try_out(&png);
}

#[test]
fn thousands_of_frames_cost_no_more_than_one() {
    let plain = file(corners(24, 16), ImageFormat::Gif);
    let start = 13 + if plain[10] & 0x80 == 0 { 0 } else { 3 << ((plain[10] & 7) + 1) };
    let frames = plain[start..plain.len() - 1].repeat(20_000);
    let gif = [&plain[..start], &frames, b";".as_slice()].concat();
    try_out(&gif);
    assert_eq!(changes(&gif, &no_wishes()), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_file_with_other_bytes_gets_an_answer(
        kind in 0..6_usize,
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = files().swap_remove(kind);
        for (at, byte) in flips {
            let at = at.index(file.len());
            file[at] = byte;
        }
        for wishes in all_wishes() {
            if let Err(fault) = fit(&file, "image/x", &wishes) {
                prop_assert!(!fault.to_string().is_empty());
            }
        }
    }

    #[test]
    fn anything_behind_a_signature_gets_an_answer(
        kind in 0..6_usize,
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut file = files().swap_remove(kind);
        file.truncate(20);
        file.extend(body);
        try_out(&file);
    }
}
