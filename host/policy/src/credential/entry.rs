//! The candidate that stands in the provider's entry of the configuration: its `apiKey`, or its word that none is
//! needed. Configured, it is used or it fails.

use crate::config::ProviderEntry;
use crate::manifest::CredentialClass;
use crate::secret_ref::SecretInput;

use super::SecretSource;
use super::contenders::{Contender, Context, Judged, State};
use super::profile::{not_stored, referenced};

/// What the entry brings, and whether it comes before the stored profiles: it does where `auth` stands beside it.
pub(super) fn configured(context: Context<'_>) -> Option<(Contender, bool)> {
    let entry = context.entry()?;
    if entry.needs_none {
        return Some((none(context, entry), true));
    }
    let input = entry.api_key.as_ref()?;
    Some((api_key(context, entry, input), entry.auth.is_some()))
}

/// `auth: "none"`: the operator's own word, also of a server that is not his.
fn none(context: Context<'_>, entry: &ProviderEntry) -> Contender {
    let id = format!("{}.auth", entry.key);
    let state = State::Bare("the entry says that none is needed".to_owned());
    Contender { id, source: context.config.file.clone(), class: None, state, is_marker: false }
}

/// A value, a reference, the name of a variable that the plugin looks for anyway (C15), or the id of a profile (C25).
fn api_key(context: Context<'_>, entry: &ProviderEntry, input: &SecretInput) -> Contender {
    let id = entry.api_key_path();
    if let Some(named) = named_profile(context, entry, input) {
        return Contender { id, source: format!("profile `{}` ({})", named.id, named.source), ..named };
    }
    let source = source(context, &id, input);
    let class = entry.auth.or(context.held_class(&source)).unwrap_or(CredentialClass::ApiKey);
    let shown = match &source {
        SecretSource::Config(_) => format!("{} (plaintext)", context.config.file),
        SecretSource::Environment(_) | SecretSource::Profile(_) | SecretSource::Reference(_) => source.to_string(),
    };
    let (state, is_marker) = match context.judge(input, class, source) {
        Judged::Usable(selected) => (State::Ready(selected), false),
        Judged::Missing(what) => (State::Failed(format!("unresolved_ref: {what}")), false),
        Judged::Unusable(why) | Judged::NoPlace(why) => (State::Failed(why), false),
        Judged::Marker(marker) => (context.marked(marker), true),
    };
    let class = (!is_marker).then_some(class);
    let shown = if is_marker { format!("{} (marker)", context.config.file) } else { shown };
    Contender { id, source: shown, class, state, is_marker }
}

/// The profile that a plain text names. One that the configuration knows of and nobody has stored is none the less a
/// profile: its id is never sent as a key.
fn named_profile(context: Context<'_>, entry: &ProviderEntry, input: &SecretInput) -> Option<Contender> {
    let SecretInput::Literal(literal) = input else { return None };
    if let Some(stored) = context.profiles.profiles.iter().find(|stored| literal.is(stored.id.as_str())) {
        return Some(referenced(context, entry, stored));
    }
    let auth = &context.config.auth;
    let listed = auth.order.values().chain(context.profiles.order.values()).flatten();
    let named = auth.profiles.iter().map(|(id, _)| id).chain(listed).find(|id| literal.is(id.as_str()))?;
    Some(not_stored(context, named, State::Failed))
}

/// Where the value is. A plain text that is the name of one of the plugin's variables means the variable.
fn source(context: Context<'_>, id: &str, input: &SecretInput) -> SecretSource {
    if let SecretInput::Literal(literal) = input {
        let mut names = context.request.slot.classes.iter().flat_map(|rule| &rule.environment);
        if let Some(name) = names.find(|name| literal.is(name)) {
            return SecretSource::Environment(name.clone());
        }
    }
    SecretSource::of(input, || SecretSource::Config(id.to_owned()))
}
