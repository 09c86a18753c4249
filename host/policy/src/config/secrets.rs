//! `secrets`: where references may lead, and the judgement of a reference against it. Nothing here follows one.

use std::collections::{BTreeMap, BTreeSet};

use crate::json5::{Node, Problems};
use crate::secret_ref::{DEFAULT_ALIAS, Literal, SecretInput, SecretRef, Source, is_alias, is_env_name};

use super::read::{Table, name_literal, secret, text};

/// Milliseconds that a file or a command may take, unless the file says otherwise.
const TIMEOUT_MS: u64 = 5_000;
/// The longest that may be asked for: nobody waits longer for a daemon to start.
const TIMEOUT_MS_MAX: u64 = 120_000;
/// Bytes of a secrets file or of a command's answer, unless the file says otherwise.
const SECRET_BYTES: u64 = 1 << 20;
/// The largest that may be asked for.
const SECRET_BYTES_MAX: u64 = 16 << 20;

/// `secrets`. No Debug, since the environment of a command may hold a secret.
#[derive(Default)]
pub struct SecretsConfig {
    /// `secrets.providers`, by alias.
    pub providers: BTreeMap<String, SecretProvider>,
    /// `secrets.defaults`: the alias that is meant when a reference names none.
    pub defaults: BTreeMap<Source, String>,
    /// `secrets.resolution`.
    pub resolution: Resolution,
    /// `secrets.vault`.
    pub vault: VaultKey,
}

/// `secrets.vault`: where the key of Creel's own store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultKey {
    /// In a file of mode 0600; `None`: `vault.key` in the state directory.
    File(Option<String>),
    /// In the keyring of the desktop.
    Keyring,
    /// It is made of a passphrase, which is found there; never in the vault.
    Passphrase(SecretRef),
}

impl Default for VaultKey {
    fn default() -> Self {
        Self::File(None)
    }
}

/// `secrets.providers.<alias>`.
pub enum SecretProvider {
    /// The daemon's environment.
    Env {
        /// The only names that may be read; `None`: any.
        allowlist: Option<BTreeSet<String>>,
    },
    /// A file.
    File(FileProvider),
    /// A command.
    Exec(Box<ExecProvider>),
    /// Creel's own store.
    Vault,
}

/// A file that holds secrets.
#[derive(Debug)]
pub struct FileProvider {
    /// Where it is.
    pub path: String,
    /// The whole file is one value, and not JSON.
    pub single_value: bool,
    /// Milliseconds to read it.
    pub timeout_ms: u64,
    /// Bytes of it.
    pub bytes_max: u64,
    /// Others than its owner may read it.
    pub allow_insecure_path: bool,
}

/// A command that answers with secrets. It is run without a shell.
pub struct ExecProvider {
    /// An absolute path.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Milliseconds for all of it.
    pub timeout_ms: u64,
    /// Milliseconds without output.
    pub no_output_timeout_ms: u64,
    /// Bytes of its answer.
    pub output_bytes_max: u64,
    /// An answer that is not JSON is refused.
    pub json_only: bool,
    /// Variables that it is given.
    pub env: BTreeMap<String, Literal>,
    /// Variables of the daemon that are passed on.
    pub pass_env: Vec<String>,
    /// Directories that it must stand in, once links are followed.
    pub trusted_dirs: Vec<String>,
    /// The path may be a symbolic link.
    pub allow_symlink_command: bool,
    /// Others than its owner may write it.
    pub allow_insecure_path: bool,
}

/// `secrets.resolution`.
#[derive(Clone, Copy, Debug)]
pub struct Resolution {
    /// Providers asked at once.
    pub provider_concurrency_max: u64,
    /// References that one provider is asked for.
    pub provider_refs_max: u64,
    /// Bytes of one question to a command.
    pub batch_bytes_max: u64,
}

impl Default for Resolution {
    fn default() -> Self {
        Self { provider_concurrency_max: 4, provider_refs_max: 512, batch_bytes_max: 256 << 10 }
    }
}

/// Why a well-formed reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefRefusal {
    /// No such alias.
    #[error("no provider `{alias}` is declared in `secrets.providers`")]
    UnknownProvider {
        /// What the reference names.
        alias: String,
    },
    /// The alias is of another kind.
    #[error("`secrets.providers.{alias}` has source `{declared}` but the reference asks for `{asked}`")]
    OtherSource {
        /// What the reference names.
        alias: String,
        /// What the provider is.
        declared: Source,
        /// What the reference asks for.
        asked: Source,
    },
    /// The variable is not among those that may be read.
    #[error("`{name}` is not in `secrets.providers.{alias}.allowlist`")]
    NotAllowed {
        /// What the reference names.
        alias: String,
        /// The variable.
        name: String,
    },
    /// A pointer into a file that is one value.
    #[error("`secrets.providers.{alias}` is a single value, and the id of its reference is `value`")]
    SingleValue {
        /// What the reference names.
        alias: String,
    },
    /// `value` of a file that is JSON.
    #[error("`secrets.providers.{alias}` is a JSON file, and the id of its reference is a pointer such as `/key`")]
    NotSingleValue {
        /// What the reference names.
        alias: String,
    },
}

impl SecretsConfig {
    /// The alias that is meant when a reference of this source names none.
    #[must_use]
    pub fn default_alias(&self, source: Source) -> &str {
        self.defaults.get(&source).map_or(DEFAULT_ALIAS, String::as_str)
    }

    /// Judges where a reference leads, by the configuration alone.
    ///
    /// # Errors
    ///
    /// [`RefRefusal`] that names the provider, never a value.
    pub fn judge(&self, reference: &SecretRef) -> Result<(), RefRefusal> {
        let (alias, asked) = (reference.provider(), reference.source());
        let named = || alias.to_owned();
        let Some(provider) = self.providers.get(alias) else {
            // B1: the environment and the vault need no declaration under their default alias.
            let implied = matches!(asked, Source::Env | Source::Vault) && alias == DEFAULT_ALIAS;
            return if implied { Ok(()) } else { Err(RefRefusal::UnknownProvider { alias: named() }) };
        };
        match (provider, asked) {
            (SecretProvider::Env { allowlist: Some(allowed) }, Source::Env) if !allowed.contains(reference.id()) => {
                Err(RefRefusal::NotAllowed { alias: named(), name: reference.id().to_owned() })
            }
            (SecretProvider::File(file), Source::File) => match (file.single_value, reference.id() == "value") {
                (true, false) => Err(RefRefusal::SingleValue { alias: named() }),
                (false, true) => Err(RefRefusal::NotSingleValue { alias: named() }),
                (true, true) | (false, false) => Ok(()),
            },
            (SecretProvider::Env { .. }, Source::Env)
            | (SecretProvider::Exec(_), Source::Exec)
            | (SecretProvider::Vault, Source::Vault) => Ok(()),
            (
                SecretProvider::Env { .. } | SecretProvider::File(_) | SecretProvider::Exec(_) | SecretProvider::Vault,
                Source::Env | Source::File | Source::Exec | Source::Vault,
            ) => Err(RefRefusal::OtherSource { alias: named(), declared: provider.source(), asked }),
        }
    }
}

impl SecretProvider {
    /// The kind of place.
    #[must_use]
    pub fn source(&self) -> Source {
        match self {
            Self::Env { .. } => Source::Env,
            Self::File(_) => Source::File,
            Self::Exec(_) => Source::Exec,
            Self::Vault => Source::Vault,
        }
    }
}

/// Reads `secrets`.
pub(super) fn read(mut table: Table<'_>) -> SecretsConfig {
    let mut config = SecretsConfig::default();
    if let Some(providers) = table.table("providers") {
        let problems = providers.problems();
        for entry in providers.into_entries() {
            let fits = is_alias(&entry.name);
            if !fits {
                let rule = "not an alias: expected 1 to 64 of `a-z`, `0-9`, `_` and `-`, beginning with a letter";
                problems.add(entry.place, &entry.node.key, rule, None);
            }
            if let Some(provider) = Table::open(entry.node, problems).and_then(read_provider)
                && fits
            {
                config.providers.insert(entry.name, provider);
            }
        }
    }
    if let Some(mut defaults) = table.table("defaults") {
        for source in Source::ALL {
            if let Some(alias) = defaults.text(source.as_str()) {
                config.defaults.insert(source, alias);
            }
        }
        check_defaults(&config, &defaults);
        defaults.finish();
    }
    if let Some(resolution) = table.table("resolution") {
        config.resolution = read_resolution(resolution);
    }
    if let Some(vault) = table.table("vault") {
        config.vault = read_vault(vault, &config).unwrap_or_default();
    }
    table.finish();
    config
}

/// A default that names nothing would turn every short reference into a failure far from its cause.
fn check_defaults(config: &SecretsConfig, table: &Table<'_>) {
    for (source, alias) in &config.defaults {
        let implied = matches!(source, Source::Env | Source::Vault) && alias == DEFAULT_ALIAS;
        let fits = config.providers.get(alias).map_or(implied, |provider| provider.source() == *source);
        if !fits {
            let message = format!("`{source}` names no provider of that source in `secrets.providers`");
            table.problem(message, None);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    File,
    Keyring,
    Passphrase,
}

/// A key that does not belong to the kind is refused, so that none is written in vain.
fn read_vault(mut table: Table<'_>, secrets: &SecretsConfig) -> Option<VaultKey> {
    use KeyKind::{File, Keyring, Passphrase};
    let problems = table.problems();
    let kinds = [("file", File), ("keyring", Keyring), ("passphrase", Passphrase)];
    let kind = if table.has("key") { table.word("key", &kinds) } else { Some(File) };
    let (key_file, from) = (table.take("keyFile"), table.take("passphraseFrom"));
    for (node, owner, word) in [(&key_file, File, "file"), (&from, Passphrase, "passphrase")] {
        if let Some(node) = node.as_ref().filter(|_| kind.is_some_and(|kind| kind != owner)) {
            problems.add(node.place, &node.key, format!("it goes with a `key` of `{word}` alone"), None);
        }
    }
    if kind == Some(Passphrase) && from.is_none() {
        table.problem("a `key` of `passphrase` needs `passphraseFrom`", None);
    }
    table.finish();
    match kind? {
        File => match key_file {
            Some(node) => absolute(&node, problems).map(|path| VaultKey::File(Some(path))),
            None => Some(VaultKey::File(None)),
        },
        Keyring => Some(VaultKey::Keyring),
        Passphrase => passphrase_from(from?, secrets, problems).map(VaultKey::Passphrase),
    }
}

/// A passphrase in plain text beside the vault would protect nothing, and one in the vault could not be reached.
fn passphrase_from(node: Node, secrets: &SecretsConfig, problems: &Problems) -> Option<SecretRef> {
    let (place, key) = (node.place, node.key.clone());
    let message = match secret(node, secrets, problems)? {
        SecretInput::Ref(reference) if reference.source() != Source::Vault => return Some(reference),
        SecretInput::Ref(_) => "the passphrase of the vault cannot be in the vault",
        SecretInput::Literal(_) => "the passphrase of the vault must be a reference, and not stand here",
    };
    problems.add(place, &key, message, Some("write a reference to `env`, `file` or `exec`".to_owned()));
    None
}

/// Reads a path that begins at the root or at the home directory.
fn absolute(node: &Node, problems: &Problems) -> Option<String> {
    let path = text(node, problems)?;
    if path.starts_with('/') || path.starts_with("~/") {
        return Some(path);
    }
    problems.add(node.place, &node.key, "expected an absolute path, or one that begins with `~/`", None);
    None
}

fn read_provider(mut table: Table<'_>) -> Option<SecretProvider> {
    if !table.has("source") {
        table.problem("the secret provider has no `source`", None);
    }
    let provider = match table.word("source", &Source::ALL.map(|source| (source.as_str(), source)))? {
        Source::Env => Some(SecretProvider::Env {
            allowlist: table.list("allowlist", env_name).map(|names| names.into_iter().collect()),
        }),
        Source::File => read_file(&mut table).map(SecretProvider::File),
        Source::Exec => read_exec(&mut table).map(|exec| SecretProvider::Exec(Box::new(exec))),
        Source::Vault => Some(SecretProvider::Vault),
    };
    table.finish();
    provider
}

fn read_file(table: &mut Table<'_>) -> Option<FileProvider> {
    let problems = table.problems();
    if !table.has("path") {
        table.problem("the secret provider has no `path`", None);
    }
    Some(FileProvider {
        single_value: table.word("mode", &[("json", false), ("singleValue", true)]).unwrap_or(false),
        timeout_ms: table.count("timeoutMs", 1..=TIMEOUT_MS_MAX).unwrap_or(TIMEOUT_MS),
        bytes_max: table.count("maxBytes", 1..=SECRET_BYTES_MAX).unwrap_or(SECRET_BYTES),
        allow_insecure_path: table.flag("allowInsecurePath").unwrap_or(false),
        path: table.take("path").and_then(|node| absolute(&node, problems))?,
    })
}

fn read_exec(table: &mut Table<'_>) -> Option<ExecProvider> {
    let problems = table.problems();
    table.refuse(&[("pluginIntegration", "name the command itself in `command` and `args`")]);
    let timeout_ms = table.count("timeoutMs", 1..=TIMEOUT_MS_MAX).unwrap_or(TIMEOUT_MS);
    let mut exec = ExecProvider {
        command: String::new(),
        args: table.list("args", |node, problems| text(&node, problems)).unwrap_or_default(),
        timeout_ms,
        no_output_timeout_ms: table.count("noOutputTimeoutMs", 1..=TIMEOUT_MS_MAX).unwrap_or(timeout_ms),
        output_bytes_max: table.count("maxOutputBytes", 1..=SECRET_BYTES_MAX).unwrap_or(SECRET_BYTES),
        json_only: table.flag("jsonOnly").unwrap_or(true),
        env: BTreeMap::new(),
        pass_env: table.list("passEnv", |node, problems| text(&node, problems)).unwrap_or_default(),
        trusted_dirs: table.list("trustedDirs", |node, problems| absolute(&node, problems)).unwrap_or_default(),
        allow_symlink_command: table.flag("allowSymlinkCommand").unwrap_or(false),
        allow_insecure_path: table.flag("allowInsecurePath").unwrap_or(false),
    };
    if let Some(env) = table.table("env") {
        let values = env.into_entries().into_iter();
        exec.env = values.filter_map(|entry| name_literal(entry, problems)).collect();
    }
    if !table.has("command") {
        table.problem("the secret provider has no `command`", None);
    }
    let command = table.take("command")?;
    exec.command = text(&command, problems)?;
    if !exec.command.starts_with('/') {
        problems.add(command.place, &command.key, "expected an absolute path", None);
    }
    Some(exec)
}

fn read_resolution(mut table: Table<'_>) -> Resolution {
    let usual = Resolution::default();
    let resolution = Resolution {
        provider_concurrency_max: table
            .count("maxProviderConcurrency", 1..=64)
            .unwrap_or(usual.provider_concurrency_max),
        provider_refs_max: table.count("maxRefsPerProvider", 1..=65_536).unwrap_or(usual.provider_refs_max),
        batch_bytes_max: table.count("maxBatchBytes", 1..=SECRET_BYTES_MAX).unwrap_or(usual.batch_bytes_max),
    };
    table.finish();
    resolution
}

fn env_name(node: Node, problems: &Problems) -> Option<String> {
    let name = text(&node, problems)?;
    if is_env_name(&name) {
        return Some(name);
    }
    problems.add(node.place, &node.key, "not the name of a variable: expected `A-Z`, `0-9` and `_`", None);
    None
}
