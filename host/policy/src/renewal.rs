//! Renewing an OAuth access token: where it may be done, what is asked, and what the answer means. Nothing here sends
//! anything, and when it is done is `credential`'s to say.

use std::borrow::Cow;

use secrecy::ExposeSecret as _;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::address::{self, AddressRefusal};
use crate::limits::{RENEWAL_PAUSE_MS, RENEWED_MS_DEFAULT, RENEWED_MS_MAX};
use crate::manifest::{RefreshRule, RefreshStyle};
use crate::origin::{BaseUrl, Host, Scheme};
use crate::secret_ref::Literal;

/// The errors of RFC 6749, which are repeated. Any other word may be anything, also what was sent.
const ERRORS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// What became of renewing a profile's access token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Until when the renewed token lasts; `None`: the file's own is the newest.
    pub until_ms: Option<u64>,
    /// Why it is not renewed for now.
    pub setback: Option<Setback>,
}

/// A renewal that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    /// Why.
    pub why: BadRenewal,
    /// Until when it is not tried again; `None`: not with this login.
    pub until_ms: Option<u64>,
}

impl Setback {
    /// What a failure at that moment means for the tries that follow.
    #[must_use]
    pub fn of(failure: &BadRenewal, now_ms: u64) -> Self {
        let until_ms = if failure.is_lasting() { None } else { Some(now_ms + RENEWAL_PAUSE_MS) };
        Self { why: failure.clone(), until_ms }
    }

    /// Whether it still stands in the way.
    #[must_use]
    pub fn holds(&self, now_ms: u64) -> bool {
        self.until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }
}

/// What a token endpoint gave. It has no Debug.
pub struct RenewedAnswer {
    /// The new access token.
    pub access: Literal,
    /// The refresh token that replaces the one that was sent; `None`: that one stays good.
    pub refresh: Option<Literal>,
    /// Milliseconds since 1970 at which the access token ends.
    pub expires_ms: u64,
}

/// Why there is no new access token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRenewal {
    /// The server does not take the refresh token.
    #[error("the server refused it ({status}{}); log in again with the program that wrote the profile", with(code.as_deref()))]
    Refused {
        /// The status.
        status: u16,
        /// The error of RFC 6749.
        code: Option<String>,
    },
    /// The server says no for now.
    #[error("the server answered with status {status}")]
    Unavailable {
        /// The status.
        status: u16,
    },
    /// The answer is not what RFC 6749 has.
    #[error("the server's answer is not a JSON object with an `access_token`")]
    Malformed,
    /// There is no answer.
    #[error("{0}")]
    NoAnswer(String),
    /// The host may not, or cannot, send it.
    #[error("the request was not sent: {0}")]
    NotSent(String),
}

fn with(code: Option<&str>) -> String {
    code.map_or_else(String::new, |code| format!(", `{code}`"))
}

impl BadRenewal {
    /// Whether another try with the same refresh token would fail as well.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Unavailable { .. } | Self::Malformed | Self::NoAnswer(_) | Self::NotSent(_) => false,
        }
    }
}

/// Who says where tokens are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    Manifest,
    Operator,
}

/// Reads the address of a token endpoint: over TLS at a public place, or this machine where the operator says so.
pub(crate) fn token_url(text: &str, by: NamedBy) -> Result<BaseUrl, String> {
    let url = BaseUrl::parse(text).map_err(|error| error.to_string())?;
    if url.path.is_empty() || text.ends_with('/') {
        return Err("must name a path, e.g. `https://auth.example.com/oauth/token`".to_owned());
    }
    let host = url.origin.host();
    match (address::is_loopback(host), by) {
        (true, NamedBy::Operator) => return Ok(url),
        (true, NamedBy::Manifest) => return Err("must not be this machine; only the operator can say so".to_owned()),
        (false, _) if url.origin.scheme() == Scheme::Http => return Err("must be `https`".to_owned()),
        (false, _) => {}
    }
    let literal: Option<std::net::IpAddr> = match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
    };
    match address::vet(host, literal.as_slice(), false) {
        Ok(()) | Err(AddressRefusal::NoAddress { .. }) => Ok(url),
        Err(refusal) => Err(refusal.to_string()),
    }
}

/// The name of a client; it is no secret.
pub(crate) fn client_id(text: &str) -> Result<String, &'static str> {
    let is_name = (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if is_name { Ok(text.to_owned()) } else { Err("must be 1 to 200 visible ASCII characters without spaces") }
}

/// Scopes with spaces between them.
pub(crate) fn scope(text: &str) -> Result<String, &'static str> {
    let is_list = (1..=500).contains(&text.len())
        && text.split(' ').all(|scope| !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic()));
    if is_list { Ok(text.to_owned()) } else { Err("must be scopes of visible ASCII characters with one space between") }
}

/// The body of the request, and its media type.
#[must_use]
pub fn request_body(rule: &RefreshRule, client_id: &str, refresh: &Literal) -> (&'static str, Zeroizing<Vec<u8>>) {
    let pairs = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.expose_secret()),
        ("client_id", client_id),
        ("scope", rule.scope.as_deref().unwrap_or_default()),
    ];
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    match rule.style {
        RefreshStyle::Form => {
            let mut text = String::with_capacity(room(refresh));
            form_urlencoded::Serializer::new(&mut text).extend_pairs(pairs);
            ("application/x-www-form-urlencoded", Zeroizing::new(text.into_bytes()))
        }
        RefreshStyle::Json => {
            let mut text = String::with_capacity(room(refresh));
            for (name, value) in pairs {
                text.push(if text.is_empty() { '{' } else { ',' });
                text.push_str(&format!("\"{name}\":"));
                push_json(&mut text, value);
            }
            text.push('}');
            ("application/json", Zeroizing::new(text.into_bytes()))
        }
    }
}

/// Whole from the start: a string that grew would leave a copy behind. No byte of the pairs takes more than six.
fn room(refresh: &Literal) -> usize {
    refresh.expose_secret().len() * 6 + 8_192
}

fn push_json(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// What an answer means.
///
/// # Errors
///
/// [`BadRenewal`], without anything of the answer but its status and a word of RFC 6749.
pub fn read_answer(status: u16, body: &[u8], now_ms: u64) -> Result<RenewedAnswer, BadRenewal> {
    #[derive(serde::Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    #[derive(serde::Deserialize)]
    struct Granted<'a> {
        #[serde(borrow)]
        access_token: Text<'a>,
        #[serde(borrow)]
        refresh_token: Option<Text<'a>>,
        expires_in: Option<u64>,
    }
    #[derive(serde::Deserialize)]
    struct Refused<'a> {
        #[serde(borrow)]
        error: Text<'a>,
    }
    match status {
        200..300 => {}
        400 | 401 | 403 => {
            let said = serde_json::from_slice::<Refused<'_>>(body).ok();
            let code = said.and_then(|said| ERRORS.into_iter().find(|known| *known == said.error.0));
            return Err(BadRenewal::Refused { status, code: code.map(str::to_owned) });
        }
        _ => return Err(BadRenewal::Unavailable { status }),
    }
    // What the reader says could repeat a token.
    let granted: Granted<'_> = serde_json::from_slice(body).map_err(|_| BadRenewal::Malformed)?;
    let access = Literal::new(&granted.access_token.0).ok_or(BadRenewal::Malformed)?;
    let refresh = granted.refresh_token.and_then(|text| Literal::new(&text.0));
    let lasts_ms = granted.expires_in.map_or(RENEWED_MS_DEFAULT, |seconds| seconds.saturating_mul(1_000));
    Ok(RenewedAnswer { access, refresh, expires_ms: now_ms + lasts_ms.min(RENEWED_MS_MAX) })
}

#[cfg(test)]
mod tests;
