//! Compiled code is used only if nobody else can have written it; everything else is compiled anew.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use creel_engine::{Engine, EngineSettings, Plugin};
use creel_tests::components::guest;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Magic, digest of what follows, engine settings, digest of the component.
const DIGEST: std::ops::Range<usize> = 16..48;
const SETTINGS: std::ops::Range<usize> = 48..80;

struct Cache {
    directory: TempDir,
    engine: Engine,
}

impl Cache {
    /// A cache that holds the compiled form of `trap`.
    fn warm() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("compiled");
        DirBuilder::new().mode(0o700).create(&path).expect("a directory");
        let cache = cap_std::fs::Dir::open_ambient_dir(&path, cap_std::ambient_authority());
        let engine = Engine::new(EngineSettings { cache: Some(cache.expect("it opens")) });
        let cache = Self { directory, engine: engine.expect("an engine") };
        assert!(!cache.load(), "the first load compiles");
        assert!(cache.load(), "the second load comes from the cache");
        cache
    }

    /// Loads `trap`; whether it came from the cache.
    fn load(&self) -> bool {
        Plugin::load(&self.engine, &guest("trap")).expect("the guest loads").from_cache()
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("compiled")
    }

    /// The one entry.
    fn entry(&self) -> PathBuf {
        let entries: Vec<_> = fs::read_dir(self.path()).expect("it can be read").collect();
        assert_eq!(entries.len(), 1, "nothing but the entry is left behind: {entries:?}");
        entries.into_iter().next().expect("there is one").expect("it can be read").path()
    }

    /// After a change nothing is taken from the cache, and the next time the rebuilt entry is.
    fn check(&self, change: impl FnOnce(&Path)) {
        change(&self.entry());
        assert!(!self.load(), "what was tampered with is not used");
        assert!(self.load(), "the rebuilt entry is used");
        let entry = fs::symlink_metadata(self.entry()).expect("it is there");
        assert!(entry.is_file() && entry.nlink() == 1 && entry.mode() & 0o777 == 0o600, "{entry:?}");
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("it can be read");
    change(&mut bytes);
    fs::write(path, bytes).expect("it can be written");
}

/// Makes the entry's digest right again, as somebody would who knows the layout but not the settings.
fn sign(bytes: &mut [u8]) {
    let digest = Sha256::digest(&bytes[DIGEST.end..]);
    bytes[DIGEST].copy_from_slice(&digest);
}

#[test]
fn damage_is_seen() {
    let cache = Cache::warm();
    let size = fs::metadata(cache.entry()).expect("it is there").len();
    for at in [0, 20, 50, 90, 112, usize::try_from(size).expect("fits") - 1] {
        cache.check(|entry| edit(entry, |bytes| bytes[at] ^= 1));
    }
    for length in [0, 15, 111, 112, 5_000] {
        cache.check(|entry| edit(entry, |bytes| bytes.truncate(length)));
    }
    cache.check(|entry| edit(entry, |bytes| bytes.push(0)));
}

#[test]
fn an_entry_of_other_settings_is_not_used_even_where_its_digest_is_right() {
    let cache = Cache::warm();
    cache.check(|entry| {
        edit(entry, |bytes| {
            bytes[SETTINGS].fill(7);
            sign(bytes);
        });
    });
    // Code that wasmtime itself does not take, in an envelope that is right.
    cache.check(|entry| {
        edit(entry, |bytes| {
            bytes[112..].fill(0);
            sign(bytes);
        });
    });
}

#[test]
fn an_entry_that_others_could_write_is_not_used() {
    let cache = Cache::warm();
    for mode in [0o620, 0o602, 0o666] {
        cache.check(|entry| fs::set_permissions(entry, Permissions::from_mode(mode)).expect("a mode"));
    }
    fs::set_permissions(cache.path(), Permissions::from_mode(0o777)).expect("a mode");
    assert!(!cache.load(), "nothing is used from a directory that others can write");
    assert!(!cache.load(), "nothing is used from a directory that others can write");
    fs::set_permissions(cache.path(), Permissions::from_mode(0o700)).expect("a mode");
    assert!(cache.load());
}

#[test]
fn links_and_what_is_no_file_are_not_used() {
    let cache = Cache::warm();
    let aside = cache.directory.path().join("aside");
    cache.check(|entry| {
        fs::rename(entry, &aside).expect("moved");
        symlink(&aside, entry).expect("linked");
    });
    cache.check(|entry| fs::hard_link(entry, cache.directory.path().join("second name")).expect("linked"));
    cache.check(|entry| {
        fs::remove_file(entry).expect("removed");
        let file = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, entry, file, rustix::fs::Mode::RUSR, 0).expect("a pipe");
    });
}

#[test]
fn a_cache_that_cannot_be_written_costs_only_time() {
    let cache = Cache::warm();
    fs::remove_dir_all(cache.path()).expect("removed");
    assert!(!cache.load());
    assert!(!cache.load());
}
