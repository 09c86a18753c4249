//! The Model Context Protocol, over HTTP and over standard input and output: what an agent finds, what it is refused, and
//! what reaches the networks.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout};

use creel_fakes::Running;
use creel_fakes::signal::{self, Message, Signal};
use creel_tests::house::{ACCOUNT, ALICE, ALICE_UUID};
use serde_json::{Value, json};

use crate::door::{Door, Fakes, Got, data_url, got};

const VISION: &str = "openai/gpt-4o-mini";

/// A request of the protocol as it is sent.
fn message(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

fn request(door: &Door, token: &str, body: &Value) -> reqwest::RequestBuilder {
    let request = door.request("POST", "/mcp", token).header("content-type", "application/json");
    request.header("accept", "application/json, text/event-stream").body(body.to_string())
}

/// Calls a tool; gives its result.
async fn call(door: &Door, token: &str, tool: &str, arguments: Value) -> Value {
    let body = message("tools/call", &json!({ "name": tool, "arguments": arguments }));
    let answer = got(request(door, token, &body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["result"].clone()
}

/// Calls a tool that has to refuse; gives its words.
async fn refused(door: &Door, token: &str, tool: &str, arguments: Value) -> String {
    let result = call(door, token, tool, arguments).await;
    assert_eq!(result["isError"], true, "{result}");
    result["content"][0]["text"].as_str().expect("words").to_owned()
}

async fn tools(door: &Door, token: &str) -> Vec<String> {
    let answer = got(request(door, token, &message("tools/list", &json!({})))).await.json();
    let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
    tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
}

/// Brings a picture by asking about it; gives its handle.
async fn bring(door: &Door, token: &str, picture: &[u8]) -> String {
    let described = call(door, token, "describe_media", json!({ "media": data_url(picture, "image/png") })).await;
    described["structuredContent"]["media"].as_str().unwrap_or_else(|| panic!("{described}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_is_that_of_every_other_route() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let list = message("tools/list", &json!({}));
    let status = |request: reqwest::RequestBuilder| async { got(request).await.status };
    assert_eq!(status(request(&door, &token, &list)).await, 200);
    assert_eq!(status(request(&door, "creel_nobody", &list)).await, 401);
    let bare = door.bare("POST", "/mcp").header("content-type", "application/json").body(list.to_string());
    assert_eq!(status(bare).await, 401);
    for origin in ["http://evil.example", "http://localhost", "null"] {
        let paged: Got = got(request(&door, &token, &list).header("origin", origin)).await;
        assert_eq!(paged.status, 403, "{origin}: {}", paged.text);
        let said = "`/mcp` takes no request of a web page, and this one carries an `Origin`";
        assert_eq!(paged.json()["error"]["message"], said);
    }
    assert_eq!(status(door.request("GET", "/mcp", &token)).await, 405);
    // A token that is revoked opens nothing from then on: there is no session that outlives it.
    assert_eq!(door.program.run(&["agents", "revoke", "bot"]).code, Some(0));
    assert_eq!(status(request(&door, &token, &list)).await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_granted_is_not_there() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let (none, all) = (
        door.agent("none", &[]),
        door.agent("all", &["--models", "*", "--sessions", "*", "--channels", "signal:*", "--media", "inbound"]),
    );
    assert_eq!(tools(&door, &none).await, ["list_media", "describe_media"]);
    let every = ["list_media", "describe_media", "ask_about_media", "send_message", "list_sessions", "read_session"];
    assert_eq!(tools(&door, &all).await, every);
    // One that is there for others is for this one like one that is nowhere.
    for tool in ["send_message", "ask_about_media", "no_such_tool"] {
        let body = message("tools/call", &json!({ "name": tool, "arguments": {} }));
        let answer = got(request(&door, &none, &body)).await.json();
        assert_eq!(answer["error"]["message"], format!("there is no tool `{tool}`"), "{answer}");
    }
    let check = async |token: &str, tool: &str, arguments: Value, expect: &str| {
        assert_eq!(refused(&door, token, tool, arguments).await, expect);
    };
    let area = "area: `media` of the agent's grant does not name `outbound`";
    check(&all, "list_media", json!({ "area": "outbound" }), area).await;
    let session = "session: there is no session `signal:x` that `sessions` of the agent's grant names";
    check(&none, "list_media", json!({ "session": "signal:x" }), session).await;
    check(&all, "read_session", json!({ "session": "signal:x" }), session).await;
    check(&all, "list_media", json!({ "limit": 201 }), "limit: `limit` is between 1 and 200").await;
    let conversation = "conversation: `channels` of the agent's grant does not name `telegram:x`";
    check(&all, "send_message", json!({ "channel": "telegram", "conversation": "x", "text": "hi" }), conversation)
        .await;
    let channel = "channel: no channel `signal` is running";
    check(&all, "send_message", json!({ "channel": "signal", "conversation": "x", "text": "hi" }), channel).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_looks_at_its_own_media_and_asks_about_them() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let alice = door.agent("alice", &["--models", "openai/*", "--needs", "image"]);
    let bob = door.agent("bob", &["--models", "openai/*"]);
    let picture = creel_fakes::pictures::png();
    let handle = bring(&door, &alice, &picture).await;
    assert!(handle.starts_with("media://workspace/alice/"), "{handle}");

    let listed = call(&door, &alice, "list_media", json!({})).await["structuredContent"].clone();
    assert_eq!((&listed["media"][0]["media"], &listed["areas"]), (&json!(handle), &json!(["workspace"])));
    let empty = call(&door, &bob, "list_media", json!({})).await;
    assert_eq!(empty["structuredContent"]["media"], json!([]));
    let described =
        call(&door, &alice, "describe_media", json!({ "media": handle })).await["structuredContent"].clone();
    assert_eq!(described["sha256"], creel_fakes::pictures::sha256_hex(&picture));
    assert_eq!((&described["content_type"], &described["size"]), (&json!("image/png"), &json!(picture.len())));

    let ask = |model: &str| json!({ "media": [handle], "question": "what is it?", "model": model });
    let answer = call(&door, &alice, "ask_about_media", ask(VISION)).await;
    let text = answer["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert!(text.contains(&creel_fakes::pictures::sha256_hex(&picture)), "the model saw the picture itself: {text}");
    assert_eq!(answer["structuredContent"]["model"], VISION);
    assert_eq!(answer["structuredContent"]["finish"], "stop");

    let asked = fakes.openai.requests().len();
    let stranger = refused(&door, &bob, "ask_about_media", ask(VISION)).await;
    assert_eq!(stranger, format!("media[0]: not-found: `{handle}` is not stored"));
    let other = refused(&door, &alice, "ask_about_media", ask("anthropic/claude-haiku-4-5")).await;
    assert_eq!(other, "there is no model `anthropic/claude-haiku-4-5`");
    let own = bring(&door, &bob, &picture).await;
    let need = json!({ "media": [own], "question": "what is it?", "model": VISION });
    let need = refused(&door, &bob, "ask_about_media", need).await;
    assert_eq!(need, "this agent may not use `image`: `needs` of its grant does not name it");
    let path = refused(&door, &alice, "describe_media", json!({ "media": "/etc/passwd" })).await;
    assert!(!path.contains(&door.program.state().display().to_string()), "{path}");
    assert_eq!(fakes.openai.requests().len(), asked, "what is refused is not sent");
}

/// A daemon on Signal that lets Alice in, and whose conversations this model answers.
async fn with_signal(attachments: &Path, primary: &str) -> (Fakes, Running<Signal>, Door) {
    let fakes = Fakes::start().await;
    let signal = Signal::start(signal::Config::new(ACCOUNT, attachments)).await.expect("a fake Signal daemon");
    let rest = format!(
        r#"channels: {{ signal: {{ httpUrl: "{}", account: "{ACCOUNT}", attachmentsDir: "{}",
             dmPolicy: "allowlist", allowFrom: ["{ALICE}"] }} }},
           agents: {{ defaults: {{ model: {{ primary: "{primary}" }} }} }},"#,
        signal.base_url(),
        attachments.display()
    );
    let door = Door::open(&fakes.config(&rest));
    (fakes, signal, door)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_out_and_a_conversation_is_read() {
    let attachments = tempfile::tempdir().expect("a directory");
    let (fakes, signal, door) = with_signal(attachments.path(), "ollama/glm-5:cloud").await;
    signal.receive(&Message::from_number(ALICE, ALICE_UUID, "Alice").saying("hello")).expect("received");
    signal.wait_for_sent(1).await.expect("an answer");

    let reader = door.agent("reader", &["--sessions", "signal:*"]);
    let sessions = call(&door, &reader, "list_sessions", json!({})).await["structuredContent"]["sessions"].clone();
    let session = sessions[0].as_str().unwrap_or_else(|| panic!("{sessions}")).to_owned();
    let conversation = session.strip_prefix("signal:").expect("a session of the channel").to_owned();
    let read = call(&door, &reader, "read_session", json!({ "session": session })).await["structuredContent"].clone();
    let said: Vec<_> = read["entries"].as_array().expect("entries").iter().map(|entry| &entry["text"]).collect();
    assert_eq!(said, [&json!("hello"), &json!("You said: hello")]);
    let first = json!({ "session": session, "before": read["entries"][1]["number"], "limit": 1 });
    let first = call(&door, &reader, "read_session", first).await["structuredContent"]["entries"].clone();
    assert_eq!(first[0]["text"], "hello");

    let sender = door.agent("sender", &["--channels", &session]);
    let picture = creel_fakes::pictures::png();
    let handle = bring(&door, &sender, &picture).await;
    let send = |conversation: &str| json!({ "channel": "signal", "conversation": conversation, "text": "look", "media": [handle] });
    let stranger = refused(&door, &sender, "send_message", send("uuid:99999999-9999-4999-8999-999999999999")).await;
    assert!(
        stranger.starts_with("conversation: `channels` of the agent's grant does not name `signal:uuid:99"),
        "{stranger}"
    );
    let queued = call(&door, &sender, "send_message", send(&conversation)).await;
    assert_eq!(queued["structuredContent"]["session"], session, "{queued}");
    let sent = signal.wait_for_sent(2).await.expect("the message");
    assert_eq!(sent[1].message, "look");
    assert_eq!(sent[1].attachments.len(), 1);
    assert_eq!(sent[1].attachments[0].bytes, picture);
    assert_eq!(sent[1].recipients, sent[0].recipients);

    // Whoever is asked next in the conversation knows of it.
    signal.receive(&Message::from_number(ALICE, ALICE_UUID, "Alice").saying("what is that?")).expect("received");
    signal.wait_for_sent(3).await.expect("an answer");
    let turns =
        fakes.ollama.requests_to("/api/chat").pop().expect("a request").json().expect("JSON")["messages"].clone();
    let turns: Vec<_> =
        turns.as_array().expect("messages").iter().map(|turn| (&turn["role"], &turn["content"])).collect();
    let [user, assistant] = [json!("user"), json!("assistant")];
    assert_eq!(turns[0], (&user, &json!("hello")));
    assert_eq!(turns[1], (&assistant, &json!("You said: hello")));
    assert!(turns[2].0 == &assistant && turns[2].1.as_str().is_some_and(|text| text.ends_with("look")), "{turns:?}");
    assert_eq!(turns[3], (&user, &json!("what is that?")));
    let read = call(&door, &reader, "read_session", json!({ "session": session })).await["structuredContent"].clone();
    assert_eq!(
        (&read["entries"][2]["text"], &read["entries"][2]["media"][0]),
        (&json!("look"), &json!(handle)),
        "{read}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_an_agent_begins_is_known_to_whoever_answers() {
    let attachments = tempfile::tempdir().expect("a directory");
    let (fakes, signal, door) = with_signal(attachments.path(), "anthropic/claude-haiku-4-5").await;
    let sender = door.agent("sender", &["--channels", "signal:*"]);
    for (number, text) in ["the backup failed", "now it works"].into_iter().enumerate() {
        let conversation = format!("uuid:{ALICE_UUID}");
        let send = json!({ "channel": "signal", "conversation": conversation, "text": text });
        let queued = call(&door, &sender, "send_message", send).await;
        assert_eq!(queued["structuredContent"]["state"], "queued", "{queued}");
        signal.wait_for_sent(number + 1).await.expect("the message");
    }
    signal.receive(&Message::from_number(ALICE, ALICE_UUID, "Alice").saying("which one?")).expect("received");
    signal.wait_for_sent(3).await.expect("an answer");
    let asked = fakes.anthropic.requests_to("/v1/messages").pop().expect("a request").json().expect("JSON");
    let told = "[This was sent to the conversation, unasked, before what follows:]";
    let texts: Vec<&str> = asked["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .flat_map(|turn| turn["content"].as_array().expect("blocks"))
        .map(|block| block["text"].as_str().expect("a text"))
        .collect();
    assert_eq!(texts, [told, "the backup failed", told, "now it works", "which one?"], "{asked}");
    assert_eq!(asked["messages"][0]["role"], "user");
}

/// `creel mcp` as a client starts it.
struct Bridge {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Bridge {
    fn start(door: &Door, token: &str) -> Self {
        let mut child = door.program.start(&["mcp", "--url", &door.url("")], &[("CREEL_TOKEN", token)]);
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self { child, input, output: BufReader::new(output) }
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        writeln!(self.input, "{}", message(method, params)).expect("it is carried");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_starts_its_server_gets_the_same() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let mut bridge = Bridge::start(&door, &token);
    let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" } });
    let hello = bridge.ask("initialize", &hello);
    assert_eq!(hello["result"]["protocolVersion"], "2025-06-18", "{hello}");
    assert_eq!(hello["result"]["serverInfo"]["name"], "creel");
    let listed = bridge.ask("tools/list", &json!({}));
    let over_http = got(request(&door, &token, &message("tools/list", &json!({})))).await.json();
    assert_eq!(listed["result"]["tools"], over_http["result"]["tools"]);
    let picture = data_url(&creel_fakes::pictures::png(), "image/png");
    let ask = json!({ "name": "ask_about_media", "arguments":
        { "media": [picture], "question": "what is it?", "model": VISION } });
    let answer = bridge.ask("tools/call", &ask);
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let Bridge { mut child, input, .. } = bridge;
    drop(input);
    assert!(child.wait().expect("it ends").success());

    let mut stranger = Bridge::start(&door, "creel_nobody");
    let refused = stranger.ask("tools/list", &json!({}));
    assert_eq!(refused["error"]["message"], "the token is not one of this gateway's", "{refused}");
    drop(stranger.input);
    assert!(stranger.child.wait().expect("it ends").success());
}
