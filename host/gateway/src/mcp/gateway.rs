//! Which gateway is meant, and by whose token. How it is talked to is in `exchange`.

use std::path::PathBuf;

use http::{HeaderValue, Uri};

use crate::cli::{LISTEN_PORT, McpArgs};

/// A gateway.
pub(super) struct Gateway {
    /// Where it listens.
    pub(super) place: Place,
    /// `Bearer …`; does not show itself.
    pub(super) token: Option<HeaderValue>,
}

/// Where a gateway listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Host and port.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

/// It is not clear which gateway is meant, or what it is to be told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum McpError {
    /// No address.
    #[error("`{url}` is not the address of a gateway; write e.g. `http://127.0.0.1:{LISTEN_PORT}`")]
    BadUrl {
        /// As it was given.
        url: String,
    },
    /// No token.
    #[error("$CREEL_TOKEN holds signs that no token has")]
    BadToken,
}

impl Gateway {
    /// Reads the command line and, where it says nothing, the environment.
    ///
    /// # Errors
    ///
    /// [`McpError`].
    pub(super) fn of(args: &McpArgs, variable: impl Fn(&str) -> Option<String>) -> Result<Self, McpError> {
        let place = match (&args.socket, &args.url) {
            (Some(socket), _) => Place::Unix(socket.clone()),
            (None, Some(url)) => tcp(url)?,
            (None, None) => match (variable("CREEL_SOCKET"), variable("CREEL_URL")) {
                (Some(socket), _) => Place::Unix(socket.into()),
                (None, Some(url)) => tcp(&url)?,
                (None, None) => Place::Tcp(format!("127.0.0.1:{LISTEN_PORT}")),
            },
        };
        let token = variable("CREEL_TOKEN").map(|token| {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(|_| McpError::BadToken)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self { place, token: token.transpose()? })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(authority) => write!(f, "http://{authority}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Host and port of an address. The daemon speaks plain HTTP and has one place for this protocol, so that nothing else
/// can be meant.
fn tcp(url: &str) -> Result<Place, McpError> {
    let bad = || {
        // What stands before `@` may be a password.
        let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
        McpError::BadUrl { url: shown.chars().filter(|c| !c.is_control()).take(200).collect() }
    };
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(bad)?;
    let is_whole = matches!(uri.path().trim_end_matches('/'), "" | "/mcp") && uri.query().is_none();
    if uri.scheme_str() != Some("http") || !is_whole {
        return Err(bad());
    }
    let port = authority.port_u16().unwrap_or(80);
    Ok(Place::Tcp(format!("{}:{port}", authority.host())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(args: &McpArgs, set: &[(&str, &str)]) -> Result<String, String> {
        let variable = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        Gateway::of(args, variable).map(|gateway| gateway.place.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_option_beats_the_environment() {
        let url = |url: &str| McpArgs { url: Some(url.to_owned()), socket: None };
        let socket = McpArgs { url: None, socket: Some("/run/creel.sock".into()) };
        let check = |args: &McpArgs, set: &[(&str, &str)], expect: &str| {
            assert_eq!(place(args, set).as_deref(), Ok(expect), "{args:?} {set:?}");
        };
        check(&McpArgs::default(), &[], "http://127.0.0.1:18790");
        check(&McpArgs::default(), &[("CREEL_URL", "http://[::1]:7")], "http://[::1]:7");
        check(&McpArgs::default(), &[("CREEL_URL", "http://a:7"), ("CREEL_SOCKET", "/s")], "/s");
        check(&url("http://a:1"), &[("CREEL_SOCKET", "/s")], "http://a:1");
        check(&socket, &[("CREEL_URL", "http://a:7")], "/run/creel.sock");
        check(&url("http://gateway.example/mcp"), &[], "http://gateway.example:80");
        check(&url("http://gateway.example/"), &[], "http://gateway.example:80");
    }

    #[test]
    fn what_is_no_gateway_is_refused() {
        let check = |url: &str| {
            let shown = url.trim_start_matches("http://user:secret@");
            let refused = format!("`{shown}` is not the address of a gateway; write e.g. `http://127.0.0.1:18790`");
            assert_eq!(place(&McpArgs { url: Some(url.to_owned()), socket: None }, &[]), Err(refused));
        };
        check("https://127.0.0.1:18790");
        check("127.0.0.1:18790");
        check("http://user:secret@127.0.0.1");
        check("http://127.0.0.1/v1");
        check("http://127.0.0.1/?x");
        check("");
    }

    #[test]
    fn a_token_is_trimmed_and_not_shown() {
        let token = |token: &str| {
            let variable = |name: &str| (name == "CREEL_TOKEN").then(|| token.to_owned());
            Gateway::of(&McpArgs::default(), variable).map(|gateway| gateway.token.expect("there is one"))
        };
        let value = token("creel_abc\n").expect("it is one");
        assert_eq!(value.to_str().ok(), Some("Bearer creel_abc"));
        assert_eq!(format!("{value:?}"), "Sensitive");
        assert_eq!(token("creel\u{7}abc").err(), Some(McpError::BadToken));
    }
}
