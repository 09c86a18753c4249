//! The directories of TIFF, in which EXIF is written too: reads the orientation and the size, and takes places out
//! where they stand, value by value, so that no byte moves. Whatever else a directory says stays as it is.

use std::ops::Range;

use crate::limits::DIRECTORIES_MAX;
use crate::meta::{iptc, xmp};

const WIDTH: u16 = 0x0100;
const HEIGHT: u16 = 0x0101;
const ORIENTATION: u16 = 0x0112;
const SUB_DIRECTORIES: u16 = 0x014A;
const XMP: u16 = 0x02BC;
const IPTC: u16 = 0x83BB;
const PHOTOSHOP: u16 = 0x8649;
const EXIF: u16 = 0x8769;
const GPS: u16 = 0x8825;
const INTEROPERABILITY: u16 = 0xA005;

/// Bytes of an entry: tag, type, count, and the value or where it stands.
const ENTRY_BYTES: usize = 12;

/// It cannot be followed: an offset leads outside, or there are more directories than any camera writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a directory of it cannot be followed")]
pub(crate) struct Broken;

/// What the first directory says of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    /// 1 to 8; 1 where there is none, or another number.
    pub(crate) orientation: u8,
}

/// Reads the first directory.
pub(crate) fn facts(bytes: &[u8]) -> Result<Facts, Broken> {
    let reader = Reader::new(bytes)?;
    let first = reader.directory(reader.long(4)?)?;
    let number = |tag| first.entries.iter().find(|entry| entry.tag == tag).and_then(|entry| reader.number(entry));
    let orientation = number(ORIENTATION).and_then(|value| u8::try_from(value).ok());
    Ok(Facts {
        width: number(WIDTH),
        height: number(HEIGHT),
        orientation: orientation.filter(|value| (1..=8).contains(value)).unwrap_or(1),
    })
}

/// The orientation, as far as it can be read.
pub(crate) fn orientation(bytes: &[u8]) -> u8 {
    facts(bytes).map_or(1, |facts| facts.orientation)
}

/// EXIF that says nothing but this orientation.
pub(crate) fn only_orientation(orientation: u8) -> Vec<u8> {
    let mut bytes = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    bytes.extend([orientation, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// The same bytes without any place: the directories of GPS and their values are zeroed, and the entries that led there
/// are gone, as are XMP and IPTC that tell a place. Nothing where there was no place.
pub(crate) fn without_place(bytes: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
    let mut cleaned = bytes.to_vec();
    if !clean(bytes, &mut cleaned)? {
        return Ok(None);
    }
    // Values may overlap with directories in a file that means no good, and then this tells a place still.
    if clean(&cleaned, &mut bytes.to_vec()) == Ok(false) { Ok(Some(cleaned)) } else { Err(Broken) }
}

fn clean(bytes: &[u8], cleaned: &mut [u8]) -> Result<bool, Broken> {
    let reader = Reader::new(bytes)?;
    let mut waiting = vec![reader.long(4)?];
    let mut seen: Vec<u32> = Vec::new();
    let mut room = Room(bytes.len());
    let mut is_changed = false;
    while let Some(at) = waiting.pop() {
        if at == 0 || seen.contains(&at) {
            continue;
        }
        if seen.len() == DIRECTORIES_MAX {
            return Err(Broken);
        }
        seen.push(at);
        let directory = reader.directory(at)?;
        waiting.push(directory.next);
        let mut kept = Vec::new();
        for entry in &directory.entries {
            match entry.tag {
                EXIF | INTEROPERABILITY | SUB_DIRECTORIES => waiting.extend(reader.pointers(entry)?),
                GPS => {
                    for at in reader.pointers(entry)? {
                        reader.wipe_directory(at, cleaned, &mut room)?;
                    }
                }
                _ => {}
            }
            if reader.tells_place(entry, &mut room)? {
                wipe(cleaned, reader.value(entry)?);
            } else {
                kept.push(entry);
            }
        }
        if kept.len() < directory.entries.len() {
            is_changed = true;
            reader.rewrite(&directory, &kept, cleaned)?;
        }
    }
    Ok(is_changed)
}

/// Bytes of values and directories of places that may still be looked at. In a file that means well no two of them share
/// a byte, so together they are no longer than it; entries that all name the same megabytes would take hours.
struct Room(usize);

impl Room {
    fn take(&mut self, value: Range<usize>) -> Result<Range<usize>, Broken> {
        self.0 = self.0.checked_sub(value.len()).ok_or(Broken)?;
        Ok(value)
    }
}

fn wipe(bytes: &mut [u8], at: Range<usize>) {
    if let Some(bytes) = bytes.get_mut(at) {
        bytes.fill(0);
    }
}

struct Directory {
    /// Of the count of entries.
    start: usize,
    entries: Vec<Entry>,
    next: u32,
}

struct Entry {
    /// Of its twelve bytes.
    start: usize,
    tag: u16,
    sort: u16,
    count: u32,
}

struct Reader<'a> {
    bytes: &'a [u8],
    is_little: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Broken> {
        match bytes {
            [b'I', b'I', 42, 0, ..] => Ok(Self { bytes, is_little: true }),
            [b'M', b'M', 0, 42, ..] => Ok(Self { bytes, is_little: false }),
            _ => Err(Broken),
        }
    }

    fn short(&self, at: usize) -> Result<u16, Broken> {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<2>).ok_or(Broken)?;
        Ok(if self.is_little { u16::from_le_bytes(*bytes) } else { u16::from_be_bytes(*bytes) })
    }

    fn long(&self, at: usize) -> Result<u32, Broken> {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<4>).ok_or(Broken)?;
        Ok(if self.is_little { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) })
    }

    fn directory(&self, at: u32) -> Result<Directory, Broken> {
        let start = usize::try_from(at).map_err(|_| Broken)?;
        let count = usize::from(self.short(start)?);
        let first = start + 2;
        let mut entries = Vec::with_capacity(count.min(256));
        for index in 0..count {
            let start = first + index * ENTRY_BYTES;
            let entry =
                Entry { start, tag: self.short(start)?, sort: self.short(start + 2)?, count: self.long(start + 4)? };
            self.long(start + 8)?;
            entries.push(entry);
        }
        // Some cameras end the last directory without saying that no other follows.
        let next = self.long(first + count * ENTRY_BYTES).unwrap_or(0);
        Ok(Directory { start, entries, next })
    }

    /// Where the value of an entry stands.
    fn value(&self, entry: &Entry) -> Result<Range<usize>, Broken> {
        let size = match entry.sort {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 => 8,
            _ => return Err(Broken),
        };
        let count = usize::try_from(entry.count).map_err(|_| Broken)?;
        let length = count.checked_mul(size).ok_or(Broken)?;
        let start = if length <= 4 {
            entry.start + 8
        } else {
            usize::try_from(self.long(entry.start + 8)?).map_err(|_| Broken)?
        };
        let end = start.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or(Broken)?;
        Ok(start..end)
    }

    /// One number, short or long.
    fn number(&self, entry: &Entry) -> Option<u32> {
        match (entry.sort, entry.count) {
            (3, 1) => self.short(entry.start + 8).ok().map(u32::from),
            (4, 1) => self.long(entry.start + 8).ok(),
            _ => None,
        }
    }

    /// Where the directories that an entry names stand.
    fn pointers(&self, entry: &Entry) -> Result<Vec<u32>, Broken> {
        if !matches!(entry.sort, 4 | 13) || entry.count as usize > DIRECTORIES_MAX {
            return Err(Broken);
        }
        self.value(entry)?.step_by(4).map(|at| self.long(at)).collect()
    }

    fn tells_place(&self, entry: &Entry, room: &mut Room) -> Result<bool, Broken> {
        let tells: fn(&[u8]) -> bool = match entry.tag {
            GPS => return Ok(true),
            XMP => xmp::tells_place,
            IPTC => iptc::tells_place,
            PHOTOSHOP => iptc::resources_tell_place,
            _ => return Ok(false),
        };
        Ok(tells(&self.bytes[room.take(self.value(entry)?)?]))
    }

    /// Zeroes a directory and all values that it points at.
    fn wipe_directory(&self, at: u32, cleaned: &mut [u8], room: &mut Room) -> Result<(), Broken> {
        let directory = self.directory(at)?;
        let end = directory.start + 2 + directory.entries.len() * ENTRY_BYTES + 4;
        let whole = room.take(directory.start..end.min(self.bytes.len()))?;
        for entry in &directory.entries {
            // A short one stands in the entry itself.
            let value = self.value(entry)?;
            let value = if value.len() <= 4 { value } else { room.take(value)? };
            wipe(cleaned, value);
        }
        wipe(cleaned, whole);
        Ok(())
    }

    /// Writes a directory again with these of its entries; the room of the others is zeroed.
    fn rewrite(&self, directory: &Directory, kept: &[&Entry], cleaned: &mut [u8]) -> Result<(), Broken> {
        let count = u16::try_from(kept.len()).map_err(|_| Broken)?;
        let number = if self.is_little { count.to_le_bytes() } else { count.to_be_bytes() };
        let next = if self.is_little { directory.next.to_le_bytes() } else { directory.next.to_be_bytes() };
        let mut written = number.to_vec();
        for entry in kept {
            written.extend_from_slice(self.bytes.get(entry.start..entry.start + ENTRY_BYTES).ok_or(Broken)?);
        }
        written.extend(next);
        let end = directory.start + 2 + directory.entries.len() * ENTRY_BYTES + 4;
        let room = cleaned.len().min(end);
        let room = cleaned.get_mut(directory.start..room).ok_or(Broken)?;
        // The room for the entries that are gone is at least as long as the link that the directory may lack.
        room.fill(0);
        room.get_mut(..written.len()).ok_or(Broken)?.copy_from_slice(&written);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
