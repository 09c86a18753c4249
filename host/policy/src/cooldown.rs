//! What a failure does to the credential that was sent, and when it may be sent again. The newest behaviour of the
//! older gateway holds where its versions differ. Says nothing about which credential is chosen, nor where this is
//! kept.
//!
//! | what failed | what rests | how long, the first time | at most |
//! | --- | --- | --- | --- |
//! | rate limit, overloaded | the credential for this model; for all once a second model fails | what the server says, else 30 s | 24 h |
//! | authentication, permission | the credential | 30 s | 24 h |
//! | credential invalid | the credential | `authPermanentBackoffMinutes` (10) | `authPermanentMaxMinutes` (60) |
//! | billing | the credential | `billingBackoffHours` (10 min where it is not set) | `billingMaxHours` (24) |
//! | all else | nothing: a timeout, a malformed request or a missing model say nothing about a credential | | |
//!
//! Each further failure within a window counts, and a try of the same model extends nothing, or the first of many could
//! go on for ever. Where it widens to another model the end is reckoned anew, doubled by the count; where the server
//! names a later end, that holds. A window that has expired is forgotten, and so is a count after `failureWindowHours`.

mod ledger;
mod record;
mod terms;

use std::fmt;

use crate::fallback::CallFault;
use crate::ids::ModelRef;
use crate::moment::{rfc3339, span};

pub use ledger::{Health, Key, Ledger};
pub use record::{Failure, Record};
pub use terms::Terms;

/// Why a credential rests, in the words of the older gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It was not accepted, or may not do this.
    Auth,
    /// It will never be accepted again.
    AuthPermanent,
    /// The account is out of money or quota.
    Billing,
    /// Too many requests.
    RateLimit,
    /// The provider is too busy.
    Overloaded,
}

impl Why {
    /// Why a credential rests after a failure; `None`: it does not.
    #[must_use]
    pub fn of(fault: CallFault) -> Option<Self> {
        match fault {
            CallFault::Authentication | CallFault::Permission => Some(Self::Auth),
            CallFault::CredentialInvalid => Some(Self::AuthPermanent),
            CallFault::Billing => Some(Self::Billing),
            CallFault::RateLimited => Some(Self::RateLimit),
            CallFault::Overloaded => Some(Self::Overloaded),
            // F14: what has no detail says nothing about the credential, and neither do these.
            CallFault::TimedOut
            | CallFault::InvalidRequest
            | CallFault::ContextTooLong
            | CallFault::UnsupportedInput
            | CallFault::UnknownModel
            | CallFault::ContentRefused
            | CallFault::MalformedResponse
            | CallFault::Unreachable
            | CallFault::Refused
            | CallFault::CredentialMissing
            | CallFault::PluginFault
            | CallFault::Outrun
            | CallFault::Other => None,
        }
    }

    /// The failure that it stands for when a call is not made.
    #[must_use]
    pub fn fault(self) -> CallFault {
        match self {
            Self::Auth => CallFault::Authentication,
            Self::AuthPermanent => CallFault::CredentialInvalid,
            Self::Billing => CallFault::Billing,
            Self::RateLimit => CallFault::RateLimited,
            Self::Overloaded => CallFault::Overloaded,
        }
    }

    /// The name in `--json` and in what is kept.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthPermanent => "auth_permanent",
            Self::Billing => "billing",
            Self::RateLimit => "rate_limit",
            Self::Overloaded => "overloaded",
        }
    }

    /// Whether one call may find out that it is over already (H12, H14): a limit and a load pass by themselves, a key
    /// and an account do not.
    #[must_use]
    pub fn may_be_probed(self) -> bool {
        matches!(self, Self::RateLimit | Self::Overloaded)
    }

    /// Whether only the operator can mend it.
    fn disables(self) -> bool {
        matches!(self, Self::AuthPermanent | Self::Billing)
    }

    /// Whether it may be so for one model and not for others.
    fn is_of_a_model(self) -> bool {
        matches!(self, Self::RateLimit | Self::Overloaded)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Auth => "not accepted",
            Self::AuthPermanent => "invalid or revoked",
            Self::Billing => "billing",
            Self::RateLimit => "rate limit",
            Self::Overloaded => "overloaded",
        }
    }
}

/// That a credential is not sent for now.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rest {
    /// Until when, in milliseconds since 1970.
    pub until_ms: u64,
    /// Why.
    pub why: Why,
    /// The one model that it is for; `None`: all of the provider.
    pub model: Option<ModelRef>,
}

impl Rest {
    /// `[cooldown 4m]` or `[disabled:billing 5h]`, as `models status` shows it.
    #[must_use]
    pub fn suffix(&self, now_ms: u64) -> String {
        let left = span(self.until_ms.saturating_sub(now_ms));
        if self.why.disables() {
            format!("[disabled:{} {left}]", self.why.code())
        } else {
            format!("[cooldown {left}]")
        }
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cooling until {}: {}", rfc3339(self.until_ms), self.why.words())?;
        self.model.as_ref().map_or(Ok(()), |model| write!(f, ", of `{model}` alone"))
    }
}

#[cfg(test)]
mod tests;
