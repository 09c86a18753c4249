//! The vault as people read it.

use creel_store::vault::VaultError;

use super::Style;
use super::table::{Table, plain};
use crate::secrets::vault::Shown;

/// The secrets of the vault, a line each.
pub(crate) fn secrets(secrets: &[Shown], style: Style) -> String {
    if secrets.is_empty() {
        return "there are no secrets in the vault; `creel secrets set NAME` puts one there\n".to_owned();
    }
    let mut table = Table::new(&[("name", plain), ("fingerprint", plain), ("age", plain)]);
    for secret in secrets {
        table.row([secret.name.clone(), secret.fingerprint.clone(), age(secret.age_seconds)]);
    }
    table.render(style)
}

pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// What to do about a vault that cannot be used.
pub(super) fn hint(error: &VaultError) -> Option<String> {
    match error {
        VaultError::NoKey { .. } => Some(
            "put the key back from your copy, or name its place in `secrets.vault`; without it nothing in the vault can \
             be read, and `vault.sealed` may be removed"
                .to_owned(),
        ),
        VaultError::WrongKey { .. } => {
            Some("the key, or the passphrase, of this vault is needed; `secrets.vault` says where it is sought".to_owned())
        }
        VaultError::OtherKind { locked, .. } => Some(format!(
            "write `secrets: {{ vault: {{ key: \"{locked}\" }} }}`; to change the kind, remove `vault.sealed` and set the secrets anew"
        )),
        VaultError::Damaged => {
            Some("put `vault.sealed` back from your copy, or remove it and set the secrets anew".to_owned())
        }
        VaultError::Keyring { .. } => Some(
            "the keyring needs `secret-tool` (Debian: libsecret-tools) and an unlocked session; without one, use \
             `secrets: { vault: { key: \"file\" } }`"
                .to_owned(),
        ),
        VaultError::NotAKey { .. } => Some("put the key back from your copy".to_owned()),
        VaultError::Newer { .. } => Some("use the newer creel".to_owned()),
        VaultError::Busy => Some("wait for it, or stop it".to_owned()),
        VaultError::Full => Some("remove what is not needed any more with `creel secrets rm`".to_owned()),
        VaultError::State(error) => super::failure::of_state(error),
        VaultError::Name(_)
        | VaultError::KeptName
        | VaultError::Secret { .. }
        | VaultError::Passphrase { .. }
        | VaultError::NoHome { .. }
        | VaultError::Io { .. } => None,
    }
}
