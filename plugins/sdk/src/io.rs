//! What a plugin may ask of the host, as awaitable calls: requests, media, files and time. How they become commands
//! lives in `executor`; reading a body as SSE or NDJSON lives in `stream`.

use serde::de::DeserializeOwned;

use crate::bindings::words::creel::plugin::io::{
    BodyPiece, Command, EndpointTarget, Event, FileRef, Header, IoError, NewMedia, Request, RequestId, ResponseHead,
    Target,
};
use crate::bindings::words::creel::plugin::types::Media;
use crate::error::ReadError;
use crate::executor::{SharedMailbox, Ticket};

/// The host's side of one call. Clones share it.
#[derive(Clone)]
pub struct Io {
    mailbox: SharedMailbox,
}

/// A response whose head has come. Dropping it cancels what is left of it.
pub struct Response {
    head: ResponseHead,
    ticket: Ticket,
}

impl Io {
    pub(crate) fn new(mailbox: SharedMailbox) -> Self {
        Self { mailbox }
    }

    /// Sends a request and waits for the response's head, whatever its status.
    ///
    /// # Errors
    ///
    /// [`IoError`] when the host refused the request or nothing came back.
    pub async fn send(&self, request: Request) -> Result<Response, IoError> {
        let mut ticket = Ticket::submit(&self.mailbox, |id| Command::Send((id, request)));
        match ticket.next().await {
            Some(Event::Head((_, head))) => Ok(Response { head, ticket }),
            event => Err(unexpected(event)),
        }
    }

    /// Sends a request whose 2xx response becomes a medium without passing through the plugin.
    ///
    /// # Errors
    ///
    /// [`IoError`]; [`IoError::Status`] for a status other than 2xx.
    pub async fn fetch_media(&self, request: Request) -> Result<Media, IoError> {
        self.stored(|id| Command::FetchMedia((id, request))).await
    }

    /// Makes bytes of the plugin a medium.
    ///
    /// # Errors
    ///
    /// [`IoError`] when the host refused.
    pub async fn store_media(&self, bytes: Vec<u8>, name: Option<String>) -> Result<Media, IoError> {
        self.stored(|id| Command::StoreMedia((id, NewMedia { bytes, name }))).await
    }

    /// Makes a file of the granted directory `root` a medium; the host reads it.
    ///
    /// # Errors
    ///
    /// [`IoError`] when the host refused or there is no such file.
    pub async fn ingest_file(&self, root: &str, name: &str) -> Result<Media, IoError> {
        let file = FileRef { root: root.into(), name: name.into() };
        self.stored(|id| Command::IngestFile((id, file))).await
    }

    /// Waits so many milliseconds.
    ///
    /// # Errors
    ///
    /// [`IoError`] when the host refused, as for more than an hour.
    pub async fn wait(&self, duration_ms: u32) -> Result<(), IoError> {
        match Ticket::submit(&self.mailbox, |id| Command::Wait((id, duration_ms))).next().await {
            Some(Event::Elapsed(_)) => Ok(()),
            event => Err(unexpected(event)),
        }
    }

    async fn stored(&self, command: impl FnOnce(RequestId) -> Command) -> Result<Media, IoError> {
        match Ticket::submit(&self.mailbox, command).next().await {
            Some(Event::Stored((_, media))) => Ok(media),
            event => Err(unexpected(event)),
        }
    }
}

impl Response {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.head.status)
    }

    /// The first header of that name, without regard to case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_str())
    }

    /// Waits for more of the body; `None` at its end. May be dropped at any time without losing a byte.
    ///
    /// # Errors
    ///
    /// [`IoError`] when the response ended too early or fell silent.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, IoError> {
        match self.ticket.next().await {
            Some(Event::Chunk((_, bytes))) => Ok(Some(bytes)),
            Some(Event::End(_)) | None => Ok(None),
            event => Err(unexpected(event)),
        }
    }

    /// Reads the rest of the body.
    ///
    /// # Errors
    ///
    /// [`ReadError::TooLarge`] for more than `bytes_max`; [`ReadError::Io`] otherwise.
    pub async fn bytes(&mut self, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > bytes_max {
                return Err(ReadError::TooLarge { bytes_max });
            }
            if body.is_empty() {
                body = chunk;
            } else {
                body.extend_from_slice(&chunk);
            }
        }
        Ok(body)
    }

    /// Reads the rest of the body as JSON.
    ///
    /// # Errors
    ///
    /// As [`Response::bytes`], and [`ReadError::Json`].
    pub async fn json<T: DeserializeOwned>(&mut self, bytes_max: usize) -> Result<T, ReadError> {
        let body = self.bytes(bytes_max).await?;
        serde_json::from_slice(&body).map_err(ReadError::Json)
    }
}

impl Request {
    /// A request to an endpoint of the manifest.
    #[must_use]
    pub fn new(method: &str, endpoint: &str, path_and_query: impl Into<String>) -> Self {
        let target = EndpointTarget { endpoint: endpoint.into(), path_and_query: path_and_query.into() };
        Self {
            method: method.into(),
            target: Target::Endpoint(target),
            headers: Vec::new(),
            body: Vec::new(),
            credential: None,
        }
    }

    /// A `GET` to an endpoint of the manifest.
    #[must_use]
    pub fn get(endpoint: &str, path_and_query: impl Into<String>) -> Self {
        Self::new("GET", endpoint, path_and_query)
    }

    /// A `POST` to an endpoint of the manifest.
    #[must_use]
    pub fn post(endpoint: &str, path_and_query: impl Into<String>) -> Self {
        Self::new("POST", endpoint, path_and_query)
    }

    /// A request to a URL that the network gave; its origin must be that of a granted endpoint.
    #[must_use]
    pub fn to_url(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            target: Target::Url(url.into()),
            headers: Vec::new(),
            body: Vec::new(),
            credential: None,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push(Header { name: name.into(), value: value.into() });
        self
    }

    /// Names the credential slot whose value the host puts on.
    #[must_use]
    pub fn credential(mut self, slot: &str) -> Self {
        self.credential = Some(slot.into());
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Vec<BodyPiece>) -> Self {
        self.body = body;
        self
    }

    /// Sets the body and says that it is JSON.
    #[must_use]
    pub fn json(self, body: Vec<BodyPiece>) -> Self {
        self.header("content-type", "application/json").body(body)
    }
}

/// A failure as the host says it, or an event that the interface does not allow here.
fn unexpected(event: Option<Event>) -> IoError {
    match event {
        Some(Event::Failed((_, error))) => error,
        Some(Event::Head(_) | Event::Chunk(_) | Event::End(_) | Event::Stored(_) | Event::Elapsed(_)) | None => {
            IoError::CutOff("the host sent an event that does not belong here".into())
        }
    }
}
