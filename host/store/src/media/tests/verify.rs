//! What `verify` finds, one flaw at a time, and what it mends.

use super::*;

const DAY: u64 = 86_400_000;
const NOW: u64 = 30_000 * DAY;

fn sql(store: &Store, sql: &str) {
    store.write::<_, StoreError>(|transaction| Ok(transaction.execute_batch(sql)?)).unwrap();
}

/// A store in which all is well, with a medium of each sort.
fn sound() -> (Fixture, MediaRef) {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let put = |area| store.media_put(area, None, PNG, 1).unwrap().media;
    let media = put(Area::Inbound);
    let id = fixture.receive("m1", 1);
    store.inbound_attachment_stored(id, 0, &media).unwrap();
    store.inbound_ready(id, 1).unwrap();
    let twice = vec![put(Area::Outbound), put(Area::parse("workspace/main").unwrap())];
    let reply = Reply {
        text: String::new(),
        media: [twice.clone(), twice.clone()].concat(),
        model: "a/b".to_owned(),
        derivation_json: "{}".to_owned(),
        usage_json: None,
    };
    store.reply_commit(id, &reply, &[NewOutbound { media: twice, ..outbound("") }], 1).unwrap();
    let swept = put(Area::Inbound);
    store.media_remove(&swept, false, 1).unwrap();
    (fixture, media)
}

/// What is wrong, before a repair, what the repair says, and what is wrong behind it.
fn check(arrange: impl FnOnce(&Fixture, &MediaRef), expect: &[&str], mended: bool) {
    let (fixture, media) = sound();
    arrange(&fixture, &media);
    let store = &fixture.store;
    let said = |found: &Verification| {
        let line = |flaw: &Flaw| format!("{} {} {}", flaw.kind.as_str(), flaw.subject, flaw.detail);
        found.flaws.iter().map(line).collect::<Vec<_>>()
    };
    let found = store.media_verify(false, NOW).unwrap();
    let expect: Vec<_> = expect.iter().map(|text| text.replace("MEDIA", &media.to_string())).collect();
    assert_eq!(said(&found), expect);
    assert!(found.flaws.iter().all(|flaw| !flaw.repaired));
    assert_eq!(store.media_verify(false, NOW).unwrap(), found, "looking changes nothing");
    let repaired = store.media_verify(true, NOW).unwrap();
    assert_eq!(said(&repaired), expect);
    assert!(repaired.flaws.iter().all(|flaw| flaw.repaired == mended));
    let after = store.media_verify(false, NOW).unwrap();
    assert_eq!(said(&after), if mended { Vec::new() } else { expect });
}

#[test]
fn a_sound_store_has_no_flaw() {
    let (fixture, _) = sound();
    let found = fixture.store.media_verify(false, NOW).unwrap();
    assert_eq!(found, Verification { media: 3, bytes: 3 * PNG.len() as u64, references: 6, flaws: Vec::new() });
    // What is being stored at this very moment is no flaw.
    let mut new = fixture.store.media_begin(Area::Inbound, None, 99).unwrap();
    new.write(b"half").unwrap();
    let medium = fixture.store.media_put(Area::Inbound, None, PNG, NOW).unwrap().media;
    std::fs::remove_file(fixture.area("inbound").join(medium.id.as_str())).unwrap();
    assert_eq!(fixture.store.media_verify(true, NOW).unwrap().flaws, []);
}

#[test]
fn files_are_held_against_their_rows() {
    let path = |fixture: &Fixture, media: &MediaRef| fixture.area("inbound").join(media.id.as_str());
    check(
        |fixture, media| std::fs::remove_file(path(fixture, media)).unwrap(),
        &["file-missing MEDIA its file is not there"],
        true,
    );
    check(
        |fixture, media| {
            std::fs::remove_file(path(fixture, media)).unwrap();
            std::fs::write(path(fixture, media), b"x").unwrap();
        },
        &["file-changed MEDIA has 1 bytes and not 29"],
        false,
    );
    check(
        |fixture, media| {
            let mut other = PNG.to_vec();
            other[20] ^= 1;
            std::fs::remove_file(path(fixture, media)).unwrap();
            std::fs::write(path(fixture, media), other).unwrap();
            sql(&fixture.store, &format!("UPDATE media SET sha256 = '{}' WHERE area = 'outbound'", sha256(PNG)));
        },
        &[&format!(
            "file-changed MEDIA has the SHA-256 {} and not {}",
            sha256(&{
                let mut other = PNG.to_vec();
                other[20] ^= 1;
                other
            }),
            sha256(PNG)
        )],
        false,
    );
    check(
        |fixture, media| {
            std::fs::remove_file(path(fixture, media)).unwrap();
            symlink("/etc/passwd", path(fixture, media)).unwrap();
        },
        &["file-changed MEDIA is a symbolic link"],
        false,
    );
    check(
        |fixture, media| {
            std::fs::remove_file(path(fixture, media)).unwrap();
            std::fs::create_dir(path(fixture, media)).unwrap();
        },
        &["file-changed MEDIA is not a regular file"],
        false,
    );
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    crate::beneath::hex(&sha2::Sha256::digest(bytes))
}

#[test]
fn every_file_is_a_medium_or_is_said_not_to_be() {
    check(
        |fixture, _| {
            fixture.plant("inbound/katze.png", PNG);
            fixture.plant("inbound/no id.png", PNG);
            fixture.plant("inbound/.hidden", PNG);
            symlink("/etc/passwd", fixture.area("inbound").join("link.png")).unwrap();
        },
        &[
            "file-unknown media/inbound/katze.png was put there by hand, and nobody has asked for it yet",
            "file-unknown media/inbound/no id.png has a name that no medium can have",
        ],
        false,
    );
    let (fixture, media) = sound();
    fixture.store.media_remove(&media, true, NOW).unwrap();
    fixture.plant(format!("inbound/{}", media.id), PNG);
    let flaws = fixture.store.media_verify(true, NOW).unwrap().flaws;
    assert_eq!(flaws[0].detail, "was cleaned away, and a file of that name lies there again");
}

#[test]
fn what_was_left_half_written_goes_a_day_later() {
    let leave = |fixture: &Fixture, at_ms| {
        let path = fixture.plant("inbound/.partial-0", b"half");
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(at_ms);
        std::fs::File::open(path).unwrap().set_modified(at).unwrap();
    };
    let (old, young) = ("was left half written", "was left half written less than a day ago");
    let subject = "leftover media/inbound/.partial-0";
    check(|fixture, _| leave(fixture, NOW - DAY), &[&format!("{subject} {old}")], true);
    check(|fixture, _| leave(fixture, NOW - DAY + 1), &[&format!("{subject} {young}")], false);
}

#[test]
fn references_are_held_against_the_log() {
    check(
        |fixture, media| {
            let delete = format!("DELETE FROM media_reference WHERE holder = 'entry' AND id = '{}'", media.id);
            sql(&fixture.store, &delete);
        },
        &["reference-missing MEDIA by entry 1 of session `signal:alice`"],
        true,
    );
    check(
        |fixture, _| sql(&fixture.store, "INSERT INTO media_reference VALUES ('inbound', 'x.png', 'outbox', 9, 's')"),
        &["reference-unfounded media://inbound/x.png by outbox 9 of session `s`"],
        true,
    );
    check(
        |fixture, _| sql(&fixture.store, "UPDATE media_reference SET session = 'eve' WHERE holder = 'inbound'"),
        &[
            "reference-missing MEDIA by inbound 1 of session `signal:alice`",
            "reference-unfounded MEDIA by inbound 1 of session `eve`",
        ],
        true,
    );
}

#[test]
fn totals_are_held_against_the_rows() {
    let all = 29;
    assert_eq!(PNG.len(), all);
    check(
        |fixture, _| sql(&fixture.store, "UPDATE media_total SET bytes = bytes + 5 WHERE area = 'inbound'"),
        &["total-wrong inbound is said to hold 1 media of 34 bytes, and holds 1 of 29"],
        true,
    );
    check(
        |fixture, _| sql(&fixture.store, "DELETE FROM media_total WHERE area = 'workspace/main'"),
        &["total-wrong workspace/main is said to hold 0 media of 0 bytes, and holds 1 of 29"],
        true,
    );
}
