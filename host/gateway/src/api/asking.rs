//! From a request that was read to the models that may answer it: what it needs, who may ask for that, and which models are
//! meant. Each answer is another's: of the grant, of the route, of the prices.

use std::collections::BTreeSet;

use axum::body::Body;
use creel_dialects::{ApiError, ChatCall, ErrorKind};
use creel_engine::types;
use creel_policy::agent::{Asked as AgentAsked, Need, TokenCount};
use creel_policy::config::Cost;
use creel_policy::ids::ModelRef;
use creel_policy::manifest::Input;
use creel_policy::media::kind_of;
use creel_policy::route::{ModelTarget, Named, Needs, RoutePlan, RouteQuestion};
use creel_runtime::Knowledge;
use creel_store::agents::{Place, admission, no_agent};
use http::HeaderMap;

use super::caller::{Caller, Peer};
use super::request::read_out;
use super::{Api, failure};
use crate::clock;

/// Bytes of a request for one token, as long as nobody has counted: English has four letters.
const BYTES_PER_TOKEN: usize = 4;
/// Tokens of a picture or page, roughly: the largest that providers count for one.
const TOKENS_PER_MEDIUM: usize = 1_600;
/// Tokens of an answer where neither the request nor the model has a bound.
const ANSWER_TOKENS: u64 = 8_192;

/// What a request asks of the gateway.
pub(super) struct Wish<'a> {
    /// The model as the client wrote it.
    pub(super) name: &'a str,
    /// What takes over, where the client says so.
    pub(super) fallbacks: Option<&'a [String]>,
    /// The media that it holds.
    pub(super) media: &'a [types::Media],
    /// Whether tools may be called.
    pub(super) has_tools: bool,
    /// Bytes of its body without media.
    pub(super) bytes: usize,
    /// Tokens of the answer, where it says so.
    pub(super) answer_tokens: Option<u32>,
}

impl<'a> Wish<'a> {
    /// Of a chat.
    pub(super) fn of_chat(call: &'a ChatCall, media: &'a [types::Media], bytes: usize) -> Self {
        Self {
            name: &call.model,
            fallbacks: call.fallbacks.as_deref(),
            media,
            has_tools: !call.tools.is_empty(),
            bytes,
            answer_tokens: call.max_tokens,
        }
    }
}

/// A request that may go on.
pub(super) struct Admission {
    /// Who is asked.
    pub(super) plan: RoutePlan,
    /// What it has set aside; `None` for whoever has no bound.
    pub(super) place: Option<Place>,
}

/// Lets a caller in.
pub(super) async fn open(api: &Api, headers: &HeaderMap, peer: Peer, target: &str) -> Result<Caller, ApiError> {
    let now_ms = clock::now_ms();
    match api.callers.open(headers, peer, now_ms) {
        Ok(caller) => Ok(caller),
        Err((error, refusal)) => {
            api.metrics.denied("token", refusal.as_ref().map_or("no-token", |refusal| refusal.code()));
            if let Some(refusal) = refusal {
                api.host.audit(no_agent(target, &refusal, now_ms)).await;
            }
            Err(error)
        }
    }
}

/// Lets a caller in that sends a body. What is sent by one that is not let in is read and forgotten.
pub(super) async fn open_sending(
    api: &Api,
    headers: &HeaderMap,
    peer: Peer,
    target: &str,
    body: Body,
) -> Result<(Caller, Body), ApiError> {
    match open(api, headers, peer, target).await {
        Ok(caller) => Ok((caller, body)),
        Err(error) => {
            read_out(headers, body).await;
            Err(error)
        }
    }
}

/// Lets a caller in that asks for what no model gives, and counts that: the minute of an agent is one for all it asks.
/// The place is held for as long as it is worked on.
pub(super) async fn open_counted(
    api: &Api,
    headers: &HeaderMap,
    peer: Peer,
    target: &str,
) -> Result<(Caller, Option<Place>), ApiError> {
    let caller = open(api, headers, peer, target).await?;
    let place = count(api, &caller, target).await?;
    Ok((caller, place))
}

/// Counts a request that no model answers.
pub(super) async fn count(api: &Api, caller: &Caller, target: &str) -> Result<Option<Place>, ApiError> {
    let now_ms = clock::now_ms();
    let admitted = caller.admit(&AgentAsked::NoModel, now_ms);
    let verdict = admitted.as_ref().map(|_| ());
    api.host.audit(admission(caller.id(), target, verdict, now_ms)).await;
    admitted.map_err(|refusal| {
        api.metrics.denied("agent", refusal.code());
        failure::not_admitted(&refusal)
    })
}

/// The same for one that sends a body: what is refused is read and forgotten.
pub(super) async fn count_sending(
    api: &Api,
    caller: &Caller,
    target: &str,
    (headers, body): (&HeaderMap, Body),
) -> Result<(Option<Place>, Body), ApiError> {
    match count(api, caller, target).await {
        Ok(place) => Ok((place, body)),
        Err(error) => {
            read_out(headers, body).await;
            Err(error)
        }
    }
}

/// Finds the models that may answer, and asks the grant of the caller.
pub(super) async fn admit(api: &Api, caller: &Caller, wish: &Wish<'_>) -> Result<Admission, ApiError> {
    let knowledge = api.host.knowledge();
    let named = knowledge.named(wish.name).map_err(|refusal| failure::unnamed(wish.name, &refusal))?;
    let fallbacks = wish.fallbacks.map(|names| fallbacks(&knowledge, caller, names)).transpose()?;
    let inputs = wish.media.iter().filter_map(|media| kind_of(&media.content_type).input());
    let needs = Needs::of(inputs.clone());
    let sent = wish.bytes / BYTES_PER_TOKEN + wish.media.len() * TOKENS_PER_MEDIUM;
    let sent = u64::try_from(sent).unwrap_or(u64::MAX);
    let question = RouteQuestion { named: &named, fallbacks: fallbacks.as_deref(), needs: &needs, tokens: sent };
    let Some(plan) = knowledge.route_named(&question).plan else {
        return Err(not_routed(caller, &named, wish, &needs));
    };
    let targets = targets(&plan);
    let priced: Vec<(&ModelRef, Option<Cost>)> =
        targets.iter().map(|target| (&target.model, knowledge.price(&target.model))).collect();
    let (model, alias) = match &named {
        Named::Model(model, alias) => (model, alias.as_deref()),
        Named::Usual => (&answering(&plan)[0].model, Some(wish.name)),
    };
    let facts = knowledge.catalog.facts(model);
    let output = wish.answer_tokens.map(u64::from).or(facts.output_tokens).unwrap_or(ANSWER_TOKENS);
    let kinds = inputs.filter_map(|input: Input| Need::of_input(input));
    let needs: BTreeSet<Need> = kinds.chain(wish.has_tools.then_some(Need::Tools)).collect();
    let asked = AgentAsked::Model {
        model,
        alias,
        needs: &needs,
        estimate: TokenCount { input: sent, output, ..TokenCount::default() },
        candidates: &priced,
    };
    let now_ms = clock::now_ms();
    let admitted = caller.admit(&asked, now_ms);
    let verdict = admitted.as_ref().map(|_| ());
    api.host.audit(admission(caller.id(), &model.to_string(), verdict, now_ms)).await;
    let place = admitted.map_err(|refusal| {
        api.metrics.denied("agent", refusal.code());
        failure::not_admitted(&refusal)
    })?;
    Ok(Admission { plan, place })
}

/// The models that answer, in order.
pub(super) fn answering(plan: &RoutePlan) -> &[ModelTarget] {
    match plan {
        RoutePlan::Direct { chain } | RoutePlan::Describe { chain, .. } => chain,
    }
}

fn targets(plan: &RoutePlan) -> Vec<&ModelTarget> {
    match plan {
        RoutePlan::Direct { chain } => chain.iter().collect(),
        RoutePlan::Describe { describers, chain } => describers.iter().chain(chain).collect(),
    }
}

/// The models that a client itself names to take over: each must be open to it.
fn fallbacks(knowledge: &Knowledge, caller: &Caller, names: &[String]) -> Result<Vec<ModelRef>, ApiError> {
    let model = |name: &String| match knowledge.named(name).map_err(|refusal| failure::unnamed(name, &refusal))? {
        Named::Model(model, alias) if caller.grant().may_use(&model, alias.as_deref()) => Ok(model),
        Named::Model(..) | Named::Usual => Err(failure::no_model(name)),
    };
    names.iter().map(model).collect()
}

/// No model takes what the request holds. Whoever may not use the model learns no more than that it is not there.
fn not_routed(caller: &Caller, named: &Named, wish: &Wish<'_>, needs: &Needs) -> ApiError {
    let is_open = match named {
        Named::Model(model, alias) => caller.grant().may_use(model, alias.as_deref()),
        Named::Usual => true,
    };
    if !is_open {
        return failure::no_model(wish.name);
    }
    let message =
        format!("`{}` does not take this request ({needs}), and nobody who takes it stands in for it", wish.name);
    ApiError::new(ErrorKind::Unsupported, message).about("model")
}
