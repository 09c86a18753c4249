//! Answers to native requests: every event goes on as the provider wrote it, and a watcher of the plugin's listens for
//! what the host has to know. What the events mean is the plugin's; how a native body is cut lives in `body`.

use crate::error::ReadError;
use crate::io::{Io, Response};
use crate::provider::{CallError, Fault, Finish, Output};

/// The mark with which many providers end a stream; it is no event.
const DONE: &str = "[DONE]";

/// What a watcher makes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The stream goes on.
    More,
    /// The provider says nothing after this one.
    Last,
}

/// Listens to a native answer on its way to the caller. It should parse no more than it needs.
pub trait Watcher {
    /// Takes notice of the `data` of one event, or of a whole answer, and gives totals to `out`.
    ///
    /// # Errors
    ///
    /// The error that the event is. It ends the call, and the event is not passed on; what was passed on before stays.
    fn hear(&mut self, data: &str, out: &Output) -> Result<Heard, CallError>;

    /// Why the model stopped, once it was said.
    fn finish(&self) -> Option<Finish>;
}

/// Passes on a streamed answer to its end.
///
/// # Errors
///
/// What the watcher finds, and a stream that breaks off, is none or ends before the answer did.
pub async fn stream(response: Response, io: &Io, out: &Output, mut watcher: impl Watcher) -> Result<(), CallError> {
    let mut events = response.sse();
    let has_ended = loop {
        let Some(event) = events.next().await? else {
            break false;
        };
        match event.data.trim_ascii() {
            DONE => break true,
            // Some servers keep a connection alive so.
            "" => continue,
            _ => {}
        }
        let heard = watcher.hear(&event.data, out)?;
        out.native(event.data);
        if heard == Heard::Last {
            break true;
        }
    };
    if !has_ended && watcher.finish().is_none() {
        return Err(CallError::new(Fault::MalformedResponse, "the stream ended before the answer did"));
    }
    out.finished(watcher.finish().unwrap_or(Finish::Other));
    if has_ended {
        events.drain(io).await;
    }
    Ok(())
}

/// Passes on a whole answer of at most `bytes_max`.
///
/// # Errors
///
/// What the watcher finds, and an answer that breaks off, is too large or no text.
pub async fn whole(
    response: &mut Response,
    bytes_max: usize,
    out: &Output,
    mut watcher: impl Watcher,
) -> Result<(), CallError> {
    let body = response.bytes(bytes_max).await?;
    let body =
        String::from_utf8(body).map_err(|_| CallError::new(Fault::MalformedResponse, "the answer is not UTF-8"))?;
    watcher.hear(&body, out)?;
    out.native(body);
    out.finished(watcher.finish().unwrap_or(Finish::Other));
    Ok(())
}

/// Reads what a watcher needs of an event; a type that borrows from it costs nothing for the rest.
///
/// # Errors
///
/// `malformed-response` where it is not such JSON.
pub fn read<'a, T: serde::Deserialize<'a>>(data: &'a str) -> Result<T, CallError> {
    serde_json::from_str(data).map_err(|error| ReadError::Json(error).into())
}
