//! Ollama, by its own API. This file is the call from top to bottom; what a request says is in `request`, what an answer
//! says in `answer`, what an error means in `fault`, which models there are in `catalog`; vectors are in `vectors`. No
//! origin and no key is known here.

mod answer;
mod catalog;
mod fault;
mod request;
mod vectors;

use creel_sdk::catalog::{Catalog, Model, Query};
use creel_sdk::embedding::{Embedder, EmbeddingRequest, Embeddings};
use creel_sdk::provider::{CallError, ChatRequest, Output, Provider};
use creel_sdk::{Context, Io, JsonBody, Request, Response};
use serde::Deserialize;

use answer::Follower;

/// Bytes of a whole answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// How the server refuses to let a model think that cannot.
const DOES_NOT_THINK: &str = "does not support thinking";

/// The provider.
#[derive(Debug)]
pub struct Ollama;

/// What the operator may set.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    keep_alive: Option<String>,
    num_ctx: Option<u32>,
}

impl Provider for Ollama {
    async fn complete(cx: Context, mut request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        let settings: Settings = cx.settings()?;
        let mut response = io.send(message(&cx, &request, &settings)?).await?;
        if !response.is_success() {
            let error = fault::read(&mut response, cx.now_ms).await;
            // Which models think is known to the server alone, and an effort only tunes an answer.
            if request.reasoning_effort.take().is_none() || !error.message.ends_with(DOES_NOT_THINK) {
                return Err(error);
            }
            response = io.send(message(&cx, &request, &settings)?).await?;
            if !response.is_success() {
                return Err(fault::read(&mut response, cx.now_ms).await);
            }
        }
        let follower = Follower::new(&out, cx.entropy);
        if is_stream(&response, request.streaming) {
            answer::stream(response, &io, follower).await
        } else {
            answer::whole(response.json(ANSWER_BYTES_MAX).await?, follower)
        }
    }
}

impl Catalog for Ollama {
    async fn list(cx: Context, query: Query, io: Io) -> Result<Vec<Model>, CallError> {
        catalog::list(cx, query, io).await
    }
}

impl Embedder for Ollama {
    async fn embed(cx: Context, request: EmbeddingRequest, io: Io) -> Result<Embeddings, CallError> {
        vectors::embed(cx, request, io).await
    }
}

fn message(cx: &Context, request: &ChatRequest, settings: &Settings) -> Result<Request, CallError> {
    let mut body = JsonBody::new(cx);
    let message = request::write(request, settings, &mut body)?;
    Ok(Request::post("api", "/api/chat").credential("account").json(body.finish(&message)?))
}

/// Believes the content type, and what was asked for where there is none: gateways in between may not stream.
fn is_stream(response: &Response, was_asked_for: bool) -> bool {
    match response.header("content-type") {
        Some(content_type) if content_type.contains("ndjson") => true,
        Some(content_type) if content_type.contains("json") => false,
        Some(_) | None => was_asked_for,
    }
}

creel_sdk::provider!(Ollama);
creel_sdk::catalog!(Ollama);
creel_sdk::embedding!(Ollama);
