//! Walks the candidates and chooses. The walk is short: the first that can be sent wins, and a configured one that
//! cannot be sent ends it.

use crate::config::Config;
use crate::profiles::Profiles;

use super::contenders::{Contender, Context, Group, State, groups, word};
use super::resting::TakeOver;
use super::{Candidate, CredentialDerivation, CredentialRequest, Known, Selection, Verdict};

/// Chooses the credential for a question, and says why.
///
/// The derivation lists every candidate in order, each with a verdict and a reason, and holds either a winner or a
/// failure. Asked first is the profile that was named; then `apiKey` where `auth` stands beside it; then the stored
/// profiles; then `apiKey` without `auth`; then the environment; then profiles that only mark that none is needed; then,
/// where none is needed, none. `host/CREDENTIALS.md` has the table.
#[must_use]
pub fn select(
    config: &Config,
    profiles: &Profiles,
    known: &dyn Known,
    request: &CredentialRequest<'_>,
) -> (CredentialDerivation, Selection) {
    let mut walk = Walk { candidates: Vec::new(), outcome: Outcome::Open };
    for group in groups(Context { config, profiles, known, request }) {
        walk.group(group);
    }
    walk.finish(request)
}

struct Walk {
    candidates: Vec<Candidate>,
    outcome: Outcome,
}

enum Outcome {
    Open,
    /// The index of the winner, and what to send.
    Won(usize, Selection),
    /// The index of the one that failed.
    Lost(usize),
}

impl Walk {
    fn group(&mut self, group: Group) {
        let mut broken = None;
        let mut resting = None;
        for contender in group {
            let at = self.candidates.len();
            match &contender.state {
                State::Resting { take_over: TakeOver::Others, .. } => resting = resting.or(Some(at)),
                State::Broken(_) => broken = broken.or(Some(at)),
                State::Resting { take_over: TakeOver::Nobody, .. }
                | State::Ready(_)
                | State::Bare(_)
                | State::Absent(_)
                | State::Failed(_) => {}
            }
            self.contender(contender);
        }
        // Nothing of this group took over, and nothing of another may. What is over soonest is what is told.
        if let (Outcome::Open, Some(at)) = (&self.outcome, resting.or(broken)) {
            self.candidates[at].verdict = Verdict::Failed;
            self.outcome = Outcome::Lost(at);
        }
    }

    fn contender(&mut self, contender: Contender) {
        let Contender { id, source, class, state, is_marker: _ } = contender;
        let at = self.candidates.len();
        let (fingerprint, resting) = match &state {
            State::Ready(selected) => (Some(selected.fingerprint.clone()), None),
            State::Resting { fingerprint, rest, .. } => (fingerprint.clone(), Some(rest.clone())),
            State::Bare(_) | State::Absent(_) | State::Broken(_) | State::Failed(_) => (None, None),
        };
        let (verdict, reason) = match (self.before(), state) {
            (None, State::Ready(selected)) => {
                let due = selected.due.as_ref().map_or_else(String::new, |due| format!("; {due}"));
                let reason = format!("the first that can be sent, as class `{}`{due}", word(selected.class));
                self.outcome = Outcome::Won(at, Selection::Secret(selected));
                (Verdict::Chosen, reason)
            }
            (None, State::Bare(reason)) => {
                self.outcome = Outcome::Won(at, Selection::Bare);
                (Verdict::Chosen, reason)
            }
            (None, State::Failed(reason)) => {
                self.outcome = Outcome::Lost(at);
                (Verdict::Failed, reason)
            }
            (None, State::Resting { rest, take_over: TakeOver::Nobody, .. }) => {
                self.outcome = Outcome::Lost(at);
                (Verdict::Failed, rest.to_string())
            }
            (Some(before), State::Ready(_) | State::Bare(_)) => (Verdict::PassedOver, before),
            (_, State::Resting { rest, .. }) => (Verdict::PassedOver, rest.to_string()),
            (_, State::Absent(reason) | State::Broken(reason)) | (Some(_), State::Failed(reason)) => {
                (Verdict::PassedOver, reason)
            }
        };
        self.candidates.push(Candidate { id, source, class, verdict, reason, fingerprint, resting });
    }

    /// Why nothing that follows can be chosen.
    fn before(&self) -> Option<String> {
        let id = |at: usize| self.candidates.get(at).map_or("", |candidate| &candidate.id);
        match self.outcome {
            Outcome::Open => None,
            Outcome::Won(at, _) => Some(format!("usable, but `{}` comes first", id(at))),
            Outcome::Lost(at) => Some(format!("usable, but `{}` failed, and nothing takes over for it", id(at))),
        }
    }

    fn finish(self, request: &CredentialRequest<'_>) -> (CredentialDerivation, Selection) {
        let Self { candidates, outcome } = self;
        let (winner, failure, hint, selection) = match outcome {
            Outcome::Won(at, selection) => (Some(at), None, None, selection),
            Outcome::Lost(at) => {
                let failed = &candidates[at];
                let failure = format!("credential `{}` ({}) failed: {}", failed.id, failed.source, failed.reason);
                (None, Some(failure), Some(mend(failed)), Selection::Failed)
            }
            Outcome::Open => {
                let (failure, hint) = nothing_found(&candidates, request);
                (None, Some(failure), Some(hint), Selection::Failed)
            }
        };
        let CredentialRequest { provider, use_, profile, .. } = *request;
        let (provider, profile) = (provider.clone(), profile.cloned());
        (CredentialDerivation { provider, use_, profile, candidates, winner, failure, hint }, selection)
    }
}

/// What to do about a candidate that failed.
fn mend(failed: &Candidate) -> String {
    if failed.resting.is_some() {
        return "it is sent again by itself then; until then another profile in the order of the provider, or a fallback \
                of another provider, would answer"
            .to_owned();
    }
    const STERN: &str = "nothing takes over for a configured credential";
    match failed.source.strip_prefix("env:") {
        Some(name) if failed.id == failed.source => format!("mend or unset `{name}` in the daemon's environment"),
        Some(name) => format!("check `{name}` in the daemon's environment, which is not that of your shell; {STERN}"),
        None => format!("mend it or remove it; {STERN}"),
    }
}

/// Which names were sought, and what to write.
fn nothing_found(candidates: &[Candidate], request: &CredentialRequest<'_>) -> (String, String) {
    let provider = request.provider;
    let checked: Vec<&str> = candidates.iter().map(|candidate| candidate.id.as_str()).collect();
    let checked = if checked.is_empty() { "nothing".to_owned() } else { format!("`{}`", checked.join("`, `")) };
    let failure = format!("no credential found for provider `{provider}` (checked: {checked})");
    let write = format!("write `models.providers.{provider}.apiKey`");
    let mut names = request.slot.classes.iter().flat_map(|rule| &rule.environment);
    let hint = match names.next().filter(|_| request.server.is_home_of(provider)) {
        Some(name) => format!("set `{name}` in the daemon's environment, or {write}"),
        None => write,
    };
    (failure, hint)
}
