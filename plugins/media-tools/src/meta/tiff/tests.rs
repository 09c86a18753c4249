//! Directories with and without places, whole and broken.

use super::*;
use crate::testing::{COORDINATES, entry, exif_with_place, exif_without_place, holds};

#[test]
fn the_place_goes_with_its_values_and_the_rest_stays() {
    let before = exif_with_place(6);
    assert!(holds(&before, &COORDINATES));
    let after = without_place(&before).expect("readable").expect("a place");
    assert_eq!(after.len(), before.len());
    assert!(!holds(&after, &COORDINATES));
    assert!(!holds(&after, &COORDINATES[..8]));
    assert!(holds(&after, b"Maker\0"));
    assert_eq!(orientation(&after), 6);
    // Nothing behind the maker's name is left.
    let rest = &after[8 + 2 + 3 * 12 + 4 + 6..];
    assert!(rest.iter().all(|byte| *byte == 0), "{rest:?}");
    let reader = Reader::new(&after).expect("readable");
    let tags: Vec<u16> = reader.directory(8).expect("readable").entries.iter().map(|entry| entry.tag).collect();
    assert_eq!(tags, [0x010F, 0x0112]);
    assert_eq!(without_place(&after), Ok(None));
}

#[test]
fn what_tells_no_place_stays_as_it_is() {
    assert_eq!(without_place(&exif_without_place(3)), Ok(None));
    assert_eq!(without_place(&only_orientation(8)), Ok(None));
}

#[test]
fn a_place_is_found_in_every_directory() {
    // The first directory leads to that of EXIF, which leads to GPS; the next one has XMP that tells a place.
    let mut bytes = b"II*\0\x08\0\0\0\x01\0".to_vec();
    bytes.extend(entry(EXIF, 4, 1, 26));
    bytes.extend(44_u32.to_le_bytes());
    bytes.extend([1, 0]);
    bytes.extend(entry(GPS, 4, 1, 62));
    bytes.extend([0; 4]);
    bytes.extend([1, 0]);
    bytes.extend(entry(XMP, 1, 8, 80));
    bytes.extend([0; 4]);
    bytes.extend([1, 0]);
    bytes.extend(entry(2, 5, 3, 88));
    bytes.extend([0; 4]);
    bytes.extend(b"<geo:lat");
    bytes.extend(COORDINATES);
    let after = without_place(&bytes).expect("readable").expect("a place");
    assert!(!holds(&after, &COORDINATES) && !holds(&after, b"geo:lat"));
    assert_eq!(after.len(), bytes.len());
}

#[test]
fn orientations_are_those_of_the_standard() {
    for number in 0..=9 {
        let expect = if (1..=8).contains(&number) { number } else { 1 };
        assert_eq!(orientation(&exif_without_place(number)), expect);
        assert_eq!(orientation(&only_orientation(number)), expect);
    }
    assert_eq!(orientation(b"nothing"), 1);
}

#[test]
fn what_cannot_be_followed_is_broken_and_never_half_cleaned() {
    let whole = exif_with_place(1);
    for length in 0..whole.len() {
        match without_place(&whole[..length]) {
            Err(Broken) => {}
            other => panic!("cut at {length}: {other:?}"),
        }
    }
    for at in 0..whole.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            if let Ok(Some(after)) = without_place(&bytes) {
                assert_eq!(after.len(), bytes.len());
                assert_eq!(without_place(&after), Ok(None), "flipped at {at}");
            }
        }
    }
}

#[test]
fn directories_that_lead_back_come_to_an_end() {
    let mut bytes = b"II*\0\x08\0\0\0\x01\0".to_vec();
    bytes.extend(entry(EXIF, 4, 1, 8));
    bytes.extend(8_u32.to_le_bytes());
    assert_eq!(without_place(&bytes), Ok(None));
    // A chain of more directories than are followed.
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    for index in 1..40_u32 {
        bytes.extend([0, 0]);
        bytes.extend((8 + index * 6).to_le_bytes());
    }
    bytes.extend([0; 6]);
    assert_eq!(without_place(&bytes), Err(Broken));
}

#[test]
fn entries_that_all_name_the_same_bytes_are_not_followed() {
    let names_xmp = |count: u16, apart: u32| {
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend(count.to_le_bytes());
        let first = 8 + 2 + 12 * u32::from(count) + 4;
        for index in 0..u32::from(count) {
            bytes.extend(entry(XMP, 1, 400, first + index * apart));
        }
        bytes.extend([0; 4]);
        bytes.resize(first as usize + 400 + 400 * usize::from(count), b' ');
        bytes
    };
    let check = |bytes: &[u8], expect| assert_eq!(without_place(bytes), expect);
    check(&names_xmp(9, 400), Ok(None));
    check(&names_xmp(9, 0), Ok(None));
    let mut shared = names_xmp(9, 0);
    shared.truncate(8 + 2 + 12 * 9 + 4 + 400);
    check(&shared, Err(Broken));

    // A directory of GPS that is named by all entries, the first of which would be enough.
    let names_gps = |count: u16| {
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend(count.to_le_bytes());
        let gps = 8 + 2 + 12 * u32::from(count) + 4;
        for _ in 0..count {
            bytes.extend(entry(GPS, 4, 1, gps));
        }
        bytes.extend([0; 4]);
        bytes.extend([1, 0]);
        bytes.extend(entry(2, 5, 3, gps + 18));
        bytes.extend([0; 4]);
        bytes.extend(COORDINATES);
        bytes
    };
    let after = without_place(&names_gps(1)).expect("readable").expect("a place");
    assert!(!holds(&after, &COORDINATES));
    check(&names_gps(5_000), Err(Broken));
}
