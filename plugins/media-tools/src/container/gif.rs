//! GIF: its blocks. Decodes nothing.

use std::ops::Range;

use super::{Cleaning, Survey};
use crate::edit::Edit;
use crate::fault::Fault;
use crate::kind::Kind;
use crate::limits::PARTS_MAX;
use crate::meta::xmp;

const EXTENSION: u8 = 0x21;
const PICTURE: u8 = 0x2C;
const TRAILER: u8 = 0x3B;
const COMMENT: u8 = 0xFE;
const APPLICATION: u8 = 0xFF;
/// The application under which XMP stands.
const XMP: &[u8] = b"\x0BXMP DataXMP";

enum Block {
    Picture,
    Extension { label: u8, whole: Range<usize>, body: Range<usize> },
}

/// The blocks, and where the last one ends.
fn parse(bytes: &[u8]) -> Result<(Vec<Block>, usize), Fault> {
    let cut_off = || Fault::CutOff { kind: Kind::Gif };
    let mut blocks = Vec::new();
    let mut at = 13 + table_bytes(*bytes.get(10).ok_or_else(cut_off)?);
    loop {
        let start = at;
        match bytes.get(at) {
            // Many programs forget the trailer, and no pixel is missing then.
            None if at == bytes.len() && !blocks.is_empty() => return Ok((blocks, at)),
            None => return Err(cut_off()),
            Some(&TRAILER) => return Ok((blocks, at + 1)),
            Some(&EXTENSION) => {
                let label = *bytes.get(at + 1).ok_or_else(cut_off)?;
                at = sub_blocks_end(bytes, at + 2).ok_or_else(cut_off)?;
                blocks.push(Block::Extension { label, whole: start..at, body: start + 2..at });
            }
            Some(&PICTURE) => {
                let flags = *bytes.get(at + 9).ok_or_else(cut_off)?;
                // The descriptor, its table of colours, the size of the first codes.
                at = sub_blocks_end(bytes, at + 10 + table_bytes(flags) + 1).ok_or_else(cut_off)?;
                blocks.push(Block::Picture);
            }
            Some(_) => return Err(Fault::broken(Kind::Gif, "there is no block where one has to be")),
        }
        if blocks.len() == PARTS_MAX {
            return Err(Fault::broken(Kind::Gif, "it has too many blocks"));
        }
    }
}

/// Bytes of a table of colours.
fn table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn sub_blocks_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}

pub(super) fn survey(bytes: &[u8]) -> Result<Survey, Fault> {
    let (blocks, _) = parse(bytes)?;
    let Some([w0, w1, h0, h1]) = bytes.get(6..10) else { return Err(Fault::CutOff { kind: Kind::Gif }) };
    let size = (u32::from(u16::from_le_bytes([*w0, *w1])), u32::from(u16::from_le_bytes([*h0, *h1])));
    let pictures = blocks.iter().filter(|block| matches!(block, Block::Picture)).count();
    Ok(Survey { is_animated: pictures > 1, ..Survey::plain(Kind::Gif, size) })
}

pub(super) fn cleaning(bytes: &[u8]) -> Result<Cleaning, Fault> {
    let (blocks, end) = parse(bytes)?;
    let mut cleaning = Cleaning::default();
    cleaning.cut_behind(bytes, end);
    for block in blocks {
        let Block::Extension { label, whole, body } = block else { continue };
        let body = &bytes[body];
        let tells_place = match (label, body.strip_prefix(XMP)) {
            // Its text stands there as it is, and behind it 257 bytes by which others find its end.
            (APPLICATION, Some(packet)) => xmp::tells_place(&packet[..packet.len().saturating_sub(258)]),
            (COMMENT, _) => xmp::holds_coordinates(&joined(body)),
            _ => false,
        };
        if tells_place {
            cleaning.place(Edit::remove(whole));
        }
    }
    Ok(cleaning)
}

/// The text of sub-blocks, without the lengths between them.
fn joined(mut bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (part, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        text.extend_from_slice(part);
        bytes = rest;
    }
    text
}
