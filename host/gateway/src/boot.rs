//! Reads what the operator wrote, once: configuration, profiles and the lock file. What follows from it is computed by
//! `creel_policy` and `creel_runtime`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use creel_policy::config::{Config, SecretsConfig, parse_config};
use creel_policy::limits::CONFIG_BYTES_MAX;
use creel_policy::problem::Problem;
use creel_policy::profiles::{Profiles, parse_profiles};
use creel_runtime::Knowledge;
use creel_store::secrets::{FingerprintKey, Places as SecretPlaces};
use creel_store::state::{StateError, StateRoot};
use creel_store::{Store, StoreError};

use crate::places::{CONFIG_FILE, Places};
use crate::plugins::{Installed, LockError, LockFile, SearchPlaces, search_list, sha256};
use crate::process::Process;

/// The stored profiles' name in the state directory.
pub(crate) const PROFILES_FILE: &str = "auth-profiles.json";
/// The database's name in the state directory.
const DATABASE_FILE: &str = "creel.db";
/// The one agent's own; they come before those that all agents would share.
pub(crate) const AGENT_PROFILES_FILE: &str = "agents/main/auth-profiles.json";

/// What the operator wrote.
pub(crate) struct Files {
    /// The configuration; empty where there is none.
    pub(crate) config: Config,
    /// Where it is, or would be.
    pub(crate) config_path: PathBuf,
    /// Lower-case hex of it; `None` where there is none.
    pub(crate) config_sha256: Option<String>,
    /// The stored profiles.
    pub(crate) profiles: Profiles,
    /// What was approved.
    pub(crate) lock: LockFile,
}

/// Why nothing can be done with what the operator wrote.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BootError {
    /// The state directory, or a file in it.
    #[error(transparent)]
    State(#[from] StateError),
    /// There is no state directory.
    #[error("there is no state directory `{}`", path.display())]
    NoState {
        /// Where it would be.
        path: PathBuf,
    },
    /// There is no configuration.
    #[error("there is no configuration `{}`", path.display())]
    NoConfig {
        /// Where it would be.
        path: PathBuf,
    },
    /// A configuration that was named cannot be read.
    #[error("could not read the configuration `{}`", path.display())]
    ReadConfig {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration is not valid.
    #[error("the configuration is not valid")]
    Config(Vec<Problem>),
    /// The stored profiles are not valid.
    #[error("the stored profiles are not valid")]
    Profiles(Vec<Problem>),
    /// The lock file.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The operating system gave no random bytes.
    #[error("could not make a key for fingerprints")]
    Random(#[source] io::Error),
}

/// Opens the state directory if it is there.
///
/// # Errors
///
/// [`BootError::State`] where it is there and cannot be used.
pub(crate) fn open_state(places: &Places) -> Result<Option<StateRoot>, BootError> {
    match std::fs::metadata(&places.state_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(_) | Err(_) => open_or_create_state(places).map(Some),
    }
}

/// Opens the state directory, made where it is not there yet.
///
/// # Errors
///
/// [`BootError::State`].
pub(crate) fn open_or_create_state(places: &Places) -> Result<StateRoot, BootError> {
    let state = StateRoot::open_ambient(&places.state_dir)?;
    Ok(match &places.home {
        Some(home) => state.with_home(home),
        None => state,
    })
}

/// Reads what the operator wrote.
///
/// # Errors
///
/// [`BootError`] with every problem of the first file that has any.
pub(crate) fn read(places: &Places, state: Option<&StateRoot>) -> Result<Files, BootError> {
    let config_path = match state {
        Some(state) if places.config.is_none() => state.display_path().join(CONFIG_FILE),
        Some(_) | None => places.config_path(),
    };
    let text = match (&places.config, state) {
        (Some(path), _) => Some(read_named(path)?),
        (None, Some(state)) => state.read_text(CONFIG_FILE, CONFIG_BYTES_MAX)?,
        (None, None) => None,
    };
    let config_sha256 = text.as_ref().map(|text| sha256(text.as_bytes()));
    let file = config_path.display().to_string();
    let config = match text {
        Some(text) => parse_config(&file, &text).map_err(BootError::Config)?,
        None => Config::default(),
    };
    let profiles = match state {
        Some(state) => {
            let stored = |name| read_profiles(places, state, name, &config.secrets);
            stored(PROFILES_FILE)?.with_own(stored(AGENT_PROFILES_FILE)?)
        }
        None => Profiles::default(),
    };
    let lock = state.map(LockFile::read).transpose()?.unwrap_or_default();
    Ok(Files { config, config_path, config_sha256, profiles, lock })
}

/// Reads one file of stored profiles, which nobody else may read; none are stored where there is none.
fn read_profiles(
    places: &Places,
    state: &StateRoot,
    name: &str,
    secrets: &SecretsConfig,
) -> Result<Profiles, BootError> {
    let Some(text) = state.read_private(name, CONFIG_BYTES_MAX)? else { return Ok(Profiles::default()) };
    let file = places.state_dir.join(name).display().to_string();
    parse_profiles(&file, &text, secrets).map_err(BootError::Profiles)
}

impl Files {
    /// Looks for plugins.
    pub(crate) fn find_plugins(&self, places: &Places, process: &Process) -> Installed {
        let list = search_list(SearchPlaces {
            load_paths: &self.config.plugins.load_paths,
            config_dir: self.config_path.parent().unwrap_or(Path::new("/")),
            home: places.home.as_deref(),
            state_dir: &places.state_dir,
            executable: process.executable.as_deref(),
        });
        Installed::find(list, &self.config.plugins, &self.lock)
    }

    /// Makes the plan and reads the secrets.
    ///
    /// # Errors
    ///
    /// [`BootError`] where there is no key for fingerprints.
    pub(crate) fn know(
        self,
        installed: &Installed,
        process: &Process,
        state: Option<&StateRoot>,
    ) -> Result<Knowledge, BootError> {
        let key = match state {
            Some(state) => state.fingerprint_key()?,
            None => FingerprintKey::unkept().map_err(BootError::Random)?,
        };
        let (environment, manifests) = (process.environment(), installed.manifests());
        let places = SecretPlaces { environment: &environment, key: &key, state, home: process.home() };
        let knowledge = Knowledge::gather(self.config, self.profiles, manifests, &places);
        for reference in knowledge.idle_references() {
            // B20: worth knowing, and in nobody's way. A command that answers and ends does not say it.
            tracing::info!(%reference, "SECRETS_REF_IGNORED_INACTIVE_SURFACE: nothing uses it, so it was not resolved");
        }
        Ok(knowledge.resolved_at(crate::clock::now_ms()))
    }
}

/// Adds what a daemon has remembered of credentials that failed, where one has run here: without it an answer from the
/// files would not be what the next daemon does.
///
/// # Errors
///
/// [`StoreError`].
pub(crate) fn remembering(
    knowledge: Knowledge,
    places: &Places,
    state: Option<&StateRoot>,
) -> Result<Knowledge, StoreError> {
    let Some(state) = state.filter(|_| places.state_dir.join(DATABASE_FILE).is_file()) else { return Ok(knowledge) };
    Ok(knowledge.remembering(Store::open(state)?.ledger()?))
}

/// Reads a configuration that `--config` names, wherever it is.
pub(crate) fn read_named(path: &Path) -> Result<String, BootError> {
    read_bounded(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => BootError::NoConfig { path: path.to_owned() },
        _ => BootError::ReadConfig { path: path.to_owned(), source },
    })
}

/// The path of a file without links, if it is there.
pub(crate) fn real_path(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}

/// Reads a file that is as large as a configuration may be, at most.
pub(crate) fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(CONFIG_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > CONFIG_BYTES_MAX {
        let message = format!("it has more than {CONFIG_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}
