//! Tests of the directory that a call writes to: its files become media, all or none, and it goes with the call.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::fixture::{Fixture, PNG};

fn taking(bytes_max: u64) -> Taking {
    Taking { area: Area::Outbound, bytes_max, now_ms: 7 }
}

fn stored(fixture: &Fixture) -> usize {
    std::fs::read_dir(fixture.area("outbound")).expect("it is there").count()
}

fn views(fixture: &Fixture) -> usize {
    std::fs::read_dir(fixture.state().join("views")).expect("it is there").count()
}

/// Takes what `arrange` put beside a sound `a.png`, and says what was refused. Nothing is stored.
#[track_caller]
fn check(arrange: impl FnOnce(&Fixture, &Path), bytes_max: u64, expect: (&str, &str)) {
    let fixture = Fixture::new();
    let out = fixture.store.out_dir().expect("it can be made");
    std::fs::write(out.path().join("a.png"), PNG).expect("it can be written");
    arrange(&fixture, out.path());
    let refused = fixture.store.out_take_all(&out, &taking(bytes_max)).expect_err("it is refused");
    assert_eq!((refused.name.as_str(), refused.source.to_string().as_str()), expect);
    assert_eq!(stored(&fixture), 0);
    let rows: i64 = fixture
        .store
        .read(|t| Ok::<_, StoreError>(t.query_row("SELECT count(*) FROM media", [], |r| r.get(0))?))
        .unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn what_lies_there_becomes_media_in_the_order_of_the_names() {
    let fixture = Fixture::new();
    let out = fixture.store.out_dir().unwrap();
    assert_eq!(std::fs::metadata(out.path()).unwrap().permissions().mode() & 0o7777, 0o700);
    assert!(out.path().starts_with(fixture.root.display_path().join("views")));
    assert!(fixture.store.out_take_all(&out, &taking(100)).unwrap().is_empty());
    for (name, bytes) in [("c.txt", &b"text"[..]), ("a.png", PNG), ("b", b"")] {
        std::fs::write(out.path().join(name), bytes).unwrap();
    }
    let media = fixture.store.out_take_all(&out, &taking(PNG.len() as u64)).unwrap();
    let told: Vec<_> = media.iter().map(|m| (m.name.as_deref().unwrap(), m.content_type.as_str(), m.size)).collect();
    let expect =
        [("a.png", "image/png", PNG.len() as u64), ("b", "application/octet-stream", 0), ("c.txt", "text/plain", 4)];
    assert_eq!(told, expect);
    assert_eq!(media[0].created_ms, 7);
    drop(out);
    assert_eq!((views(&fixture), stored(&fixture)), (0, 3));
    let bytes = std::io::read_to_string(fixture.store.media_open(&media[2].media).unwrap());
    assert_eq!(bytes.unwrap(), "text");
}

#[test]
fn one_file_is_taken_and_the_others_stay() {
    let fixture = Fixture::new();
    let out = fixture.store.out_dir().unwrap();
    std::fs::write(out.path().join("a.png"), PNG).unwrap();
    std::fs::write(out.path().join("b.txt"), "x").unwrap();
    assert_eq!(fixture.store.out_take(&out, "b.txt", &taking(1)).unwrap().size, 1);
    assert_eq!(stored(&fixture), 1);
    for (name, expect) in [
        ("c", "not-found: no such file is there"),
        ("", "invalid-path: the name is not one of a file there"),
        (".", "invalid-path: the name is not one of a file there"),
        ("..", "invalid-path: the name is not one of a file there"),
        ("../../creel.db", "invalid-path: the name is not one of a file there"),
        ("a\0", "invalid-path: the name is not one of a file there"),
    ] {
        assert_eq!(fixture.store.out_take(&out, name, &taking(1)).unwrap_err().to_string(), expect, "{name:?}");
    }
}

#[test]
fn what_is_no_plain_file_of_its_own_is_not_taken_and_nothing_with_it() {
    // 107, 109, 120, 121.
    check(
        |fixture, out| symlink(fixture.state().join("creel.db"), out.join("b")).expect("a link"),
        1_000,
        ("b", "invalid-path: it is a symbolic link"),
    );
    check(
        |_, out| std::fs::create_dir(out.join("b")).expect("it is made"),
        1_000,
        ("b", "not-file: it is not a regular file"),
    );
    let link = |fixture: &Fixture, out: &Path| {
        let blob = fixture.plant("inbound/old.png", PNG);
        std::fs::hard_link(blob, out.join("b")).expect("a link");
    };
    check(link, 1_000, ("b", "invalid-path: the file has another name elsewhere"));
    let large = |_: &Fixture, out: &Path| std::fs::write(out.join("b"), vec![0; 101]).expect("it is written");
    check(large, 100, ("b", "too-large: a medium from here has at most 100 bytes"));
}

#[test]
fn what_a_crash_leaves_goes_when_the_next_daemon_starts() {
    let fixture = Fixture::new();
    let out = fixture.store.out_dir().unwrap();
    std::fs::write(out.path().join("half"), "half of it").unwrap();
    let next = fixture.crash(0);
    assert_eq!(views(&next), 1);
    let lock = next.root.lock().unwrap();
    assert_eq!(next.store.clear_leftovers(&lock).unwrap(), 1);
    assert_eq!((views(&next), stored(&next)), (0, 0));
}
