//! A call of one model up to the moment in which it runs: the credential, the pictures, the plugin. What it answers is read
//! elsewhere.

use std::sync::Arc;

use creel_engine::{ChatCall, Masks, Plugin, chat, io, types};
use creel_policy::balance;
use creel_policy::cooldown::Key;
use creel_policy::credential::CredentialDerivation;
use creel_policy::fallback::CallFault;
use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::media::Area;
use creel_policy::route::ModelTarget;

use crate::care;
use crate::core::{CallParts, Core, Generation};
use crate::knowledge::Knowledge;
use crate::model::{Ask, Failed, key_of};
use crate::step::Step;

/// A request in the dialect of whoever made it.
pub trait NativeForm: Send + Sync {
    /// The dialect, e.g. `openai-completions`.
    fn dialect(&self) -> &str;

    /// The body for a model that the provider knows by this name. A medium is written as its placeholder, in the order
    /// in which the request names them.
    fn write(&self, model: &str, media: &[NativeMedium]) -> String;

    /// Headers of the dialect that go with it.
    fn headers(&self) -> Vec<(String, String)>;
}

/// What stands for a medium in a native body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeMedium {
    /// A text that nobody outside can have written; the bytes as base64 come in its place.
    pub placeholder: String,
    /// The type of the bytes that are sent.
    pub content_type: String,
}

/// A native form with the media that it names, in their order.
#[derive(Clone)]
pub(crate) struct NativeAsk {
    pub(crate) form: Arc<dyn NativeForm>,
    pub(crate) media: Vec<types::Media>,
}

/// A call that runs.
pub(crate) struct Opened {
    pub(crate) call: ChatCall,
    pub(crate) masks: Masks,
    pub(crate) credential: Option<CredentialDerivation>,
    pub(crate) key: Option<Key>,
}

/// A provider that can be called.
pub(crate) struct Ready<'a> {
    pub(crate) plugin: &'a Plugin,
    pub(crate) parts: CallParts,
    pub(crate) masks: Masks,
    pub(crate) credential: Option<CredentialDerivation>,
    pub(crate) key: Option<Key>,
}

/// Finds the plugin of a model and the credential that goes with a call of it.
pub(crate) async fn ready<'a>(
    core: &Arc<Core>,
    now: &'a Generation,
    session: &str,
    (target, is_probe): (&ModelTarget, bool),
    total_ms: u64,
) -> Result<Ready<'a>, Failed> {
    let planned = now.knowledge.plan.providers.get(&target.model.provider);
    let provider = planned.ok_or_else(|| unasked(CallFault::Refused, no_provider(&now.knowledge, target)))?;
    let plugin = now
        .plugins
        .get(&provider.plugin)
        .ok_or_else(|| unasked(CallFault::Refused, format!("plugin `{}` is not loaded", provider.plugin)))?;
    let balanced = balanced(&now.knowledge, target);
    let target = balanced.as_ref().unwrap_or(target);
    core.renew(&now.knowledge, (target, is_probe)).await?;
    let (slots, credential) = core.slots(&now.knowledge, (target, is_probe));
    let name = format!("{session}:{}", target.model);
    if let Some(credential) = &credential {
        core.observe(&Step::Credential {
            call: name.clone(),
            model: target.model.to_string(),
            credential: credential.clone(),
        });
        if let Some(reason) = &credential.failure {
            let fault = credential.resting().map_or(CallFault::CredentialMissing, |rest| rest.why.fault());
            return Err(unasked(fault, reason.clone()).with(Some(credential.clone())));
        }
    }
    let key = credential.as_ref().and_then(key_of);
    let headers = now.knowledge.added_headers(&target.model.provider);
    let masks = Masks::of(&slots, &headers);
    let parts = CallParts {
        name,
        grant: Arc::clone(&provider.grant),
        settings_json: provider.settings_json.clone(),
        slots,
        headers,
        media: Vec::new(),
        area: Area::Outbound,
        medium_bytes_max: MEDIUM_BYTES_MAX,
        roots: Arc::default(),
        total_ms_max: Some(total_ms),
    };
    Ok(Ready { plugin, parts, masks, credential, key })
}

/// The same model with the profile that is to be tried first this time, where the operator lets several share the load.
fn balanced(knowledge: &Knowledge, target: &ModelTarget) -> Option<ModelTarget> {
    let balance = knowledge.config.auth.balance.get(&target.model.provider)?;
    if target.profile.is_some() || target.preferred_profile.is_some() {
        return None;
    }
    let first = balance::first(balance, crate::entropy::entropy(), |profile| knowledge.memory.pace(profile))?;
    Some(ModelTarget { preferred_profile: Some(first.clone()), ..target.clone() })
}

/// Starts a call of one model.
pub(crate) async fn open(
    core: &Arc<Core>,
    session: &str,
    target: (&ModelTarget, bool),
    ask: Ask,
) -> Result<Opened, Failed> {
    // One generation from the choice of the credential to the end of the call.
    let now = core.generation();
    let Ready { plugin, parts, masks, credential, key, .. } = ready(core, &now, session, target, ask.total_ms).await?;
    let ask = prepared(core, &now, plugin, ask).await?;
    let context = core.context(CallParts { media: ask.media, ..parts });
    let started = ChatCall::start(plugin, &core.egress, &core.store, context, ask.request).await;
    let call = started.map_err(|fault| unasked(CallFault::PluginFault, fault.to_string()))?;
    Ok(Opened { call, masks, credential, key })
}

/// A request as a plugin gets it, for whatever it is asked: with pictures that may be sent, and in the client's own words
/// where it speaks them.
pub(crate) async fn prepared(core: &Arc<Core>, now: &Generation, plugin: &Plugin, ask: Ask) -> Result<Ask, Failed> {
    let speaks = |native: &NativeAsk| speaks(plugin, native.form.dialect());
    let ask = Ask { native: ask.native.filter(speaks), ..ask };
    let mut ask = care::of_pictures(core, now, plugin, ask).await?;
    ask.request.native = ask.native.take().map(|native| write(native, &ask.request.model));
    Ok(ask)
}

/// Whether a plugin says that it speaks a dialect.
pub(crate) fn speaks(plugin: &Plugin, dialect: &str) -> bool {
    let provider = plugin.manifest().provider.as_ref();
    provider.is_some_and(|provider| provider.apis.iter().any(|api| api == dialect))
}

/// A failure before anybody was asked.
pub(crate) fn unasked(fault: CallFault, message: String) -> Failed {
    Failed { was_asked: false, ..Failed::new(fault, message) }
}

fn write(native: NativeAsk, model: &str) -> chat::NativeRequest {
    let marker = crate::entropy::entropy();
    let placeholder = |index: usize| format!("creel-media-{marker:016x}-{index}-");
    let placed: Vec<NativeMedium> = native
        .media
        .iter()
        .enumerate()
        .map(|(index, medium)| NativeMedium {
            placeholder: placeholder(index),
            content_type: medium.content_type.clone(),
        })
        .collect();
    let body_json = native.form.write(model, &placed);
    let headers = native.form.headers().into_iter().map(|(name, value)| io::Header { name, value }).collect();
    let media = native
        .media
        .into_iter()
        .zip(placed)
        .map(|(media, placed)| chat::PlacedMedia { placeholder: placed.placeholder, media });
    chat::NativeRequest { dialect: native.form.dialect().to_owned(), body_json, headers, media: media.collect() }
}

/// Why a model's provider cannot be called, as the plan says.
fn no_provider(knowledge: &Knowledge, target: &ModelTarget) -> String {
    let entry = format!("models.providers.{}", target.model.provider);
    let problems = knowledge.plan.problems.iter().filter(|problem| problem.entry() == entry);
    let reasons: Vec<String> = problems.map(ToString::to_string).collect();
    if reasons.is_empty() {
        format!("no plugin serves provider `{}`", target.model.provider)
    } else {
        reasons.join("; ")
    }
}
