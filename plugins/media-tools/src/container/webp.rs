//! WebP: the chunks of its RIFF. Decodes nothing.

use std::ops::Range;

use super::{Cleaning, Exif, Survey, exif};
use crate::edit::{self, Edit};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::limits::PARTS_MAX;
use crate::meta::{tiff, xmp};

const RIFF_HEAD_BYTES: usize = 12;
/// What the first byte of `VP8X` says there is.
const HAS_ANIMATION: u8 = 0x02;
const HAS_XMP: u8 = 0x04;
const HAS_EXIF: u8 = 0x08;

struct Chunk {
    name: [u8; 4],
    /// With its padding.
    whole: Range<usize>,
    body: Range<usize>,
}

/// The chunks, and where the last one ends.
fn parse(bytes: &[u8]) -> Result<(Vec<Chunk>, usize), Fault> {
    let cut_off = || Fault::CutOff { kind: Kind::WebP };
    let claimed = bytes.get(4..).and_then(<[u8]>::first_chunk::<4>).ok_or_else(cut_off)?;
    let end = usize::try_from(u32::from_le_bytes(*claimed)).ok().and_then(|length| length.checked_add(8));
    let end = end.filter(|end| *end <= bytes.len()).ok_or_else(cut_off)?;
    let mut chunks = Vec::new();
    let mut at = RIFF_HEAD_BYTES;
    while at < end {
        let head = bytes.get(at..end).and_then(<[u8]>::first_chunk::<8>).ok_or_else(cut_off)?;
        let [name @ .., l0, l1, l2, l3] = *head;
        let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).map_err(|_| cut_off())?;
        let start = at + 8;
        let body_end = start.checked_add(length).filter(|body_end| *body_end <= end).ok_or_else(cut_off)?;
        // The last one may lack its padding.
        let next = (body_end + length % 2).min(end);
        if chunks.len() == PARTS_MAX {
            return Err(Fault::broken(Kind::WebP, "it has too many chunks"));
        }
        chunks.push(Chunk { name, whole: at..next, body: start..body_end });
        at = next;
    }
    Ok((chunks, end))
}

/// The directory in a chunk of EXIF, before which some programs write what stands before it in a JPEG.
fn tiff_of<'a>(bytes: &'a [u8], chunk: &Chunk) -> (usize, &'a [u8]) {
    let body = &bytes[chunk.body.clone()];
    match body.strip_prefix(b"Exif\0\0") {
        Some(tiff) => (chunk.body.start + 6, tiff),
        None => (chunk.body.start, body),
    }
}

pub(super) fn survey(bytes: &[u8]) -> Result<Survey, Fault> {
    let (chunks, _) = parse(bytes)?;
    let first = chunks.first().map(|chunk| (&chunk.name, &bytes[chunk.body.clone()]));
    let (size, flags) = match first {
        Some((b"VP8X", [flags, _, _, _, w0, w1, w2, h0, h1, h2, ..])) => {
            let one_more = |bytes: [u8; 4]| u32::from_le_bytes(bytes) + 1;
            ((one_more([*w0, *w1, *w2, 0]), one_more([*h0, *h1, *h2, 0])), *flags)
        }
        Some((b"VP8L", [0x2F, b0, b1, b2, b3, ..])) => {
            let bits = u32::from_le_bytes([*b0, *b1, *b2, *b3]);
            (((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), 0)
        }
        Some((b"VP8 ", [_, _, _, 0x9D, 0x01, 0x2A, w0, w1, h0, h1, ..])) => {
            let low_14_bits = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3FFF);
            ((low_14_bits([*w0, *w1]), low_14_bits([*h0, *h1])), 0)
        }
        _ => return Err(Fault::broken(Kind::WebP, "it does not begin with a picture")),
    };
    let exif = chunks.iter().find(|chunk| &chunk.name == b"EXIF");
    Ok(Survey {
        orientation: exif.map_or(1, |chunk| tiff::orientation(tiff_of(bytes, chunk).1)),
        is_animated: flags & HAS_ANIMATION != 0,
        ..Survey::plain(Kind::WebP, size)
    })
}

pub(super) fn cleaning(bytes: &[u8]) -> Result<Cleaning, Fault> {
    let (chunks, end) = parse(bytes)?;
    let mut cleaning = Cleaning::default();
    let mut gone = 0;
    for chunk in &chunks {
        match &chunk.name {
            b"EXIF" => {
                let (start, tiff) = tiff_of(bytes, chunk);
                match exif(tiff) {
                    Exif::Kept => {}
                    Exif::Cleaned(tiff) => cleaning.place(Edit::replace(start..chunk.body.end, tiff)),
                    Exif::Unreadable { orientation: 1 } => {
                        gone |= HAS_EXIF;
                        cleaning.unreadable(Edit::remove(chunk.whole.clone()));
                    }
                    Exif::Unreadable { orientation } => {
                        let tiff = tiff::only_orientation(orientation);
                        let length = u32::try_from(tiff.len()).unwrap_or(u32::MAX);
                        let written = [b"EXIF", length.to_le_bytes().as_slice(), &tiff].concat();
                        cleaning.unreadable(Edit::replace(chunk.whole.clone(), written));
                    }
                }
            }
            b"XMP " if xmp::tells_place(&bytes[chunk.body.clone()]) => {
                gone |= HAS_XMP;
                cleaning.place(Edit::remove(chunk.whole.clone()));
            }
            _ => {}
        }
    }
    let flags = chunks.first().filter(|chunk| &chunk.name == b"VP8X").map(|chunk| chunk.body.start);
    if let Some((at, flags)) = flags.and_then(|at| bytes.get(at).map(|flags| (at, *flags)))
        && gone != 0
    {
        cleaning.edits.push(Edit::replace(at..at + 1, vec![flags & !gone]));
    }
    let length = u32::try_from(edit::length(end, &cleaning.edits).saturating_sub(8)).unwrap_or(u32::MAX);
    if !cleaning.edits.is_empty() {
        cleaning.edits.push(Edit::replace(4..8, length.to_le_bytes().to_vec()));
    }
    cleaning.cut_behind(bytes, end);
    Ok(cleaning)
}
