//! A plugin's commands as streams of events, one stream a command. Dropping a stream drops what it was doing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use creel_policy::judge::{Refusal, Refused, is_secret_response_header};
use creel_policy::limits::{CHUNK_BYTES_MAX, IDLE_MS_MAX, MEDIUM_BYTES_MAX, RESPONSE_BYTES_MAX, WAIT_MS_MAX};
use creel_policy::media::MediaRefusalCode;
use creel_store::Store;
use creel_store::ingest::Ingest;
use creel_store::media::{MediaError, Medium, NewMedium};
use futures_util::stream::{BoxStream, StreamExt};
use futures_util::{FutureExt, stream};
use http::header;
use tokio::time::{sleep, timeout};

use crate::bindings::io::{
    Command, Event, FileRef, Header, IoError, NewMedia, Refusal as WitRefusal, Request, RequestId, ResponseHead, Target,
};
use crate::bindings::types::Media;
use crate::body::Body;
use crate::context::CallContext;
use crate::credential::{Injectable, Slot};
use crate::egress::{Egress, EgressRecord, NoResponse, chain};
use crate::redact::Carry;

/// Bytes of a fetched medium that are gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// What the commands of one call work with.
pub(crate) struct Shared {
    pub(crate) context: Arc<CallContext>,
    pub(crate) egress: Arc<Egress>,
    pub(crate) store: Store,
}

pub(crate) type Events = BoxStream<'static, Event>;

/// The events that a command will bring. `Cancel` brings none and is not taken here.
pub(crate) fn events(shared: &Arc<Shared>, command: Command) -> Option<(RequestId, Events)> {
    let shared = Arc::clone(shared);
    Some(match command {
        Command::Send((id, request)) => (id, send(shared, id, request)),
        Command::FetchMedia((id, request)) => (id, single(id, fetch(shared, request))),
        Command::StoreMedia((id, new)) => (id, single(id, store_media(shared, new))),
        Command::IngestFile((id, file)) => (id, single(id, ingest(shared, file))),
        Command::Wait((id, milliseconds)) if milliseconds > WAIT_MS_MAX => {
            let rule = format!("a wait has at most {WAIT_MS_MAX} ms");
            (id, stream::iter([refused(id, Refusal::TooLarge, rule)]).boxed())
        }
        Command::Wait((id, milliseconds)) => {
            let pause = Duration::from_millis(milliseconds.into());
            (id, sleep(pause).map(move |()| Event::Elapsed(id)).into_stream().boxed())
        }
        Command::Cancel(_) => return None,
    })
}

/// The event for a command that is not even tried.
pub(crate) fn refused(id: RequestId, refusal: Refusal, rule: String) -> Event {
    failed(id, NoResponse::Refused(Refused { refusal, rule }))
}

fn single(id: RequestId, work: impl Future<Output = Result<Media, IoError>> + Send + 'static) -> Events {
    let event = move |result| match result {
        Ok(media) => Event::Stored((id, media)),
        Err(error) => Event::Failed((id, error)),
    };
    work.map(event).into_stream().boxed()
}

fn failed(id: RequestId, why: NoResponse) -> Event {
    Event::Failed((id, io_error(why)))
}

fn io_error(why: NoResponse) -> IoError {
    match why {
        NoResponse::Refused(Refused { refusal, rule }) => IoError::Refused((wit_refusal(refusal), rule)),
        NoResponse::Unreachable(words) => IoError::Unreachable(words),
        NoResponse::TimedOut => IoError::TimedOut,
        NoResponse::CutOff(words) => IoError::CutOff(words),
    }
}

fn wit_refusal(refusal: Refusal) -> WitRefusal {
    match refusal {
        Refusal::NoGrant => WitRefusal::NoGrant,
        Refusal::BadRequest => WitRefusal::BadRequest,
        Refusal::PrivateAddress => WitRefusal::PrivateAddress,
        Refusal::RedirectLeftGrant => WitRefusal::RedirectLeftGrant,
        Refusal::CredentialNotGranted => WitRefusal::CredentialNotGranted,
        Refusal::CredentialMissing => WitRefusal::CredentialMissing,
        Refusal::TooLarge => WitRefusal::TooLarge,
        Refusal::BudgetSpent => WitRefusal::BudgetSpent,
        Refusal::UnknownMedia => WitRefusal::UnknownMedia,
        Refusal::UnknownFile => WitRefusal::UnknownFile,
    }
}

/// Judges and sends; tells the witness what became of it.
async fn open(shared: &Shared, mut request: Request) -> Result<reqwest::Response, NoResponse> {
    let context = &shared.context;
    let pieces = std::mem::take(&mut request.body);
    let body = if Body::has_media(&pieces) {
        let (store, context) = (shared.store.clone(), Arc::clone(context));
        blocking(move || Body::lay_out(&store, &context, pieces)).await.map_err(NoResponse::CutOff)?
    } else {
        Body::lay_out(&shared.store, context, pieces)
    };
    let sent = match body {
        Ok(body) => shared.egress.send(context, &request, &body, idle(context)).await,
        Err(refused) => Err(refused.into()),
    };
    let refused = match &sent {
        Err(NoResponse::Refused(refused)) => Some(refused.clone()),
        Ok(_) | Err(NoResponse::Unreachable(_) | NoResponse::TimedOut | NoResponse::CutOff(_)) => None,
    };
    (context.witness)(&EgressRecord {
        call: context.call.clone(),
        plugin: context.grant.plugin.to_string(),
        method: request.method.clone(),
        target: target(context, &request.target),
        // A slot that needs nothing puts nothing on, and must not look as if it did.
        credential: request.credential.clone().filter(|slot| matches!(context.slots.get(slot), Some(Slot::Ready(_)))),
        refused,
    })
    .await;
    sent
}

/// What a request was aimed at, without its query.
fn target(context: &CallContext, target: &Target) -> String {
    let without_query = |text: &str| text.split(['?', '#']).next().unwrap_or_default().to_owned();
    match target {
        Target::Endpoint(endpoint) => {
            let base = context.grant.endpoints.get(&endpoint.endpoint);
            let base = base.map_or_else(|| format!("<{}>", endpoint.endpoint), |grant| grant.base.to_string());
            format!("{base}{}", without_query(&endpoint.path_and_query))
        }
        Target::Url(url) => match url::Url::parse(url) {
            Ok(url) => format!("{}{}", url.origin().ascii_serialization(), url.path()),
            Err(_) => "<malformed URL>".to_owned(),
        },
    }
}

fn idle(context: &CallContext) -> Option<Duration> {
    context.total_ms_max.map(|_| Duration::from_millis(IDLE_MS_MAX))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
}

/// A response on its way to the plugin.
struct Reading {
    response: reqwest::Response,
    masks: Vec<(Arc<Injectable>, Carry)>,
    pending: Bytes,
    bytes: u64,
    bytes_max: u64,
    idle: Option<Duration>,
    ended: bool,
}

fn send(shared: Arc<Shared>, id: RequestId, request: Request) -> Events {
    let opened = async move {
        let opened = open(&shared, request).await;
        (opened, shared)
    };
    stream::once(opened)
        .flat_map(move |(opened, shared)| {
            let bytes_max = if shared.context.total_ms_max.is_some() { RESPONSE_BYTES_MAX } else { u64::MAX };
            match opened.and_then(|response| reading(&shared.context, response, bytes_max)) {
                Ok(reading) => {
                    let head = stream::iter([Event::Head((id, response_head(&reading)))]);
                    head.chain(stream::unfold(Some(reading), move |reading| next_event(id, reading))).boxed()
                }
                Err(why) => stream::iter([failed(id, why)]).boxed(),
            }
        })
        .boxed()
}

fn reading(context: &CallContext, response: reqwest::Response, bytes_max: u64) -> Result<Reading, NoResponse> {
    if let Some(encoding) = response.headers().get(header::CONTENT_ENCODING)
        && encoding.as_bytes() != b"identity"
    {
        // What cannot be read cannot be searched for secrets (attacks 92, 137, 180).
        let encoding = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        return Err(NoResponse::CutOff(format!(
            "the server sent `content-encoding: {encoding}` though none was asked for"
        )));
    }
    let masks = context.masks();
    let masks = masks.secrets().iter().map(|secret| (Arc::clone(secret), Carry::default())).collect();
    let idle = idle(context);
    Ok(Reading { response, masks, pending: Bytes::new(), bytes: 0, bytes_max, idle, ended: false })
}

fn response_head(reading: &Reading) -> ResponseHead {
    let mut headers = Vec::new();
    for (name, value) in reading.response.headers() {
        if is_secret_response_header(name.as_str()) {
            continue;
        }
        let mut value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        for (secret, _) in &reading.masks {
            value = secret.redactor().text(&value);
        }
        headers.push(Header { name: name.as_str().to_owned(), value });
    }
    ResponseHead { status: reading.response.status().as_u16(), headers }
}

async fn next_event(id: RequestId, reading: Option<Reading>) -> Option<(Event, Option<Reading>)> {
    let mut reading = reading?;
    loop {
        if !reading.pending.is_empty() {
            let chunk = reading.pending.split_to(reading.pending.len().min(CHUNK_BYTES_MAX));
            return Some((Event::Chunk((id, chunk.into())), Some(reading)));
        }
        if reading.ended {
            return Some((Event::End(id), None));
        }
        if let Err(why) = reading.read().await {
            return Some((failed(id, why), None));
        }
    }
}

impl Reading {
    /// Takes the next chunk from the network into `pending`, masked.
    async fn read(&mut self) -> Result<(), NoResponse> {
        let chunk = match self.idle {
            Some(idle) => timeout(idle, self.response.chunk()).await.map_err(|_| NoResponse::TimedOut)?,
            None => self.response.chunk().await,
        };
        match chunk.map_err(|error| NoResponse::CutOff(chain(&error.without_url())))? {
            Some(chunk) => {
                self.bytes = self.bytes.saturating_add(chunk.len() as u64);
                if self.bytes > self.bytes_max {
                    let rule = format!("the response is larger than {} bytes", self.bytes_max);
                    return Err(Refused { refusal: Refusal::TooLarge, rule }.into());
                }
                self.pending =
                    self.masks.iter_mut().fold(chunk, |chunk, (secret, carry)| carry.push(secret.redactor(), chunk));
            }
            None => {
                self.ended = true;
                // What one mask held back must still pass those behind it.
                let mut rest = Bytes::new();
                for (secret, mut carry) in std::mem::take(&mut self.masks) {
                    let passed = if rest.is_empty() { rest } else { carry.push(secret.redactor(), rest) };
                    rest = [passed, carry.finish()].concat().into();
                }
                self.pending = rest;
            }
        }
        Ok(())
    }
}

/// Receives a response straight into the media store.
async fn fetch(shared: Arc<Shared>, request: Request) -> Result<Media, IoError> {
    may_store(&shared.context)?;
    let response = open(&shared, request).await.map_err(io_error)?;
    if !response.status().is_success() {
        return Err(IoError::Status(response.status().as_u16()));
    }
    // Masked like what a plugin reads: a medium can be sent on to another server.
    let mut reading = reading(&shared.context, response, u64::MAX).map_err(io_error)?;
    let (store, area, bytes_max) =
        (shared.store.clone(), shared.context.area.clone(), medium_bytes_max(&shared.context));
    let begun = blocking(move || store.media_begin(area, None, bytes_max)).await.map_err(IoError::CutOff)?;
    let mut writer = begun.map_err(media_error)?;
    if let Some(claimed) = reading.response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
        writer.declare(claimed);
    }
    let mut gathered = Vec::new();
    loop {
        reading.read().await.map_err(io_error)?;
        gathered.extend_from_slice(&std::mem::take(&mut reading.pending));
        if reading.ended || gathered.len() >= WRITE_BYTES {
            writer = write(writer, std::mem::take(&mut gathered)).await?;
        }
        if reading.ended {
            let now_ms = (shared.context.clock)();
            let finished = blocking(move || writer.finish(now_ms)).await.map_err(IoError::CutOff)?;
            return finished.map(|medium| stored(&shared.context, medium)).map_err(media_error);
        }
    }
}

async fn write(mut writer: NewMedium, bytes: Vec<u8>) -> Result<NewMedium, IoError> {
    let written = move || writer.write(&bytes).map(|()| writer);
    blocking(written).await.map_err(IoError::CutOff)?.map_err(media_error)
}

async fn store_media(shared: Arc<Shared>, new: NewMedia) -> Result<Media, IoError> {
    may_store(&shared.context)?;
    let bytes_max = medium_bytes_max(&shared.context);
    if new.bytes.len() as u64 > bytes_max {
        return Err(IoError::Refused((
            WitRefusal::TooLarge,
            format!("a medium from here has at most {bytes_max} bytes"),
        )));
    }
    let (store, area, now_ms) = (shared.store.clone(), shared.context.area.clone(), (shared.context.clock)());
    let put = move || store.media_put(area, new.name.as_deref(), &new.bytes, now_ms);
    let put = blocking(put).await.map_err(IoError::CutOff)?;
    put.map(|medium| stored(&shared.context, medium)).map_err(media_error)
}

async fn ingest(shared: Arc<Shared>, file: FileRef) -> Result<Media, IoError> {
    may_store(&shared.context)?;
    let Some(root) = shared.context.roots.get(&file.root).map(Arc::clone) else {
        let rule = format!("no directory is granted as `{}`", file.root);
        return Err(IoError::Refused((WitRefusal::NoGrant, rule)));
    };
    let (store, area, now_ms) = (shared.store.clone(), shared.context.area.clone(), (shared.context.clock)());
    let bytes_max = medium_bytes_max(&shared.context);
    let ingested = move || {
        let wanted = Ingest { name: &file.name, area, bytes_max };
        store.ingest(&root, &wanted, now_ms)
    };
    let ingested = blocking(ingested).await.map_err(IoError::CutOff)?;
    ingested.map(|medium| stored(&shared.context, medium)).map_err(media_error)
}

fn medium_bytes_max(context: &CallContext) -> u64 {
    context.medium_bytes_max.min(MEDIUM_BYTES_MAX)
}

fn may_store(context: &CallContext) -> Result<(), IoError> {
    if context.grant.media.store {
        return Ok(());
    }
    let rule = format!("plugin `{}` was not granted `media.store`", context.grant.plugin);
    Err(IoError::Refused((WitRefusal::NoGrant, rule)))
}

/// The call may name what it has made.
fn stored(context: &CallContext, medium: Medium) -> Media {
    context.media.add(medium.media.clone());
    handle(medium)
}

/// A medium as plugins see it.
pub(crate) fn handle(medium: Medium) -> Media {
    Media { uri: medium.media.to_string(), content_type: medium.content_type, size: medium.size, name: medium.name }
}

fn media_error(error: MediaError) -> IoError {
    let refusal = match &error {
        MediaError::Refused(refused) if refused.code == MediaRefusalCode::TooLarge => WitRefusal::TooLarge,
        MediaError::Full { .. } => WitRefusal::TooLarge,
        MediaError::Refused(_) | MediaError::Store(_) | MediaError::Io { .. } => WitRefusal::UnknownFile,
    };
    IoError::Refused((refusal, error.to_string()))
}
