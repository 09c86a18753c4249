//! Questions that are answered by figures: vectors of texts, counts of tokens. They go the way of every call, with a chain of one:
//! figures of another model mean something else.

use std::sync::Arc;

use creel_engine::{CounterCall, EmbeddingCall, Plugin, chat, embedding};
use creel_policy::cooldown::Key;
use creel_policy::fallback::CallFault;
use creel_policy::ids::ModelRef;
use creel_policy::limits::MODEL_CALL_MS_MAX;
use creel_policy::route::ModelTarget;

use crate::chain::{Asking, Attempt, ChainFailure, walk};
use crate::core::{CallParts, Core};
use crate::model::Failed;
use crate::opening::ready;
use crate::question::{Question, Unanswered, named, unanswered};

/// A whole answer of another kind, with who gave it.
pub struct Answered<T> {
    /// The answer.
    pub answer: T,
    /// Who gave it.
    pub model: ModelRef,
    /// The tries before, and who was skipped.
    pub attempts: Vec<Attempt>,
}

/// Makes vectors of texts, along a chain of models that all make the same.
pub(crate) async fn embed(
    core: &Arc<Core>,
    caller: &str,
    target: &ModelTarget,
    request: embedding::EmbeddingRequest,
) -> Result<Answered<embedding::Embeddings>, Box<Unanswered>> {
    let asked = Other { core, caller, ask: OtherAsk::Embed(request) };
    let walked = walk(core, caller, std::slice::from_ref(target), &asked).await;
    let (answer, attempts) = walked.map_err(|failure| Box::new(unanswered(&failure)))?;
    match answer {
        OtherAnswer::Embeddings(answer) => Ok(Answered { answer, model: target.model.clone(), attempts }),
        OtherAnswer::Count(_) => Err(Box::new(unanswered(&ChainFailure::no_route("no vectors came".to_owned())))),
    }
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
    let asked = Other { core, caller: &question.caller, ask: OtherAsk::Count(Box::new(question.clone())) };
    let walked = walk(core, &question.caller, std::slice::from_ref(target), &asked).await;
    match walked.map_err(|failure| Box::new(unanswered(&failure)))?.0 {
        OtherAnswer::Count(tokens) => Ok(Some(tokens)),
        OtherAnswer::Embeddings(_) => Ok(None),
    }
}

/// What is asked beside chats.
enum OtherAsk {
    Embed(embedding::EmbeddingRequest),
    Count(Box<Question>),
}

enum OtherAnswer {
    Embeddings(embedding::Embeddings),
    Count(u64),
}

struct Other<'a> {
    core: &'a Arc<Core>,
    caller: &'a str,
    ask: OtherAsk,
}

impl Asking for Other<'_> {
    type Answer = OtherAnswer;

    async fn once(&self, target: &ModelTarget, is_probe: bool) -> Result<(OtherAnswer, Option<Key>), Failed> {
        let now = self.core.generation();
        let ready = ready(self.core, &now, self.caller, (target, is_probe), MODEL_CALL_MS_MAX).await?;
        let (plugin, key, credential) = (ready.plugin, ready.key, ready.credential);
        let (egress, store) = (&self.core.egress, &self.core.store);
        let trouble = |failed: Failed| {
            let message = ready.masks.text(failed.message);
            Failed { message, key: key.clone(), ..failed }.with(credential.clone())
        };
        let fault = |fault: creel_engine::Fault| trouble(Failed::new(CallFault::PluginFault, fault.to_string()));
        let answer = match &self.ask {
            OtherAsk::Embed(request) => {
                let model = target.model.model.to_string();
                let request = embedding::EmbeddingRequest { model, ..request.clone() };
                let context = self.core.context(ready.parts);
                let mut call = EmbeddingCall::start(plugin, egress, store, context, request).await.map_err(fault)?;
                call.next().await.map_err(|end| trouble(end.into()))?.map(OtherAnswer::Embeddings)
            }
            OtherAsk::Count(question) => {
                let model = target.model.model.to_string();
                let media = named(&question.request.messages);
                let request = chat::ChatRequest { model, ..question.request.clone() };
                let context = self.core.context(CallParts { media, ..ready.parts });
                let mut call = CounterCall::start(plugin, egress, store, context, request).await.map_err(fault)?;
                call.next().await.map_err(|end| trouble(end.into()))?.map(OtherAnswer::Count)
            }
        };
        let nothing = || trouble(Failed::new(CallFault::MalformedResponse, "nothing came".to_owned()));
        Ok((answer.ok_or_else(nothing)?, key.clone()))
    }
}
