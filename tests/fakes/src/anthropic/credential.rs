//! Which header may carry which kind of credential. The body of a request is not judged here.

use super::error::ApiError;
use crate::exchange::Recorded;

/// The credentials that the fake knows.
pub(super) struct Credentials<'a> {
    pub(super) api_keys: &'a [String],
    pub(super) oauth_tokens: &'a [String],
}

/// The kind of credential that a request was let in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    ApiKey,
    OAuthToken,
}

impl Credentials<'_> {
    /// Lets in exactly one credential, in its own header and nowhere else.
    pub(super) fn check(&self, request: &Recorded) -> Result<Accepted, ApiError> {
        let accepted = self.check_header(request)?;
        let mut secrets = self.api_keys.iter().chain(self.oauth_tokens);
        match secrets.any(|secret| is_astray(request, secret)) {
            true => Err(ApiError::invalid("a credential stands outside its header")),
            false => Ok(accepted),
        }
    }

    fn check_header(&self, request: &Recorded) -> Result<Accepted, ApiError> {
        let count = |name: &str| request.headers.get_all(name).iter().count();
        match (count("x-api-key"), count("authorization")) {
            (0, 0) => Err(ApiError::unauthenticated("x-api-key header is required")),
            (1, 0) if is_one_of(self.api_keys, request.header("x-api-key")) => Ok(Accepted::ApiKey),
            (1, 0) => Err(ApiError::unauthenticated("invalid x-api-key")),
            (0, 1) => self.check_bearer(request),
            (_, _) => Err(ApiError::unauthenticated("more than one credential: send x-api-key or authorization")),
        }
    }

    fn check_bearer(&self, request: &Recorded) -> Result<Accepted, ApiError> {
        let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if !is_one_of(self.oauth_tokens, bearer) {
            return Err(ApiError::unauthenticated("Invalid bearer token"));
        }
        let betas = request.headers.get_all("anthropic-beta");
        let mut betas = betas.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        match betas.any(|beta| beta.trim() == "oauth-2025-04-20") {
            true => Ok(Accepted::OAuthToken),
            false => Err(ApiError::unauthenticated("OAuth authentication is currently not supported.")),
        }
    }
}

fn is_one_of(known: &[String], value: Option<&str>) -> bool {
    value.is_some_and(|value| known.iter().any(|known| known == value))
}

/// Whether a secret stands anywhere but in the one header where it belongs.
fn is_astray(request: &Recorded, secret: &str) -> bool {
    let mut rest = request.clone();
    rest.headers.remove("x-api-key");
    rest.headers.remove("authorization");
    rest.contains(secret)
}
