//! The last candidates: the variables that a plugin looks for, and no credential at all where none is needed.

use crate::manifest::{ClassRule, CredentialClass};

use super::contenders::{Contender, Context, Group, State, fits, other_class, word};
use super::{Availability, CredentialRequest, SecretSource, SelectedSecret};

/// The variables that the plugin names, class by class in its order of preference.
pub(super) fn environment(context: Context<'_>) -> Group {
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
    let (state, is_marker) = match (class, wanted) {
        (None, _) => (State::Absent("the plugin's manifest names no class for it".to_owned()), false),
        // A variable belongs to the plugin's own provider, and not to whoever else speaks its dialect (U4).
        (Some(_), _) if !context.is_own_provider() => (State::Absent(other_provider(context, name)), false),
        (Some(class), Some(wanted)) if !fits(wanted, class) => {
            (State::Absent(other_class(context, wanted, class)), false)
        }
        (Some(class), _) => judged(context, class, &source),
    };
    let class = class.filter(|_| !matches!(state, State::Bare(_)));
    Contender { id: source.to_string(), source: source.to_string(), class, state, is_marker }
}

fn judged(context: Context<'_>, class: CredentialClass, source: &SecretSource) -> (State, bool) {
    match context.known.availability(source) {
        Availability::Present { fingerprint } => {
            let rule = context.rule(class).unwrap_or_default();
            match context.complete(rule, source, fingerprint) {
                Ok(fingerprint) => (
                    State::Ready(SelectedSecret { source: source.clone(), class, rule, fingerprint, due: None }),
                    false,
                ),
                Err(why) => (State::Failed(why), false),
            }
        }
        Availability::Missing(what) => (State::Absent(what), false),
        Availability::Blank => (State::Absent("set, but blank".to_owned()), false),
        // It is set, so it was meant; the next variable would be a silent fallback.
        Availability::Refused(why) => (State::Failed(format!("it cannot be used: {why}")), false),
        // A marker is no credential that fails: another variable may hold one.
        Availability::Marker(marker) => match context.marked(marker) {
            State::Failed(reason) => (State::Absent(reason), true),
            state => (state, true),
        },
    }
}

fn other_provider(context: Context<'_>, name: &str) -> String {
    let CredentialRequest { provider, server, .. } = *context.request;
    format!(
        "it belongs to provider `{}`; write `apiKey: \"${{{name}}}\"` into `models.providers.{provider}` to use it there",
        server.plugin
    )
}

/// The last candidate: nothing at all, where that is enough.
pub(super) fn none_needed(context: Context<'_>) -> Option<Contender> {
    let CredentialRequest { provider, slot, server, .. } = *context.request;
    let asks_for = |class: CredentialClass| State::Absent(format!("the entry asks for class `{}`", word(class)));
    let is_own_server = context.is_own_server();
    let state = match (context.wanted_class(), context.remote()) {
        // C40: who asks for a token does not want to go without.
        (Some(class @ (CredentialClass::Token | CredentialClass::Oauth)), _)
            if server.keyless || slot.optional || is_own_server =>
        {
            asks_for(class)
        }
        (_, None) if server.keyless => State::Bare(format!("provider `{provider}` needs none")),
        (_, None) if is_own_server => State::Bare("`baseUrl` is a server of your own network".to_owned()),
        (None, _) if slot.optional => State::Bare(format!("provider `{provider}` can go without")),
        (Some(class), _) if slot.optional => asks_for(class),
        (_, Some(origin)) if server.keyless => State::Absent(format!(
            "`{origin}` is no host of your own network; if it needs none, write `auth: \"none\"` into \
             `models.providers.{provider}`"
        )),
        (_, _) => return None,
    };
    Some(Contender { id: "none".to_owned(), source: "none".to_owned(), class: None, state, is_marker: false })
}
