//! HEIC and AVIF: the items of their boxes, read by `heifer`. Notes are overwritten where they stand, since everything
//! else in such a file is found by its place. Decodes nothing.

use heifer::heifer_isobmff::boxes::Property;
use heifer::heifer_isobmff::{HeifFile, is_image_item};

use super::{Cleaning, Exif, Survey, exif};
use crate::edit::Edit;
use crate::fault::Fault;
use crate::kind::Kind;
use crate::meta::xmp;

pub(super) fn survey(kind: Kind, bytes: &[u8]) -> Result<Survey, Fault> {
    let broken = |error| Fault::broken(kind, error);
    let file = HeifFile::parse(bytes).map_err(broken)?;
    let size = file.image_size(file.primary_id).map_err(broken)?;
    let (width, height) = size.ok_or_else(|| Fault::broken(kind, "it has no size"))?;
    // These are no notes: every reader turns the picture as they say.
    let turns = file.item_properties(file.primary_id).map_err(broken)?;
    let turns = turns.filter(|property| matches!(property, Property::Rotation(1 | 3))).count();
    let size = if turns % 2 == 1 { (height, width) } else { (width, height) };
    Ok(Survey::plain(kind, size))
}

pub(super) fn cleaning(kind: Kind, bytes: &[u8]) -> Result<Cleaning, Fault> {
    let broken = |error| Fault::broken(kind, error);
    let file = HeifFile::parse(bytes).map_err(broken)?;
    let mut cleaning = Cleaning::default();
    for item in &file.items {
        if is_image_item(item.item_type) {
            continue;
        }
        let data = file.item_data(item.id).map_err(broken)?;
        let Some(cleaned) = cleaned(&item.item_type.0, &data) else { continue };
        let Some(start) = place_of(bytes, &data) else {
            return Err(Fault::Sort { kind, detail: "a note that tells where it was taken lies in pieces".to_owned() });
        };
        cleaning.place(Edit::replace(start..start + cleaned.len(), cleaned));
    }
    Ok(cleaning)
}

/// A note of the same length that tells no place; nothing where it tells none.
fn cleaned(item_type: &[u8; 4], data: &[u8]) -> Option<Vec<u8>> {
    if item_type == b"Exif" {
        // Four bytes say how far the directory lies behind them.
        let offset = data.first_chunk::<4>().map(|offset| u32::from_be_bytes(*offset));
        let start = offset.and_then(|offset| usize::try_from(offset).ok()?.checked_add(4)).unwrap_or(usize::MAX);
        let tiff = data.get(start..).unwrap_or_default();
        let start = if tiff.starts_with(b"Exif\0\0") { start + 6 } else { start };
        let tiff = data.get(start..).unwrap_or_default();
        return match exif(tiff) {
            Exif::Kept => None,
            Exif::Cleaned(tiff) => Some([&data[..start], &tiff].concat()),
            // The side that is up is told by a property here, so nothing of it is needed.
            Exif::Unreadable { .. } => data.iter().any(|byte| *byte != 0).then(|| vec![0; data.len()]),
        };
    }
    let tells_place = if item_type == b"mime" { xmp::tells_place(data) } else { xmp::holds_coordinates(data) };
    tells_place.then(|| vec![b' '; data.len()])
}

/// Where a part of the file stands in it; nothing where it was put together elsewhere.
fn place_of(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let start = (part.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize)?;
    (bytes.get(start..start.checked_add(part.len())?)? == part).then_some(start)
}
