//! The sealed form of the vault: a line that says how it was sealed, and the rest encrypted and bound to that line. How
//! the keys are kept, and what is inside, is not known here.
//!
//! Every writing draws a fresh salt and derives a fresh key of it (HKDF-SHA256), so that the nonce of ChaCha20-Poly1305
//! is used once with each key. Both are those of `ring`, which TLS uses already. A passphrase goes through Argon2id first.

use std::io;

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::beneath;

const FORM: u32 = 1;
/// What the vault's key is used for; another use would have another word.
const SEAL_WORD: &[u8] = b"creel vault 1 seal";
const NAME_WORD: &[u8] = b"creel vault 1 key name";
/// The first line is short; more is not ours.
const HEAD_BYTES_MAX: usize = 1024;
/// Plaintext is filled up to a multiple, so that the size of the file does not tell the length of a secret (attack 87).
const BLOCK_BYTES: usize = 1024;

/// The second choice of RFC 9106: 64 MiB, three passes, four lanes; some tenths of a second.
const USUAL: Stretching = Stretching { memory_kib: 64 << 10, passes: 3, lanes: 4, salt: String::new() };
/// What a file may ask for, since it is asked before anything is proven: 256 MiB and ten passes.
const MEMORY_KIB_MAX: u32 = 256 << 10;
const PASSES_MAX: u32 = 10;
const LANES_MAX: u32 = 16;

/// The key of a vault; wiped when dropped.
pub(super) struct MasterKey(Zeroizing<[u8; MasterKey::BYTES]>);

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    creel_vault: u32,
    /// Where the key is kept: `file`, `keyring` or `passphrase`.
    pub(super) key: String,
    /// Names the key without telling it.
    pub(super) key_name: String,
    salt: String,
    /// How the passphrase becomes a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stretching: Option<Stretching>,
}

/// The cost of a passphrase, and its salt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stretching {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

/// Why a sealed text gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsealable {
    /// Written by a newer program.
    Newer(u32),
    /// Cut, changed, or never ours.
    Damaged,
}

/// A sealed text taken apart.
pub(super) struct Sealed<'a> {
    pub(super) head: Head,
    line: &'a [u8],
    body: &'a [u8],
}

impl MasterKey {
    pub(super) const BYTES: usize = 32;

    pub(super) fn random() -> io::Result<Self> {
        beneath::random::<{ Self::BYTES }>().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Stretches a passphrase.
    pub(super) fn stretched(passphrase: &str, how: &Stretching) -> Result<Self, Unsealable> {
        let Stretching { memory_kib, passes, lanes, .. } = *how;
        if memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX || lanes > LANES_MAX {
            return Err(Unsealable::Damaged);
        }
        let salt = unhex(&how.salt).ok_or(Unsealable::Damaged)?;
        let params = Params::new(memory_kib, passes, lanes, Some(Self::BYTES)).map_err(|_| Unsealable::Damaged)?;
        let mut key = Zeroizing::new([0; Self::BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &salt, key.as_mut_slice())
            .map_err(|_| Unsealable::Damaged)?;
        Ok(Self(key))
    }

    /// A name for the key that tells nothing of it.
    pub(super) fn name(&self) -> String {
        let mut name = [0; 32];
        let filled = self.derive(b"").expand(&[NAME_WORD], HKDF_SHA256).and_then(|okm| okm.fill(&mut name));
        filled.expect("HKDF-SHA256 gives 32 bytes");
        beneath::hex(&name[..8])
    }

    fn derive(&self, salt: &[u8]) -> Prk {
        Salt::new(HKDF_SHA256, salt).extract(self.bytes())
    }

    fn sealing(&self, salt: &[u8]) -> LessSafeKey {
        let prk = self.derive(salt);
        let key = prk.expand(&[SEAL_WORD], &CHACHA20_POLY1305).map(UnboundKey::from);
        LessSafeKey::new(key.expect("HKDF-SHA256 gives 32 bytes"))
    }
}

impl Stretching {
    /// The usual cost with a fresh salt.
    pub(super) fn fresh() -> io::Result<Self> {
        Ok(Self { salt: beneath::hex(&beneath::random::<16>()?), ..USUAL })
    }
}

/// Seals a text. `key` says where the key is kept, and `stretching` how it is made of a passphrase.
pub(super) fn seal(
    master: &MasterKey,
    (key, stretching): (&str, Option<Stretching>),
    mut text: Zeroizing<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    let salt = beneath::random::<32>()?;
    let (key, salt_text) = (key.to_owned(), beneath::hex(&salt));
    let head = Head { creel_vault: FORM, key, key_name: master.name(), salt: salt_text, stretching };
    let mut line = serde_json::to_vec(&head)?;
    line.push(b'\n');
    // Room for all of it at once: a vector that grew would leave a copy behind.
    let padded = (text.len() + 1).next_multiple_of(BLOCK_BYTES);
    let mut body = Zeroizing::new(Vec::with_capacity(padded + CHACHA20_POLY1305.tag_len()));
    body.append(&mut text);
    body.push(1);
    body.resize(padded, 0);
    master
        .sealing(&salt)
        .seal_in_place_append_tag(nonce(), Aad::from(line.as_slice()), &mut *body)
        .map_err(|_| io::Error::other("the vault could not be encrypted"))?;
    line.extend_from_slice(&body);
    Ok(line)
}

impl<'a> Sealed<'a> {
    /// Takes a sealed text apart.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Unsealable> {
        let end = bytes.iter().take(HEAD_BYTES_MAX).position(|byte| *byte == b'\n').ok_or(Unsealable::Damaged)?;
        let (line, body) = bytes.split_at(end + 1);
        let form = serde_json::from_slice::<serde_json::Value>(line).ok();
        match form.as_ref().and_then(|head| head.get("creel_vault")?.as_u64()) {
            Some(form) if form > u64::from(FORM) => {
                return Err(Unsealable::Newer(u32::try_from(form).unwrap_or(u32::MAX)));
            }
            Some(_) | None => {}
        }
        let head: Head = serde_json::from_slice(line).map_err(|_| Unsealable::Damaged)?;
        if head.creel_vault != FORM { Err(Unsealable::Damaged) } else { Ok(Self { head, line, body }) }
    }

    /// Opens it with the key that its head names.
    pub(super) fn open(&self, master: &MasterKey) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let salt = unhex(&self.head.salt).ok_or(Unsealable::Damaged)?;
        let mut body = Zeroizing::new(self.body.to_vec());
        let key = master.sealing(&salt);
        let opened = key.open_in_place(nonce(), Aad::from(self.line), body.as_mut_slice());
        let length = opened.map_err(|_| Unsealable::Damaged)?.len();
        body.truncate(length);
        let end = body.iter().rposition(|byte| *byte != 0).filter(|end| body.get(*end) == Some(&1));
        body.truncate(end.ok_or(Unsealable::Damaged)?);
        Ok(body)
    }
}

/// Each key seals once.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}
