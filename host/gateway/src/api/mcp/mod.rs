//! The Model Context Protocol at `/mcp`: what each request goes through, and which tools it finds. Every request carries
//! its token and is let in anew, so that there is no session to be taken over and a revoked token opens nothing from
//! then on. What a tool does is in the files beside this one; who may do what is `creel_policy`'s.

mod arguments;
mod ask;
mod look;
mod said;
mod send;
mod sessions;
mod tools;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use creel_dialects::{ApiError, ErrorKind};
use creel_store::agents::Place;
use http::{HeaderMap, header};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorData, Implementation, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{RoleServer, ServerHandler};
use serde::Deserialize;

use super::caller::{Caller, Peer};
use super::request::{Asked, BODY_BYTES_MAX, read_out, whole};
use super::{Api, Shared, answer, asking};
use crate::metrics::Asking;
use tools::ToolName;

/// What a client is told before it calls anything.
const INSTRUCTIONS: &str = "Media are named by handles such as `media://inbound/…`, never by their bytes. What is not \
    listed or not found is not there for this token. Ask about a medium with `ask_about_media`: the model behind it \
    sees the medium itself.";

/// The route.
pub(super) fn route(api: &Shared) -> MethodRouter<Shared> {
    let served = Arc::clone(api);
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_BYTES_MAX)
        // `of_no_page` looks after both, before anybody is let in and on every listener alike.
        .disable_allowed_hosts()
        .disable_allowed_origins();
    let new = move || Ok(Server { api: Arc::clone(&served) });
    let service = StreamableHttpService::new(new, Arc::new(NeverSessionManager::default()), config);
    post(move |State(api): State<Shared>, Extension(peer): Extension<Peer>, request: Request| {
        let service = service.clone();
        async move { answered(&api, &service, peer, request).await }
    })
}

async fn answered(
    api: &Api,
    service: &StreamableHttpService<Server, NeverSessionManager>,
    peer: Peer,
    request: Request,
) -> Response {
    let asked = Asked::by(request.headers());
    match opened(api, peer, request).await {
        Ok((caller, _place, mut request)) => {
            // Whoever works on the request from here on has no use for the token.
            for name in [header::AUTHORIZATION.as_str(), "x-api-key", "x-goog-api-key"] {
                request.headers_mut().remove(name);
            }
            let let_in = LetIn { caller, request: asked.id.clone(), asked: Arc::new(asked) };
            request.extensions_mut().insert(let_in);
            service.handle(request).await.map(Body::new)
        }
        Err(error) => answer::error(&asked, &error),
    }
}

/// Lets a caller in and counts its request. One that asks a model is counted with that, by what it may cost.
async fn opened(api: &Api, peer: Peer, request: Request) -> Result<(Caller, Option<Place>, Request), ApiError> {
    let (parts, body) = request.into_parts();
    if let Err(error) = of_no_page(&parts.headers) {
        read_out(&parts.headers, body).await;
        return Err(error);
    }
    let (caller, body) = asking::open_sending(api, &parts.headers, peer, "mcp", body).await?;
    let body = whole(body).await?;
    let tool = tool_of(&body);
    let place = match tool.filter(|tool| tool.is_open_to(caller.grant())) {
        Some(ToolName::AskAboutMedia) => None,
        Some(tool) => asking::count(api, &caller, &format!("mcp {}", tool.as_str())).await?,
        None => asking::count(api, &caller, "mcp").await?,
    };
    Ok((caller, place, Request::from_parts(parts, Body::from(body))))
}

/// The tool that a request calls, if it calls one that there is.
fn tool_of(body: &Bytes) -> Option<ToolName> {
    #[derive(Deserialize)]
    struct Called {
        method: String,
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        name: String,
    }
    let called: Called = serde_json::from_slice(body).ok()?;
    ToolName::parse(&called.params.name).filter(|_| called.method == "tools/call")
}

/// Refuses what a web page has sent. A browser says of each `POST` of a page where the page is from, whatever name it
/// was led to this gateway by; nobody else does. No page is a client of ours, so none is let in, and a name that was
/// rebound to this machine leads nowhere.
fn of_no_page(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key(header::ORIGIN) {
        let message = "`/mcp` takes no request of a web page, and this one carries an `Origin`";
        return Err(ApiError::new(ErrorKind::Forbidden, message));
    }
    Ok(())
}

/// Who was let in, and the name of the request.
#[derive(Clone)]
struct LetIn {
    caller: Caller,
    request: String,
    asked: Arc<Asked>,
}

impl LetIn {
    /// What is said of it while a model is asked.
    fn asking(&self, model: &str) -> Asking {
        self.asked.asking("chat", model, &HeaderMap::new())
    }

    fn of(context: &RequestContext<RoleServer>) -> Result<Self, ErrorData> {
        let parts = context.extensions.get::<http::request::Parts>();
        let let_in = parts.and_then(|parts| parts.extensions.get::<Self>()).cloned();
        // Nothing but `answered` hands requests over, and it puts this into each.
        let_in.ok_or_else(|| ErrorData::internal_error("the request has no caller", None))
    }
}

/// Serves one request.
struct Server {
    api: Shared,
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("creel", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let let_in = LetIn::of(&context)?;
        Ok(ListToolsResult::with_all_items(tools::open_to(let_in.caller.grant())))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let let_in = LetIn::of(&context)?;
        let open = ToolName::parse(&request.name).filter(|tool| tool.is_open_to(let_in.caller.grant()));
        let Some(tool) = open else {
            // One that the grant does not open is not there.
            let name: String = request.name.chars().filter(|c| !c.is_control()).take(200).collect();
            return Err(ErrorData::invalid_params(format!("there is no tool `{name}`"), None));
        };
        let arguments = request.arguments.unwrap_or_default();
        tokio::select! {
            said = call(&self.api, &let_in, tool, arguments) => Ok(said::result(said).into()),
            // The client has gone away: what is under way for it, a call of a model, ends with it.
            () = context.ct.cancelled() => Err(ErrorData::internal_error("the request was cancelled", None)),
        }
    }
}

async fn call(
    api: &Shared,
    let_in: &LetIn,
    tool: ToolName,
    given: rmcp::model::JsonObject,
) -> Result<said::Said, ApiError> {
    let caller = &let_in.caller;
    match tool {
        ToolName::ListMedia => look::list(api, caller, arguments::read(given)?).await,
        ToolName::DescribeMedia => look::describe(api, caller, arguments::read(given)?).await,
        ToolName::AskAboutMedia => ask::ask(api, let_in, arguments::read(given)?).await,
        ToolName::SendMessage => send::send(api, caller, arguments::read(given)?).await,
        ToolName::ListSessions => sessions::list(api, caller, arguments::read(given)?).await,
        ToolName::ReadSession => sessions::read(api, caller, arguments::read(given)?).await,
    }
}

/// Works with the store where it may be waited for.
async fn stored<T, E>(
    api: &Api,
    work: impl FnOnce(&creel_store::Store) -> Result<T, E> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: std::error::Error + Send + 'static,
{
    let store = api.store.clone();
    let done = tokio::task::spawn_blocking(move || work(&store)).await;
    let done = done.map_err(|error| super::media::internal(&error))?;
    done.map_err(|error| super::media::internal(&error))
}

/// Items of a page: what was wished within a bound, and otherwise the usual.
fn count(wished: Option<u32>) -> Result<usize, ApiError> {
    const USUAL: usize = 50;
    const MAX: usize = 200;
    let count = wished.map_or(Some(USUAL), |wished| usize::try_from(wished).ok());
    count.filter(|count| (1..=MAX).contains(count)).ok_or_else(|| {
        ApiError::new(ErrorKind::InvalidRequest, format!("`limit` is between 1 and {MAX}")).about("limit")
    })
}
