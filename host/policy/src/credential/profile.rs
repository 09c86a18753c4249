//! Candidates that are stored profiles: the one that was asked for by name, those of the provider in their order, and
//! the one whose id stands in an entry's `apiKey`. In which order they are asked is said by `order`.

use crate::config::ProviderEntry;
use crate::ids::{ProfileId, ProviderId};
use crate::limits::RENEW_MARGIN_MS;
use crate::manifest::CredentialClass;
use crate::profiles::{Profile, StoredCredential};

use super::contenders::{Contender, Context, Group, Judged, State, fits, insist, other_class, word};
use super::order::{Turn, order};
use super::{CredentialRequest, SecretSource, SelectedSecret};

/// The file that profiles stand in, where none was read.
const FILE: &str = "auth-profiles.json";

/// The profile that was asked for by name: whatever is wrong with it fails the question (C4).
pub(super) fn asked_profile(context: Context<'_>, id: &ProfileId) -> Contender {
    let Some(stored) = context.profiles.get(id) else { return not_stored(context, id, State::Failed) };
    let contender = profile(context, stored);
    Contender { state: insist(contender.state), ..contender }
}

/// The provider's profiles in their order, the preferred one first if it can be used; apart from them those that hold
/// a marker, which are asked after everything that may hold a credential (C42, C44).
pub(super) fn stored_profiles(context: Context<'_>) -> (Group, Group) {
    let CredentialRequest { provider, profile: asked, preferred_profile: preferred, .. } = *context.request;
    let turns = order(context.config, context.profiles, (provider, &context.request.health)).into_iter();
    let mut group: Group = turns.filter(|turn| asked != Some(turn.id)).map(|turn| contender(context, &turn)).collect();
    if let Some(preferred) = preferred.filter(|preferred| asked != Some(*preferred)) {
        match group.iter().position(|contender| contender.id == preferred.as_str()) {
            Some(at) if matches!(group[at].state, State::Ready(_) | State::Failed(_)) => group[..=at].rotate_right(1),
            Some(_) => {}
            None => group.push(Contender {
                id: preferred.to_string(),
                source: file_name(context),
                class: None,
                state: State::Absent(format!("preferred, but no profile of provider `{provider}`")),
                is_marker: false,
            }),
        }
    }
    let is_deferred = |contender: &Contender| contender.is_marker && !matches!(contender.state, State::Absent(_));
    let (placeholders, stored) = group.into_iter().partition(is_deferred);
    (stored, placeholders)
}

fn contender(context: Context<'_>, turn: &Turn<'_>) -> Contender {
    let Some(stored) = turn.stored else { return not_stored(context, turn.id, State::Broken) };
    let mut contender = profile(context, stored);
    contender.state = match (turn.excluded, contender.state) {
        (Some(reason), _) => State::Absent(reason.to_owned()),
        // The operator has listed others after it, so they may take over, and the reason stays in the derivation.
        (None, State::Failed(reason)) if turn.is_listed => State::Broken(reason),
        (None, state) => state,
    };
    contender
}

/// What a stored profile amounts to.
fn profile(context: Context<'_>, profile: &Profile) -> Contender {
    let stored = match &profile.credential {
        Ok(stored) => stored,
        Err(unusable) => return unusable_profile(profile, State::Broken(unusable.to_string())),
    };
    let reason = foreign(context, profile)
        .or_else(|| other_mode(context, profile, stored))
        .or_else(|| unwanted_class(context, stored))
        .map(State::Absent);
    found(context, profile, stored, reason)
}

/// The profile whose id is an entry's `apiKey`. Bearer-style classes alone are keys of an entry (C26); a profile of
/// another provider serves where that provider is at the very same origin (C21), and nowhere else (C27); and whatever
/// is wrong with it, its id is never sent in its place (C28).
pub(super) fn referenced(context: Context<'_>, entry: &ProviderEntry, profile: &Profile) -> Contender {
    let stored = match &profile.credential {
        Ok(stored) => stored,
        Err(unusable) => return unusable_profile(profile, State::Failed(unusable.to_string())),
    };
    let is_bearer = match stored.class {
        CredentialClass::ApiKey | CredentialClass::Token => true,
        CredentialClass::Oauth => entry.auth == Some(CredentialClass::Oauth),
    };
    let class = || {
        let found = word(stored.class);
        let taken = "`apiKey` takes a profile of class `api_key` or `token`";
        format!("the profile is of class `{found}`, which is not a bearer-style auth class: {taken}")
    };
    let reason = (!is_bearer)
        .then(class)
        .or_else(|| unbound(context, profile.provider.as_ref()))
        .or_else(|| other_mode(context, profile, stored))
        .map(State::Failed);
    let contender = found(context, profile, stored, reason);
    Contender { state: insist(contender.state), ..contender }
}

/// Judges the value of a profile, unless there is a reason not to.
fn found(context: Context<'_>, profile: &Profile, stored: &StoredCredential, reason: Option<State>) -> Contender {
    let source = SecretSource::of(&stored.secret, || SecretSource::Profile(profile.id.clone()));
    let shown = match &source {
        SecretSource::Profile(id) if context.known.renewal(id).is_some_and(|renewal| renewal.until_ms.is_some()) => {
            format!("{} (renewed)", profile.file)
        }
        SecretSource::Profile(_) => format!("{} (plaintext)", profile.file),
        SecretSource::Environment(_) | SecretSource::Config(_) | SecretSource::Reference(_) => source.to_string(),
    };
    let (over, due) = match lifetime(context, profile, stored, &source) {
        Lifetime::Lasts => (None, None),
        Lifetime::Due(why) => (None, Some(why)),
        Lifetime::Over(why) => (Some(State::Broken(why)), None),
    };
    let (state, is_marker) = match reason.or(over) {
        Some(state) => (state, false),
        None => match context.judge(&stored.secret, stored.class, source) {
            Judged::Usable(selected) => (State::Ready(SelectedSecret { due, ..selected }), false),
            Judged::Missing(what) => (State::Failed(format!("unresolved_ref: {what}")), false),
            Judged::Unusable(why) => (State::Failed(why), false),
            Judged::NoPlace(why) => (State::Absent(why), false),
            Judged::Marker(marker) => (context.marked(marker), true),
        },
    };
    // Who sends nothing sends no class.
    let class = Some(stored.class).filter(|_| !matches!(state, State::Bare(_)));
    Contender { id: profile.id.to_string(), source: shown, class, state, is_marker }
}

fn unusable_profile(profile: &Profile, state: State) -> Contender {
    Contender { id: profile.id.to_string(), source: profile.file.clone(), class: None, state, is_marker: false }
}

/// A profile that is named, and not there.
pub(super) fn not_stored(context: Context<'_>, id: &ProfileId, state: fn(String) -> State) -> Contender {
    let state = state(format!("no credentials found for profile `{id}`"));
    Contender { id: id.to_string(), source: file_name(context), class: None, state, is_marker: false }
}

fn file_name(context: Context<'_>) -> String {
    if context.profiles.file.is_empty() { FILE.to_owned() } else { context.profiles.file.clone() }
}

fn foreign(context: Context<'_>, profile: &Profile) -> Option<String> {
    let is_own = profile.provider.as_ref() == Some(context.request.provider);
    (!is_own).then(|| format!("the profile belongs to provider `{}`", name(profile.provider.as_ref())))
}

/// Why a profile of another provider is not for this entry.
fn unbound(context: Context<'_>, other: Option<&ProviderId>) -> Option<String> {
    if other == Some(context.request.provider) {
        return None;
    }
    let (here, home) = (context.request.server.origin, other.and_then(|other| context.request.server.homes.get(other)));
    let whence = match (here, home) {
        (Some(here), Some(home)) if here == home => return None,
        (Some(here), Some(home)) => format!("that provider is at `{home}`, and this one at `{here}`"),
        (_, None) => "nothing says where that provider is".to_owned(),
        (None, Some(_)) => "this one has no server".to_owned(),
    };
    let other = name(other);
    Some(format!(
        "the profile belongs to provider `{other}`, which is not compatible with this provider entry's auth binding: \
         {whence}"
    ))
}

fn name(provider: Option<&ProviderId>) -> String {
    provider.map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn other_mode(context: Context<'_>, profile: &Profile, stored: &StoredCredential) -> Option<String> {
    let configured = context.config.auth.profiles.iter().find(|(id, _)| *id == profile.id);
    let mode = configured.and_then(|(_, configured)| configured.mode).filter(|mode| !fits(*mode, stored.class))?;
    let (wanted, found) = (word(mode), word(stored.class));
    Some(format!("`auth.profiles` says that it is of class `{wanted}`, and it is of class `{found}`"))
}

fn unwanted_class(context: Context<'_>, stored: &StoredCredential) -> Option<String> {
    let wanted = context.wanted_class().filter(|wanted| !fits(*wanted, stored.class))?;
    Some(other_class(context, wanted, stored.class))
}

/// Whether the value has ended, and whether it can be renewed.
fn lifetime(context: Context<'_>, profile: &Profile, stored: &StoredCredential, source: &SecretSource) -> Lifetime {
    let now_ms = context.request.now_ms;
    let renewal = context.known.renewal(&profile.id).unwrap_or_default();
    let Some(ends_ms) = stored.expires_ms.map(|of_file| renewal.until_ms.unwrap_or(of_file)) else {
        return Lifetime::Lasts;
    };
    let is_over = ends_ms <= now_ms;
    // A value that stands elsewhere is kept new by whoever wrote it there.
    let is_oauth = stored.class == CredentialClass::Oauth;
    let renewable = is_oauth && stored.refresh.is_some() && matches!(source, SecretSource::Profile(_));
    let obstacle = match (renewable, &context.request.slot.refresh) {
        (false, _) => Some(String::new()),
        (true, None) => Some(", and the plugin does not say where it is renewed".to_owned()),
        (true, Some(rule)) if rule.client_id.is_none() && stored.client_id.is_none() => {
            Some(", and neither the profile (`clientId`) nor the plugin says as which client it is renewed".to_owned())
        }
        (true, Some(_)) => {
            let setback = renewal.setback.filter(|setback| setback.holds(now_ms));
            setback.map(|setback| format!(", and renewing it failed: {}", setback.why))
        }
    };
    match obstacle {
        Some(obstacle) if is_over => Lifetime::Over(format!("expired: it ended {}{obstacle}", ago(now_ms - ends_ms))),
        Some(_) => Lifetime::Lasts,
        None if is_over => Lifetime::Due(format!("expired {}; renewed before it is sent", ago(now_ms - ends_ms))),
        None if ends_ms - now_ms <= RENEW_MARGIN_MS => {
            Lifetime::Due(format!("it ends in {} s; renewed before it is sent", (ends_ms - now_ms) / 1_000))
        }
        None => Lifetime::Lasts,
    }
}

enum Lifetime {
    Lasts,
    /// It is renewed before it is sent; says why.
    Due(String),
    /// It cannot be sent; says why.
    Over(String),
}

fn ago(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} min ago", seconds / 60),
        7_200..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
