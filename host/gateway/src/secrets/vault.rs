//! `creel secrets set|list|rm|rotate`: the operator's way to the vault. How it is encrypted is the store's.

use std::io::{self, Write as _};

use creel_store::secrets::{FingerprintKey, Places as SecretPlaces, open_vault};
use creel_store::state::StateRoot;
use creel_store::vault::{Vault, VaultError};
use serde::Serialize;

use super::entry::{self, EntryError};
use crate::boot::{self, BootError};
use crate::cli::{ListSecretsArgs, RemoveSecretArgs, SetSecretArgs};
use crate::clock;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::places::Places;
use crate::process::Process;
use crate::render;

/// A secret as `list` shows it.
#[derive(Serialize)]
pub(crate) struct Shown {
    /// Its name.
    pub(crate) name: String,
    /// Tells its value from others.
    pub(crate) fingerprint: String,
    /// When it was set, as RFC 3339 writes it.
    pub(crate) set_at: String,
    /// For how long it has been there.
    pub(crate) age_seconds: u64,
}

#[derive(Serialize)]
struct List {
    secrets: Vec<Shown>,
}

/// Puts a secret into the vault.
///
/// # Errors
///
/// [`CommandError`], e.g. where the value cannot be a secret.
pub(crate) fn set(args: &SetSecretArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let state = boot::open_or_create_state(places)?;
    let (vault, key) = open(places, &state, process)?;
    // Before the value is asked for: nobody types a secret in vain.
    vault.names()?;
    let secret = entry::read(args, process)?;
    let fingerprint = secret.fingerprint(&key);
    let was_there = vault.set(&args.name, &secret, clock::now_ms())?;
    let deed = if was_there { "replaced" } else { "set" };
    let name = &args.name;
    print(&format!(
        "{deed} `{name}` (fingerprint {fingerprint})\n\
         refer to it with {{ source: \"vault\", provider: \"default\", id: \"{name}\" }}"
    ))?;
    Ok(Exit::Ok)
}

/// Shows what is in the vault, but for the values.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn list(args: &ListSecretsArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let state = state(places)?;
    let (vault, key) = open(places, &state, process)?;
    let now_ms = clock::now_ms();
    let shown = vault.list(&key)?.into_iter().map(|entry| Shown {
        set_at: clock::rfc3339(entry.set_ms),
        age_seconds: now_ms.saturating_sub(entry.set_ms) / 1_000,
        name: entry.name,
        fingerprint: entry.fingerprint,
    });
    let list = List { secrets: shown.collect() };
    let text = if args.json {
        serde_json::to_string_pretty(&list)?
    } else {
        render::secrets(&list.secrets, process.style_of_stdout())
    };
    print(text.trim_end())?;
    Ok(Exit::Ok)
}

/// Takes a secret out of the vault.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn remove(args: &RemoveSecretArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let state = state(places)?;
    let (vault, _) = open(places, &state, process)?;
    if vault.remove(&args.name)? {
        print(&format!("removed `{}`", args.name))?;
        return Ok(Exit::Ok);
    }
    Err(CommandError::NoSecret { name: args.name.clone() })
}

/// Gives the vault a fresh key.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn rotate(places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let state = state(places)?;
    let (vault, _) = open(places, &state, process)?;
    let count = vault.rotate()?;
    print(&format!("the vault has a fresh key; secrets in it: {count}"))?;
    Ok(Exit::Ok)
}

fn state(places: &Places) -> Result<StateRoot, BootError> {
    boot::open_state(places)?.ok_or_else(|| BootError::NoState { path: places.state_dir.clone() })
}

fn open(places: &Places, state: &StateRoot, process: &Process) -> Result<(Vault, FingerprintKey), CommandError> {
    let files = boot::read(places, Some(state))?;
    let (environment, key) = (process.environment(), state.fingerprint_key().map_err(BootError::State)?);
    let sought = SecretPlaces { environment: &environment, key: &key, state: Some(state), home: process.home() };
    let vault = open_vault(&files.config.secrets, &sought)?;
    let vault = vault.ok_or_else(|| BootError::NoState { path: places.state_dir.clone() })?;
    Ok((vault, key))
}

fn print(text: &str) -> Result<(), CommandError> {
    writeln!(io::stdout().lock(), "{text}").map_err(CommandError::Output)
}

/// How a command ends that could not use the vault.
pub(crate) fn exit(error: &VaultError) -> Exit {
    match error {
        VaultError::Name(_) => Exit::Usage,
        VaultError::State(error) => crate::error::of_state(error),
        VaultError::OtherKind { .. } | VaultError::NotAKey { .. } | VaultError::NoHome { .. } => Exit::Config,
        VaultError::NoKey { .. } => Exit::Missing,
        VaultError::KeptName
        | VaultError::Secret { .. }
        | VaultError::WrongKey { .. }
        | VaultError::Keyring { .. }
        | VaultError::Passphrase { .. }
        | VaultError::Damaged
        | VaultError::Newer { .. }
        | VaultError::Full
        | VaultError::Busy
        | VaultError::Io { .. } => Exit::Failure,
    }
}

/// How a command ends that got no value.
pub(crate) fn exit_of_entry(error: &EntryError) -> Exit {
    match error {
        EntryError::NoVariable { .. } => Exit::Missing,
        EntryError::File { source, .. } if source.kind() == io::ErrorKind::NotFound => Exit::Missing,
        EntryError::Bad(_) => Exit::Refused,
        EntryError::File { .. } | EntryError::Input(_) => Exit::Failure,
    }
}
