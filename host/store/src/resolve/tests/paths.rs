//! What lies outside the media store: the workspace, the operator's roots, bytes in the text, URLs. Cases J, K, N, O and
//! U of the older gateway, attacks 105, 106, 112, 113, 120.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const CSV: &[u8] = b"a,b\n1,2\n";

/// A state directory beside some directories of the operator's.
struct Lab {
    fixture: Fixture,
    roots: Vec<RootEntry>,
    workspace_only: bool,
}

impl Lab {
    fn new(roots: &[&str]) -> Self {
        let fixture = Fixture::new();
        let entry = |(number, path): (usize, &&str)| RootEntry {
            key: format!("media.roots[{number}]"),
            name: format!("root-{number}"),
            path: fixture.temp.path().join(path).display().to_string(),
        };
        let roots = roots.iter().enumerate().map(entry).collect();
        Self { fixture, roots, workspace_only: false }
    }

    fn path(&self, below: &str) -> String {
        self.fixture.temp.path().join(below).display().to_string()
    }

    fn write(&self, below: &str, bytes: &[u8]) -> String {
        let path = self.fixture.temp.path().join(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn scope(&self) -> Scope<'_> {
        Scope { roots: &self.roots, workspace_only: self.workspace_only, ..operator() }
    }

    fn ask(&self, reference: &str, deed: Deed) -> MediaResolution {
        self.fixture.store.resolve(reference, &self.scope(), deed).unwrap()
    }

    /// The refusal as it is printed, or the handle.
    fn said(&self, reference: &str) -> String {
        match self.ask(reference, Deed::Look { now_ms: 1 }).outcome {
            Ok(Found::Medium(medium)) => medium.media.to_string(),
            Ok(Found::Url(url)) => format!("fetch {}", url.url),
            Err(refusal) => refusal.to_string(),
        }
    }

    fn take(&self, reference: &str) -> Medium {
        self.ask(reference, Deed::Take { now_ms: 7 }).medium().cloned().unwrap()
    }
}

use crate::media::Medium;

#[test]
fn k12_j7_the_same_file_is_the_same_handle_by_every_path_and_the_same_bytes_are_one_medium() {
    let lab = Lab::new(&["photos"]);
    let path = lab.write("photos/2024/cat.png", PNG);
    symlink(lab.path("photos"), lab.path("pictures")).unwrap();
    symlink(lab.fixture.temp.path(), lab.path("home")).unwrap();
    let looked = lab.said(&path);
    assert!(looked.starts_with("media://workspace/main/") && looked.ends_with(".png"), "{looked}");
    // A look stores nothing.
    assert_eq!(lab.said(&looked), format!("not-found: `{looked}` is not stored"));
    let medium = lab.take(&path);
    assert_eq!(
        (medium.media.to_string(), medium.name.as_deref(), medium.width),
        (looked.clone(), Some("cat.png"), Some(2))
    );
    let copy = lab.write("photos/copy.png", PNG);
    for spelling in [
        path.clone(),
        format!("file://{path}"),
        format!("MEDIA: {path}"),
        lab.path("photos/./2024//cat.png"),
        lab.path("pictures/2024/cat.png"),
        lab.path("home/home/pictures/2024/cat.png"),
        copy,
        looked.clone(),
    ] {
        assert_eq!(lab.said(&spelling), looked, "{spelling}");
        assert_eq!(lab.take(&spelling), Medium { created_ms: 7, ..medium.clone() }, "{spelling}");
    }
    // Bytes that have changed are another medium, and the first one stays.
    lab.write("photos/2024/cat.png", &[PNG, b"more"].concat());
    assert_ne!(lab.said(&path), looked);
    assert_eq!(lab.said(&looked), looked);
}

#[test]
fn k12_relative_paths_and_the_workspace() {
    let lab = Lab::new(&[]);
    assert_eq!(
        lab.said("chart.png"),
        "path-not-allowed: local media path is not under an allowed directory: ".to_owned()
            + &lab.fixture.root.display_path().join("workspace/chart.png").display().to_string()
    );
    lab.write("state/workspace/chart.png", PNG);
    let uri = lab.said("chart.png");
    assert!(uri.starts_with("media://workspace/main/"), "{uri}");
    assert_eq!(lab.said("./chart.png"), uri);
    assert_eq!(lab.said(&lab.path("state/workspace/chart.png")), uri);
    assert_eq!(lab.said("none.png"), "not-found: no such file lies in the root `workspace`");
    // J12: another agent has another one.
    lab.write("state/workspace-ops/chart.png", PNG);
    let ops = AgentId::parse("ops").unwrap();
    let scope = Scope { agent: &ops, ..operator() };
    let said = lab.fixture.store.resolve("chart.png", &scope, Deed::Look { now_ms: 1 }).unwrap();
    assert!(said.medium().unwrap().media.to_string().starts_with("media://workspace/ops/"));
    let said =
        lab.fixture.store.resolve(&lab.path("state/workspace/chart.png"), &scope, Deed::Look { now_ms: 1 }).unwrap();
    assert_eq!(said.outcome.unwrap_err().code, MediaRefusalCode::PathNotAllowed);
    // A workspace elsewhere.
    lab.write("work/chart.png", CSV);
    let work = lab.path("work");
    let scope = Scope { workspace: Some(&work), ..operator() };
    let said = lab.fixture.store.resolve("chart.png", &scope, Deed::Look { now_ms: 1 }).unwrap();
    assert_eq!(said.outcome.unwrap_err().code, MediaRefusalCode::WrongType);
}

#[test]
fn o7_attacks_105_106_120_what_is_no_plain_file_below_the_root_is_refused() {
    let lab = Lab::new(&["photos"]);
    lab.write("outside/secret.png", PNG);
    lab.write("photos/in/real.png", PNG);
    let link = |to: &str, from: &str| symlink(lab.path(to), lab.path(from)).unwrap();
    link("outside/secret.png", "photos/file-link.png");
    link("photos/in/real.png", "photos/inner-link.png");
    link("outside", "photos/dir-link");
    link("photos/loop-b", "photos/loop-a");
    link("photos/loop-a", "photos/loop-b");
    link("nowhere", "photos/dangling.png");
    std::fs::hard_link(lab.path("outside/secret.png"), lab.path("photos/hard.png")).unwrap();
    std::fs::create_dir(lab.path("photos/dir.png")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        lab.path("photos/pipe.png"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(lab.path("photos/socket.png")).unwrap();
    let over = "invalid-path: the path leads over a symbolic link in the root `root-0`";
    let no_file = "not-file: what lies there in the root `root-0` is no regular file";
    for (name, expected) in [
        ("file-link.png", over),
        ("inner-link.png", over),
        ("dir-link/secret.png", over),
        ("loop-a", over),
        ("loop-a/x.png", over),
        ("dangling.png", over),
        ("hard.png", "invalid-path: the file in the root `root-0` has a second name (a hard link) elsewhere"),
        ("dir.png", no_file),
        ("pipe.png", no_file),
        ("socket.png", no_file),
        ("in/real.png/x.png", no_file),
        ("none.png", "not-found: no such file lies in the root `root-0`"),
        ("none/at/all.png", "not-found: no such file lies in the root `root-0`"),
        ("IN/real.png", "not-found: no such file lies in the root `root-0`"),
        ("../outside/secret.png", "path-not-allowed: the name of a medium holds no `..`"),
    ] {
        assert_eq!(lab.said(&lab.path(&format!("photos/{name}"))), expected, "{name}");
    }
    for path in ["/proc/self/environ", "/proc/self/cwd/x.png", "/sys/kernel/x.png"] {
        assert_eq!(lab.said(path), "path-not-allowed: the file systems of the kernel hold no media", "{path}");
    }
    let null = "path-not-allowed: local media path is not under an allowed directory: /dev/null";
    assert_eq!(lab.said("/dev/null"), null);
    // J6, attack 112: a prefix is no directory.
    lab.write("photos-evil/x.png", PNG);
    assert!(lab.said(&lab.path("photos-evil/x.png")).starts_with("path-not-allowed"));
}

#[test]
fn j4_j5_a_root_that_is_a_file_is_that_file_alone() {
    let lab = Lab::new(&["photos/cat.png", "photos"]);
    let (cat, dog) = (lab.write("photos/cat.png", PNG), lab.write("photos/dog.png", &[PNG, b"dog"].concat()));
    let only = Scope { roots: &lab.roots[..1], ..operator() };
    let ask = |path: &str| lab.fixture.store.resolve(path, &only, Deed::Look { now_ms: 1 }).unwrap();
    assert!(ask(&cat).medium().is_some());
    assert_eq!(ask(&dog).outcome.unwrap_err().code, MediaRefusalCode::PathNotAllowed);
    let child = ask(&format!("{cat}/child.png")).outcome.unwrap_err();
    assert_eq!(child.code, MediaRefusalCode::PathNotAllowed);
    // A link that the operator has named is named by him; what it leads to is the root.
    symlink(&cat, lab.path("named.png")).unwrap();
    let roots = [RootEntry { path: lab.path("named.png"), ..lab.roots[0].clone() }];
    let named = Scope { roots: &roots, ..operator() };
    assert!(lab.fixture.store.resolve(&cat, &named, Deed::Look { now_ms: 1 }).unwrap().medium().is_some());
    assert!(lab.said(&dog).starts_with("media://"), "the directory holds it");
}

#[test]
fn u14_j8_roots_are_opened_when_they_are_asked_and_bad_ones_say_why() {
    let lab = Lab::new(&["later", "state", "state/workspace", "state/media/inbound", "/"]);
    let verdicts = |reference: &str| {
        let roots = lab.ask(reference, Deed::Look { now_ms: 1 }).roots;
        let said = |root: RootReport| match root.detail {
            Some(detail) => format!("{} {:?}: {detail}", root.name, root.verdict),
            None => format!("{} {:?}", root.name, root.verdict),
        };
        roots.into_iter().map(said).collect::<Vec<_>>()
    };
    let path = lab.path("later/x.png");
    let state = lab.fixture.root.display_path().display().to_string();
    assert_eq!(
        verdicts(&path),
        [
            "inbound DoesNotMatch".to_owned(),
            "outbound DoesNotMatch".to_owned(),
            "workspace Missing".to_owned(),
            "root-0 Missing".to_owned(),
            format!("root-1 Unusable: `{state}` holds the state directory: pass a narrower directory"),
            "root-2 Missing".to_owned(),
            format!(
                "root-3 Unusable: `{state}/media/inbound` lies within the state directory: what Creel keeps there is \
                 not yours to grant"
            ),
            "root-4 Unusable: `/` is the root of the file system: pass a narrower directory".to_owned(),
        ]
    );
    lab.write("later/x.png", PNG);
    assert_eq!(verdicts(&path)[3], "root-0 Matches");
    assert!(lab.said(&path).starts_with("media://workspace/main/"));
    std::fs::rename(lab.path("later"), lab.path("moved")).unwrap();
    assert!(lab.said(&path).starts_with("path-not-allowed"));
}

#[test]
fn k16_j23_workspace_only_shuts_paths_and_no_handle() {
    let mut lab = Lab::new(&["photos"]);
    let (path, own) = (lab.write("photos/a.png", PNG), lab.write("state/workspace/b.png", &[PNG, b"b"].concat()));
    let stored = lab.fixture.store.media_put(Area::Inbound, None, PNG, 1).unwrap().media.to_string();
    // J23: off, it does not mean any path.
    let outside = lab.write("elsewhere/a.png", PNG);
    assert!(lab.said(&outside).starts_with("path-not-allowed"));
    assert!(lab.said(&path).starts_with("media://"));
    lab.workspace_only = true;
    assert_eq!(
        lab.said(&path),
        "path-not-allowed: `tools.fs.workspaceOnly` is on, and the root `root-0` is not the workspace"
    );
    assert_eq!(lab.ask(&path, Deed::Look { now_ms: 1 }).roots.last().unwrap().verdict, RootVerdict::Shut);
    assert!(lab.said(&own).starts_with("media://workspace/main/"));
    assert_eq!(lab.said(&stored), stored);
    let by_path = lab.fixture.area("inbound").join(stored.rsplit('/').next().unwrap()).display().to_string();
    assert_eq!(lab.said(&by_path), stored);
}

/// The older gateway calls all of these `path-not-allowed`; here a path that is allowed and a type that is not are two
/// reasons.
#[test]
fn n1_to_n5_what_files_of_a_root_must_be() {
    let lab = Lab::new(&["docs"]);
    let wrong = |bytes: &str| {
        format!(
            "wrong-type: a file outside the media store is taken if it is a picture, sound, moving picture, PDF or \
             office document, or a text named `.csv` or `.md`; the bytes of this one are {bytes}"
        )
    };
    let zip = b"PK\x03\x04\x14\0\0\0\0\0".to_vec();
    for (name, bytes, expected) in [
        ("a.csv", CSV.to_vec(), Ok("text/csv")),
        ("a.md", b"# *!*".to_vec(), Ok("text/markdown")),
        ("a.txt", b"plain".to_vec(), Err("text/plain")),
        ("fake.pdf", b"plain".to_vec(), Err("text/plain")),
        ("real.pdf", b"%PDF-1.7\n\xff\xfe".to_vec(), Ok("application/pdf")),
        ("zip.csv", zip, Err("application/zip")),
        ("a.html", b"<html><body>".to_vec(), Err("text/html")),
        ("id_rsa", b"-----BEGIN KEY-----\n".to_vec(), Err("text/plain")),
        ("opaque.csv", vec![1, 2, 3, 0xff], Err("application/octet-stream")),
        ("padded.md", b"text\0\0\0".to_vec(), Err("application/octet-stream")),
        ("bom.md", b"\xef\xbb\xbf\xff".to_vec(), Err("application/octet-stream")),
        ("tail.csv", [vec![b'a'; 9000], vec![0, 0xff]].concat(), Err("application/octet-stream")),
        ("cat.png", PNG.to_vec(), Ok("image/png")),
        ("cat.jpg", PNG.to_vec(), Ok("image/png")),
    ] {
        let said = lab.ask(&lab.write(&format!("docs/{name}"), &bytes), Deed::Look { now_ms: 1 }).outcome;
        let said = said.map(|found| found.medium().unwrap().content_type.clone()).map_err(|no| no.to_string());
        assert_eq!(said, expected.map(str::to_owned).map_err(wrong), "{name}");
    }
}

#[test]
fn data_urls_are_media_by_their_content_and_urls_are_judged() {
    let lab = Lab::new(&[]);
    let url = "data:image/jpeg;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA=";
    let medium = lab.take(url);
    assert_eq!((medium.content_type.as_str(), &medium.media.area), ("image/png", &Area::Inbound));
    assert_eq!(lab.take(url).media, medium.media);
    assert_eq!(lab.said(url), medium.media.to_string());
    assert_eq!(lab.said("https://example.com/a.png"), "fetch https://example.com/a.png");
    assert!(lab.said("http://127.0.0.1/a.png").starts_with("url-not-allowed: `127.0.0.1` is at 127.0.0.1"));
    let long = format!("data:image/png;base64,{}", "A".repeat(4000));
    assert_eq!(lab.ask(&long, Deed::Look { now_ms: 1 }).input.chars().count(), 513);
}

#[test]
fn attack_117_to_a_session_what_it_does_not_hold_is_not_found() {
    let lab = Lab::new(&[]);
    let store = &lab.fixture.store;
    let medium = store.media_put(Area::Inbound, None, PNG, 1).unwrap().media;
    let inbound = lab.fixture.receive("m1", 1);
    store.inbound_attachment_stored(inbound, 0, &medium).unwrap();
    store.inbound_ready(inbound, 1).unwrap();
    let by = |session: &'static str, reference: &str| {
        let scope = Scope { asker: Asker::Session(session), ..operator() };
        match store.resolve(reference, &scope, Deed::Look { now_ms: 1 }).unwrap().outcome {
            Ok(found) => found.medium().unwrap().media.to_string(),
            Err(refusal) => refusal.to_string(),
        }
    };
    let uri = medium.to_string();
    let path = lab.fixture.area("inbound").join(medium.id.as_str()).display().to_string();
    for spelling in [&uri, &path] {
        assert_eq!(by("signal:alice", spelling), uri);
        assert_eq!(by("signal:bob", spelling), format!("not-found: `{uri}` is not stored"));
    }
    // Just like one that nobody ever stored (attack 118).
    assert_eq!(by("signal:bob", "media://inbound/none.png"), "not-found: `media://inbound/none.png` is not stored");
    lab.write("state/workspace/w.png", PNG);
    let own = lab.take("w.png").media.to_string();
    assert_eq!(by("signal:bob", &own), own);
    let ops = own.replace("/main/", "/ops/");
    assert_eq!(by("signal:bob", &ops), format!("not-found: `{ops}` is not stored"));
}

#[test]
fn what_the_host_may_not_read_is_not_allowed() {
    let lab = Lab::new(&["photos"]);
    let path = lab.write("photos/a.png", PNG);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything.
    if std::fs::read(&path).is_err() {
        let rule = "the operating system does not let creel read that file of the root `root-0`";
        assert_eq!(lab.said(&path), format!("path-not-allowed: {rule}"));
    }
}

#[test]
fn a_medium_of_a_root_that_was_cleaned_away_is_there_again_when_it_is_taken_again() {
    let lab = Lab::new(&["photos"]);
    let path = lab.write("photos/a.png", PNG);
    let medium = lab.take(&path);
    assert_eq!(lab.fixture.store.media_sweep(100, 100).unwrap().media, 1);
    assert_eq!(
        lab.said(&medium.media.to_string()),
        format!("expired: `{}` was stored and has been cleaned away", medium.media)
    );
    assert_eq!(lab.take(&path).media, medium.media);
    assert_eq!(lab.said(&medium.media.to_string()), medium.media.to_string());
    // The same if somebody took the file away underneath.
    std::fs::remove_file(lab.fixture.area("workspace/main").join(medium.media.id.as_str())).unwrap();
    assert!(lab.said(&medium.media.to_string()).starts_with("expired"));
    assert_eq!(lab.take(&path).media, medium.media);
    assert_eq!(lab.said(&medium.media.to_string()), medium.media.to_string());
}
