//! Errors, each in the dialect of whoever asked, with the status that its client acts by.

use creel_fakes::{anthropic, openai};
use creel_tests::house::API_KEY;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::door::{Door, Fakes, Got, chat, got};

const CLAUDE: &str = "anthropic/claude-haiku-4-5";
const GPT: &str = "openai/gpt-4o-mini";

/// Asks in both shapes and compares status, type, code and message.
async fn check(door: &Door, token: &str, model: &str, expect: (u16, [&str; 2], Value, &str)) {
    let (status, types, code, message) = expect;
    let body = chat(model, "ping");
    let openai = door.post("/v1/chat/completions", token, &body).await;
    let error = &openai.json()["error"];
    assert_eq!(openai.status, status, "{}", openai.text);
    assert_eq!((&error["type"], &error["code"], &error["message"]), (&json!(types[0]), &code, &json!(message)));
    let anthropic = door.post("/v1/messages", token, &body).await;
    let json = anthropic.json();
    assert_eq!((anthropic.status, &json["type"]), (status, &json!("error")), "{}", anthropic.text);
    assert_eq!((&json["error"]["type"], &json["error"]["message"]), (&json!(types[1]), &json!(message)));
    assert_eq!(json["request_id"], json!(anthropic.header("request-id")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_what_it_was_given_and_nothing_else() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.agent("bot", &["--models", "openai/*"]);
    let invalid = ["invalid_request_error", "authentication_error"];
    let wrong = "the token is not one of this gateway's";
    check(&door, "nonsense", GPT, (401, invalid, json!("invalid_api_key"), wrong)).await;
    let other = format!("{}x", &token[..token.len() - 1]);
    check(&door, &other, GPT, (401, invalid, json!("invalid_api_key"), wrong)).await;
    // A model that is not granted and one that does not exist are one answer.
    let missing = ["invalid_request_error", "not_found_error"];
    for model in [CLAUDE, "anthropic/no-such-model", "nobody/at-all"] {
        let said = format!("there is no model `{model}`");
        check(&door, &token, model, (404, missing, json!("model_not_found"), &said)).await;
    }
    assert_eq!(fakes.anthropic.requests().len() + fakes.openai.requests().len(), 0);

    let none = got(door.bare("POST", "/v1/chat/completions").body("{}")).await;
    let said = "the request carries no token; send one as `Authorization: Bearer <token>` or `x-api-key: <token>`";
    assert_eq!((none.status, none.json()["error"]["message"].as_str()), (401, Some(said)));
    assert_eq!(none.header("www-authenticate"), "Bearer");
    for header in ["x-api-key", "x-goog-api-key"] {
        let request = door.bare("POST", "/v1/chat/completions").header(header, &token);
        let got = got(request.body(chat(GPT, "ping").to_string())).await;
        assert_eq!(got.status, 200, "{header}: {}", got.text);
    }
    let two = door.request("POST", "/v1/chat/completions", &token).header("x-api-key", "another");
    let two = got(two.body(chat(GPT, "ping").to_string())).await;
    assert_eq!(two.status, 401, "{}", two.text);

    assert_eq!(door.program.run(&["agents", "revoke", "bot"]).code, Some(0));
    check(&door, &token, GPT, (401, invalid, json!("invalid_api_key"), wrong)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_request_is_told_where() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let check = async |path: &str, body: &str, param: Value, part: &str| {
        let got: Got = got(door.request("POST", path, &token).body(body.to_owned())).await;
        assert_eq!(got.status, 400, "{body}: {}", got.text);
        let error = got.json()["error"].clone();
        assert!(error["message"].as_str().is_some_and(|message| message.contains(part)), "{part}: {error}");
        if path == "/v1/chat/completions" {
            assert_eq!(error["param"], param, "{error}");
        }
    };
    let chats = "/v1/chat/completions";
    check(chats, "{ \"model\": ", Value::Null, "line 1").await;
    check(chats, r#"{"model":"openai/gpt-4o-mini"}"#, json!("messages"), "messages").await;
    check(chats, r#"{"messages":[]}"#, json!("model"), "model").await;
    let bad = r#"{"model":"openai/gpt-4o-mini","messages":[{"role":"nobody","content":"x"}]}"#;
    check(chats, bad, json!("messages[0].role"), "must be `system`, `developer`").await;
    check("/v1/messages", r#"{"model":"x","messages":[{"role":"user","content":"x"}]}"#, Value::Null, "max_tokens")
        .await;
    check("/v1/embeddings", r#"{"model":"x","input":[1,2]}"#, Value::Null, "input").await;
    let nowhere = door.get("/v1/nowhere", &token).await;
    assert_eq!((nowhere.status, nowhere.json()["error"]["type"].as_str()), (404, Some("invalid_request_error")));
    let wrong_method = door.get("/v1/chat/completions", &token).await;
    assert_eq!(wrong_method.status, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateways_own_credential_is_never_the_clients_fault() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config_with("sk-ant-api03-wrong", "sk-proj-wrong-key-0123456789", ""));
    let token = door.usual_agent();
    for (model, path) in [(CLAUDE, "/v1/messages"), (GPT, "/v1/chat/completions")] {
        let got = door.post(path, &token, &chat(model, "ping")).await;
        assert_eq!(got.status, 502, "{}", got.text);
        let error = got.json()["error"].clone();
        let said = error["message"].as_str().expect("a message");
        assert!(
            said.starts_with(&format!("{model}: the provider did not take the gateway's own credential")),
            "{said}"
        );
        assert_eq!(got.header("x-should-retry"), "false");
        assert!(!got.text.contains("sk-"), "{}", got.text);
    }
    let got = door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await;
    assert_eq!(got.json()["error"]["code"], "upstream_credentials_refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_says_of_the_request_is_passed_on() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let mut body = chat(GPT, "ping");
    body["temperature"] = json!(-1);
    let got = door.post("/v1/chat/completions", &token, &body).await;
    assert_eq!(got.status, 400, "{}", got.text);
    assert!(got.json()["error"]["message"].as_str().is_some_and(|said| said.contains("temperature")), "{}", got.text);
    fakes.openai.script(openai::error(429, "insufficient_quota", Some("insufficient_quota"), "no more"));
    let got = door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await;
    assert_eq!(got.status, 502, "an account without money is the operator's: {}", got.text);
    let other = Fakes::of(
        anthropic::Config::with_api_key(API_KEY),
        creel_fakes::ollama::Config::new(),
        openai::Config::with_api_key("sk-proj-other-key-0123456789"),
    )
    .await;
    let door = Door::open(&other.config_with(API_KEY, "sk-proj-other-key-0123456789", ""));
    let token = door.usual_agent();
    for _ in 0..3 {
        other.anthropic.script(anthropic::rate_limited(120));
    }
    let got = door.post("/v1/messages", &token, &chat(CLAUDE, "ping")).await;
    assert_eq!((got.status, got.header("retry-after")), (429, "120"), "{}", got.text);
}

/// Reads one answer of a connection that goes on: its status, and what it says.
async fn answer(connection: &mut TcpStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.expect("the head of an answer"));
    }
    let head = String::from_utf8(head).expect("text").to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.expect("a length").parse().expect("a number")];
    connection.read_exact(&mut body).await.expect("the body of an answer");
    (head.lines().next().unwrap_or_default().to_owned(), String::from_utf8(body).expect("text"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_reaches_a_client_that_still_sends() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    // More than a server takes in by the way: what nobody reads ends the connection, and the refusal with it.
    let body = vec![b'x'; 4 << 20];
    let (wrong, right) = ("authorization: bearer nonsense\r\n", format!("authorization: bearer {token}\r\n"));
    let mut connection = TcpStream::connect(door.daemon.address()).await.expect("a connection");
    let refused = "http/1.1 401 unauthorized";
    for (path, token, status, word) in [
        ("/v1/nowhere", right.as_str(), "http/1.1 404 not found", "unknown_url"),
        ("/v1/models", right.as_str(), "http/1.1 405 method not allowed", "method_not_supported"),
        ("/v1/chat/completions", wrong, refused, "invalid_api_key"),
        ("/v1/messages/count_tokens", wrong, refused, "authentication_error"),
        ("/v1/embeddings", wrong, refused, "invalid_api_key"),
        ("/v1/files", wrong, refused, "invalid_api_key"),
        ("/mcp", wrong, refused, "invalid_api_key"),
    ] {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: creel\r\n{token}content-length: {length}\r\n\r\n");
        connection.write_all(head.as_bytes()).await.expect("a head is sent");
        connection.write_all(&body).await.unwrap_or_else(|error| panic!("{path}: the body was not taken: {error}"));
        let (got, said) = answer(&mut connection).await;
        assert_eq!(got, status, "{path}: {said}");
        assert!(said.contains(word), "{path}: {said}");
    }

    // Whoever asks first whether it may send is not made to.
    let head = format!("POST /v1/nowhere HTTP/1.1\r\nhost: creel\r\nexpect: 100-continue\r\n{right}");
    let head = format!("{head}content-length: {}\r\n\r\n", body.len());
    connection.write_all(head.as_bytes()).await.expect("a head is sent");
    assert_eq!(answer(&mut connection).await.0, "http/1.1 404 not found");
    assert_eq!(fakes.openai.requests().len(), 0);
}
