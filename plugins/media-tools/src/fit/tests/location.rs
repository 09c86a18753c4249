//! Places are taken out of every kind of file, without touching a pixel or any other word.

use super::*;
use crate::container;

const XMP_HEAD: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PLACE: &[u8] = b"<rdf:Description exif:GPSLatitude=\"48,8.5N\"/>";
const NO_PLACE: &[u8] = b"<rdf:Description xmp:CreatorTool=\"Camera\"/>";

/// Takes the place out, and proves that it is out, that nothing else is, and that another try finds nothing.
fn cleaned(file: &[u8], told: &[&[u8]]) -> Vec<u8> {
    for words in told {
        assert!(holds(file, words), "the test's own file does not tell the place");
    }
    let made = made(file, &without_location());
    assert_eq!(made.changes, ["location removed"]);
    assert_eq!(Some(made.kind), Kind::sniff(file));
    for words in told {
        assert!(!holds(&made.bytes, words), "it still tells {words:?}");
    }
    assert_eq!(changes(&made.bytes, &without_location()), None);
    assert_eq!(changes(file, &no_wishes()), None);
    made.bytes
}

#[test]
fn exif_of_a_jpeg_loses_its_place_in_place() {
    let plain = jpeg(&corners(40, 24));
    for orientation in [1, 6] {
        let before = with_exif(&plain, &exif_with_place(orientation));
        let after = cleaned(&before, &[&COORDINATES]);
        assert_eq!(after.len(), before.len());
        assert_eq!(pixels(&after), pixels(&before));
        assert!(after.ends_with(&plain[2..]), "the rest of the file is the same, byte for byte");
        let survey = container::survey(Kind::Jpeg, &after).expect("a whole JPEG");
        assert_eq!(survey.orientation, orientation);
        assert!(holds(&after, b"Maker\0"));
    }
}

#[test]
fn other_notes_of_a_jpeg_that_tell_a_place_go_and_the_others_stay() {
    let plain = jpeg(&corners(40, 24));
    let more = |text: &[u8]| [b"http://ns.adobe.com/xmp/extension/\0".as_slice(), &[b'A'; 40], text].concat();
    let xmp = |text: &[u8]| [XMP_HEAD, text].concat();
    let press = |set: &[u8]| {
        let length = u32::try_from(set.len()).expect("a short block").to_be_bytes();
        [b"Photoshop 3.0\x008BIM\x04\x04\0\0".as_slice(), &length, set].concat()
    };
    let city = press(b"\x1C\x02\x5A\0\x04Bern");
    let caption = press(b"\x1C\x02\x78\0\x04Moon");
    let harmless = [(0xE1, xmp(NO_PLACE)), (0xED, caption.clone()), (0xFE, b"a note".to_vec())];
    let all = |notes: &[(u8, Vec<u8>)]| {
        let notes: Vec<(u8, &[u8])> = notes.iter().map(|(marker, body)| (*marker, body.as_slice())).collect();
        with_segments(&plain, &notes)
    };
    assert_eq!(changes(&all(&harmless), &without_location()), None);
    let check = |notes: &[(u8, Vec<u8>)], told: &[&[u8]]| {
        let mut file = notes.to_vec();
        file.extend(harmless[2..].iter().cloned());
        let after = cleaned(&all(&file), told);
        assert_eq!(after, all(&harmless[2..]));
    };
    check(&[(0xE1, xmp(PLACE))], &[b"GPSLatitude"]);
    // A place in the extension takes the packet along, and a word that two segments share is found.
    check(&[(0xE1, xmp(NO_PLACE)), (0xE1, more(b"<exif:GPSLat")), (0xE1, more(b"itude/>"))], &[b"itude/>"]);
    check(&[(0xED, city)], &[b"Bern"]);
    check(&[(0xFE, b"exif:GPSLatitude 48".to_vec())], &[b"GPSLatitude"]);
    check(&[(0xEB, b"JP assertions: exif:GPSLatitude".to_vec())], &[b"GPSLatitude"]);
}

#[test]
fn unreadable_exif_goes_and_the_side_that_is_up_stays() {
    let plain = jpeg(&corners(40, 24));
    // The entry for GPS leads out of the block.
    let mut broken = exif_with_place(6);
    broken.truncate(100);
    let made = made(&with_exif(&plain, &broken), &without_location());
    assert_eq!(made.changes, ["unreadable notes of the camera removed"]);
    assert_eq!(container::survey(Kind::Jpeg, &made.bytes).map(|survey| survey.orientation), Ok(6));
    assert!(!holds(&made.bytes, &COORDINATES[..16]) && !holds(&made.bytes, b"Maker"));
    assert_eq!(pixels(&made.bytes), pixels(&plain));
}

#[test]
fn what_lies_behind_a_picture_goes() {
    let plain = jpeg(&corners(40, 24));
    let directory = [XMP_HEAD, b"<Container:Directory/>"].concat();
    let file =
        with_segments(&plain, &[(0xE2, b"MPF\0MM\0*"), (0xE1, &directory), (0xE1, &[XMP_HEAD, NO_PLACE].concat())]);
    let moving = [&file, b"\0\0\0\x18ftypmp42 and where it was filmed".as_slice()].concat();
    let made = made(&moving, &without_location());
    assert_eq!(made.changes, ["data behind the picture removed"]);
    assert_eq!(made.bytes, with_segments(&plain, &[(0xE1, &[XMP_HEAD, NO_PLACE].concat())]));
    // Padding is nothing, and without data behind it everything stays.
    assert_eq!(changes(&[&file, [0; 9].as_slice()].concat(), &without_location()), None);
    assert_eq!(changes(&moving, &no_wishes()), None);
}

#[test]
fn chunks_of_a_png_that_tell_a_place_go() {
    let plain = file(half_clear(20, 10), ImageFormat::Png);
    let before = with_chunks(&plain, &[chunk(b"eXIf", &exif_with_place(3))]);
    let after = cleaned(&before, &[&COORDINATES]);
    assert_eq!((after.len(), pixels(&after)), (before.len(), pixels(&before)));
    assert_eq!(container::survey(Kind::Png, &after).map(|survey| survey.orientation), Ok(3));

    let xmp = |text: &[u8]| [b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), text].concat();
    let squeezed = |text: &[u8]| {
        use std::io::Write as _;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).expect("memory takes all");
        encoder.finish().expect("memory takes all")
    };
    let squeezed_xmp = |text: &[u8]| [b"XML:com.adobe.xmp\0\x01\0\0\0".as_slice(), &squeezed(text)].concat();
    let raw = |sort: &str, bytes: &[u8]| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("Raw profile type {sort}\0\n{sort}\n{:8}\n{digits}\n", bytes.len()).into_bytes()
    };
    let squeezed_raw = |sort: &str, bytes: &[u8]| {
        let raw = raw(sort, bytes);
        let at = raw.iter().position(|byte| *byte == 0).expect("a keyword");
        [&raw[..=at], &[0], &squeezed(&raw[at + 1..])].concat()
    };
    let check = |name: &[u8; 4], body: &[u8], tells_place: bool| {
        let file = with_chunks(&plain, &[chunk(name, body)]);
        let made = fit(&file, "image/png", &without_location()).expect("wishes that can be fulfilled");
        assert_eq!(
            made.map(|made| made.bytes),
            tells_place.then(|| plain.clone()),
            "{}",
            String::from_utf8_lossy(body)
        );
    };
    check(b"iTXt", &xmp(PLACE), true);
    check(b"iTXt", &xmp(NO_PLACE), false);
    check(b"iTXt", &squeezed_xmp(PLACE), true);
    check(b"iTXt", &squeezed_xmp(NO_PLACE), false);
    check(b"tEXt", &raw("exif", &[b"Exif\0\0", exif_with_place(1).as_slice()].concat()), true);
    check(b"tEXt", &raw("exif", &[b"Exif\0\0", exif_without_place(1).as_slice()].concat()), false);
    check(b"zTXt", &squeezed_raw("exif", &exif_with_place(1)), true);
    check(b"zTXt", &squeezed_raw("xmp", PLACE), true);
    check(b"zTXt", &squeezed_raw("xmp", NO_PLACE), false);
    check(b"tEXt", &raw("iptc", b"\x1C\x02\x5A\0\x04Bern"), true);
    check(b"tEXt", &raw("iptc", b"\x1C\x02\x78\0\x04Moon"), false);
    check(b"tEXt", b"exif:GPSLatitude\x0048/1", true);
    check(b"tEXt", b"Software\0Camera", false);
    // What unfolds without an end is taken out unread.
    check(b"zTXt", &[b"Comment\0\0".as_slice(), &squeezed(&vec![b'a'; 5 << 20])].concat(), true);
    // And so is what comes behind four such texts.
    let long = chunk(b"zTXt", &[b"Comment\0\0".as_slice(), &squeezed(&vec![b'a'; 4 << 20])].concat());
    let four = with_chunks(&plain, &vec![long.clone(); 4]);
    assert_eq!(changes(&four, &without_location()), None);
    assert_eq!(cleaned(&with_chunks(&plain, &vec![long; 5]), &[]), four);
}

#[test]
fn chunks_of_a_webp_that_tell_a_place_go_with_their_flags() {
    let webp = file(half_clear(20, 10), ImageFormat::WebP);
    let before = with_webp_chunks(&webp, 0x1C, &[(b"EXIF", &exif_with_place(3)), (b"XMP ", PLACE)]);
    let after = cleaned(&before, &[&COORDINATES, b"GPSLatitude"]);
    assert_eq!(pixels(&after), pixels(&before));
    // The cleaned EXIF stays with its flag, the XMP is gone with its.
    assert_eq!(after[20], 0x18);
    assert_eq!(after.len() as u64, 8 + u64::from(u32::from_le_bytes([after[4], after[5], after[6], after[7]])));
    assert_eq!(container::survey(Kind::WebP, &after).map(|survey| survey.orientation), Ok(3));
    let harmless = with_webp_chunks(&webp, 0x1C, &[(b"EXIF", &exif_without_place(3)), (b"XMP ", NO_PLACE)]);
    assert_eq!(changes(&harmless, &without_location()), None);
}

#[test]
fn comments_and_xmp_of_a_gif_that_tell_a_place_go() {
    let plain = file(corners(20, 10), ImageFormat::Gif);
    let behind = plain.len() - 1;
    let with = |block: &[u8]| [&plain[..behind], block, &plain[behind..]].concat();
    let xmp = |text: &[u8]| {
        let mut block = [b"\x21\xFF\x0BXMP DataXMP".as_slice(), text, &[1]].concat();
        block.extend((0..=255).rev());
        block.push(0);
        block
    };
    assert_eq!(cleaned(&with(&xmp(PLACE)), &[b"GPSLatitude"]), plain);
    assert_eq!(cleaned(&with(b"\x21\xFE\x0BGPSLatitude\0"), &[b"GPSLatitude"]), plain);
    assert_eq!(changes(&with(&xmp(NO_PLACE)), &without_location()), None);
    assert_eq!(changes(&with(b"\x21\xFE\x06a note\0"), &without_location()), None);
}

#[test]
fn notes_of_a_heic_are_overwritten_where_they_stand() {
    let options = heifer::EncodeOptions { quality: 80, max_threads: 1 };
    let image = heifer::Image::filled(64, 64, 8, [200, 10, 10, 255]);
    let heic = |exif: &[u8], xmp: &[u8]| {
        let metadata = heifer::Metadata { exif: Some(exif.to_vec()), xmp: Some(xmp.to_vec()), ..Default::default() };
        heifer::encode_with_metadata(&image, &metadata, &options).expect("an encoder of HEIC")
    };
    let before = heic(&exif_with_place(1), PLACE);
    let after = cleaned(&before, &[&COORDINATES, b"GPSLatitude"]);
    assert_eq!(after.len(), before.len());
    assert_eq!(heifer::decode(&after).expect("a whole HEIC"), heifer::decode(&before).expect("a whole HEIC"));
    let exif = heifer::read_metadata(&after).expect("a whole HEIC").exif.expect("its EXIF");
    assert!(holds(&exif, b"Maker\0"));
    assert_eq!(changes(&heic(&exif_without_place(1), NO_PLACE), &without_location()), None);
}

#[test]
fn a_picture_made_anew_has_no_words_at_all() {
    let jpeg = with_exif(&jpeg(&corners(400, 300)), &exif_with_place(1));
    let png = with_chunks(&file(corners(400, 300), ImageFormat::Png), &[chunk(b"eXIf", &exif_with_place(1))]);
    for file in [jpeg, png] {
        let made = made(&file, &within(|bounds| bounds.side_max = Some(100)));
        for words in [COORDINATES.as_slice(), b"Maker", b"Exif", b"eXIf"] {
            assert!(!holds(&made.bytes, words));
        }
    }
}

#[test]
fn a_tiff_loses_its_place_in_place() {
    let mut tiff = b"II*\0\x08\0\0\0\x03\0".to_vec();
    tiff.extend(entry(0x0100, 3, 1, 30));
    tiff.extend(entry(0x0101, 3, 1, 20));
    tiff.extend(entry(0x8825, 4, 1, 50));
    tiff.extend([0; 4]);
    tiff.extend([1, 0]);
    tiff.extend(entry(0x0002, 5, 3, 68));
    tiff.extend([0; 4]);
    tiff.extend(COORDINATES);
    let after = cleaned(&tiff, &[&COORDINATES]);
    assert_eq!(after.len(), tiff.len());
    let survey = container::survey(Kind::Tiff, &after).expect("a directory");
    assert_eq!((survey.width, survey.height), (30, 20));
}
