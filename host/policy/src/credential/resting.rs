//! Credentials that rest after a failure: another profile of the same list takes over, and nothing else does.

use crate::cooldown::{Key, Rest};

use super::contenders::{Contender, Context, Group, State};

/// Which others may take over for a credential that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TakeOver {
    /// The others of its group: profiles of the declared order, or all stored ones where there is none.
    Others,
    /// Nobody: another variable or another key would be a silent fallback.
    Nobody,
}

/// Puts those that rest at the end of their list, by soonest expiry (D9, D10), and marks them so that they are passed
/// over. A probe marks none that rests for something that passes: the first of them is sent.
pub(super) fn settle(context: Context<'_>, group: &mut Group, take_over: TakeOver) {
    let resting = |contender: Contender| {
        let rest = rest(context, &contender);
        let until_ms = rest.as_ref().map_or(0, |rest| rest.until_ms);
        let marks = |rest: &Rest| !(context.request.health.is_probe && rest.why.may_be_probed());
        match (rest.filter(marks), contender) {
            (Some(rest), Contender { id, source, class, state, is_marker }) => {
                let fingerprint = fingerprint(&state).map(str::to_owned);
                let state = State::Resting { rest, fingerprint, take_over };
                (until_ms, Contender { id, source, class, state, is_marker })
            }
            (None, contender) => (until_ms, contender),
        }
    };
    let mut all: Vec<(u64, Contender)> = group.drain(..).map(resting).collect();
    if take_over == TakeOver::Others {
        all.sort_by_key(|(until_ms, _)| *until_ms);
    }
    group.extend(all.into_iter().map(|(_, contender)| contender));
}

/// Why what could be sent is not. What goes without a credential is remembered by its name alone.
fn rest(context: Context<'_>, contender: &Contender) -> Option<Rest> {
    let request = context.request;
    let fingerprint = match &contender.state {
        State::Ready(_) => fingerprint(&contender.state).unwrap_or_default(),
        State::Bare(_) => "",
        State::Resting { .. } | State::Absent(_) | State::Broken(_) | State::Failed(_) => return None,
    };
    let key = Key {
        provider: request.provider.clone(),
        credential: contender.id.clone(),
        fingerprint: fingerprint.to_owned(),
    };
    request.health.rest(&key, request.now_ms)
}

fn fingerprint(state: &State) -> Option<&str> {
    match state {
        State::Ready(selected) => Some(&selected.fingerprint),
        State::Resting { fingerprint, .. } => fingerprint.as_deref(),
        State::Bare(_) | State::Absent(_) | State::Broken(_) | State::Failed(_) => None,
    }
}
