//! What a probe of a credential found, in one word. Asking is the runtime's; here an answer is only judged.

use crate::credential::Use;
use crate::fallback::CallFault;

/// What a probe found, in the words that the users of the older gateway know, and one for providers that are asked
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeStatus {
    /// The credential was taken, and the model is there.
    Ok,
    /// The credential was not taken, or may not do this.
    Auth,
    /// Too many requests for now, or too busy a provider.
    RateLimit,
    /// The account is out of money or quota.
    Billing,
    /// Nobody answered, or not in time.
    Timeout,
    /// The provider does not understand what would be sent, or Creel not what it answers.
    Format,
    /// Anything else.
    Unknown,
    /// The credential was taken, and there is no such model.
    NoModel,
    /// The plugin sends nothing to anybody.
    #[serde(rename = "not-needed")]
    NotNeeded,
}

impl ProbeStatus {
    /// Whether a call would go through as far as the probe can tell.
    #[must_use]
    pub fn is_good(self) -> bool {
        match self {
            Self::Ok | Self::NotNeeded => true,
            Self::Auth
            | Self::RateLimit
            | Self::Billing
            | Self::Timeout
            | Self::Format
            | Self::Unknown
            | Self::NoModel => false,
        }
    }
}

impl From<CallFault> for ProbeStatus {
    fn from(fault: CallFault) -> Self {
        match fault {
            CallFault::Authentication
            | CallFault::CredentialInvalid
            | CallFault::Permission
            | CallFault::CredentialMissing => Self::Auth,
            CallFault::Billing => Self::Billing,
            CallFault::RateLimited | CallFault::Overloaded => Self::RateLimit,
            CallFault::TimedOut | CallFault::Unreachable => Self::Timeout,
            CallFault::UnknownModel => Self::NoModel,
            CallFault::InvalidRequest
            | CallFault::ContextTooLong
            | CallFault::UnsupportedInput
            | CallFault::MalformedResponse => Self::Format,
            CallFault::ContentRefused
            | CallFault::Refused
            | CallFault::PluginFault
            | CallFault::Outrun
            | CallFault::Other => Self::Unknown,
        }
    }
}

/// A model of a provider's list, as far as it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    /// Its name, and every other under which it can be asked for.
    pub names: Vec<String>,
    /// Whether it takes pictures; `None`: the provider does not say.
    pub accepts_images: Option<bool>,
}

/// Judges the models of one use against the list that the provider gave for its credential.
#[must_use]
pub fn judge_listed(use_: Use, models: &[&str], listed: &[ListedModel]) -> (ProbeStatus, String) {
    let find = |model: &str| listed.iter().find(|one| one.names.iter().any(|name| name == model));
    let quoted = |models: &[&str]| format!("`{}`", models.join("`, `"));
    let absent: Vec<&str> = models.iter().copied().filter(|model| find(model).is_none()).collect();
    if !absent.is_empty() {
        return (
            ProbeStatus::NoModel,
            format!("the credential is taken, but the provider does not list {}", quoted(&absent)),
        );
    }
    let is_blind = |model: &&str| find(model).is_some_and(|one| one.accepts_images == Some(false));
    let blind: Vec<&str> = models.iter().copied().filter(is_blind).collect();
    if use_ == Use::Image && !blind.is_empty() {
        return (ProbeStatus::Format, format!("the provider says that no pictures are taken by {}", quoted(&blind)));
    }
    (ProbeStatus::Ok, format!("the provider lists {}", quoted(models)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(use_: Use, models: &[&str], status: ProbeStatus, message: &str) {
        let listed = |names: &[&str], accepts_images| ListedModel {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            accepts_images,
        };
        let all = [
            listed(&["claude-haiku-4-5-20251001", "claude-haiku-4-5"], Some(true)),
            listed(&["words"], Some(false)),
            listed(&["silent"], None),
        ];
        assert_eq!(judge_listed(use_, models, &all), (status, message.to_owned()));
    }

    #[test]
    fn every_model_of_a_use_must_be_listed() {
        check(Use::Chat, &["claude-haiku-4-5"], ProbeStatus::Ok, "the provider lists `claude-haiku-4-5`");
        check(Use::Chat, &["words", "silent"], ProbeStatus::Ok, "the provider lists `words`, `silent`");
        let absent = "the credential is taken, but the provider does not list `claude-haiku-4`";
        check(Use::Chat, &["words", "claude-haiku-4"], ProbeStatus::NoModel, absent);
    }

    #[test]
    fn who_takes_pictures_must_not_be_said_to_take_none() {
        check(Use::Chat, &["words"], ProbeStatus::Ok, "the provider lists `words`");
        check(Use::Image, &["silent"], ProbeStatus::Ok, "the provider lists `silent`");
        let blind = "the provider says that no pictures are taken by `words`";
        check(Use::Image, &["claude-haiku-4-5", "words"], ProbeStatus::Format, blind);
    }

    #[test]
    fn a_failure_is_one_word() {
        let check = |fault: CallFault, status, word: &str| {
            assert_eq!(ProbeStatus::from(fault), status);
            assert_eq!(serde_json::to_value(status).ok(), Some(serde_json::json!(word)));
            assert!(!status.is_good());
        };
        check(CallFault::Permission, ProbeStatus::Auth, "auth");
        check(CallFault::Overloaded, ProbeStatus::RateLimit, "rate_limit");
        check(CallFault::Billing, ProbeStatus::Billing, "billing");
        check(CallFault::Unreachable, ProbeStatus::Timeout, "timeout");
        check(CallFault::UnknownModel, ProbeStatus::NoModel, "no_model");
        check(CallFault::MalformedResponse, ProbeStatus::Format, "format");
        check(CallFault::PluginFault, ProbeStatus::Unknown, "unknown");
        assert_eq!(serde_json::to_value(ProbeStatus::NotNeeded).ok(), Some(serde_json::json!("not-needed")));
        assert!(ProbeStatus::NotNeeded.is_good());
    }
}
