//! Asks files, commands and the vault for what is wanted of them: each once for all, several at a time, within the bounds
//! of `secrets.resolution`. What a provider is like inside is known to its own file.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use creel_policy::config::{SecretProvider, SecretsConfig, VaultKey};
use creel_policy::secret_ref::{SecretRef, Source};
use zeroize::Zeroizing;

use super::{Answer, Places, exec, file};
use crate::vault::{KeyPlace, Keyring, Vault, VaultError};

/// Everything that one provider is asked for.
struct Batch<'a> {
    source: Source,
    alias: &'a str,
    references: Vec<&'a SecretRef>,
}

/// Answers each reference, the well-formed and the others.
pub(super) fn ask_all<'a>(
    references: impl Iterator<Item = &'a SecretRef>,
    secrets: &SecretsConfig,
    places: &Places<'_>,
) -> BTreeMap<&'a SecretRef, Answer> {
    let mut answers = BTreeMap::new();
    let mut batches: BTreeMap<(Source, &str), Vec<&SecretRef>> = BTreeMap::new();
    let references: BTreeSet<&SecretRef> = references.collect();
    for reference in references {
        match secrets.judge(reference) {
            Ok(()) => batches.entry((reference.source(), reference.provider())).or_default().push(reference),
            Err(refusal) => drop(answers.insert(reference, Answer::Refused(refusal.to_string()))),
        }
    }
    let batches: Vec<Batch<'_>> =
        batches.into_iter().map(|((source, alias), references)| Batch { source, alias, references }).collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(answers));
    let work = || {
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            let answered = ask(batch, secrets, places);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.extend(batch.references.iter().copied().zip(answered));
        }
    };
    let threads = usize::try_from(secrets.resolution.provider_concurrency_max).unwrap_or(usize::MAX).min(batches.len());
    thread::scope(|scope| {
        // This thread works too, so that there is one even where no other can be had.
        for _ in 1..threads {
            drop(thread::Builder::new().name("creel-secrets".to_owned()).spawn_scoped(scope, work));
        }
        work();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn ask(batch: &Batch<'_>, secrets: &SecretsConfig, places: &Places<'_>) -> Vec<Answer> {
    let refs_max = secrets.resolution.provider_refs_max;
    if batch.references.len() as u64 > refs_max {
        let why =
            format!("provider `{}` is asked for more than {refs_max} secrets (`maxRefsPerProvider`)", batch.alias);
        return batch.references.iter().map(|_| Answer::Refused(why.clone())).collect();
    }
    let ids: Vec<&str> = batch.references.iter().map(|reference| reference.id()).collect();
    match (batch.source, secrets.providers.get(batch.alias)) {
        (Source::File, Some(SecretProvider::File(provider))) => file::ask(batch.alias, provider, &ids, places),
        (Source::Exec, Some(SecretProvider::Exec(provider))) => {
            exec::ask(batch.alias, provider, &ids, places, secrets.resolution.batch_bytes_max)
        }
        (Source::Env, _) => ids.iter().map(|id| variable(id, places)).collect(),
        (Source::Vault, _) => ask_vault(&ids, secrets, places),
        // The judgement lets nothing else through.
        (Source::File | Source::Exec, _) => {
            ids.iter().map(|_| Answer::Refused("its provider is of another source".to_owned())).collect()
        }
    }
}

fn variable(name: &str, places: &Places<'_>) -> Answer {
    match places.environment.get(name).map(std::str::from_utf8) {
        Some(Ok(value)) => Answer::Value(Zeroizing::new(value.to_owned())),
        Some(Err(_)) => Answer::Refused("it is not UTF-8".to_owned()),
        None => Answer::not_found("not set"),
    }
}

fn ask_vault(ids: &[&str], secrets: &SecretsConfig, places: &Places<'_>) -> Vec<Answer> {
    let found = match open_vault(secrets, places) {
        Ok(Some(vault)) => vault.get_all(ids),
        Ok(None) => return ids.iter().map(|_| Answer::not_found("not in the vault")).collect(),
        Err(error) => Err(error),
    };
    match found {
        Ok(values) => {
            let answer = |value: Option<_>| value.map_or_else(|| Answer::not_found("not in the vault"), Answer::Value);
            values.into_iter().map(answer).collect()
        }
        Err(error) => ids.iter().map(|_| Answer::Refused(chain(&error))).collect(),
    }
}

/// An error with its causes.
fn chain(error: &VaultError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// The vault, with its key where the operator said; `None` where there is no state directory yet.
///
/// # Errors
///
/// [`VaultError::Passphrase`] where the passphrase cannot be had.
pub fn open_vault(secrets: &SecretsConfig, places: &Places<'_>) -> Result<Option<Vault>, VaultError> {
    let Some(state) = places.state else { return Ok(None) };
    let place = match &secrets.vault {
        VaultKey::File(None) => KeyPlace::File(None),
        VaultKey::File(Some(path)) => {
            let no_home = || VaultError::NoHome { path: path.clone() };
            KeyPlace::File(Some(places.absolute(path).ok_or_else(no_home)?))
        }
        VaultKey::Keyring => KeyPlace::Keyring(Keyring::of(places.environment)),
        VaultKey::Passphrase(reference) => KeyPlace::Passphrase(passphrase(reference, secrets, places)?),
    };
    Vault::open(state, place).map(Some)
}

fn passphrase(
    reference: &SecretRef,
    secrets: &SecretsConfig,
    places: &Places<'_>,
) -> Result<Zeroizing<String>, VaultError> {
    let failed = |why: &str| VaultError::Passphrase { from: reference.to_string(), why: why.to_owned() };
    // The configuration refuses a passphrase that is in the vault; it would never end.
    if reference.source() == Source::Vault {
        return Err(failed("it is in the vault itself"));
    }
    match ask_all(std::iter::once(reference), secrets, places).remove(reference) {
        Some(Answer::Value(value)) if value.trim().is_empty() => Err(failed("it is blank")),
        Some(Answer::Value(value)) => Ok(value),
        Some(Answer::Missing(why) | Answer::Refused(why)) => Err(failed(&why)),
        None => Err(failed("it was not asked for")),
    }
}
