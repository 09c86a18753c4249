//! The doors of the daemon with their near misses, and messages on their way in and out.

mod inbound;
mod rpc;
mod send;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Config, Message, Signal};
use crate::Running;
use crate::client::{Call, Open};

const ACCOUNT: &str = "+15550100001";
const ALICE: &str = "+15550100002";
const ALICE_ID: &str = "8f8ad1ed-1111-4000-8000-00000000a11c";
const GROUP: &str = "Z3JvdXAtb25lLWdyb3VwLW9uZS1ncm91cC1vbmUtMDE=";

async fn start(change: impl FnOnce(Config) -> Config) -> (Running<Signal>, TempDir) {
    let dir = TempDir::new().unwrap();
    let config = Config::new(ACCOUNT, dir.path()).and_group(GROUP, "Book club", &[ALICE, "+15550100003"]);
    (Signal::start(change(config)).await.unwrap(), dir)
}

fn call(method: &str, params: &Value) -> Call {
    Call::post("/api/v1/rpc", &json!({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}))
}

/// The result, or code and message.
async fn check(method: &str, params: Value, expect: &str) {
    let (fake, _dir) = start(|config| config).await;
    let got = call(method, &params).send(&fake).await.json();
    let error = &got["error"];
    let seen = match error.is_null() {
        true => "ok".to_owned(),
        false => format!("{} {}", error["code"], error["message"].as_str().unwrap()),
    };
    assert_eq!(seen, expect);
    assert_eq!(fake.refusals().len(), usize::from(!error.is_null()));
}

async fn listen(fake: &Running<Signal>) -> Open {
    let open = Call::get("/api/v1/events").open(fake).await;
    assert_eq!(open.status, 200);
    open
}

/// The next envelope of a stream.
async fn next(open: &mut Open) -> Value {
    let event = open.until("\n\n").await;
    let data = event.strip_prefix("event:receive\ndata:").unwrap().strip_suffix("\n\n").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["account"], ACCOUNT);
    data["envelope"].clone()
}

fn alice() -> Message {
    Message::from_number(ALICE, ALICE_ID, "Alice")
}
