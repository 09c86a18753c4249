//! Groups L and M of the older gateway's cases, as far as the store answers them; group N is beside the sniffer, L12 and
//! M14 are in `retention`, L10 is the ingester's. Where the design has it otherwise, that stands beside the case.

use super::*;

/// Stores bytes that arrive in one piece under a name and a claim.
fn put(store: &Store, name: Option<&str>, declared: Option<&str>, bytes: &[u8]) -> Medium {
    let mut new = store.media_begin(Area::Inbound, name, u64::MAX).unwrap();
    declared.into_iter().for_each(|declared| new.declare(declared));
    new.write(bytes).unwrap();
    new.finish(7).unwrap()
}

fn webm() -> Vec<u8> {
    [b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm".as_slice(), &[0; 300]].concat()
}

fn mp4(brand: &[u8; 4]) -> Vec<u8> {
    [b"\0\0\0\x18ftyp".as_slice(), brand, b"\0\0\0\0", brand, b"mp42", &[0; 64]].concat()
}

const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\0\0\0\0\0";
const OGG: &[u8] = b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis\0\0\0\0";
const SVG: &[u8] = b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>";

#[test]
fn what_is_stored_is_called_by_its_bytes() {
    let fixture = Fixture::new();
    for (id, name, declared, bytes, content_type, extension) in [
        ("L1", None, Some("text/plain"), b"hello".as_slice(), "text/plain", "txt"),
        ("L1 near: no claim", None, None, b"hello", "text/plain", "txt"),
        ("L1 near: a claim that the bytes do not bear", None, Some("image/png"), b"hello", "text/plain", "txt"),
        ("L3", Some("photo.bin"), None, PNG, "image/png", "png"),
        ("L3 near: no name", None, None, PNG, "image/png", "png"),
        ("M1", Some("a.pdf"), Some("application/pdf"), PNG, "image/png", "png"),
        // The older gateway has two claims, of the message and of the server; either is a claim here.
        ("M2", None, Some("image/jpeg"), PNG, "image/png", "png"),
        ("M3", None, Some("audio/webm"), &webm(), "audio/webm", "weba"),
        (
            "M3 near: a claim that the bytes do not leave open",
            None,
            Some("application/pdf"),
            &webm(),
            "video/webm",
            "webm",
        ),
        ("M3 near: no claim", None, None, &webm(), "video/webm", "webm"),
        ("M12", Some("a.jpg"), Some("image/jpeg"), PNG, "image/png", "png"),
        // The older gateway drops it; here it is the document that it is, and its claim is kept beside it.
        ("M13", None, Some("image/png"), b"%PDF-1.7\n%\xe2\xe3\n", "application/pdf", "pdf"),
        // The older gateway drops it; here it is stored, and no model is given it.
        ("M13 unknown bytes", None, Some("image/png"), b"\x00\x01\x02\x03", "application/octet-stream", "bin"),
        ("M6 heic that claims to be a film", Some("a.mp4"), Some("image/heic"), HEIC, "image/heif", "heif"),
        ("M6 a picture's name, a film's bytes", Some("a.png"), Some("image/png"), &mp4(b"isom"), "video/mp4", "mp4"),
        ("M7 no claim to speak of", Some("photo.png"), Some("application/octet-stream"), PNG, "image/png", "png"),
        ("M8", Some("photo.png"), None, OGG, "audio/ogg", "ogg"),
        ("empty", Some("a.png"), Some("image/png"), b"", "application/octet-stream", "bin"),
    ] {
        let medium = put(&fixture.store, name, declared, bytes);
        assert_eq!(medium.content_type, content_type, "{id}");
        let stored = medium.media.id.as_str();
        assert!(stored.len() == 33 + extension.len() && stored.ends_with(&format!(".{extension}")), "{id}: {stored}");
        assert_eq!((medium.size, medium.declared_type.as_deref()), (bytes.len() as u64, declared), "{id}");
        assert_eq!(self::bytes(&fixture.store, &medium.media), bytes, "{id}");
    }
}

/// M6 and M7, as far as they ask for the kind: it is that of the content type, which is that of the bytes.
#[test]
fn kinds_follow_the_bytes() {
    use creel_policy::media::{MediaKind, kind_of};
    let fixture = Fixture::new();
    for (id, name, declared, bytes, kind) in [
        ("M6 a sticker that claims to be sound", "sticker.webp", "audio/ogg", PNG, MediaKind::Image),
        ("M6 of no kind, sound by its bytes", "x", "application/octet-stream", OGG, MediaKind::Audio),
        // The older gateway takes the word of whoever calls it a document; here a picture is a picture.
        ("M6 called a document", "scan.pdf", "application/pdf", PNG, MediaKind::Image),
        ("M6 heic", "a.mp4", "image/heic", HEIC, MediaKind::Image),
        ("M7", "photo.png", "application/octet-stream", PNG, MediaKind::Image),
        ("M7 SVG is a program", "photo.png", "image/png", SVG, MediaKind::Other),
        ("M7 SVG by its name", "photo.svg", "image/svg+xml", SVG, MediaKind::Other),
        ("M7 a PDF", "photo.png", "application/pdf", b"%PDF-1.7\n", MediaKind::Document),
        ("M8", "photo.png", "image/png", OGG, MediaKind::Audio),
    ] {
        let medium = put(&fixture.store, Some(name), Some(declared), bytes);
        assert_eq!(kind_of(&medium.content_type), kind, "{id}: {}", medium.content_type);
    }
}

/// L6, L7: the older gateway puts the sender's name into the id. Ours is random, and the name is kept for display alone:
/// whole, on one line, without directories, of 255 characters at most.
#[test]
fn the_senders_name_is_for_display() {
    let fixture = Fixture::new();
    let long = "n".repeat(100);
    let too_long = "ü".repeat(300);
    for (id, name, expect) in [
        ("L6", "my<file>:test.txt", Some("my<file>:test.txt")),
        ("L7", long.as_str(), Some(long.as_str())),
        ("L7 near: too long", &too_long, Some(&too_long[..510])),
        ("a path", "../../etc/passwd", Some("passwd")),
        ("a path of Windows", "..\\..\\secret.pdf", Some("secret.pdf")),
        ("two lines", "a\nb\u{1b}[1m.txt", Some("ab[1m.txt")),
        ("nothing is left", "a/ \n", None),
        ("nothing", "", None),
    ] {
        let medium = put(&fixture.store, Some(name), None, b"hello");
        assert_eq!(medium.name.as_deref(), expect, "{id}");
        let stored = medium.media.id.as_str();
        let is_ours = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f');
        assert!(
            stored.strip_suffix(".txt").is_some_and(|id| id.len() == 32 && id.bytes().all(is_ours)),
            "{id}: {stored}"
        );
    }
}

/// L9: what the older gateway's ids say of names, when its files are taken in.
#[test]
fn the_older_gateways_ids_give_names_back() {
    let fixture = Fixture::new();
    for (id, name) in [
        ("report---3f2504e0-4f89-11d3-9a0c-0305e82c3301.pdf", "report.pdf"),
        ("report---3F2504E0-4F89-11D3-9A0C-0305E82C3301.pdf", "report.pdf"),
        ("звіт---3f2504e0-4f89-11d3-9a0c-0305e82c3301.pdf", "звіт.pdf"),
        ("foo---bar.txt", "foo---bar.txt"),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301.jpg", "3f2504e0-4f89-11d3-9a0c-0305e82c3301.jpg"),
        ("a---3f2504e0-4f89-11d3-9a0c-0305e82c330.pdf", "a---3f2504e0-4f89-11d3-9a0c-0305e82c330.pdf"),
    ] {
        fixture.plant(format!("inbound/{id}"), b"hello");
        assert_eq!(fixture.store.medium(&inbound(id)).unwrap().name.as_deref(), Some(name), "L9 {id}");
    }
}

/// M5: a message without attachments is a message like any other.
#[test]
fn a_message_without_attachments_has_no_media() {
    let fixture = Fixture::new();
    let id = fixture.receive("m1", 0);
    fixture.store.inbound_ready(id, 1).unwrap();
    assert_eq!(fixture.store.history("signal:alice", None, 9).unwrap()[0].media, []);
}

/// N6: how many pixels a picture has is known from its header; nobody has decoded it.
#[test]
fn pixels_are_counted_before_anything_is_decoded() {
    let fixture = Fixture::new();
    let png = |width: u32, height: u32| {
        let mut bytes = PNG.to_vec();
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        bytes
    };
    let jpeg = |width: u16, height: u16| {
        let frame = [b"\xff\xc0\0\x11\x08".as_slice(), &height.to_be_bytes(), &width.to_be_bytes()].concat();
        [b"\xff\xd8\xff\xe1\x7f\xfe".as_slice(), &[0; 0x7ffc], &frame, &[3; 12]].concat()
    };
    for (id, bytes, expect) in [
        ("N6 PNG", png(8_000, 4_000), Some((8_000, 4_000))),
        ("N6 JPEG", jpeg(6_000, 5_000), Some((6_000, 5_000))),
        ("N6 near: the largest that a header can say", png(u32::MAX, u32::MAX), Some((u32::MAX, u32::MAX))),
        ("a header that says nothing sensible", png(0, 4_000), None),
        ("a header that is cut off", png(8_000, 4_000)[..20].to_vec(), None),
    ] {
        let medium = put(&fixture.store, None, None, &bytes);
        assert_eq!(medium.width.zip(medium.height), expect, "{id}");
        assert!(medium.content_type.starts_with("image/"), "{id}");
    }
}

/// L13: a directory that somebody removed is made anew, for whoever writes and for whoever reads what was written.
#[test]
fn a_directory_that_was_removed_is_made_anew() {
    for (area, gone) in [
        ("inbound", "media/inbound"),
        ("outbound", "media"),
        ("workspace/main", "media/workspace/main"),
        ("workspace/main", "media/workspace"),
    ] {
        let fixture = Fixture::new();
        let area = Area::parse(area).unwrap();
        let other = Store::open(&fixture.root).unwrap();
        let lost = fixture.store.media_put(area.clone(), None, PNG, 1).unwrap().media;
        std::fs::remove_dir_all(fixture.state().join(gone)).unwrap();
        assert_eq!(code(fixture.store.medium(&lost)), "expired", "{gone}");
        let media = fixture.store.media_put(area, None, PNG, 1).unwrap().media;
        for store in [&fixture.store, &other] {
            assert_eq!(self::bytes(store, &media), PNG, "{gone}");
        }
        let mode = std::fs::metadata(fixture.state().join(gone)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700, "{gone}");
    }
}
