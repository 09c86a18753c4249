//! Stored media as people read them.

use creel_store::media::{AreaTotal, MediaHolder, Medium, Swept, Verification};

use super::table::{Table, plain};
use super::{Style, shown};
use crate::clock::rfc3339;

/// What is stored, a line each, and how much of it.
pub(crate) fn media_list(media: &[Medium], areas: &[AreaTotal], now_ms: u64, style: Style) -> String {
    if media.is_empty() {
        return "no media are stored; `creel media put FILE` stores one\n".to_owned();
    }
    let heads =
        [("medium", plain as super::table::Paint), ("type", plain), ("size", plain), ("age", plain), ("name", plain)];
    let mut table = Table::new(&heads);
    for medium in media {
        table.row([
            medium.media.to_string(),
            medium.content_type.clone(),
            size(medium.size),
            super::vault::age(now_ms.saturating_sub(medium.created_ms) / 1_000),
            medium.name.clone().unwrap_or_default(),
        ]);
    }
    let mut text = table.render(style);
    for total in areas.iter().filter(|total| total.media > 0) {
        let AreaTotal { area, media, bytes, quota_bytes } = total;
        text.push_str(&format!("{area}: {}, {} of {}\n", count(*media), size(*bytes), size(*quota_bytes)));
    }
    text
}

/// All that is known of a medium.
pub(crate) fn medium(medium: &Medium, holders: &[MediaHolder], style: Style) -> String {
    let mut text = format!("{}\n", style.bold(&medium.media.to_string()));
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<9} {}\n", shown(&value)));
    line("type", medium.content_type.clone());
    if let Some(declared) = &medium.declared_type {
        line("claimed", format!("{declared} (what the sender said)"));
    }
    line("size", format!("{} bytes", medium.size));
    if let (Some(width), Some(height)) = (medium.width, medium.height) {
        line("pixels", format!("{width} x {height}"));
    }
    line("sha256", medium.sha256.clone());
    if let Some(name) = &medium.name {
        line("name", name.clone());
    }
    line("stored", rfc3339(medium.created_ms));
    if holders.is_empty() {
        line("held by", "nobody".to_owned());
    }
    for one in holders {
        let state = if one.live { "" } else { ", which no longer counts" };
        line("held by", format!("{} of session `{}`{state}", holder(one), one.session));
    }
    text
}

/// A holder without its session: `entry 3`.
pub(crate) fn holder(holder: &MediaHolder) -> String {
    let what = match holder.holder.as_str() {
        "inbound" => "message",
        "outbox" => "delivery",
        other => other,
    };
    format!("{what} {}", holder.id)
}

/// A medium that has just been stored: its name first, for scripts.
pub(crate) fn stored(medium: &Medium) -> String {
    format!("{}  {}, {} bytes\n", medium.media, medium.content_type, medium.size)
}

/// What a sweep took, or would take.
pub(crate) fn swept(swept: &Swept, is_dry: bool) -> String {
    if swept.is_nothing() {
        return "nothing is old enough and free to go\n".to_owned();
    }
    let deed = if is_dry { "would remove" } else { "removed" };
    let mut text = format!("{deed} {}, {}\n", count(swept.media), size(swept.bytes));
    if swept.files > 0 {
        let bytes = size(swept.file_bytes);
        let files = if swept.files == 1 { "file" } else { "files" };
        text.push_str(&format!("{deed} {} {files} that nobody had asked for, {bytes}\n", swept.files));
    }
    text
}

/// What was looked through, and what is wrong.
pub(crate) fn verification(found: &Verification, style: Style) -> String {
    let mut text = String::new();
    for flaw in &found.flaws {
        let state = if flaw.repaired { style.green("repaired") } else { style.red("wrong") };
        let kind = flaw.kind.as_str();
        text.push_str(&format!("{state} {kind}: {} {}\n", shown(&flaw.subject), shown(&flaw.detail)));
    }
    let Verification { media, bytes, references, flaws } = found;
    let wrong = flaws.iter().filter(|flaw| !flaw.repaired).count();
    let verdict = match (flaws.len(), wrong) {
        (0, _) => style.green("all is well"),
        (all, 0) => style.green(&format!("{all} repaired")),
        (_, wrong) => style.red(&format!("{wrong} wrong")),
    };
    text.push_str(&format!("{}, {}, {references} references: {verdict}\n", count(*media), size(*bytes)));
    text
}

fn count(media: u64) -> String {
    if media == 1 { "1 medium".to_owned() } else { format!("{media} media") }
}

/// Bytes as people count them.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1 << 10 {
        return format!("{bytes} B");
    }
    let unit = usize::try_from((bytes.ilog2() / 10).min(4)).unwrap_or(4);
    let tenths = (u128::from(bytes) * 10) >> (10 * unit);
    let name = UNITS.get(unit - 1).copied().unwrap_or("TiB");
    if tenths >= 100 { format!("{} {name}", tenths / 10) } else { format!("{}.{} {name}", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_people_count_them() {
        for (bytes, expect) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10 << 10, "10 KiB"),
            (100 << 20, "100 MiB"),
            (20 << 30, "20 GiB"),
            (u64::MAX, "16777215 TiB"),
        ] {
            assert_eq!(size(bytes), expect);
        }
    }
}
