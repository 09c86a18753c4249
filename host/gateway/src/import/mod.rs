//! `creel import openclaw`: reads what another gateway has, shows what it would come to here, and writes it when told
//! to. What it comes to is `creel_policy::import`'s to say.

mod apply;
mod conversations;
mod diff;
mod source;
mod vault;

use std::path::{Path, PathBuf};

use creel_policy::config::{Config, parse_config};
use creel_policy::import::{
    ImportedConfig, ImportedProfiles, Note, Plaintext, SourceFile, VaultNames, import_config, import_profiles,
};
use creel_policy::limits::CONFIG_BYTES_MAX;
use creel_policy::problem::Problem;
use creel_policy::profiles::Profiles;
use creel_store::StoreError;
use creel_store::media::MediaError;
use creel_store::older::{OlderDir, OlderError};
use creel_store::state::StateError;
use zeroize::Zeroizing;

use crate::boot::{Files, PROFILES_FILE};
use crate::cli::ImportOpenclawArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::explain;
use crate::places::{CONFIG_FILE, Places};
use crate::plugins::LockFile;
use crate::process::Process;
use crate::render;
use crate::views::{FileAction, ImportView, ImportedConversations, ImportedFile, ImportedMedia, ImportedSecret};
use source::Found;

/// Why another gateway's state cannot be taken over. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// Nothing says where it is.
    #[error("no directory is named, and there is no home directory to look in")]
    NoHome,
    /// There is none.
    #[error("there is no directory `{}`", path.display())]
    NoSource {
        /// Where it would be.
        path: PathBuf,
        /// Directories of older names that are there.
        others: Vec<PathBuf>,
    },
    /// It holds nothing that could be taken over.
    #[error("`{}` holds no configuration, no stored profiles and no media", path.display())]
    Nothing {
        /// Where was looked.
        path: PathBuf,
    },
    /// It is our own.
    #[error("`{}` is the state directory of Creel itself", path.display())]
    Ourselves {
        /// Which.
        path: PathBuf,
    },
    /// `--config` has no meaning here.
    #[error("an import writes `{CONFIG_FILE}` of the state directory, and no other configuration")]
    OtherConfig,
    /// What is to be read is no JSON5.
    #[error("the files of the older gateway cannot be read")]
    Source(Vec<Problem>),
    /// Our own readers refuse what would be written.
    #[error("what would be written is not valid")]
    Result(Vec<Problem>),
    /// A name of the vault that holds another secret.
    #[error("the vault holds another secret `{name}` already")]
    VaultTaken {
        /// Its name.
        name: String,
    },
    /// A value that no vault takes.
    #[error("the secret at `{key}` cannot be kept in the vault")]
    Value {
        /// Where it stands.
        key: String,
        /// Why.
        source: creel_store::secrets::BadSecret,
    },
    /// The vault.
    #[error(transparent)]
    Vault(#[from] creel_store::vault::VaultError),
    /// The state directory, or a file in it.
    #[error(transparent)]
    State(#[from] StateError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The media store is full, or the disk failed.
    #[error("could not take the media over")]
    Media(#[from] MediaError),
}

impl ImportError {
    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::NoHome | Self::OtherConfig | Self::Ourselves { .. } => Exit::Usage,
            Self::NoSource { .. } | Self::Nothing { .. } => Exit::Missing,
            Self::Source(_) | Self::Result(_) => Exit::Config,
            Self::VaultTaken { .. } | Self::Value { .. } => Exit::Refused,
            Self::Vault(_) | Self::State(_) | Self::Store(_) | Self::Media(_) => Exit::Failure,
        }
    }

    /// What to do, where that is known.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some("name the directory".to_owned()),
            Self::NoSource { others, .. } if others.is_empty() => Some("name the directory of that gateway".to_owned()),
            Self::NoSource { others, .. } => {
                let names: Vec<String> = others.iter().map(|path| format!("`{}`", path.display())).collect();
                Some(format!("an older one is there: name {}", names.join(" or ")))
            }
            Self::OtherConfig => Some("leave out `--config`".to_owned()),
            Self::Ourselves { .. } => Some("pass `--state-dir`, or name another directory".to_owned()),
            Self::Source(_) => Some("mend the file there, or import a mended copy of the directory".to_owned()),
            Self::VaultTaken { name } => Some(format!("pass `--force`, or run `creel secrets rm {name}`")),
            Self::Value { .. } => Some("mend it there, or leave out `--to-vault`".to_owned()),
            Self::State(StateError::Locked { .. }) => Some("stop the daemon first".to_owned()),
            Self::Vault(_)
            | Self::Nothing { .. }
            | Self::Result(_)
            | Self::State(_)
            | Self::Store(_)
            | Self::Media(_) => None,
        }
    }
}

/// What is to be written.
struct Plan {
    config: Option<ImportedConfig>,
    profiles: ImportedProfiles,
    files: Vec<Planned>,
}

/// A file that is to be written.
struct Planned {
    name: &'static str,
    text: Zeroizing<String>,
    action: FileAction,
    diff: String,
}

/// Runs `creel import openclaw`.
///
/// # Errors
///
/// [`CommandError`]; nothing was written then, save where the disk fails in the middle.
pub(crate) fn run(args: &ImportOpenclawArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    if places.config.is_some() {
        return Err(ImportError::OtherConfig.into());
    }
    let found = source::find(args, places, process)?;
    let plan = plan(args, &found, places, process)?;
    let media = source::media(&found, args, places)?;
    let refused = args.apply && !args.force && plan.files.iter().any(|file| file.action == FileAction::Replace);
    let conversations = match args.takes_conversations() {
        true => conversations::take(&found, None)?,
        false => ImportedConversations::default(),
    };
    let mut view = view(&found, &plan, (media, conversations), places);
    if args.apply && !refused {
        apply::apply(&plan, &found, (args, &mut view), places, process)?;
    }
    view.refused = refused;
    let style = process.style_of_stdout();
    let text = if args.json { serde_json::to_string_pretty(&view)? } else { render::import(&view, style) };
    explain::print(&text)?;
    Ok(if refused { Exit::Refused } else { Exit::Ok })
}

/// Translates everything, and holds it against what is there.
fn plan(args: &ImportOpenclawArgs, found: &Found, places: &Places, process: &Process) -> Result<Plan, CommandError> {
    let plaintext = if args.to_vault { Plaintext::ToVault } else { Plaintext::Keep };
    let mut names = VaultNames::default();
    let sources: Vec<SourceFile<'_>> = found.profiles.iter().map(source::Text::as_source).collect();
    let profiles = import_profiles(&sources, (plaintext, &mut names)).map_err(ImportError::Source)?;
    let manifests = nothing_configured(places)?.find_plugins(places, process).manifests();
    let config = found.config.as_ref().map(|text| {
        import_config(text.as_source(), &manifests, &profiles.ids, (plaintext, &mut names)).map_err(ImportError::Source)
    });
    let config = config.transpose()?;
    let wrong: Vec<Problem> =
        config.iter().flat_map(|config| config.problems.clone()).chain(profiles.problems.clone()).collect();
    if !wrong.is_empty() {
        return Err(ImportError::Result(wrong).into());
    }
    let there = state_dir(places)?;
    let texts = [(CONFIG_FILE, config.as_ref().map(|config| &config.text)), (PROFILES_FILE, profiles.text.as_ref())];
    let mut files = Vec::new();
    for (name, text) in texts {
        let Some(text) = text else { continue };
        let old = there.as_ref().map(|dir| dir.read_text(name, CONFIG_BYTES_MAX)).transpose()?.flatten();
        let action = match &old {
            None => FileAction::Create,
            Some(old) if **old == **text => FileAction::Same,
            Some(_) => FileAction::Replace,
        };
        let path = places.state_dir.join(name);
        let diff = diff::unified(&path, old.as_deref().map(String::as_str), text);
        files.push(Planned { name, text: text.clone(), action, diff });
    }
    Ok(Plan { config, profiles, files })
}

/// What plugins are there does not depend on what is imported.
fn nothing_configured(places: &Places) -> Result<Files, CommandError> {
    let state = crate::boot::open_state(places)?;
    Ok(Files {
        config: Config::default(),
        config_path: places.config_path(),
        config_sha256: None,
        profiles: Profiles::default(),
        lock: state.as_ref().map(LockFile::read).transpose()?.unwrap_or_default(),
    })
}

/// Our own state directory, to be looked at.
fn state_dir(places: &Places) -> Result<Option<OlderDir>, OlderError> {
    match OlderDir::open_ambient(&places.state_dir) {
        Ok(dir) => Ok(Some(dir)),
        Err(OlderError::Open { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn view(
    found: &Found,
    plan: &Plan,
    (media, conversations): (ImportedMedia, ImportedConversations),
    places: &Places,
) -> ImportView {
    let shown = |path: &Path| path.display().to_string();
    let of_config = plan.config.iter().flat_map(|config| &config.notes);
    let notes: Vec<Note> = of_config.chain(&plan.profiles.notes).chain(&found.notes).cloned().collect();
    let secrets = plan.config.iter().flat_map(|config| &config.secrets).chain(&plan.profiles.secrets);
    ImportView {
        source: shown(found.dir.display_path()),
        state_dir: shown(&places.state_dir),
        read: found.config.iter().chain(&found.profiles).map(|text| text.name.clone()).collect(),
        applied: false,
        refused: false,
        files: plan
            .files
            .iter()
            .map(|file| ImportedFile {
                name: shown(&places.state_dir.join(file.name)),
                action: file.action,
                backup: None,
                diff: file.diff.clone(),
            })
            .collect(),
        notes,
        secrets: secrets
            .map(|secret| ImportedSecret {
                place: secret.place.clone(),
                value: format!("[secret, {} characters]", secret.characters),
                vault: secret.vault.as_ref().map(ToString::to_string),
            })
            .collect(),
        media,
        conversations,
    }
}

/// The configuration as it will be, for those who must know where the vault's key is.
fn imported_config(plan: &Plan) -> Result<Config, ImportError> {
    match &plan.config {
        Some(config) => parse_config(CONFIG_FILE, &config.text).map_err(ImportError::Result),
        None => Ok(Config::default()),
    }
}
