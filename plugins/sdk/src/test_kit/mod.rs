//! Drives a plugin natively, without a host and without a network: what it asks for is looked at, what comes back is
//! made up. Recorded exchanges live in `cassette`. Nothing here runs in a component.

pub mod cassette;

use std::collections::VecDeque;

use crate::bindings::words::creel::plugin::io::{BodyPiece, Context, Header, Request, ResponseHead, Target};
use crate::bindings::words::creel::plugin::types::{Media, Message, Part, Role};
use crate::catalog::{self, Catalog, Listing, Model, Query};
use crate::channel::{self, Channel, ChannelError, Job, Task};
use crate::counter::{self, Counter, Counting};
use crate::embedding::{self, Embedder, Embedding, EmbeddingRequest, Embeddings};
use crate::provider::{self, CallError, ChatRequest, Completion, Provider, ResponseFormat, ToolChoice};

pub use crate::bindings::words::creel::plugin::io::{Command, Event, IoError, RequestId};

/// A call under test.
pub struct Script<O, E> {
    resume: Box<dyn FnMut(Vec<Event>) -> Turn<O, E>>,
    commands: VecDeque<Command>,
    output: Vec<O>,
    result: Option<Result<(), E>>,
}

/// A step in one form for all worlds: commands, output, and the end if this was it.
type Turn<O, E> = (Vec<Command>, Vec<O>, Option<Result<(), E>>);

/// A provider under test.
pub type ProviderScript = Script<provider::OutputEvent, CallError>;
/// A list of models under test. Its output are the models.
pub type CatalogScript = Script<Model, CallError>;
/// Vectors under test. Its output is one set of them.
pub type EmbeddingScript = Script<Embeddings, CallError>;
/// A count under test. Its output is one number.
pub type CounterScript = Script<u64, CallError>;
/// A channel under test.
pub type ChannelScript = Script<channel::OutputEvent, ChannelError>;

/// How a made-up body comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunking {
    /// In one piece.
    Whole,
    /// In pieces of so many bytes, each in a `resume` of its own.
    Bytes(usize),
    /// In pieces of so many bytes, all in one `resume`.
    Burst(usize),
}

impl ProviderScript {
    /// Begins a completion.
    #[must_use]
    pub fn provider<P: Provider>(context: Context, request: ChatRequest) -> Self {
        let (completion, step) = Completion::<P>::begin(context, request);
        Self::new(provider_turn(step), move |events| provider_turn(completion.proceed(events)))
    }
}

impl CatalogScript {
    /// Begins a listing.
    #[must_use]
    pub fn catalog<C: Catalog>(context: Context, query: Query) -> Self {
        let (listing, step) = Listing::<C>::begin(context, query);
        Self::new(catalog_turn(step), move |events| catalog_turn(listing.proceed(events)))
    }
}

impl EmbeddingScript {
    /// Asks for vectors.
    #[must_use]
    pub fn embedder<E: Embedder>(context: Context, request: EmbeddingRequest) -> Self {
        let (embedding, step) = Embedding::<E>::begin(context, request);
        Self::new(embedding_turn(step), move |events| embedding_turn(embedding.proceed(events)))
    }
}

impl CounterScript {
    /// Begins to count.
    #[must_use]
    pub fn counter<C: Counter>(context: Context, request: ChatRequest) -> Self {
        let (counting, step) = Counting::<C>::begin(context, request);
        Self::new(counter_turn(step), move |events| counter_turn(counting.proceed(events)))
    }
}

impl ChannelScript {
    /// Begins a job.
    #[must_use]
    pub fn channel<C: Channel>(context: Context, job: Job, cursor: Option<Vec<u8>>) -> Self {
        let (task, step) = Task::<C>::begin(context, job, cursor);
        Self::new(channel_turn(step), move |events| channel_turn(task.proceed(events)))
    }
}

impl<O, E> Script<O, E> {
    fn new(first: Turn<O, E>, resume: impl FnMut(Vec<Event>) -> Turn<O, E> + 'static) -> Self {
        let resume = Box::new(resume);
        let mut script = Self { resume, commands: VecDeque::new(), output: Vec::new(), result: None };
        script.take(first);
        script
    }

    /// Lets events happen.
    pub fn resume(&mut self, events: Vec<Event>) {
        let turn = (self.resume)(events);
        self.take(turn);
    }

    /// The oldest command that was not looked at.
    pub fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// The oldest command that was not looked at, which must be a `send`.
    ///
    /// # Panics
    ///
    /// When it is another one, or there is none.
    pub fn expect_send(&mut self) -> (RequestId, Request) {
        let command = self.next_command();
        assert!(matches!(command, Some(Command::Send(_))), "expected a `send`, found {command:?}");
        let sent = match command {
            Some(Command::Send(sent)) => Some(sent),
            _ => None,
        };
        sent.expect("asserted above")
    }

    /// The oldest command that was not looked at, which must be a `wait` of so many milliseconds.
    ///
    /// # Panics
    ///
    /// When it is another one, or there is none.
    pub fn expect_wait(&mut self, duration_ms: u32) -> RequestId {
        let command = self.next_command();
        let id = match command {
            Some(Command::Wait((id, found_ms))) if found_ms == duration_ms => Some(id),
            _ => None,
        };
        assert!(id.is_some(), "expected a `wait` of {duration_ms} ms, found {command:?}");
        id.expect("asserted above")
    }

    /// Answers a request.
    pub fn respond(&mut self, id: RequestId, head: ResponseHead, body: &[u8], chunking: Chunking) {
        let mut events = vec![Event::Head((id, head))];
        events.extend(chunks(id, body, chunking));
        events.push(Event::End(id));
        self.deliver(events, chunking);
    }

    /// Lets events happen in one `resume` or in one each, as the chunking says.
    pub fn deliver(&mut self, events: Vec<Event>, chunking: Chunking) {
        match chunking {
            Chunking::Burst(_) => self.resume(events),
            Chunking::Whole | Chunking::Bytes(_) => {
                for event in events {
                    self.resume(vec![event]);
                }
            }
        }
    }

    /// What was put out so far.
    #[must_use]
    pub fn output(&self) -> &[O] {
        &self.output
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn result(&self) -> Option<&Result<(), E>> {
        self.result.as_ref()
    }

    fn take(&mut self, (commands, output, result): Turn<O, E>) {
        self.commands.extend(commands);
        self.output.extend(output);
        if self.result.is_none() {
            self.result = result;
        }
    }
}

/// The body in `chunk` events.
#[must_use]
pub fn chunks(id: RequestId, body: &[u8], chunking: Chunking) -> Vec<Event> {
    let bytes = match chunking {
        Chunking::Whole => body.len(),
        Chunking::Bytes(bytes) | Chunking::Burst(bytes) => bytes,
    };
    body.chunks(bytes.max(1)).map(|chunk| Event::Chunk((id, chunk.to_vec()))).collect()
}

/// A context with fixed time and entropy and no settings.
#[must_use]
pub fn context() -> Context {
    Context {
        call: "test".into(),
        now_ms: 1_750_000_000_000,
        entropy: 0x0123_4567_89ab_cdef,
        settings_json: "{}".into(),
    }
}

/// A streaming request of one user message.
#[must_use]
pub fn chat(model: &str, parts: Vec<Part>) -> ChatRequest {
    ChatRequest {
        model: model.into(),
        messages: vec![Message { role: Role::User, parts }],
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        response_format: ResponseFormat::Text,
        max_tokens: None,
        temperature: None,
        top_p: None,
        stop: Vec::new(),
        seed: None,
        reasoning_effort: None,
        parallel_tool_calls: None,
        streaming: true,
        native: None,
    }
}

/// A handle of a medium that nobody has.
#[must_use]
pub fn media(id: &str, content_type: &str) -> Media {
    Media { uri: format!("media://inbound/{id}"), content_type: content_type.into(), size: 1_000, name: None }
}

/// A response head.
#[must_use]
pub fn head(status: u16, headers: &[(&str, &str)]) -> ResponseHead {
    let headers = headers.iter().map(|(name, value)| Header { name: (*name).into(), value: (*value).into() }).collect();
    ResponseHead { status, headers }
}

/// A head has come.
#[must_use]
pub fn head_event(id: RequestId, head: ResponseHead) -> Event {
    Event::Head((id, head))
}

/// A wait is over.
#[must_use]
pub fn elapsed(id: RequestId) -> Event {
    Event::Elapsed(id)
}

/// Where a request goes: `api /v1/messages`, or the URL.
#[must_use]
pub fn target(request: &Request) -> String {
    match &request.target {
        Target::Endpoint(target) => format!("{} {}", target.endpoint, target.path_and_query),
        Target::Url(url) => url.clone(),
    }
}

/// A body as text; a medium reads `base64:media://…` or `raw:media://…`.
#[must_use]
pub fn render(body: &[BodyPiece]) -> String {
    let pieces = body.iter().map(|piece| match piece {
        BodyPiece::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        BodyPiece::MediaRaw(media) => format!("raw:{}", media.uri),
        BodyPiece::MediaBase64(media) => format!("base64:{}", media.uri),
    });
    pieces.collect()
}

/// The first header of a request that the host would refuse.
#[must_use]
pub fn forbidden_header(request: &Request) -> Option<&str> {
    const FRAMING: [&str; 7] =
        ["host", "content-length", "transfer-encoding", "connection", "accept-encoding", "te", "upgrade"];
    const SECRET: [&str; 5] = ["auth", "token", "secret", "api-key", "cookie"];
    let forbidden = request.headers.iter().find(|header| {
        let name = header.name.to_ascii_lowercase();
        FRAMING.contains(&name.as_str()) || SECRET.iter().any(|word| name.contains(word))
    });
    forbidden.map(|header| header.name.as_str())
}

fn provider_turn(step: provider::Step) -> Turn<provider::OutputEvent, CallError> {
    let end = match step.state {
        provider::Progress::Running => None,
        provider::Progress::Done => Some(Ok(())),
        provider::Progress::Failed(error) => Some(Err(error)),
    };
    (step.commands, step.output, end)
}

fn catalog_turn(step: catalog::Step) -> Turn<Model, CallError> {
    let (output, end) = match step.state {
        catalog::Progress::Running => (Vec::new(), None),
        catalog::Progress::Done(models) => (models, Some(Ok(()))),
        catalog::Progress::Failed(error) => (Vec::new(), Some(Err(error))),
    };
    (step.commands, output, end)
}

fn embedding_turn(step: embedding::Step) -> Turn<Embeddings, CallError> {
    let (output, end) = match step.state {
        embedding::Progress::Running => (Vec::new(), None),
        embedding::Progress::Done(embeddings) => (vec![embeddings], Some(Ok(()))),
        embedding::Progress::Failed(error) => (Vec::new(), Some(Err(error))),
    };
    (step.commands, output, end)
}

fn counter_turn(step: counter::Step) -> Turn<u64, CallError> {
    let (output, end) = match step.state {
        counter::Progress::Running => (Vec::new(), None),
        counter::Progress::Done(tokens) => (vec![tokens], Some(Ok(()))),
        counter::Progress::Failed(error) => (Vec::new(), Some(Err(error))),
    };
    (step.commands, output, end)
}

fn channel_turn(step: channel::Step) -> Turn<channel::OutputEvent, ChannelError> {
    let end = match step.state {
        channel::Progress::Running => None,
        channel::Progress::Done => Some(Ok(())),
        channel::Progress::Failed(error) => Some(Err(error)),
    };
    (step.commands, step.output, end)
}

#[cfg(test)]
mod tests;
