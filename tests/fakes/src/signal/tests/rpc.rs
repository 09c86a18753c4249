//! The doors of the daemon and its calls other than `send`.

use http::Method;
use serde_json::{Value, json};

use super::super::{Config, Mode};
use super::{ACCOUNT, ALICE, GROUP, call, check, start};
use crate::client::Call;

#[tokio::test]
async fn the_doors_are_narrow() {
    let (fake, _dir) = start(|config| config).await;
    let rpc = || call("version", &json!({}));
    let post = |target: &str| Call::new(Method::POST, target);
    let cases = [
        (rpc(), 200),
        (rpc().header("host", "localhost:8080"), 200),
        (rpc().header("host", "[::1]:8080"), 200),
        (rpc().header("host", "evil.example"), 421),
        (rpc().header("host", "127.0.0.1.evil.example:8080"), 421),
        (rpc().header("host", "localhost.evil.example"), 421),
        (rpc().without("content-type"), 415),
        (rpc().without("content-type").header("content-type", "text/plain"), 415),
        (rpc().chunked(), 411),
        (rpc().header("authorization", "Bearer x"), 401),
        (Call::get("/api/v1/rpc"), 405),
        (post("/api/v1/events"), 405),
        (post("/api/v1/check"), 405),
        (Call::get("/api/v1/check"), 200),
        (Call::get("/api/v1/checks"), 404),
        (Call::get("/api/v1/events?account=%2B15559999999"), 400),
        (Call::get("/api/v1/events?account=+15550100001"), 400),
    ];
    for (call, expect) in cases {
        let text = format!("{call:?}");
        assert_eq!(call.send(&fake).await.status, expect, "{text}");
    }
}

#[tokio::test]
async fn rpc_has_the_errors_of_json_rpc() {
    let (fake, _dir) = start(|config| config).await;
    let send = async |body: Value| Call::post("/api/v1/rpc", &body).send(&fake).await;
    let code = |got: &Value| got["error"]["code"].clone();
    let got = Call::post("/api/v1/rpc", &json!({})).body("{").send(&fake).await.json();
    assert_eq!((code(&got), &got["id"]), (json!(-32700), &Value::Null));
    let got = send(json!({"jsonrpc": "2.0", "id": "a"})).await.json();
    assert_eq!((&got["error"]["message"], &got["id"]), (&json!("method field must be set"), &json!("a")));
    assert_eq!(code(&send(json!({"method": "version", "id": 1})).await.json()), -32600);
    assert_eq!(code(&send(json!({"jsonrpc": "2.0", "method": "fly", "id": 1})).await.json()), -32601);
    assert_eq!(code(&send(json!({"jsonrpc": "2.0", "method": "send", "params": [], "id": 1})).await.json()), -32602);
    assert_eq!(code(&send(json!([])).await.json()), -32600);

    let note =
        send(json!({"jsonrpc": "2.0", "method": "send", "params": {"recipient": [ALICE], "message": "x"}})).await;
    assert_eq!((note.status, note.body.as_str()), (201, ""));
    assert_eq!(fake.sent().len(), 1);
    let version = json!({"jsonrpc": "2.0", "method": "version", "id": 7});
    let batch = send(json!([version, {"jsonrpc": "2.0", "method": "version"}])).await.json();
    assert_eq!(batch.as_array().unwrap().len(), 1);
    assert_eq!(batch[0]["id"], 7);
}

#[tokio::test]
async fn the_other_calls_answer() {
    check("sendTyping", json!({"recipient": [ALICE]}), "ok").await;
    check("sendTyping", json!({"groupId": GROUP, "stop": true}), "ok").await;
    check("sendTyping", json!({}), "-1 No recipients given").await;
    check("sendReceipt", json!({"recipient": ALICE, "targetTimestamp": [5], "type": "read"}), "ok").await;
    check(
        "sendReaction",
        json!({"recipient": [ALICE], "emoji": "x", "targetAuthor": ALICE, "targetTimestamp": 5}),
        "ok",
    )
    .await;
    let (fake, _dir) = start(|config| config).await;
    let groups = call("listGroups", &json!({})).send(&fake).await.json();
    assert_eq!((&groups["result"][0]["id"], &groups["result"][0]["isMember"]), (&json!(GROUP), &json!(true)));
    let accounts = call("listAccounts", &json!({})).send(&fake).await.json();
    assert_eq!(accounts["result"], json!([{"number": ACCOUNT}]));
}

#[tokio::test]
async fn with_many_accounts_each_call_names_one() {
    let (fake, _dir) = start(|config| Config { mode: Mode::AllAccounts, ..config }).await;
    let got = call("send", &json!({"recipient": [ALICE], "message": "x"})).send(&fake).await.json();
    assert_eq!(got["error"]["message"], "Method requires valid account parameter");
    let params = json!({"account": ACCOUNT, "recipient": [ALICE], "message": "x"});
    assert!(call("send", &params).send(&fake).await.json()["error"].is_null());
}
