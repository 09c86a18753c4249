//! The way along a chain of models: who is asked next, again or with another profile as `creel_policy::fallback` says,
//! and what is remembered of the credentials. Never beyond the chain, and never in silence: each try that failed and
//! each model that was skipped is a step, and stands beside the answer.

mod course;
mod hedge;
mod remembered;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use creel_policy::cooldown::Key;
use creel_policy::credential::CredentialDerivation;
use creel_policy::fallback::{CallFault, Next};
use creel_policy::route::ModelTarget;
use serde::Serialize;

use crate::core::Core;
use crate::model::{Answer, Ask, Failed, ask_once};
use course::Course;

pub(crate) use remembered::rests;

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

impl Attempt {
    fn new(model: String, fault: CallFault, message: String, next: Next) -> Self {
        let (credential, derivation, retry_after_ms, next) = (None, None, None, next.code());
        Self { model, credential, derivation, fault, message, next, probe: false, skipped: false, retry_after_ms }
    }
}

/// E.g. `ollama/glm-5=overloaded`, as it stands in the trail of a request.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = if self.skipped { "skipped:" } else { "" };
        write!(f, "{}={skipped}{}", self.model, self.fault.code())
    }
}

/// The way that a request took: the tries in the order in which they ended, and who answered. E.g.
/// `ollama/glm-5=overloaded, anthropic/claude-haiku-4-5=ok`.
#[must_use]
pub fn trail(attempts: &[Attempt], answered: Option<&str>) -> String {
    let tried = attempts.iter().map(ToString::to_string);
    tried.chain(answered.map(|model| format!("{model}=ok"))).collect::<Vec<_>>().join(", ")
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
        let says_why = |attempt: &&Attempt| !attempt.skipped && attempt.fault != CallFault::Outrun;
        let asked = self.attempts.iter().rev().find(says_why);
        asked.or(self.attempts.last()).map(|attempt| attempt.fault).or(self.unfit)
    }
}

/// How a model of a chain is asked.
pub(crate) trait Asking: Sync {
    /// What an answer is.
    type Answer: Send;

    /// For how long a model may not begin to answer before the next is asked beside it; `None`: for ever.
    fn hedge_after(&self, _target: &ModelTarget) -> Option<Duration> {
        None
    }

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
    let course = Course::begin(core, session, chain);
    while let Some(turn) = course.next() {
        let ended = match asking.hedge_after(&chain[turn.index]) {
            None => course.ask_model(turn, asking).await.map(|answer| (answer, turn)),
            Some(_) => hedge::ask_model(&course, turn, asking).await,
        };
        match ended {
            Ok((answer, turn)) => return Ok((answer, course.end(Some(turn)).await)),
            Err(Next::Stop) => break,
            Err(Next::Retry { .. } | Next::NextProfile { .. } | Next::NextModel) => {}
        }
    }
    Err(ChainFailure { attempts: course.end(None).await, reason: None, unfit: None })
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
