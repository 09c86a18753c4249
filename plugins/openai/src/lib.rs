//! OpenAI, and servers that speak its dialects. This file is the call from top to bottom; what a request says is in
//! `request`, what an answer says in `answer`, and in `listener` where a caller of the same dialect reads it as it is;
//! what an error means in `fault`, how servers differ in `server`. No origin and no key is known here.

mod answer;
mod catalog;
mod fault;
mod listener;
mod request;
mod server;
mod settings;
mod translation;
mod vectors;

use creel_sdk::catalog::{Catalog, Model, Query};
use creel_sdk::embedding::{Embedder, EmbeddingRequest, Embeddings};
use creel_sdk::provider::{CallError, ChatRequest, Fault, NativeRequest, Output, Provider};
use creel_sdk::{BodyPiece, Context, Io, JsonBody, Request, Response, native};

use answer::Follower;
use listener::{ChatListener, ResponseListener};
use settings::Settings;

/// Bytes of a whole answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The provider.
#[derive(Debug)]
pub struct OpenAi;

/// The dialects of the provider's that a caller may speak.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Chat,
    Responses,
}

impl Provider for OpenAi {
    async fn complete(cx: Context, mut request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        let settings: Settings = cx.settings()?;
        let own = match request.native.take() {
            Some(native) => dialect(&native, &settings)?.map(|dialect| (dialect, native)),
            None => None,
        };
        let (spoken, message) = match own {
            Some((dialect, native)) => (Some(dialect), of_caller(&settings, dialect, native)?),
            None => {
                let mut body = JsonBody::new(&cx);
                let message = request::write(&request, settings.server(), &mut body)?;
                (None, post(&settings, Dialect::Chat.path(), body.finish(&message)?))
            }
        };
        let accept = if request.streaming { "text/event-stream" } else { "application/json" };
        let mut response = io.send(message.header("accept", accept)).await?;
        if !response.is_success() {
            return Err(fault::read(&mut response, cx.now_ms).await);
        }
        let is_stream = is_stream(&response, request.streaming);
        match spoken {
            Some(Dialect::Responses) if is_stream != request.streaming => {
                let message = "the server answers in another form than it was asked for: stream or whole";
                Err(CallError::new(Fault::MalformedResponse, message))
            }
            Some(Dialect::Responses) if is_stream => {
                native::stream(response, &io, &out, ResponseListener::default()).await
            }
            Some(Dialect::Responses) => {
                native::whole(&mut response, ANSWER_BYTES_MAX, &out, ResponseListener::default()).await
            }
            Some(Dialect::Chat) if is_stream && request.streaming => {
                native::stream(response, &io, &out, ChatListener::default()).await
            }
            Some(Dialect::Chat) if is_stream == request.streaming => {
                native::whole(&mut response, ANSWER_BYTES_MAX, &out, ChatListener::default()).await
            }
            // Also a native answer in the other form than was asked for: the caller cannot read it as it is.
            Some(Dialect::Chat) | None if is_stream => {
                answer::stream(response, &io, Follower::new(&out, cx.entropy)).await
            }
            Some(Dialect::Chat) | None => {
                answer::whole(response.json(ANSWER_BYTES_MAX).await?, Follower::new(&out, cx.entropy))
            }
        }
    }
}

impl Catalog for OpenAi {
    async fn list(cx: Context, query: Query, io: Io) -> Result<Vec<Model>, CallError> {
        catalog::list(cx, query, io).await
    }
}

impl Embedder for OpenAi {
    async fn embed(cx: Context, request: EmbeddingRequest, io: Io) -> Result<Embeddings, CallError> {
        vectors::embed(cx, request, io).await
    }
}

impl Dialect {
    fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Responses => "/responses",
        }
    }
}

/// The dialect in which a caller's own request can be sent on; none where the server does not know it, and it can
/// be said otherwise.
fn dialect(native: &NativeRequest, settings: &Settings) -> Result<Option<Dialect>, CallError> {
    match native.dialect.as_str() {
        "openai-completions" => Ok(Some(Dialect::Chat)),
        "openai-responses" if settings.has_responses() => Ok(Some(Dialect::Responses)),
        "openai-responses" => translation::check(native).map(|()| None),
        _ => Ok(None),
    }
}

/// What the host puts behind the body of a stream whose client did not ask for the totals. Servers that do not take it
/// give them without being asked.
const ASKING_FOR_USAGE: &str = r#","stream_options":{"include_usage":true}}"#;

/// The caller's own request, with the header of the dialect that changes the answer.
fn of_caller(settings: &Settings, dialect: Dialect, mut native: NativeRequest) -> Result<Request, CallError> {
    let betas = native.header("openai-beta");
    if !settings.server().takes_stream_options
        && let Some(body) = native.body_json.strip_suffix(ASKING_FOR_USAGE)
    {
        native.body_json = format!("{body}}}");
    }
    let request = post(settings, dialect.path(), native.into_pieces()?);
    Ok(match betas {
        Some(betas) => request.header("openai-beta", betas),
        None => request,
    })
}

fn post(settings: &Settings, path: &str, body: Vec<BodyPiece>) -> Request {
    settings.sign(Request::post("api", path)).json(body)
}

/// Believes the content type, and what was asked for where there is none: gateways in between may not stream.
fn is_stream(response: &Response, was_asked_for: bool) -> bool {
    match response.header("content-type") {
        Some(content_type) if content_type.contains("event-stream") => true,
        Some(content_type) if content_type.contains("json") => false,
        Some(_) | None => was_asked_for,
    }
}

creel_sdk::provider!(OpenAi);
creel_sdk::catalog!(OpenAi);
creel_sdk::embedding!(OpenAi);
