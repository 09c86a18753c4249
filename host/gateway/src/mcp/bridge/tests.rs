//! The bridge between a client that is a pipe and a gateway that is made up: what is asked, with what it is asked, and what
//! comes back.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use tokio::io::{DuplexStream, Lines};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::mcp::gateway::Place;

/// A gateway that answers what each method is made for, and notes when somebody hung up on it.
#[derive(Clone, Default)]
struct MadeUp {
    hung_up: CancellationToken,
}

async fn answer(State(gateway): State<MadeUp>, headers: HeaderMap, body: String) -> Response {
    let said: Value = serde_json::from_str(&body).expect("it is JSON");
    let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("none").to_owned();
    let ok =
        |result: Value| axum::Json(json!({ "jsonrpc": "2.0", "id": said["id"], "result": result })).into_response();
    match said["method"].as_str().expect("it has a method") {
        "initialize" => ok(json!({ "protocolVersion": "2025-06-18" })),
        "notifications/initialized" => StatusCode::ACCEPTED.into_response(),
        "headers" => ok(json!([of("authorization"), of("mcp-protocol-version"), of("mcp-method"), of("origin")])),
        "stream" => {
            let events = format!(
                "data: {}\n\ndata: {}\n\n",
                json!({ "jsonrpc": "2.0", "method": "notifications/progress" }),
                json!({ "jsonrpc": "2.0", "id": said["id"], "result": "last" })
            );
            ([(header::CONTENT_TYPE, "text/event-stream")], events).into_response()
        }
        "refuse" => {
            (StatusCode::UNAUTHORIZED, axum::Json(json!({ "error": { "message": "no such token" } }))).into_response()
        }
        "nothing" => StatusCode::ACCEPTED.into_response(),
        _ => {
            let _hangs_up = gateway.hung_up.drop_guard();
            std::future::pending().await
        }
    }
}

struct Client {
    input: DuplexStream,
    output: Lines<BufReader<DuplexStream>>,
    carrying: tokio::task::JoinHandle<io::Result<()>>,
    made_up: MadeUp,
}

async fn client() -> Client {
    let made_up = MadeUp::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let place = Place::Tcp(listener.local_addr().expect("an address").to_string());
    let router = Router::new().route("/mcp", post(answer)).with_state(made_up.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    client_of(place, made_up)
}

fn client_of(place: Place, made_up: MadeUp) -> Client {
    let gateway = Arc::new(Gateway { place, token: Some(http::HeaderValue::from_static("Bearer t")) });
    let (input, far_input) = tokio::io::duplex(1 << 16);
    let (far_output, output) = tokio::io::duplex(1 << 16);
    let carrying = tokio::spawn(carry(gateway, far_input, far_output));
    Client { input, output: BufReader::new(output).lines(), carrying, made_up }
}

impl Client {
    async fn say(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.expect("it is carried");
    }

    async fn hear(&mut self) -> Value {
        let line = within(self.output.next_line()).await.expect("it is read").expect("there is a line");
        serde_json::from_str(&line).expect("it is JSON")
    }

    async fn end(self) -> Lines<BufReader<DuplexStream>> {
        drop(self.input);
        within(self.carrying).await.expect("it ends").expect("it ends well");
        self.output
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it does not hang")
}

#[tokio::test]
async fn what_was_agreed_on_goes_with_all_that_follows() {
    let mut client = client().await;
    client.say(r#"{"jsonrpc":"2.0","id":0,"method":"headers"}"#).await;
    assert_eq!(client.hear().await["result"], json!(["Bearer t", "none", "headers", "none"]));
    client.say(r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#).await;
    assert_eq!(client.hear().await["result"]["protocolVersion"], "2025-06-18");
    client.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    client.say(r#"{"jsonrpc":"2.0","id":2,"method":"headers"}"#).await;
    assert_eq!(client.hear().await["result"], json!(["Bearer t", "2025-06-18", "headers", "none"]));
    let mut rest = client.end().await;
    assert_eq!(rest.next_line().await.expect("it is read"), None);
}

#[tokio::test]
async fn every_request_is_answered_whatever_comes_of_it() {
    let mut client = client().await;
    let check = [
        (r#"{"id":"a","method":"refuse"}"#, json!("a"), "no such token"),
        (r#"{"id":"b","method":"nothing"}"#, json!("b"), "the gateway gave no answer"),
        ("not JSON", Value::Null, "the message is no JSON: expected ident at line 1 column 2"),
        (r#"[{"id":"c","method":"headers"}]"#, Value::Null, "a message is one JSON object; batches are not taken"),
    ];
    for (line, id, expect) in check {
        client.say(line).await;
        let answer = client.hear().await;
        assert_eq!((&answer["id"], &answer["error"]["message"]), (&id, &json!(expect)), "{line}");
    }
    drop(client.end().await);
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_named() {
    let place = Place::Unix("/nonexistent/creel.sock".into());
    let mut client = client_of(place, MadeUp::default());
    client.say(r#"{"id":1,"method":"headers"}"#).await;
    let said = client.hear().await["error"]["message"].as_str().expect("it is text").to_owned();
    assert!(said.starts_with("could not reach the gateway at /nonexistent/creel.sock: "), "{said}");
    drop(client.end().await);
}

#[tokio::test]
async fn a_stream_comes_message_by_message() {
    let mut client = client().await;
    client.say(r#"{"id":5,"method":"stream"}"#).await;
    assert_eq!(client.hear().await["method"], "notifications/progress");
    assert_eq!(client.hear().await, json!({ "jsonrpc": "2.0", "id": 5, "result": "last" }));
    drop(client.end().await);
}

#[tokio::test]
async fn a_cancelled_request_is_dropped_and_holds_up_no_other() {
    let mut client = client().await;
    client.say(r#"{"id":"slow","method":"hang"}"#).await;
    client.say(r#"{"id":2,"method":"headers"}"#).await;
    assert_eq!(client.hear().await["id"], 2);
    client.say(r#"{"method":"notifications/cancelled","params":{"requestId":"slow"}}"#).await;
    within(client.made_up.hung_up.clone().cancelled_owned()).await;
    let mut rest = client.end().await;
    assert_eq!(rest.next_line().await.expect("it is read"), None);
}

#[tokio::test]
async fn a_client_that_is_gone_ends_it() {
    let mut client = client().await;
    client.say(r#"{"id":"slow","method":"hang"}"#).await;
    let Client { input, output, carrying, made_up } = client;
    drop(output);
    // The next answer has nobody to go to.
    let mut input = input;
    input.write_all(b"{\"id\":1,\"method\":\"headers\"}\n").await.expect("it is carried");
    let ended = within(carrying).await.expect("it ends");
    assert_eq!(ended.expect_err("nobody takes the answer").kind(), io::ErrorKind::BrokenPipe);
    within(made_up.hung_up.cancelled_owned()).await;
}
