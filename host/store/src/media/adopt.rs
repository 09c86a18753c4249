//! Takes files of the older gateway in: what lies in an area without a row becomes a medium under its own name when it
//! is first asked for. Nothing is taken in that nobody asks for.

use std::io::Read as _;

use cap_std::fs::MetadataExt as _;
use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::media::{MediaRef, MediaRefusalCode};

use super::row::MediumRow;
use super::{MediaError, no_file, partials, refused, row};
use crate::beneath;
use crate::db::{Store, StoreError};

/// Copies the file into one of ours and puts that in its place: whoever still has the old one open for writing, or by
/// another hard link, cannot change the medium (case O7).
pub(super) fn adopt(store: &Store, media: &MediaRef) -> Result<MediumRow, MediaError> {
    let _one_at_a_time = store.adopting();
    if let Some(row) = row::find(store, media)? {
        return Ok(row);
    }
    let opened = store.area(&media.area).and_then(|area| beneath::open_file(&area, media.id.as_str()));
    let (mut file, metadata) = opened.map_err(|no| no_file(no, media))?;
    if metadata.nlink() > 1 {
        return Err(refused(MediaRefusalCode::InvalidPath, media, "has a second name (a hard link) elsewhere"));
    }
    if metadata.size() > MEDIUM_BYTES_MAX {
        let rule = format!("has more than {MEDIUM_BYTES_MAX} bytes");
        return Err(refused(MediaRefusalCode::TooLarge, media, &rule));
    }
    let name = original_name(media.id.as_str());
    let mut new = store.media_begin_taking_in(media.area.clone(), &name)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = file.read(&mut buffer).map_err(MediaError::io("read a file of the older gateway"))?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        new.write(bytes)?;
    }
    // Where another process was faster, its row is the one that counts.
    new.finish_over(media.clone(), partials::modified_ms(&metadata))?;
    let row = row::find(store, media)?;
    row.ok_or_else(|| StoreError::Corrupt { what: format!("row of `{media}`") }.into())
}

/// The sender's name in an id of the older gateway: `report---<uuid>.pdf` was `report.pdf` (case L9).
pub(super) fn original_name(id: &str) -> String {
    let (stem, extension) = id.rsplit_once('.').map_or((id, None), |(stem, extension)| (stem, Some(extension)));
    match stem.rsplit_once("---") {
        Some((name, uuid)) if !name.is_empty() && is_uuid(uuid) => match extension {
            Some(extension) => format!("{name}.{extension}"),
            None => name.to_owned(),
        },
        _ => id.to_owned(),
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::original_name;

    #[test]
    fn the_name_before_the_uuid_is_the_senders() {
        let uuid = "3F2504E0-4f89-11d3-9A0C-0305e82c3301";
        for (id, name) in [
            (format!("report---{uuid}.pdf"), "report.pdf".to_owned()),
            (format!("ü---{uuid}.png"), "ü.png".to_owned()),
            (format!("a---b---{uuid}"), "a---b".to_owned()),
            ("foo---bar.txt".to_owned(), "foo---bar.txt".to_owned()),
            (format!("{uuid}.jpg"), format!("{uuid}.jpg")),
            (format!("---{uuid}.jpg"), format!("---{uuid}.jpg")),
        ] {
            assert_eq!(original_name(&id), name, "{id}");
        }
    }
}
