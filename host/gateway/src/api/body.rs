//! The answer of a model on its way to the client: read piece by piece, written in the client's dialect, and counted. While
//! the client does not read, nothing is read from the provider; a client that goes away cancels the call.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use creel_dialects::{ApiError, Output, StreamWriter, WholeWriter};
use creel_engine::{chat, types};
use creel_policy::agent::TokenCount;
use creel_policy::config::Cost;
use creel_policy::fallback::CallFault;
use creel_policy::ids::ModelRef;
use creel_policy::media::MediaRef;
use creel_runtime::{Attempt, Reply, Unanswered};
use creel_store::Store;
use creel_store::agents::{Place, no_agent};
use futures_util::{FutureExt as _, stream};

use super::{Shared, caller, convert, failure};
use crate::clock;
use crate::metrics::{Asking, Exchange};

/// Milliseconds of silence after which a comment tells the client, and all between, that the answer is still coming.
const KEEP_ALIVE_MS: u64 = 15_000;
/// Bytes that are gathered into one write while more is there at once.
const WRITE_BYTES: usize = 16 << 10;

/// What a call has used, and where that is counted.
pub(super) struct Account {
    api: Shared,
    place: Option<Place>,
    used: TokenCount,
    exchange: Exchange,
}

impl Account {
    /// Begins with the request, since it is what its time is counted from.
    pub(super) fn new(api: Shared, place: Option<Place>, asking: Asking) -> Self {
        let exchange = Exchange::begin(&api.metrics, asking);
        Self { api, place, used: TokenCount::default(), exchange }
    }

    /// The first piece of an answer is there.
    pub(super) fn answers(&mut self, reply: &Reply) {
        self.exchange.answers(reply.model());
    }

    /// It failed.
    fn failed(&mut self, unanswered: &Unanswered) {
        self.exchange.failed(unanswered.fault.map_or("no-model", CallFault::code));
    }

    /// Why whoever asked gets no more of the answer: the agent was revoked meanwhile, or its time is over (attack 169).
    /// Asked for each piece, before it is written.
    async fn stopped(&mut self) -> Option<ApiError> {
        let now_ms = clock::now_ms();
        let refusal = self.place.as_ref()?.standing(now_ms).err()?;
        self.exchange.failed(refusal.code());
        self.api.metrics.denied("token", refusal.code());
        self.api.host.audit(no_agent("an answer under way", &refusal, now_ms)).await;
        Some(caller::wrong(&refusal))
    }

    /// Notes what a piece of an answer says of it.
    pub(super) fn note(&mut self, output: &chat::Output) {
        match output {
            chat::Output::Usage(usage) => {
                self.used = TokenCount {
                    input: usage.input_tokens,
                    output: usage.output_tokens,
                    cache_read: usage.cache_read_tokens,
                    cache_write: usage.cache_write_tokens,
                };
            }
            chat::Output::Finished(finish) => self.exchange.finished(finish_code(*finish)),
            chat::Output::Text(_)
            | chat::Output::Reasoning(_)
            | chat::Output::ToolCallStart(_)
            | chat::Output::ToolCallArguments(_)
            | chat::Output::Media(_)
            | chat::Output::Native(_) => {}
        }
    }

    /// Counts what was used, at the price of the model that answered.
    pub(super) fn settle(&mut self, reply: &Reply) {
        let cost = self.api.host.knowledge().price(reply.model());
        self.exchange.used(&self.used, cost.as_ref());
        if let Some(mut place) = self.place.take() {
            for (used, cost) in self.outrun(reply) {
                place.add(&used, cost.as_ref());
            }
            place.settle(&self.used, cost.as_ref(), clock::now_ms());
        }
    }

    /// What the models were sent that were asked beside the one that answers, and their prices. They are paid for it,
    /// and nobody says how much it was: they are counted as having read what the one that answers has read.
    fn outrun(&self, reply: &Reply) -> Vec<(TokenCount, Option<Cost>)> {
        let knowledge = self.api.host.knowledge();
        let read = TokenCount { input: self.used.sent(), ..TokenCount::default() };
        let outrun = reply.attempts().iter().filter(|attempt| attempt.fault == CallFault::Outrun);
        let price = |attempt: &Attempt| ModelRef::parse(&attempt.model).ok().and_then(|model| knowledge.price(&model));
        outrun.map(|attempt| (read, price(attempt))).collect()
    }

    /// Nobody was asked, or nobody answered: nothing is counted.
    pub(super) fn release(mut self, unanswered: &Unanswered) {
        self.failed(unanswered);
        if let Some(place) = self.place.take() {
            place.release(clock::now_ms());
        }
    }
}

/// Why a model stopped, in the words of `wit/creel.wit`.
fn finish_code(finish: chat::Finish) -> &'static str {
    match finish {
        chat::Finish::Stop => "stop",
        chat::Finish::Length => "length",
        chat::Finish::ToolCalls => "tool-calls",
        chat::Finish::ContentFilter => "content-filter",
        chat::Finish::Other => "other",
    }
}

/// Why whoever asked gets no more of an answer. What is there of it by now is noted all the same: it may say what was used.
pub(super) async fn cut(reply: &mut Reply, account: &mut Account) -> Option<ApiError> {
    let error = account.stopped().await?;
    while let Some(Ok(Some(output))) = reply.next().now_or_never() {
        account.note(&output);
    }
    Some(error)
}

/// Reads an answer to its end; gives the answer of the dialect, or why it cannot be said in it.
pub(super) async fn whole(
    reply: &mut Reply,
    mut writer: WholeWriter,
    account: &mut Account,
) -> Result<Result<String, ApiError>, Box<Unanswered>> {
    while let Some(output) = reply.next().await.inspect_err(|unanswered| account.failed(unanswered))? {
        account.note(&output);
        if let Some(error) = cut(reply, account).await {
            account.settle(reply);
            return Ok(Err(error));
        }
        writer.event(&piece(&account.api.store, output).await);
    }
    account.settle(reply);
    Ok(writer.finish())
}

/// An answer as a body that is written while it comes.
pub(super) fn streamed(reply: Reply, writer: StreamWriter, account: Account, request_id: String) -> Body {
    let state = State { next: None, reply: Some(reply), writer, account, request_id };
    Body::from_stream(stream::unfold(state, |mut state| async move {
        let written = state.write().await?;
        Some((Ok::<_, Infallible>(Bytes::from(written)), state))
    }))
}

type Answered = (Reply, Result<Option<chat::Output>, Box<Unanswered>>);

struct State {
    /// The next piece, while it is waited for.
    next: Option<Pin<Box<dyn Future<Output = Answered> + Send>>>,
    /// `None` while the next piece is waited for, and after the end.
    reply: Option<Reply>,
    writer: StreamWriter,
    account: Account,
    request_id: String,
}

impl State {
    /// What is to be written next; `None` at the end. Waits only while there is nothing to write.
    async fn write(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let mut next = match (self.next.take(), self.reply.take()) {
                (Some(next), _) => next,
                (None, Some(reply)) => Box::pin(next_of(reply)),
                (None, None) => return (!text.is_empty()).then_some(text),
            };
            let answered = if text.is_empty() {
                match tokio::time::timeout(Duration::from_millis(KEEP_ALIVE_MS), next.as_mut()).await {
                    Ok(answered) => answered,
                    Err(_) => {
                        self.next = Some(next);
                        self.writer.keep_alive(&mut text);
                        return Some(text);
                    }
                }
            } else {
                match futures_util::poll!(next.as_mut()) {
                    std::task::Poll::Ready(answered) => answered,
                    std::task::Poll::Pending => {
                        self.next = Some(next);
                        return Some(text);
                    }
                }
            };
            self.take(answered, &mut text).await;
            if text.len() >= WRITE_BYTES {
                return Some(text);
            }
        }
    }

    async fn take(&mut self, (mut reply, answered): Answered, text: &mut String) {
        match answered {
            Ok(Some(output)) => {
                self.account.note(&output);
                if let Some(error) = cut(&mut reply, &mut self.account).await {
                    tracing::warn!(request = self.request_id, "an answer was cut off: {}", error.message);
                    self.writer.error(&error, &self.request_id, text);
                    self.account.settle(&reply);
                    return;
                }
                let output = piece(&self.account.api.store, output).await;
                self.writer.event(&output, text);
                if self.writer.is_over() {
                    // The dialect has no words for it, and has said so: nobody reads on.
                    self.account.settle(&reply);
                } else {
                    self.reply = Some(reply);
                }
            }
            Ok(None) => {
                self.writer.finish(text);
                self.account.settle(&reply);
            }
            Err(unanswered) => {
                let error: ApiError = failure::unanswered(&unanswered);
                tracing::warn!(request = self.request_id, "an answer broke off: {}", unanswered.for_operator);
                self.writer.error(&error, &self.request_id, text);
                self.account.failed(&unanswered);
                self.account.settle(&reply);
            }
        }
    }
}

async fn next_of(mut reply: Reply) -> Answered {
    let answered = reply.next().await;
    (reply, answered)
}

/// A piece in the words of the dialects; of a medium the bytes are read.
async fn piece(store: &Store, output: chat::Output) -> Output {
    let base64 = match &output {
        chat::Output::Media(media) => bytes_of(store, media).await,
        chat::Output::Text(_)
        | chat::Output::Reasoning(_)
        | chat::Output::ToolCallStart(_)
        | chat::Output::ToolCallArguments(_)
        | chat::Output::Native(_)
        | chat::Output::Usage(_)
        | chat::Output::Finished(_) => String::new(),
    };
    convert::output(output, |_| base64)
}

/// The bytes of a medium that a model has made, as base64; nothing where it is gone by now, which its handle tells.
async fn bytes_of(store: &Store, media: &types::Media) -> String {
    let Ok(media) = MediaRef::parse(&media.uri) else { return String::new() };
    let store = store.clone();
    let read = tokio::task::spawn_blocking(move || {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        store.media_open(&media).ok()?.read_to_end(&mut bytes).ok()?;
        Some(STANDARD.encode(bytes))
    });
    read.await.ok().flatten().unwrap_or_default()
}
