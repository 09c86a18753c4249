//! Creel's own encrypted store in the state directory: what the operator put there with `creel secrets set`, and, apart
//! from it, what the host has to keep for itself. Which secret is wanted is not known here.
//!
//! The vault is one file that is read and replaced as a whole, under a lock that every process of this state directory
//! takes. A vault that cannot be read is never written over.

use std::fs::TryLockError;
use std::io;
use std::time::Duration;

use creel_policy::secret_ref::{BadSecretRef, DEFAULT_ALIAS, SecretRef, Source};
use zeroize::Zeroizing;

use crate::beneath;
use crate::limits::{VAULT_BYTES_MAX, VAULT_KEPT_BYTES_MAX, VAULT_WAIT_MS_MAX};
use crate::secrets::{BadSecret, FingerprintKey, Secret};
use crate::state::{StateError, StateRoot};
use crate::within::{Late, within};

mod content;
mod key;
mod keyring;
mod seal;

use content::{Content, Entry, Space};
use key::Keys;
use seal::{Sealed, Unsealable, seal};

pub use key::KeyPlace;
pub use keyring::Keyring;

/// The vault's name in the state directory.
const VAULT_FILE: &str = "vault.sealed";
const LOCK_FILE: &str = "vault.lock";

/// The vault of a state directory. It holds no value and no key between two calls, so that another process's change
/// is seen.
pub struct Vault {
    root: StateRoot,
    place: KeyPlace,
}

/// What the vault tells of a secret: everything but the value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct VaultEntry {
    /// Its name, as a reference has it in `id`.
    pub name: String,
    /// Milliseconds since 1970 at which it was set.
    pub set_ms: u64,
    /// Tells its value from others; as in `explain` and `status`.
    pub fingerprint: String,
}

/// Something that the host keeps for itself.
pub struct Kept {
    /// What was kept.
    pub value: Zeroizing<Vec<u8>>,
    /// Milliseconds since 1970 at which it was.
    pub set_ms: u64,
}

/// Why the vault cannot be used. Nothing of it was changed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The vault's file, or its key's.
    #[error(transparent)]
    State(#[from] StateError),
    /// A name that no reference could have.
    #[error(transparent)]
    Name(#[from] BadSecretRef),
    /// A name of the host's own that is blank or too long.
    #[error("the vault keeps nothing under such a name")]
    KeptName,
    /// A secret that is no longer one.
    #[error("the secret `{name}` of the vault cannot be used: {source}")]
    Secret {
        /// Its name.
        name: String,
        /// Why.
        source: BadSecret,
    },
    /// There is a vault, and its key is gone.
    #[error("the key of the vault is not there: {place}")]
    NoKey {
        /// Where it was sought.
        place: String,
    },
    /// What is found there is no key.
    #[error("what is there is not a key of a vault: {place}")]
    NotAKey {
        /// Where it is.
        place: String,
    },
    /// A key, and another vault's.
    #[error("the vault was locked with another key (`{wanted}`) than what is there: {place}")]
    WrongKey {
        /// Names the key that is wanted, without telling it.
        wanted: String,
        /// Where the key was sought.
        place: String,
    },
    /// The operator says now that the key is kept otherwise.
    #[error(
        "the vault was locked with a key of kind `{locked}`, and `secrets.vault` of the configuration says `{said}`"
    )]
    OtherKind {
        /// With what it was locked.
        locked: String,
        /// What is configured.
        said: &'static str,
    },
    /// The keyring says no.
    #[error("the keyring cannot be used: {why}")]
    Keyring {
        /// What it said.
        why: String,
    },
    /// The passphrase cannot be had.
    #[error("the passphrase of the vault cannot be had from `{from}`: {why}")]
    Passphrase {
        /// The reference to it.
        from: String,
        /// Why.
        why: String,
    },
    /// A path at home, and no home.
    #[error("`{path}` begins with `~/`, and there is no home directory")]
    NoHome {
        /// The path.
        path: String,
    },
    /// Cut, or changed by somebody without the key.
    #[error("the vault `vault.sealed` in the state directory is damaged: it was cut or changed")]
    Damaged,
    /// Written by a newer program.
    #[error("the vault has form {form}, and this creel knows form 1")]
    Newer {
        /// Its form.
        form: u32,
    },
    /// More than it may hold.
    #[error("the vault would have more than {} MiB", VAULT_BYTES_MAX >> 20)]
    Full,
    /// Another process has it for too long.
    #[error("another creel process has the vault for more than {} s", VAULT_WAIT_MS_MAX / 1_000)]
    Busy,
    /// The operating system said no.
    #[error("could not {deed}")]
    Io {
        /// What was being done.
        deed: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl Vault {
    /// The vault of a state directory. Nothing is read yet; a vault that was never written to is empty.
    ///
    /// # Errors
    ///
    /// [`VaultError::Io`] where the state directory cannot be held.
    pub fn open(root: &StateRoot, place: KeyPlace) -> Result<Self, VaultError> {
        let root = root.try_clone().map_err(|source| VaultError::Io { deed: "open the state directory", source })?;
        Ok(Self { root, place })
    }

    /// The secret of that name, if there is one.
    ///
    /// # Errors
    ///
    /// [`VaultError`].
    pub fn get(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        checked(name)?;
        let content = self.read()?;
        content.get(Space::Secrets, name).map(|entry| secret(name, entry)).transpose()
    }

    /// Sets a secret; says whether there was one of that name before.
    ///
    /// # Errors
    ///
    /// [`VaultError`]; the vault is then what it was.
    pub fn set(&self, name: &str, secret: &Secret, now_ms: u64) -> Result<bool, VaultError> {
        checked(name)?;
        let value = Zeroizing::new(secret.expose().as_bytes().to_vec());
        self.put((Space::Secrets, name), Entry { value, set_ms: now_ms })
    }

    /// Removes a secret; says whether it was there.
    ///
    /// # Errors
    ///
    /// [`VaultError`]; the vault is then what it was.
    pub fn remove(&self, name: &str) -> Result<bool, VaultError> {
        checked(name)?;
        self.take(Space::Secrets, name)
    }

    /// The names of all secrets, in order.
    ///
    /// # Errors
    ///
    /// [`VaultError`].
    pub fn names(&self) -> Result<Vec<String>, VaultError> {
        Ok(self.read()?.of(Space::Secrets).map(|(name, _)| name.to_owned()).collect())
    }

    /// All secrets, in the order of their names, without their values.
    ///
    /// # Errors
    ///
    /// [`VaultError`].
    pub fn list(&self, fingerprints: &FingerprintKey) -> Result<Vec<VaultEntry>, VaultError> {
        let content = self.read()?;
        let entry = |(name, entry): (&str, &Entry)| {
            let fingerprint = secret(name, entry)?.fingerprint(fingerprints);
            Ok(VaultEntry { name: name.to_owned(), set_ms: entry.set_ms, fingerprint })
        };
        content.of(Space::Secrets).map(entry).collect()
    }

    /// Locks the vault with a fresh key, or a passphrase with a fresh salt, and does away with the old one; says how
    /// many secrets there are. At every moment what is on disk can be read.
    ///
    /// # Errors
    ///
    /// [`VaultError`]; the old key is then good still.
    pub fn rotate(&self) -> Result<usize, VaultError> {
        let _lock = self.lock(Hold::Alone)?;
        let (content, keys) = self.read_locked()?;
        let keys = keys.with_fresh(&self.root, &self.place)?;
        self.write_locked(&content, keys)?;
        Ok(content.of(Space::Secrets).count())
    }

    /// Keeps something for the host itself under a name of its own choice, e.g. `oauth/openai:default`. It is in no list
    /// of secrets, and no reference leads to it.
    ///
    /// # Errors
    ///
    /// [`VaultError`]; the vault is then what it was.
    pub fn keep(&self, name: &str, value: &[u8], now_ms: u64) -> Result<(), VaultError> {
        kept_name(name)?;
        if value.len() > VAULT_KEPT_BYTES_MAX {
            return Err(VaultError::Full);
        }
        let entry = Entry { value: Zeroizing::new(value.to_vec()), set_ms: now_ms };
        self.put((Space::Kept, name), entry).map(|_replaced| ())
    }

    /// What the host kept under that name.
    ///
    /// # Errors
    ///
    /// [`VaultError`].
    pub fn kept(&self, name: &str) -> Result<Option<Kept>, VaultError> {
        kept_name(name)?;
        let mut content = self.read()?;
        let entry = content.0.remove(&(Space::Kept, name.to_owned()));
        Ok(entry.map(|Entry { value, set_ms }| Kept { value, set_ms }))
    }

    /// Forgets what the host kept under that name; says whether there was something.
    ///
    /// # Errors
    ///
    /// [`VaultError`]; the vault is then what it was.
    pub fn forget(&self, name: &str) -> Result<bool, VaultError> {
        kept_name(name)?;
        self.take(Space::Kept, name)
    }

    /// Several secrets at one reading; `None` for a name that is not there.
    pub(crate) fn get_all(&self, names: &[&str]) -> Result<Vec<Option<Zeroizing<String>>>, VaultError> {
        let content = self.read()?;
        let text = |name: &&str| {
            let entry = content.get(Space::Secrets, name)?;
            Some(Zeroizing::new(std::str::from_utf8(&entry.value).unwrap_or_default().to_owned()))
        };
        Ok(names.iter().map(text).collect())
    }

    fn put(&self, (space, name): (Space, &str), entry: Entry) -> Result<bool, VaultError> {
        let _lock = self.lock(Hold::Alone)?;
        let (mut content, keys) = self.read_locked()?;
        let replaced = content.0.insert((space, name.to_owned()), entry).is_some();
        self.write_locked(&content, keys)?;
        Ok(replaced)
    }

    fn take(&self, space: Space, name: &str) -> Result<bool, VaultError> {
        let _lock = self.lock(Hold::Alone)?;
        let (mut content, keys) = self.read_locked()?;
        let was_there = content.0.remove(&(space, name.to_owned())).is_some();
        if was_there {
            self.write_locked(&content, keys)?;
        }
        Ok(was_there)
    }

    fn read(&self) -> Result<Content, VaultError> {
        // The key and what it opens are two files: nobody may change them in between.
        let _lock = self.lock(Hold::WithOthers)?;
        self.read_locked().map(|(content, _)| content)
    }

    /// The content with the keys that are there, the one of the content last.
    fn read_locked(&self) -> Result<(Content, Keys), VaultError> {
        let bytes = self.root.read_private_bytes(VAULT_FILE, VAULT_BYTES_MAX)?;
        let Some(bytes) = bytes else {
            return Ok((Content::default(), Keys::find(&self.root, &self.place, None)?));
        };
        let sealed = Sealed::parse(&bytes)?;
        if sealed.head.key != self.place.kind() {
            return Err(VaultError::OtherKind { locked: sealed.head.key, said: self.place.kind() });
        }
        let keys = Keys::find(&self.root, &self.place, Some(&sealed.head))?;
        let place = || self.place.shown();
        if keys.is_empty() {
            return Err(VaultError::NoKey { place: place() });
        }
        let wanted = sealed.head.key_name.clone();
        let keys = keys.led_by(&wanted).ok_or_else(|| VaultError::WrongKey { wanted, place: place() })?;
        let text = sealed.open(keys.last()?)?;
        let content = Content::decode(&text).ok_or(VaultError::Damaged)?;
        Ok((content, keys))
    }

    /// Locks the content with the last of the keys. The key is on disk before what it opens, and the others go when
    /// nothing needs them any more.
    fn write_locked(&self, content: &Content, keys: Keys) -> Result<(), VaultError> {
        let keys = if keys.is_empty() { keys.with_fresh(&self.root, &self.place)? } else { keys };
        let how = (self.place.kind(), keys.stretching());
        let failed = |source| VaultError::Io { deed: "encrypt the vault", source };
        let sealed = seal(keys.last()?, how, content.encoded()).map_err(failed)?;
        if sealed.len() as u64 > VAULT_BYTES_MAX {
            return Err(VaultError::Full);
        }
        self.root.write_private(VAULT_FILE, &sealed)?;
        keys.only_last(&self.root, &self.place)
    }

    fn lock(&self, hold: Hold) -> Result<std::fs::File, VaultError> {
        let failed = |source| VaultError::Io { deed: "lock the vault", source };
        let file = beneath::open_lock(self.root.dir(), LOCK_FILE).map_err(failed)?;
        let at_once = match hold {
            Hold::Alone => file.try_lock(),
            Hold::WithOthers => file.try_lock_shared(),
        };
        match at_once {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let locked = within(Duration::from_millis(VAULT_WAIT_MS_MAX), move || {
            let locked = match hold {
                Hold::Alone => file.lock(),
                Hold::WithOthers => file.lock_shared(),
            };
            locked.map(|()| file)
        });
        match locked {
            Ok(locked) => locked.map_err(failed),
            Err(Late) => Err(VaultError::Busy),
        }
    }
}

/// Whether others may read meanwhile.
#[derive(Clone, Copy)]
enum Hold {
    Alone,
    WithOthers,
}

impl From<Unsealable> for VaultError {
    fn from(no: Unsealable) -> Self {
        match no {
            Unsealable::Newer(form) => Self::Newer { form },
            Unsealable::Damaged => Self::Damaged,
        }
    }
}

/// A name is what a reference can have: one validator for both (A9).
fn checked(name: &str) -> Result<(), BadSecretRef> {
    SecretRef::parse(Source::Vault, DEFAULT_ALIAS, name).map(|_reference| ())
}

fn kept_name(name: &str) -> Result<(), VaultError> {
    let fits = !name.trim().is_empty() && name.len() <= 256;
    if fits { Ok(()) } else { Err(VaultError::KeptName) }
}

fn secret(name: &str, entry: &Entry) -> Result<Secret, VaultError> {
    let parsed = std::str::from_utf8(&entry.value).map_err(|_| BadSecret::NotPlain).and_then(Secret::parse);
    parsed.map_err(|source| VaultError::Secret { name: name.to_owned(), source })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests arrange what lies on disk")]
mod tests;
