//! Renewed access tokens, kept encrypted in the vault's own space, so that a restart does not ask for them again.
//! Renewing is not known here, nor which token is the newest.

use creel_policy::config::SecretsConfig;
use creel_policy::ids::ProfileId;
use creel_policy::renewal::RenewedAnswer;
use creel_policy::secret_ref::Literal;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{BadSecret, FingerprintKey, Places, Secret, open_vault};
use crate::vault::{Vault, VaultError};

/// An access token that replaces the one of a profile, and what the next one is got with.
pub struct Renewed {
    /// The access token.
    pub access: Secret,
    /// The refresh token.
    pub refresh: Literal,
    /// Milliseconds since 1970 at which the access token ends.
    pub expires_ms: u64,
}

impl Renewed {
    /// Takes what a server gave; where it gave no refresh token, the one that was `sent` stays good.
    ///
    /// # Errors
    ///
    /// [`BadSecret`] for an access token that no header can carry, or a refresh token of several lines.
    pub fn of(answer: &RenewedAnswer, sent: &Literal) -> Result<Self, BadSecret> {
        let refresh = answer.refresh.as_ref().unwrap_or(sent).expose_secret();
        if refresh.contains(char::is_control) {
            return Err(BadSecret::NotPlain);
        }
        Ok(Self {
            access: Secret::parse(answer.access.expose_secret())?,
            refresh: Literal::new(refresh).ok_or(BadSecret::Blank)?,
            expires_ms: answer.expires_ms,
        })
    }
}

/// Keeps renewed tokens, and makes the fingerprints that tell one from another.
pub struct Keeper {
    /// `None`: there is no state directory, or nothing to keep in it. `Err`: why the vault cannot be used.
    vault: Result<Option<Vault>, VaultError>,
    key: FingerprintKey,
}

impl Keeper {
    /// A keeper with the vault of these places, where `is_wanted`; else one that keeps nothing.
    #[must_use]
    pub fn open(secrets: &SecretsConfig, places: &Places<'_>, is_wanted: bool) -> Self {
        let vault = if is_wanted { open_vault(secrets, places) } else { Ok(None) };
        Self { vault, key: places.key.again() }
    }

    /// Tells a login from others: the fingerprint of the refresh token that the operator's file has.
    #[must_use]
    pub fn login(&self, refresh: &Literal) -> String {
        self.key.of(refresh.expose_secret().as_bytes())
    }

    /// Tells an access token from others.
    #[must_use]
    pub fn fingerprint(&self, access: &Secret) -> String {
        access.fingerprint(&self.key)
    }

    /// What is kept of a profile, where it came of that very login: a new one in the operator's file wins.
    ///
    /// # Errors
    ///
    /// What is wrong with the vault, in words.
    pub fn kept(&self, profile: &ProfileId, login: &str) -> Result<Option<Renewed>, String> {
        let Some(vault) = self.vault()? else { return Ok(None) };
        let kept = vault.kept(&self.name(profile)).map_err(|error| error.to_string())?;
        Ok(kept.and_then(|kept| decode(std::str::from_utf8(&kept.value).ok()?, login)))
    }

    /// Keeps what came of a login; says whether there was a place for it.
    ///
    /// # Errors
    ///
    /// What is wrong with the vault, in words.
    pub fn keep(&self, profile: &ProfileId, login: &str, renewed: &Renewed, now_ms: u64) -> Result<bool, String> {
        let Some(vault) = self.vault()? else { return Ok(false) };
        let text = encode(login, renewed);
        vault.keep(&self.name(profile), text.as_bytes(), now_ms).map_err(|error| error.to_string())?;
        Ok(true)
    }

    fn vault(&self) -> Result<Option<&Vault>, String> {
        self.vault.as_ref().map(Option::as_ref).map_err(ToString::to_string)
    }

    /// Where a profile's token is kept; a long id by its fingerprint, since names have a bound.
    fn name(&self, profile: &ProfileId) -> String {
        let id = profile.as_str();
        if id.len() <= 200 { format!("oauth/{id}") } else { format!("oauth-long/{}", self.key.of(id.as_bytes())) }
    }
}

/// Four lines: the login, the end, the access token, the refresh token. None of them holds a line break.
fn encode(login: &str, renewed: &Renewed) -> Zeroizing<String> {
    let (access, refresh) = (renewed.access.expose(), renewed.refresh.expose_secret());
    let expires = renewed.expires_ms.to_string();
    // Whole from the start: a string that grew would leave a copy behind.
    let room = login.len() + expires.len() + access.len() + refresh.len() + 3;
    let mut text = Zeroizing::new(String::with_capacity(room));
    for (index, line) in [login, &expires, access, refresh].into_iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(line);
    }
    text
}

fn decode(text: &str, login: &str) -> Option<Renewed> {
    let mut lines = text.split('\n');
    let (kept_login, expires, access, refresh) = (lines.next()?, lines.next()?, lines.next()?, lines.next()?);
    if kept_login != login {
        return None;
    }
    Some(Renewed {
        access: Secret::parse(access).ok()?,
        refresh: Literal::new(refresh)?,
        expires_ms: expires.parse().ok()?,
    })
}
