//! The models that a caller may ask for, as its dialect lists them.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use creel_dialects::{ApiError, ModelEntry, write_model, write_models};
use creel_policy::route::{Named, USUAL_NAMES, targets};
use creel_runtime::Knowledge;
use http::HeaderMap;

use super::answer;
use super::asking;
use super::caller::{Caller, Peer};
use super::request::Asked;
use super::{Api, Shared, failure};

/// `GET /v1/models`.
pub(super) async fn list(State(api): State<Shared>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    let asked = Asked::by(&headers);
    let opened = asking::open_counted(&api, &headers, peer, "models").await;
    let entries =
        opened.map(|(caller, _place)| open_to(&api.host.knowledge(), &caller).into_values().collect::<Vec<_>>());
    answer::of(&asked, entries.map(|entries| write_models(asked.shape, &entries)))
}

/// `GET /v1/models/{id}`.
pub(super) async fn retrieve(
    State(api): State<Shared>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::by(&headers);
    let entry = retrieved(&api, (&headers, peer), &id).await;
    answer::of(&asked, entry.map(|entry| write_model(asked.shape, &entry)))
}

async fn retrieved(api: &Api, (headers, peer): (&HeaderMap, Peer), id: &str) -> Result<ModelEntry, ApiError> {
    let (caller, _place) = asking::open_counted(api, headers, peer, "models").await?;
    let knowledge = api.host.knowledge();
    if let Some(entry) = open_to(&knowledge, &caller).remove(id) {
        return Ok(entry);
    }
    match knowledge.named(id).map_err(|refusal| failure::unnamed(id, &refusal))? {
        Named::Model(model, alias) if caller.grant().may_use(&model, alias.as_deref()) => {
            Ok(entry(id, model.provider.as_str()))
        }
        Named::Model(..) | Named::Usual => Err(failure::no_model(id)),
    }
}

/// Every name that means a model to this caller: what is configured, what plugins know by a whole name, and aliases.
fn open_to(knowledge: &Knowledge, caller: &Caller) -> BTreeMap<String, ModelEntry> {
    let mut entries = BTreeMap::new();
    let grant = caller.grant();
    let configured = targets(&knowledge.config).into_iter().map(|target| target.model);
    let pickable = knowledge.config.defaults.models.iter().flat_map(BTreeMap::keys).cloned();
    for model in knowledge.catalog.models().into_iter().chain(configured).chain(pickable) {
        let name = model.to_string();
        let is_served = knowledge.catalog.plugin(&model.provider).is_some();
        // What the operator's list leaves out cannot be picked by name.
        if is_served && grant.may_use(&model, None) && knowledge.named(&name).is_ok() {
            entries.insert(name.clone(), entry(&name, model.provider.as_str()));
        }
    }
    for (model, pickable) in knowledge.config.defaults.models.iter().flatten() {
        if let Some(alias) = pickable.alias.as_ref().filter(|alias| grant.may_use(model, Some(alias.as_str()))) {
            entries.insert(alias.clone(), entry(alias, model.provider.as_str()));
        }
    }
    if let Some(chain) = &knowledge.config.defaults.model
        && grant.may_use(&chain.primary, Some(USUAL_NAMES[0]))
    {
        entries.insert(USUAL_NAMES[0].to_owned(), entry(USUAL_NAMES[0], "creel"));
    }
    entries
}

fn entry(name: &str, owner: &str) -> ModelEntry {
    ModelEntry { id: name.to_owned(), created_s: 0, owned_by: owner.to_owned(), display_name: None }
}
