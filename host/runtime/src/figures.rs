//! Questions that are answered by figures: vectors of texts, counts of tokens. They go the way of every call, with a chain
//! of one: figures of another model mean something else.

use std::sync::Arc;

use creel_engine::{CounterCall, EmbeddingCall, Fault, Masks, Plugin, embedding};
use creel_policy::cooldown::Key;
use creel_policy::credential::CredentialDerivation;
use creel_policy::fallback::CallFault;
use creel_policy::ids::ModelRef;
use creel_policy::limits::MODEL_CALL_MS_MAX;
use creel_policy::route::ModelTarget;

use crate::chain::{Asking, Attempt, walk};
use crate::core::{CallParts, Core};
use crate::model::Failed;
use crate::opening::{self, prepared, ready, unasked};
use crate::question::{Question, Unanswered, unanswered};

/// A whole answer of another kind, with who gave it.
pub struct Answered<T> {
    /// The answer.
    pub answer: T,
    /// Who gave it.
    pub model: ModelRef,
    /// The tries before, and who was skipped.
    pub attempts: Vec<Attempt>,
}

/// Makes vectors of texts by one model.
pub(crate) async fn embed(
    core: &Arc<Core>,
    caller: &str,
    target: &ModelTarget,
    request: embedding::EmbeddingRequest,
) -> Result<Answered<embedding::Embeddings>, Box<Unanswered>> {
    let walked = walk(core, caller, std::slice::from_ref(target), &Vectors { core, caller, request }).await;
    let (answer, attempts) = walked.map_err(|failure| Box::new(unanswered(&failure)))?;
    Ok(Answered { answer, model: target.model.clone(), attempts })
}

/// Has the tokens of a request counted; `None`: the model's provider does not count.
pub(crate) async fn count(
    core: &Arc<Core>,
    target: &ModelTarget,
    question: &Question,
) -> Result<Option<u64>, Box<Unanswered>> {
    let now = core.generation();
    let planned = now.knowledge.plan.providers.get(&target.model.provider);
    let plugin = planned.and_then(|planned| now.plugins.get(&planned.plugin));
    if !plugin.is_some_and(Plugin::counts_tokens) {
        return Ok(None);
    }
    let walked = walk(core, &question.caller, std::slice::from_ref(target), &Tokens { core, question }).await;
    let (tokens, _) = walked.map_err(|failure| Box::new(unanswered(&failure)))?;
    Ok(Some(tokens))
}

/// Asks for vectors.
struct Vectors<'a> {
    core: &'a Arc<Core>,
    caller: &'a str,
    request: embedding::EmbeddingRequest,
}

impl Asking for Vectors<'_> {
    type Answer = embedding::Embeddings;

    async fn once(&self, target: &ModelTarget, is_probe: bool) -> Result<(Self::Answer, Option<Key>), Failed> {
        let (core, now) = (self.core, self.core.generation());
        let Ready { plugin, parts, trouble } =
            of(ready(core, &now, self.caller, (target, is_probe), MODEL_CALL_MS_MAX).await?);
        if !plugin.makes_embeddings() {
            return Err(unasked(CallFault::UnsupportedInput, "this provider makes no vectors".to_owned()));
        }
        let model = target.model.model.to_string();
        let request = embedding::EmbeddingRequest { model, ..self.request.clone() };
        let started = EmbeddingCall::start(plugin, &core.egress, &core.store, core.context(parts), request).await;
        let mut call = started.map_err(|fault| trouble.of_fault(&fault))?;
        let answer = call.next().await.map_err(|end| trouble.of(end.into()))?;
        Ok((answer.ok_or_else(|| trouble.nothing())?, trouble.key))
    }
}

/// Asks for a count.
struct Tokens<'a> {
    core: &'a Arc<Core>,
    question: &'a Question,
}

impl Asking for Tokens<'_> {
    type Answer = u64;

    async fn once(&self, target: &ModelTarget, is_probe: bool) -> Result<(u64, Option<Key>), Failed> {
        let (core, now, question) = (self.core, self.core.generation(), self.question);
        let caller = &question.caller;
        let Ready { plugin, parts, trouble } =
            of(ready(core, &now, caller, (target, is_probe), MODEL_CALL_MS_MAX).await?);
        // What is counted is what would be asked: the same pictures, and none that may not be sent.
        let ask = prepared(core, &now, plugin, question.ask(target, MODEL_CALL_MS_MAX, None)).await?;
        let context = core.context(CallParts { media: ask.media, ..parts });
        let started = CounterCall::start(plugin, &core.egress, &core.store, context, ask.request).await;
        let mut call = started.map_err(|fault| trouble.of_fault(&fault))?;
        let tokens = call.next().await.map_err(|end| trouble.of(end.into()))?;
        Ok((tokens.ok_or_else(|| trouble.nothing())?, trouble.key))
    }
}

/// A provider that can be asked, and how its failures are told.
struct Ready<'a> {
    plugin: &'a Plugin,
    parts: CallParts,
    trouble: Trouble,
}

/// What stands beside every failure of a call.
struct Trouble {
    masks: Masks,
    credential: Option<CredentialDerivation>,
    key: Option<Key>,
}

fn of(ready: opening::Ready<'_>) -> Ready<'_> {
    let opening::Ready { plugin, parts, masks, credential, key } = ready;
    Ready { plugin, parts, trouble: Trouble { masks, credential, key } }
}

impl Trouble {
    fn of(&self, failed: Failed) -> Failed {
        let message = self.masks.text(failed.message);
        Failed { message, key: self.key.clone(), ..failed }.with(self.credential.clone())
    }

    fn of_fault(&self, fault: &Fault) -> Failed {
        self.of(Failed::new(CallFault::PluginFault, fault.to_string()))
    }

    fn nothing(&self) -> Failed {
        self.of(Failed::new(CallFault::MalformedResponse, "nothing came".to_owned()))
    }
}
