//! What each candidate amounts to on its own: ready, absent, broken or failed. Which of them wins is not asked here.

use crate::config::{Config, ProviderEntry};
use crate::ids::ProfileId;
use crate::manifest::{ClassRule, CredentialClass};
use crate::profiles::{Profile, Profiles, StoredCredential};
use crate::secret_ref::SecretInput;

use super::order::{Turn, order};
use super::{Availability, CredentialRequest, Known, SecretSource, SelectedSecret};

/// What users of the older gateway write where no credential is needed. It is never sent (C38, #45221).
pub(crate) const NO_CREDENTIAL_MARKERS: [&str; 1] = ["ollama-local"];

/// A candidate before anything is chosen.
pub(super) struct Contender {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) class: Option<CredentialClass>,
    pub(super) state: State,
}

/// What a candidate amounts to.
pub(super) enum State {
    /// It can be sent.
    Ready(SelectedSecret),
    /// It says that none is needed.
    Bare(String),
    /// It does not apply; says why.
    Absent(String),
    /// It applies and cannot be used, but others of its group may take over.
    Broken(String),
    /// It applies and cannot be used, and nothing may take over.
    Failed(String),
}

/// Candidates among which a broken one may be replaced. A group that holds a broken or failed one and no ready one
/// ends the search.
pub(super) type Group = Vec<Contender>;

/// All that is known when a question is asked.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) config: &'a Config,
    pub(super) profiles: &'a Profiles,
    pub(super) known: &'a dyn Known,
    pub(super) request: &'a CredentialRequest<'a>,
}

/// Lists every candidate, group by group, in the order in which they are asked.
pub(super) fn groups(context: Context<'_>) -> Vec<Group> {
    let asked = context.request.profile.map(|id| asked_profile(context, id));
    let stored = stored_profiles(context);
    let api_key = context.entry().and_then(|entry| entry.api_key.as_ref().map(|input| api_key(context, entry, input)));
    let api_key_first = context.entry().is_some_and(|entry| entry.auth.is_some());
    let mut groups: Vec<Group> = Vec::new();
    groups.extend(asked.map(|asked| vec![asked]));
    let api_key: Group = api_key.into_iter().collect();
    groups.extend(if api_key_first { [api_key, stored] } else { [stored, api_key] });
    groups.push(environment(context));
    groups.push(none_needed(context).into_iter().collect());
    groups
}

impl<'a> Context<'a> {
    fn entry(self) -> Option<&'a ProviderEntry> {
        self.config.models.providers.get(self.request.provider)
    }

    /// The class that the entry asks for, where it does not bring the credential itself.
    fn wanted_class(self) -> Option<CredentialClass> {
        self.entry().and_then(|entry| entry.auth)
    }

    fn rule(self, class: CredentialClass) -> Option<usize> {
        self.request.slot.classes.iter().position(|rule| rule.class.contains(&class))
    }

    /// Judges one source; the caller knows what an absent value means.
    fn judge(self, input: &SecretInput, class: CredentialClass, source: SecretSource) -> Judged {
        if let SecretInput::Ref(reference) = input
            && let Err(refusal) = self.config.secrets.judge(reference)
        {
            return Judged::Unusable(format!("unresolved_ref: {refusal}"));
        }
        let Some(rule) = self.rule(class) else { return Judged::NoPlace(no_place(self, class)) };
        match self.known.availability(&source) {
            Availability::Present { fingerprint } => {
                Judged::Usable(SelectedSecret { source, class, rule, fingerprint })
            }
            Availability::Missing(what) => Judged::Missing(format!("{source} is {what}")),
            Availability::Blank => Judged::Missing(format!("{source} is blank")),
            Availability::Refused(why) => Judged::Unusable(format!("{source} cannot be used: {why}")),
        }
    }
}

/// What one source amounts to.
enum Judged {
    Usable(SelectedSecret),
    /// There is no value.
    Missing(String),
    /// There may be a value, and it cannot be used.
    Unusable(String),
    /// The plugin takes no such class.
    NoPlace(String),
}

fn no_place(context: Context<'_>, class: CredentialClass) -> String {
    let taken: Vec<&str> =
        context.request.slot.classes.iter().flat_map(|rule| &rule.class).map(|class| word(*class)).collect();
    format!("the plugin takes no `{}` credential, only `{}`", word(class), taken.join("`, `"))
}

/// A class as files and derivations spell it.
pub(super) fn word(class: CredentialClass) -> &'static str {
    match class {
        CredentialClass::ApiKey => "api_key",
        CredentialClass::Token => "token",
        CredentialClass::Oauth => "oauth",
    }
}

/// Where `oauth` is wanted a static token will do (D13), and nothing else stands in for another.
fn fits(wanted: CredentialClass, found: CredentialClass) -> bool {
    wanted == found || (wanted == CredentialClass::Oauth && found == CredentialClass::Token)
}

/// The profile that was asked for by name: whatever is wrong with it fails the question (C4).
fn asked_profile(context: Context<'_>, id: &ProfileId) -> Contender {
    let Some(stored) = context.profiles.get(id) else {
        let state = State::Failed(format!("no credentials found for profile `{id}`"));
        return Contender { id: id.to_string(), source: file_name(context), class: None, state };
    };
    let mut contender = profile(context, stored);
    contender.state = insist(contender.state);
    contender
}

/// Nothing may take over for what was asked for by name.
fn insist(state: State) -> State {
    match state {
        State::Absent(reason) | State::Broken(reason) => State::Failed(reason),
        State::Ready(_) | State::Bare(_) | State::Failed(_) => state,
    }
}

fn file_name(context: Context<'_>) -> String {
    if context.profiles.file.is_empty() { "auth-profiles.json".to_owned() } else { context.profiles.file.clone() }
}

/// The provider's profiles in their order, the preferred one first if it can be used.
fn stored_profiles(context: Context<'_>) -> Group {
    let CredentialRequest { provider, profile: asked, preferred_profile: preferred, .. } = *context.request;
    let turns = order(context.config, context.profiles, provider).into_iter();
    let mut group: Group = turns.filter(|turn| asked != Some(turn.id)).map(|turn| contender(context, &turn)).collect();
    let Some(preferred) = preferred.filter(|preferred| asked != Some(*preferred)) else { return group };
    match group.iter().position(|contender| contender.id == preferred.as_str()) {
        Some(at) if matches!(group[at].state, State::Ready(_) | State::Failed(_)) => group[..=at].rotate_right(1),
        Some(_) => {}
        None => group.push(Contender {
            id: preferred.to_string(),
            source: file_name(context),
            class: None,
            state: State::Absent(format!("preferred, but no profile of provider `{provider}`")),
        }),
    }
    group
}

fn contender(context: Context<'_>, turn: &Turn<'_>) -> Contender {
    let Some(stored) = turn.stored else {
        let state = State::Broken(format!("no credentials found for profile `{}`", turn.id));
        return Contender { id: turn.id.to_string(), source: file_name(context), class: None, state };
    };
    let mut contender = profile(context, stored);
    if let Some(reason) = turn.excluded {
        contender.state = State::Absent(reason.to_owned());
    }
    contender
}

/// What a stored profile amounts to.
fn profile(context: Context<'_>, profile: &Profile) -> Contender {
    let id = profile.id.to_string();
    let stored = match (&profile.provider, &profile.credential) {
        (_, Err(unusable)) => {
            let state = State::Broken(unusable.to_string());
            return Contender { id, source: file_name(context), class: None, state };
        }
        (_, Ok(stored)) => stored,
    };
    let source = SecretSource::of(&stored.secret, || SecretSource::Profile(profile.id.clone()));
    let shown = match &source {
        SecretSource::Profile(_) => format!("{} (plaintext)", file_name(context)),
        SecretSource::Environment(_) | SecretSource::Config(_) | SecretSource::Reference(_) => source.to_string(),
    };
    let state = inapplicable(context, profile, stored).unwrap_or_else(|| {
        match context.judge(&stored.secret, stored.class, source) {
            Judged::Usable(selected) => State::Ready(selected),
            Judged::Missing(what) => State::Failed(format!("unresolved_ref: {what}")),
            Judged::Unusable(why) => State::Failed(why),
            Judged::NoPlace(why) => State::Absent(why),
        }
    });
    Contender { id, source: shown, class: Some(stored.class), state }
}

/// Why a well-formed profile is not for this question.
fn inapplicable(context: Context<'_>, profile: &Profile, stored: &StoredCredential) -> Option<State> {
    let CredentialRequest { provider, now_ms, .. } = *context.request;
    if profile.provider.as_ref() != Some(provider) {
        let other = profile.provider.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        return Some(State::Absent(format!("the profile belongs to provider `{other}`")));
    }
    let found = word(stored.class);
    let configured = context.config.auth.profiles.iter().find(|(id, _)| *id == profile.id);
    if let Some(mode) = configured.and_then(|(_, configured)| configured.mode)
        && !fits(mode, stored.class)
    {
        let wanted = word(mode);
        let reason = format!("`auth.profiles` says that it is of class `{wanted}`, and it is of class `{found}`");
        return Some(State::Absent(reason));
    }
    if let Some(wanted) = context.wanted_class()
        && !fits(wanted, stored.class)
    {
        return Some(State::Absent(other_class(context, wanted, stored.class)));
    }
    match stored.expires_ms {
        Some(ended) if ended <= now_ms => {
            let renewable = if stored.refresh.is_some() { ", and renewing it is not supported yet" } else { "" };
            Some(State::Broken(format!("expired: it ended {}{renewable}", ago(now_ms - ended))))
        }
        Some(_) | None => None,
    }
}

fn other_class(context: Context<'_>, wanted: CredentialClass, found: CredentialClass) -> String {
    let key = context.entry().map_or("", |entry| &entry.key);
    format!("`{key}.auth` asks for class `{}`, and this is of class `{}`", word(wanted), word(found))
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

/// `apiKey` of the entry: a value, a reference, the name of a variable that the plugin looks for anyway (C15), or the
/// id of a stored profile (C25). Configured, it is used or it fails.
fn api_key(context: Context<'_>, entry: &ProviderEntry, input: &SecretInput) -> Contender {
    let id = entry.api_key_path();
    let class = entry.auth.unwrap_or(CredentialClass::ApiKey);
    let mut source = SecretSource::of(input, || SecretSource::Config(id.clone()));
    if let SecretInput::Literal(literal) = input {
        if NO_CREDENTIAL_MARKERS.iter().any(|marker| literal.is(marker)) {
            return marker(context, id);
        }
        if let Some(stored) = context.profiles.profiles.iter().find(|stored| literal.is(stored.id.as_str())) {
            let referenced = profile(context, stored);
            let source = format!("profile `{}` ({})", stored.id, referenced.source);
            return Contender { id, source, class: referenced.class, state: insist(referenced.state) };
        }
        let mut names = context.request.slot.classes.iter().flat_map(|rule| &rule.environment);
        if let Some(name) = names.find(|name| literal.is(name)) {
            source = SecretSource::Environment(name.clone());
        }
    }
    let shown = match &source {
        SecretSource::Config(_) => format!("{} (plaintext)", context.config.file),
        SecretSource::Environment(_) | SecretSource::Profile(_) | SecretSource::Reference(_) => source.to_string(),
    };
    let state = match context.judge(input, class, source) {
        Judged::Usable(selected) => State::Ready(selected),
        Judged::Missing(what) => State::Failed(format!("unresolved_ref: {what}")),
        Judged::Unusable(why) | Judged::NoPlace(why) => State::Failed(why),
    };
    Contender { id, source: shown, class: Some(class), state }
}

fn marker(context: Context<'_>, id: String) -> Contender {
    let state = if context.request.keyless {
        State::Bare("it marks that no credential is needed, and the provider needs none".to_owned())
    } else {
        State::Failed("it marks that no credential is needed, and the provider needs one".to_owned())
    };
    Contender { id, source: format!("{} (marker)", context.config.file), class: None, state }
}

/// The variables that the plugin names, class by class in its order of preference.
fn environment(context: Context<'_>) -> Group {
    let rules = context.request.slot.classes.iter();
    rules.flat_map(|rule| rule.environment.iter().map(move |name| variable(context, rule, name))).collect()
}

fn variable(context: Context<'_>, rule: &ClassRule, name: &str) -> Contender {
    let source = SecretSource::Environment(name.to_owned());
    let wanted = context.wanted_class();
    let class = match wanted {
        Some(wanted) if rule.class.contains(&wanted) => Some(wanted),
        Some(_) | None => rule.class.first().copied(),
    };
    let state = match (class, wanted) {
        (None, _) => State::Absent("the plugin's manifest names no class for it".to_owned()),
        (Some(class), Some(wanted)) if !fits(wanted, class) => State::Absent(other_class(context, wanted, class)),
        (Some(class), _) => match context.known.availability(&source) {
            Availability::Present { fingerprint } => {
                let rule = context.rule(class).unwrap_or_default();
                State::Ready(SelectedSecret { source: source.clone(), class, rule, fingerprint })
            }
            Availability::Missing(what) => State::Absent(what),
            Availability::Blank => State::Absent("set, but blank".to_owned()),
            // It is set, so it was meant; the next variable would be a silent fallback.
            Availability::Refused(why) => State::Failed(format!("it cannot be used: {why}")),
        },
    };
    Contender { id: source.to_string(), source: source.to_string(), class, state }
}

/// The last candidate: nothing at all, where that is enough.
fn none_needed(context: Context<'_>) -> Option<Contender> {
    let CredentialRequest { provider, slot, keyless, .. } = *context.request;
    let state = match (keyless, slot.optional, context.wanted_class()) {
        (false, false, _) => return None,
        // C40: who asks for a class does not want to go without.
        (_, _, Some(wanted)) => State::Absent(format!("the entry asks for class `{}`", word(wanted))),
        (true, _, None) => State::Bare(format!("provider `{provider}` needs none")),
        (false, true, None) => State::Bare(format!("provider `{provider}` can go without")),
    };
    Some(Contender { id: "none".to_owned(), source: "none".to_owned(), class: None, state })
}
