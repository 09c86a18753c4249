//! The Anthropic Messages API. This file is the call from top to bottom; what a request says is in `request`, what an
//! answer says in `answer`, and in `listener` where a caller of the same dialect reads it as it is; what an error means
//! in `fault`, which models there are in `catalog`. No origin and no key is known here.

mod answer;
mod catalog;
mod fault;
mod listener;
mod model;
mod request;

use creel_sdk::catalog::{Catalog, Model, Query};
use creel_sdk::counter::Counter;
use creel_sdk::native;
use creel_sdk::provider::{CallError, ChatRequest, NativeRequest, Output, Provider};
use creel_sdk::{BodyPiece, Context, Io, JsonBody, Request, Response};
use serde::Deserialize;

use listener::Listener;

/// Bytes of a whole answer; the longest one has 128,000 tokens.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// What this plugin speaks, in the host's words.
const DIALECT: &str = "anthropic-messages";
/// The version of it.
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

/// What the provider counts.
#[derive(Deserialize)]
struct Count {
    input_tokens: u64,
}

impl Provider for Anthropic {
    async fn complete(cx: Context, mut request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        let settings: Settings = cx.settings()?;
        let native = request.native.take().filter(|native| native.dialect == DIALECT);
        let is_native = native.is_some();
        let message = match native {
            Some(native) => of_caller("/v1/messages", native)?,
            None => {
                let mut body = JsonBody::new(&cx);
                let message = request::write(&request, settings.max_tokens, &mut body)?;
                of_plugin("/v1/messages", body.finish(&message)?)
            }
        };
        let accept = if request.streaming { "text/event-stream" } else { "application/json" };
        let mut response = io.send(message.header("accept", accept)).await?;
        if !response.is_success() {
            return Err(fault::read(&mut response, cx.now_ms).await);
        }
        let is_stream = is_stream(&response, request.streaming);
        if is_native && is_stream == request.streaming {
            let listener = Listener::default();
            return if is_stream {
                native::stream(response, &io, &out, listener).await
            } else {
                native::whole(&mut response, ANSWER_BYTES_MAX, &out, listener).await
            };
        }
        // A native answer in the other form than was asked for is said in words: the caller cannot read it as it is.
        if is_stream {
            answer::stream(response, &io, &out).await
        } else {
            let answer = response.json(ANSWER_BYTES_MAX).await?;
            answer::whole(answer, &out);
            Ok(())
        }
    }
}

impl Counter for Anthropic {
    async fn count(cx: Context, mut request: ChatRequest, io: Io) -> Result<u64, CallError> {
        let native = request.native.take().filter(|native| native.dialect == DIALECT);
        let question = match native {
            Some(native) => of_caller("/v1/messages/count_tokens", native)?,
            None => {
                let mut body = JsonBody::new(&cx);
                let question = request::write(&request, None, &mut body)?.without_answer();
                of_plugin("/v1/messages/count_tokens", body.finish(&question)?)
            }
        };
        let mut response = io.send(question.header("accept", "application/json")).await?;
        if !response.is_success() {
            return Err(fault::read(&mut response, cx.now_ms).await);
        }
        let count: Count = response.json(ANSWER_BYTES_MAX).await?;
        Ok(count.input_tokens)
    }
}

impl Catalog for Anthropic {
    async fn list(cx: Context, query: Query, io: Io) -> Result<Vec<Model>, CallError> {
        catalog::list(cx, query, io).await
    }
}

/// A request of the plugin's own making.
fn of_plugin(path: &str, body: Vec<BodyPiece>) -> Request {
    Request::post("api", path).header("anthropic-version", VERSION).credential("account").json(body)
}

/// The caller's own request. Betas go as one header, to which the host joins what a credential needs, and their path is
/// the one that the provider's own clients take with them.
fn of_caller(path: &str, native: NativeRequest) -> Result<Request, CallError> {
    let version = native.header("anthropic-version");
    let betas = native.header("anthropic-beta");
    let path = if betas.is_some() { format!("{path}?beta=true") } else { path.to_owned() };
    let mut request = Request::post("api", path)
        .header("anthropic-version", version.unwrap_or_else(|| VERSION.to_owned()))
        .credential("account");
    if let Some(betas) = betas {
        request = request.header("anthropic-beta", betas);
    }
    Ok(request.json(native.into_pieces()?))
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
creel_sdk::counter!(Anthropic);
