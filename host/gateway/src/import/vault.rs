//! Puts the secrets of an import into the vault. A name that holds another secret is not overwritten unless the
//! operator says so.

use std::path::PathBuf;

use creel_policy::config::VaultKey;
use creel_policy::import::PlainSecret;
use creel_policy::secret_ref::Source;
use creel_store::secrets::Secret;
use creel_store::state::StateRoot;
use creel_store::vault::{KeyPlace, Vault};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{ImportError, Plan, imported_config};
use crate::cli::ImportOpenclawArgs;
use crate::clock;
use crate::process::Process;

/// Keeps every secret that has a name in the vault. All are looked at before the first is kept.
pub(super) fn keep(
    plan: &Plan,
    state: &StateRoot,
    args: &ImportOpenclawArgs,
    process: &Process,
) -> Result<(), ImportError> {
    let of_config = plan.config.iter().flat_map(|config| &config.secrets);
    let secrets: Vec<(&str, &PlainSecret)> = of_config
        .chain(&plan.profiles.secrets)
        .filter_map(|secret| Some((secret.vault.as_ref()?.id(), secret)))
        .collect();
    if secrets.is_empty() {
        return Ok(());
    }
    let vault = Vault::open(state, key_place(plan, process)?)?;
    let key = state.fingerprint_key()?;
    let mut wanted = Vec::new();
    for (name, plain) in secrets {
        let parsed = Secret::parse(plain.value.expose_secret());
        let secret = parsed.map_err(|source| ImportError::Value { key: plain.place.key.clone(), source })?;
        match vault.get(name)?.map(|there| there.fingerprint(&key)) {
            Some(there) if there == secret.fingerprint(&key) => {}
            Some(_) if !args.force => return Err(ImportError::VaultTaken { name: name.to_owned() }),
            Some(_) | None => wanted.push((name, secret)),
        }
    }
    for (name, secret) in wanted {
        vault.set(name, &secret, clock::now_ms())?;
    }
    Ok(())
}

/// Where the key of the vault is, by the configuration that is written.
fn key_place(plan: &Plan, process: &Process) -> Result<KeyPlace, ImportError> {
    match imported_config(plan)?.secrets.vault {
        VaultKey::File(path) => Ok(KeyPlace::File(path.map(PathBuf::from))),
        VaultKey::Keyring => Ok(KeyPlace::Keyring),
        VaultKey::Passphrase(reference) => {
            let variable = Some(&reference).filter(|reference| reference.source() == Source::Env);
            let value =
                variable.and_then(|reference| process.variable(reference.id())).and_then(|value| value.to_str());
            let passphrase = value.map(|value| KeyPlace::Passphrase(Zeroizing::new(value.to_owned())));
            passphrase.ok_or_else(|| ImportError::Passphrase { reference: reference.to_string() })
        }
    }
}
