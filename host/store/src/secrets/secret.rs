//! One secret value. It can be put on a request and looked for in a response; it cannot be read.

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::fingerprint::FingerprintKey;
use super::spellings::spellings;
use crate::limits::SECRET_BYTES_MAX;

/// A secret value, wiped when dropped. No Debug, Clone, `PartialEq`, Serialize or Display: a mask with a hole is no
/// mask.
pub struct Secret(SecretString);

/// Why a text is no secret that could be sent. The text is never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// Nothing but white space.
    #[error("it is blank")]
    Blank,
    /// A line break, another control character, or what is not ASCII: no header can hold it (attack 32).
    #[error("it holds a character that no header can carry, e.g. a line break")]
    NotPlain,
    /// Longer than servers take.
    #[error("it has more than {SECRET_BYTES_MAX} bytes")]
    TooLong,
    /// What a user interface shows in place of a secret, saved by mistake.
    #[error("it is the placeholder of a redacted value (SECRET_REF_REDACTED_VALUE)")]
    Redacted,
}

/// What user interfaces show in place of a secret (case B15).
const PLACEHOLDERS: [&str; 3] = ["__OPENCLAW_REDACTED__", "[redacted]", "***"];

impl Secret {
    /// Takes a value without the white space around it.
    ///
    /// # Errors
    ///
    /// [`BadSecret`] for what could not be sent.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let value = text.trim();
        if value.is_empty() {
            return Err(BadSecret::Blank);
        }
        if value.len() > SECRET_BYTES_MAX {
            return Err(BadSecret::TooLong);
        }
        if !value.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            return Err(BadSecret::NotPlain);
        }
        if PLACEHOLDERS.iter().any(|placeholder| value.eq_ignore_ascii_case(placeholder)) {
            return Err(BadSecret::Redacted);
        }
        Ok(Self(SecretString::from(value)))
    }

    /// The value itself, for what keeps it encrypted.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The value behind `prefix`, as it goes into a header.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> Zeroizing<String> {
        let value = self.0.expose_secret();
        // Whole from the start: a string that grew would leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + value.len()));
        text.push_str(prefix);
        text.push_str(value);
        text
    }

    /// Every spelling in which a server could send the value back; for the redactor alone.
    #[must_use]
    pub fn spellings(&self) -> Vec<Zeroizing<Vec<u8>>> {
        spellings(self.0.expose_secret().as_bytes())
    }

    /// Tells values apart without telling any: 8 hex digits, different under every key.
    #[must_use]
    pub fn fingerprint(&self, key: &FingerprintKey) -> String {
        key.of(self.0.expose_secret().as_bytes())
    }
}
