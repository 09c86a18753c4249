//! What can go wrong below a plugin, and how it reads to the host. What a provider's own error means is decided by
//! the plugin that speaks its dialect.

use std::error::Error;
use std::fmt;

use crate::bindings::channel::exports::creel::plugin::channel::{ChannelError, Fault as ChannelFault};
use crate::bindings::words::creel::plugin::io::IoError;
use crate::bindings::words::creel::plugin::types::{CallError, Fault as CallFault};
use crate::body::BodyError;
use crate::context::SettingsError;
use crate::ndjson::NdjsonError;
use crate::sse::SseError;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The host says so.
    #[error(transparent)]
    Io(#[from] IoError),
    /// It is larger than the plugin takes.
    #[error("the response is larger than {bytes_max} bytes")]
    TooLarge {
        /// The most that was asked for.
        bytes_max: usize,
    },
    /// It is not the JSON that was expected.
    #[error("the response is not the JSON that was expected: {0}")]
    Json(serde_json::Error),
    /// It is not an event stream.
    #[error("the event stream is malformed: {0}")]
    Sse(#[from] SseError),
    /// It is not NDJSON.
    #[error("the line stream is malformed: {0}")]
    Ndjson(#[from] NdjsonError),
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused((_, reason)) => write!(f, "the host refused: {reason}"),
            Self::Unreachable(reason) => write!(f, "no connection: {reason}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::CutOff(reason) => write!(f, "the response was cut off: {reason}"),
            Self::Status(status) => write!(f, "the answer was status {status}"),
        }
    }
}

impl Error for IoError {}

impl CallError {
    /// An error without a code of the provider's.
    #[must_use]
    pub fn new(fault: CallFault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), provider_code: None, status: None, retry_after_ms: None }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CallError {}

impl From<IoError> for CallError {
    fn from(error: IoError) -> Self {
        let message = error.to_string();
        match error {
            IoError::Refused(_) => Self::new(CallFault::Refused, message),
            IoError::Unreachable(_) | IoError::CutOff(_) => Self::new(CallFault::Unreachable, message),
            IoError::TimedOut => Self::new(CallFault::TimedOut, message),
            IoError::Status(status) => Self { status: Some(status), ..Self::new(CallFault::Other, message) },
        }
    }
}

impl From<ReadError> for CallError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => error.into(),
            ReadError::TooLarge { .. } | ReadError::Json(_) | ReadError::Sse(_) | ReadError::Ndjson(_) => {
                Self::new(CallFault::MalformedResponse, error.to_string())
            }
        }
    }
}

impl From<BodyError> for CallError {
    fn from(error: BodyError) -> Self {
        Self::new(CallFault::InvalidRequest, error.to_string())
    }
}

impl From<SettingsError> for CallError {
    fn from(error: SettingsError) -> Self {
        Self::new(CallFault::InvalidRequest, error.to_string())
    }
}

impl ChannelError {
    /// An error that says nothing about when to try again.
    #[must_use]
    pub fn new(fault: ChannelFault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), retry_after_ms: None }
    }
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ChannelError {}

impl From<IoError> for ChannelError {
    fn from(error: IoError) -> Self {
        let message = error.to_string();
        match error {
            IoError::Refused(_) => Self::new(ChannelFault::Refused, message),
            IoError::Unreachable(_) | IoError::CutOff(_) | IoError::TimedOut => {
                Self::new(ChannelFault::Unreachable, message)
            }
            IoError::Status(status) => Self::new(fault_of_status(status), message),
        }
    }
}

impl From<ReadError> for ChannelError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => error.into(),
            ReadError::TooLarge { .. } | ReadError::Json(_) | ReadError::Sse(_) | ReadError::Ndjson(_) => {
                Self::new(ChannelFault::MalformedResponse, error.to_string())
            }
        }
    }
}

impl From<BodyError> for ChannelError {
    fn from(error: BodyError) -> Self {
        Self::new(ChannelFault::Other, error.to_string())
    }
}

impl From<SettingsError> for ChannelError {
    fn from(error: SettingsError) -> Self {
        Self::new(ChannelFault::Other, error.to_string())
    }
}

fn fault_of_status(status: u16) -> ChannelFault {
    match status {
        401 | 403 => ChannelFault::Authentication,
        404 | 410 => ChannelFault::Gone,
        429 => ChannelFault::RateLimited,
        408 | 500..=599 => ChannelFault::Unreachable,
        _ => ChannelFault::Other,
    }
}
