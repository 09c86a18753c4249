//! Providers and channels end to end, as the host drives them, and the kit itself: a cassette that lies must not pass.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::cassette::{run_channel, run_provider};
use super::*;
use crate::channel::{Attachment, ChannelOutput, Conversation, Inbound, Outbound, Peer};
use crate::provider::{Fault, Finish, Output, OutputEvent};
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
