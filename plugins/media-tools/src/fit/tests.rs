//! Wishes fulfilled through the one function that fulfils them: by nothing, by fewer words, by other pixels.

mod hostile;
mod location;

use creel_sdk::picture::{ToolError, ToolFault};
use image::{GenericImageView, GrayImage, ImageFormat, Rgba};

use super::*;
use crate::testing::*;

/// What was made, which has to be something.
fn made(file: &[u8], wishes: &Wishes) -> Made {
    fit(file, "image/x", wishes).expect("wishes that can be fulfilled").expect("something to do")
}

fn changes(file: &[u8], wishes: &Wishes) -> Option<Vec<String>> {
    fit(file, "image/x", wishes).expect("wishes that can be fulfilled").map(|made| made.changes)
}

fn refused(file: &[u8], wishes: &Wishes) -> (ToolFault, String) {
    let error: ToolError = fit(file, "image/x", wishes).expect_err("wishes that cannot be fulfilled").into();
    (error.fault, error.message)
}

fn within(bounds: impl FnOnce(&mut Bounds)) -> Wishes {
    let mut wishes = no_wishes();
    bounds(&mut wishes.bounds);
    wishes
}

fn types(types: &[&str]) -> Wishes {
    within(|bounds| bounds.content_types = types.iter().map(|text| (*text).to_owned()).collect())
}

/// Whether two colours are the same but for what a JPEG does to them.
fn is_like(pixel: Rgba<u8>, expect: [u8; 3]) -> bool {
    pixel.0.iter().zip(expect).all(|(one, other)| one.abs_diff(other) < 40)
}

#[test]
fn what_fulfils_the_wishes_is_left_as_it_is() {
    let picture = corners(32, 16);
    let wishes = Wishes {
        upright: true,
        remove_location: true,
        ..within(|bounds| {
            bounds.side_max = Some(32);
            bounds.pixels_max = Some(512);
            bounds.content_types = ["image/png", "image/*"].map(str::to_owned).to_vec();
        })
    };
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
        let file = file(picture.clone(), format);
        assert_eq!(changes(&file, &wishes), None, "{format:?}");
        let exact = within(|bounds| bounds.bytes_max = Some(file.len() as u64));
        assert_eq!(changes(&file, &exact), None, "{format:?}");
    }
    let turned = with_exif(&jpeg(&picture), &exif_without_place(6));
    assert_eq!(changes(&turned, &without_location()), None);
    let upright = with_exif(&jpeg(&picture), &exif_without_place(1));
    assert_eq!(changes(&upright, &wishes), None);
}

#[test]
fn each_of_the_eight_orientations_is_turned_upright() {
    let upright = corners(48, 32);
    let [red, green, blue, white] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]];
    // The corners as they are seen: upper left, upper right, lower left, lower right.
    let seen = [
        [red, green, blue, white],
        [green, red, white, blue],
        [white, blue, green, red],
        [blue, white, red, green],
        [red, blue, green, white],
        [blue, red, white, green],
        [white, green, blue, red],
        [green, white, red, blue],
    ];
    for (number, expect) in (1..=8).zip(seen) {
        let file = with_exif(&jpeg(&upright), &exif_without_place(number));
        let wishes = Wishes { upright: true, ..no_wishes() };
        if number == 1 {
            assert_eq!(changes(&file, &wishes), None);
            continue;
        }
        let made = made(&file, &wishes);
        assert_eq!(made.changes, ["turned upright", "compressed at quality 90"]);
        assert_eq!(container::survey(Kind::Jpeg, &made.bytes).map(|survey| survey.orientation), Ok(1));
        assert!(!holds(&made.bytes, b"Exif"));
        let picture = pixels(&made.bytes);
        let (width, height) = if number >= 5 { (32, 48) } else { (48, 32) };
        assert_eq!(picture.dimensions(), (width, height), "{number}");
        let corners = [(4, 4), (width - 5, 4), (4, height - 5), (width - 5, height - 5)];
        for ((x, y), expect) in corners.into_iter().zip(expect) {
            assert!(is_like(picture.get_pixel(x, y), expect), "{number} at {x},{y}: {:?}", picture.get_pixel(x, y));
        }
    }
}

#[test]
fn a_picture_that_is_made_anew_is_always_made_upright() {
    let file = with_exif(&jpeg(&corners(480, 320)), &exif_with_place(6));
    let made = made(&file, &Wishes { remove_location: true, ..within(|bounds| bounds.side_max = Some(100)) });
    let expect = ["turned upright", "scaled from 320x480 to 66x100", "compressed at quality 90", "location removed"];
    assert_eq!(made.changes, expect);
    assert_eq!(pixels(&made.bytes).dimensions(), (66, 100));
    assert!(is_like(pixels(&made.bytes).get_pixel(5, 5), [0, 0, 255]));
}

#[test]
fn pictures_of_every_kind_are_scaled_within_their_bounds() {
    let picture = corners(400, 200);
    for (format, kind) in [
        (ImageFormat::Jpeg, Kind::Jpeg),
        (ImageFormat::Png, Kind::Png),
        (ImageFormat::Gif, Kind::Png),
        (ImageFormat::WebP, Kind::Jpeg),
    ] {
        for side in [399, 200, 150, 60, 33] {
            let made = made(&file(picture.clone(), format), &within(|bounds| bounds.side_max = Some(side)));
            assert_eq!(made.kind, kind, "{format:?}");
            let made = pixels(&made.bytes);
            assert_eq!(made.dimensions(), (side, side / 2), "{format:?}");
            assert!(is_like(made.get_pixel(2, 2), [255, 0, 0]), "{format:?} {side}");
            assert!(is_like(made.get_pixel(side - 3, side / 2 - 3), [255, 255, 255]), "{format:?} {side}");
        }
    }
    let made = made(&jpeg(&picture), &within(|bounds| bounds.pixels_max = Some(20_000)));
    assert_eq!(made.changes, ["scaled from 400x200 to 200x100", "compressed at quality 90"]);
}

#[test]
fn the_type_is_the_first_that_is_asked_for_and_can_be_written() {
    let check =
        |file: &[u8], asked: &[&str], expect: Kind| assert_eq!(made(file, &types(asked)).kind, expect, "{asked:?}");
    let png = file(corners(16, 16), ImageFormat::Png);
    check(&png, &["image/jpeg"], Kind::Jpeg);
    check(&png, &["image/gif", "image/webp", "image/jpeg"], Kind::WebP);
    let webp = file(corners(16, 16), ImageFormat::WebP);
    check(&webp, &["image/jpeg", "image/png"], Kind::Jpeg);
    check(&webp, &["image/heic", "image/png"], Kind::Png);
    // What shines through stays so, as long as one of the types can hold it.
    let clear = file(half_clear(16, 16), ImageFormat::WebP);
    check(&clear, &["image/jpeg", "image/png"], Kind::Png);
    let on_white = made(&clear, &types(&["image/jpeg"]));
    let expect = ["converted from image/webp to image/jpeg", "laid on white", "compressed at quality 90"];
    assert_eq!(on_white.changes, expect);
    assert!(is_like(pixels(&on_white.bytes).get_pixel(3, 8), [255, 255, 255]));
    let expect = "none of the types that are asked for (image/gif, text/html) is written here";
    assert_eq!(refused(&png, &types(&["image/gif", "text/html"])), (ToolFault::CannotFit, expect.to_owned()));
}

#[test]
fn rare_sorts_of_pictures_are_read() {
    let asked = types(&["image/jpeg"]);
    let grey = file(GrayImage::from_pixel(20, 20, image::Luma([200])), ImageFormat::Png);
    assert!(is_like(pixels(&made(&grey, &asked).bytes).get_pixel(9, 9), [200, 200, 200]));
    let deep = image::ImageBuffer::<image::Rgb<u16>, _>::from_pixel(20, 20, image::Rgb([0xFFFF, 0x8000, 0]));
    let deep = file(deep, ImageFormat::Png);
    assert!(is_like(pixels(&made(&deep, &asked).bytes).get_pixel(9, 9), [255, 128, 0]));
    let made = made(&bmp(), &asked);
    assert_eq!(made.changes, ["converted from image/bmp to image/jpeg", "compressed at quality 90"]);
    assert!(is_like(pixels(&made.bytes).get_pixel(4, 4), [255, 0, 0]));
}

/// An 8x8 BMP, all red.
fn bmp() -> Vec<u8> {
    let mut file = b"BM\xF6\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x08\0\0\0\x08\0\0\0\x01\0\x18\0".to_vec();
    file.resize(54, 0);
    file.extend([0, 0, 255].repeat(64));
    file
}

#[test]
fn heic_is_read_and_converted() {
    let options = heifer::EncodeOptions { quality: 90, max_threads: 1 };
    let heic = heifer::encode_rgb8(96, 64, corners(96, 64).as_raw(), &options).expect("an encoder of HEIC");
    assert_eq!(changes(&heic, &types(&["image/heic"])), None);
    let made = made(
        &heic,
        &within(|bounds| {
            bounds.content_types = vec!["image/jpeg".to_owned()];
            bounds.side_max = Some(48);
        }),
    );
    let expect = ["converted from image/heic to image/jpeg", "scaled from 96x64 to 48x32", "compressed at quality 90"];
    assert_eq!(made.changes, expect);
    let picture = pixels(&made.bytes);
    assert!(is_like(picture.get_pixel(4, 4), [255, 0, 0]) && is_like(picture.get_pixel(43, 4), [0, 255, 0]));
}

#[test]
fn what_is_not_decoded_is_named() {
    let avif = b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf".to_vec();
    assert_eq!(refused(&avif, &types(&["image/jpeg"])).0, ToolFault::Malformed);
    let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
    tiff.extend(entry(0x0100, 3, 1, 30));
    tiff.extend(entry(0x0101, 3, 1, 20));
    tiff.extend([0; 4]);
    let expect = "the pixels of `image/tiff` are not read here".to_owned();
    assert_eq!(refused(&tiff, &types(&["image/jpeg"])), (ToolFault::Unsupported, expect));
    assert_eq!(changes(&tiff, &within(|bounds| bounds.side_max = Some(30))), None);
    let expect = (ToolFault::Unsupported, "`image/x` is not read here".to_owned());
    assert_eq!(refused(b"%PDF-1.7", &no_wishes()), expect);
    assert_eq!(refused(b"", &no_wishes()), expect);
}

#[test]
fn an_animation_becomes_its_first_picture_only_when_it_has_to() {
    let mut gif = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
        for colour in [[255, 0, 0, 255], [0, 255, 0, 255]] {
            let frame = image::Frame::new(image::RgbaImage::from_pixel(40, 20, Rgba(colour)));
            encoder.encode_frame(frame).expect("a frame");
        }
    }
    assert_eq!(changes(&gif, &Wishes { upright: true, remove_location: true, ..no_wishes() }), None);
    let made = made(&gif, &within(|bounds| bounds.side_max = Some(20)));
    let expect = [
        "converted from image/gif to image/png",
        "reduced to the first picture of its animation",
        "scaled from 40x20 to 20x10",
    ];
    assert_eq!(made.changes, expect);
    assert!(is_like(pixels(&made.bytes).get_pixel(9, 5), [255, 0, 0]));
}

#[test]
fn bytes_are_saved_by_quality_first_and_then_by_size() {
    let picture = jpeg(&noise(400, 300));
    let whole = picture.len() as u64;
    let at = |bytes_max| made(&picture, &within(|bounds| bounds.bytes_max = Some(bytes_max)));
    let one_less = at(whole - 1);
    assert_eq!(one_less.changes, ["compressed at quality 90"]);
    assert_eq!(at(one_less.bytes.len() as u64 - 1).changes, ["compressed at quality 80"]);
    let small = at(whole / 20);
    assert!(small.bytes.len() as u64 <= whole / 20);
    let size = pixels(&small.bytes).dimensions();
    assert_eq!(small.changes[0], format!("scaled from 400x300 to {}x{}", size.0, size.1));
    assert_eq!(small.changes[1], "compressed at quality 60");
    // A PNG that need not stay one becomes a JPEG before it becomes smaller.
    let png = file(noise(200, 150), ImageFormat::Png);
    let made = made(&png, &within(|bounds| bounds.bytes_max = Some(png.len() as u64 / 2)));
    assert_eq!(made.changes[0], "converted from image/png to image/jpeg");
    assert_eq!(pixels(&made.bytes).dimensions(), (200, 150));
}

#[test]
fn bounds_that_no_picture_has_are_refused() {
    let (fault, message) = refused(&jpeg(&noise(400, 300)), &within(|bounds| bounds.bytes_max = Some(100)));
    assert_eq!(fault, ToolFault::CannotFit);
    assert!(message.starts_with("at 71x53 it still has ") || message.contains(" it still has "), "{message}");
    assert!(message.ends_with(" bytes, over the 100 that are asked for"), "{message}");
    let nothing = (ToolFault::CannotFit, "no picture has 0 bytes or pixels".to_owned());
    let picture = jpeg(&corners(16, 16));
    assert_eq!(refused(&picture, &within(|bounds| bounds.side_max = Some(0))), nothing);
    assert_eq!(refused(&picture, &within(|bounds| bounds.pixels_max = Some(0))), nothing);
    assert_eq!(refused(&picture, &within(|bounds| bounds.bytes_max = Some(0))), nothing);
    assert_eq!(made(&picture, &within(|bounds| bounds.pixels_max = Some(1))).changes[0], "scaled from 16x16 to 1x1");
}

#[test]
fn a_colour_profile_is_carried_if_it_is_of_these_colours() {
    let profile = |colours: &[u8; 4]| [&[0; 16], colours.as_slice(), &[7; 100]].concat();
    for (colours, is_carried) in [(b"RGB ", true), (b"CMYK", false)] {
        let segment = [b"ICC_PROFILE\0\x01\x01".as_slice(), &profile(colours)].concat();
        let file = with_segments(&jpeg(&corners(400, 300)), &[(0xE2, &segment)]);
        for side in [390, 64] {
            let made = made(&file, &within(|bounds| bounds.side_max = Some(side)));
            assert_eq!(holds(&made.bytes, &profile(colours)), is_carried, "{side}");
        }
    }
}
