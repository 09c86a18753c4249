//! PNG: its chunks. Nothing is decoded but the texts, as far as they are short.

use std::io::Read;
use std::ops::Range;

use flate2::Crc;
use flate2::read::ZlibDecoder;

use super::{Cleaning, Exif, Survey, exif};
use crate::edit::Edit;
use crate::fault::Fault;
use crate::kind::Kind;
use crate::limits::{PARTS_MAX, TEXT_BYTES_MAX, TEXTS_BYTES_MAX};
use crate::meta::{iptc, tiff, xmp};

const SIGNATURE_BYTES: usize = 8;
/// The keyword under which some programs keep notes of other formats in hexadecimal digits.
const RAW_PROFILE: &[u8] = b"Raw profile type ";

struct Chunk {
    name: [u8; 4],
    whole: Range<usize>,
    body: Range<usize>,
}

/// The chunks, and where the last one ends.
fn parse(bytes: &[u8]) -> Result<(Vec<Chunk>, usize), Fault> {
    let cut_off = || Fault::CutOff { kind: Kind::Png };
    let mut chunks = Vec::new();
    let mut at = SIGNATURE_BYTES;
    loop {
        let head = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>).ok_or_else(cut_off)?;
        let [l3, l2, l1, l0, name @ ..] = *head;
        let length = usize::try_from(u32::from_be_bytes([l3, l2, l1, l0])).map_err(|_| cut_off())?;
        let start = at + 8;
        let end = start.checked_add(length).ok_or_else(cut_off)?;
        let whole_end = end.checked_add(4).filter(|end| *end <= bytes.len()).ok_or_else(cut_off)?;
        if chunks.len() == PARTS_MAX {
            return Err(Fault::broken(Kind::Png, "it has too many chunks"));
        }
        chunks.push(Chunk { name, whole: at..whole_end, body: start..end });
        at = whole_end;
        if &name == b"IEND" {
            return Ok((chunks, at));
        }
    }
}

pub(super) fn survey(bytes: &[u8]) -> Result<Survey, Fault> {
    let (chunks, _) = parse(bytes)?;
    let body = |name: &[u8; 4]| chunks.iter().find(|chunk| &chunk.name == name).map(|chunk| &bytes[chunk.body.clone()]);
    let Some([w3, w2, w1, w0, h3, h2, h1, h0, ..]) = body(b"IHDR") else {
        return Err(Fault::broken(Kind::Png, "it has no header"));
    };
    let size = (u32::from_be_bytes([*w3, *w2, *w1, *w0]), u32::from_be_bytes([*h3, *h2, *h1, *h0]));
    Ok(Survey {
        orientation: body(b"eXIf").map_or(1, tiff::orientation),
        is_animated: body(b"acTL").is_some(),
        ..Survey::plain(Kind::Png, size)
    })
}

pub(super) fn cleaning(bytes: &[u8]) -> Result<Cleaning, Fault> {
    let (chunks, end) = parse(bytes)?;
    let mut cleaning = Cleaning::default();
    cleaning.cut_behind(bytes, end);
    let mut room = TEXTS_BYTES_MAX;
    for chunk in chunks {
        let body = &bytes[chunk.body.clone()];
        match &chunk.name {
            b"eXIf" => match exif(body) {
                Exif::Kept => {}
                Exif::Cleaned(tiff) => cleaning.place(Edit::replace(chunk.whole, written(&tiff))),
                Exif::Unreadable { orientation: 1 } => cleaning.unreadable(Edit::remove(chunk.whole)),
                Exif::Unreadable { orientation } => {
                    cleaning.unreadable(Edit::replace(chunk.whole, written(&tiff::only_orientation(orientation))));
                }
            },
            b"tEXt" | b"zTXt" | b"iTXt" if text_tells_place(&chunk.name, body, &mut room) => {
                cleaning.place(Edit::remove(chunk.whole));
            }
            _ => {}
        }
    }
    Ok(cleaning)
}

/// A chunk of EXIF.
fn written(tiff: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(b"eXIf");
    crc.update(tiff);
    let length = u32::try_from(tiff.len()).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), b"eXIf", tiff, &crc.sum().to_be_bytes()].concat()
}

/// Whether a text tells a place. One that cannot be read counts as telling, and so does one for which there is no `room`.
fn text_tells_place(name: &[u8; 4], body: &[u8], room: &mut u64) -> bool {
    let Some((keyword, rest)) = split_at_zero(body) else { return true };
    let text = match name {
        b"tEXt" => Some(rest.to_vec()),
        b"zTXt" => rest.strip_prefix(&[0]).and_then(|text| inflated(text, room)),
        // Whether it is compressed, how, and then a language and a translated keyword.
        _ => match rest {
            [is_compressed, _, rest @ ..] => split_at_zero(rest)
                .and_then(|(_, rest)| split_at_zero(rest))
                .and_then(|(_, text)| if *is_compressed == 0 { Some(text.to_vec()) } else { inflated(text, room) }),
            _ => None,
        },
    };
    let Some(text) = text else { return true };
    if let Some(sort) = keyword.strip_prefix(RAW_PROFILE) {
        return raw_profile_tells_place(sort, &text);
    }
    if keyword == b"XML:com.adobe.xmp" {
        return xmp::tells_place(&text);
    }
    xmp::tells_place(keyword) || xmp::holds_coordinates(&text)
}

fn split_at_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn inflated(bytes: &[u8], room: &mut u64) -> Option<Vec<u8>> {
    let most = TEXT_BYTES_MAX.min(*room);
    if most == 0 {
        return None;
    }
    let mut text = Vec::new();
    let outcome = ZlibDecoder::new(bytes).take(most + 1).read_to_end(&mut text);
    let read = text.len() as u64;
    // What breaks off has been work as well.
    *room = room.saturating_sub(read);
    (outcome.is_ok() && read <= most).then_some(text)
}

/// Whether a note in hexadecimal digits tells a place: a line with its name, one with its length, then the digits.
fn raw_profile_tells_place(sort: &[u8], text: &[u8]) -> bool {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let Some(digits) = lines.get(2..) else { return true };
    let digits: Option<Vec<u8>> = digits.concat().iter().filter(|b| !b.is_ascii_whitespace()).map(digit).collect();
    let Some(digits) = digits else { return true };
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let tells = |tiff: &[u8]| !matches!(exif(tiff), Exif::Kept);
    match sort {
        b"exif" | b"APP1" => match bytes.strip_prefix(b"Exif\0\0") {
            Some(tiff) => tells(tiff),
            None => tells(&bytes) && xmp::tells_place(&bytes),
        },
        b"xmp" => xmp::tells_place(&bytes),
        b"iptc" | b"8bim" => {
            if bytes.starts_with(b"8BIM") {
                iptc::resources_tell_place(&bytes)
            } else {
                iptc::tells_place(&bytes)
            }
        }
        b"icc" | b"icm" => false,
        _ => xmp::holds_coordinates(&bytes),
    }
}

fn digit(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
