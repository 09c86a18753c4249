//! What ends a call that the host stopped, as data: the plugin's name, what it did and the bound it passed.

use creel_policy::ids::PluginId;

/// A call that the host ended because of what the plugin did. The plugin's other calls, and other plugins, go on.
#[derive(Clone, Debug, thiserror::Error)]
#[error("plugin `{plugin}` {kind}")]
pub struct Fault {
    /// Whose call it was.
    pub plugin: PluginId,
    /// What it did.
    pub kind: FaultKind,
}

/// What a plugin did to have its call ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// It trapped; the text is its panic message where it printed one.
    #[error("trapped: {message}")]
    Trapped {
        /// The last line it wrote to standard error, else wasmtime's name of the trap.
        message: String,
    },
    /// It did not come back in time.
    #[error("was stopped after {milliseconds} ms inside one call")]
    Deadline {
        /// The bound.
        milliseconds: u64,
    },
    /// It wanted more linear memory than a call may have.
    #[error("was stopped: it asked for more than {bytes_max} bytes of memory")]
    Memory {
        /// The bound over all memories of the call.
        bytes_max: usize,
    },
    /// It wanted larger tables than a call may have.
    #[error("was stopped: it asked for more than {elements_max} table elements")]
    Table {
        /// The bound over all tables of the call.
        elements_max: usize,
    },
    /// It handed over more than a step may hold.
    #[error("was stopped: {what} is larger than {max}")]
    Oversize {
        /// What was too large.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// It wrote more to `/out` than a call may write.
    #[error("was stopped: it wrote more than {max} bytes to `/out`")]
    OutBytes {
        /// The bound.
        max: u64,
    },
    /// It made more files in `/out` than a call may make.
    #[error("was stopped: it made more than {max} files in `/out`")]
    OutFiles {
        /// The bound.
        max: usize,
    },
    /// What it left in `/out`, or says that it left there, cannot be stored.
    #[error("gave `/out/{name}`, which cannot become a medium: {rule}")]
    OutFile {
        /// The name of the file.
        name: String,
        /// Why not.
        rule: String,
    },
    /// It gave more commands than a call may give.
    #[error("was stopped: it gave more than {max} commands in one call")]
    Commands {
        /// The bound.
        max: usize,
    },
    /// It broke the protocol of `wit/creel.wit`.
    #[error("broke the protocol: {rule}")]
    Protocol {
        /// The rule that it broke.
        rule: &'static str,
    },
    /// It waits for nothing and is not done, so that it could never go on.
    #[error("is stuck: it neither finished nor left a command under way")]
    Stuck,
    /// No room for another instance: the host is at its bound of live calls.
    #[error("could not be started: {detail}")]
    NoRoom {
        /// What is used up.
        detail: String,
    },
}

impl FaultKind {
    /// A stable name for logs, metrics and `--json`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Trapped { .. } => "trapped",
            Self::Deadline { .. } => "deadline",
            Self::Memory { .. } => "memory",
            Self::Table { .. } => "table",
            Self::Oversize { .. } => "oversize",
            Self::OutBytes { .. } => "out-bytes",
            Self::OutFiles { .. } => "out-files",
            Self::OutFile { .. } => "out-file",
            Self::Commands { .. } => "commands",
            Self::Protocol { .. } => "protocol",
            Self::Stuck => "stuck",
            Self::NoRoom { .. } => "no-room",
        }
    }
}
