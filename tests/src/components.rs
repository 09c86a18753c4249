//! The components of the repository's plugins and guests, built as users build them: by `creel plugin build`. Nothing
//! is run here.
//!
//! They are built once in a test process, and one process at a time. Where that is too slow, `CREEL_TEST_COMPONENTS`
//! names a directory of components that were built beforehand.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The custom section that holds a component's manifest.
pub const MANIFEST_SECTION: &str = "creel:manifest";

/// The component of a plugin in `plugins/`.
///
/// # Panics
///
/// When it cannot be built.
#[must_use]
pub fn plugin(id: &str) -> Vec<u8> {
    read(id)
}

/// The component of a guest in `tests/guests/`.
///
/// # Panics
///
/// When it cannot be built.
#[must_use]
pub fn guest(id: &str) -> Vec<u8> {
    read(id)
}

/// The same component with another manifest, or with none.
///
/// # Panics
///
/// When the bytes are no component.
#[must_use]
pub fn with_manifest(component: &[u8], manifest: Option<&str>) -> Vec<u8> {
    let (header, mut rest) = component.split_at_checked(8).expect("a component has a header");
    let mut edited = header.to_vec();
    while let Some((id, after_id)) = rest.split_first() {
        let (length, after_length) = leb128(after_id);
        let (payload, next) = after_length.split_at_checked(length).expect("a section is as long as it says");
        let is_manifest = *id == 0 && leb128(payload).1.starts_with(MANIFEST_SECTION.as_bytes());
        if !is_manifest {
            edited.extend_from_slice(&rest[..rest.len() - next.len()]);
        }
        rest = next;
    }
    if let Some(manifest) = manifest {
        edited.extend(section(MANIFEST_SECTION, manifest.as_bytes()));
    }
    edited
}

/// The same component with one more core module, which is instantiated behind the others.
///
/// # Panics
///
/// When the bytes are no component.
#[must_use]
pub fn with_module(component: &[u8], module: &[u8]) -> Vec<u8> {
    let (_, mut rest) = component.split_at_checked(8).expect("a component has a header");
    let mut modules = 0;
    while let Some((id, after_id)) = rest.split_first() {
        let (length, after_length) = leb128(after_id);
        modules += usize::from(*id == 1);
        rest = after_length.get(length..).expect("a section is as long as it says");
    }
    // One core instance, made of a module, of that one, without arguments.
    let instance = [vec![1, 0], to_leb128(modules), vec![0]].concat();
    [component.to_vec(), any_section(1, module), any_section(2, &instance)].concat()
}

/// A custom section as it stands in a component.
#[must_use]
pub fn section(name: &str, data: &[u8]) -> Vec<u8> {
    any_section(0, &[&to_leb128(name.len()), name.as_bytes(), data].concat())
}

fn any_section(id: u8, payload: &[u8]) -> Vec<u8> {
    [vec![id], to_leb128(payload.len()), payload.to_vec()].concat()
}

/// The directory that cargo builds in, seen from the running test.
///
/// # Panics
///
/// When the test was not built by cargo.
#[must_use]
pub fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it lies");
    let target = test.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    target.expect("cargo marks its target directory").to_owned()
}

/// The `creel` program, with the components it needs where it finds them.
///
/// # Panics
///
/// When it cannot be built.
#[must_use]
pub fn creel() -> PathBuf {
    directory();
    target().join("release/creel")
}

fn read(id: &str) -> Vec<u8> {
    let path = directory().join(format!("{id}.wasm"));
    fs::read(&path).unwrap_or_else(|error| fail(&format!("could not read `{}`: {error}", path.display())))
}

/// Where the components lie; builds them the first time.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| match std::env::var_os("CREEL_TEST_COMPONENTS") {
        Some(directory) => directory.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    let target = target();
    let out = target.join("plugins");
    fs::create_dir_all(&out).expect("the target directory can be written");
    let lock = File::create(out.join(".lock")).expect("the target directory can be written");
    lock.lock().expect("a file can be locked");
    let root = crate::workspace::root();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Chosen from the whole workspace, as `cargo run` and `cargo test` do: one set of features, one build.
    run(Command::new(cargo)
        .args(["build", "--quiet", "--release", "--bin", "creel", "--target-dir"])
        .arg(&target)
        .current_dir(&root));
    let crates = ["plugins", "tests/guests"].into_iter().flat_map(|parent| crates_in(&root.join(parent)));
    run(Command::new(target.join("release/creel"))
        .args(["plugin", "build"])
        .args(crates)
        .arg(OsStr::new("--out"))
        .arg(&out)
        .current_dir(&root));
    out
}

/// The directories that hold a plugin: a crate and its manifest.
fn crates_in(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).expect("the repository is whole");
    let directories = entries.map(|entry| entry.expect("the repository can be read").path());
    let mut crates: Vec<_> = directories.filter(|directory| directory.join("plugin.toml").is_file()).collect();
    crates.sort();
    crates
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| fail(&format!("could not run {command:?}: {error}")));
    if !output.status.success() {
        fail(&format!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
}

#[expect(clippy::panic, reason = "a test that has no component cannot go on")]
fn fail(text: &str) -> ! {
    panic!("{text}")
}

fn leb128(bytes: &[u8]) -> (usize, &[u8]) {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return (value, &bytes[index + 1..]);
        }
    }
    (value, &[])
}

fn to_leb128(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}
