//! What to do after a model call failed: another try, another model, or an end. Decides from the kind of failure
//! alone; how long to wait is the caller's.

use crate::limits::{MODEL_TRIES_MAX, RETRY_AFTER_MS_MAX};

/// Why a model call failed, in the words of `wit/creel.wit`, and two that only the host knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallFault {
    /// The credential was not accepted.
    Authentication,
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
    /// Anything else.
    Other,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same model again after so many milliseconds.
    Retry {
        /// Milliseconds.
        after_ms: u64,
    },
    /// The next model of the chain, if there is one.
    NextModel,
    /// No other model would do better: tell the user.
    Stop,
}

impl CallFault {
    /// Whether the same call may succeed a little later without anybody doing anything.
    #[must_use]
    pub fn is_passing(self) -> bool {
        match self {
            Self::RateLimited | Self::Overloaded | Self::TimedOut | Self::Unreachable | Self::MalformedResponse => true,
            Self::Authentication
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
            | Self::Other => false,
        }
    }

    /// Whether it is the credential that was not good enough: who mends it needs to know which one that was.
    #[must_use]
    pub fn is_about_credential(self) -> bool {
        match self {
            Self::Authentication | Self::Permission | Self::Billing | Self::CredentialMissing => true,
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
            | Self::Other => false,
        }
    }

    /// The name used in logs, metrics and `--json`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
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
            Self::Other => "other",
        }
    }
}

/// Decides what follows the `tries`-th failed try of one model.
///
/// A refusal of the content is final: asking a second provider what the first would not answer is not the host's to
/// do. Every other failure moves on along the declared chain, and never beyond it.
#[must_use]
pub fn after(fault: CallFault, tries: u32, retry_after_ms: Option<u64>) -> Next {
    if fault == CallFault::ContentRefused {
        return Next::Stop;
    }
    let wait_ms = retry_after_ms.unwrap_or_else(|| 500_u64.saturating_mul(1 << tries.min(6)));
    if fault.is_passing() && tries < MODEL_TRIES_MAX && wait_ms <= RETRY_AFTER_MS_MAX {
        return Next::Retry { after_ms: wait_ms };
    }
    Next::NextModel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passing_failure_is_tried_again_and_then_moves_on() {
        assert_eq!(after(CallFault::Overloaded, 1, None), Next::Retry { after_ms: 1_000 });
        assert_eq!(after(CallFault::RateLimited, 1, Some(2_000)), Next::Retry { after_ms: 2_000 });
        assert_eq!(after(CallFault::RateLimited, 1, Some(RETRY_AFTER_MS_MAX + 1)), Next::NextModel);
        assert_eq!(after(CallFault::Overloaded, MODEL_TRIES_MAX, None), Next::NextModel);
    }

    #[test]
    fn what_another_try_cannot_mend_moves_on_at_once() {
        // H1: a 401 with a fallback configured uses the fallback.
        for fault in
            [CallFault::Authentication, CallFault::Billing, CallFault::UnknownModel, CallFault::CredentialMissing]
        {
            assert_eq!(after(fault, 1, None), Next::NextModel);
        }
        assert_eq!(after(CallFault::ContentRefused, 1, None), Next::Stop);
    }
}
