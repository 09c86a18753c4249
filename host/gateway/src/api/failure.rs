//! What a client is told when nobody answered it, by whose fault that was. The words are the runtime's.

use creel_dialects::{ApiError, ErrorKind};
use creel_policy::agent::{AgentRefusal, no_such_model};
use creel_policy::fallback::CallFault;
use creel_policy::media::{MediaRefusal, MediaRefusalCode};
use creel_policy::route::NameRefusal;
use creel_runtime::Unanswered;

/// Nobody answered.
pub(super) fn unanswered(unanswered: &Unanswered) -> ApiError {
    let kind = unanswered.fault.map_or(ErrorKind::Unavailable, kind_of);
    let retry_after_seconds = unanswered.retry_after_ms.map(|milliseconds| milliseconds.div_ceil(1_000));
    ApiError { retry_after_seconds, ..ApiError::new(kind, unanswered.for_client.clone()) }
}

fn kind_of(fault: CallFault) -> ErrorKind {
    match fault {
        CallFault::Authentication
        | CallFault::CredentialInvalid
        | CallFault::Permission
        | CallFault::Billing
        | CallFault::CredentialMissing => ErrorKind::UpstreamCredentials,
        CallFault::RateLimited => ErrorKind::RateLimited,
        CallFault::Overloaded => ErrorKind::Overloaded,
        CallFault::TimedOut => ErrorKind::TimedOut,
        CallFault::InvalidRequest => ErrorKind::InvalidRequest,
        CallFault::ContextTooLong => ErrorKind::ContextTooLong,
        CallFault::UnsupportedInput => ErrorKind::Unsupported,
        CallFault::UnknownModel => ErrorKind::UnknownModel,
        CallFault::ContentRefused => ErrorKind::ContentRefused,
        CallFault::MalformedResponse
        | CallFault::Unreachable
        | CallFault::Refused
        | CallFault::Outrun
        | CallFault::Other => ErrorKind::UpstreamFailed,
        CallFault::PluginFault => ErrorKind::Internal,
    }
}

/// The name means no model. What the operator lists is not the client's to know.
pub(super) fn unnamed(name: &str, refusal: &NameRefusal) -> ApiError {
    let message = match refusal {
        NameRefusal::Unknown { .. } | NameRefusal::NotListed { .. } => no_such_model(name),
        NameRefusal::Ambiguous { .. } => refusal.to_string(),
    };
    ApiError::new(ErrorKind::UnknownModel, message).about("model")
}

/// The grant of the caller does not let it.
pub(super) fn not_admitted(refusal: &AgentRefusal) -> ApiError {
    let (kind, code) = match refusal {
        AgentRefusal::Expired { .. } => (ErrorKind::WrongToken, None),
        AgentRefusal::Model { .. } => (ErrorKind::UnknownModel, None),
        AgentRefusal::Need { .. } => (ErrorKind::Forbidden, Some("need_not_granted")),
        AgentRefusal::NoPrice { .. } => (ErrorKind::Forbidden, Some("no_price")),
        AgentRefusal::TooLarge { .. } => (ErrorKind::OverBudget, Some("request_exceeds_limit")),
        AgentRefusal::Spent { .. } => (ErrorKind::OverBudget, Some("limit_reached")),
        AgentRefusal::Unrecorded { .. } => (ErrorKind::Unavailable, None),
    };
    let retry_after_seconds = refusal.retry_after_ms().map(|milliseconds| milliseconds.div_ceil(1_000));
    ApiError { code, retry_after_seconds, ..ApiError::new(kind, refusal.to_string()) }
}

/// A medium is not given.
pub(super) fn no_medium(refusal: &MediaRefusal, param: &str) -> ApiError {
    let kind = match refusal.code {
        MediaRefusalCode::NotFound | MediaRefusalCode::Expired => ErrorKind::NotFound,
        MediaRefusalCode::TooLarge => ErrorKind::TooLarge,
        MediaRefusalCode::PathNotAllowed
        | MediaRefusalCode::InvalidPath
        | MediaRefusalCode::NotFile
        | MediaRefusalCode::InvalidFileUrl
        | MediaRefusalCode::NetworkPathNotAllowed
        | MediaRefusalCode::UnsupportedScheme
        | MediaRefusalCode::WrongType
        | MediaRefusalCode::UrlNotAllowed
        | MediaRefusalCode::NotFetched => ErrorKind::InvalidRequest,
    };
    ApiError::new(kind, refusal.to_string()).about(param)
}

/// There is no such model, or this token does not open it: the same words.
pub(super) fn no_model(name: &str) -> ApiError {
    ApiError::new(ErrorKind::UnknownModel, no_such_model(name)).about("model")
}
