//! Any text as a reference, in a house with files that may be given, files that may not, and links between them. The
//! first byte says who asks for what; `@` in the text is the directory that all of it lies in.
#![no_main]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::LazyLock;

use creel_policy::config::RootEntry;
use creel_policy::ids::AgentId;
use creel_policy::media::url::UrlAccess;
use creel_policy::media::{Spelling, read_spelling};
use creel_store::Store;
use creel_store::resolve::{Asker, Deed, Found, Scope};
use creel_store::state::StateRoot;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// Files that the operator, and whoever sees the roots, may be given.
const STORED: [&str; 2] = ["state/media/inbound/in.png", "state/media/outbound/out.png"];
const WORKSPACE: [&str; 3] =
    ["state/workspace/w.png", "state/workspace/sub/deep/d.png", "state/media/workspace/main/m.png"];
const GRANTED: [&str; 3] = ["granted/g.png", "granted/sub/h.png", "single/one.png"];
/// Files that nobody is given.
const SECRET: [&str; 8] = [
    "outside/secret.png",
    "outside/hard.png",
    "state/top.png",
    "state/media/top.png",
    "state/media/inbound/nested/n.png",
    "state/workspace-other/o.png",
    "single/two.png",
    "home/h.png",
];
/// Where they lead, and from where.
const LINKS: [(&str, &str); 7] = [
    ("outside/secret.png", "state/media/inbound/link.png"),
    ("outside/secret.png", "state/workspace/link.png"),
    ("outside", "state/workspace/out"),
    ("state", "state/workspace/sub/up"),
    ("outside/secret.png", "granted/link.png"),
    ("outside", "granted/out"),
    ("granted", "home/way"),
];
const HARD_LINKS: [&str; 3] = ["state/media/inbound/hard.png", "state/workspace/hard.png", "granted/hard.png"];

/// Kept for as long as the program runs.
struct House {
    directory: TempDir,
    store: Store,
    roots: [RootEntry; 2],
    agent: AgentId,
    urls: UrlAccess,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let directory = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a temporary directory");
    let path = directory.path();
    let state = path.join("state");
    let root = StateRoot::open_ambient(&state).expect("the state directory opens").with_home(&path.join("home"));
    let store = Store::open(&root).expect("the store opens");
    for name in [&STORED[..], &WORKSPACE, &GRANTED, &SECRET].concat() {
        let file = path.join(name);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
        fs::write(file, bytes_of(name)).expect("a file");
    }
    for (to, from) in LINKS {
        symlink(path.join(to), path.join(from)).expect("a link");
    }
    for name in HARD_LINKS {
        fs::hard_link(path.join("outside/hard.png"), path.join(name)).expect("a second name");
    }
    let entry = |name: &str, path: &Path| RootEntry {
        key: format!("media.roots.{name}"),
        name: name.to_owned(),
        path: path.display().to_string(),
    };
    let roots = [entry("granted", &path.join("granted")), entry("one", &path.join("single/one.png"))];
    House { store, roots, agent: AgentId::main(), urls: UrlAccess::default(), directory }
});

/// A picture to everybody, and unlike all others.
fn bytes_of(name: &str) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x02\0\0\0".as_slice(), name.as_bytes()].concat()
}

fuzz_target!(|input: &[u8]| {
    let Some((flags, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let house = &*HOUSE;
    let text = text.replace('@', &house.directory.path().display().to_string());
    let (is_session, workspace_only) = (flags & 1 == 1, flags & 2 == 2);
    let roots: &[RootEntry] = if flags & 4 == 4 { &[] } else { &house.roots };
    let scope = Scope {
        agent: &house.agent,
        workspace: None,
        roots,
        workspace_only,
        urls: &house.urls,
        asker: if is_session { Asker::Session("signal:alice") } else { Asker::Operator },
    };
    let deed = if flags & 8 == 8 { Deed::Take { now_ms: 1 } } else { Deed::Look { now_ms: 1 } };
    let resolution = house.store.resolve(&text, &scope, deed).expect("only refusals");
    let found = match resolution.outcome {
        Ok(Found::Medium(medium)) => medium,
        Ok(Found::Url(url)) => return assert!(!url.may_be_private && url.url.username().is_empty()),
        Err(refusal) => return assert!(!refusal.detail.is_empty()),
    };
    let mut allowed: BTreeSet<Vec<u8>> = WORKSPACE.iter().map(|name| bytes_of(name)).collect();
    if !is_session {
        allowed.extend(STORED.map(bytes_of));
    }
    if !workspace_only && flags & 4 == 0 {
        allowed.extend(GRANTED.map(bytes_of));
    }
    if let Ok(Spelling::Data { bytes, .. }) = read_spelling(&text) {
        allowed.insert(bytes);
    }
    // After a mere look at a file it is no medium yet: then its size and hash are compared.
    if matches!(deed, Deed::Take { .. }) {
        let mut bytes = Vec::new();
        let mut file = house.store.media_open(&found.media).expect("what was found opens");
        file.read_to_end(&mut bytes).expect("it can be read");
        assert!(allowed.contains(&bytes), "{text:?} gives {found:?}");
    }
    let is_allowed = |bytes: &Vec<u8>| bytes.len() as u64 == found.size && hash(bytes) == found.sha256;
    assert!(allowed.iter().any(is_allowed), "{text:?} gives {found:?}");
});

/// SHA-256 in hex.
fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
