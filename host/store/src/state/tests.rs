//! Tests of the state directory: who may use it, what is read from it, how it is written.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn root(temp: &tempfile::TempDir) -> StateRoot {
    StateRoot::open_ambient(&temp.path().join("state")).expect("it opens")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it can be set");
}

#[test]
fn it_is_made_for_its_owner_alone() {
    let temp = tempfile::tempdir().unwrap();
    let root = StateRoot::open_ambient(&temp.path().join("a/b")).unwrap();
    assert_eq!(mode(&temp.path().join("a/b")), 0o700);
    assert!(root.display_path().ends_with("a/b"));
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    for (mode, refused) in [(0o770, true), (0o702, true), (0o755, false)] {
        set_mode(temp.path(), mode);
        let opened = StateRoot::open_ambient(temp.path());
        match opened {
            Err(error) => {
                assert!(refused, "{mode:o}: {error}");
                let end = format!("can be written by others (mode {mode:04o})");
                assert!(error.to_string().ends_with(&end), "{error}");
            }
            Ok(_) => assert!(!refused, "{mode:o}"),
        }
    }
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    // `/proc/1` is root's, as are `/` and `/usr`; a test that runs as root can only give a directory away.
    let temp = tempfile::tempdir().unwrap();
    let path = if own_user() == 0 {
        std::os::unix::fs::chown(temp.path(), Some(12345), None).unwrap();
        temp.path()
    } else {
        Path::new("/usr")
    };
    let error = StateRoot::open_ambient(path).unwrap_err();
    assert!(matches!(error, StateError::ForeignOwner { .. }), "{error}");
}

#[test]
fn a_file_in_its_place_and_a_dangling_link_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("file"), "").unwrap();
    symlink("nowhere", temp.path().join("link")).unwrap();
    for name in ["file", "link"] {
        let error = StateRoot::open_ambient(&temp.path().join(name)).unwrap_err();
        assert!(matches!(error, StateError::Open { .. }), "{error}");
    }
}

#[test]
fn a_linked_state_directory_is_its_target() {
    let temp = tempfile::tempdir().unwrap();
    let real = root(&temp);
    symlink(temp.path().join("state"), temp.path().join("link")).unwrap();
    let linked = StateRoot::open_ambient(&temp.path().join("link")).unwrap();
    assert_eq!(linked.display_path(), real.display_path());
}

#[test]
fn a_second_daemon_hears_who_the_first_is() {
    let temp = tempfile::tempdir().unwrap();
    let (first, second) = (root(&temp), root(&temp));
    let lock = first.lock().unwrap();
    let text = format!("another creel daemon uses this state directory (process {})", std::process::id());
    assert_eq!(second.lock().unwrap_err().to_string(), text);
    drop(lock);
    second.lock().unwrap();
    assert_eq!(mode(&temp.path().join("state/daemon.lock")), 0o600);
}

#[test]
fn a_lock_that_is_a_link_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let root = root(&temp);
    std::fs::write(temp.path().join("precious"), "x").unwrap();
    symlink(temp.path().join("precious"), temp.path().join("state/daemon.lock")).unwrap();
    assert_eq!(root.lock().unwrap_err().to_string(), "`daemon.lock` in the state directory is a symbolic link");
    assert_eq!(std::fs::read_to_string(temp.path().join("precious")).unwrap(), "x");
}

#[test]
fn text_is_read_whole_or_refused() {
    let temp = tempfile::tempdir().unwrap();
    let root = root(&temp);
    let state = temp.path().join("state");
    std::fs::create_dir(state.join("dir")).unwrap();
    std::fs::write(state.join("dir/a"), "abc").unwrap();
    std::fs::write(state.join("latin"), b"\xff").unwrap();
    std::fs::write(temp.path().join("outside"), "secret").unwrap();
    symlink("../outside", state.join("out")).unwrap();
    symlink("dir", state.join("dirlink")).unwrap();
    let read = |name: &str, max| root.read_text(name, max).map_err(|error| error.to_string());
    assert_eq!(read("dir/a", 3), Ok(Some("abc".to_owned())));
    assert_eq!(read("dir/a", 2), Err("`dir/a` has more than 2 bytes".to_owned()));
    assert_eq!(read("none", 9), Ok(None));
    assert_eq!(read("none/a", 9), Ok(None));
    assert_eq!(read("latin", 9), Err("`latin` is not UTF-8 text".to_owned()));
    assert_eq!(read("dir", 9), Err("`dir` in the state directory is not what it should be".to_owned()));
    assert_eq!(read("dir/a/b", 9), Err("`dir/a/b` in the state directory is not what it should be".to_owned()));
    for name in ["out", "dirlink/a"] {
        assert_eq!(read(name, 9), Err(format!("`{name}` in the state directory is a symbolic link")));
    }
    for name in ["", "/etc/passwd", "../outside", "dir/../a", "./a", "dir//a", "a\0"] {
        assert_eq!(read(name, 9), Err(format!("`{name}` names no file of the state directory")));
    }
}

#[test]
fn a_file_of_secrets_that_others_can_read_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let root = root(&temp);
    let path = temp.path().join("state/auth-profiles.json");
    std::fs::write(&path, "{}").unwrap();
    for (mode, fine) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
        set_mode(&path, mode);
        match root.read_private("auth-profiles.json", 9) {
            Ok(text) => assert!(fine && text.is_some_and(|text| *text == "{}"), "{mode:o}"),
            Err(error) => {
                assert!(!fine, "{mode:o}");
                let begin = format!(
                    "`auth-profiles.json` holds secrets and can be read or written by others (mode {mode:04o}, owner "
                );
                assert!(error.to_string().starts_with(&begin), "{error}");
            }
        }
    }
}

#[test]
fn a_file_is_replaced_as_a_whole_and_for_its_owner_alone() {
    let temp = tempfile::tempdir().unwrap();
    let root = root(&temp);
    let path = temp.path().join("state/creel.lock");
    std::fs::write(temp.path().join("outside"), "old").unwrap();
    symlink("../outside", &path).unwrap();
    root.write_private("creel.lock", b"new").unwrap();
    root.write_private("creel.lock", b"newer").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "newer");
    assert_eq!(std::fs::read_to_string(temp.path().join("outside")).unwrap(), "old");
    assert_eq!(mode(&path), 0o600);
    let names: Vec<_> = std::fs::read_dir(temp.path().join("state")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["creel.lock"]);
    assert!(matches!(root.write_private("a/b", b""), Err(StateError::BadName { .. })));
    assert!(matches!(root.write_private("..", b""), Err(StateError::BadName { .. })));
}
