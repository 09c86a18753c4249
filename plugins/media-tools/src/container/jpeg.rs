//! JPEG (ITU-T T.81): its segments, up to the end of the picture. Decodes nothing.

use std::ops::Range;

use super::{Cleaning, Coding, Exif, Survey, exif};
use crate::edit::Edit;
use crate::fault::Fault;
use crate::kind::Kind;
use crate::limits::PARTS_MAX;
use crate::meta::{iptc, tiff, xmp};

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const MORE_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
/// What stands before the text in each part of extended XMP: its digest, the whole length, where this part begins.
const MORE_XMP_HEAD_BYTES: usize = 40;
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
const PROFILE: &[u8] = b"ICC_PROFILE\0";
/// Says where other pictures lie behind this one.
const PICTURES: &[u8] = b"MPF\0";

/// A marker with what belongs to it.
struct Segment {
    marker: u8,
    whole: Range<usize>,
    body: Range<usize>,
}

struct Jpeg {
    segments: Vec<Segment>,
    /// Behind the marker that ends the picture.
    end: usize,
}

fn parse(bytes: &[u8]) -> Result<Jpeg, Fault> {
    let cut_off = || Fault::CutOff { kind: Kind::Jpeg };
    let mut segments = Vec::new();
    let mut at = 2;
    loop {
        let start = at;
        if bytes.get(at).ok_or_else(cut_off)? != &0xFF {
            return Err(Fault::broken(Kind::Jpeg, "there is no marker where one has to be"));
        }
        // A marker may be filled up with any number of these.
        while bytes.get(at).ok_or_else(cut_off)? == &0xFF {
            at += 1;
        }
        let marker = bytes[at];
        at += 1;
        match marker {
            0xD9 => return Ok(Jpeg { segments, end: at }),
            0x01 | 0xD0..=0xD8 => continue,
            _ => {}
        }
        let length = bytes.get(at..).and_then(<[u8]>::first_chunk::<2>).ok_or_else(cut_off)?;
        let end = at + usize::from(u16::from_be_bytes(*length));
        if end < at + 2 {
            return Err(Fault::broken(Kind::Jpeg, "a segment is shorter than its own length"));
        }
        if end > bytes.len() {
            return Err(cut_off());
        }
        if segments.len() == PARTS_MAX {
            return Err(Fault::broken(Kind::Jpeg, "it has too many segments"));
        }
        segments.push(Segment { marker, whole: start..end, body: at + 2..end });
        at = end;
        if marker == 0xDA {
            at = scan_end(bytes, at).ok_or_else(cut_off)?;
        }
    }
}

/// Where the entropy-coded data that begin here are followed by a marker.
fn scan_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0xFF)?;
        match bytes.get(at + 1)? {
            0x00 | 0xD0..=0xD7 => at += 2,
            // A fill byte.
            0xFF => at += 1,
            _ => return Some(at),
        }
    }
}

/// Whether this is the header of a frame (table B.1), which tells the size.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF)
}

pub(super) fn survey(bytes: &[u8]) -> Result<Survey, Fault> {
    let jpeg = parse(bytes)?;
    let body = |segment: &Segment| &bytes[segment.body.clone()];
    let frame = jpeg.segments.iter().find(|segment| is_frame(segment.marker));
    let Some((marker, [_, h1, h0, w1, w0, components, sampled @ ..])) = frame.map(|frame| (frame.marker, body(frame)))
    else {
        return Err(Fault::broken(Kind::Jpeg, "it has no frame"));
    };
    let size = (u32::from(u16::from_be_bytes([*w1, *w0])), u32::from(u16::from_be_bytes([*h1, *h0])));
    let scan = jpeg.segments.iter().find(|segment| segment.marker == 0xDA);
    let in_scan =
        scan.and_then(|scan| body(scan).first()).ok_or_else(|| Fault::broken(Kind::Jpeg, "it has no scan"))?;
    // Of each four codes of frames the third is progressive.
    let is_held = marker % 4 == 2 || in_scan < components;
    let coding = if is_held { Coding::Held { bytes: held(size, sampled) } } else { Coding::Plain };
    let exif = jpeg.segments.iter().filter(|segment| segment.marker == 0xE1).find_map(|s| body(s).strip_prefix(EXIF));
    let orientation = exif.map_or(1, tiff::orientation);
    Ok(Survey { orientation, coding, ..Survey::plain(Kind::Jpeg, size) })
}

/// Bytes of all coefficients: two for each, of components that are not all as fine as the picture (A.1.1).
fn held((width, height): (u32, u32), sampled: &[u8]) -> u64 {
    let factors = sampled.chunks_exact(3).map(|component| (u64::from(component[1] >> 4), u64::from(component[1] & 15)));
    let (across, down) = factors.clone().fold((1, 1), |most, factor| (most.0.max(factor.0), most.1.max(factor.1)));
    let blocks_of_all = u64::from(width).div_ceil(8 * across) * u64::from(height).div_ceil(8 * down);
    factors.map(|(across, down)| blocks_of_all * across * down * 64 * 2).sum()
}

pub(super) fn cleaning(bytes: &[u8]) -> Result<Cleaning, Fault> {
    let jpeg = parse(bytes)?;
    let mut cleaning = Cleaning::default();
    let has_more = cleaning.cut_behind(bytes, jpeg.end);
    let body = |segment: &Segment| &bytes[segment.body.clone()];
    let of = |marker: u8, prefix: &'static [u8]| {
        jpeg.segments.iter().filter(move |s| s.marker == marker && body(s).starts_with(prefix))
    };
    // Extended XMP goes on in the next segment in the middle of a word.
    let more: Vec<u8> = of(0xE1, MORE_XMP)
        .flat_map(|s| body(s).get(MORE_XMP.len() + MORE_XMP_HEAD_BYTES..).unwrap_or_default())
        .copied()
        .collect();
    let xmp_tells = xmp::tells_place(&more) || of(0xE1, XMP).any(|s| xmp::tells_place(&body(s)[XMP.len()..]));
    let resources: Vec<u8> = of(0xED, PHOTOSHOP).flat_map(|s| &body(s)[PHOTOSHOP.len()..]).copied().collect();
    let resources_tell = iptc::resources_tell_place(&resources);

    for segment in &jpeg.segments {
        let whole = segment.whole.clone();
        let body = body(segment);
        match segment.marker {
            0xE1 if body.starts_with(EXIF) => match exif(&body[EXIF.len()..]) {
                Exif::Kept => {}
                Exif::Cleaned(tiff) => {
                    let at = segment.body.start + EXIF.len()..segment.body.end;
                    cleaning.place(Edit::replace(at, tiff));
                }
                Exif::Unreadable { orientation } => cleaning.unreadable(Edit::replace(whole, note_of(orientation))),
            },
            0xE1 if body.starts_with(XMP) || body.starts_with(MORE_XMP) => {
                if xmp_tells {
                    cleaning.place(Edit::remove(whole));
                } else if has_more && xmp::tells_of_more(body) {
                    cleaning.edits.push(Edit::remove(whole));
                }
            }
            0xED if resources_tell && body.starts_with(PHOTOSHOP) => cleaning.place(Edit::remove(whole)),
            0xE2 if body.starts_with(PROFILE) => {}
            0xE2 if has_more && body.starts_with(PICTURES) => cleaning.edits.push(Edit::remove(whole)),
            0xE1..=0xEF | 0xFE if xmp::holds_coordinates(body) => cleaning.place(Edit::remove(whole)),
            _ => {}
        }
    }
    Ok(cleaning)
}

/// A segment that says which side is up, or nothing where that is the upper one.
fn note_of(orientation: u8) -> Vec<u8> {
    if orientation == 1 {
        return Vec::new();
    }
    let body = [EXIF, &tiff::only_orientation(orientation)].concat();
    let length = u16::try_from(body.len() + 2).unwrap_or(u16::MAX);
    [&[0xFF, 0xE1], length.to_be_bytes().as_slice(), &body].concat()
}
