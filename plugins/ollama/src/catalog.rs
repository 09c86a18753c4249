//! The list of models that the server has. Older servers tell only at a second question what a model can do; it is
//! asked for the models that are wanted and for no others.

use creel_sdk::catalog::{Model, Query};
use creel_sdk::provider::CallError;
use creel_sdk::{BodyPiece, Context, Io, Request, join_all, log};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::fault;

/// Bytes of the list; an entry has some 400.
const LIST_BYTES_MAX: usize = 16 << 20;
/// Bytes of what the server tells of one model, its licence and template among it.
const FACTS_BYTES_MAX: usize = 16 << 20;
/// Models that are asked about; an operator configures a handful.
const DETAILS_MAX: usize = 64;
/// Questions at once.
const AT_ONCE_MAX: usize = 8;

#[derive(Deserialize)]
struct List {
    models: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    capabilities: Option<Vec<String>>,
}

/// What the server tells of one model.
#[derive(Deserialize)]
struct Facts {
    capabilities: Option<Vec<String>>,
    model_info: Option<Map<String, Value>>,
}

/// Asks for the list, and then for what it does not say of the models that are wanted.
pub(crate) async fn list(cx: Context, query: Query, io: Io) -> Result<Vec<Model>, CallError> {
    let mut response = io.send(Request::get("api", "/api/tags").credential("account")).await?;
    if !response.is_success() {
        return Err(fault::read(&mut response, cx.now_ms).await);
    }
    let list: List = response.json(LIST_BYTES_MAX).await?;
    let mut models: Vec<Model> = list.models.into_iter().map(model).collect();
    let is_wanted =
        |model: &Model| model.accepts_images.is_none() && query.details.iter().any(|name| model.answers_to(name));
    let mut wanted: Vec<&mut Model> = models.iter_mut().filter(|model| is_wanted(model)).take(DETAILS_MAX).collect();
    for some in wanted.chunks_mut(AT_ONCE_MAX) {
        let told = join_all(some.iter().map(|model| facts(&io, &model.id))).await;
        for (model, facts) in some.iter_mut().zip(told) {
            tell(model, facts?);
        }
    }
    Ok(models)
}

fn model(entry: Entry) -> Model {
    let mut model = Model::named(entry.name);
    model.aliases.extend(model.id.strip_suffix(":latest").map(str::to_owned));
    tell(&mut model, Facts { capabilities: entry.capabilities, model_info: None });
    model
}

/// What the server tells of a model. One that will not tell, as a gateway in between may not, leaves it untold.
async fn facts(io: &Io, id: &str) -> Result<Facts, CallError> {
    let body = vec![BodyPiece::Bytes(json!({ "model": id }).to_string().into_bytes())];
    let mut response = io.send(Request::post("api", "/api/show").credential("account").json(body)).await?;
    if !response.is_success() {
        log::warn(&format!("the server tells nothing of `{id}`: status {}", response.status()));
        return Ok(Facts { capabilities: None, model_info: None });
    }
    Ok(response.json(FACTS_BYTES_MAX).await?)
}

fn tell(model: &mut Model, facts: Facts) {
    if let Some(capabilities) = facts.capabilities {
        let can = |wanted: &str| Some(capabilities.iter().any(|capability| capability == wanted));
        (model.accepts_images, model.accepts_tools) = (can("vision"), can("tools"));
    }
    let context = facts.model_info.into_iter().flatten().find(|(key, _)| key.ends_with(".context_length"));
    model.context_tokens = context.and_then(|(_, value)| value.as_u64()).or(model.context_tokens);
}
