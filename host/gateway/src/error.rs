//! Why a command ends without doing what was asked, and with which exit code. What is said about it is in `render`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use creel_engine::EngineError;
use creel_policy::ids::PluginId;
use creel_runtime::StartError;
use creel_store::StoreError;
use creel_store::media::MediaError;
use creel_store::older::OlderError;
use creel_store::state::StateError;
use creel_store::vault::VaultError;

use crate::admin::AdminError;
use crate::agents::AgentsError;
use crate::answers::BadQuestion;
use crate::boot::BootError;
use crate::build::BuildError;
use crate::demo::DemoError;
use crate::exit::Exit;
use crate::import::ImportError;
use crate::log::LogError;
use crate::media::MediaCommandError;
use crate::places::NoPlace;
use crate::plugins::{FileRefusal, LockError};
use crate::secrets::{self, EntryError};

/// Why a command ends without doing what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// Nothing says where the state is.
    #[error(transparent)]
    Place(#[from] NoPlace),
    /// What the operator wrote cannot be used.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The daemon cannot be asked.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The log cannot be set up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A question that means nothing.
    #[error(transparent)]
    Question(#[from] BadQuestion),
    /// A medium could not be looked at.
    #[error("could not look the medium up")]
    Media(#[from] MediaError),
    /// A command about agents.
    #[error(transparent)]
    Agents(#[from] AgentsError),
    /// A command about media.
    #[error(transparent)]
    MediaCommand(#[from] MediaCommandError),
    /// WebAssembly cannot be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The host cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The address cannot be listened on.
    #[error("could not listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The administration socket cannot be made.
    #[error("could not listen on the administration socket")]
    Socket(#[source] io::Error),
    /// Signals cannot be waited for.
    #[error("could not wait for signals")]
    Signals(#[source] io::Error),
    /// It was told twice to stop.
    #[error("stopped at once; what was under way is taken up at the next start")]
    StoppedAtOnce,
    /// No runtime.
    #[error("could not start the threads of the program")]
    Runtime(#[source] io::Error),
    /// Plugins cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A component cannot be used.
    #[error(transparent)]
    Component(#[from] FileRefusal),
    /// No such plugin.
    #[error("no plugin `{id}` was found")]
    NoPlugin {
        /// Which.
        id: PluginId,
        /// Where was looked.
        searched: Vec<PathBuf>,
    },
    /// A plugin must not be approved.
    #[error("plugin id `{id}` could be taken for `{of}`")]
    LookAlike {
        /// Which.
        id: PluginId,
        /// The one that was there before.
        of: PluginId,
    },
    /// There is nobody to tell.
    #[error("no daemon is running in `{}`", state_dir.display())]
    NoDaemon {
        /// The state directory.
        state_dir: PathBuf,
    },
    /// Nobody can be asked.
    #[error("approving a plugin needs a yes, and there is nobody to ask")]
    NobodyToAsk,
    /// The lock file cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The vault cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// There is no value to put into it.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// No such secret.
    #[error("there is no secret `{name}` in the vault")]
    NoSecret {
        /// Which.
        name: String,
    },
    /// The current directory is gone.
    #[error("the current directory is gone")]
    NoCurrentDirectory,
    /// An answer of the daemon, or one of our own, cannot be read.
    #[error("the answer could not be read")]
    Answer(#[from] serde_json::Error),
    /// Nobody takes the output.
    #[error("could not write the output")]
    Output(#[source] io::Error),
    /// What is only read cannot be.
    #[error(transparent)]
    Older(#[from] OlderError),
    /// Another gateway's state cannot be taken over.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The demo failed.
    #[error(transparent)]
    Demo(#[from] DemoError),
}

impl CommandError {
    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Place(_) | Self::NobodyToAsk | Self::Question(_) => Exit::Usage,
            Self::Boot(error) => of_boot(error),
            Self::Import(error) => error.exit(),
            Self::Lock(error) => of_lock(error),
            Self::Component(FileRefusal::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Exit::Missing
            }
            Self::NoPlugin { .. } | Self::NoDaemon { .. } | Self::NoSecret { .. } => Exit::Missing,
            Self::Vault(error) => secrets::vault::exit(error),
            Self::Entry(error) => secrets::vault::exit_of_entry(error),
            Self::Agents(error) => error.exit(),
            Self::MediaCommand(error) => error.exit(),
            Self::LookAlike { .. } => Exit::Refused,
            Self::Older(_)
            | Self::Admin(_)
            | Self::Log(_)
            | Self::Store(_)
            | Self::Media(_)
            | Self::Engine(_)
            | Self::Start(_)
            | Self::Listen { .. }
            | Self::Socket(_)
            | Self::Signals(_)
            | Self::StoppedAtOnce
            | Self::Runtime(_)
            | Self::Build(_)
            | Self::Component(_)
            | Self::NoCurrentDirectory
            | Self::Answer(_)
            | Self::Output(_)
            | Self::Demo(_) => Exit::Failure,
        }
    }
}

fn of_boot(error: &BootError) -> Exit {
    match error {
        BootError::State(error) => of_state(error),
        BootError::NoState { .. } => Exit::Missing,
        BootError::NoConfig { .. } | BootError::ReadConfig { .. } | BootError::Config(_) | BootError::Profiles(_) => {
            Exit::Config
        }
        BootError::Lock(error) => of_lock(error),
        BootError::Random(_) => Exit::Failure,
    }
}

fn of_lock(error: &LockError) -> Exit {
    match error {
        LockError::State(error) => of_state(error),
        LockError::Invalid(_) => Exit::Config,
        LockError::Format(_) => Exit::Failure,
    }
}

/// A file of the state that the operator has to mend is like a configuration that is not valid.
pub(crate) fn of_state(error: &StateError) -> Exit {
    match error {
        StateError::Symlink { .. }
        | StateError::WrongKind { .. }
        | StateError::Exposed { .. }
        | StateError::TooLarge { .. }
        | StateError::NotText { .. }
        | StateError::NotAKey { .. } => Exit::Config,
        StateError::Open { .. }
        | StateError::ForeignOwner { .. }
        | StateError::WritableByOthers { .. }
        | StateError::BadName { .. }
        | StateError::Locked { .. }
        | StateError::Io { .. } => Exit::Failure,
    }
}
