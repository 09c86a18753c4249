//! The way along a chain of models: who is asked next, again or with another profile as `creel_policy::fallback` says,
//! and what is remembered of the credentials. Never beyond the chain, and never in silence: each try that failed and
//! each model that was skipped is a step, and stands beside the answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use creel_policy::cooldown::{Failure, Key, Record, Rest, Terms};
use creel_policy::credential::CredentialDerivation;
use creel_policy::fallback::{CallFault, FailedTry, Next, Standing, Turn, Walk, after};
use creel_policy::route::ModelTarget;
use serde::Serialize;

use crate::core::{Audit, Core};
use crate::model::{Answer, Ask, Failed, ask_once};
use crate::step::Step;

/// A try that failed, or a model that was not asked.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// The model.
    pub model: String,
    /// The id of the credential that was sent.
    pub credential: Option<String>,
    /// Where it was the credential that failed: how it came to be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derivation: Option<CredentialDerivation>,
    /// What went wrong.
    pub fault: CallFault,
    /// In words, for the operator.
    pub message: String,
    /// What followed.
    pub next: &'static str,
    /// It was asked although it rests, to find out whether it still has to.
    pub probe: bool,
    /// It was not asked at all, since it rests.
    pub skipped: bool,
    /// Milliseconds that its provider wants to be left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// A chain of which no model answered.
#[derive(Clone, Debug)]
pub(crate) struct ChainFailure {
    pub(crate) attempts: Vec<Attempt>,
    reason: Option<String>,
    /// What it was of the request that nobody takes.
    unfit: Option<CallFault>,
}

impl ChainFailure {
    /// There was nobody to ask.
    pub(crate) fn no_route(reason: String) -> Self {
        Self { attempts: Vec::new(), reason: Some(reason), unfit: None }
    }

    /// There was nobody to ask for what the request holds, and so it will be the next time.
    pub(crate) fn unfit(reason: String) -> Self {
        Self { unfit: Some(CallFault::UnsupportedInput), ..Self::no_route(reason) }
    }

    /// What went wrong, for the operator.
    pub(crate) fn for_operator(&self) -> String {
        let attempt = |one: &Attempt| {
            let credential = one.credential.as_ref().map_or_else(String::new, |id| format!(" with `{id}`"));
            let sent = one.derivation.as_ref().filter(|derivation| derivation.chosen().is_some());
            let sent = sent.map(|derivation| format!(" [{}]", derivation.in_words())).unwrap_or_default();
            format!("{}{credential}: {}: {}{sent}", one.model, one.fault.code(), one.message)
        };
        let all: Vec<String> = self.reason.iter().cloned().chain(self.attempts.iter().map(attempt)).collect();
        all.join("; ")
    }

    /// Why nobody was asked, where that was so.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The last failure's kind; where nobody was asked, why.
    pub(crate) fn fault(&self) -> Option<CallFault> {
        let asked = self.attempts.iter().rev().find(|attempt| !attempt.skipped);
        asked.or(self.attempts.last()).map(|attempt| attempt.fault).or(self.unfit)
    }
}

/// How a model of a chain is asked.
pub(crate) trait Asking: Sync {
    /// What an answer is.
    type Answer: Send;

    /// Asks one model once; gives the answer, and the credential that was sent.
    fn once(
        &self,
        target: &ModelTarget,
        is_probe: bool,
    ) -> impl Future<Output = Result<(Self::Answer, Option<Key>), Failed>> + Send;
}

/// Asks the models of a chain until one answers; gives the answer with the tries that failed before it.
pub(crate) async fn walk<A: Asking>(
    core: &Arc<Core>,
    session: &str,
    chain: &[ModelTarget],
    asking: &A,
) -> Result<(A::Answer, Vec<Attempt>), ChainFailure> {
    let mut course = Course {
        core,
        session,
        chain,
        walk: Walk::default(),
        asked: BTreeSet::new(),
        skipped: BTreeSet::new(),
        attempts: Vec::new(),
    };
    while let Some(turn) = course.next() {
        match course.ask_model(turn, asking).await {
            Ok(answer) => return Ok((answer, course.attempts)),
            Err(Next::Stop) => break,
            Err(Next::Retry { .. } | Next::NextProfile { .. } | Next::NextModel) => {}
        }
    }
    Err(ChainFailure { attempts: course.attempts, reason: None, unfit: None })
}

/// Asks the models of a chain until one has answered to the end.
pub(crate) async fn ask_chain(
    core: &Arc<Core>,
    session: &str,
    chain: &[ModelTarget],
    ask: impl Fn(&ModelTarget) -> Ask + Sync,
) -> Result<Answer, ChainFailure> {
    let (answer, attempts) = walk(core, session, chain, &Whole { core, session, ask }).await?;
    Ok(Answer { attempts, ..answer })
}

/// Asks for a whole answer.
struct Whole<'a, F> {
    core: &'a Arc<Core>,
    session: &'a str,
    ask: F,
}

impl<F: Fn(&ModelTarget) -> Ask + Sync> Asking for Whole<'_, F> {
    type Answer = Answer;

    async fn once(&self, target: &ModelTarget, is_probe: bool) -> Result<(Answer, Option<Key>), Failed> {
        ask_once(self.core, self.session, (target, is_probe), (self.ask)(target)).await
    }
}

/// One way along a chain.
struct Course<'a> {
    core: &'a Arc<Core>,
    session: &'a str,
    chain: &'a [ModelTarget],
    walk: Walk,
    asked: BTreeSet<usize>,
    skipped: BTreeSet<usize>,
    attempts: Vec<Attempt>,
}

impl Course<'_> {
    /// Whose turn it is; tells of those that are skipped for it.
    fn next(&mut self) -> Option<Turn> {
        let (knowledge, now_ms) = (self.core.knowledge(), self.core.now_ms());
        let chain = self.chain;
        let standing = |target: &'_ ModelTarget| knowledge.rest(target, now_ms);
        let standings: Vec<Standing<'_>> =
            chain.iter().map(|target| Standing { model: &target.model, rest: standing(target) }).collect();
        let turn = self.walk.next(&standings);
        let before = turn.map_or(standings.len(), |turn| turn.index);
        for (index, standing) in standings.iter().enumerate().take(before) {
            if let Some(rest) = &standing.rest
                && !self.asked.contains(&index)
                && self.skipped.insert(index)
            {
                self.skip(index, rest);
            }
        }
        self.asked.extend(turn.map(|turn| turn.index));
        turn
    }

    fn skip(&mut self, index: usize, rest: &Rest) {
        let model = self.chain[index].model.to_string();
        let reason = rest.to_string();
        self.core.observe(&Step::ModelSkipped {
            session: self.session.to_owned(),
            model: model.clone(),
            reason: reason.clone(),
            until_ms: rest.until_ms,
        });
        let message = format!("not asked: its credential is {reason}");
        let (fault, next) = (rest.why.fault(), Next::NextModel.code());
        let attempt = Attempt {
            model,
            credential: None,
            derivation: None,
            fault,
            message,
            next,
            probe: false,
            skipped: true,
            retry_after_ms: None,
        };
        self.attempts.push(attempt);
    }

    /// Asks one model, as often and with as many profiles as is allowed.
    async fn ask_model<A: Asking>(&mut self, turn: Turn, asking: &A) -> Result<A::Answer, Next> {
        let target = &self.chain[turn.index];
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
                chance: crate::core::entropy(),
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
                    self.walk.failed(turn, &target.model, fault);
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

    async fn note(&mut self, turn: Turn, failed: Failed, next: Next) {
        let model = self.chain[turn.index].model.to_string();
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
        let (next, probe) = (next.code(), turn.is_probe);
        self.attempts.push(Attempt {
            model,
            credential,
            derivation,
            fault,
            message,
            next,
            probe,
            skipped: false,
            retry_after_ms,
        });
    }

    /// A credential that was not good enough is a decision that somebody will ask about.
    async fn audit(&self, turn: Turn, failed: &Failed) {
        let Some(derivation) = &failed.derivation else { return };
        let target = &self.chain[turn.index];
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

/// Remembers that a credential was good.
pub(crate) async fn worked(core: &Core, key: Option<Key>) {
    let now_ms = core.now_ms();
    if !key.as_ref().is_some_and(|key| core.knowledge().memory.used(key, now_ms)) {
        return;
    }
    remember(core, key, now_ms, move |record| Some(record.after_success(now_ms))).await;
}

/// Lets what failed rest.
pub(crate) async fn rests(core: &Core, target: &ModelTarget, failed: &Failed) {
    let now_ms = core.now_ms();
    let terms = Terms::of(&core.knowledge().config.auth.cooldowns, &target.model.provider);
    let (model, fault, retry_after_ms) = (target.model.clone(), failed.fault, failed.retry_after_ms);
    remember(core, failed.key.clone(), now_ms, move |record| {
        record.after_failure(&Failure { fault, model: &model, retry_after_ms }, &terms, now_ms)
    })
    .await;
}

/// F15: bookkeeping that fails is dropped with a warning, and costs nobody an answer.
async fn remember(
    core: &Core,
    key: Option<Key>,
    now_ms: u64,
    change: impl FnOnce(&Record) -> Option<Record> + Send + 'static,
) {
    let Some(key) = key else { return };
    let (memory, credential) = (Arc::clone(&core.knowledge().memory), key.credential.clone());
    let done = core.store(move |store| memory.change(store, (key, now_ms), change)).await;
    if let Err(error) = done {
        let error = creel_engine::chain(&error);
        tracing::warn!(credential, %error, "what happened to a credential could not be remembered");
    }
}

fn failure<'a>(target: &'a ModelTarget, failed: &Failed) -> Failure<'a> {
    Failure { fault: failed.fault, model: &target.model, retry_after_ms: failed.retry_after_ms }
}
