//! What the operator gives a plugin: its manifest's requests, made exact by the operator's entry. Nothing here reads a
//! file or a secret; where a setting cannot be read there is no grant.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::address;
use crate::entry_headers::EntryHeaders;
use crate::ids::PluginId;
use crate::limits;
use crate::manifest::{
    Allow, CredentialSlot, EndpointRequest, Manifest, MediaRequest, Placement, RefreshRule, Word, is_secret_name,
};
use crate::origin::{BadOrigin, BaseUrl, Host};
use crate::problem::{nearest, shown};
use crate::renewal::{NamedBy, token_url};
use crate::settings::Schema;

/// The operator's settings of one entry of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct EntrySettings {
    /// Where the entry stands, e.g. `channels.signal` or `models.providers.anthropic`.
    pub name: String,
    /// Its keys, without those that the host reads itself (`apiKey`, `models`, `allowFrom`, …). What endpoints and
    /// roots name is taken from here; the rest is the plugin's.
    pub values: Map<String, Value>,
}

/// All that a plugin may do. What is not in here it may not.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Grant {
    /// Whose it is.
    pub plugin: PluginId,
    /// The entry of the configuration that gives it.
    pub entry: String,
    /// Where it may send requests.
    pub endpoints: BTreeMap<String, EndpointGrant>,
    /// The credentials that it may have put on its requests.
    pub credentials: BTreeMap<String, CredentialSlot>,
    /// What the operator's entry adds to its requests.
    pub headers: EntryHeaders,
    /// Directories that the host reads for it, as absolute paths. A root that the operator did not set is not here.
    pub roots: BTreeMap<String, String>,
    /// What it may do with media.
    pub media: MediaRequest,
    /// Bytes of its cursor.
    pub cursor_bytes_max: usize,
}

/// One server and what may be asked of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct EndpointGrant {
    /// Where it is.
    pub base: BaseUrl,
    /// Methods and paths, the latter below the base.
    pub allow: Vec<Allow>,
    /// Who said so: `channels.signal.httpUrl` or `manifest default`.
    pub source: String,
    /// Whether this very origin may be at an address that is not public: the operator named it, or it is this machine
    /// by its spelling.
    pub may_be_private: bool,
}

/// Why an entry of the configuration gives no grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantProblem {
    /// Nobody says where a server is.
    #[error("`{key}` is required: the plugin has no default for its endpoint `{endpoint}`")]
    NoServer {
        /// The endpoint's name.
        endpoint: String,
        /// The key to write.
        key: String,
    },
    /// A setting is not text.
    #[error("`{key}` must be a string")]
    NotText {
        /// The key.
        key: String,
    },
    /// A setting names no server. The value is not repeated; it may hold a password.
    #[error("`{key}` is not the address of a server")]
    BadServer {
        /// The key.
        key: String,
        /// The rule that it breaks.
        source: BadOrigin,
    },
    /// A setting names a metadata service, which nobody may open.
    #[error("`{key}` names a cloud metadata service, which no grant opens")]
    Metadata {
        /// The key.
        key: String,
    },
    /// A setting names no directory.
    #[error("`{key}` {rule}")]
    BadDirectory {
        /// The key.
        key: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A setting that the plugin does not take, or of the wrong form.
    #[error("`{key}` {rule}")]
    BadSetting {
        /// The key.
        key: String,
        /// What is wrong.
        rule: String,
        /// What was probably meant.
        hint: Option<String>,
    },
}

impl GrantProblem {
    /// The dotted path of the key that it is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::NoServer { key, .. }
            | Self::NotText { key }
            | Self::BadServer { key, .. }
            | Self::Metadata { key }
            | Self::BadDirectory { key, .. }
            | Self::BadSetting { key, .. } => key,
        }
    }

    /// What to write instead, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::BadSetting { hint, .. } => hint.as_deref(),
            Self::NoServer { .. }
            | Self::NotText { .. }
            | Self::BadServer { .. }
            | Self::Metadata { .. }
            | Self::BadDirectory { .. } => None,
        }
    }
}

/// Computes what an entry of the configuration gives a plugin.
///
/// # Errors
///
/// Every problem of the entry; never empty.
pub fn grant(manifest: &Manifest, entry: &EntrySettings) -> Result<Grant, Vec<GrantProblem>> {
    let mut problems = Vec::new();
    let mut endpoints = BTreeMap::new();
    for (name, request) in &manifest.endpoints {
        match endpoint(name, request, entry) {
            Ok(granted) => {
                endpoints.insert(name.clone(), granted);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let mut roots = BTreeMap::new();
    for (name, request) in &manifest.roots {
        match directory(&request.setting, entry) {
            Ok(Some(path)) => {
                roots.insert(name.clone(), path);
            }
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    let mut credentials = manifest.credentials.clone();
    for rule in credentials.values_mut().flat_map(|slot| &mut slot.classes) {
        problems.extend(fill(&mut rule.place, entry).err());
    }
    for rule in credentials.values_mut().filter_map(|slot| slot.refresh.as_mut()) {
        problems.extend(renewed_at(rule, entry).err());
    }
    problems.extend(setting_problems(manifest, entry));
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Grant {
        plugin: manifest.plugin.id.clone(),
        entry: entry.name.clone(),
        endpoints,
        credentials,
        headers: EntryHeaders::default(),
        roots,
        media: manifest.media,
        cursor_bytes_max: manifest
            .limits
            .cursor_bytes_max
            .unwrap_or(limits::CURSOR_BYTES_MAX)
            .min(limits::CURSOR_BYTES_MAX),
    })
}

/// The settings that the plugin itself may see: no origins, no directories, nothing whose name says that it is a
/// secret. Defaults of its schema are filled in.
#[must_use]
pub fn plugin_settings(manifest: &Manifest, entry: &EntrySettings) -> Map<String, Value> {
    let host: Vec<&str> = host_settings(manifest).collect();
    let mut settings = entry.values.clone();
    settings.retain(|key, _| !host.contains(&key.as_str()));
    remove_secrets(&mut settings);
    if let Some(schema) = schema(manifest) {
        schema.fill(&mut settings);
    }
    settings
}

/// The settings that endpoints, roots and credentials take.
fn host_settings(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let endpoints = manifest.endpoints.values().filter_map(|endpoint| endpoint.setting.as_deref());
    let rules = manifest.credentials.values().flat_map(|slot| &slot.classes);
    let placed = rules.filter_map(|rule| match rule.place.word()?.0 {
        Word::Setting { setting, .. } => Some(setting.as_str()),
        Word::Fixed(_) => None,
    });
    let refresh = manifest.credentials.values().filter_map(|slot| slot.refresh.as_ref()?.setting.as_deref());
    endpoints.chain(manifest.roots.values().map(|root| root.setting.as_str())).chain(placed).chain(refresh)
}

/// Lets the operator say where access tokens are renewed.
fn renewed_at(rule: &mut RefreshRule, entry: &EntrySettings) -> Result<(), GrantProblem> {
    let set = rule.setting.as_deref().and_then(|setting| Some((setting, entry.values.get(setting)?)));
    let Some((setting, value)) = set else { return Ok(()) };
    let key = format!("{}.{setting}", entry.name);
    let text = value.as_str().ok_or_else(|| GrantProblem::NotText { key: key.clone() })?;
    let bad = |rule: String| GrantProblem::BadSetting { key, rule, hint: None };
    rule.token_url = token_url(text.trim(), NamedBy::Operator).map_err(bad)?;
    rule.may_be_private = address::is_loopback(rule.token_url.origin.host());
    Ok(())
}

/// Writes into a place what the operator says for it. What nobody says stays open: the class may not be the one that
/// is used.
fn fill(place: &mut Placement, entry: &EntrySettings) -> Result<(), GrantProblem> {
    let Some((Word::Setting { setting, default }, rule)) = place.word() else { return Ok(()) };
    let key = format!("{}.{setting}", entry.name);
    let text = match entry.values.get(setting) {
        Some(value) => value.as_str().ok_or_else(|| GrantProblem::NotText { key: key.clone() })?.to_owned(),
        None => match default {
            Some(default) => default.clone(),
            None => return Ok(()),
        },
    };
    rule(&text).map_err(|rule| GrantProblem::BadSetting { key, rule: rule.to_owned(), hint: None })?;
    if let Some(word) = place.word_mut() {
        *word = Word::Fixed(text);
    }
    Ok(())
}

fn schema(manifest: &Manifest) -> Option<Schema> {
    let value = serde_json::from_str(manifest.settings_schema.as_deref()?).ok()?;
    Schema::parse(value).ok()
}

fn endpoint(name: &str, request: &EndpointRequest, entry: &EntrySettings) -> Result<EndpointGrant, GrantProblem> {
    let key_of = |setting: &str| format!("{}.{setting}", entry.name);
    let set = request.setting.as_deref().and_then(|setting| Some((setting, entry.values.get(setting)?)));
    let (text, source, is_operators) = match (set, &request.default) {
        (Some((setting, value)), _) => {
            let key = key_of(setting);
            let text = value.as_str().ok_or_else(|| GrantProblem::NotText { key: key.clone() })?;
            (text, key, true)
        }
        (None, Some(default)) => (default.as_str(), "manifest default".to_owned(), false),
        (None, None) => {
            let key = key_of(request.setting.as_deref().unwrap_or(name));
            return Err(GrantProblem::NoServer { endpoint: name.to_owned(), key });
        }
    };
    let base =
        BaseUrl::parse(text.trim()).map_err(|error| GrantProblem::BadServer { key: source.clone(), source: error })?;
    let host = base.origin.host();
    // Asked as if it were granted, without an address: what is refused even so is refused for good.
    let literal: Vec<_> = match host {
        Host::Domain(_) => Vec::new(),
        Host::Ipv4(address) => vec![(*address).into()],
        Host::Ipv6(address) => vec![(*address).into()],
    };
    if let Err(address::AddressRefusal::Metadata { .. }) = address::vet(host, &literal, true) {
        return Err(GrantProblem::Metadata { key: source });
    }
    let may_be_private = is_operators || address::is_loopback(host);
    Ok(EndpointGrant { base, allow: request.allow.clone(), source, may_be_private })
}

/// Reads a directory that the host is to read. One directory, exactly: no pattern, no home, no way up (case J24).
fn directory(setting: &str, entry: &EntrySettings) -> Result<Option<String>, GrantProblem> {
    let key = format!("{}.{setting}", entry.name);
    let Some(value) = entry.values.get(setting) else { return Ok(None) };
    let Some(text) = value.as_str() else { return Err(GrantProblem::NotText { key }) };
    let bad = |rule| Err(GrantProblem::BadDirectory { key: key.clone(), rule });
    if !text.starts_with('/') {
        return bad("must be an absolute path, written out from `/`");
    }
    if text.chars().any(char::is_control) || text.len() > 4096 {
        return bad("must be a path of at most 4096 bytes without control characters");
    }
    if text.contains(['*', '?']) {
        return bad("must be one directory: patterns do not exist here");
    }
    let steps: Vec<&str> = text.split('/').filter(|step| !step.is_empty() && *step != ".").collect();
    if steps.contains(&"..") {
        return bad("must be a path without `..`");
    }
    if steps.is_empty() {
        return bad("must not be the root of the file system: name a narrower directory");
    }
    Ok(Some(format!("/{}", steps.join("/"))))
}

/// Checks what endpoints and roots do not take against the plugin's schema; without one, nothing else may be set.
fn setting_problems(manifest: &Manifest, entry: &EntrySettings) -> Vec<GrantProblem> {
    let host: Vec<&str> = host_settings(manifest).collect();
    let mut rest = entry.values.clone();
    rest.retain(|key, _| !host.contains(&key.as_str()));
    let key_of = |path: &str| format!("{}.{path}", entry.name);
    let schema = schema(manifest);
    let names: Vec<&str> = host.iter().copied().chain(schema.iter().flat_map(Schema::names)).collect();
    let hint_for = |key: &str| nearest(key, names.iter().copied()).map(|name| format!("did you mean `{name}`?"));
    match &schema {
        None => {
            let unknown = rest.keys().map(|key| GrantProblem::BadSetting {
                key: key_of(&shown(key)),
                rule: "is no setting of this plugin".to_owned(),
                hint: hint_for(key),
            });
            unknown.collect()
        }
        Some(schema) => {
            let faults = schema.check(&rest).into_iter().map(|fault| GrantProblem::BadSetting {
                hint: fault.hint.or_else(|| rest.contains_key(&fault.path).then(|| hint_for(&fault.path)).flatten()),
                key: key_of(&fault.path),
                rule: fault.message,
            });
            faults.collect()
        }
    }
}

fn remove_secrets(settings: &mut Map<String, Value>) {
    settings.retain(|key, _| !is_secret_name(key));
    for value in settings.values_mut() {
        remove_secrets_of(value);
    }
}

fn remove_secrets_of(value: &mut Value) {
    match value {
        Value::Object(object) => remove_secrets(object),
        Value::Array(items) => items.iter_mut().for_each(remove_secrets_of),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
