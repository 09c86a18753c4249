//! Where a credential goes on a request, as a manifest says it. How it gets there is the engine's; what a plugin may not
//! set because of it is said in `judge`.

use std::fmt;

/// Where a credential is put, or how it signs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// A header, its value behind a prefix (which may be empty).
    Header {
        /// Lower case.
        name: String,
        /// E.g. `Bearer `.
        prefix: String,
    },
    /// A parameter of the query. The plugin sends none of that name.
    Query {
        /// As it is sent.
        name: String,
    },
    /// A path that the host puts between the endpoint's base and the plugin's path, so that the plugin never says where
    /// the value stands: `/bot{credential}` makes `/bot<token>/sendMessage` of `/sendMessage`.
    Path {
        /// What stands before the value, `/` at its beginning.
        before: String,
        /// What stands behind it.
        after: String,
    },
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// The user; `None`: the credential is `user:password`.
        user: Option<Word>,
    },
    /// A signature over the request in a header; the credential itself is never sent.
    HmacSha256(Box<HmacRule>),
    /// AWS Signature Version 4; the secret key is never sent.
    AwsSigv4 {
        /// The service's signing name, e.g. `bedrock`.
        service: String,
        /// The region.
        region: Word,
        /// The body is not signed (`UNSIGNED-PAYLOAD`), for services that take that.
        unsigned_payload: bool,
    },
}

/// A text of the manifest, or one that the operator may set.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// This text.
    Fixed(String),
    /// What the operator's entry says under this key, else the default. In a grant it stands only where neither says
    /// anything.
    Setting {
        /// The key.
        setting: String,
        /// What is meant when the operator says nothing.
        default: Option<String>,
    },
}

/// `{ sign = "hmac-sha256", … }`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HmacRule {
    /// The header of the signature, lower case.
    pub header: String,
    /// What stands before the signature, e.g. `sha256=`.
    pub prefix: String,
    /// How the signature is written.
    pub encoding: Encoding,
    /// How the key is written in the credential.
    pub key: KeyText,
    /// What is signed, in order.
    pub over: Vec<Signed>,
    /// What stands between two parts.
    pub separator: String,
    /// The header that carries the time that was signed.
    pub timestamp: Option<Timestamp>,
    /// The header that names the key; the credential is `ID:SECRET` then.
    pub id: Option<String>,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Lower-case hex.
    Hex,
    /// Base64 with padding.
    Base64,
    /// Base64 for URLs, without padding.
    Base64url,
}

/// How a signing key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyText {
    /// The key is the text's bytes.
    Text,
    /// The text is hex.
    Hex,
    /// The text is base64 with padding.
    Base64,
}

/// The header of a signature's time.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Timestamp {
    /// Lower case.
    pub header: String,
    /// Milliseconds since 1970, else seconds.
    pub in_milliseconds: bool,
}

/// One part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signed {
    /// The time, as its header has it.
    Timestamp,
    /// The name of the key, as its header has it.
    Id,
    /// The method.
    Method,
    /// The `host` header.
    Host,
    /// The path, as it goes over the wire.
    Path,
    /// The query without its `?`; nothing where there is none.
    Query,
    /// Path and query, with the `?` between them.
    PathAndQuery,
    /// The body's bytes.
    Body,
    /// The SHA-256 of the body in lower-case hex.
    BodySha256,
    /// The value of another header of the request.
    Header(String),
    /// This very text.
    Text(String),
}

impl Signed {
    /// Whether it ties the signature to this request.
    pub(crate) fn is_of_request(&self) -> bool {
        match self {
            Self::Method
            | Self::Path
            | Self::Query
            | Self::PathAndQuery
            | Self::Body
            | Self::BodySha256
            | Self::Header(_) => true,
            Self::Timestamp | Self::Id | Self::Host | Self::Text(_) => false,
        }
    }
}

/// The headers that AWS Signature Version 4 sets.
pub(crate) const AWS_HEADERS: [&str; 4] =
    ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

impl Placement {
    /// The headers that the host sets with it, by lower-case name.
    #[must_use]
    pub fn headers(&self) -> Vec<&str> {
        match self {
            Self::Header { name, .. } => vec![name],
            Self::Query { .. } | Self::Path { .. } => Vec::new(),
            Self::Basic { .. } => vec!["authorization"],
            Self::HmacSha256(rule) => {
                let timestamp = rule.timestamp.as_ref().map(|timestamp| timestamp.header.as_str());
                std::iter::once(rule.header.as_str()).chain(timestamp).chain(rule.id.as_deref()).collect()
            }
            Self::AwsSigv4 { .. } => AWS_HEADERS.to_vec(),
        }
    }

    /// Whether a parameter of the query, decoded, is the host's to set. AWS takes a signature from there, too.
    #[must_use]
    pub fn owns_parameter(&self, name: &str) -> bool {
        match self {
            Self::Query { name: own } => own.eq_ignore_ascii_case(name),
            Self::AwsSigv4 { .. } => name.to_ascii_lowercase().starts_with("x-amz-"),
            Self::Header { .. } | Self::Path { .. } | Self::Basic { .. } | Self::HmacSha256(_) => false,
        }
    }

    /// Whether the value stands in the URL, where more parties than the server can see it.
    #[must_use]
    pub fn is_in_url(&self) -> bool {
        matches!(self, Self::Query { .. } | Self::Path { .. })
    }

    /// Whether the credential signs and is not sent.
    #[must_use]
    pub fn signs(&self) -> bool {
        matches!(self, Self::HmacSha256(_) | Self::AwsSigv4 { .. })
    }

    /// Whether the credential has more than one part: `ID:SECRET` or `user:password`.
    #[must_use]
    pub fn has_parts(&self) -> bool {
        match self {
            Self::Basic { user } => user.is_none(),
            Self::HmacSha256(rule) => rule.id.is_some(),
            Self::AwsSigv4 { .. } => true,
            Self::Header { .. } | Self::Query { .. } | Self::Path { .. } => false,
        }
    }

    /// The text of it that the operator may set, with the rule that the text must keep.
    pub(crate) fn word(&self) -> Option<(&Word, WordRule)> {
        match self {
            Self::Basic { user } => user.as_ref().map(|user| (user, user_name as WordRule)),
            Self::AwsSigv4 { region, .. } => Some((region, aws_name)),
            Self::Header { .. } | Self::Query { .. } | Self::Path { .. } | Self::HmacSha256(_) => None,
        }
    }

    pub(crate) fn word_mut(&mut self) -> Option<&mut Word> {
        match self {
            Self::Basic { user } => user.as_mut(),
            Self::AwsSigv4 { region, .. } => Some(region),
            Self::Header { .. } | Self::Query { .. } | Self::Path { .. } | Self::HmacSha256(_) => None,
        }
    }

    /// The operator's setting that it cannot do without and has not got.
    #[must_use]
    pub fn unset(&self) -> Option<&str> {
        match self.word()?.0 {
            Word::Setting { setting, default: None } => Some(setting),
            Word::Setting { .. } | Word::Fixed(_) => None,
        }
    }
}

impl Word {
    /// The text, as far as it is known.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Fixed(text) => Some(text),
            Self::Setting { default, .. } => default.as_deref(),
        }
    }
}

/// Judges a text that an operator or a manifest gives.
pub(crate) type WordRule = fn(&str) -> Result<(), &'static str>;

/// The user of `Authorization: Basic` (RFC 7617).
pub(crate) fn user_name(text: &str) -> Result<(), &'static str> {
    let is_user = (1..=128).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b':');
    if is_user { Ok(()) } else { Err("must be 1 to 128 printable ASCII characters without `:`") }
}

/// A region or a service of AWS: part of what is signed, `/` between them.
pub(crate) fn aws_name(text: &str) -> Result<(), &'static str> {
    let is_name = (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && text.starts_with(|c: char| c.is_ascii_lowercase());
    if is_name { Ok(()) } else { Err("must be 1 to 64 of `a-z`, `0-9` and `-`, beginning with a letter") }
}

/// In words, as `creel plugin inspect` prints it.
impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { name, prefix } if prefix.is_empty() => write!(f, "header `{name}`"),
            Self::Header { name, prefix } => write!(f, "header `{name}: {prefix}…`"),
            Self::Query { name } => write!(f, "parameter `{name}` of the query"),
            Self::Path { before, after } => {
                write!(f, "part of the path, which then begins with `{before}…{after}`")
            }
            Self::Basic { user: None } => f.write_str("user and password (`authorization: Basic …`)"),
            Self::Basic { user: Some(user) } => write!(f, "password of {user} (`authorization: Basic …`)"),
            Self::HmacSha256(rule) => rule.fmt(f),
            Self::AwsSigv4 { service, region, unsigned_payload } => {
                write!(f, "key of an AWS signature (version 4) for the service `{service}` in {region}")?;
                if *unsigned_payload { f.write_str(", which does not cover the body") } else { Ok(()) }
            }
        }
    }
}

impl fmt::Display for HmacRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over: Vec<String> = self.over.iter().map(ToString::to_string).collect();
        let (header, prefix) = (&self.header, &self.prefix);
        write!(f, "key of an HMAC-SHA256 signature over {} in header `{header}", over.join(", "))?;
        if prefix.is_empty() {
            f.write_str("`")?
        } else {
            write!(f, ": {prefix}…`")?
        }
        if let Some(Timestamp { header, .. }) = &self.timestamp {
            write!(f, ", with the time in `{header}`")?;
        }
        if let Some(id) = &self.id {
            write!(f, ", with the name of the key in `{id}`")?;
        }
        Ok(())
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timestamp => f.write_str("the time"),
            Self::Id => f.write_str("the name of the key"),
            Self::Method => f.write_str("the method"),
            Self::Host => f.write_str("the host"),
            Self::Path => f.write_str("the path"),
            Self::Query => f.write_str("the query"),
            Self::PathAndQuery => f.write_str("path and query"),
            Self::Body => f.write_str("the body"),
            Self::BodySha256 => f.write_str("the body's SHA-256"),
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Text(text) => write!(f, "`{text}`"),
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(text) => write!(f, "`{text}`"),
            Self::Setting { setting, default: None } => write!(f, "what `{setting}` says"),
            Self::Setting { setting, default: Some(default) } => write!(f, "`{default}` or what `{setting}` says"),
        }
    }
}
