//! Vectors of texts.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use creel_dialects::{ApiError, Dialect, ErrorKind, read_embeddings, write_embeddings};
use creel_engine::embedding::EmbeddingRequest;
use creel_policy::agent::TokenCount;
use creel_policy::fallback::CallFault;
use http::HeaderMap;

use super::Shared;
use super::answer::{self, Trail};
use super::asking::{self, Wish};
use super::caller::Peer;
use super::request::{Asked, whole};
use crate::clock;
use crate::metrics::Exchange;

/// `POST /v1/embeddings`.
pub(super) async fn create(
    State(api): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let asked = Asked::new(Dialect::OpenaiCompletions);
    created(&api, (peer, headers, body), &asked).await.unwrap_or_else(|error| answer::error(&asked, &error))
}

async fn created(
    api: &Shared,
    (peer, headers, body): (Peer, HeaderMap, Body),
    asked: &Asked,
) -> Result<Response, ApiError> {
    let (caller, body) = asking::open_sending(api, &headers, peer, "embeddings", body).await?;
    let body = whole(body).await?;
    let call = read_embeddings(&body)?;
    let wish = Wish {
        name: &call.model,
        fallbacks: None,
        media: &[],
        has_tools: false,
        bytes: body.len(),
        answer_tokens: Some(0),
    };
    let admission = asking::admit(api, &caller, &wish).await?;
    let release = |place: Option<creel_store::agents::Place>| {
        if let Some(place) = place {
            place.release(clock::now_ms());
        }
    };
    // Vectors of another model mean something else: nobody takes over.
    let Some(target) = asking::answering(&admission.plan).first() else {
        release(admission.place);
        return Err(ApiError::new(ErrorKind::Unsupported, "no model makes vectors here").about("model"));
    };
    let request = EmbeddingRequest { model: String::new(), inputs: call.inputs.clone(), dimensions: call.dimensions };
    let name = format!("agent:{}/{}", caller.id(), asked.id);
    let mut exchange = Exchange::begin(&api.metrics, asked.asking("embeddings", &call.model, &headers));
    let answered = match api.host.embed(&name, target, request).await {
        Ok(answered) => answered,
        Err(unanswered) => {
            release(admission.place);
            exchange.failed(unanswered.fault.map_or("no-model", CallFault::code));
            tracing::warn!(request = asked.id, "nobody answered: {}", unanswered.for_operator);
            return Ok(answer::unanswered(asked, &unanswered));
        }
    };
    exchange.answers(&answered.model);
    if answered.answer.vectors.len() != call.inputs.len() {
        exchange.failed(CallFault::MalformedResponse.code());
        release(admission.place);
        let message =
            format!("the provider gave {} vectors for {} inputs", answered.answer.vectors.len(), call.inputs.len());
        return Err(ApiError::new(ErrorKind::UpstreamFailed, message));
    }
    let tokens = answered.answer.input_tokens;
    let used = TokenCount { input: tokens, ..TokenCount::default() };
    let cost = api.host.knowledge().price(&answered.model);
    exchange.used(&used, cost.as_ref());
    drop(exchange);
    if let Some(place) = admission.place {
        place.settle(&used, cost.as_ref(), clock::now_ms());
    }
    let trail = Trail::of(&answered.attempts, Some(&answered.model.to_string()));
    let json = write_embeddings(&call, &answered.answer.vectors, tokens);
    Ok(answer::with_trail(answer::json(asked, json), &trail, asked.elapsed_us()))
}
