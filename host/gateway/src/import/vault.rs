//! Puts the secrets of an import into the vault. A name that holds another secret is not overwritten unless the
//! operator says so.

use creel_policy::import::PlainSecret;
use creel_store::secrets::{Places, Secret, open_vault};
use creel_store::state::StateRoot;
use secrecy::ExposeSecret as _;

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
    let (environment, key) = (process.environment(), state.fingerprint_key()?);
    let places = Places { environment: &environment, key: &key, state: Some(state), home: process.home() };
    // By the configuration that is written: it says where the key of the vault is.
    let Some(vault) = open_vault(&imported_config(plan)?.secrets, &places)? else { return Ok(()) };
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
