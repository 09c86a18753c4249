//! Compiled components on disk, so that a warm start compiles nothing. Holds the one use of `unsafe` in Creel.
//!
//! Compiled code is native code: whoever can write it runs as the host. So an entry is used only if it lies in a
//! directory and a file that belong to this user and that nobody else can write, is a plain file with one name, and
//! carries the digest of its own bytes (attack 158). Anything else is removed and compiled anew.

use std::io::{Read, Write};

use cap_std::fs::{Dir, File, MetadataExt, OpenOptions, OpenOptionsExt, PermissionsExt};
use rustix::process::geteuid;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

/// Begins every entry; the number is the layout's version.
const MAGIC: &[u8; 16] = b"creel-compiled-1";
/// Magic, digest of what follows, engine settings, digest of the component.
const HEADER_BYTES: usize = 16 + 32 + 32 + 32;
/// Bytes of one entry: native code is some ten times as large as the component it came from.
const ENTRY_BYTES_MAX: u64 = 1 << 30;

/// Where compiled components are kept.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: Dir,
    settings: [u8; 32],
}

impl Cache {
    pub(crate) fn new(dir: Dir, settings: [u8; 32]) -> Self {
        Self { dir, settings }
    }

    /// The compiled form of the component with that digest, if a sound one is there.
    pub(crate) fn get(&self, engine: &wasmtime::Engine, digest: &[u8; 32]) -> Option<Component> {
        let name = self.name(digest);
        let entry = self.read(&name)?;
        let code = self.verified(&entry, digest);
        let component = code.and_then(|code| deserialize(engine, code));
        if component.is_none() && self.dir.remove_file(&name).is_err() {
            tracing::warn!(entry = name, "could not remove an unsound entry of the compiled-code cache");
        }
        component
    }

    /// Keeps the compiled form of a component. A cache that cannot be written costs time, never correctness.
    pub(crate) fn put(&self, component: &Component, digest: &[u8; 32]) {
        let written = component.serialize().map_err(|error| error.to_string()).and_then(|code| {
            self.write(&self.name(digest), &self.entry(&code, digest)).map_err(|error| error.to_string())
        });
        if let Err(error) = written {
            tracing::warn!(%error, "could not keep a compiled component");
        }
    }

    fn name(&self, digest: &[u8; 32]) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("{}-{}.cwasm", hex(digest), hex(&self.settings[..8]))
    }

    fn entry(&self, code: &[u8], digest: &[u8; 32]) -> Vec<u8> {
        let mut body = Vec::with_capacity(64 + code.len());
        body.extend_from_slice(&self.settings);
        body.extend_from_slice(digest);
        body.extend_from_slice(code);
        let mut entry = Vec::with_capacity(HEADER_BYTES + code.len());
        entry.extend_from_slice(MAGIC);
        entry.extend_from_slice(&Sha256::digest(&body));
        entry.extend_from_slice(&body);
        entry
    }

    fn verified<'e>(&self, entry: &'e [u8], digest: &[u8; 32]) -> Option<&'e [u8]> {
        let (header, code) = entry.split_at_checked(HEADER_BYTES)?;
        let sound = header[..16] == MAGIC[..]
            && header[16..48] == Sha256::digest(&entry[48..])[..]
            && header[48..80] == self.settings
            && header[80..112] == digest[..];
        sound.then_some(code)
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut options = OpenOptions::new();
        // A pipe in its place is opened without waiting for somebody to write into it.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.read(true).custom_flags(flags.bits().cast_signed());
        let file = self.dir.open_with(name, &options).ok()?;
        if !self.is_private(&file) {
            tracing::warn!(entry = name, "an entry of the compiled-code cache could be written by others; not used");
            return Some(Vec::new());
        }
        let mut bytes = Vec::new();
        file.take(ENTRY_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// File and directory belong to this user and nobody else may write them.
    fn is_private(&self, file: &File) -> bool {
        let ours = |metadata: &cap_std::fs::Metadata| {
            metadata.uid() == geteuid().as_raw() && metadata.permissions().mode() & 0o022 == 0
        };
        let (Ok(file), Ok(dir)) = (file.metadata(), self.dir.dir_metadata()) else { return false };
        file.is_file() && file.nlink() == 1 && ours(&file) && ours(&dir)
    }

    fn write(&self, name: &str, entry: &[u8]) -> std::io::Result<()> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let temporary = format!("{name}.{}", u64::from_le_bytes(random));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = self.dir.open_with(&temporary, &options)?;
        let written = file.write_all(entry).and_then(|()| self.dir.rename(&temporary, &self.dir, name));
        if written.is_err() {
            self.dir.remove_file(&temporary)?;
        }
        written
    }
}

/// The one door to `unsafe`: see the head of this file for what is checked before it opens.
#[expect(unsafe_code, reason = "compiled components can be loaded in no other way; the bytes were verified")]
fn deserialize(engine: &wasmtime::Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: the bytes were made by `Component::serialize` of an engine with the same settings, lie in a file that
    // only this user could write, and match the digest that was written with them. wasmtime checks its version and
    // the CPU features itself.
    unsafe { Component::deserialize(engine, code) }.ok()
}
