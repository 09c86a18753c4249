//! What a provider's failure means as far as all dialects agree: status, code and words in, a fault out. What only one
//! provider says is known to its plugin, which asks here for the rest. Nothing is read and nothing is decided about
//! what follows.

use crate::provider::Fault;
use crate::retry::retry_after_in_words;

/// What is known of a failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs<'a> {
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// The provider's own code or type, e.g. `insufficient_quota`; empty where there is none. A number counts as a
    /// status where there is none.
    pub code: &'a str,
    /// The provider's words, or the whole body.
    pub message: &'a str,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// `None`: the signs say nothing that all dialects share, e.g. a bare 500.
    pub fault: Option<Fault>,
    /// The status that came, or that stands in the code or the words. Never one that was made up.
    pub status: Option<u16>,
    /// How long to leave the provider alone, where its words say so.
    pub retry_after_ms: Option<u64>,
}

/// Says what a failure means. The most specific sign decides: a code or words about money, keys and limits before
/// the status, and the status before words about the network.
#[must_use]
pub fn classify(signs: Signs<'_>) -> Meaning {
    let text = format!("{} {}", signs.code, signs.message).to_ascii_lowercase();
    let status = signs.status.or_else(|| stated_status(signs.code, &text));
    let words = Words(&text);
    let fault = by_words(status, words).or_else(|| by_status(status)).or_else(|| by_network(words));
    let passes = matches!(fault, Some(Fault::RateLimited | Fault::Overloaded));
    let retry_after_ms = if passes { retry_after_in_words(signs.message) } else { None };
    Meaning { fault, status, retry_after_ms }
}

#[derive(Clone, Copy)]
struct Words<'a>(&'a str);

impl Words<'_> {
    fn any(self, words: &[&str]) -> bool {
        words.iter().any(|word| self.0.contains(word))
    }
}

/// Words that say more than a status does.
fn by_words(status: Option<u16>, words: Words<'_>) -> Option<Fault> {
    let is_busy = matches!(status, None | Some(500..=599)) && words.any(&["overloaded", "server busy"]);
    if is_busy || words.any(&["overloaded_error"]) {
        return Some(Fault::Overloaded);
    }
    if matches!(status, None | Some(400 | 401 | 403)) && is_dead_key(words) {
        return Some(Fault::CredentialInvalid);
    }
    if status == Some(402) {
        return Some(if is_passing_limit(words) { Fault::RateLimited } else { Fault::Billing });
    }
    if matches!(status, None | Some(400 | 403 | 422 | 429)) && is_out_of_money(words) {
        return Some(Fault::Billing);
    }
    let may_be_limit = matches!(status, None | Some(403 | 429));
    (may_be_limit && is_rate_limit(words)).then_some(Fault::RateLimited)
}

/// The provider knows the key and will not take it again; "not accepted" alone does not say so.
fn is_dead_key(words: Words<'_>) -> bool {
    const CODES: [&str; 5] =
        ["invalid_api_key", "api_key_invalid", "api_key_revoked", "account_deactivated", "incorrect api key provided"];
    const ENDS: [&str; 5] = ["revoked", "deactivated", "disabled", "deleted", "has expired"];
    words.any(&CODES) || (words.any(&["api key", "api_key", "account has been"]) && words.any(&ENDS))
}

/// Of a 402: a limit that is over by itself, although the status speaks of payment.
fn is_passing_limit(words: Words<'_>) -> bool {
    const MONEY: [&str; 9] = [
        "insufficient credits",
        "insufficient quota",
        "insufficient_quota",
        "insufficient balance",
        "credit balance",
        "add more credits",
        "top up",
        "upgrade your plan",
        "upgrade plan",
    ];
    if words.any(&MONEY) {
        return false;
    }
    let is_periodic = words.any(&["daily", "weekly", "monthly"]);
    let is_scoped = words.any(&["organization", "workspace"]);
    let is_spending = words.any(&["spend limit", "spending limit"]);
    let comes_back = words.any(&["try again", "retry", "temporary", "reset"]);
    words.any(&["rate limit", "too many requests"])
        || (words.any(&["usage limit"]) && (comes_back || is_periodic))
        || ((is_periodic || is_scoped) && is_spending)
        || (is_periodic && words.any(&["limit"]) && words.any(&["reset"]))
        || (is_scoped && words.any(&["limit"]) && words.any(&["exceeded", "reached"]))
}

fn is_out_of_money(words: Words<'_>) -> bool {
    words.any(&[
        "insufficient_quota",
        "insufficient credit",
        "insufficient balance",
        "credit balance is too low",
        "add more credits",
        "payment required",
        "billing_error",
        "billing hard limit",
    ])
}

fn is_rate_limit(words: Words<'_>) -> bool {
    const CODES: [&str; 7] = [
        "rate limit",
        "rate_limit",
        "ratelimit",
        "too many requests",
        "too_many_requests",
        "resource_exhausted",
        "throttlingexception",
    ];
    let is_spent = words.any(&["daily", "weekly", "monthly"])
        && words.any(&["limit exhausted", "limit reached", "limit exceeded", "usage limit"]);
    words.any(&CODES) || is_spent
}

/// Groups of statuses that every provider means alike. A 500, and what a proxy says of itself (520 to 524), name no
/// cause.
fn by_status(status: Option<u16>) -> Option<Fault> {
    match status? {
        400 | 405 | 415 | 422 => Some(Fault::InvalidRequest),
        401 => Some(Fault::Authentication),
        402 => Some(Fault::Billing),
        403 => Some(Fault::Permission),
        404 => Some(Fault::UnknownModel),
        408 | 499 | 502..=504 => Some(Fault::TimedOut),
        413 => Some(Fault::ContextTooLong),
        429 => Some(Fault::RateLimited),
        529 => Some(Fault::Overloaded),
        _ => None,
    }
}

/// What programs in between say when they did not get through.
fn by_network(words: Words<'_>) -> Option<Fault> {
    const LATE: [&str; 7] = [
        "etimedout",
        "esockettimedout",
        "deadline exceeded",
        "timed out",
        "stop reason: abort",
        "stop reason: error",
        "operation was aborted",
    ];
    const GONE: [&str; 10] = [
        "econnreset",
        "econnrefused",
        "ehostdown",
        "ehostunreach",
        "enetunreach",
        "epipe",
        "enotfound",
        "eai_again",
        "fetch failed",
        "socket hang up",
    ];
    if words.any(&LATE) {
        return Some(Fault::TimedOut);
    }
    if words.any(&GONE) {
        return Some(Fault::Unreachable);
    }
    words.any(&["unauthorized"]).then_some(Fault::Authentication)
}

/// The status that stands in the code (`429`), in a wrapped body (`"code": 429`) or before the words (`402 …`).
fn stated_status(code: &str, text: &str) -> Option<u16> {
    let is_status = |number: &u16| (400..600).contains(number);
    if let Some(number) = code.trim().parse().ok().filter(is_status) {
        return Some(number);
    }
    let keyed = ["\"code\":", "\"status\":"].into_iter().find_map(|key| {
        let (_, rest) = text.split_once(key)?;
        leading_number(rest.trim_start().trim_start_matches('"')).map(|(number, _)| number).filter(is_status)
    });
    keyed.or_else(|| {
        let mut text = text.trim_start();
        for word in ["error:", "http", "status", "code"] {
            text = text.strip_prefix(word).map_or(text, str::trim_start);
        }
        let (number, rest) = leading_number(text)?;
        (is_status(&number) && speaks_of_failure(rest)).then_some(number)
    })
}

fn leading_number(text: &str) -> Option<(u16, &str)> {
    let end = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

/// Tells `402 payment required` from `402 Main Street`.
fn speaks_of_failure(rest: &str) -> bool {
    const FAILURES: [&str; 18] = [
        "limit",
        "credit",
        "payment",
        "billing",
        "quota",
        "balance",
        "upgrade",
        "unauthorized",
        "forbidden",
        "not found",
        "too many",
        "timeout",
        "timed out",
        "unavailable",
        "overloaded",
        "gateway",
        "invalid",
        "error",
    ];
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with([':', '{', '-', '(']) || FAILURES.iter().any(|word| rest.contains(word))
}

#[cfg(test)]
mod tests;
