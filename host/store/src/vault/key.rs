//! Where the vault's key is kept, and what is found there. What it opens is not known here.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use zeroize::Zeroizing;

use super::VaultError;
use super::keyring::Keyring;
use super::seal::{Head, MasterKey, Stretching};
use crate::beneath;
use crate::limits::VAULT_KEY_BYTES_MAX;
use crate::state::{self, StateError, StateRoot};

/// The key's name in the state directory, unless the operator says otherwise.
const KEY_FILE: &str = "vault.key";
/// How each line of a key begins.
const KEY_WORD: &str = "creel-vault-key-1 ";

/// Where the key of the vault is, as the operator said. No Debug: it may hold a passphrase.
pub enum KeyPlace {
    /// In a file of mode 0600; `None`: `vault.key` in the state directory.
    File(Option<PathBuf>),
    /// In the keyring of the desktop.
    Keyring(Keyring),
    /// It is made of a passphrase.
    Passphrase(Zeroizing<String>),
}

/// The keys that are there: one, or two where a rotation was broken off. The last one is for writing.
pub(super) struct Keys {
    keys: Vec<MasterKey>,
    stretching: Option<Stretching>,
}

impl KeyPlace {
    /// As it is written in the configuration.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Keyring(_) => "keyring",
            Self::Passphrase(_) => "passphrase",
        }
    }

    /// Where that is, for the operator.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::File(None) => format!("`{KEY_FILE}` in the state directory"),
            Self::File(Some(path)) => format!("`{}`", path.display()),
            Self::Keyring(_) => "the keyring".to_owned(),
            Self::Passphrase(_) => "the passphrase".to_owned(),
        }
    }
}

impl Keys {
    /// Looks for the keys. A passphrase gives one only where a vault says how it is stretched.
    pub(super) fn find(root: &StateRoot, place: &KeyPlace, head: Option<&Head>) -> Result<Self, VaultError> {
        let text = match place {
            KeyPlace::File(path) => KeyFile::at(root, path.as_deref())?.read()?,
            KeyPlace::Keyring(keyring) => keyring.read(root)?,
            KeyPlace::Passphrase(passphrase) => {
                let stretching = head.map(|head| head.stretching.clone().ok_or(VaultError::Damaged)).transpose()?;
                let stretched = stretching.as_ref().map(|how| MasterKey::stretched(passphrase, how)).transpose()?;
                return Ok(Self { keys: stretched.into_iter().collect(), stretching });
            }
        };
        let keys = match text {
            Some(text) => parse(&text).ok_or_else(|| VaultError::NotAKey { place: place.shown() })?,
            None => Vec::new(),
        };
        Ok(Self { keys, stretching: None })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key to write with.
    pub(super) fn last(&self) -> Result<&MasterKey, VaultError> {
        self.keys.last().ok_or(VaultError::Damaged)
    }

    pub(super) fn stretching(&self) -> Option<Stretching> {
        self.stretching.clone()
    }

    /// The same keys, the one of that name last; `None` where it is not among them.
    pub(super) fn led_by(mut self, name: &str) -> Option<Self> {
        let at = self.keys.iter().position(|key| key.name() == name)?;
        self.keys[at..].rotate_left(1);
        Some(self)
    }

    /// Adds a fresh key, and puts it where keys are kept beside those that are there.
    pub(super) fn with_fresh(mut self, root: &StateRoot, place: &KeyPlace) -> Result<Self, VaultError> {
        let failed = |source| VaultError::Io { deed: "make a key for the vault", source };
        if let KeyPlace::Passphrase(passphrase) = place {
            let stretching = Stretching::fresh().map_err(failed)?;
            let keys = vec![MasterKey::stretched(passphrase, &stretching)?];
            return Ok(Self { keys, stretching: Some(stretching) });
        }
        // Of a rotation that was broken off, only the key of the vault is wanted.
        let surplus = self.keys.len().saturating_sub(1);
        self.keys.drain(..surplus);
        self.keys.push(MasterKey::random().map_err(failed)?);
        self.store(root, place)?;
        Ok(self)
    }

    /// Forgets every key but the last, where there are others.
    pub(super) fn only_last(mut self, root: &StateRoot, place: &KeyPlace) -> Result<(), VaultError> {
        let surplus = self.keys.len().saturating_sub(1);
        if surplus == 0 {
            return Ok(());
        }
        self.keys.drain(..surplus);
        self.store(root, place)
    }

    fn store(&self, root: &StateRoot, place: &KeyPlace) -> Result<(), VaultError> {
        let text = rendered(&self.keys);
        match place {
            KeyPlace::File(path) => KeyFile::at(root, path.as_deref())?.write(&text),
            KeyPlace::Keyring(keyring) => keyring.write(root, &text),
            // It is kept nowhere.
            KeyPlace::Passphrase(_) => Ok(()),
        }
    }
}

/// The file of a key, beneath the directory that holds it.
struct KeyFile {
    dir: Dir,
    name: String,
    shown: String,
}

impl KeyFile {
    /// The directory must be there; a file beneath it is never opened over a symbolic link.
    #[expect(clippy::disallowed_methods, reason = "the door to a key that the operator keeps outside the state")]
    fn at(root: &StateRoot, path: Option<&Path>) -> Result<Self, VaultError> {
        let failed = |source| VaultError::Io { deed: "open the directory of the vault's key", source };
        let Some(path) = path else {
            let dir = root.dir().try_clone().map_err(failed)?;
            return Ok(Self { dir, name: KEY_FILE.to_owned(), shown: KEY_FILE.to_owned() });
        };
        let shown = path.display().to_string();
        match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
            (Some(parent), Some(name)) => {
                let dir = Dir::open_ambient_dir(parent, ambient_authority()).map_err(failed)?;
                Ok(Self { dir, name: name.to_owned(), shown })
            }
            (_, _) => Err(StateError::BadName { name: shown }.into()),
        }
    }

    fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        match beneath::open_file(&self.dir, &self.name) {
            Ok(opened) => Ok(Some(state::read_own(&opened, &self.shown, VAULT_KEY_BYTES_MAX)?)),
            Err(beneath::NoFile::Missing) => Ok(None),
            Err(no) => Err(state::explain(no, "read", &self.shown).into()),
        }
    }

    fn write(&self, text: &[u8]) -> Result<(), VaultError> {
        let failed = |source| StateError::Io { deed: "write", name: self.shown.clone(), source };
        Ok(beneath::replace_file(&self.dir, &self.name, text).map_err(failed)?)
    }
}

fn rendered(keys: &[MasterKey]) -> Zeroizing<Vec<u8>> {
    const LINE_BYTES: usize = KEY_WORD.len() + MasterKey::BYTES.div_ceil(3) * 4 + 1;
    let mut text = Zeroizing::new(Vec::with_capacity(keys.len() * LINE_BYTES));
    for key in keys {
        text.extend_from_slice(KEY_WORD.as_bytes());
        text.extend_from_slice(Zeroizing::new(STANDARD_NO_PAD.encode(key.bytes())).as_bytes());
        text.push(b'\n');
    }
    text
}

/// `None`: it is no key.
fn parse(text: &[u8]) -> Option<Vec<MasterKey>> {
    let key = |line: &str| {
        let bytes = Zeroizing::new(STANDARD_NO_PAD.decode(line.strip_prefix(KEY_WORD)?).ok()?);
        MasterKey::from_bytes(&bytes)
    };
    let keys: Option<Vec<MasterKey>> = std::str::from_utf8(text).ok()?.lines().map(key).collect();
    keys.filter(|keys| !keys.is_empty())
}
