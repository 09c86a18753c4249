//! The judgement of a request that wants to leave: may this plugin ask this of that server. It looks nothing up; names
//! are resolved by the engine, which vets the addresses with `address::vet` and then sends the very URL of the permit.

use url::Url;

use crate::grant::{EndpointGrant, Grant};
use crate::headers;
pub use crate::headers::is_secret_response_header;
use crate::limits;
use crate::manifest::{Allow, METHODS};
use crate::origin::{Origin, check_path_steps, parse_foreign_url};

mod own;
mod redirect;

pub use redirect::{Redirect, Redirection, judge_redirect};

/// A request as the plugin wants it.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// As the plugin wrote it.
    pub method: &'a str,
    /// Where it is to go.
    pub target: Target<'a>,
    /// Names and values in order.
    pub headers: &'a [(String, String)],
    /// The credential slot that it names.
    pub credential: Option<&'a str>,
    /// Bytes of the body without its media.
    pub body_bytes: u64,
    /// Bytes that its media come to on the wire, that is after base64.
    pub media_bytes: u64,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// An endpoint of the manifest.
    Endpoint {
        /// Its name.
        endpoint: &'a str,
        /// What follows the operator's base URL.
        path_and_query: &'a str,
    },
    /// A URL that the network gave.
    Url(&'a str),
}

/// Leave to send one request to one URL. The engine sends this URL and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The whole URL, parsed once.
    pub url: Url,
    /// The endpoint whose grant it is.
    pub endpoint: String,
    /// Where the connection goes.
    pub origin: Origin,
    /// The slot whose value is put on.
    pub credential: Option<String>,
    /// Whether the origin may be at an address that is not public: the `granted_origin` of `address::vet`.
    pub may_be_private: bool,
}

/// Why a request does not leave; the words of the plugin interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No endpoint, method, path, root or medium like that is granted.
    NoGrant,
    /// Malformed, or not the plugin's to set.
    BadRequest,
    /// The name leads to an address that is not public.
    PrivateAddress,
    /// A redirect leads out of the grant.
    RedirectLeftGrant,
    /// The slot is not declared, or not for this origin.
    CredentialNotGranted,
    /// No usable credential was found for the slot.
    CredentialMissing,
    /// More bytes than a request may have.
    TooLarge,
    /// More commands, requests or redirects than a call may have.
    BudgetSpent,
    /// No such medium is in this call.
    UnknownMedia,
    /// No such file is in the granted directory.
    UnknownFile,
}

impl Refusal {
    /// The refusal as it is printed: `no-grant`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoGrant => "no-grant",
            Self::BadRequest => "bad-request",
            Self::PrivateAddress => "private-address",
            Self::RedirectLeftGrant => "redirect-left-grant",
            Self::CredentialNotGranted => "credential-not-granted",
            Self::CredentialMissing => "credential-missing",
            Self::TooLarge => "too-large",
            Self::BudgetSpent => "budget-spent",
            Self::UnknownMedia => "unknown-media",
            Self::UnknownFile => "unknown-file",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refused request. The rule names origins, endpoints and header names; never a path, a query or a value, which may
/// hold a secret (attack 175, case P16).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{refusal}: {rule}")]
pub struct Refused {
    /// The reason.
    pub refusal: Refusal,
    /// The rule and the grant, as a sentence.
    pub rule: String,
}

impl Refused {
    /// A refusal with its rule.
    pub fn new(refusal: Refusal, rule: impl Into<String>) -> Self {
        Self { refusal, rule: rule.into() }
    }
}

/// Decides whether a request may leave, and to where exactly.
///
/// # Errors
///
/// [`Refused`] with the first rule that it breaks: form before size, size before target, target before credential.
pub fn judge(grant: &Grant, out: &Outgoing<'_>) -> Result<Permit, Refused> {
    check_method(out.method)?;
    check_headers(out.headers)?;
    own::check_headers(grant, out.headers)?;
    check_size(grant, out)?;
    let slot = match out.credential {
        Some(name) => Some((name, slot_endpoint(grant, name)?)),
        None => None,
    };
    let slot_at = slot.map(|(_, endpoint)| endpoint);
    let (url, name, endpoint) = match out.target {
        Target::Endpoint { endpoint: name, path_and_query } => {
            let endpoint = grant.endpoints.get(name).ok_or_else(|| {
                Refused::new(
                    Refusal::NoGrant,
                    format!("`{}` has no endpoint `{}`", grant.plugin, crate::problem::shown(name)),
                )
            })?;
            let url = endpoint_url(endpoint, path_and_query)?;
            check_allowed(name, endpoint, out.method, &url)?;
            (url, name, endpoint)
        }
        Target::Url(text) => {
            let url = parse_foreign_url(text).map_err(|error| Refused::new(Refusal::BadRequest, error.to_string()))?;
            let (name, endpoint) = find_endpoint(grant, out.method, &url, slot_at)?;
            (url, name, endpoint)
        }
    };
    let credential = match slot {
        // A credential goes to its own endpoint's origin and to no other, however the target was spelt (attacks 65, 66).
        Some((slot, at)) if at != name => {
            let rule = format!("the credential `{slot}` belongs to the endpoint `{at}` and not to `{name}`");
            return Err(Refused::new(Refusal::CredentialNotGranted, rule));
        }
        Some((slot, _)) => {
            if let Some(declared) = grant.credentials.get(slot) {
                own::check_in_url((slot, declared), endpoint, Some(&out.target))?;
            }
            Some(slot.to_owned())
        }
        None => None,
    };
    own::check_query(grant, &url)?;
    Ok(permit(url, name, endpoint, credential))
}

fn permit(url: Url, name: &str, endpoint: &EndpointGrant, credential: Option<String>) -> Permit {
    let origin = endpoint.base.origin.clone();
    Permit { url, endpoint: name.to_owned(), origin, credential, may_be_private: endpoint.may_be_private }
}

fn check_method(method: &str) -> Result<(), Refused> {
    if METHODS.contains(&method) {
        return Ok(());
    }
    Err(Refused::new(Refusal::BadRequest, format!("the method must be one of `{}`", METHODS.join("`, `"))))
}

fn check_headers(list: &[(String, String)]) -> Result<(), Refused> {
    let bad = |rule: String| Err(Refused::new(Refusal::BadRequest, rule));
    if list.len() > limits::REQUEST_HEADERS_MAX {
        return Err(Refused::new(
            Refusal::TooLarge,
            format!("a request has at most {} headers", limits::REQUEST_HEADERS_MAX),
        ));
    }
    let bytes: usize = list.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits::REQUEST_HEADER_BYTES_MAX {
        let rule = format!("the headers of a request have at most {} bytes", limits::REQUEST_HEADER_BYTES_MAX);
        return Err(Refused::new(Refusal::TooLarge, rule));
    }
    for (name, value) in list {
        if !headers::is_token(name) {
            return bad("the name of a header is a token of RFC 9110".to_owned());
        }
        if headers::frames_message(name) {
            return bad(format!("the header `{name}` is the host's own"));
        }
        if headers::holds_credential(name) {
            return bad(format!("the header `{name}` could hold a credential: name a slot instead"));
        }
        if !value.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')) {
            return bad(format!("the value of the header `{name}` is not printable ASCII"));
        }
    }
    Ok(())
}

fn check_size(grant: &Grant, out: &Outgoing<'_>) -> Result<(), Refused> {
    let too_large = |rule: String| Err(Refused::new(Refusal::TooLarge, rule));
    if out.body_bytes > limits::REQUEST_BYTES_MAX {
        return too_large(format!("a body without its media has at most {} bytes", limits::REQUEST_BYTES_MAX));
    }
    if out.body_bytes.saturating_add(out.media_bytes) > limits::REQUEST_WITH_MEDIA_BYTES_MAX {
        return too_large(format!("a body with its media has at most {} bytes", limits::REQUEST_WITH_MEDIA_BYTES_MAX));
    }
    if out.media_bytes > 0 && !grant.media.splice {
        return Err(Refused::new(Refusal::NoGrant, format!("`{}` was not granted `media.splice`", grant.plugin)));
    }
    let has_body = out.body_bytes > 0 || out.media_bytes > 0;
    if has_body && matches!(out.method, "GET" | "HEAD") {
        // Servers disagree on where such a request ends, which is how requests are smuggled (attack 27).
        return Err(Refused::new(Refusal::BadRequest, format!("a `{}` request has no body", out.method)));
    }
    Ok(())
}

fn slot_endpoint<'g>(grant: &'g Grant, slot: &str) -> Result<&'g str, Refused> {
    let slots = &grant.credentials;
    slots.get(slot).map(|slot| slot.endpoint.as_str()).ok_or_else(|| {
        let rule = format!("`{}` has no credential slot `{}`", grant.plugin, crate::problem::shown(slot));
        Refused::new(Refusal::CredentialNotGranted, rule)
    })
}

/// Puts the plugin's path behind the operator's base. What comes out must be what went in: a parser that would tidy the
/// path up would make it another one than the one that is judged (attack 23).
fn endpoint_url(endpoint: &EndpointGrant, path_and_query: &str) -> Result<Url, Refused> {
    let bad = |rule: &str| Refused::new(Refusal::BadRequest, rule);
    if path_and_query.len() > limits::PATH_BYTES_MAX {
        let rule = format!("a path and query has at most {} bytes", limits::PATH_BYTES_MAX);
        return Err(Refused::new(Refusal::TooLarge, rule));
    }
    if !path_and_query.starts_with('/') {
        return Err(bad("a path begins with `/`"));
    }
    if path_and_query.contains('#') {
        return Err(bad("a path holds no fragment"));
    }
    if !path_and_query.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
        return Err(bad("a path and query is percent-encoded ASCII without `\\`"));
    }
    let (path, query) =
        path_and_query.split_once('?').map_or((path_and_query, None), |(path, query)| (path, Some(query)));
    if path.contains("//") {
        return Err(bad("a path holds no `//`"));
    }
    check_path_steps(path).map_err(|error| bad(&error.to_string()))?;
    let base = &endpoint.base;
    let url = base.join(path, query);
    let is_below = url.path().strip_prefix(base.path.as_str()) == Some(path);
    if !is_below || url.query() != query {
        return Err(bad("a path and query is percent-encoded ASCII without `\\`"));
    }
    Ok(url)
}

/// The endpoint that grants a URL of the network's: its exact origin, base path, method and path. Where several do,
/// the one that the credential belongs to.
fn find_endpoint<'g>(
    grant: &'g Grant,
    method: &str,
    url: &Url,
    slot_at: Option<&str>,
) -> Result<(&'g str, &'g EndpointGrant), Refused> {
    let origin = Origin::of(url).map_err(|error| Refused::new(Refusal::BadRequest, error.to_string()))?;
    let mut refused = None;
    let mut found: Option<(&str, &EndpointGrant)> = None;
    for (name, endpoint) in grant.endpoints.iter().filter(|(_, endpoint)| endpoint.base.origin == origin) {
        match check_allowed(name, endpoint, method, url) {
            Ok(()) if found.is_none() || slot_at == Some(name) => found = Some((name, endpoint)),
            Ok(()) => {}
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    found.ok_or_else(|| {
        refused.unwrap_or_else(|| {
            let rule = format!("`{}` has no endpoint at `{origin}` ({})", grant.plugin, origins(grant));
            Refused::new(Refusal::NoGrant, rule)
        })
    })
}

fn origins(grant: &Grant) -> String {
    if grant.endpoints.is_empty() {
        return "it has none at all".to_owned();
    }
    let list = grant.endpoints.iter().map(|(name, endpoint)| format!("`{name}` is at `{}`", endpoint.base.origin));
    list.collect::<Vec<_>>().join(", ")
}

/// Whether the endpoint's grant covers this method on this path.
fn check_allowed(name: &str, endpoint: &EndpointGrant, method: &str, url: &Url) -> Result<(), Refused> {
    let below = url.path().strip_prefix(endpoint.base.path.as_str()).filter(|path| path.starts_with('/'));
    let Some(path) = below else {
        let rule = format!("the path is not below the base of the endpoint `{name}` ({})", endpoint.source);
        return Err(Refused::new(Refusal::NoGrant, rule));
    };
    if endpoint.allow.iter().any(|allow| allow.method == method && covers(allow, path)) {
        return Ok(());
    }
    let rule = if endpoint.allow.iter().any(|allow| covers(allow, path)) {
        format!("the endpoint `{name}` does not allow the method `{method}` on this path")
    } else {
        format!("the endpoint `{name}` does not allow this path")
    };
    Err(Refused::new(Refusal::NoGrant, rule))
}

fn covers(allow: &Allow, path: &str) -> bool {
    match allow.path.strip_suffix('*') {
        // What stands before the star ends in `/`, so that `/v1/*` covers neither `/v1` nor `/v1x`.
        Some(prefix) => path.len() > prefix.len() && path.starts_with(prefix),
        None => path == allow.path,
    }
}

#[cfg(test)]
mod tests;
