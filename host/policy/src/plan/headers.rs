//! What the entry of a provider adds to its requests, and whether any credential of the plugin can stand beside it.

use crate::config::ProviderEntry;
use crate::entry_headers::{EntryHeaders, HeaderConflict};
use crate::grant::Grant;
use crate::manifest::{ClassRule, Manifest};
use crate::origin::Origin;
use crate::problem::Problem;

use super::PlanProblem;

/// What an entry adds, bound to its own server.
pub(super) fn of(entry: &ProviderEntry, manifest: &Manifest, grant: &Grant) -> EntryHeaders {
    EntryHeaders {
        origin: origin(manifest, grant),
        names: entry.headers.iter().map(|header| (header.name.clone(), header.key.clone())).collect(),
        auth_header: entry.auth_header.map(|_| format!("{}.authHeader", entry.key)),
    }
}

/// The server that an entry means: the one of `baseUrl`, else the one that its first credential is for, else the only
/// one.
fn origin(manifest: &Manifest, grant: &Grant) -> Option<Origin> {
    let is_base = |name: &&String| manifest.endpoints[*name].setting.as_deref() == Some("baseUrl");
    let of_base = manifest.endpoints.keys().find(is_base);
    let of_slot = manifest.credentials.values().next().map(|slot| &slot.endpoint);
    let only = manifest.endpoints.keys().next().filter(|_| manifest.endpoints.len() == 1);
    let name = of_base.or(of_slot).or(only)?;
    grant.endpoints.get(name).map(|endpoint| endpoint.base.origin.clone())
}

/// Reports what can never be: headers without a server, and a slot all of whose places the entry contradicts. A place
/// that is not used does no harm; one that is used is looked at again with the credential.
pub(super) fn check(
    file: &str,
    entry: &ProviderEntry,
    (headers, grant): (&EntryHeaders, &Grant),
) -> Result<(), Vec<PlanProblem>> {
    let problem = |key: &str, message: String| {
        let of_header = entry.headers.iter().find(|header| header.key == key).map(|header| header.place);
        let place = of_header.or(entry.auth_header).unwrap_or_default();
        let (line, column) = (place.line, place.column);
        let (file, key) = (file.to_owned(), key.to_owned());
        let problem = Problem { file, line, column, key, message, hint: None };
        PlanProblem::Setting { entry: entry.key.clone(), problem }
    };
    if let (None, Some((_, key))) = (&headers.origin, headers.names.first()) {
        return Err(vec![problem(key, "the plugin has no server that the header could go to".to_owned())]);
    }
    let is_wanted = |rule: &&ClassRule| entry.auth.is_none_or(|wanted| rule.class.contains(&wanted));
    let mut problems = Vec::new();
    for slot in grant.credentials.values() {
        let said: Vec<Result<(), HeaderConflict>> =
            slot.classes.iter().filter(is_wanted).map(|rule| headers.agree_with(&rule.place)).collect();
        if let Some(Err(conflict)) = said.first()
            && said.iter().all(Result::is_err)
        {
            problems.push(problem(conflict.key(), conflict.to_string()));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

#[cfg(test)]
mod tests;
