//! What to do after a model call failed: another try, another profile, another model, or an end; and which model of a
//! chain is next. Waiting and calling are the caller's.

mod walk;

use crate::limits::{MODEL_TRIES_MAX, RETRY_AFTER_MS_MAX};

pub use walk::{Standing, Turn, Walk};

/// Why a model call failed, in the words of `wit/creel.wit`, and some that only the host knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallFault {
    /// The credential was not accepted.
    Authentication,
    /// The credential will never be accepted: it is invalid, revoked or switched off.
    CredentialInvalid,
    /// The credential may not do this.
    Permission,
    /// The account is out of money or quota.
    Billing,
    /// Too many requests for now.
    RateLimited,
    /// The provider is too busy.
    Overloaded,
    /// Nothing came for too long.
    TimedOut,
    /// The provider does not understand the request.
    InvalidRequest,
    /// The conversation does not fit the model.
    ContextTooLong,
    /// The model does not take this kind of input.
    UnsupportedInput,
    /// The provider has no such model.
    UnknownModel,
    /// The provider will not answer this.
    ContentRefused,
    /// The provider's answer is not what it should be.
    MalformedResponse,
    /// The provider cannot be reached.
    Unreachable,
    /// The host refused what the plugin wanted to do.
    Refused,
    /// No usable credential was found.
    CredentialMissing,
    /// The plugin trapped, ran too long or took too much.
    PluginFault,
    /// Another model, asked beside it, answered first.
    Outrun,
    /// Anything else.
    Other,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same model again after so many milliseconds, with the same credential.
    Retry {
        /// Milliseconds.
        after_ms: u64,
    },
    /// The same model after so many milliseconds, with the next profile of the declared set.
    NextProfile {
        /// Milliseconds.
        after_ms: u64,
    },
    /// The next model of the chain, if there is one.
    NextModel,
    /// No other model would do better: tell the user.
    Stop,
}

impl Next {
    /// The name used in logs and in what is recorded.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::NextProfile { .. } => "next-profile",
            Self::NextModel => "next-model",
            Self::Stop => "stop",
        }
    }
}

/// A try that failed.
#[derive(Clone, Copy, Debug)]
pub struct FailedTry {
    /// What went wrong.
    pub fault: CallFault,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// How long the server wants to be left alone.
    pub retry_after_ms: Option<u64>,
    /// Tries of this model with this credential, this one included.
    pub tries: u32,
    /// It was to find out whether a cooldown is over already.
    pub is_probe: bool,
    /// Milliseconds before another profile may take over; `None`: none may, or there is none.
    pub rotation_ms: Option<u64>,
    /// Random bits, so that many who failed at once do not come back at once.
    pub chance: u64,
}

impl CallFault {
    /// Whether the same call may succeed a little later without anybody doing anything.
    #[must_use]
    pub fn is_passing(self) -> bool {
        match self {
            Self::RateLimited | Self::Overloaded | Self::TimedOut | Self::Unreachable | Self::MalformedResponse => true,
            Self::Authentication
            | Self::CredentialInvalid
            | Self::Permission
            | Self::Billing
            | Self::InvalidRequest
            | Self::ContextTooLong
            | Self::UnsupportedInput
            | Self::UnknownModel
            | Self::ContentRefused
            | Self::Refused
            | Self::CredentialMissing
            | Self::PluginFault
            | Self::Outrun
            | Self::Other => false,
        }
    }

    /// Whether it is the credential that was not good enough: who mends it needs to know which one that was.
    #[must_use]
    pub fn is_about_credential(self) -> bool {
        match self {
            Self::Authentication
            | Self::CredentialInvalid
            | Self::Permission
            | Self::Billing
            | Self::CredentialMissing => true,
            Self::RateLimited
            | Self::Overloaded
            | Self::TimedOut
            | Self::InvalidRequest
            | Self::ContextTooLong
            | Self::UnsupportedInput
            | Self::UnknownModel
            | Self::ContentRefused
            | Self::MalformedResponse
            | Self::Unreachable
            | Self::Refused
            | Self::PluginFault
            | Self::Outrun
            | Self::Other => false,
        }
    }

    /// The name used in logs, metrics and `--json`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::CredentialInvalid => "credential-invalid",
            Self::Permission => "permission",
            Self::Billing => "billing",
            Self::RateLimited => "rate-limited",
            Self::Overloaded => "overloaded",
            Self::TimedOut => "timed-out",
            Self::InvalidRequest => "invalid-request",
            Self::ContextTooLong => "context-too-long",
            Self::UnsupportedInput => "unsupported-input",
            Self::UnknownModel => "unknown-model",
            Self::ContentRefused => "content-refused",
            Self::MalformedResponse => "malformed-response",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::CredentialMissing => "credential-missing",
            Self::PluginFault => "plugin-fault",
            Self::Outrun => "outrun",
            Self::Other => "other",
        }
    }
}

/// Decides what follows a failed try.
///
/// A refusal of the content is final: asking a second provider what the first would not answer is not the host's to
/// do. Another profile of the declared set comes before a wait, and a wait before another model. Every other failure
/// moves on along the declared chain, and never beyond it. A probe is one try.
#[must_use]
pub fn after(failed: &FailedTry) -> Next {
    let FailedTry { fault, tries, .. } = *failed;
    if fault == CallFault::ContentRefused {
        return Next::Stop;
    }
    if failed.is_probe {
        return Next::NextModel;
    }
    if let Some(after_ms) = failed.rotation_ms {
        return Next::NextProfile { after_ms };
    }
    // A 5xx without a word of why is the server's own failure, which often passes.
    let is_server = fault == CallFault::Other && failed.status.is_some_and(|status| (500..600).contains(&status));
    let wait_ms = failed.retry_after_ms.unwrap_or_else(|| backoff_ms(tries, failed.chance));
    if (fault.is_passing() || is_server) && tries < MODEL_TRIES_MAX && wait_ms <= RETRY_AFTER_MS_MAX {
        return Next::Retry { after_ms: wait_ms };
    }
    Next::NextModel
}

/// The pause before another try where the server names none: it doubles, and up to a quarter of it is left away by
/// chance.
fn backoff_ms(tries: u32, chance: u64) -> u64 {
    let whole = 500_u64.saturating_mul(1 << tries.min(6));
    whole - chance % (whole / 4 + 1)
}

#[cfg(test)]
mod tests;
