//! Exif made by hand, byte by byte, in both orders of bytes.

use proptest::prelude::*;

use super::*;

/// One value of a directory.
#[derive(Clone)]
enum Value {
    Text(&'static str),
    Short(u16),
    Fractions(&'static [(u32, u32)]),
    Raw(&'static [u8]),
    Below(Vec<(u16, Value)>),
}

/// Writes a TIFF with this first directory.
fn tiff(is_big: bool, entries: &[(u16, Value)]) -> Vec<u8> {
    let mut bytes = if is_big { b"MM\0*\0\0\0\x08".to_vec() } else { b"II*\0\x08\0\0\0".to_vec() };
    directory(&mut bytes, is_big, entries);
    bytes
}

fn directory(bytes: &mut Vec<u8>, is_big: bool, entries: &[(u16, Value)]) {
    let short = |number: u16| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
    let long = |number: u32| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
    let start = bytes.len();
    bytes.extend(short(entries.len() as u16));
    bytes.resize(start + 2 + entries.len() * 12 + 4, 0);
    for (index, (tag, value)) in entries.iter().enumerate() {
        let here = bytes.len() as u32;
        let (kind, count, data): (u16, usize, Vec<u8>) = match value {
            Value::Text(text) => (2, text.len() + 1, [text.as_bytes(), b"\0"].concat()),
            Value::Short(number) => (3, 1, short(*number).to_vec()),
            Value::Fractions(all) => {
                (5, all.len(), all.iter().flat_map(|(a, b)| [long(*a), long(*b)]).flatten().collect())
            }
            Value::Raw(raw) => (7, raw.len(), raw.to_vec()),
            Value::Below(entries) => {
                directory(bytes, is_big, entries);
                (4, 1, long(here).to_vec())
            }
        };
        let mut field = data.clone();
        if data.len() > 4 {
            field = long(bytes.len() as u32).to_vec();
            bytes.extend(data);
        }
        field.resize(4, 0);
        let entry = [short(*tag).to_vec(), short(kind).to_vec(), long(count as u32).to_vec(), field].concat();
        bytes[start + 2 + index * 12..][..12].copy_from_slice(&entry);
    }
}

fn below(tag: u16, entries: Vec<(u16, Value)>) -> (u16, Value) {
    (tag, Value::Below(entries))
}

fn whole() -> Vec<(u16, Value)> {
    let exposure = vec![
        (EXPOSURE_TIME, Value::Fractions(&[(10, 1200)])),
        (APERTURE, Value::Fractions(&[(18, 10)])),
        (SENSITIVITY, Value::Short(100)),
        (TAKEN, Value::Text("2024:05:01 12:03:11")),
        (TAKEN_OFFSET, Value::Text("+02:00")),
        (FLASH, Value::Short(0x19)),
        (FOCAL_LENGTH, Value::Fractions(&[(42, 10)])),
    ];
    let place = vec![
        (1, Value::Text("N")),
        (2, Value::Fractions(&[(48, 1), (51, 1), (3012, 100)])),
        (3, Value::Text("W")),
        (4, Value::Fractions(&[(2, 1), (17, 1), (4013, 100)])),
    ];
    vec![
        (MAKE, Value::Text("Apple")),
        (MODEL, Value::Text("iPhone 13")),
        below(EXPOSURE_DIRECTORY, exposure),
        below(PLACE_DIRECTORY, place),
    ]
}

fn with(entries: &[(u16, Value)]) -> Exif {
    let both = [false, true].map(|is_big| read(&tiff(is_big, entries)));
    assert_eq!(both[0], both[1]);
    let [exif, _] = both;
    exif
}

fn exposed(entries: Vec<(u16, Value)>) -> Exif {
    with(&[below(EXPOSURE_DIRECTORY, entries)])
}

#[test]
fn everything_is_read_in_both_orders() {
    let text = |text: &str| Some(text.to_owned());
    let expect = Exif {
        taken: text("2024-05-01 at 12:03:11 (UTC+02:00)"),
        camera: text("Apple iPhone 13"),
        exposure: ["focal length 4.2 mm", "exposed 1/120 s", "f/1.8", "ISO 100", "flash"].map(str::to_owned).to_vec(),
        place: text("48.85837° N, 2.29448° W"),
        is_screenshot: false,
    };
    assert_eq!(with(&whole()), expect);
    let prefixed = [b"Exif\0\0".to_vec(), tiff(true, &whole())].concat();
    assert_eq!(read(&prefixed), expect);
}

#[test]
fn the_make_is_not_said_twice() {
    let camera = |make, model| with(&[(MAKE, Value::Text(make)), (MODEL, Value::Text(model))]).camera;
    assert_eq!(camera("Canon", "Canon EOS 80D").as_deref(), Some("Canon EOS 80D"));
    assert_eq!(camera("NIKON", "Nikon D5").as_deref(), Some("Nikon D5"));
    assert_eq!(camera("", "X-T5 ").as_deref(), Some("X-T5"));
    assert_eq!(camera("Leica", " ").as_deref(), Some("Leica"));
    assert_eq!(camera("", ""), None);
}

#[test]
fn fields_are_cut_and_made_harmless() {
    let camera = |model| with(&[(MODEL, Value::Text(model))]).camera.expect("a camera");
    assert_eq!(camera("a\"\r\n\u{1B}b\u{202E}"), "a' b");
    let long: &'static str = "n".repeat(4000).leak();
    assert_eq!(camera(long), format!("{}…", "n".repeat(FIELD_CHARS_MAX)));
}

#[test]
fn what_is_no_moment_is_not_told() {
    let taken = |text, offset| exposed(vec![(TAKEN, Value::Text(text)), (TAKEN_OFFSET, Value::Text(offset))]).taken;
    assert_eq!(taken("2024:02:29 23:59:59", "").as_deref(), Some("2024-02-29 at 23:59:59"));
    assert_eq!(taken("2024:02:29 23:59:59", "+2:00").as_deref(), Some("2024-02-29 at 23:59:59"));
    for text in [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2024:13:01 00:00:00",
        "2024:01:32 00:00:00",
        "2024:01:01 24:00:00",
        "2024-01-01 10:00:00",
        "2024:01:01",
        "",
        "+024:01:01 10:00:00",
    ] {
        assert_eq!(taken(text, "+02:00"), None, "{text}");
    }
}

#[test]
fn exposure_is_told_as_photographers_do() {
    let time = |fractions| exposed(vec![(EXPOSURE_TIME, Value::Fractions(fractions))]).exposure;
    assert_eq!(time(&[(1, 8000)]), ["exposed 1/8000 s"]);
    assert_eq!(time(&[(5, 2)]), ["exposed 2.5 s"]);
    assert_eq!(time(&[(30, 1)]), ["exposed 30 s"]);
    assert_eq!(time(&[(1, 0)]), [""; 0]);
    assert_eq!(time(&[(0, 1)]), [""; 0]);
    // It did not fire.
    assert_eq!(exposed(vec![(FLASH, Value::Short(0x10)), (SENSITIVITY, Value::Short(0))]).exposure, [""; 0]);
}

#[test]
fn a_place_needs_both_sides_and_lies_on_the_earth() {
    let place = |north, latitude, east, longitude| {
        let entries = vec![
            (1, Value::Text(north)),
            (2, Value::Fractions(latitude)),
            (3, Value::Text(east)),
            (4, Value::Fractions(longitude)),
        ];
        with(&[below(PLACE_DIRECTORY, entries)]).place
    };
    assert_eq!(place("S", &[(90, 1)], "E", &[(180, 1)]).as_deref(), Some("90.00000° S, 180.00000° E"));
    assert_eq!(place("S", &[(91, 1)], "E", &[(180, 1)]), None);
    assert_eq!(place("N", &[(1, 1)], "E", &[(181, 1)]), None);
    assert_eq!(place("", &[(1, 1)], "E", &[(1, 1)]), None);
    assert_eq!(place("N", &[(1, 1)], "N", &[(1, 1)]), None);
    assert_eq!(place("N", &[(1, 0)], "E", &[(1, 1)]), None);
    assert_eq!(place("N", &[(1, 1)], "E", &[]), None);
}

#[test]
fn a_screenshot_is_one_by_its_own_comment() {
    let is_screenshot = |comment| exposed(vec![(COMMENT, Value::Raw(comment))]).is_screenshot;
    assert!(is_screenshot(b"ASCII\0\0\0Screenshot"));
    assert!(is_screenshot(b"UNICODE\0S\0c\0r\0e\0e\0n\0s\0h\0o\0t\0"));
    assert!(!is_screenshot(b"ASCII\0\0\0No Screenshot"));
    assert!(!is_screenshot(b"ASCII"));
}

#[test]
fn a_directory_within_itself_is_read_once() {
    let mut bytes = tiff(false, &[(EXPOSURE_DIRECTORY, Value::Short(0)), (MAKE, Value::Text("me"))]);
    // The tag of the exposure points at the directory that holds it.
    bytes[12..14].copy_from_slice(&[4, 0]);
    bytes[18] = 8;
    assert_eq!(read(&bytes).camera.as_deref(), Some("me"));
}

#[test]
fn exif_that_is_cut_off_anywhere_says_no_more_than_the_whole() {
    for is_big in [false, true] {
        let bytes = tiff(is_big, &whole());
        let expect = read(&bytes);
        for length in 0..bytes.len() {
            let cut = read(&bytes[..length]);
            assert!(cut.place.is_none() || cut.place == expect.place, "{length}");
            assert!(cut.exposure.iter().all(|words| expect.exposure.contains(words)), "{length}");
        }
    }
}

#[test]
fn exif_with_a_flipped_byte_is_read_somehow() {
    let bytes = tiff(false, &whole());
    for index in 0..bytes.len() {
        for mask in [0x01, 0x80, 0xFF] {
            let mut flipped = bytes.clone();
            flipped[index] ^= mask;
            let told = read(&flipped);
            assert!(told.camera.is_none_or(|camera| camera.chars().count() <= 2 * FIELD_CHARS_MAX + 3));
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_somehow(is_big: bool, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let header = if is_big { b"MM\0*\0\0\0\x08" } else { b"II*\0\x08\0\0\0" };
        read(&[header.as_slice(), &bytes].concat());
    }
}
