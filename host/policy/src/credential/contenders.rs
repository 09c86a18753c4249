//! What each candidate amounts to on its own: ready, absent, broken or failed, and in which order they are asked. Which
//! of them wins is not asked here.

use crate::address::is_local;
use crate::config::{Config, ProviderEntry};
use crate::cooldown::Rest;
use crate::manifest::CredentialClass;
use crate::origin::Origin;
use crate::profiles::Profiles;
use crate::secret_ref::SecretInput;

use super::entry::configured;
use super::environment::{environment, none_needed};
use super::profile::{asked_profile, stored_profiles};
use super::resting::{TakeOver, settle};
use super::{Availability, CredentialRequest, Known, Marker, SecretSource, SelectedSecret};

/// A candidate before anything is chosen.
pub(super) struct Contender {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) class: Option<CredentialClass>,
    pub(super) state: State,
    /// Its value is a marker and no credential.
    pub(super) is_marker: bool,
}

/// What a candidate amounts to.
pub(super) enum State {
    /// It can be sent.
    Ready(SelectedSecret),
    /// It could be sent, and rests after a failure.
    Resting {
        /// Until when, and why.
        rest: Rest,
        /// Tells its value from others, where it has one.
        fingerprint: Option<String>,
        /// Who may take over.
        take_over: TakeOver,
    },
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

/// Lists every candidate, group by group, in the order in which they are asked: the ranks of `host/CREDENTIALS.md`.
pub(super) fn groups(context: Context<'_>) -> Vec<Group> {
    let asked = context.request.profile.map(|id| vec![asked_profile(context, id)]);
    let (mut stored, placeholders) = stored_profiles(context);
    settle(context, &mut stored, TakeOver::Others);
    let settled = |mut group: Group| {
        settle(context, &mut group, TakeOver::Nobody);
        group
    };
    let (first, later) = match configured(context) {
        Some((contender, true)) => (vec![contender], Vec::new()),
        Some((contender, false)) => (Vec::new(), vec![contender]),
        None => (Vec::new(), Vec::new()),
    };
    let none = none_needed(context).into_iter().collect();
    let [first, later, environment, placeholders, none] =
        [first, later, environment(context), placeholders, none].map(settled);
    let ranks = [first, stored, later, environment, placeholders, none];
    asked.map(settled).into_iter().chain(ranks).collect()
}

impl<'a> Context<'a> {
    pub(super) fn entry(self) -> Option<&'a ProviderEntry> {
        self.config.models.providers.get(self.request.provider)
    }

    /// The class that the entry asks for, where it does not bring the credential itself.
    pub(super) fn wanted_class(self) -> Option<CredentialClass> {
        self.entry().and_then(|entry| entry.auth)
    }

    pub(super) fn is_own_provider(self) -> bool {
        self.request.server.is_home_of(self.request.provider)
    }

    /// Where the request would go, if that is beyond the operator's own machines. What has no server sends nothing.
    pub(super) fn remote(self) -> Option<&'a Origin> {
        self.request.server.origin.filter(|origin| !is_local(origin.host()))
    }

    /// C35: a server of the operator's own network that he describes, whatever plugin speaks to it. C41: one that he does
    /// not describe is none.
    pub(super) fn is_own_server(self) -> bool {
        let is_described =
            |entry: &ProviderEntry| entry.base_url.is_some() && (!self.is_own_provider() || !entry.models.is_empty());
        self.remote().is_none() && self.entry().is_some_and(is_described)
    }

    pub(super) fn rule(self, class: CredentialClass) -> Option<usize> {
        self.request.slot.classes.iter().position(|rule| rule.class.contains(&class))
    }

    /// Judges one source; the caller knows what an absent value means.
    pub(super) fn judge(self, input: &SecretInput, class: CredentialClass, source: SecretSource) -> Judged {
        if let SecretInput::Ref(reference) = input
            && let Err(refusal) = self.config.secrets.judge(reference)
        {
            return Judged::Unusable(format!("unresolved_ref: {refusal}"));
        }
        if let Some(held) = self.held_class(&source).filter(|_| class == CredentialClass::ApiKey) {
            let held = word(held);
            return Judged::Unusable(format!(
                "{source} holds a credential of class `{held}`, which is never sent as one of class `api_key`"
            ));
        }
        let Some(rule) = self.rule(class) else { return Judged::NoPlace(no_place(self, class)) };
        match self.known.availability(&source) {
            Availability::Present { fingerprint } => match self.complete(rule, &source, fingerprint) {
                Ok(fingerprint) => Judged::Usable(SelectedSecret { source, class, rule, fingerprint, due: None }),
                Err(why) => Judged::Unusable(why),
            },
            Availability::Missing(what) => Judged::Missing(format!("{source} is {what}")),
            Availability::Blank => Judged::Missing(format!("{source} is blank")),
            Availability::Refused(why) => Judged::Unusable(format!("{source} cannot be used: {why}")),
            Availability::Marker(marker) => Judged::Marker(marker),
        }
    }

    /// The class of a variable that holds tokens and no keys, whoever refers to it.
    pub(super) fn held_class(self, source: &SecretSource) -> Option<CredentialClass> {
        let SecretSource::Environment(name) = source else { return None };
        let rule = self.request.slot.classes.iter().find(|rule| rule.environment.contains(name))?;
        rule.class.first().copied().filter(|_| !rule.class.contains(&CredentialClass::ApiKey))
    }

    /// What a marker comes to: nothing goes to a server of the operator's own, and nothing to any other, either.
    pub(super) fn marked(self, marker: Marker) -> State {
        if marker == Marker::KeptElsewhere {
            let what = "it marks a credential that the older gateway keeps elsewhere, and is none itself";
            return State::Failed(what.to_owned());
        }
        let needless = "it marks that no credential is needed";
        let can_go_without = self.request.server.keyless || self.request.slot.optional || self.is_own_server();
        match (self.entry(), self.remote()) {
            (Some(entry), _) if entry.auth == Some(CredentialClass::Oauth) => {
                State::Failed(format!("{needless}, and `{}.auth` asks for class `oauth`", entry.key))
            }
            (_, Some(origin)) => State::Failed(format!(
                "{needless}: markers are not credentials for remote hosts, and `{origin}` is no host of your own network"
            )),
            (_, None) if can_go_without => State::Bare(format!("{needless}, and nothing is sent")),
            (_, None) => State::Failed(format!(
                "{needless}, and the provider needs one; if its server needs none, write `auth: \"none\"` into \
                 `models.providers.{}`",
                self.request.provider
            )),
        }
    }
}

/// What one source amounts to.
pub(super) enum Judged {
    Usable(SelectedSecret),
    /// There is no value.
    Missing(String),
    /// There may be a value, and it cannot be used.
    Unusable(String),
    /// The plugin takes no such class.
    NoPlace(String),
    /// There is a value, and it is no credential.
    Marker(Marker),
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
pub(super) fn fits(wanted: CredentialClass, found: CredentialClass) -> bool {
    wanted == found || (wanted == CredentialClass::Oauth && found == CredentialClass::Token)
}

pub(super) fn other_class(context: Context<'_>, wanted: CredentialClass, found: CredentialClass) -> String {
    let key = context.entry().map_or("", |entry| &entry.key);
    format!("`{key}.auth` asks for class `{}`, and this is of class `{}`", word(wanted), word(found))
}

/// Nothing may take over for what was asked for by name.
pub(super) fn insist(state: State) -> State {
    match state {
        State::Absent(reason) | State::Broken(reason) => State::Failed(reason),
        State::Ready(_) | State::Resting { .. } | State::Bare(_) | State::Failed(_) => state,
    }
}
