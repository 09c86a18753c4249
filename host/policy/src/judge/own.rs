//! What the host itself puts on a request, and a plugin therefore may not: the header, the parameter and the path of a
//! credential. Whether there is a credential at all is not known here.

use percent_encoding::percent_decode_str;
use url::Url;

use super::{Refusal, Refused, Target};
use crate::address::is_loopback;
use crate::grant::{EndpointGrant, Grant};
use crate::manifest::{CredentialSlot, Placement};
use crate::origin::Scheme;
use crate::problem::shown;

/// Refuses the headers that go with a credential of the plugin, whichever of its requests it is (attacks 25, 67).
pub(super) fn check_headers(grant: &Grant, list: &[(String, String)]) -> Result<(), Refused> {
    for (name, _) in list {
        let owns = |place: &Placement| place.headers().iter().any(|own| own.eq_ignore_ascii_case(name));
        if let Some((slot, _)) = places(grant).find(|(_, place)| owns(place)) {
            let rule = format!("the header `{name}` is set by the host, with the credential `{slot}`");
            return Err(Refused::new(Refusal::BadRequest, rule));
        }
    }
    Ok(())
}

/// Refuses the parameters that go with a credential, as a server reads them: in any case, percent-encoded or not,
/// behind `&` or `;`.
pub(super) fn check_query(grant: &Grant, url: &Url) -> Result<(), Refused> {
    for pair in url.query().unwrap_or_default().split(['&', ';']) {
        let name = pair.split('=').next().unwrap_or_default().replace('+', " ");
        let name = percent_decode_str(&name).decode_utf8_lossy().into_owned();
        let name = name.trim();
        if let Some((slot, _)) = places(grant).find(|(_, place)| place.owns_parameter(name)) {
            let rule = format!("the parameter `{}` is set by the host, with the credential `{slot}`", shown(name));
            return Err(Refused::new(Refusal::BadRequest, rule));
        }
    }
    Ok(())
}

/// Whether a credential that stands in the URL may be on this request: the URL must be the plugin's own path below the
/// endpoint, and nobody on the way may read it (attack 71).
pub(super) fn check_in_url(
    (name, slot): (&str, &CredentialSlot),
    endpoint: &EndpointGrant,
    target: Option<&Target<'_>>,
) -> Result<(), Refused> {
    let refuse = |rule: String| Err(Refused::new(Refusal::CredentialNotGranted, rule));
    let places = || slot.classes.iter().map(|rule| &rule.place);
    let origin = &endpoint.base.origin;
    if places().any(Placement::is_in_url) && origin.scheme() == Scheme::Http && !is_loopback(origin.host()) {
        return refuse(format!("the credential `{name}` stands in the URL and does not go over `http` to `{origin}`"));
    }
    let is_path = places().any(|place| matches!(place, Placement::Path { .. }));
    match target {
        Some(Target::Url(_)) if is_path => refuse(format!(
            "the credential `{name}` stands in the path and goes with an endpoint's path, not with a URL"
        )),
        // The server means a path that holds the credential, and says so or not: either way it would be a guess.
        None if is_path => refuse(format!("a request with the credential `{name}` in its path follows no redirect")),
        Some(Target::Url(_) | Target::Endpoint { .. }) | None => Ok(()),
    }
}

fn places(grant: &Grant) -> impl Iterator<Item = (&str, &Placement)> {
    let slots = grant.credentials.iter();
    slots.flat_map(|(name, slot)| slot.classes.iter().map(move |rule| (name.as_str(), &rule.place)))
}

#[cfg(test)]
mod tests;
