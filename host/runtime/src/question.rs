//! A question of a client that is no conversation of ours: asked along a route, answered piece by piece. Nothing of it is
//! kept but what the audit log and the memory of credentials have. Who may ask is said elsewhere.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use creel_engine::{chat, types};
use creel_policy::config::Timeouts;
use creel_policy::cooldown::Key;
use creel_policy::fallback::CallFault;
use creel_policy::ids::ModelRef;
use creel_policy::limits::MODEL_CALL_MS_MAX;
use creel_policy::manifest::Input;
use creel_policy::media::{MediaRef, kind_of};
use creel_policy::route::{ModelTarget, RoutePlan};
use creel_store::Store;

use crate::care::shown;
use crate::chain::{Asking, Attempt, ChainFailure, rests, walk};
use crate::core::Core;
use crate::describe;
use crate::held::{Held, SPREAD};
use crate::model::{Ask, Failed, plain_request};
use crate::opening::{NativeAsk, NativeForm, Opened, open};

/// What a client asks.
#[derive(Clone)]
pub struct Question {
    /// Who asks, for logs and the audit; not a secret.
    pub caller: String,
    /// The request; its `model` and `native` are set for each model that is asked.
    pub request: chat::ChatRequest,
    /// The same in the client's own dialect.
    pub native: Option<Arc<dyn NativeForm>>,
    /// The media that the native form names, in its order.
    pub native_media: Vec<types::Media>,
    /// What of the request only a provider of the same dialect can do, each with its reason.
    pub native_only: Vec<String>,
}

impl Question {
    /// Messages, and nothing else that a request may have; the answer comes in pieces.
    #[must_use]
    pub fn plain(caller: impl Into<String>, messages: Vec<types::Message>) -> Self {
        let request = plain_request(String::new(), messages, None);
        let (native, native_media, native_only) = (None, Vec::new(), Vec::new());
        Self { caller: caller.into(), request, native, native_media, native_only }
    }

    /// The same for one model, which gives so many tokens at most: a client asks for as many as its own models give.
    pub(crate) fn ask(&self, target: &ModelTarget, total_ms: u64, output_tokens: Option<u64>) -> Ask {
        let model = target.model.model.to_string();
        let bound = output_tokens.and_then(|tokens| u32::try_from(tokens).ok()).unwrap_or(u32::MAX);
        let max_tokens = self.request.max_tokens.map(|asked| asked.min(bound));
        Ask {
            media: shown(&self.request.messages),
            request: chat::ChatRequest { model, max_tokens, ..self.request.clone() },
            native: self.native.clone().map(|form| NativeAsk { form, media: self.native_media.clone() }),
            total_ms,
        }
    }
}

/// Nobody answered.
#[derive(Clone, Debug)]
pub struct Unanswered {
    /// The tries, and who was skipped.
    pub attempts: Vec<Attempt>,
    /// What the last of them failed by; `None`: nobody could be asked.
    pub fault: Option<CallFault>,
    /// In words, for the operator: it names credentials.
    pub for_operator: String,
    /// In words, for the client: what it can do something about.
    pub for_client: String,
    /// Milliseconds that the last provider wants to be left alone.
    pub retry_after_ms: Option<u64>,
}

/// An answer under way. Dropping it cancels the call.
pub struct Reply {
    core: Arc<Core>,
    opened: Opened,
    target: ModelTarget,
    held: Held,
    attempts: Vec<Attempt>,
}

impl Reply {
    /// Who answers.
    #[must_use]
    pub fn model(&self) -> &ModelRef {
        &self.target.model
    }

    /// The tries before this one, and who was skipped.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// How long the call has waited for the provider so far.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.opened.call.waited()
    }

    /// The next piece of the answer; `None`: that was all of it. What a credential holds is masked.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] when the answer broke off; nobody else is asked by then.
    pub async fn next(&mut self) -> Result<Option<chat::Output>, Box<Unanswered>> {
        match self.held.next(&mut self.opened.call).await {
            Ok(output) => Ok(output),
            Err(end) => {
                let failed = failed(&self.opened, end);
                rests(&self.core, &self.target, &failed).await;
                Err(Box::new(broken(&self.target, &failed)))
            }
        }
    }
}

/// Asks along a route; gives the answer once its first piece is there, so that until then another model may take over.
pub(crate) async fn ask(core: &Arc<Core>, plan: &RoutePlan, mut question: Question) -> Result<Reply, Box<Unanswered>> {
    let chain = match plan {
        RoutePlan::Direct { chain } => chain,
        RoutePlan::Describe { describers, chain } => {
            let described = pictures(core, describers, &mut question).await;
            described.map_err(|failure| Box::new(unanswered(&failure)))?;
            chain
        }
    };
    let caller = question.caller.clone();
    let first = First { core, question: &question };
    match walk(core, &caller, chain, &first).await {
        Ok(((opened, target, held), attempts)) => Ok(Reply { core: Arc::clone(core), opened, target, held, attempts }),
        Err(failure) => Err(Box::new(unanswered(&failure))),
    }
}

/// Asks until there is a first piece.
struct First<'a> {
    core: &'a Arc<Core>,
    question: &'a Question,
}

impl Asking for First<'_> {
    type Answer = (Opened, ModelTarget, Held);

    fn hedge_after(&self, target: &ModelTarget) -> Option<Duration> {
        self.timeouts(target).hedge_after_ms.map(Duration::from_millis)
    }

    async fn once(&self, target: &ModelTarget, is_probe: bool) -> Result<(Self::Answer, Option<Key>), Failed> {
        let question = self.question;
        let knowledge = self.core.knowledge();
        let timeouts = self.timeouts(target);
        if let Some(reason) = question.native_only.first()
            && !self.speaks_native(target)
        {
            let message = format!("`{}` cannot do what is asked for: {reason}", target.model);
            return Err(crate::opening::unasked(CallFault::UnsupportedInput, message));
        }
        let output_tokens = knowledge.catalog.facts(&target.model).output_tokens;
        let ask = question.ask(target, timeouts.total_ms_max.unwrap_or(MODEL_CALL_MS_MAX), output_tokens);
        let first = async {
            let mut opened = open(self.core, &question.caller, (target, is_probe), ask).await?;
            let held = first_pieces(&mut opened).await.map_err(|end| failed(&opened, end))?;
            Ok::<_, Failed>((opened, held))
        };
        let (opened, held) = match timeouts.first_ms_max {
            None => first.await?,
            Some(milliseconds) => {
                let bounded = tokio::time::timeout(Duration::from_millis(milliseconds), first).await;
                let late = || Failed::new(CallFault::TimedOut, format!("no answer began within {milliseconds} ms"));
                bounded.map_err(|_| late())??
            }
        };
        let key = opened.key.clone();
        if let Some(key) = &key {
            let waited = u64::try_from(opened.call.waited().as_micros()).unwrap_or(u64::MAX);
            self.core.knowledge().memory.took(&key.credential, waited);
        }
        Ok(((opened, target.clone(), held), key))
    }
}

impl First<'_> {
    fn timeouts(&self, target: &ModelTarget) -> Timeouts {
        let knowledge = self.core.knowledge();
        let entry = knowledge.config.models.providers.get(&target.model.provider);
        entry.map(|entry| entry.timeouts).unwrap_or_default()
    }

    fn speaks_native(&self, target: &ModelTarget) -> bool {
        let now = self.core.generation();
        let planned = now.knowledge.plan.providers.get(&target.model.provider);
        let plugin = planned.and_then(|planned| now.plugins.get(&planned.plugin));
        let native = self.question.native.as_ref();
        native.zip(plugin).is_some_and(|(native, plugin)| crate::opening::speaks(plugin, native.dialect()))
    }
}

/// The pieces of an answer up to the first that says something.
async fn first_pieces(opened: &mut Opened) -> Result<Held, Failed> {
    let mut held = Held::new(opened.masks.clone());
    let mut ahead = VecDeque::new();
    while let Some(output) = held.next(&mut opened.call).await? {
        let says_something = !matches!(output, chat::Output::Usage(_));
        ahead.push_back(output);
        if says_something {
            held.put_back(ahead);
            return Ok(held);
        }
    }
    Err(Failed::new(CallFault::MalformedResponse, "the model gave an empty answer".to_owned()))
}

fn failed(opened: &Opened, failed: Failed) -> Failed {
    let message = opened.masks.text(failed.message);
    Failed { message, key: opened.key.clone(), ..failed }.with(opened.credential.clone())
}

/// Puts a description in the place of each picture, for a model that takes none.
async fn pictures(core: &Arc<Core>, describers: &[ModelTarget], question: &mut Question) -> Result<(), ChainFailure> {
    let mut said = Said { core, describers, caller: &question.caller, texts: BTreeMap::new() };
    for part in question.request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        match part {
            types::Part::Media(media) => {
                if let Some(text) = said.of(media).await? {
                    *part = types::Part::Text(text);
                }
            }
            types::Part::ToolResult(result) => {
                for part in &mut result.parts {
                    if let types::ResultPart::Media(media) = part
                        && let Some(text) = said.of(media).await?
                    {
                        *part = types::ResultPart::Text(text);
                    }
                }
            }
            types::Part::Text(_) | types::Part::Reasoning(_) | types::Part::ToolCall(_) => {}
        }
    }
    // What the model is asked is not what the client wrote any more.
    question.native = None;
    Ok(())
}

/// The descriptions of pictures, each asked for once.
struct Said<'a> {
    core: &'a Arc<Core>,
    describers: &'a [ModelTarget],
    caller: &'a str,
    texts: BTreeMap<String, String>,
}

impl Said<'_> {
    /// What stands for a medium; `None` where it is no picture.
    async fn of(&mut self, media: &types::Media) -> Result<Option<String>, ChainFailure> {
        if kind_of(&media.content_type).input() != Some(Input::Image) {
            return Ok(None);
        }
        let text = match self.texts.get(&media.uri) {
            Some(text) => text.clone(),
            None => self.described(media).await?,
        };
        self.texts.insert(media.uri.clone(), text.clone());
        Ok(Some(format!("[Picture: {text}]")))
    }

    async fn described(&self, media: &types::Media) -> Result<String, ChainFailure> {
        // What the disk says of it is the operator's affair: it may name a path.
        let unread = |error: &dyn std::error::Error| {
            tracing::error!(media = media.uri, error = %creel_engine::chain(error), "a picture cannot be read");
            ChainFailure::no_route(format!("the picture {} cannot be read; the operator can tell more", media.uri))
        };
        let name = MediaRef::parse(&media.uri).map_err(|refusal| ChainFailure::no_route(refusal.to_string()))?;
        let picture = self.core.store(move |store: &Store| store.medium(&name)).await;
        let picture = picture.map_err(|error| unread(&error))?;
        let described = describe::describe(self.core, self.caller, self.describers, &picture).await;
        described.map_err(|error| unread(&error))?
    }
}

pub(crate) fn unanswered(failure: &ChainFailure) -> Unanswered {
    let last = failure.attempts.iter().rev().find(|attempt| !attempt.skipped).or(failure.attempts.last());
    let for_client = match last {
        Some(last) => for_client(&last.model, last.fault, &last.message),
        None => failure.reason().unwrap_or("no model could be asked").to_owned(),
    };
    Unanswered {
        fault: failure.fault(),
        for_operator: failure.for_operator(),
        for_client,
        retry_after_ms: last.and_then(|last| last.retry_after_ms),
        attempts: failure.attempts.clone(),
    }
}

fn broken(target: &ModelTarget, failed: &Failed) -> Unanswered {
    let model = target.model.to_string();
    Unanswered {
        attempts: Vec::new(),
        fault: Some(failed.fault),
        for_operator: format!("{model}: {}: {}", failed.fault.code(), failed.message),
        for_client: for_client(&model, failed.fault, &failed.message),
        retry_after_ms: failed.retry_after_ms,
    }
}

/// What a client is told of a failure: the provider's words where they are about its own request, and no more than the
/// kind where they are about the operator's account.
fn for_client(model: &str, fault: CallFault, message: &str) -> String {
    match fault {
        // The rule is the gateway's own, and whoever reads the pieces has seen that they end.
        CallFault::Refused if message == SPREAD => format!("{model}: {message}"),
        CallFault::InvalidRequest
        | CallFault::ContextTooLong
        | CallFault::UnsupportedInput
        | CallFault::UnknownModel
        | CallFault::ContentRefused
        | CallFault::RateLimited
        | CallFault::Overloaded => format!("{model}: {message}"),
        CallFault::Authentication
        | CallFault::CredentialInvalid
        | CallFault::Permission
        | CallFault::Billing
        | CallFault::CredentialMissing => {
            format!(
                "{model}: the provider did not take the gateway's own credential ({}); its operator can tell more",
                fault.code()
            )
        }
        CallFault::TimedOut
        | CallFault::MalformedResponse
        | CallFault::Unreachable
        | CallFault::Refused
        | CallFault::PluginFault
        | CallFault::Outrun
        | CallFault::Other => format!("{model}: the provider gave no answer ({})", fault.code()),
    }
}
