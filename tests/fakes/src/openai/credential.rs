//! Which header carries the key, and that it stands nowhere else. The body of a request is not judged here.

use super::error::ApiError;
use crate::exchange::Recorded;

/// Headers of other services' credentials: one that comes was sent to the wrong place.
const FOREIGN: [&str; 6] =
    ["x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization", "anthropic-beta"];

/// Lets in exactly one key, as a bearer; where no keys are known, exactly none.
pub(super) fn check(request: &Recorded, keys: &[String]) -> Result<(), ApiError> {
    if let Some(name) = FOREIGN.iter().find(|name| request.headers.contains_key(**name)) {
        return Err(ApiError::unauthenticated(format!("`{name}` does not belong here")));
    }
    let count = request.headers.get_all("authorization").iter().count();
    match count {
        0 if keys.is_empty() => return Ok(()),
        0 => {
            let text = "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
            return Err(ApiError::new(401, text));
        }
        1 => {}
        _ => return Err(ApiError::unauthenticated("more than one authorization header")),
    }
    if keys.is_empty() {
        return Err(ApiError::unauthenticated("a credential leaked to a server that needs none: `authorization`"));
    }
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if !keys.iter().any(|key| key == bearer) {
        let text = format!(
            "Incorrect API key provided: {}. You can find your API key at https://platform.openai.com/account/api-keys.",
            masked(bearer)
        );
        return Err(ApiError::unauthenticated(text));
    }
    let mut rest = request.clone();
    rest.headers.remove("authorization");
    match keys.iter().any(|key| rest.contains(key)) {
        true => Err(ApiError::invalid("a credential stands outside its header")),
        false => Ok(()),
    }
}

/// The key as the service repeats it: its first and its last signs.
fn masked(key: &str) -> String {
    let signs: Vec<char> = key.chars().collect();
    if signs.len() < 12 {
        return "*".repeat(signs.len());
    }
    let end = signs.len() - 4;
    let (head, tail): (String, String) = (signs[..7].iter().collect(), signs[end..].iter().collect());
    format!("{head}{}{tail}", "*".repeat(end - 7))
}
