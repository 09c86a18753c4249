//! Tests of stored media: put, found, opened, taken in from the older gateway, refused. How long they stay is tested in
//! `retention`, how much of them in `bounds`.

use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::fixture::{Fixture, PNG, outbound};
use crate::outbox::NewOutbound;
use crate::turn::Reply;
use creel_policy::media::MediaId;

fn inbound(id: &str) -> MediaRef {
    MediaRef { area: Area::Inbound, id: MediaId::parse(id).expect("it is an id") }
}

fn bytes(store: &Store, media: &MediaRef) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.media_open(media).expect("it opens").read_to_end(&mut bytes).expect("it reads");
    bytes
}

fn code<T: std::fmt::Debug>(result: Result<T, MediaError>) -> &'static str {
    match result.expect_err("it is refused") {
        MediaError::Refused(refusal) => refusal.code.as_str(),
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_put_is_found_with_all_that_is_known_of_it() {
    let fixture = Fixture::new();
    let medium = fixture.store.media_put(Area::Inbound, Some("../x/a\nb.pdf"), PNG, 7).unwrap();
    let id = medium.media.id.as_str();
    assert!(id.len() == 36 && id.ends_with(".png"), "{id}");
    assert_eq!(medium.content_type, "image/png");
    assert_eq!((medium.width, medium.height), (Some(2), Some(3)));
    assert_eq!((medium.name.as_deref(), &medium.declared_type), (Some("ab.pdf"), &None));
    assert_eq!((medium.size, medium.created_ms), (PNG.len() as u64, 7));
    assert_eq!(medium.sha256.len(), 64);
    let fixture = fixture.restart();
    assert_eq!(fixture.store.medium(&medium.media).unwrap(), medium);
    assert_eq!(bytes(&fixture.store, &medium.media), PNG);
    let mode = std::fs::metadata(fixture.area("inbound").join(id)).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o400);
}

#[test]
fn the_hash_is_that_of_the_bytes() {
    let fixture = Fixture::new();
    let medium = fixture.store.media_put(Area::Outbound, None, b"abc", 7).unwrap();
    assert_eq!(medium.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert!(medium.media.to_string().starts_with("media://outbound/"));
    assert!(medium.media.to_string().ends_with(".txt"));
}

#[test]
fn a_medium_that_is_too_large_is_refused_while_it_streams() {
    let fixture = Fixture::new();
    let mut new = fixture.store.media_begin(Area::Inbound, None, 4).unwrap();
    new.write(b"1234").unwrap();
    assert_eq!(new.write(b"5").unwrap_err().to_string(), "too-large: a medium from here has at most 4 bytes");
    drop(new);
    assert_eq!(std::fs::read_dir(fixture.area("inbound")).unwrap().count(), 0);
}

#[test]
fn a_file_of_the_older_gateway_is_taken_in_when_it_is_asked_for() {
    let fixture = Fixture::new();
    let id = "katze---3f2504e0-4f89-11d3-9a0c-0305e82c3301.bin";
    let path = fixture.plant(format!("inbound/{id}"), PNG);
    let writer = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    let medium = fixture.store.medium(&inbound(id)).unwrap();
    assert_eq!(medium.content_type, "image/png");
    assert_eq!(medium.name.as_deref(), Some("katze.bin"));
    assert!(medium.created_ms > 0);
    // Whoever still holds the old file cannot change what was taken in.
    std::io::Write::write_all(&mut &writer, b"more").unwrap();
    assert_eq!(bytes(&fixture.store, &medium.media), PNG);
    let fixture = fixture.restart();
    assert_eq!(fixture.store.medium(&inbound(id)).unwrap(), medium);
}

#[test]
fn what_is_no_medium_is_refused_by_its_kind() {
    let fixture = Fixture::new();
    let area = fixture.area("inbound");
    let secret = fixture.temp.path().join("secret");
    std::fs::write(&secret, "key").unwrap();
    symlink(&secret, area.join("link.png")).unwrap();
    symlink("missing", area.join("dangling.png")).unwrap();
    symlink("loop.png", area.join("loop.png")).unwrap();
    std::fs::create_dir(area.join("dir.png")).unwrap();
    std::fs::hard_link(&secret, area.join("hard.png")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, area.join("pipe.png"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(area.join("socket.png")).unwrap();
    for (id, expected) in [
        ("link.png", "invalid-path"),
        ("dangling.png", "invalid-path"),
        ("loop.png", "invalid-path"),
        ("hard.png", "invalid-path"),
        ("dir.png", "not-file"),
        ("pipe.png", "not-file"),
        ("socket.png", "not-file"),
        ("none.png", "not-found"),
    ] {
        assert_eq!(code(fixture.store.medium(&inbound(id))), expected, "{id}");
        assert_eq!(code(fixture.store.media_open(&inbound(id))), expected, "{id}");
    }
    drop(socket);
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "key");
}

#[test]
fn a_stored_file_that_went_away_or_was_exchanged_is_seen() {
    let fixture = Fixture::new();
    let put = || fixture.store.media_put(Area::Inbound, None, PNG, 1).unwrap().media;
    let path = |media: &MediaRef| fixture.area("inbound").join(media.id.as_str());
    let (gone, linked, longer) = (put(), put(), put());
    std::fs::remove_file(path(&gone)).unwrap();
    std::fs::remove_file(path(&linked)).unwrap();
    symlink("/etc/passwd", path(&linked)).unwrap();
    std::fs::remove_file(path(&longer)).unwrap();
    std::fs::write(path(&longer), [PNG, b"x"].concat()).unwrap();
    assert_eq!(code(fixture.store.media_open(&gone)), "expired");
    assert_eq!(code(fixture.store.media_open(&linked)), "invalid-path");
    assert_eq!(code(fixture.store.media_open(&longer)), "invalid-path");
}

#[test]
fn many_at_once_are_as_one() {
    let fixture = Fixture::new();
    fixture.plant("inbound/old.png", PNG);
    let threads: Vec<_> = (0..8u8)
        .map(|n| {
            let store = fixture.store.clone();
            std::thread::spawn(move || {
                let medium = store.media_put(Area::Inbound, None, &[PNG, &[n]].concat(), 1).unwrap();
                let old = store.medium(&inbound("old.png")).unwrap();
                (bytes(&store, &medium.media), old)
            })
        })
        .collect();
    let results: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for (n, (stored, old)) in results.iter().enumerate() {
        assert_eq!(stored.last().copied(), u8::try_from(n).ok());
        assert_eq!(old, &results[0].1);
    }
    assert_eq!(std::fs::read_dir(fixture.area("inbound")).unwrap().count(), 9);
}

/// Files of an area, and rows of all.
fn kept(fixture: &Fixture) -> (usize, i64) {
    let rows = fixture.store.read::<_, StoreError>(|transaction| {
        Ok(transaction.query_row("SELECT count(*) FROM media", [], |row| row.get(0))?)
    });
    (std::fs::read_dir(fixture.area("inbound")).unwrap().count(), rows.unwrap())
}

fn clear(fixture: &Fixture) -> usize {
    let lock = fixture.root.lock().unwrap();
    fixture.store.clear_leftovers(&lock).unwrap()
}

#[test]
fn a_medium_that_nothing_came_to_name_goes_at_the_next_start() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let put = |area| store.media_put(area, None, PNG, 1).unwrap().media;
    let (attached, answered, sent, orphan) =
        (put(Area::Inbound), put(Area::Outbound), put(Area::Outbound), put(Area::Inbound));
    let id = fixture.receive("m1", 1);
    store.inbound_attachment_stored(id, 0, &attached).unwrap();
    // Collected once more after a crash: the first one stays, and this one is nobody's.
    let double = put(Area::Inbound);
    store.inbound_attachment_stored(id, 0, &double).unwrap();
    store.inbound_ready(id, 1).unwrap();
    let reply = Reply {
        text: String::new(),
        media: vec![answered.clone()],
        model: "a/b".to_owned(),
        derivation_json: "{}".to_owned(),
        usage_json: None,
    };
    store.reply_commit(id, &reply, &[], 1).unwrap();
    store.outbox_put(&NewOutbound { media: vec![sent.clone()], ..outbound("") }, 1).unwrap();
    // One that was put there by hand, its name of the very form that ours have.
    let planted = inbound(&format!("{}.png", "ab".repeat(16)));
    fixture.plant(format!("inbound/{}", planted.id), PNG);

    let fixture = fixture.crash(0);
    assert_eq!(clear(&fixture), 2);
    for kept in [&attached, &answered, &sent, &planted] {
        assert_eq!(bytes(&fixture.store, kept), PNG, "{kept}");
    }
    for gone in [&orphan, &double] {
        assert_eq!(code(fixture.store.medium(gone)), "not-found");
    }
    // What was taken in by hand is claimed by that.
    assert_eq!((clear(&fixture), kept(&fixture)), (0, (2, 4)));
}

#[test]
fn whatever_a_kill_leaves_of_a_medium_goes_at_the_next_start() {
    // The row without its file.
    let fixture = Fixture::new();
    let medium = fixture.store.media_put(Area::Inbound, None, PNG, 1).unwrap().media;
    let file = fixture.area("inbound").join(medium.id.as_str());
    std::fs::rename(&file, fixture.area("inbound").join(".partial-x")).unwrap();
    let fixture = fixture.crash(0);
    assert_eq!((clear(&fixture), kept(&fixture)), (2, (0, 0)));
    // Killed in the middle of that: the file is gone, the row is still there.
    let medium = fixture.store.media_put(Area::Inbound, None, PNG, 1).unwrap().media;
    std::fs::remove_file(fixture.area("inbound").join(medium.id.as_str())).unwrap();
    assert_eq!((clear(&fixture), kept(&fixture)), (1, (0, 0)));
}

#[test]
fn a_file_put_there_by_hand_outlives_a_kill_while_it_is_taken_in() {
    let fixture = Fixture::new();
    let id = inbound("katze.png");
    fixture.plant("inbound/katze.png", PNG);
    // The copy has taken its place, and then its row fails: as far as that is the same as a kill right there.
    let refuse = "CREATE TRIGGER refuse AFTER INSERT ON media BEGIN SELECT raise(ABORT, 'no'); END";
    fixture.store.write::<_, StoreError>(|transaction| Ok(transaction.execute_batch(refuse)?)).unwrap();
    fixture.store.medium(&id).unwrap_err();
    let late =
        "DROP TRIGGER refuse; CREATE TABLE debt (of INTEGER REFERENCES inbound (id) DEFERRABLE INITIALLY DEFERRED);
                CREATE TRIGGER fail_at_commit AFTER INSERT ON media BEGIN INSERT INTO debt VALUES (99); END";
    fixture.store.write::<_, StoreError>(|transaction| Ok(transaction.execute_batch(late)?)).unwrap();
    fixture.store.medium(&id).unwrap_err();
    let mode = std::fs::metadata(fixture.area("inbound").join("katze.png")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o400, "the copy is in its place");
    assert_eq!(kept(&fixture), (1, 0));
    fixture
        .store
        .write::<_, StoreError>(|transaction| Ok(transaction.execute_batch("DROP TRIGGER fail_at_commit")?))
        .unwrap();
    let fixture = fixture.crash(0);
    assert_eq!(clear(&fixture), 0);
    assert_eq!(bytes(&fixture.store, &id), PNG);
    assert_eq!((clear(&fixture), kept(&fixture)), (0, (1, 1)));
}

mod bounds;
mod cases;
mod files;
mod retention;
mod verify;
mod visible;
