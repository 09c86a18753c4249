//! Reads from the markers of a JPEG what decoding it will cost. Reads lengths and counts alone; decodes nothing.

use std::io::{self, Read, Seek};

/// Bytes that the decoder keeps for one sample while several scans bring it in.
const COEFFICIENT_BYTES: u64 = 2;
/// Components of the dearest JPEG that the decoder takes: cyan, magenta, yellow, black.
const COMPONENTS_MAX: u64 = 4;

/// Bytes per pixel that decoding holds beside the file and the picture: none where the first scan brings all components,
/// so that each row of blocks is finished at once; all coefficients where it does not, as in every progressive JPEG. What
/// is no JPEG costs nothing here.
///
/// # Errors
///
/// When reading fails for another reason than the end of the file.
pub(crate) fn held_bytes_per_pixel(file: &mut (impl Read + Seek)) -> io::Result<u64> {
    let found = walk(file);
    file.rewind()?;
    match found {
        // The decoder refuses a file without a scan.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        other => other,
    }
}

fn walk(file: &mut (impl Read + Seek)) -> io::Result<u64> {
    let dearest = COMPONENTS_MAX * COEFFICIENT_BYTES;
    if read(file)? != [0xFF, 0xD8] {
        return Ok(0);
    }
    let mut frame = None;
    loop {
        let [prefix, marker] = read(file)?;
        if prefix != 0xFF {
            // Not a marker. What the decoder makes of it is unknown, so the dearest is assumed.
            return Ok(dearest);
        }
        match marker {
            // A fill byte: the marker may begin here.
            0xFF => file.seek_relative(-1)?,
            // The frame headers of ITU-T T.81, table B.1; of each four codes the third is progressive.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let length = u16::from_be_bytes(read(file)?);
                let [_, _, _, _, _, components] = read(file)?;
                frame = Some((marker % 4 == 2, components));
                file.seek_relative(i64::from(length) - 8)?;
            }
            0xDA => {
                let [_, _, in_scan] = read(file)?;
                let Some((is_progressive, components)) = frame else {
                    return Ok(dearest);
                };
                let is_held = is_progressive || in_scan < components;
                return Ok(if is_held { u64::from(components) * COEFFICIENT_BYTES } else { 0 });
            }
            // A segment without a length.
            0x01 | 0xD0..=0xD9 => {}
            _ => {
                let length = u16::from_be_bytes(read(file)?);
                file.seek_relative((i64::from(length) - 2).max(0))?;
            }
        }
    }
}

fn read<const LENGTH: usize>(file: &mut impl Read) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn check(bytes: &[&[u8]], expect: u64) {
        let mut file = Cursor::new(bytes.concat());
        assert_eq!(held_bytes_per_pixel(&mut file).expect("a readable file"), expect, "{bytes:02X?}");
        assert_eq!(file.position(), 0);
    }

    const START: &[u8] = b"\xFF\xD8\xFF\xE0\x00\x04ab";

    /// A frame header of this kind with so many components.
    fn frame(marker: u8, components: u8) -> Vec<u8> {
        let mut bytes = vec![0xFF, marker, 0, 8 + 3 * components, 8, 0, 16, 0, 16, components];
        bytes.extend(std::iter::repeat_n([1, 0x11, 0], usize::from(components)).flatten());
        bytes
    }

    /// The header of a scan with so many components.
    fn scan(components: u8) -> Vec<u8> {
        vec![0xFF, 0xDA, 0, 6 + 2 * components, components]
    }

    #[test]
    fn a_single_scan_holds_nothing() {
        for components in [1, 3, 4] {
            check(&[START, &frame(0xC0, components), &scan(components)], 0);
        }
        check(&[START, b"\xFF\xFF", &frame(0xC1, 3)[1..], b"\xFF\xDB\x00\x02", &scan(3)], 0);
    }

    #[test]
    fn several_scans_hold_every_coefficient() {
        check(&[START, &frame(0xC2, 3), &scan(3)], 6);
        check(&[START, &frame(0xC2, 4), &scan(1)], 8);
        check(&[START, &frame(0xC0, 3), &scan(1)], 6);
    }

    #[test]
    fn what_cannot_be_followed_is_taken_for_the_dearest() {
        check(&[START, b"no marker"], 8);
        check(&[START, &scan(3)], 8);
    }

    #[test]
    fn what_is_no_jpeg_or_ends_before_a_scan_is_not_decoded_anyway() {
        for bytes in [b"".as_slice(), b"\xFF", b"\x89PNG\r\n\x1A\n", START, b"\xFF\xD8\xFF\xE0\xFF\xFF"] {
            check(&[bytes], 0);
        }
        check(&[START, &frame(0xC2, 3)], 0);
        check(&[START, b"\xFF\xC2\x00\x00\x08"], 0);
    }
}
