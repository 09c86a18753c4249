//! How much may be stored: by area, by kind, by whoever sends it; known as early as it can be.

use creel_policy::config::{KindBytes, Quotas};

use super::*;

fn kept_by(change: impl FnOnce(&mut MediaPolicy)) -> Fixture {
    let fixture = Fixture::new();
    let mut policy = MediaPolicy::default();
    change(&mut policy);
    fixture.store.keep_media_by(policy);
    fixture
}

fn files(fixture: &Fixture, area: &str) -> usize {
    std::fs::read_dir(fixture.area(area)).map_or(0, Iterator::count)
}

#[test]
fn each_area_has_a_quota_of_its_own() {
    let main = || Area::parse("workspace/main").unwrap();
    let fixture = kept_by(|policy| policy.quotas = Quotas { inbound: 8, outbound: 5, workspace: 3 });
    let store = &fixture.store;
    let full = |area: Area, bytes: &[u8]| store.media_put(area, None, bytes, 1).unwrap_err().to_string();
    let put = |area: Area, bytes: &[u8]| store.media_put(area, None, bytes, 1).unwrap().media;
    let first = put(Area::Inbound, b"1234");
    put(Area::Inbound, b"5678");
    let text = "the area `inbound` is full: its quota is 8 bytes (`media.quotaMb`)";
    assert_eq!(full(Area::Inbound, b"9"), text);
    assert_eq!(files(&fixture, "inbound"), 2, "nothing of it is kept");
    assert_eq!(full(Area::Outbound, b"123456"), "the area `outbound` is full: its quota is 5 bytes (`media.quotaMb`)");
    put(Area::Outbound, b"12345");
    put(main(), b"123");
    assert_eq!(full(main(), b"1"), "the area `workspace/main` is full: its quota is 3 bytes (`media.quotaMb`)");
    // Each agent's workspace is an area of its own.
    put(Area::parse("workspace/other").unwrap(), b"123");
    // What goes makes room, to the byte.
    store.media_remove(&first, false, 2).unwrap();
    assert_eq!(full(Area::Inbound, b"12345"), text);
    put(Area::Inbound, b"1234");
    assert_eq!(full(Area::Inbound, b"1"), text);
    let totals: Vec<_> = store
        .media_totals()
        .unwrap()
        .into_iter()
        .map(|area| (area.area, area.media, area.bytes, area.quota_bytes))
        .collect();
    let total = |area: &str, media, bytes, quota| (area.to_owned(), media, bytes, quota);
    assert_eq!(
        totals,
        [
            total("inbound", 2, 8, 8),
            total("outbound", 1, 5, 5),
            total("workspace/main", 1, 3, 3),
            total("workspace/other", 1, 3, 3)
        ]
    );
    // A reload that raises it holds at once, also beside what is there.
    store.keep_media_by(MediaPolicy::default());
    put(Area::Inbound, &[b'x'; 100]);
    assert_eq!(store.media_verify(false, 3).unwrap().flaws, []);
}

#[test]
fn a_quota_ends_a_stream_and_not_only_its_end() {
    let fixture = kept_by(|policy| policy.quotas.inbound = 3 << 20);
    let store = &fixture.store;
    let chunk = vec![b'x'; 1 << 20];
    let mut new = store.media_begin(Area::Inbound, None, u64::MAX).unwrap();
    for _ in 0..3 {
        new.write(&chunk).unwrap();
    }
    let full = "the area `inbound` is full: its quota is 3145728 bytes (`media.quotaMb`)";
    assert_eq!(new.write(b"1").unwrap_err().to_string(), full);
    drop(new);
    assert_eq!(files(&fixture, "inbound"), 0);
    // Two at once: the second sees that the first has filled the area, at the latest when it is to be stored.
    let mut first = store.media_begin(Area::Inbound, None, u64::MAX).unwrap();
    let mut second = store.media_begin(Area::Inbound, None, u64::MAX).unwrap();
    first.write(&chunk).unwrap();
    first.write(&chunk).unwrap();
    second.write(&chunk).unwrap();
    second.write(&chunk).unwrap();
    first.finish(1).unwrap();
    assert_eq!(second.finish(1).unwrap_err().to_string(), full);
    assert_eq!(files(&fixture, "inbound"), 1);
    // An area without room for a byte refuses before the first.
    store.media_put(Area::Inbound, None, &chunk, 1).unwrap();
    assert_eq!(store.media_begin(Area::Inbound, None, 1).unwrap_err().to_string(), full);
}

#[test]
fn a_long_stream_looks_again_what_room_there_is() {
    let fixture = kept_by(|policy| policy.quotas.inbound = 12 << 20);
    let store = &fixture.store;
    let chunk = vec![b'x'; 1 << 20];
    let mut slow = store.media_begin(Area::Inbound, None, u64::MAX).unwrap();
    slow.write(&chunk).unwrap();
    let mut fast = store.media_begin(Area::Inbound, None, u64::MAX).unwrap();
    (0..8).for_each(|_| fast.write(&chunk).unwrap());
    fast.finish(1).unwrap();
    let written = (1..20).take_while(|_| slow.write(&chunk).is_ok()).count();
    assert!(written < 9, "{written} MiB more were written into an area with room for 3");
}

#[test]
fn each_kind_has_a_bound_of_its_own() {
    let bytes_max = KindBytes { image: 100, audio: 310, video: 320, document: 330 };
    let fixture = kept_by(|policy| policy.bytes_max = bytes_max);
    let padded = |head: &[u8], size: usize| [head, &vec![0; size - head.len()]].concat();
    let webm = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm".as_slice();
    let mp3 = b"ID3\x04\0\0\0\0\0\0".as_slice();
    let text = vec![b'x'; 331];
    let html = [b"<html>".as_slice(), &[b'x'; 325]].concat();
    for (what, declared, bytes, most, refused) in [
        ("a picture", None, padded(PNG, 101), 100, "an image has at most 100 bytes (`media.maxMb.image`)"),
        (
            "a picture that claims to be a film",
            Some("video/mp4"),
            padded(PNG, 101),
            100,
            "an image has at most 100 bytes (`media.maxMb.image`)",
        ),
        ("sound", None, padded(mp3, 311), 310, "an audio file has at most 310 bytes (`media.maxMb.audio`)"),
        ("a film", None, padded(webm, 321), 320, "a video has at most 320 bytes (`media.maxMb.video`)"),
        (
            "a film that claims to be sound, and may be",
            Some("audio/webm"),
            padded(webm, 311),
            310,
            "an audio file has at most 310 bytes (`media.maxMb.audio`)",
        ),
        (
            "a document",
            None,
            padded(b"%PDF-1.7\n", 331),
            330,
            "a document has at most 330 bytes (`media.maxMb.document`)",
        ),
        ("a text", None, text, 330, "a document has at most 330 bytes (`media.maxMb.document`)"),
        ("a page", None, html, 330, "a document has at most 330 bytes (`media.maxMb.document`)"),
        ("anything else", None, vec![0xfe; 331], 330, "a document has at most 330 bytes (`media.maxMb.document`)"),
    ] {
        for chunk in [1, bytes.len()] {
            let store = |bytes: &[u8]| {
                let mut new = fixture.store.media_begin(Area::Inbound, None, u64::MAX)?;
                declared.into_iter().for_each(|declared| new.declare(declared));
                bytes.chunks(chunk).try_for_each(|bytes| new.write(bytes))?;
                new.finish(1)
            };
            let before = files(&fixture, "inbound");
            assert_eq!(store(&bytes).unwrap_err().to_string(), format!("too-large: {refused}"), "{what}");
            assert_eq!(files(&fixture, "inbound"), before, "{what}: nothing is left of it");
            assert_eq!(store(&bytes[..most]).unwrap().size, most as u64, "{what}");
        }
    }
}

#[test]
fn a_kind_ends_a_stream_as_soon_as_it_is_known() {
    let fixture = kept_by(|policy| policy.bytes_max.image = 1 << 20);
    let mut new = fixture.store.media_begin(Area::Inbound, None, u64::MAX).unwrap();
    new.write(PNG).unwrap();
    let refused = new.write(&vec![0; 1 << 20]).unwrap_err().to_string();
    assert_eq!(refused, "too-large: an image has at most 1048576 bytes (`media.maxMb.image`)");
}

/// Attack 122: what is announced is judged before the first byte, and what comes is counted all the same.
#[test]
fn what_is_announced_is_refused_before_the_first_byte() {
    let fixture = kept_by(|policy| {
        policy.quotas.inbound = 1 << 20;
        policy.bytes_max = KindBytes { image: 100, audio: 100, video: 1 << 19, document: 100 };
    });
    let begin = |bytes_max| fixture.store.media_begin(Area::Inbound, None, bytes_max).unwrap();
    let expect = |bytes_max, bytes| begin(bytes_max).expect(bytes).unwrap_err().to_string();
    assert_eq!(expect(10, 11), "too-large: a medium from here has at most 10 bytes");
    assert_eq!(expect(u64::MAX, u64::MAX), "too-large: a medium from here has at most 104857600 bytes");
    let any = "too-large: a medium of any kind has at most 524288 bytes (`media.maxMb`)";
    assert_eq!(expect(u64::MAX, (1 << 19) + 1), any);
    fixture.store.media_put(Area::Inbound, None, b"x", 1).unwrap();
    fixture
        .store
        .keep_media_by(MediaPolicy { quotas: Quotas { inbound: 10, ..Quotas::default() }, ..MediaPolicy::default() });
    let full = "the area `inbound` is full: its quota is 10 bytes (`media.quotaMb`)";
    assert_eq!(expect(u64::MAX, 10), full);
    // It said nine and sends ten.
    let mut new = begin(u64::MAX);
    new.expect(9).unwrap();
    assert_eq!(new.write(b"0123456789").unwrap_err().to_string(), full);
    let mut new = begin(4);
    new.expect(1).unwrap();
    new.write(b"1234").unwrap();
    assert_eq!(new.write(b"5").unwrap_err().to_string(), "too-large: a medium from here has at most 4 bytes");
}

/// What lies in an area already fills nothing more by becoming a medium, and was let in when there was no such bound.
#[test]
fn a_file_that_is_taken_in_is_not_refused_for_want_of_room() {
    let fixture = kept_by(|policy| {
        policy.quotas.inbound = 4;
        policy.bytes_max.image = 4;
    });
    fixture.plant("inbound/old.png", PNG);
    assert_eq!(bytes(&fixture.store, &inbound("old.png")), PNG);
    let full = fixture.store.media_put(Area::Inbound, None, b"x", 1).unwrap_err().to_string();
    assert_eq!(full, "the area `inbound` is full: its quota is 4 bytes (`media.quotaMb`)");
}

#[test]
fn totals_follow_every_change_of_a_row() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let total = || store.media_totals().unwrap().iter().map(|area| (area.media, area.bytes)).collect::<Vec<_>>();
    let one = store.media_put(Area::Inbound, None, b"12345", 1).unwrap().media;
    let two = store.media_put(Area::Inbound, None, b"123", 1).unwrap().media;
    assert_eq!(total(), [(2, 8)]);
    let change = |sql: &str, media: &MediaRef| {
        let change = |transaction: &rusqlite::Transaction<'_>| Ok(transaction.execute(sql, [media.id.as_str()])?);
        assert_eq!(store.write::<_, StoreError>(change).unwrap(), 1, "{sql}");
    };
    change("UPDATE media SET size = 7 WHERE id = ?1", &one);
    assert_eq!(total(), [(2, 10)]);
    change("UPDATE media SET claimed = 1 WHERE id = ?1", &one);
    change("UPDATE media SET expired_ms = 9 WHERE id = ?1", &one);
    assert_eq!(total(), [(1, 3)]);
    change("UPDATE media SET expired_ms = 10 WHERE id = ?1", &one);
    change("UPDATE media SET expired_ms = NULL WHERE id = ?1", &one);
    assert_eq!(total(), [(2, 10)]);
    change("UPDATE media SET area = 'outbound' WHERE id = ?1", &two);
    assert_eq!(total(), [(1, 7), (1, 3)]);
    change("DELETE FROM media WHERE id = ?1", &one);
    change("UPDATE media SET expired_ms = 9 WHERE id = ?1", &two);
    change("DELETE FROM media WHERE id = ?1", &two);
    assert_eq!(total(), [(0, 0), (0, 0)]);
    // A name that is there already is not counted twice.
    store.media_put(Area::Inbound, None, b"1", 1).unwrap();
    let again = "INSERT INTO media (area, id, content_type, size, sha256, created_ms)
                 SELECT area, id, content_type, size, sha256, created_ms FROM media WHERE id <> ?1 ON CONFLICT DO NOTHING";
    let insert = |transaction: &rusqlite::Transaction<'_>| Ok(transaction.execute(again, [""])?);
    assert_eq!(store.write::<_, StoreError>(insert).unwrap(), 0);
    assert_eq!(total(), [(1, 1), (0, 0)]);
}
