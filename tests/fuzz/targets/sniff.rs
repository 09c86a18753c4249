//! Any bytes as a medium, in one piece and in many: what is read from them does not depend on the pieces. The last
//! three bytes choose claim, piece and name.
#![no_main]

use std::sync::LazyLock;

use creel_policy::media::Area;
use creel_store::Store;
use creel_store::media::Medium;
use creel_store::state::StateRoot;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// Kept for as long as the program runs.
struct House {
    _directory: TempDir,
    store: Store,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let directory = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a temporary directory");
    let root = StateRoot::open_ambient(&directory.path().join("state")).expect("the state directory opens");
    let store = Store::open(&root).expect("the store opens");
    House { _directory: directory, store }
});

const CLAIMS: [Option<&str>; 8] = [
    None,
    Some("audio/webm"),
    Some("video/ogg; codecs=x"),
    Some("AUDIO/MP4"),
    Some("image/png"),
    Some("text/plain"),
    Some(";"),
    Some("application/octet-stream"),
];

const NAMES: [Option<&str>; 6] =
    [None, Some("a.csv"), Some("dir/b.MD"), Some("..\\c.png"), Some(" \u{202e}gnp.exe\n"), Some("/")];

fuzz_target!(|input: &[u8]| {
    let Some((bytes, [claim, piece, name])) = input.split_last_chunk() else { return };
    let claim = CLAIMS[usize::from(*claim) % CLAIMS.len()];
    // Or the bytes themselves, where they are text.
    let own = std::str::from_utf8(bytes).ok();
    let name = NAMES.get(usize::from(*name) % (NAMES.len() + 1)).copied().unwrap_or(own);
    let whole = put(name, claim, bytes, bytes.len().max(1));
    let pieces = put(name, claim, bytes, usize::from(*piece).max(1));
    assert_eq!(said(&whole), said(&pieces), "in pieces of {piece}");
    let (kind, subtype) = whole.content_type.split_once('/').expect("a content type");
    assert!(!kind.is_empty() && !subtype.is_empty() && whole.size == bytes.len() as u64);
    match (whole.width, whole.height) {
        (Some(width), Some(height)) => assert!(width > 0 && height > 0 && kind == "image"),
        (None, None) => {}
        (width, height) => panic!("half a size: {width:?} {height:?}"),
    }
    if let Some(shown) = &whole.name {
        assert!(!shown.contains(['/', '\\']) && !shown.chars().any(char::is_control) && shown.chars().count() <= 255);
    }
});

fn put(name: Option<&str>, claim: Option<&str>, bytes: &[u8], piece: usize) -> Medium {
    let mut new = HOUSE.store.media_begin(Area::Inbound, name, bytes.len() as u64).expect("it begins");
    if let Some(claim) = claim {
        new.declare(claim);
    }
    for piece in bytes.chunks(piece) {
        new.write(piece).expect("there is room");
    }
    let medium = new.finish(1).expect("it is stored");
    // So that neither the disk nor the bound on all media fills.
    let path = HOUSE._directory.path().join("state/media/inbound").join(medium.media.id.as_str());
    std::fs::remove_file(path).expect("it is there");
    medium
}

type Said<'a> = (&'a str, &'a str, Option<u32>, Option<u32>, Option<&'a str>, Option<&'a str>);

/// All that must be the same of both.
fn said(medium: &Medium) -> Said<'_> {
    let extension = medium.media.id.as_str().split_once('.').map(|(_, extension)| extension);
    (&medium.content_type, &medium.sha256, medium.width, medium.height, medium.name.as_deref(), extension)
}
