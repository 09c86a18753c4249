//! The chats of all dialects: one way from the body to the answer.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use creel_dialects::{
    ApiError, ChatCall, Dialect, Stamp, StreamWriter, WholeWriter, read_chat, read_count, write_count,
};
use creel_runtime::{NativeForm, Question};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::answer::{self, Trail};
use super::asking::{self, Admission, Wish};
use super::body::{self, Account};
use super::caller::{Caller, Peer};
use super::native::Native;
use super::request::{Asked, whole};
use super::{Shared, convert, media, now_s};

/// What a handler is given.
type Given = (State<Shared>, Extension<Peer>, HeaderMap, Body);

/// `POST /v1/chat/completions`.
pub(super) async fn completions(
    State(api): State<Shared>,
    peer: Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    chat(Dialect::OpenaiCompletions, (State(api), peer, headers, body)).await
}

/// `POST /v1/responses`.
pub(super) async fn responses(
    State(api): State<Shared>,
    peer: Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    chat(Dialect::OpenaiResponses, (State(api), peer, headers, body)).await
}

/// `POST /v1/messages`.
pub(super) async fn messages(
    State(api): State<Shared>,
    peer: Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    chat(Dialect::AnthropicMessages, (State(api), peer, headers, body)).await
}

/// `POST /v1/messages/count_tokens`.
pub(super) async fn count_tokens(
    State(api): State<Shared>,
    peer: Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let asked = Asked::new(Dialect::AnthropicMessages);
    counted(&api, (peer.0, headers, body), &asked).await.unwrap_or_else(|error| answer::error(&asked, &error))
}

async fn chat(dialect: Dialect, (State(api), Extension(peer), headers, body): Given) -> Response {
    let asked = Asked::new(dialect);
    match answered(&api, (dialect, peer, headers, body), &asked).await {
        Ok(response) => response,
        Err(error) => answer::error(&asked, &error),
    }
}

/// A request that was read, with its media stored.
struct Ready {
    call: Arc<ChatCall>,
    question: Question,
    admission: Admission,
}

async fn ready(
    api: &Shared,
    caller: &Caller,
    (mut call, bytes): (ChatCall, usize),
    (headers, asked): (&HeaderMap, &Asked),
) -> Result<Ready, ApiError> {
    let named = std::mem::take(&mut call.media);
    let bytes = bytes.saturating_sub(named.iter().map(|one| one.inline_bytes()).sum());
    let places = named.iter().map(creel_dialects::NamedMedia::without_bytes).collect();
    let taken = media::take_all(api, caller, named).await?;
    call.media = places;
    let admission = asking::admit(api, caller, &Wish::of_chat(&call, &taken, bytes)).await?;
    let request = convert::request(&mut call, &taken);
    let call = Arc::new(call);
    let native: Arc<dyn NativeForm> = Arc::new(Native::new(Arc::clone(&call), headers));
    let question = Question {
        caller: format!("agent:{}/{}", caller.id(), asked.id),
        request,
        native: Some(native),
        native_media: taken,
        native_only: call.native_only.clone(),
    };
    Ok(Ready { call, question, admission })
}

async fn answered(
    api: &Shared,
    (dialect, peer, headers, body): (Dialect, Peer, HeaderMap, Body),
    asked: &Asked,
) -> Result<Response, ApiError> {
    let (caller, body) = asking::open_sending(api, &headers, peer, dialect.code(), body).await?;
    let body = whole(body).await?;
    let call = read_chat(dialect, &body)?;
    let Ready { call, question, admission } = ready(api, &caller, (call, body.len()), (&headers, asked)).await?;
    drop(body);
    let asking = asked.asking("chat", &call.model, &headers);
    let mut account = Account::new(Arc::clone(api), admission.place, asking);
    let mut reply = match api.host.ask(&admission.plan, question).await {
        Ok(reply) => reply,
        Err(unanswered) => {
            account.release(&unanswered);
            tracing::warn!(request = asked.id, agent = %caller.id(), "nobody answered: {}", unanswered.for_operator);
            return Ok(answer::unanswered(asked, &unanswered));
        }
    };
    account.answers(&reply);
    if let Some(error) = body::cut(&mut reply, &mut account).await {
        account.settle(&reply);
        return Err(error);
    }
    let model = reply.model().to_string();
    let trail = Trail::of(reply.attempts(), Some(&model));
    tracing::info!(request = asked.id, agent = %caller.id(), route = trail.as_str(), "answers");
    let stamp = Stamp { entropy: creel_runtime::entropy(), created_s: now_s() };
    if call.is_streaming {
        let overhead_us = overhead_us(asked, &reply);
        api.metrics.overhead(overhead_us);
        let body = body::streamed(reply, StreamWriter::new(&call, stamp), account, asked.id.clone());
        let mut response = answer::response(asked, StatusCode::OK, "text/event-stream; charset=utf-8", body);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        return Ok(answer::with_trail(response, &trail, overhead_us));
    }
    match body::whole(&mut reply, WholeWriter::new(&call, stamp), &mut account).await {
        Ok(json) => {
            let json = json?;
            let overhead_us = overhead_us(asked, &reply);
            api.metrics.overhead(overhead_us);
            Ok(answer::with_trail(answer::json(asked, json), &trail, overhead_us))
        }
        Err(unanswered) => {
            tracing::warn!(request = asked.id, "an answer broke off: {}", unanswered.for_operator);
            Ok(answer::unanswered(asked, &unanswered))
        }
    }
}

/// Microseconds that the gateway itself took so far.
fn overhead_us(asked: &Asked, reply: &creel_runtime::Reply) -> u64 {
    let waited = u64::try_from(reply.waited().as_micros()).unwrap_or(u64::MAX);
    asked.elapsed_us().saturating_sub(waited)
}

/// Bytes of a request for one token, where no provider counts.
const BYTES_PER_TOKEN: u64 = 4;

async fn counted(
    api: &Shared,
    (peer, headers, body): (Peer, HeaderMap, Body),
    asked: &Asked,
) -> Result<Response, ApiError> {
    let (caller, body) = asking::open_sending(api, &headers, peer, "count_tokens", body).await?;
    let body = whole(body).await?;
    let bytes = body.len();
    let call = read_count(&body)?;
    let Ready { question, admission, .. } = ready(api, &caller, (call, bytes), (&headers, asked)).await?;
    let target = asking::answering(&admission.plan).first();
    let counted = match target {
        Some(target) => api.host.count(target, &question).await,
        None => Ok(None),
    };
    if let Some(place) = admission.place {
        place.release(crate::clock::now_ms());
    }
    match counted {
        Ok(Some(tokens)) => Ok(answer::json(asked, write_count(tokens))),
        // An estimate says that it is one.
        Ok(None) => {
            let estimate = u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(BYTES_PER_TOKEN);
            let mut response = answer::json(asked, write_count(estimate));
            response.headers_mut().insert("x-creel-estimate", HeaderValue::from_static("bytes"));
            Ok(response)
        }
        Err(unanswered) => Ok(answer::unanswered(asked, &unanswered)),
    }
}
