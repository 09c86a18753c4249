//! One way along a chain: whose turn it is, how often a model is asked and with which profiles, and what is told of it.

use std::collections::BTreeSet;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use creel_policy::cooldown::{Rest, Terms};
use creel_policy::fallback::{CallFault, FailedTry, Next, Standing, Turn, Walk, after};
use creel_policy::route::ModelTarget;

use super::remembered::{failure, rests, worked};
use super::{Asking, Attempt, trail};
use crate::core::{Audit, Core};
use crate::model::Failed;
use crate::step::Step;

/// One way along a chain. Two models at once may be on it.
pub(super) struct Course<'a> {
    core: &'a Arc<Core>,
    session: &'a str,
    chain: &'a [ModelTarget],
    passed: Mutex<Passed>,
}

/// What has happened on the way so far.
#[derive(Default)]
struct Passed {
    walk: Walk,
    asked: BTreeSet<usize>,
    skipped: BTreeSet<usize>,
    attempts: Vec<Attempt>,
}

impl<'a> Course<'a> {
    pub(super) fn begin(core: &'a Arc<Core>, session: &'a str, chain: &'a [ModelTarget]) -> Self {
        Self { core, session, chain, passed: Mutex::default() }
    }

    pub(super) fn target(&self, turn: Turn) -> &'a ModelTarget {
        &self.chain[turn.index]
    }

    /// Whose turn it is; tells of those that are skipped for it.
    pub(super) fn next(&self) -> Option<Turn> {
        let standings = self.standings();
        let mut passed = self.passed();
        let turn = passed.walk.next(&standings);
        let before = turn.map_or(standings.len(), |turn| turn.index);
        for (index, standing) in standings.iter().enumerate().take(before) {
            if let Some(rest) = &standing.rest
                && !passed.asked.contains(&index)
                && passed.skipped.insert(index)
            {
                let skipped = self.skip(index, rest);
                passed.attempts.push(skipped);
            }
        }
        passed.asked.extend(turn.map(|turn| turn.index));
        turn
    }

    /// Who may be asked beside one that is slow.
    pub(super) fn beside(&self) -> Option<Turn> {
        let standings = self.standings();
        let mut passed = self.passed();
        let turn = passed.walk.beside(&standings);
        passed.asked.extend(turn.map(|turn| turn.index));
        turn
    }

    /// How each model of the chain stands at this moment.
    fn standings(&self) -> Vec<Standing<'a>> {
        let (knowledge, now_ms) = (self.core.knowledge(), self.core.now_ms());
        let standing =
            |target: &'a ModelTarget| Standing { model: &target.model, rest: knowledge.rest(target, now_ms) };
        self.chain.iter().map(standing).collect()
    }

    fn passed(&self) -> MutexGuard<'_, Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn skip(&self, index: usize, rest: &Rest) -> Attempt {
        let model = self.chain[index].model.to_string();
        let reason = rest.to_string();
        self.core.observe(&Step::ModelSkipped {
            session: self.session.to_owned(),
            model: model.clone(),
            reason: reason.clone(),
            until_ms: rest.until_ms,
        });
        let message = format!("not asked: its credential is {reason}");
        Attempt { skipped: true, ..Attempt::new(model, rest.why.fault(), message, Next::NextModel) }
    }

    /// Asks one model, as often and with as many profiles as is allowed.
    pub(super) async fn ask_model<A: Asking>(&self, turn: Turn, asking: &A) -> Result<A::Answer, Next> {
        let target = self.target(turn);
        let (mut tries, mut rotations) = (1, 0);
        loop {
            let failed = match asking.once(target, turn.is_probe).await {
                Ok((answer, key)) => {
                    worked(self.core, key).await;
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            let next = after(&FailedTry {
                fault: failed.fault,
                status: failed.status,
                retry_after_ms: failed.retry_after_ms,
                tries,
                is_probe: turn.is_probe || !failed.was_asked,
                rotation_ms: self.rotation_ms(target, &failed, rotations),
                chance: crate::entropy::entropy(),
            });
            let fault = failed.fault;
            // While the same is tried again nothing is settled; afterwards it rests for everybody.
            if !matches!(next, Next::Retry { .. }) {
                rests(self.core, target, &failed).await;
            }
            self.note(turn, failed, next).await;
            match next {
                Next::Retry { after_ms } => {
                    tokio::time::sleep(Duration::from_millis(after_ms)).await;
                    tries += 1;
                }
                Next::NextProfile { after_ms } => {
                    tokio::time::sleep(Duration::from_millis(after_ms)).await;
                    (tries, rotations) = (1, rotations + 1);
                }
                Next::NextModel | Next::Stop => {
                    self.passed().walk.failed(turn, &target.model, fault);
                    return Err(next);
                }
            }
        }
    }

    /// Milliseconds before another profile takes over, where one of the declared set can.
    fn rotation_ms(&self, target: &ModelTarget, failed: &Failed, rotations: u32) -> Option<u64> {
        let (knowledge, now_ms) = (self.core.knowledge(), self.core.now_ms());
        let terms = Terms::of(&knowledge.config.auth.cooldowns, &target.model.provider);
        let pause_ms = terms.rotation(failed.fault, rotations)?;
        let key = failed.key.as_ref()?;
        let failure = failure(target, failed);
        knowledge.takes_over(target, key, (&failure, &terms), now_ms).then_some(pause_ms)
    }

    async fn note(&self, turn: Turn, failed: Failed, next: Next) {
        let model = self.target(turn).model.to_string();
        let credential = failed.key.as_ref().map(|key| key.credential.clone());
        self.core.observe(&Step::AttemptFailed {
            session: self.session.to_owned(),
            model: model.clone(),
            credential: credential.clone(),
            fault: failed.fault.code().to_owned(),
            message: failed.message.clone(),
            next: next.code(),
            is_probe: turn.is_probe,
            derivation: failed.derivation.clone(),
        });
        self.audit(turn, &failed).await;
        let Failed { fault, message, derivation, retry_after_ms, .. } = failed;
        let tried = Attempt {
            credential,
            derivation,
            retry_after_ms,
            probe: turn.is_probe,
            ..Attempt::new(model, fault, message, next)
        };
        self.passed().attempts.push(tried);
    }

    /// Notes that another answered before a model did. Its call is broken off, and may be paid for all the same.
    pub(super) fn outrun(&self, turn: Turn) {
        let model = self.target(turn).model.to_string();
        self.core.observe(&Step::Outrun { session: self.session.to_owned(), model: model.clone() });
        let message = "broken off: another model, asked beside it, was first".to_owned();
        let outrun = Attempt::new(model, CallFault::Outrun, message, Next::Stop);
        self.passed().attempts.push(outrun);
    }

    /// The end of the way. Where it was more than one step, or led nowhere, the audit log has all of it.
    pub(super) async fn end(self, answered: Option<Turn>) -> Vec<Attempt> {
        let attempts = mem::take(&mut self.passed().attempts);
        if attempts.is_empty() {
            return attempts;
        }
        let answered = answered.map(|turn| self.target(turn).model.to_string());
        let audit = Audit {
            plugin: "host".to_owned(),
            action: "route".to_owned(),
            is_allowed: answered.is_some(),
            rule: trail(&attempts, answered.as_deref()),
            target: self.session.to_owned(),
        };
        self.core.audit(audit).await;
        attempts
    }

    /// A credential that was not good enough is a decision that somebody will ask about.
    async fn audit(&self, turn: Turn, failed: &Failed) {
        let Some(derivation) = &failed.derivation else { return };
        let target = self.target(turn);
        let knowledge = self.core.knowledge();
        let planned = knowledge.plan.providers.get(&target.model.provider);
        let audit = Audit {
            plugin: planned.map_or_else(|| "host".to_owned(), |planned| planned.plugin.to_string()),
            action: "credential".to_owned(),
            is_allowed: false,
            rule: format!("{}: {}", failed.fault.code(), derivation.in_words()),
            target: target.model.to_string(),
        };
        self.core.audit(audit).await;
    }
}
