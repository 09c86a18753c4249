//! Providers and channels end to end, as the host drives them, and the kit itself: a cassette that lies must not pass.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::cassette::{run_channel, run_counter, run_embedder, run_provider};
use super::*;
use crate::channel::{Attachment, ChannelOutput, Conversation, Inbound, Outbound, Peer};
use crate::native::{self, Heard, Watcher};
use crate::provider::{Fault, Finish, NativeRequest, Output, OutputEvent, Usage};
use crate::{Either, Io, Reasoning, race};

/// Says line by line what the server says.
struct Reader;

impl Provider for Reader {
    async fn complete(_: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        let body = vec![BodyPiece::Bytes(format!("{:?}", request.last_user_text()).into_bytes())];
        let mut lines = io.send(Request::post("api", "/read").credential("account").json(body)).await?.ndjson();
        while let Some(line) = lines.next::<String>().await? {
            out.text(line);
        }
        out.finished(Finish::Stop);
        Ok(())
    }
}

/// Receives one message for each event, and says when nothing comes.
struct Bell;

impl Channel for Bell {
    async fn listen(_: Context, io: Io, cursor: Option<Vec<u8>>, out: ChannelOutput) -> Result<(), ChannelError> {
        let since = String::from_utf8(cursor.unwrap_or_default()).unwrap_or_default();
        let mut events = io.send(Request::get("daemon", format!("/events?since={since}"))).await?.sse();
        out.connected();
        loop {
            match race(events.next(), io.wait(30_000)).await {
                Either::First(event) => match event? {
                    Some(event) => {
                        out.received(ring(&event.data));
                        out.cursor(event.id);
                    }
                    None => return Ok(()),
                },
                Either::Second(waited) => {
                    waited?;
                    out.lost("silence");
                }
            }
        }
    }

    async fn collect(_: Context, io: Io, attachment: Attachment) -> Result<Media, ChannelError> {
        Ok(io.ingest_file("attachments", &attachment.token).await?)
    }

    async fn deliver(_: Context, io: Io, message: Outbound) -> Result<String, ChannelError> {
        let request = Request::post("daemon", "/send").body(vec![BodyPiece::Bytes(message.text.into_bytes())]);
        Ok(io.send(request).await?.json(1_000).await?)
    }
}

fn ring(text: &str) -> Inbound {
    let sender = Peer { id: "bell".into(), aliases: Vec::new(), name: None };
    let conversation = Conversation { id: "bell".into(), is_group: false, thread: None };
    let attachments = Vec::new();
    Inbound { id: text.into(), sender, conversation, text: text.into(), attachments, reply_to: None, sent_at_ms: 0 }
}

/// Asks a server for vectors, and what a text counts.
struct Scales;

impl Embedder for Scales {
    async fn embed(_: Context, request: EmbeddingRequest, io: Io) -> Result<Embeddings, CallError> {
        let body = vec![BodyPiece::Bytes(request.inputs.join(" ").into_bytes())];
        let vectors = io.send(Request::post("api", "/embed").json(body)).await?.json(1_000).await?;
        Embeddings { vectors, input_tokens: 7 }.checked(request.inputs.len(), request.dimensions)
    }
}

impl Counter for Scales {
    async fn count(_: Context, request: ChatRequest, io: Io) -> Result<u64, CallError> {
        let body = vec![BodyPiece::Bytes(request.last_user_text().into_bytes())];
        Ok(io.send(Request::post("api", "/count").body(body)).await?.json(1_000).await?)
    }
}

/// Passes on what a server says: numbers are totals, `bad` is an error, `end` is the end.
struct Echo;

#[derive(Default)]
struct Numbers(Option<Finish>);

impl Watcher for Numbers {
    fn hear(&mut self, data: &str, out: &Output) -> Result<Heard, CallError> {
        match native::read::<&str>(data) {
            Ok("bad") => return Err(CallError::new(Fault::Overloaded, "bad")),
            Ok("end") => {
                self.0 = Some(Finish::Stop);
                return Ok(Heard::Last);
            }
            Ok("over") => self.0 = Some(Finish::Length),
            Ok(_) => {}
            Err(_) => out.usage(usage(native::read(data)?)),
        }
        Ok(Heard::More)
    }

    fn finish(&self) -> Option<Finish> {
        self.0
    }
}

impl Provider for Echo {
    async fn complete(_: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        let native = request.native.expect("it is always there in these tests");
        let message = Request::post("api", "/").body(native.into_pieces()?);
        let mut response = io.send(message).await?;
        if request.streaming {
            return native::stream(response, &io, &out, Numbers::default()).await;
        }
        native::whole(&mut response, 100, &out, Numbers::default()).await
    }
}

fn usage(output_tokens: u64) -> Usage {
    Usage { input_tokens: 0, output_tokens, cache_read_tokens: 0, cache_write_tokens: 0, reasoning_tokens: 0 }
}

/// What comes of a native answer, however it comes in.
fn check_native(streaming: bool, body: &str, output: &[OutputEvent], result: Result<(), (Fault, &str)>) {
    for chunking in [Chunking::Whole, Chunking::Bytes(1), Chunking::Burst(7)] {
        let native =
            NativeRequest { dialect: "d".into(), body_json: "{}".into(), headers: Vec::new(), media: Vec::new() };
        let request = ChatRequest { native: Some(native), streaming, ..chat("m", Vec::new()) };
        let mut script = ProviderScript::provider::<Echo>(context(), request);
        let (id, sent) = script.expect_send();
        assert_eq!(render(&sent.body), "{}");
        script.respond(id, head(200, &[]), body.as_bytes(), chunking);
        assert_eq!(script.output(), output, "{body:?} {chunking:?}");
        let found = script.result().expect("it is over").as_ref();
        let found = found.copied().map_err(|error| (error.fault, error.message.as_str()));
        assert_eq!(found, result, "{body:?} {chunking:?}");
    }
}

#[test]
fn a_native_stream_goes_on_word_for_word() {
    let native = |data: &str| OutputEvent::Native(data.into());
    let finished = OutputEvent::Finished;
    let events = [OutputEvent::Usage(usage(1)), native("1 "), native("\"end\""), finished(Finish::Stop)];
    check_native(true, ": hi\n\ndata:\n\nevent: x\ndata: 1 \n\ndata: \"end\"\n\n", &events, Ok(()));
    let events = [native("\"over\""), finished(Finish::Length)];
    check_native(true, "data: \"over\"\n\ndata: [DONE]\n\n", &events, Ok(()));
    // Servers that leave the mark out have said all the same.
    check_native(true, "data: \"over\"\n\n", &events, Ok(()));
    check_native(true, "data: [DONE]\n\n", &[finished(Finish::Other)], Ok(()));
}

#[test]
fn a_native_stream_that_breaks_keeps_what_it_said() {
    let native = |data: &str| OutputEvent::Native(data.into());
    let bad = Err((Fault::Overloaded, "bad"));
    check_native(true, "data: \"a\"\n\ndata: \"bad\"\n\ndata: \"b\"\n\n", &[native("\"a\"")], bad);
    let early = Err((Fault::MalformedResponse, "the stream ended before the answer did"));
    check_native(true, "data: \"a\"\n\n", &[native("\"a\"")], early);
    let message = "the response is not the JSON that was expected: expected value at line 1 column 1";
    check_native(true, "data: <html>\n\n", &[], Err((Fault::MalformedResponse, message)));
}

#[test]
fn a_whole_native_answer_is_one_piece() {
    let native = |data: &str| OutputEvent::Native(data.into());
    let events = [OutputEvent::Usage(usage(3)), native(" 3"), OutputEvent::Finished(Finish::Other)];
    check_native(false, " 3", &events, Ok(()));
    check_native(false, "\"bad\"", &[], Err((Fault::Overloaded, "bad")));
    let large = "3".repeat(101);
    check_native(false, &large, &[], Err((Fault::MalformedResponse, "the response is larger than 100 bytes")));
}

#[test]
fn vectors_and_counts_are_answers_of_their_own() {
    assert_eq!(run_embedder::<Scales>(cassettes("embedding")), 3);
    assert_eq!(run_counter::<Scales>(cassettes("counter")), 2);
}

#[test]
fn vectors_that_do_not_fit_are_refused() {
    let check = |vectors: &[&[f32]], inputs, dimensions, expected: Result<(), &str>| {
        let vectors = vectors.iter().map(|vector| vector.to_vec()).collect();
        let checked = Embeddings { vectors, input_tokens: 0 }.checked(inputs, dimensions);
        let found = checked.map(|_| ()).map_err(|error| error.message);
        assert_eq!(found, expected.map_err(str::to_owned));
    };
    check(&[&[1.0, 2.0], &[3.0, 4.0]], 2, None, Ok(()));
    check(&[&[1.0, 2.0]], 1, Some(2), Ok(()));
    check(&[&[1.0, 2.0]], 2, None, Err("1 vectors came for 2 texts"));
    check(&[&[1.0, 2.0]], 1, Some(3), Err("a vector has 2 numbers and not 3"));
    check(&[&[1.0, 2.0], &[1.0]], 2, None, Err("a vector has 1 numbers and not 2"));
    check(&[&[]], 1, None, Err("a vector has 0 numbers and not 0"));
}

fn cassettes(name: &str) -> String {
    format!("{}/cassettes/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn honest_cassettes_pass() {
    assert_eq!(run_provider::<Reader>(cassettes("provider")), 2);
    assert_eq!(run_channel::<Bell>(cassettes("channel")), 4);
}

#[test]
fn lying_cassettes_do_not() {
    let lies = ["body", "credential", "command", "leftover", "output", "result", "unknown-key"];
    for lie in lies {
        let played = catch_unwind(AssertUnwindSafe(|| run_provider::<Reader>(cassettes(&format!("lies/{lie}")))));
        assert!(played.is_err(), "`{lie}` passed");
    }
}

#[test]
fn a_header_of_the_hosts_is_found() {
    let request = |name| Request::get("api", "/").header("accept", "*/*").header(name, "x");
    for name in ["Authorization", "x-api-key", "X-Goog-Api-Key", "Cookie", "x-csrf-token", "Host", "Content-Length"] {
        assert_eq!(forbidden_header(&request(name)), Some(name));
    }
    assert_eq!(forbidden_header(&request("anthropic-version")), None);
}

#[test]
fn output_of_one_step_is_joined_where_it_belongs_together() {
    struct Speaker;
    impl Provider for Speaker {
        async fn complete(_: Context, _: ChatRequest, _: Io, out: Output) -> Result<(), CallError> {
            out.text("");
            out.reasoning("");
            out.reasoning("a");
            out.reasoning("b");
            out.reasoning_signature("s");
            out.reasoning_signature("t");
            out.reasoning("c");
            out.text("d");
            out.text("e");
            out.tool_call_start(0, "id", "name");
            out.tool_call_arguments(0, "");
            out.tool_call_arguments(0, "{");
            out.tool_call_arguments(0, "}");
            out.tool_call_arguments(1, "[]");
            Err(CallError::new(Fault::Other, "enough"))
        }
    }
    let script = ProviderScript::provider::<Speaker>(context(), chat("m", Vec::new()));
    let thought = |text: &str, signature: Option<&str>| {
        OutputEvent::Reasoning(Reasoning { text: text.into(), signature: signature.map(str::to_owned) })
    };
    let expected = [
        thought("ab", Some("s")),
        thought("", Some("t")),
        thought("c", None),
        OutputEvent::Text("de".into()),
        OutputEvent::ToolCallStart((0, "id".into(), "name".into())),
        OutputEvent::ToolCallArguments((0, "{}".into())),
        OutputEvent::ToolCallArguments((1, "[]".into())),
    ];
    assert_eq!(script.output(), expected);
    assert_eq!(script.result(), Some(&Err(CallError::new(Fault::Other, "enough"))));
}

#[test]
fn a_body_that_is_too_large_is_not_read_on() {
    struct Small;
    impl Provider for Small {
        async fn complete(_: Context, _: ChatRequest, io: Io, _: Output) -> Result<(), CallError> {
            io.send(Request::get("api", "/")).await?.bytes(3).await?;
            Ok(())
        }
    }
    let mut script = ProviderScript::provider::<Small>(context(), chat("m", Vec::new()));
    let (id, _) = script.expect_send();
    script.respond(id, head(200, &[]), b"four", Chunking::Bytes(2));
    let message = "the response is larger than 3 bytes";
    assert_eq!(script.result(), Some(&Err(CallError::new(Fault::MalformedResponse, message))));
}
