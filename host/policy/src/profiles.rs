//! `auth-profiles.json`: the credentials that the older gateway stored, read in its own format and never written.
//! A profile that cannot be used disables itself alone; nothing here chooses between profiles.

use std::collections::BTreeMap;

use crate::config::{SecretsConfig, read_order, secret_input};
use crate::ids::{ProfileId, ProviderId};
use crate::json5::{Entry, Node, Number, Problems, Value, parse};
use crate::manifest::CredentialClass;
use crate::problem::Problem;
use crate::renewal;
use crate::secret_ref::{Literal, SecretInput};

/// The format that is read.
const VERSION: i64 = 1;
/// The last millisecond of a date in the format's own language.
const EXPIRES_MS_MAX: i64 = 8_640_000_000_000_000;

/// All stored profiles.
#[derive(Default)]
pub struct Profiles {
    /// The file as it was named to the parser; of several the shared one.
    pub file: String,
    /// In the order of the file; an agent's own before the shared ones.
    pub profiles: Vec<Profile>,
    /// `order`: beats that of the configuration.
    pub order: BTreeMap<ProviderId, Vec<ProfileId>>,
    /// `lastGood`: kept, and never a reason to choose.
    pub last_good: BTreeMap<ProviderId, ProfileId>,
    /// `usageStats`.
    pub usage: BTreeMap<ProfileId, Usage>,
    /// What is wrong with single profiles; each of them is unavailable, and all others work.
    pub problems: Vec<Problem>,
}

/// One stored profile.
pub struct Profile {
    /// Its id.
    pub id: ProfileId,
    /// The file that it stands in.
    pub file: String,
    /// Whose it is; `None`: it does not say, and can be used by nobody.
    pub provider: Option<ProviderId>,
    /// What it holds, or why it cannot be used.
    pub credential: Result<StoredCredential, Unusable>,
}

/// What a profile holds.
pub struct StoredCredential {
    /// What kind it is.
    pub class: CredentialClass,
    /// The key, the token, or the access token.
    pub secret: SecretInput,
    /// OAuth only: what a new access token is got with.
    pub refresh: Option<Literal>,
    /// OAuth only: as which client that is done.
    pub client_id: Option<String>,
    /// Milliseconds since 1970 at which it ends; `None`: never.
    pub expires_ms: Option<u64>,
}

/// `usageStats.<id>`: what the older gateway remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// When it was last used.
    pub last_used_ms: u64,
}

/// Why a profile can be used by nobody, whatever the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unusable {
    /// No key, token or access token, and no reference to one.
    #[error("missing_credential: the profile holds neither a secret nor a reference to one")]
    MissingCredential,
    /// A date that is none.
    #[error("invalid_expires: `expires` is not a time in milliseconds")]
    InvalidExpires,
    /// A type that Creel does not know, e.g. `aws-sdk`.
    #[error("unknown_type: the type of the profile is not `api_key`, `token` or `oauth`")]
    UnknownType,
    /// B23: an access token is renewed, and a reference cannot be.
    #[error("oauth_reference: an `oauth` profile cannot be a secret reference, since it is renewed")]
    OauthReference,
    /// It cannot be read.
    #[error("malformed: the profile cannot be read")]
    Malformed,
}

impl Profiles {
    /// The profile of this id.
    #[must_use]
    pub fn get(&self, id: &ProfileId) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.id == *id)
    }

    /// Lays an agent's own profiles over those that all agents share: of two with one id the agent's counts, be it
    /// usable or not, and so does its `order` of a provider.
    #[must_use]
    pub fn with_own(mut self, own: Self) -> Self {
        self.profiles.retain(|shared| own.get(&shared.id).is_none());
        drop(self.profiles.splice(0..0, own.profiles));
        self.order.extend(own.order);
        self.last_good.extend(own.last_good);
        self.usage.extend(own.usage);
        self.problems.extend(own.problems);
        if self.file.is_empty() { Self { file: own.file, ..self } } else { self }
    }
}

/// Parses the text of `auth-profiles.json`. `secrets` says which provider is meant where a reference names none.
///
/// # Errors
///
/// What is wrong with the file as a whole: its syntax, its version or its lists. Single profiles never fail it.
pub fn parse_profiles(file: &str, text: &str, secrets: &SecretsConfig) -> Result<Profiles, Vec<Problem>> {
    let whole = Problems::new(file);
    let mut profiles = Profiles { file: file.to_owned(), ..Profiles::default() };
    if let Some(root) = parse(text, &whole) {
        read_root(root, &mut profiles, &whole, secrets);
    }
    let whole = whole.into_sorted();
    if whole.is_empty() { Ok(profiles) } else { Err(whole) }
}

/// Keys that are not known are left alone: the file is another program's.
fn read_root(root: Node, profiles: &mut Profiles, whole: &Problems, secrets: &SecretsConfig) {
    let (place, key) = (root.place, root.key.clone());
    let Some(entries) = open(root, whole) else { return };
    let mut version = false;
    for entry in entries {
        match entry.name.as_str() {
            "version" => {
                version = true;
                if !matches!(entry.node.value, Value::Number(Number::Whole(VERSION))) {
                    whole.add(entry.node.place, &entry.node.key, format!("expected version {VERSION}"), None);
                }
            }
            "profiles" => {
                let single = Problems::new(&profiles.file);
                let entries = open(entry.node, whole).unwrap_or_default();
                let file = &profiles.file;
                let read = entries.into_iter().filter_map(|entry| read_profile(entry, file, &single, secrets));
                profiles.profiles = read.collect();
                profiles.problems = single.into_sorted();
            }
            "order" => profiles.order = read_order(entry.node, whole),
            "lastGood" => profiles.last_good = read_last_good(entry.node, whole),
            "usageStats" => profiles.usage = read_usage(entry.node, whole),
            _ => {}
        }
    }
    if !version {
        whole.add(place, &key, "the file has no `version`", Some(format!("write `\"version\": {VERSION}`")));
    }
}

fn open(node: Node, problems: &Problems) -> Option<Vec<Entry>> {
    let Node { place, key, value } = node;
    if let Value::Table(entries) = value {
        return Some(entries);
    }
    problems.add(place, &key, format!("expected an object, found {}", value.kind()), None);
    None
}

/// Reads one profile; `None` only where even its id is malformed.
fn read_profile(entry: Entry, file: &str, problems: &Problems, secrets: &SecretsConfig) -> Option<Profile> {
    let (place, key) = (entry.place, entry.node.key.clone());
    let unavailable = |what: &str| problems.add(place, &key, format!("the profile is unavailable: {what}"), None);
    let Ok(id) = ProfileId::parse(&entry.name) else {
        unavailable("its id is malformed");
        return None;
    };
    let file = file.to_owned();
    let Value::Table(mut fields) = entry.node.value else {
        unavailable("expected an object");
        return Some(Profile { id, file, provider: None, credential: Err(Unusable::Malformed) });
    };
    let provider = take_text(&mut fields, "provider").and_then(|text| ProviderId::parse(&text).ok());
    if provider.is_none() {
        unavailable("its `provider` is missing or malformed");
        return Some(Profile { id, file, provider, credential: Err(Unusable::Malformed) });
    }
    let credential = read_credential(fields, problems, secrets);
    if let Err(reason) = &credential {
        unavailable(&reason.to_string());
    }
    Some(Profile { id, file, provider, credential })
}

fn read_credential(
    mut fields: Vec<Entry>,
    problems: &Problems,
    secrets: &SecretsConfig,
) -> Result<StoredCredential, Unusable> {
    let kind = take_text(&mut fields, "type");
    let (class, value, reference) = match kind.as_ref().map(|kind| kind.as_str()) {
        Some("api_key") => (CredentialClass::ApiKey, "key", "keyRef"),
        Some("token") => (CredentialClass::Token, "token", "tokenRef"),
        Some("oauth") => (CredentialClass::Oauth, "access", "accessRef"),
        Some(_) | None => return Err(Unusable::UnknownType),
    };
    if class == CredentialClass::Oauth && ["keyRef", "tokenRef", "accessRef"].iter().any(|name| has(&fields, name)) {
        return Err(Unusable::OauthReference);
    }
    let expires_ms = read_expires(take(&mut fields, "expires"), class)?;
    let secret = match take(&mut fields, reference) {
        Some(node) => secret_input(node, secrets, problems).ok_or(Unusable::Malformed)?,
        None => read_value(take(&mut fields, value), secrets, problems)?,
    };
    let refresh = take_text(&mut fields, "refresh").and_then(|text| Literal::new(&text));
    let client_id = take_text(&mut fields, "clientId").filter(|text| renewal::client_id(text).is_ok());
    let client_id = client_id.map(|text| text.to_string());
    Ok(StoredCredential { class, secret, refresh, client_id, expires_ms })
}

/// Reads the value that stands in the file; a blank one is a missing one.
fn read_value(node: Option<Node>, secrets: &SecretsConfig, problems: &Problems) -> Result<SecretInput, Unusable> {
    match node {
        None => Err(Unusable::MissingCredential),
        Some(Node { value: Value::Null, .. }) => Err(Unusable::MissingCredential),
        Some(Node { value: Value::Text(text), .. }) if text.trim().is_empty() => Err(Unusable::MissingCredential),
        Some(node) => secret_input(node, secrets, problems).ok_or(Unusable::Malformed),
    }
}

/// Reads a time; a key has none, whatever stands there.
fn read_expires(node: Option<Node>, class: CredentialClass) -> Result<Option<u64>, Unusable> {
    match (class, node.map(|node| node.value)) {
        (CredentialClass::ApiKey, _) | (_, None | Some(Value::Null)) => Ok(None),
        (_, Some(Value::Number(Number::Whole(ms)))) if (1..=EXPIRES_MS_MAX).contains(&ms) => {
            u64::try_from(ms).map(Some).map_err(|_| Unusable::InvalidExpires)
        }
        // Some writers keep parts of a millisecond.
        (_, Some(Value::Number(Number::Real(ms)))) if (1.0..1e15).contains(&ms) =>
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 1e15, as matched")]
            Ok(Some(ms as u64))
        }
        (_, Some(_)) => Err(Unusable::InvalidExpires),
    }
}

fn read_last_good(node: Node, problems: &Problems) -> BTreeMap<ProviderId, ProfileId> {
    let entries = open(node, problems).unwrap_or_default().into_iter();
    let pair = |entry: Entry| {
        let Value::Text(id) = &entry.node.value else { return None };
        ProviderId::parse(&entry.name).ok().zip(ProfileId::parse(id).ok())
    };
    entries.filter_map(pair).collect()
}

fn read_usage(node: Node, problems: &Problems) -> BTreeMap<ProfileId, Usage> {
    let entries = open(node, problems).unwrap_or_default().into_iter();
    let pair = |entry: Entry| {
        let Value::Table(mut fields) = entry.node.value else { return None };
        let last_used_ms = match take(&mut fields, "lastUsed").map(|node| node.value) {
            Some(Value::Number(Number::Whole(ms))) => u64::try_from(ms).unwrap_or_default(),
            _ => 0,
        };
        ProfileId::parse(&entry.name).ok().map(|id| (id, Usage { last_used_ms }))
    };
    entries.filter_map(pair).collect()
}

fn has(fields: &[Entry], name: &str) -> bool {
    fields.iter().any(|entry| entry.name == name && !matches!(entry.node.value, Value::Null))
}

fn take(fields: &mut Vec<Entry>, name: &str) -> Option<Node> {
    let at = fields.iter().position(|entry| entry.name == name)?;
    Some(fields.remove(at).node)
}

fn take_text(fields: &mut Vec<Entry>, name: &str) -> Option<zeroize::Zeroizing<String>> {
    match take(fields, name)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
