//! Which URLs media are fetched from. Nothing here resolves a name: the host does, and vets every address.

use url::Url;

use crate::address::{AddressRefusal, vet};
use crate::origin::{Host, Origin, parse_foreign_url};

use super::{MediaRefusal, MediaRefusalCode};

/// Redirects that a fetch follows; the older gateway follows as many (case L14).
pub const URL_REDIRECTS_MAX: usize = 5;

/// A host, or everything below one: `img.example.com`, `*.assets.example.com`. The second does not hold
/// `assets.example.com` itself (case P15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This host.
    Exact(String),
    /// Every host below this one.
    Below(String),
}

impl HostPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "expected a host like `img.example.com` or `*.example.com`, without scheme, port or path";
        let (name, is_below) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
        let origin = Origin::parse(&format!("https://{name}")).map_err(|_| FORM.to_owned())?;
        match origin.host() {
            Host::Domain(host) if name.eq_ignore_ascii_case(host) && (!is_below || host.contains('.')) => {
                Ok(if is_below { Self::Below(host.clone()) } else { Self::Exact(host.clone()) })
            }
            Host::Ipv4(_) | Host::Ipv6(_) if !is_below && origin.port() == 443 && !name.contains('/') => {
                Ok(Self::Exact(name.to_owned()))
            }
            Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => Err(FORM.to_owned()),
        }
    }

    fn holds(&self, host: &Host) -> bool {
        let host = host.to_string();
        match self {
            Self::Exact(exact) => *exact == host,
            Self::Below(below) => host.strip_suffix(below.as_str()).is_some_and(|rest| rest.ends_with('.')),
        }
    }
}

/// `media.urls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlAccess {
    /// Whether media are fetched by URL at all.
    pub enabled: bool,
    /// The only hosts to fetch from; `None`: any that is public.
    pub hosts: Option<Vec<HostPattern>>,
    /// Origins that may lie in the own network; no other port, no other scheme (case P22).
    pub private: Vec<Origin>,
}

impl Default for UrlAccess {
    fn default() -> Self {
        Self { enabled: true, hosts: None, private: Vec::new() }
    }
}

/// A URL that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaUrl {
    /// Without a fragment.
    pub url: Url,
    /// Scheme, host and port; all that is ever logged (case P16).
    pub origin: Origin,
    /// Whether the operator has opened this very origin, wherever it lies.
    pub may_be_private: bool,
}

impl UrlAccess {
    /// Judges a URL, as it was written or as a redirect gives it.
    ///
    /// # Errors
    ///
    /// `url-not-allowed` with the rule; it repeats no more of the URL than its host.
    pub fn judge(&self, text: &str) -> Result<MediaUrl, MediaRefusal> {
        let refuse = |rule: String| MediaRefusal::new(MediaRefusalCode::UrlNotAllowed, rule);
        if !self.enabled {
            return Err(refuse("media are not fetched by URL: `media.urls.enabled` is off".to_owned()));
        }
        let mut url = parse_foreign_url(text).map_err(|error| refuse(error.to_string()))?;
        url.set_fragment(None);
        let origin = Origin::of(&url).map_err(|error| refuse(error.to_string()))?;
        let may_be_private = self.private.contains(&origin);
        if let Some(hosts) = &self.hosts
            && !may_be_private
            && !hosts.iter().any(|pattern| pattern.holds(origin.host()))
        {
            return Err(refuse(format!("`{}` is not on the list `media.urls.hosts`", origin.host())));
        }
        let addresses = match origin.host() {
            Host::Domain(_) => Vec::new(),
            Host::Ipv4(address) => vec![(*address).into()],
            Host::Ipv6(address) => vec![(*address).into()],
        };
        match vet(origin.host(), &addresses, may_be_private) {
            // Where a name leads is seen when it is looked up.
            Ok(()) | Err(AddressRefusal::NoAddress { .. }) => {}
            Err(refusal) => return Err(refuse(refusal.to_string())),
        }
        Ok(MediaUrl { url, origin, may_be_private })
    }

    /// Judges where a redirect leads, `hops` of which were followed before.
    ///
    /// # Errors
    ///
    /// `url-not-allowed`: too many, from `https` to `http`, or not allowed by itself.
    pub fn redirect(&self, from: &MediaUrl, location: &str, hops: usize) -> Result<MediaUrl, MediaRefusal> {
        let refuse = |rule: &str| MediaRefusal::new(MediaRefusalCode::UrlNotAllowed, rule);
        if hops >= URL_REDIRECTS_MAX {
            return Err(refuse(&format!("more than {URL_REDIRECTS_MAX} redirects")));
        }
        let next = from.url.join(location).map_err(|_| refuse("a redirect leads to no URL"))?;
        let next = self.judge(next.as_str())?;
        if from.url.scheme() == "https" && next.url.scheme() == "http" {
            return Err(refuse("a redirect leads from `https` to `http`"));
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests;
