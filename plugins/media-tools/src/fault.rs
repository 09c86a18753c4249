//! Why a picture cannot be made fit, in words for people. Which of the interface's four faults it is stands here too,
//! and nothing is decided here.

use std::io;

use creel_sdk::picture::{ToolError, ToolFault};

use crate::kind::Kind;

/// One exact reason.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// Its first bytes are those of no picture that is read here.
    #[error("`{content_type}` is not read here")]
    Unknown { content_type: String },
    #[error("the pixels of `{}` are not read here", kind.content_type())]
    NoDecoder { kind: Kind },
    #[error("the {} is of a sort that is not read here: {detail}", kind.name())]
    Sort { kind: Kind, detail: String },
    #[error("the {} is broken: {detail}", kind.name())]
    Broken { kind: Kind, detail: String },
    #[error("the {} is cut off", kind.name())]
    CutOff { kind: Kind },
    #[error("the picture cannot be opened ({0})")]
    Open(io::ErrorKind),
    #[error("the file has {bytes} bytes, over the input limit of {}", crate::limits::FILE_BYTES_MAX)]
    File { bytes: u64 },
    #[error("{width}x{height} pixels are over the pixel input limit of {limit} for this picture")]
    Pixels { width: u32, height: u32, limit: u64 },
    #[error("decoding it takes more memory than there is")]
    Memory,
    #[error("none of the types that are asked for ({asked}) is written here")]
    NoEncoder { asked: String },
    #[error("no picture has 0 bytes or pixels")]
    Nothing,
    #[error("at {width}x{height} it still has {bytes} bytes, over the {bytes_max} that are asked for")]
    TooManyBytes { width: u32, height: u32, bytes: u64, bytes_max: u64 },
    #[error("what was made cannot be encoded: {0}")]
    Encode(String),
    #[error("what was made cannot be written ({0})")]
    Write(io::ErrorKind),
}

impl Fault {
    pub(crate) fn broken(kind: Kind, detail: impl ToString) -> Self {
        Self::Broken { kind, detail: detail.to_string() }
    }

    fn fault(&self) -> ToolFault {
        match self {
            Self::Unknown { .. } | Self::NoDecoder { .. } | Self::Sort { .. } => ToolFault::Unsupported,
            Self::Broken { .. } | Self::CutOff { .. } | Self::Open(_) => ToolFault::Malformed,
            Self::File { .. } | Self::Pixels { .. } | Self::Memory => ToolFault::TooLarge,
            Self::NoEncoder { .. } | Self::Nothing | Self::TooManyBytes { .. } | Self::Encode(_) | Self::Write(_) => {
                ToolFault::CannotFit
            }
        }
    }
}

impl From<Fault> for ToolError {
    fn from(fault: Fault) -> Self {
        Self { fault: fault.fault(), message: fault.to_string() }
    }
}
