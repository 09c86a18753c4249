//! The judgement of a redirect. It is a new request that the server wants, so it needs a grant of its own; it is never
//! more than the one that it follows.

use url::Url;

use super::{Permit, Refusal, Refused, check_method, find_endpoint, own, permit};
use crate::grant::Grant;
use crate::limits;
use crate::origin::{BadOrigin, Origin, Scheme, parse_foreign_url};

/// What a server answered with, and to what.
#[derive(Clone, Copy, Debug)]
pub struct Redirection<'a> {
    /// Its status.
    pub status: u16,
    /// Its `location` header.
    pub location: &'a str,
    /// How many redirects were followed before this one.
    pub hops: usize,
    /// The method of the request that it answers.
    pub method: &'a str,
}

/// Leave to follow a redirect, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Where to. It holds the credential slot only if origin and endpoint are the same as before.
    pub permit: Permit,
    /// The method of the new request.
    pub method: String,
    /// Whether the body, and the headers that describe it, go along.
    pub keep_body: bool,
}

/// Decides whether a redirect may be followed; `before` is the permit of the request that was answered.
///
/// # Errors
///
/// [`Refused`]: `budget-spent` after [`limits::REDIRECTS_MAX`] hops, `bad-request` where the target is malformed or the
/// status no redirect, `redirect-left-grant` where the plugin was not granted what the server wants.
pub fn judge_redirect(grant: &Grant, before: &Permit, answer: &Redirection<'_>) -> Result<Redirect, Refused> {
    let Redirection { status, location, hops, method } = *answer;
    check_method(method)?;
    let next = next_method(status, method)
        .ok_or_else(|| Refused::new(Refusal::BadRequest, format!("status {status} is no redirect")))?;
    if hops >= limits::REDIRECTS_MAX {
        let rule = format!("at most {} redirects are followed for one request", limits::REDIRECTS_MAX);
        return Err(Refused::new(Refusal::BudgetSpent, rule));
    }
    let malformed =
        |error: BadOrigin| Refused::new(Refusal::BadRequest, format!("the target of the redirect: {error}"));
    let url = target(&before.url, location).map_err(malformed)?;
    let origin = Origin::of(&url).map_err(malformed)?;
    let left = |rule: String| Refused::new(Refusal::RedirectLeftGrant, rule);
    if before.origin.scheme() == Scheme::Https && origin.scheme() == Scheme::Http {
        return Err(left(format!("`{}` redirects from `https` to `http`", before.origin)));
    }
    let (name, endpoint) = find_endpoint(grant, next, &url, Some(&before.endpoint))
        .map_err(|refused| left(format!("`{}` redirects to `{origin}`: {}", before.origin, refused.rule)))?;
    let is_same_origin = origin == before.origin;
    let keep_body = next == method && !matches!(next, "GET" | "HEAD");
    if keep_body && !is_same_origin {
        // Whoever gets the body must have been asked for; a server cannot pass it on (attack 50).
        return Err(left(format!("`{}` redirects a request with a body to `{origin}`", before.origin)));
    }
    // What a request with a credential in its URL is redirected to could hold the credential.
    own::check_query(grant, &url).map_err(|refused| left(format!("the target of the redirect: {}", refused.rule)))?;
    if let Some((slot, declared)) = before.credential.as_deref().and_then(|slot| grant.credentials.get_key_value(slot))
    {
        own::check_in_url((slot, declared), endpoint, None).map_err(|refused| left(refused.rule))?;
    }
    let is_same = is_same_origin && name == before.endpoint;
    let credential = before.credential.clone().filter(|_| is_same);
    Ok(Redirect { permit: permit(url, name, endpoint, credential), method: next.to_owned(), keep_body })
}

/// The method after a redirect (RFC 9110, section 15.4, and what all clients do for 301 and 302 after `POST`).
fn next_method(status: u16, method: &str) -> Option<&str> {
    match (status, method) {
        (303, "HEAD") => Some("HEAD"),
        (303, _) | (301 | 302, "POST") => Some("GET"),
        (301 | 302 | 307 | 308, method) => Some(method),
        _ => None,
    }
}

/// The URL that a `Location` means. A relative one is resolved first and then judged like any other.
fn target(from: &Url, location: &str) -> Result<Url, BadOrigin> {
    let location = location.trim_matches([' ', '\t']);
    if location.is_empty() {
        return Err(BadOrigin::Malformed("empty"));
    }
    if location.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(BadOrigin::Character("white space or a control character"));
    }
    if location.contains('\\') {
        return Err(BadOrigin::Character("`\\`"));
    }
    let has_scheme = location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    if has_scheme {
        return parse_foreign_url(location);
    }
    if let Some(rest) = location.strip_prefix("//") {
        return parse_foreign_url(&format!("{}://{rest}", from.scheme()));
    }
    let joined = from.join(location).map_err(|_| BadOrigin::Malformed("it cannot be parsed"))?;
    parse_foreign_url(joined.as_str())
}
