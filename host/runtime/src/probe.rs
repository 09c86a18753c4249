//! Probes: asks providers with a real call whether they take the credentials that `status` shows. The call goes the way
//! of every other, through the same choice of a credential and the same egress; it costs as little as can be.

use std::sync::Arc;

use creel_engine::{CallEnd, CatalogCall, ChatCall, Masks, Plugin, catalog, chat, types};
use creel_policy::credential::CredentialDerivation;
use creel_policy::fallback::CallFault;
use creel_policy::ids::ProviderId;
use creel_policy::limits::{MEDIUM_BYTES_MAX, PROBE_MS_MAX, PROBES_AT_ONCE_MAX, PROBES_MS_MAX};
use creel_policy::media::Area;
use creel_policy::plan::ProviderPlan;
use creel_policy::probe::{ListedModel, ProbeStatus, judge_listed};
use creel_policy::route::ModelTarget;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, timeout_at};

use crate::core::{CallParts, Core, Generation};
use crate::host::{Setup, StartError, set_up};
use crate::model::{Failed, request};
use crate::status::{ProviderStatus, UseStatus};
use crate::step::Step;

/// What is said to a model that lists nothing.
const PROMPT: &str = "Hi";
/// Statuses that mean "there is no such question here", as a gateway in between says that knows completions only.
const NO_SUCH_ROUTE: [u16; 3] = [404, 405, 501];

/// What came of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// In one word.
    pub status: ProbeStatus,
    /// In words.
    pub message: String,
    /// How long it took.
    pub ms: u64,
}

/// Asks providers whether they take credentials.
pub struct Prober {
    core: Arc<Core>,
    permits: Arc<Semaphore>,
}

/// One question: a provider with one credential, and all models that would be called with it.
#[derive(Clone)]
struct Question {
    provider: ProviderId,
    /// The winner's id and fingerprint; `None`: none is needed.
    credential: Option<(String, Option<String>)>,
    /// Never empty.
    targets: Vec<ModelTarget>,
}

/// A question on its way, with the configuration that it is asked by.
struct Asked {
    core: Arc<Core>,
    now: Arc<Generation>,
    question: Question,
}

/// What a provider said.
#[derive(Clone)]
enum Said {
    /// These models, so that the models of each use can be judged.
    Models(Vec<ListedModel>),
    /// Something that holds for every use.
    Word(ProbeStatus, String),
}

impl Prober {
    /// A prober in a program that runs no host: nothing is listened to, taken up or delivered.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn new(setup: Setup) -> Result<Self, StartError> {
        Ok(Self::of(set_up(setup).await?))
    }

    pub(crate) fn of(core: Arc<Core>) -> Self {
        Self { core, permits: Arc::new(Semaphore::new(PROBES_AT_ONCE_MAX)) }
    }

    /// Asks each provider once for each credential that it would be sent, several at once, and adds what came of it to
    /// each use. A use that could not be called is left as it is.
    pub async fn probe(&self, mut providers: Vec<ProviderStatus>) -> Vec<ProviderStatus> {
        let deadline = Instant::now() + Duration::from_millis(PROBES_MS_MAX);
        let questions = questions(&providers);
        let now = self.core.generation();
        let mut asking = JoinSet::new();
        for (index, question) in questions.iter().cloned().enumerate() {
            let permits = Arc::clone(&self.permits);
            let asked = Asked { core: Arc::clone(&self.core), now: Arc::clone(&now), question };
            asking.spawn(async move { (index, asked.answer(&permits, deadline).await) });
        }
        let mut answers: Vec<Option<(Said, u64)>> = vec![None; questions.len()];
        while let Some(answered) = asking.join_next().await {
            match answered {
                Ok((index, answer)) => answers[index] = Some(answer),
                Err(error) => tracing::error!(%error, "a probe broke off"),
            }
        }
        for status in &mut providers {
            for one in status.uses.iter_mut().filter(|one| is_callable(one)) {
                let asked = questions.iter().position(|question| question.is_of(&status.provider, one));
                let answer = asked.and_then(|index| answers[index].as_ref());
                let probe = judge(one, answer);
                self.core.observe(&Step::Probed {
                    provider: status.provider.to_string(),
                    credential: one.winner.as_ref().map(|winner| winner.id.clone()),
                    probe: probe.clone(),
                });
                one.probe = Some(probe);
            }
        }
        providers
    }
}

impl Question {
    fn is_of(&self, provider: &ProviderId, one: &UseStatus) -> bool {
        &self.provider == provider && self.credential == credential_of(one)
    }
}

fn credential_of(one: &UseStatus) -> Option<(String, Option<String>)> {
    one.winner.as_ref().map(|winner| (winner.id.clone(), winner.fingerprint.clone()))
}

fn is_callable(one: &UseStatus) -> bool {
    matches!(one.state, "ok" | "not-needed") && !one.targets.is_empty()
}

/// One question for each provider and credential.
fn questions(providers: &[ProviderStatus]) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    for status in providers {
        for one in status.uses.iter().filter(|one| is_callable(one)) {
            match questions.iter_mut().find(|question| question.is_of(&status.provider, one)) {
                Some(question) => question.targets.extend(one.targets.iter().cloned()),
                None => questions.push(Question {
                    provider: status.provider.clone(),
                    credential: credential_of(one),
                    targets: one.targets.clone(),
                }),
            }
        }
    }
    questions
}

/// What a provider's answer means for one use.
fn judge(one: &UseStatus, answer: Option<&(Said, u64)>) -> Probe {
    let models: Vec<&str> = one.targets.iter().map(|target| &*target.model.model).collect();
    let broken = || (ProbeStatus::Unknown, "the probe broke off; the log says why".to_owned());
    let ((status, message), ms) = match answer {
        Some((Said::Models(listed), ms)) => (judge_listed(one.use_, &models, listed), *ms),
        Some((Said::Word(status, message), ms)) => ((*status, message.clone()), *ms),
        None => (broken(), 0),
    };
    Probe { status, message, ms }
}

impl Asked {
    /// Waits for a turn and asks, both within the bound.
    async fn answer(&self, permits: &Semaphore, deadline: Instant) -> (Said, u64) {
        let late = |what: &str| Said::Word(ProbeStatus::Timeout, what.to_owned());
        let Ok(Ok(_permit)) = timeout_at(deadline, permits.acquire()).await else {
            return (late("there was no time left to ask"), 0);
        };
        let begun = Instant::now();
        let bound = deadline.min(begun + Duration::from_millis(PROBE_MS_MAX));
        let said = match timeout_at(bound, self.ask()).await {
            Ok(said) => said.unwrap_or_else(|failure| Said::Word(failure.fault.into(), failure.message)),
            Err(_) => late("no answer in time"),
        };
        (said, u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    async fn ask(&self) -> Result<Said, Failed> {
        let Question { provider, targets, .. } = &self.question;
        let planned = self.now.knowledge.plan.providers.get(provider);
        let planned = planned.ok_or_else(|| refused(format!("no plugin serves provider `{provider}`")))?;
        if planned.grant.endpoints.is_empty() {
            let message = format!("plugin `{}` sends nothing to anybody", planned.plugin);
            return Ok(Said::Word(ProbeStatus::NotNeeded, message));
        }
        let plugin = self.now.plugins.get(&planned.plugin);
        let plugin = plugin.ok_or_else(|| refused(format!("plugin `{}` is not loaded", planned.plugin)))?;
        let target = targets.first().ok_or_else(|| refused("there is no model to ask for".to_owned()))?;
        let is_renewed = self.core.renew(&self.now.knowledge, (target, false)).await?;
        let mut why = "";
        if plugin.lists_models() {
            if let Some(models) = self.list(plugin, self.parts(planned, (target, is_renewed))?).await? {
                return Ok(Said::Models(models));
            }
            why = "; the server has no list of models";
        }
        let message = self.complete(plugin, self.parts(planned, (target, is_renewed))?, target).await?;
        Ok(Said::Word(ProbeStatus::Ok, format!("{message}{why}")))
    }

    /// The parts of a probe's call, with the credential that `status` has shown, or none at all. One that was renewed
    /// since is the same by its name.
    fn parts(&self, planned: &ProviderPlan, (target, is_renewed): (&ModelTarget, bool)) -> Result<CallParts, Changed> {
        let (slots, credential) = self.core.slots(&self.now.knowledge, (target, false));
        let chosen = credential.as_ref().and_then(CredentialDerivation::chosen).filter(|chosen| chosen.class.is_some());
        let chosen = chosen.map(|chosen| (chosen.id.clone(), chosen.fingerprint.clone()));
        let id = |credential: &Option<(String, Option<String>)>| credential.as_ref().map(|(id, _)| id.clone());
        let is_same =
            if is_renewed { id(&chosen) == id(&self.question.credential) } else { chosen == self.question.credential };
        if !is_same {
            return Err(Changed);
        }
        let name = format!("probe:{}", target.model);
        if let Some(credential) = credential {
            self.core.observe(&Step::Credential { call: name.clone(), model: target.model.to_string(), credential });
        }
        Ok(CallParts {
            name,
            grant: Arc::clone(&planned.grant),
            settings_json: planned.settings_json.clone(),
            slots,
            headers: self.now.knowledge.added_headers(&self.question.provider),
            media: Vec::new(),
            area: Area::Outbound,
            medium_bytes_max: MEDIUM_BYTES_MAX,
            roots: Arc::default(),
            total_ms_max: Some(PROBE_MS_MAX),
        })
    }

    /// The models that the provider lists; `None` where the server knows no such question.
    async fn list(&self, plugin: &Plugin, parts: CallParts) -> Result<Option<Vec<ListedModel>>, Failed> {
        let masks = Masks::of(&parts.slots, &parts.headers);
        let context = self.core.context(parts);
        let details = self.question.targets.iter().map(|target| target.model.model.to_string()).collect();
        let query = catalog::Query { details };
        let started = CatalogCall::start(plugin, &self.core.egress, &self.core.store, context, query).await;
        let mut call = started.map_err(|fault| Failed::new(CallFault::PluginFault, fault.to_string()))?;
        let is_no_route = |error: &types::CallError| error.status.is_some_and(|status| NO_SUCH_ROUTE.contains(&status));
        let mut models = Vec::new();
        loop {
            match call.next().await {
                Ok(Some(model)) => models.push(ListedModel {
                    names: std::iter::once(model.id).chain(model.aliases).collect(),
                    accepts_images: model.accepts_images,
                }),
                Ok(None) => return Ok(Some(models)),
                Err(CallEnd::Failed(error)) if is_no_route(&error) => return Ok(None),
                Err(end) => return Err(masked(&masks, end.into())),
            }
        }
    }

    /// Has the model say one token.
    async fn complete(&self, plugin: &Plugin, parts: CallParts, target: &ModelTarget) -> Result<String, Failed> {
        let masks = Masks::of(&parts.slots, &parts.headers);
        let context = self.core.context(parts);
        let prompt = types::Message { role: types::Role::User, parts: vec![types::Part::Text(PROMPT.to_owned())] };
        let asked = chat::ChatRequest { streaming: false, ..request(target, vec![prompt], Some(1)) };
        let started = ChatCall::start(plugin, &self.core.egress, &self.core.store, context, asked).await;
        let mut call = started.map_err(|fault| Failed::new(CallFault::PluginFault, fault.to_string()))?;
        loop {
            match call.next().await {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(format!("`{}` answers", target.model.model)),
                Err(end) => return Err(masked(&masks, end.into())),
            }
        }
    }
}

/// Another credential would be sent than the one that was shown.
struct Changed;

impl From<Changed> for Failed {
    fn from(_: Changed) -> Self {
        let message = "another credential would be sent by now than the one that was shown; ask again";
        Self::new(CallFault::Other, message.to_owned())
    }
}

fn refused(message: String) -> Failed {
    Failed::new(CallFault::Refused, message)
}

fn masked(masks: &Masks, failure: Failed) -> Failed {
    Failed { message: masks.text(failure.message), ..failure }
}
