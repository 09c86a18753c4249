//! Finds values in the directories of a TIFF, which is what Exif is stored as. Copies nothing and follows no chain, so
//! that hostile bytes cost no more than a look. Knows numbers, not what they mean.

/// Entries of a directory that are looked at: cameras write some sixty.
const ENTRIES_MAX: usize = 512;

/// In which order the bytes of a number stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// The bytes of a TIFF whose header was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiff<'a> {
    bytes: &'a [u8],
    order: Order,
}

/// A directory within it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Directory<'a> {
    tiff: Tiff<'a>,
    entries: &'a [u8],
}

/// The values behind one tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    tiff: Tiff<'a>,
    kind: u16,
    bytes: &'a [u8],
}

impl<'a> Tiff<'a> {
    /// Reads the header; nothing where it is none.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let order = match bytes.get(..4)? {
            b"II*\0" => Order::Little,
            b"MM\0*" => Order::Big,
            _ => return None,
        };
        Some(Self { bytes, order })
    }

    /// The first directory.
    pub(crate) fn first(self) -> Option<Directory<'a>> {
        self.directory(self.number(self.bytes.get(4..8)?)?)
    }

    fn directory(self, offset: u32) -> Option<Directory<'a>> {
        let rest = self.bytes.get(usize::try_from(offset).ok()?..)?;
        let count = usize::try_from(self.number(rest.get(..2)?)?).ok()?.min(ENTRIES_MAX);
        // One that is cut off shows the entries that are there.
        let entries = rest.get(2..)?;
        let length = (count * 12).min(entries.len() / 12 * 12);
        Some(Directory { tiff: self, entries: &entries[..length] })
    }

    /// A whole number of two or four bytes.
    fn number(self, bytes: &[u8]) -> Option<u32> {
        if let Ok(two) = <[u8; 2]>::try_from(bytes) {
            let number = match self.order {
                Order::Little => u16::from_le_bytes(two),
                Order::Big => u16::from_be_bytes(two),
            };
            return Some(u32::from(number));
        }
        let four = bytes.try_into().ok()?;
        Some(match self.order {
            Order::Little => u32::from_le_bytes(four),
            Order::Big => u32::from_be_bytes(four),
        })
    }
}

impl<'a> Directory<'a> {
    /// The values behind a tag.
    pub(crate) fn find(&self, tag: u16) -> Option<Values<'a>> {
        let tiff = self.tiff;
        let entry = self.entries.chunks_exact(12).find(|entry| tiff.number(&entry[..2]) == Some(u32::from(tag)))?;
        let kind = u16::try_from(tiff.number(&entry[2..4])?).ok()?;
        let count = usize::try_from(tiff.number(&entry[4..8])?).ok()?;
        let length = count.checked_mul(size_of_kind(kind)?)?;
        let bytes = if length <= 4 {
            &entry[8..8 + length]
        } else {
            let start = usize::try_from(tiff.number(&entry[8..])?).ok()?;
            tiff.bytes.get(start..start.checked_add(length)?)?
        };
        Some(Values { tiff, kind, bytes })
    }

    /// The directory that a tag points to.
    pub(crate) fn below(&self, tag: u16) -> Option<Self> {
        self.tiff.directory(self.find(tag)?.whole()?)
    }
}

impl<'a> Values<'a> {
    /// The first value as a whole number.
    pub(crate) fn whole(&self) -> Option<u32> {
        match self.kind {
            1 => self.bytes.first().copied().map(u32::from),
            3 => self.tiff.number(self.bytes.get(..2)?),
            4 => self.tiff.number(self.bytes.get(..4)?),
            _ => None,
        }
    }

    /// Fraction number `index`, counted from zero, as numerator and denominator; none with a denominator of zero.
    pub(crate) fn fraction(&self, index: usize) -> Option<(u32, u32)> {
        if self.kind != 5 {
            return None;
        }
        let bytes = self.bytes.chunks_exact(8).nth(index)?;
        let (above, below) = (self.tiff.number(&bytes[..4])?, self.tiff.number(&bytes[4..])?);
        (below != 0).then_some((above, below))
    }

    /// The bytes of a text, up to the first zero.
    pub(crate) fn text(&self) -> Option<&'a [u8]> {
        (self.kind == 2).then(|| self.bytes.split(|byte| *byte == 0).next().unwrap_or_default())
    }

    /// The bytes of what has no type of its own.
    pub(crate) fn raw(&self) -> Option<&'a [u8]> {
        (self.kind == 7).then_some(self.bytes)
    }
}

/// Bytes of one value, by the table of TIFF 6.0, section 2.
fn size_of_kind(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 => Some(4),
        5 | 10 | 12 => Some(8),
        _ => None,
    }
}
