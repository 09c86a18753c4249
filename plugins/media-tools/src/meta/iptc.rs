//! Whether the notes of the press (IPTC-IIM), alone or within Photoshop's image resources, tell a place. Such a block
//! is taken out whole by whoever holds it; nothing is rewritten here.

/// Data sets of record 2 that name places: location code and name, city, sublocation, province, country code and name.
const PLACES: [u8; 7] = [26, 27, 90, 92, 95, 100, 101];

/// Image resources that hold notes of other kinds: EXIF, EXIF again, XMP.
const OTHER_NOTES: [u16; 3] = [0x0422, 0x0423, 0x0424];

/// The image resource that holds IPTC-IIM.
const IIM: u16 = 0x0404;

/// Whether image resources tell a place, or hold notes of which that is not known, or cannot be read.
pub(crate) fn resources_tell_place(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        if bytes.iter().all(|byte| *byte == 0) {
            return false;
        }
        let Some((id, data, rest)) = resource(bytes) else { return true };
        if OTHER_NOTES.contains(&id) || (id == IIM && tells_place(data)) {
            return true;
        }
        bytes = rest;
    }
    false
}

/// The first resource: `8BIM`, its number, its name, its data, each of the latter two padded to an even length.
fn resource(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let rest = bytes.strip_prefix(b"8BIM")?;
    let (id, rest) = rest.split_first_chunk::<2>()?;
    let name = usize::from(*rest.first()?) + 1;
    let rest = rest.get(name + name % 2..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let data = rest.get(..length)?;
    // The last one may lack its padding.
    let rest = rest.get(length + length % 2..).unwrap_or_default();
    Some((u16::from_be_bytes(*id), data, rest))
}

/// Whether data sets of IPTC-IIM tell a place, or cannot be read.
pub(crate) fn tells_place(mut bytes: &[u8]) -> bool {
    while let Some((first, rest)) = bytes.split_first() {
        match (*first, rest) {
            (0x1C, [record, set, high, low, rest @ ..]) => {
                let length = u16::from_be_bytes([*high, *low]);
                // From here on the length has a length of its own, which no place needs.
                if length >= 0x8000 || (*record == 2 && PLACES.contains(set)) {
                    return true;
                }
                let Some(rest) = rest.get(usize::from(length)..) else { return true };
                bytes = rest;
            }
            // What stands behind the data sets is padding.
            (0, rest) => bytes = rest,
            _ => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(number: u8, text: &str) -> Vec<u8> {
        let mut bytes = vec![0x1C, 2, number, 0, u8::try_from(text.len()).expect("a short text")];
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    fn wrapped(id: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"8BIM".to_vec();
        bytes.extend(id.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(u32::try_from(data.len()).expect("a short block").to_be_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        bytes
    }

    #[test]
    fn places_are_told_from_other_data_sets() {
        for number in PLACES {
            let place = [set(120, "a caption"), set(number, "Bern")].concat();
            assert!(tells_place(&place), "{number}");
            assert!(resources_tell_place(&wrapped(IIM, &place)), "{number}");
        }
        let harmless = [set(120, "a caption"), set(80, "somebody")].concat();
        assert!(!tells_place(&harmless));
        assert!(!resources_tell_place(&wrapped(IIM, &harmless)));
        assert!(!resources_tell_place(&[wrapped(IIM, &harmless), wrapped(0x0425, &[7; 16])].concat()));
    }

    #[test]
    fn what_cannot_be_read_counts_as_telling() {
        assert!(tells_place(b"\x1C\x02\x78\x00\x09short"));
        assert!(tells_place(b"\x1C\x02\x78\x80\x04"));
        assert!(tells_place(b"text"));
        assert!(resources_tell_place(b"8BIM\x04"));
        assert!(resources_tell_place(&wrapped(0x0424, b"<x/>")));
    }
}
