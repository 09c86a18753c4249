//! Fingerprints of secrets: short, and keyed with random bytes of this state directory, so that nobody who sees one can
//! try out values against it elsewhere.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::beneath;
use crate::state::{StateError, StateRoot, explain};

/// The key of the fingerprints of one state directory. Wiped when dropped.
pub struct FingerprintKey(Zeroizing<[u8; KEY_BYTES]>);

const KEY_BYTES: usize = 32;
const KEY_FILE: &str = "fingerprint.key";
/// The block of SHA-256, which HMAC pads its key to (RFC 2104).
const BLOCK_BYTES: usize = 64;

impl StateRoot {
    /// The key of this state directory's fingerprints, made where there is none yet.
    ///
    /// # Errors
    ///
    /// [`StateError::Exposed`] when others can read it, [`StateError::NotAKey`] when it is something else.
    pub fn fingerprint_key(&self) -> Result<FingerprintKey, StateError> {
        if self.read_private_bytes(KEY_FILE, KEY_BYTES as u64)?.is_none() {
            let failed = |error: std::io::Error| explain(error.into(), "write", KEY_FILE);
            let fresh = Zeroizing::new(beneath::random::<KEY_BYTES>().map_err(failed)?);
            // Another process may be first: its key stays, and is read below.
            beneath::publish_file(self.dir(), KEY_FILE, fresh.as_slice()).map_err(failed)?;
        }
        let bytes = self.read_private_bytes(KEY_FILE, KEY_BYTES as u64)?;
        let key = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok());
        key.map(|key| FingerprintKey(Zeroizing::new(key)))
            .ok_or_else(|| StateError::NotAKey { name: KEY_FILE.to_owned() })
    }
}

impl FingerprintKey {
    /// A key that is kept nowhere, for a program that answers without a state directory and ends.
    ///
    /// # Errors
    ///
    /// What the operating system said where it gave no random bytes.
    pub fn unkept() -> std::io::Result<Self> {
        beneath::random::<KEY_BYTES>().map(|key| Self(Zeroizing::new(key)))
    }

    /// The same key, for somebody who makes fingerprints later.
    pub(super) fn again(&self) -> Self {
        Self(self.0.clone())
    }

    pub(super) fn of(&self, value: &[u8]) -> String {
        beneath::hex(&self.hmac(value)[..4])
    }

    fn hmac(&self, value: &[u8]) -> [u8; 32] {
        let padded = |pad: u8| {
            let mut block = Zeroizing::new([pad; BLOCK_BYTES]);
            block.iter_mut().zip(self.0.iter()).for_each(|(byte, key)| *byte ^= key);
            block
        };
        let inner = Sha256::new().chain_update(*padded(0x36)).chain_update(value).finalize();
        Sha256::new().chain_update(*padded(0x5c)).chain_update(inner).finalize().into()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_code_is_that_of_the_rfc() {
        // RFC 4231, case 1: its key of 20 bytes is the same as one that is padded with zeros.
        let mut key = [0; KEY_BYTES];
        key[..20].fill(0x0b);
        let code = FingerprintKey(Zeroizing::new(key)).hmac(b"Hi There");
        assert_eq!(beneath::hex(&code), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }

    #[test]
    fn the_key_is_made_once_and_kept_private() {
        let temp = tempfile::tempdir().unwrap();
        let root = StateRoot::open_ambient(&temp.path().join("state")).unwrap();
        let first = root.fingerprint_key().unwrap().of(b"value");
        assert_eq!(root.fingerprint_key().unwrap().of(b"value"), first);
        assert_eq!(first.len(), 8);
        let other = StateRoot::open_ambient(&temp.path().join("other")).unwrap();
        assert_ne!(other.fingerprint_key().unwrap().of(b"value"), first);
        let path = temp.path().join("state").join(KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(root.fingerprint_key(), Err(StateError::Exposed { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "short").unwrap();
        let error = root.fingerprint_key().err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("`fingerprint.key` is not a key that creel made"));
    }
}
