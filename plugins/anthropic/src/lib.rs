//! The Anthropic Messages API. This file is the call from top to bottom; what a request says is in `request`, what an
//! answer says in `answer`, what an error means in `fault`, which models there are in `catalog`. No origin and no key is
//! known here.

mod answer;
mod catalog;
mod fault;
mod model;
mod request;

use creel_sdk::catalog::{Catalog, Model, Query};
use creel_sdk::provider::{CallError, ChatRequest, Output, Provider};
use creel_sdk::{Context, Io, JsonBody, Request, Response};
use serde::Deserialize;

/// Bytes of a whole answer; the longest one has 128,000 tokens.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// The dialect that this plugin speaks.
const VERSION: &str = "2023-06-01";

/// The provider.
#[derive(Debug)]
pub struct Anthropic;

/// What the operator may set.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    max_tokens: Option<u32>,
}

impl Provider for Anthropic {
    async fn complete(cx: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        let settings: Settings = cx.settings()?;
        let mut body = JsonBody::new(&cx);
        let message = request::write(&request, settings.max_tokens, &mut body)?;
        let message = body.finish(&message)?;
        let accept = if request.streaming { "text/event-stream" } else { "application/json" };
        let message = Request::post("api", "/v1/messages")
            .header("anthropic-version", VERSION)
            .header("accept", accept)
            .credential("account")
            .json(message);
        let mut response = io.send(message).await?;
        if !response.is_success() {
            return Err(fault::read(&mut response, cx.now_ms).await);
        }
        if is_stream(&response, request.streaming) {
            answer::stream(response, &io, &out).await
        } else {
            let answer = response.json(ANSWER_BYTES_MAX).await?;
            answer::whole(answer, &out);
            Ok(())
        }
    }
}

impl Catalog for Anthropic {
    async fn list(cx: Context, query: Query, io: Io) -> Result<Vec<Model>, CallError> {
        catalog::list(cx, query, io).await
    }
}

/// Believes the content type, and what was asked for where there is none: gateways in between may not stream.
fn is_stream(response: &Response, was_asked_for: bool) -> bool {
    match response.header("content-type") {
        Some(content_type) if content_type.contains("event-stream") => true,
        Some(content_type) if content_type.contains("json") => false,
        Some(_) | None => was_asked_for,
    }
}

creel_sdk::provider!(Anthropic);
creel_sdk::catalog!(Anthropic);
