//! Tests of opening and migrating the database, and of what an earlier process leaves behind.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use creel_policy::media::Area;

use super::*;
use crate::fixture::{Fixture, PNG};

#[test]
fn only_the_owner_reads_the_database_and_what_goes_with_it() {
    let fixture = Fixture::new();
    fixture.receive("m1", 0);
    for entry in std::fs::read_dir(fixture.state()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", entry.file_name());
    }
}

#[test]
fn a_newer_form_is_refused_with_both_numbers() {
    let fixture = Fixture::new();
    let (temp, root) = (fixture.temp, fixture.root);
    drop(fixture.store);
    let newer = Connection::open(root.display_path().join(DATABASE_FILE)).unwrap();
    newer.execute("INSERT INTO schema_version VALUES (7)", []).unwrap();
    drop(newer);
    let error = Store::open(&root).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the database has form 7, and this creel knows forms up to {}", super::FORMS.len())
    );
    drop(temp);
}

#[test]
fn forms_follow_each_other_all_of_the_way_or_not_at_all() {
    let mut connection = Connection::open_in_memory().unwrap();
    let version = |connection: &Connection| {
        connection.query_row("SELECT max(version) FROM schema_version", [], |row| row.get::<_, Option<i64>>(0)).ok()
    };
    migrate(&mut connection, &["CREATE TABLE a (x)"]).unwrap();
    assert_eq!(version(&connection), Some(Some(1)));
    let broken = ["CREATE TABLE a (x)", "CREATE TABLE b (x)", "CREATE TABLE a (x)"];
    assert!(matches!(migrate(&mut connection, &broken), Err(StoreError::Database(_))));
    assert_eq!(version(&connection), Some(Some(1)));
    migrate(&mut connection, &broken[..2]).unwrap();
    migrate(&mut connection, &broken[..2]).unwrap();
    assert_eq!(version(&connection), Some(Some(2)));
    connection.execute("INSERT INTO b VALUES (1)", []).unwrap();
}

#[test]
fn a_linked_database_or_media_directory_is_refused() {
    for name in ["creel.db", "media", "views"] {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("elsewhere")).unwrap();
        let root = StateRoot::open_ambient(&temp.path().join("state")).unwrap();
        symlink("../elsewhere", temp.path().join("state").join(name)).unwrap();
        let error = Store::open(&root).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, format!("`{name}` in the state directory is a symbolic link"));
    }
}

#[test]
fn a_directory_that_others_can_put_files_into_is_refused() {
    let fixture = Fixture::new();
    let area = fixture.area("inbound");
    std::fs::set_permissions(&area, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = Store::open(&fixture.root).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.ends_with("media/inbound` can be written by others (mode 0777)"), "{cause}");
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let temp = tempfile::tempdir().unwrap();
    let root = StateRoot::open_ambient(&temp.path().join("state")).unwrap();
    std::fs::write(temp.path().join("state/creel.db"), "x".repeat(5000)).unwrap();
    assert!(matches!(Store::open(&root), Err(StoreError::Database(_))));
}

#[test]
fn the_next_daemon_clears_what_the_last_left_and_nothing_else() {
    let fixture = Fixture::new();
    let medium = fixture.store.media_put(Area::Inbound, None, PNG, 1).unwrap();
    fixture.store.inbound_attachment_stored(fixture.receive("m1", 1), 0, &medium.media).unwrap();
    fixture.plant("inbound/old.png", PNG);
    let mut half = fixture.store.media_begin(Area::Inbound, None, 100).unwrap();
    half.write(b"half").unwrap();
    let view = fixture.store.media_view(std::slice::from_ref(&medium.media)).unwrap();
    assert_eq!(std::fs::read_dir(fixture.area("inbound")).unwrap().count(), 3);
    // While somebody writes it, it is no leftover: a command of the operator's may be storing a file.
    let lock = fixture.root.lock().unwrap();
    std::mem::forget(view);
    assert_eq!(fixture.store.clear_leftovers(&lock).unwrap(), 1);
    drop(lock);
    half.write(b" and half").unwrap();
    let fixture = fixture.crash(0);
    let lock = fixture.root.lock().unwrap();
    assert_eq!(fixture.store.clear_leftovers(&lock).unwrap(), 1);
    assert_eq!(fixture.store.clear_leftovers(&lock).unwrap(), 0);
    assert_eq!(std::fs::read_dir(fixture.area("inbound")).unwrap().count(), 2);
    assert_eq!(std::fs::read_dir(fixture.state().join("views")).unwrap().count(), 0);
    fixture.store.media_open(&medium.media).unwrap();
}

#[test]
fn a_file_among_the_views_does_not_keep_a_daemon_from_starting() {
    let fixture = Fixture::new();
    std::fs::write(fixture.state().join("views/notes.txt"), "mine").unwrap();
    let lock = fixture.root.lock().unwrap();
    assert_eq!(fixture.store.clear_leftovers(&lock).unwrap(), 1);
}

#[test]
fn a_database_that_came_from_a_backup_is_made_ours_alone() {
    let fixture = Fixture::new();
    fixture.receive("m1", 0);
    let names = || DATABASE_FILES.map(|name| fixture.state().join(name));
    for path in names() {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let again = Store::open(&fixture.root).unwrap();
    for path in names() {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600, "{path:?}");
    }
    assert_eq!(again.inbound_sessions("", 9).unwrap().len(), 1);
}

#[test]
fn a_log_of_the_database_that_is_a_link_is_refused() {
    let fixture = Fixture::new();
    let Fixture { temp, root, store } = fixture;
    drop(store);
    std::fs::write(temp.path().join("precious"), "x").unwrap();
    symlink("../precious", temp.path().join("state/creel.db-wal")).unwrap();
    let error = Store::open(&root).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "`creel.db-wal` in the state directory is a symbolic link");
    assert_eq!(std::fs::read_to_string(temp.path().join("precious")).unwrap(), "x");
}

#[test]
fn the_log_of_the_database_shrinks_after_a_large_transaction() {
    let fixture = Fixture::new();
    let length = || std::fs::metadata(fixture.state().join("creel.db-wal")).unwrap().len();
    let bound = u64::try_from(DATABASE_LOG_BYTES_MAX).unwrap();
    fixture
        .store
        .write::<_, StoreError>(|transaction| {
            let insert = "INSERT INTO cursor (channel, value, at_ms) VALUES (?1, zeroblob(1048576), 1)";
            (0..24).try_for_each(|n| transaction.execute(insert, [n.to_string()]).map(|_| ()))?;
            Ok(())
        })
        .unwrap();
    assert!(length() > bound, "{}", length());
    fixture.receive("m1", 0);
    assert!(length() <= bound, "{}", length());
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost_once_there_is_room() {
    let fixture = Fixture::new();
    let first = fixture.receive("m1", 0);
    let room = |pages: &str| {
        let connection = fixture.store.0.durable.lock().unwrap();
        let now: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let most = if pages == "none" { now } else { now + 1_000 };
        connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |row| row.get::<_, i64>(0)).unwrap();
    };
    room("none");
    let large = crate::turn::NewInbound { text: "x".repeat(100_000), ..crate::fixture::message("m2", 0) };
    let error = fixture.store.inbound_insert(&large).unwrap_err();
    assert_eq!(error.to_string(), "the database failed");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "database or disk is full");
    assert_eq!(fixture.store.inbound(first).unwrap().message.message_id, "m1");
    room("some");
    assert!(matches!(fixture.store.inbound_insert(&large).unwrap(), crate::turn::Inserted::New(_)));
}

#[test]
fn a_database_of_the_first_form_goes_on_with_its_media_claimed() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &FORMS[..1]).unwrap();
    let insert = "INSERT INTO media (area, id, content_type, size, sha256, created_ms)
                  VALUES ('inbound', ?1, 'image/png', 1, ?2, 1)";
    connection.execute(insert, ("old.png", "0".repeat(64))).unwrap();
    migrate(&mut connection, FORMS).unwrap();
    let claimed: bool = connection.query_row("SELECT claimed FROM media", [], |row| row.get(0)).unwrap();
    assert!(claimed);
}

#[test]
fn two_processes_may_have_one_store_open() {
    let fixture = Fixture::new();
    let other = Store::open(&fixture.root).unwrap();
    let medium = fixture.store.media_put(Area::Inbound, None, PNG, 1).unwrap();
    assert_eq!(other.medium(&medium.media).unwrap(), medium);
}

#[test]
fn a_panic_in_a_transaction_leaves_the_store_usable() {
    let fixture = Fixture::new();
    let store = fixture.store.clone();
    let thread = std::thread::spawn(move || {
        store.write::<(), StoreError>(|transaction| {
            transaction.execute("DELETE FROM inbound", [])?;
            panic!("in the middle of it");
        })
    });
    let id = fixture.receive("m1", 0);
    assert!(thread.join().is_err());
    assert_eq!(fixture.store.inbound(id).unwrap().message.message_id, "m1");
}

#[test]
fn a_database_of_the_third_form_learns_who_refers_to_what_and_how_much_there_is() {
    let fixture = Fixture::new();
    let Fixture { temp, root, store } = fixture;
    drop(store);
    let file = temp.path().join("state").join(DATABASE_FILE);
    for name in DATABASE_FILES {
        drop(std::fs::remove_file(temp.path().join("state").join(name)));
    }
    let mut older = Connection::open(&file).unwrap();
    migrate(&mut older, &FORMS[..3]).unwrap();
    let sha256 = "0".repeat(64);
    older
        .execute_batch(&format!(
            "INSERT INTO media (area, id, content_type, size, sha256, created_ms, expired_ms) VALUES
               ('inbound', 'a.png', 'image/png', 5, '{sha256}', 1, NULL),
               ('inbound', 'b.png', 'image/png', 7, '{sha256}', 1, NULL),
               ('inbound', 'gone.png', 'image/png', 9, '{sha256}', 1, 2),
               ('outbound', 'a.png', 'image/png', 11, '{sha256}', 1, NULL);
             INSERT INTO inbound VALUES
               (1, 'signal', 'm1', 's', '{{}}', '{{}}', '', NULL, 1, 1, 'answered', NULL),
               (2, 'signal', 'm2', 't', '{{}}', '{{}}', '', NULL, 1, 1, 'received', NULL);
             INSERT INTO attachment VALUES
               (1, 0, '{{}}', 'media://inbound/a.png', NULL), (1, 1, '{{}}', 'media://inbound/a.png', NULL),
               (2, 0, '{{}}', 'media://inbound/gone.png', NULL), (2, 1, '{{}}', NULL, 'no'), (2, 2, '{{}}', NULL, NULL);
             INSERT INTO entry (session, role, text, media_json, at_ms, inbound) VALUES
               ('s', 'user', '', '[\"media://inbound/a.png\",\"media://inbound/a.png\"]', 1, 1),
               ('s', 'assistant', '', '[\"media://outbound/a.png\",\"media://inbound/none.png\"]', 1, 1),
               ('s', 'user', '', '[]', 1, NULL);
             INSERT INTO outbox (channel, session, conversation_json, text, media_json, inbound, state, next_attempt_ms,
                 created_ms) VALUES
               ('signal', 's', '{{}}', '', '[\"media://outbound/a.png\"]', 1, 'pending', 1, 1);"
        ))
        .unwrap();
    drop(older);
    let store = Store::open(&root).unwrap();
    let rows = store.read::<_, StoreError>(|transaction| {
        let all = "SELECT area || ' ' || id || ' ' || holder || ' ' || holder_id || ' ' || session FROM media_reference
                   ORDER BY area, id, holder, holder_id";
        let mut statement = transaction.prepare(all)?;
        Ok(statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?)
    });
    assert_eq!(
        rows.unwrap(),
        [
            "inbound a.png entry 1 s",
            "inbound a.png inbound 1 s",
            "inbound gone.png inbound 2 t",
            "inbound none.png entry 2 s",
            "outbound a.png entry 2 s",
            "outbound a.png outbox 1 s",
        ]
    );
    let totals: Vec<_> =
        store.media_totals().unwrap().into_iter().map(|total| (total.area, total.media, total.bytes)).collect();
    assert_eq!(totals, [("inbound".to_owned(), 2, 12), ("outbound".to_owned(), 1, 11)]);
    let flaws = store.media_verify(false, 1 << 40).unwrap().flaws;
    assert!(flaws.iter().all(|flaw| flaw.kind == crate::media::FlawKind::FileMissing) && flaws.len() == 3, "{flaws:?}");
}
