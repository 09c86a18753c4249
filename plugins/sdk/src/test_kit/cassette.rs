//! Recorded exchanges as tests: one JSON file each, run at several chunkings. Words stand in it as in the Rust types
//! (`{"Text": "hi"}`, `"User"`), and a medium in a body reads `base64:media://…`.
//!
//! ```json
//! {
//!   "about": "one sentence",
//!   "settings": {},
//!   "request": { "model": "m", "messages": [{ "role": "User", "parts": [{ "Text": "hi" }] }] },
//!   "exchange": [{
//!     "expect": { "send": { "method": "POST", "to": "api /v1/chat", "credential": "account", "headers": {}, "body": {} } },
//!     "respond": { "status": 200, "headers": {}, "chunks": ["…"] }
//!   }],
//!   "output": [{ "Text": "…" }],
//!   "result": "done"
//! }
//! ```
//!
//! A list of models has `query` (`{"details": […]}`) in place of `request`, and the models as its `output`. Vectors have
//! their own `request` and one set as output, a count has the `request` of a provider and one number. A channel has
//! `job` (`"Listen"`, `{"Collect": …}`, `{"Deliver": …}`) and `cursor` in place of `request`. Other
//! commands are `{"fetch": …}`, `{"ingest": {"root", "name"}}`, `{"store": {"name", "bytes"}}` and `{"wait": 1000}`;
//! other responses are `{"stored": media}`, `{"failed": error}` (also after `status` and `chunks`) and
//! `{"elapsed": true}`. A response with `"open": true` does not end; it goes on with a turn `{"of": 0, "respond": …}`
//! without `expect`, where `of` counts turns, or never. `result` is `"done"`, `"running"` or `{"failed": error}`.
//! `cancel` commands are not compared, nor a `wait` after the last turn.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    CatalogScript, ChannelScript, Chunking, CounterScript, EmbeddingScript, ProviderScript, Script, chunks, context,
    forbidden_header, head, render, target,
};
use crate::bindings::words::creel::plugin::io::{Command, Context, Event, IoError, Request, RequestId};
use crate::bindings::words::creel::plugin::types::Media;
use crate::catalog::{Catalog, Query};
use crate::channel::{Channel, Job};
use crate::counter::Counter;
use crate::embedding::Embedder;
use crate::provider::{ChatRequest, Provider};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cassette {
    about: String,
    #[serde(default)]
    settings: Option<Value>,
    #[serde(default)]
    request: Option<Value>,
    #[serde(default)]
    query: Option<Query>,
    #[serde(default)]
    job: Option<Job>,
    #[serde(default)]
    cursor: Option<String>,
    exchange: Vec<Turn>,
    output: Vec<Value>,
    result: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    #[serde(default)]
    expect: Option<Value>,
    #[serde(default)]
    of: Option<usize>,
    respond: Respond,
}

/// What comes back, in the order of the fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Respond {
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    chunks: Vec<String>,
    /// The response goes on with a later turn, or never ends.
    #[serde(default)]
    open: bool,
    #[serde(default)]
    stored: Option<Media>,
    #[serde(default)]
    failed: Option<IoError>,
    #[serde(default)]
    elapsed: bool,
}

/// How the recorded chunks come in.
const CHUNKINGS: [Option<Chunking>; 6] = [
    None,
    Some(Chunking::Whole),
    Some(Chunking::Bytes(1)),
    Some(Chunking::Bytes(7)),
    Some(Chunking::Burst(1)),
    Some(Chunking::Burst(64)),
];

/// Runs every cassette of the directory against a provider and says how many there are.
///
/// # Panics
///
/// When a cassette cannot be read, or the provider does something else than it says.
pub fn run_provider<P: Provider>(directory: impl AsRef<Path>) -> usize {
    run_all(directory.as_ref(), |cassette, place, chunking| {
        let script = ProviderScript::provider::<P>(context_of(cassette), chat_request(cassette, place));
        play(script, cassette, place, chunking);
    })
}

/// Runs every cassette of the directory against a list of models and says how many there are.
///
/// # Panics
///
/// When a cassette cannot be read, or the list does something else than it says.
pub fn run_catalog<C: Catalog>(directory: impl AsRef<Path>) -> usize {
    run_all(directory.as_ref(), |cassette, place, chunking| {
        assert!(cassette.query.is_some(), "{place}: `query` is missing");
        let query = cassette.query.clone().expect("asserted above");
        let script = CatalogScript::catalog::<C>(context_of(cassette), query);
        play(script, cassette, place, chunking);
    })
}

/// Runs every cassette of the directory against what makes vectors and says how many there are.
///
/// # Panics
///
/// When a cassette cannot be read, or the vectors come about otherwise than it says.
pub fn run_embedder<E: Embedder>(directory: impl AsRef<Path>) -> usize {
    run_all(directory.as_ref(), |cassette, place, chunking| {
        let request = parsed(cassette.request.clone().unwrap_or_default(), place);
        play(EmbeddingScript::embedder::<E>(context_of(cassette), request), cassette, place, chunking);
    })
}

/// Runs every cassette of the directory against what counts tokens and says how many there are.
///
/// # Panics
///
/// When a cassette cannot be read, or the count comes about otherwise than it says.
pub fn run_counter<C: Counter>(directory: impl AsRef<Path>) -> usize {
    run_all(directory.as_ref(), |cassette, place, chunking| {
        let script = CounterScript::counter::<C>(context_of(cassette), chat_request(cassette, place));
        play(script, cassette, place, chunking);
    })
}

/// Runs every cassette of the directory against a channel and says how many there are.
///
/// # Panics
///
/// When a cassette cannot be read, or the channel does something else than it says.
pub fn run_channel<C: Channel>(directory: impl AsRef<Path>) -> usize {
    run_all(directory.as_ref(), |cassette, place, chunking| {
        assert!(cassette.job.is_some(), "{place}: `job` is missing");
        let job = cassette.job.clone().expect("asserted above");
        let cursor = cassette.cursor.clone().map(String::into_bytes);
        let script = ChannelScript::channel::<C>(context_of(cassette), job, cursor);
        play(script, cassette, place, chunking);
    })
}

#[expect(clippy::disallowed_methods, reason = "the test kit reads cassettes; it is not part of a component")]
fn run_all(directory: &Path, run: impl Fn(&Cassette, &str, Option<Chunking>)) -> usize {
    let entries = fs::read_dir(directory);
    assert!(entries.is_ok(), "{}: {:?}", directory.display(), entries.err());
    let mut paths: Vec<_> = entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no cassette", directory.display());
    for path in &paths {
        let text = fs::read_to_string(path).expect("a listed cassette can be read");
        let cassette: Result<Cassette, _> = serde_json::from_str(&text);
        assert!(cassette.is_ok(), "{}: {:?}", path.display(), cassette.err());
        let cassette = cassette.expect("asserted above");
        for chunking in CHUNKINGS {
            let place = format!("{} ({}), {chunking:?}", path.display(), cassette.about);
            run(&cassette, &place, chunking);
        }
    }
    paths.len()
}

fn play<O: Serialize, E: Serialize>(
    mut script: Script<O, E>,
    cassette: &Cassette,
    place: &str,
    chunking: Option<Chunking>,
) {
    let mut ids = Vec::new();
    for (number, turn) in cassette.exchange.iter().enumerate() {
        let place = format!("{place}, turn {number}");
        let id = match (&turn.expect, turn.of) {
            (Some(expected), None) => {
                let command = next_command(&mut script);
                assert!(command.is_some(), "{place}: no command, but expected {expected:#}");
                let (id, found) = show(&command.expect("asserted above"), expected, &place);
                assert!(&found == expected, "{place}: expected {expected:#}\nfound {found:#}");
                Some(id)
            }
            (None, Some(of)) => ids.get(of).copied(),
            (Some(_), Some(_)) | (None, None) => None,
        };
        assert!(id.is_some(), "{place}: needs either `expect` or an `of` that names an earlier turn");
        let id = id.expect("asserted above");
        ids.push(id);
        respond(&mut script, id, &turn.respond, chunking);
    }
    let mut left = next_command(&mut script);
    while let Some(Command::Wait(_)) = left {
        // Whether the end of a stream had to be awaited is a matter of the chunking.
        left = next_command(&mut script);
    }
    assert!(left.is_none(), "{place}: a command too many: {left:?}");
    let result = match script.result() {
        None => json!("running"),
        Some(Ok(())) => json!("done"),
        Some(Err(error)) => json!({ "failed": error }),
    };
    assert!(result == cassette.result, "{place}: expected the result {:#}\nfound {result:#}", cassette.result);
    let output = coalesce(script.output());
    assert!(
        output == cassette.output,
        "{place}: expected the output {:#}\nfound {:#}",
        json!(cassette.output),
        json!(output)
    );
}

fn next_command<O, E>(script: &mut Script<O, E>) -> Option<Command> {
    loop {
        let command = script.next_command()?;
        if !matches!(command, Command::Cancel(_)) {
            return Some(command);
        }
    }
}

fn respond<O, E>(script: &mut Script<O, E>, id: RequestId, respond: &Respond, chunking: Option<Chunking>) {
    let mut events = Vec::new();
    if let Some(status) = respond.status {
        let headers: Vec<_> = respond.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        events.push(Event::Head((id, head(status, &headers))));
    }
    match chunking {
        None => events.extend(respond.chunks.iter().map(|part| Event::Chunk((id, part.clone().into_bytes())))),
        Some(chunking) => events.extend(chunks(id, respond.chunks.concat().as_bytes(), chunking)),
    }
    if let Some(media) = &respond.stored {
        events.push(Event::Stored((id, media.clone())));
    } else if let Some(error) = &respond.failed {
        events.push(Event::Failed((id, error.clone())));
    } else if respond.elapsed {
        events.push(Event::Elapsed(id));
    } else if !respond.open {
        events.push(Event::End(id));
    }
    if !events.is_empty() {
        script.deliver(events, chunking.unwrap_or(Chunking::Whole));
    }
}

/// A command in the form of `expect`.
fn show(command: &Command, expected: &Value, place: &str) -> (RequestId, Value) {
    match command {
        Command::Send((id, request)) => (*id, json!({ "send": show_request(request, &expected["send"], place) })),
        Command::FetchMedia((id, request)) => {
            (*id, json!({ "fetch": show_request(request, &expected["fetch"], place) }))
        }
        Command::StoreMedia((id, media)) => {
            (*id, json!({ "store": { "name": media.name, "bytes": String::from_utf8_lossy(&media.bytes) } }))
        }
        Command::IngestFile((id, file)) => (*id, json!({ "ingest": { "root": file.root, "name": file.name } })),
        Command::Wait((id, duration_ms)) => (*id, json!({ "wait": duration_ms })),
        Command::Cancel(id) => (*id, json!({ "cancel": id })),
    }
}

/// A request in the form of `expect`, with the fields that are expected: what `expect` does not name is not compared,
/// save `body`, `credential` and that no header is one of the host's.
fn show_request(request: &Request, expected: &Value, place: &str) -> Value {
    let forbidden = forbidden_header(request);
    assert!(forbidden.is_none(), "{place}: the header {forbidden:?} is the host's");
    let mut shown = json!({ "method": request.method, "to": target(request) });
    if let Some(names) = expected["headers"].as_object() {
        let headers = request.headers.iter().filter(|header| names.contains_key(&header.name));
        shown["headers"] = headers.map(|header| (header.name.clone(), json!(header.value))).collect();
    }
    if let Some(slot) = &request.credential {
        shown["credential"] = json!(slot);
    }
    if !request.body.is_empty() {
        let body = render(&request.body);
        shown["body"] = serde_json::from_str(&body).unwrap_or(Value::String(body));
    }
    shown
}

fn context_of(cassette: &Cassette) -> Context {
    let settings_json = cassette.settings.as_ref().map_or_else(|| "{}".into(), Value::to_string);
    Context { settings_json, ..context() }
}

fn chat_request(cassette: &Cassette, place: &str) -> ChatRequest {
    parsed(with_defaults(cassette.request.clone().unwrap_or_default()), place)
}

fn parsed<T: DeserializeOwned>(request: Value, place: &str) -> T {
    let request = serde_json::from_value(request);
    assert!(request.is_ok(), "{place}: `request` cannot be read: {:?}", request.as_ref().err());
    request.expect("asserted above")
}

fn with_defaults(request: Value) -> Value {
    let mut full = json!({
        "tools": [], "tool_choice": "Auto", "response_format": "Text", "stop": [], "streaming": true,
    });
    if let (Some(full), Value::Object(given)) = (full.as_object_mut(), request) {
        full.extend(given);
    }
    full
}

/// The output with neighbours joined that differ only by where a chunk ended.
fn coalesce<O: Serialize>(output: &[O]) -> Vec<Value> {
    let mut joined: Vec<Value> = Vec::new();
    for event in output {
        let event = serde_json::to_value(event).expect("output can be written as JSON");
        if !joined.last_mut().is_some_and(|last| join(last, &event)) {
            joined.push(event);
        }
    }
    joined
}

fn join(last: &mut Value, event: &Value) -> bool {
    let is_same_call = last.pointer("/ToolCallArguments/0") == event.pointer("/ToolCallArguments/0");
    let is_open = last.pointer("/Reasoning/signature").is_none_or(Value::is_null);
    for place in ["/Text", "/ToolCallArguments/1", "/Reasoning/text"] {
        let more = event.pointer(place).and_then(Value::as_str);
        if let (Some(more), Some(Value::String(text)), true, true) =
            (more, last.pointer_mut(place), is_same_call, is_open)
        {
            text.push_str(more);
            if let Some(signature) = event.pointer("/Reasoning/signature") {
                last["Reasoning"]["signature"] = signature.clone();
            }
            return true;
        }
    }
    false
}
