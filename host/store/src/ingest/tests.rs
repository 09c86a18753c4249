//! Tests of granted directories: what may be granted, and what is read beneath one.

use std::os::unix::fs::symlink;

use super::*;
use crate::fixture::{Fixture, PNG};

struct Granted {
    fixture: Fixture,
    dir: GrantedDir,
    path: PathBuf,
}

fn granted() -> Granted {
    let fixture = Fixture::new();
    let path = fixture.temp.path().join("attachments");
    std::fs::create_dir(&path).expect("it can be made");
    let dir = GrantedDir::open_ambient(&path, &fixture.store).expect("it can be granted");
    Granted { fixture, dir, path }
}

impl Granted {
    fn ingest(&self, name: &str) -> Result<Medium, MediaError> {
        self.fixture.store.ingest(&self.dir, &Ingest { name, area: Area::Inbound, bytes_max: 100 }, 5)
    }

    fn code(&self, name: &str) -> String {
        match self.ingest(name) {
            Ok(medium) => medium.content_type,
            Err(MediaError::Refused(refusal)) => refusal.code.to_string(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_file_becomes_a_medium_of_its_own() {
    let granted = granted();
    std::fs::create_dir(granted.path.join("sub")).unwrap();
    let path = granted.path.join("sub/a.bin");
    std::fs::write(&path, PNG).unwrap();
    let medium = granted.ingest("sub/a.bin").unwrap();
    assert_eq!((medium.content_type.as_str(), medium.name.as_deref()), ("image/png", Some("a.bin")));
    // O7: a second name may be that of a file outside, put here by somebody who may not read it.
    std::fs::hard_link(&path, granted.path.join("b")).unwrap();
    assert_eq!((granted.code("b"), granted.code("sub/a.bin")), ("invalid-path".to_owned(), "invalid-path".to_owned()));
    std::fs::remove_file(&path).unwrap();
    granted.fixture.store.media_open(&medium.media).unwrap();
}

#[test]
fn names_that_lead_out_are_refused_before_anything_is_opened() {
    let granted = granted();
    for name in
        ["..", "../x", "a/../../x", "a/../x", "/etc/passwd", "~", "~/x", "C:x", "c:\\x", "\\\\server\\x", "//server/x"]
    {
        assert_eq!(granted.code(name), "path-not-allowed", "{name}");
    }
    let long = "x/".repeat(600);
    for name in ["", ".", "./a", "a/./b", "a//b", "a/", "a\\b", "a\0b", "a\nb", &long] {
        assert_eq!(granted.code(name), "invalid-path", "{name:?}");
    }
}

#[test]
fn links_are_not_followed_wherever_they_stand_and_lead() {
    let granted = granted();
    let outside = granted.fixture.temp.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "key").unwrap();
    std::fs::create_dir(granted.path.join("real")).unwrap();
    std::fs::write(granted.path.join("real/file"), "text").unwrap();
    for (target, name) in [
        (outside.join("secret"), "absolute"),
        ("../outside/secret".into(), "relative"),
        ("real/file".into(), "inside"),
        ("relative".into(), "chain"),
        ("loop".into(), "loop"),
        ("missing".into(), "dangling"),
        (outside.clone(), "dir"),
        ("real".into(), "dirinside"),
        ("/proc/self/root".into(), "magic"),
    ] {
        symlink(target, granted.path.join(name)).unwrap();
    }
    for name in [
        "absolute",
        "relative",
        "inside",
        "chain",
        "loop",
        "dangling",
        "dir",
        "dir/secret",
        "dirinside/file",
        "magic/etc/passwd",
    ] {
        assert_eq!(granted.code(name), "invalid-path", "{name}");
    }
    assert_eq!(granted.code("real/file"), "text/plain");
}

#[test]
fn only_files_are_read_and_only_so_large() {
    let granted = granted();
    std::fs::create_dir(granted.path.join("dir")).unwrap();
    std::fs::write(granted.path.join("most"), [b'x'; 100]).unwrap();
    std::fs::write(granted.path.join("more"), [b'x'; 101]).unwrap();
    let pipe = granted.path.join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(granted.path.join("socket")).unwrap();
    for (name, expected) in [
        ("most", "text/plain"),
        ("more", "too-large"),
        ("dir", "not-file"),
        ("pipe", "not-file"),
        ("socket", "not-file"),
        ("most/x", "not-file"),
        ("none", "not-found"),
        ("none/x", "not-found"),
    ] {
        assert_eq!(granted.code(name), expected, "{name}");
    }
    drop(socket);
}

#[test]
fn what_is_too_wide_or_not_there_is_not_granted() {
    let fixture = Fixture::new();
    let temp = fixture.temp.path();
    std::fs::write(temp.join("file"), "").unwrap();
    symlink("/", temp.join("all")).unwrap();
    symlink(temp, temp.join("around")).unwrap();
    let text = |path: &Path| GrantedDir::open_ambient(path, &fixture.store).unwrap_err().to_string();
    assert_eq!(text(Path::new("a/b")), "`a/b` is not an absolute path");
    assert_eq!(text(Path::new("/")), "`/` is the root of the file system: pass a narrower directory");
    for (name, end) in [
        ("all", "is the root of the file system: pass a narrower directory"),
        ("around", "holds the state directory: pass a narrower directory"),
        ("", "holds the state directory: pass a narrower directory"),
        ("state", "holds the state directory: pass a narrower directory"),
    ] {
        assert!(text(&temp.join(name)).ends_with(end), "{name}");
    }
    for name in ["file", "none"] {
        assert!(text(&temp.join(name)).starts_with("could not open the directory "), "{name}");
    }
}

#[test]
fn a_granted_directory_may_itself_be_a_link() {
    let granted = granted();
    std::fs::write(granted.path.join("a"), PNG).unwrap();
    let link = granted.fixture.temp.path().join("link");
    symlink(&granted.path, &link).unwrap();
    let dir = GrantedDir::open_ambient(&link, &granted.fixture.store).unwrap();
    let file = Ingest { name: "a", area: Area::Inbound, bytes_max: 100 };
    assert_eq!(granted.fixture.store.ingest(&dir, &file, 5).unwrap().size, PNG.len() as u64);
}
