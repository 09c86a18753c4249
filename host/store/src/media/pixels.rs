//! Reads the size of a picture from its header, so that one with too many pixels is known before anybody decodes it
//! (case N6). Nothing is decoded here; a header that says nothing sensible says nothing.

use std::fs::File;
use std::io::{self, Read as _};

use crate::limits::DIMENSION_BYTES_MAX;

/// Width and height of a picture of that type, from the front of its file.
pub(super) fn size_of(content_type: &str, file: &File) -> io::Result<Option<(u32, u32)>> {
    let read: fn(&[u8]) -> Option<(u32, u32)> = match content_type {
        "image/png" => png,
        "image/gif" => gif,
        "image/jpeg" => jpeg,
        "image/webp" => webp,
        _ => return Ok(None),
    };
    let mut head = Vec::new();
    file.take(DIMENSION_BYTES_MAX).read_to_end(&mut head)?;
    Ok(read(&head).filter(|&(width, height)| width > 0 && height > 0))
}

fn png(head: &[u8]) -> Option<(u32, u32)> {
    (head.get(12..16)? == b"IHDR").then_some(())?;
    Some((be32(head.get(16..20)?)?, be32(head.get(20..24)?)?))
}

fn gif(head: &[u8]) -> Option<(u32, u32)> {
    Some((le16(head.get(6..8)?)?, le16(head.get(8..10)?)?))
}

/// Goes from segment to segment up to the one that begins the frame.
fn jpeg(head: &[u8]) -> Option<(u32, u32)> {
    let mut rest = head.get(2..)?;
    loop {
        let start = rest.iter().position(|&b| b != 0xff)?;
        let (marker, body) = (*rest.get(start)?, rest.get(start + 1..)?);
        match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((be16(body.get(5..7)?)?, be16(body.get(3..5)?)?));
            }
            // Markers without a body.
            0x01 | 0xd0..=0xd8 => rest = body,
            // The picture's data, or its end: no frame came before it.
            0x00 | 0xd9 | 0xda => return None,
            _ => rest = body.get(usize::try_from(be16(body.get(..2)?)?).ok()?..)?,
        }
        (rest.first()? == &0xff).then_some(())?;
    }
}

fn webp(head: &[u8]) -> Option<(u32, u32)> {
    match head.get(12..16)? {
        b"VP8X" => Some((le24(head.get(24..27)?)? + 1, le24(head.get(27..30)?)? + 1)),
        b"VP8 " => Some((le16(head.get(26..28)?)? & 0x3fff, le16(head.get(28..30)?)? & 0x3fff)),
        b"VP8L" => {
            let bits = u32::from_le_bytes(head.get(21..25)?.try_into().ok()?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    }
}

fn be16(bytes: &[u8]) -> Option<u32> {
    Some(u32::from(u16::from_be_bytes(bytes.try_into().ok()?)))
}

fn be32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

fn le16(bytes: &[u8]) -> Option<u32> {
    Some(u32::from(u16::from_le_bytes(bytes.try_into().ok()?)))
}

fn le24(bytes: &[u8]) -> Option<u32> {
    let [low, middle, high] = <[u8; 3]>::try_from(bytes).ok()?;
    Some(u32::from_le_bytes([low, middle, high, 0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x1f\x40\0\0\x0f\xa0\x08\x02";
    const GIF: &[u8] = b"GIF89a\x0a\x00\x14\x00\xf7";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x04JF\xff\xff\xc2\0\x11\x08\x00\x20\x00\x10\x03";
    const WEBP: &[u8] = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x8f\x01\x00\x2b\x01\x00";

    #[test]
    fn headers_say_the_size() {
        assert_eq!(png(PNG), Some((8000, 4000)));
        assert_eq!(gif(GIF), Some((10, 20)));
        assert_eq!(jpeg(JPEG), Some((16, 32)));
        assert_eq!(webp(WEBP), Some((400, 300)));
    }

    #[test]
    fn a_header_cut_anywhere_says_nothing() {
        for (read, head) in
            [(png as fn(&[u8]) -> _, &PNG[..24]), (gif, &GIF[..10]), (jpeg, &JPEG[..18]), (webp, &WEBP[..30])]
        {
            assert!((0..head.len()).all(|end| read(&head[..end]).is_none()));
        }
    }

    #[test]
    fn a_segment_that_leads_nowhere_ends_the_search() {
        assert_eq!(jpeg(b"\xff\xd8\xff\xe0\0\0\xff\xe0\0\0"), None);
        assert_eq!(jpeg(b"\xff\xd8\xff\xda\0\x04"), None);
        assert_eq!(jpeg(b"\xff\xd8\xff\xe0\xff\xff"), None);
    }
}
