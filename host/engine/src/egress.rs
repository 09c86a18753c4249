//! The one way out: judge, vet the addresses, add the credential, send, follow redirects as far as the grant goes,
//! redact. Nothing here decides what is allowed: that is `creel_policy::judge`.

use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use creel_policy::address::vet;
use creel_policy::judge::{Outgoing, Permit, Redirection, Refusal, Refused, Target, judge, judge_redirect};
use creel_policy::limits::{CONNECT_MS_MAX, IDLE_CONNECTIONS_PER_SERVER_MAX};
use creel_policy::origin::Host;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::time::timeout;

use crate::bindings::io;
use crate::body::Body;
use crate::context::CallContext;
use crate::credential::Slot;
use crate::engine::EngineError;
use crate::placing::{Injection, Outbound};
use crate::resolve::{Vetoed, Vetting};

/// What became of one request, for the audit log and for `explain`. Holds no query and no secret.
#[derive(Clone, Debug)]
pub struct EgressRecord {
    /// The call it belongs to.
    pub call: String,
    /// The plugin that asked for it.
    pub plugin: String,
    /// The method.
    pub method: String,
    /// Scheme, host, port and path of the target; what the plugin named, where it was refused.
    pub target: String,
    /// The slot whose credential went with it.
    pub credential: Option<String>,
    /// The rule that refused it; `None` when it was sent.
    pub refused: Option<Refused>,
}

/// The clients through which everything goes out.
pub struct Egress {
    pub(crate) granted: reqwest::Client,
    pub(crate) public: reqwest::Client,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Egress")
    }
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum NoResponse {
    Refused(Refused),
    Unreachable(String),
    TimedOut,
    CutOff(String),
}

impl From<Refused> for NoResponse {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Egress {
    /// Makes the clients. Proxies of the environment are not used, since they would resolve names themselves
    /// (attack 52); redirects are followed by hand, so that each is judged.
    ///
    /// # Errors
    ///
    /// [`EngineError::Setup`] when TLS cannot be set up.
    #[expect(clippy::disallowed_methods, reason = "the one door through which requests leave")]
    pub fn new() -> Result<Self, EngineError> {
        let setup = |detail: String| EngineError::Setup { detail };
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Where this fails another thread was quicker, and its provider stands.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let client = |granted_origin: bool| {
            reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .tcp_nodelay(true)
                .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_SERVER_MAX)
                .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
                .dns_resolver(Vetting { granted_origin })
                .build()
                .map_err(|error| setup(format!("{:?}", error.without_url())))
        };
        Ok(Self { granted: client(true)?, public: client(false)? })
    }

    /// Sends a request as far as the grant allows and gives the response head with its body still to come.
    pub(crate) async fn send(
        &self,
        context: &CallContext,
        request: &io::Request,
        body: &Body,
        idle: Option<Duration>,
    ) -> Result<reqwest::Response, NoResponse> {
        let headers: Vec<(String, String)> =
            request.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
        let outgoing = Outgoing {
            method: &request.method,
            target: match &request.target {
                io::Target::Endpoint(target) => {
                    Target::Endpoint { endpoint: &target.endpoint, path_and_query: &target.path_and_query }
                }
                io::Target::Url(url) => Target::Url(url),
            },
            headers: &headers,
            credential: request.credential.as_deref(),
            body_bytes: body.plain_bytes,
            media_bytes: body.all_bytes - body.plain_bytes,
        };
        let permit = judge(&context.grant, &outgoing)?;
        let mut hop = Hop { permit, method: request.method.clone(), with_body: true, is_same_origin: true };
        for hops in 0.. {
            let response = self.send_hop(context, &hop, (&headers, body), idle).await?;
            let Some(location) = redirect_target(&response) else { return Ok(response) };
            if context.masks().hide_in(&location) {
                // A server that repeats what it was sent would have it carried elsewhere (attacks 65, 102).
                let rule = "the target of the redirect holds a credential of the call".into();
                return Err(Refused { refusal: Refusal::RedirectLeftGrant, rule }.into());
            }
            let status = response.status().as_u16();
            let answer = Redirection { status, location: &location, hops, method: &hop.method };
            let next = judge_redirect(&context.grant, &hop.permit, &answer)?;
            let is_same_origin = hop.is_same_origin && next.permit.origin == hop.permit.origin;
            let with_body = hop.with_body && next.keep_body;
            hop = Hop { permit: next.permit, method: next.method, with_body, is_same_origin };
        }
        Err(NoResponse::CutOff("too many redirects".into()))
    }

    async fn send_hop(
        &self,
        context: &CallContext,
        hop: &Hop,
        (headers, body): (&[(String, String)], &Body),
        idle: Option<Duration>,
    ) -> Result<reqwest::Response, NoResponse> {
        let permit = &hop.permit;
        if let Some(address) = literal(permit.origin.host()) {
            // The client connects to an address without asking the resolver, so it is vetted here.
            vet(permit.origin.host(), &[address], permit.may_be_private)
                .map_err(|refusal| Refused { refusal: Refusal::PrivateAddress, rule: refusal.to_string() })?;
        }
        let method = Method::from_bytes(hop.method.as_bytes()).map_err(|_| bad_request("method"))?;
        let has_body =
            hop.with_body && (body.all_bytes > 0 || matches!(method, Method::POST | Method::PUT | Method::PATCH));
        let headers = header_map(headers.iter().filter(|(name, _)| hop.carries(name)))?;
        let mut out = Outbound { method, url: permit.url.clone(), headers };
        if hop.is_same_origin {
            context.headers.put_on(&permit.origin, &mut out.headers)?;
        }
        if let Some(injection) = injection(context, permit)? {
            let base = context.grant.endpoints.get(&permit.endpoint).map_or("", |endpoint| &endpoint.base.path);
            injection.put_on(&mut out, base).map_err(|_| Refused {
                refusal: Refusal::CredentialMissing,
                rule: "the credential holds characters that its place cannot carry".into(),
            })?;
            if let Some(signer) = injection.signer() {
                signer.sign(&mut out, has_body.then_some(body), (context.clock)()).await?;
            }
        }
        out.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let client = if permit.may_be_private { &self.granted } else { &self.public };
        let mut sending = client.request(out.method, out.url).headers(out.headers);
        if has_body {
            sending = sending.header(header::CONTENT_LENGTH, body.all_bytes).body(body.to_send());
        }
        let sent = match idle {
            Some(idle) => timeout(idle, sending.send()).await.map_err(|_| NoResponse::TimedOut)?,
            None => sending.send().await,
        };
        sent.map_err(no_response)
    }
}

struct Hop {
    permit: Permit,
    method: String,
    with_body: bool,
    /// Whether every hop so far stayed with the server that the plugin named.
    is_same_origin: bool,
}

impl Hop {
    /// Whether a header of the plugin goes along: what describes a body goes with the body, and another server gets
    /// nothing but what any client would tell it.
    fn carries(&self, name: &str) -> bool {
        const BODY: &str = "content-";
        const COMMON: [&str; 3] = ["accept", "accept-language", "user-agent"];
        let describes_body = name.get(..BODY.len()).is_some_and(|start| start.eq_ignore_ascii_case(BODY));
        let is_common = COMMON.iter().any(|common| name.eq_ignore_ascii_case(common));
        (self.with_body || !describes_body) && (self.is_same_origin || is_common)
    }
}

pub(crate) fn literal(host: &Host) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
    }
}

fn bad_request(what: &str) -> Refused {
    Refused { refusal: Refusal::BadRequest, rule: format!("the request's {what} is malformed") }
}

/// Room for the headers that the host adds to those of a plugin.
const HEADERS_ADDED: usize = 6;

fn header_map<'h>(headers: impl Iterator<Item = &'h (String, String)>) -> Result<HeaderMap, Refused> {
    let mut map = HeaderMap::with_capacity(headers.size_hint().1.unwrap_or_default() + HEADERS_ADDED);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad_request("header name"))?;
        map.append(name, HeaderValue::from_str(value).map_err(|_| bad_request("header value"))?);
    }
    Ok(map)
}

fn injection<'c>(context: &'c CallContext, permit: &Permit) -> Result<Option<&'c Injection>, Refused> {
    let Some(slot) = &permit.credential else { return Ok(None) };
    match context.slots.get(slot) {
        Some(Slot::Ready(injection)) => Ok(Some(injection)),
        Some(Slot::Bare) => Ok(None),
        Some(Slot::Missing(reason)) => Err(Refused { refusal: Refusal::CredentialMissing, rule: reason.clone() }),
        None => Err(Refused {
            refusal: Refusal::CredentialNotGranted,
            rule: format!("no credential was selected for slot `{slot}`"),
        }),
    }
}

pub(crate) fn redirect_target(response: &reqwest::Response) -> Option<String> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(header::LOCATION)?;
    is_redirect.then(|| String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// Sorts a failure of the client. The URL is left out of the words, since its query may hold what is nobody's business.
pub(crate) fn no_response(error: reqwest::Error) -> NoResponse {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(source) = cause {
        if let Some(Vetoed(refusal)) = source.downcast_ref::<Vetoed>() {
            return NoResponse::Refused(Refused { refusal: Refusal::PrivateAddress, rule: refusal.to_string() });
        }
        cause = source.source();
    }
    let is_timeout = error.is_timeout();
    let is_connect = error.is_connect();
    let words = chain(&error.without_url());
    match (is_connect, is_timeout) {
        (true, _) => NoResponse::Unreachable(words),
        (false, true) => NoResponse::TimedOut,
        (false, false) => NoResponse::CutOff(words),
    }
}

/// A failure and its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        words = format!("{words}: {source}");
        cause = source.source();
    }
    words
}
