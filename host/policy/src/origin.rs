//! Origins and base URLs: scheme, host and port, exact. There are no patterns: a wildcard is refused when it is read,
//! and nothing here resolves a name.

use std::fmt;

use url::Url;

/// A host of a URL: a name in lower case without a dot at its end, or an address.
pub type Host = url::Host<String>;

/// Bytes of a host name (RFC 1035).
const HOST_BYTES_MAX: usize = 253;
/// Bytes of one label of a host name (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;
/// Bytes of a base URL; longer ones are no one's configuration.
const BASE_URL_BYTES_MAX: usize = 2048;

/// How a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that is meant when none is named.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A text that is no exact origin or base URL. It does not repeat the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOrigin {
    /// No URL at all, with the parser's words.
    #[error("not a URL: {0}")]
    Malformed(&'static str),
    /// Neither `http` nor `https`.
    #[error("the scheme must be `http` or `https`")]
    Scheme,
    /// A user name or a password.
    #[error("a user name or password does not belong in a URL")]
    Userinfo,
    /// A pattern.
    #[error("wildcards do not exist here: name one exact host")]
    Wildcard,
    /// White space, a control character, `\` or percent-encoding, which two readers may take differently.
    #[error("the URL holds {0}")]
    Character(&'static str),
    /// A host name that DNS would not take.
    #[error("the host {0}")]
    Host(&'static str),
    /// Port 0.
    #[error("port 0 does not exist")]
    Port,
    /// A path where only an origin may stand, or a path with `..`, `//` or an encoded separator.
    #[error("the path {0}")]
    Path(&'static str),
    /// A query or a fragment.
    #[error("a query or fragment does not belong here")]
    Query,
}

/// Where a request goes: scheme, host and port. Two origins are the same only if all three are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

impl Origin {
    /// Parses `https://api.example.com` or `http://127.0.0.1:8080`; a `/` may follow.
    ///
    /// # Errors
    ///
    /// [`BadOrigin`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, BadOrigin> {
        let base = BaseUrl::parse(text)?;
        if !base.path.is_empty() {
            return Err(BadOrigin::Path("does not belong in an origin"));
        }
        Ok(base.origin)
    }

    /// The origin of a parsed URL.
    ///
    /// # Errors
    ///
    /// [`BadOrigin`] for another scheme than `http` and `https`, for a user name or password, and for a host that
    /// DNS would not take.
    pub fn of(url: &Url) -> Result<Self, BadOrigin> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(BadOrigin::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadOrigin::Userinfo);
        }
        let host = match url.host() {
            Some(url::Host::Domain(name)) => Host::Domain(canonical_name(name)?),
            Some(url::Host::Ipv4(address)) => Host::Ipv4(address),
            Some(url::Host::Ipv6(address)) => Host::Ipv6(address),
            None => return Err(BadOrigin::Host("is missing")),
        };
        match url.port_or_known_default() {
            None | Some(0) => Err(BadOrigin::Port),
            Some(port) => Ok(Self { scheme, host, port }),
        }
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, also where it is the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host is an address rather than a name.
    #[must_use]
    pub fn is_ip_literal(&self) -> bool {
        match self.host {
            Host::Domain(_) => false,
            Host::Ipv4(_) | Host::Ipv6(_) => true,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl serde::Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An origin and the path that all requests to it begin with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BaseUrl {
    /// Where requests go.
    pub origin: Origin,
    /// Empty, or `/` and more, without a `/` at its end.
    pub path: String,
    /// Both, ready to be given another path: every request begins with it.
    url: Url,
}

impl BaseUrl {
    /// Parses what an operator or a manifest gives as the address of a server, e.g. `https://api.example.com/v1`.
    ///
    /// # Errors
    ///
    /// [`BadOrigin`] with the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, BadOrigin> {
        let after_authority = check_text(text)?;
        if after_authority.contains(['?', '#']) {
            return Err(BadOrigin::Query);
        }
        let path = after_authority.trim_end_matches('/');
        check_fixed_path(path)?;
        let url = parse_url(text)?;
        let origin = Origin::of(&url)?;
        let path = url.path().trim_end_matches('/').to_owned();
        // By way of the origin, whose host is the canonical one.
        let url = parse_url(&format!("{origin}{path}"))?;
        Ok(Self { origin, path, url })
    }

    /// The URL of a path and a query below it. A path that the URL standard would tidy up comes out another one.
    pub(crate) fn join(&self, path: &str, query: Option<&str>) -> Url {
        let mut url = self.url.clone();
        url.set_path(&[self.path.as_str(), path].concat());
        url.set_query(query);
        url
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

impl serde::Serialize for BaseUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Parses an absolute URL that another party gave, and refuses every form that two parsers may read differently
/// (attacks 20 to 23). What is judged is the parsed URL, and the client is given that very value.
///
/// # Errors
///
/// [`BadOrigin`] with the rule that is broken.
pub(crate) fn parse_foreign_url(text: &str) -> Result<Url, BadOrigin> {
    let rest = check_text(text)?;
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    check_path_steps(path)?;
    let mut url = parse_url(text)?;
    let origin = Origin::of(&url)?;
    // The canonical host, so that `api.example.com.` and `api.example.com` are one name to the client, too.
    url.set_host(Some(&origin.host.to_string())).map_err(|_| BadOrigin::Host("is malformed"))?;
    url.set_fragment(None);
    Ok(url)
}

/// Refuses a path that holds `.` or `..` as a step, spelt in any way, also where an encoded `/` would make it one.
///
/// # Errors
///
/// [`BadOrigin`] with the rule that is broken.
pub(crate) fn check_path_steps(path: &str) -> Result<(), BadOrigin> {
    if path.contains('\\') {
        return Err(BadOrigin::Character("`\\`"));
    }
    let path = path.to_ascii_lowercase();
    if path.contains("%5c") || path.contains("%00") {
        return Err(BadOrigin::Path("holds an encoded `\\` or NUL"));
    }
    let path = path.replace("%2f", "/").replace("%2e", ".");
    if path.split('/').any(|step| matches!(step, "." | "..")) {
        return Err(BadOrigin::Path("holds `.` or `..` as a step"));
    }
    Ok(())
}

/// Refuses what has no place in a path that is written down once and compared with: beside steps, encoded separators,
/// `//` and patterns.
///
/// # Errors
///
/// [`BadOrigin`] with the rule that is broken.
pub(crate) fn check_fixed_path(path: &str) -> Result<(), BadOrigin> {
    check_path_steps(path)?;
    if path.to_ascii_lowercase().contains("%2f") {
        return Err(BadOrigin::Path("holds an encoded separator"));
    }
    if path.contains("//") {
        return Err(BadOrigin::Path("holds `//`"));
    }
    if path.contains('*') {
        return Err(BadOrigin::Wildcard);
    }
    Ok(())
}

/// Refuses what must not stand anywhere in a URL or in its authority; gives back what follows the authority.
fn check_text(text: &str) -> Result<&str, BadOrigin> {
    if text.len() > crate::limits::PATH_BYTES_MAX + BASE_URL_BYTES_MAX {
        return Err(BadOrigin::Malformed("too long"));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(BadOrigin::Character("white space or a control character"));
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(BadOrigin::Malformed("relative URL without a base"));
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(BadOrigin::Scheme);
    }
    let rest = rest.strip_prefix("//").ok_or(BadOrigin::Malformed("`//` must follow the scheme"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        // The parser would take the next step of the path for the host.
        return Err(BadOrigin::Host("is missing"));
    }
    if authority.contains('@') {
        return Err(BadOrigin::Userinfo);
    }
    if authority.contains('\\') {
        return Err(BadOrigin::Character("`\\`"));
    }
    if authority.contains('%') {
        return Err(BadOrigin::Character("percent-encoding in its host"));
    }
    if authority.contains('*') {
        return Err(BadOrigin::Wildcard);
    }
    Ok(&rest[authority.len()..])
}

fn parse_url(text: &str) -> Result<Url, BadOrigin> {
    use url::ParseError as E;
    Url::parse(text).map_err(|error| match error {
        E::EmptyHost => BadOrigin::Host("is missing"),
        E::InvalidPort => BadOrigin::Malformed("invalid port"),
        E::IdnaError | E::InvalidDomainCharacter => BadOrigin::Host("holds characters that no name has"),
        E::InvalidIpv4Address | E::InvalidIpv6Address => BadOrigin::Host("is a malformed address"),
        // The enum is not ours and grows; whatever else it says, it is no URL.
        _ => BadOrigin::Malformed("it cannot be parsed"),
    })
}

fn canonical_name(name: &str) -> Result<String, BadOrigin> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > HOST_BYTES_MAX {
        return Err(BadOrigin::Host("has more than 253 bytes"));
    }
    // The URL standard lets `$`, `{` and the like pass; an unfilled `${HOST}` is no host.
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Err(BadOrigin::Host("holds characters that no name has"));
    }
    let mut labels = name.split('.');
    if labels.clone().any(str::is_empty) {
        return Err(BadOrigin::Host("has an empty label"));
    }
    if labels.any(|label| label.len() > LABEL_BYTES_MAX) {
        return Err(BadOrigin::Host("has a label of more than 63 bytes"));
    }
    Ok(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
