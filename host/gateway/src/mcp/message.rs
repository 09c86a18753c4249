//! The messages of the protocol as far as a bridge looks at them: what they are called, and which headers say so over HTTP.
//! What is in them is not known here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

/// The code of JSON-RPC for what is no JSON.
const PARSE_ERROR: i64 = -32_700;
/// And for what is no message.
const INVALID_REQUEST: i64 = -32_600;
/// The first of those that a server may give itself.
const SERVER_ERROR: i64 = -32_000;
/// Where a message of the newer protocol says its version.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// A message of a client.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// It wants an answer.
    Request(Request),
    /// It wants none.
    Notification(Request),
    /// An earlier request is not wanted any more.
    Cancelled {
        /// Its id, as JSON.
        id: String,
    },
    /// An answer to a question that the daemon never asks.
    Answer,
}

/// A message with a method.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    /// `null` for a notification.
    pub(super) id: Value,
    /// Its method.
    pub(super) method: String,
    /// The message.
    pub(super) body: Value,
}

/// Reads a line.
///
/// # Errors
///
/// The answer for whoever wrote it.
pub(super) fn read(line: &[u8]) -> Result<Message, Value> {
    let body: Value = serde_json::from_slice(line)
        .map_err(|error| failure(&Value::Null, PARSE_ERROR, &format!("the message is no JSON: {error}")))?;
    let id = body.get("id").cloned().unwrap_or(Value::Null);
    if !body.is_object() {
        return Err(failure(&id, INVALID_REQUEST, "a message is one JSON object; batches are not taken"));
    }
    let Some(method) = body.get("method").and_then(Value::as_str).map(str::to_owned) else {
        let is_answer = body.get("result").is_some() || body.get("error").is_some();
        let no_method = || failure(&id, INVALID_REQUEST, "the message has no method");
        return if is_answer { Ok(Message::Answer) } else { Err(no_method()) };
    };
    if method == "notifications/cancelled" {
        let id = body.pointer("/params/requestId").unwrap_or(&Value::Null).to_string();
        return Ok(Message::Cancelled { id });
    }
    let request = Request { id, method, body };
    Ok(if request.id.is_null() { Message::Notification(request) } else { Message::Request(request) })
}

/// The headers that say over HTTP what the message says itself. `agreed` is the version that was agreed on at the
/// beginning, for the older protocol.
pub(super) fn headers(request: &Request, agreed: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    let own = request.body.pointer("/params/_meta").and_then(|meta| meta.get(VERSION_KEY)).and_then(Value::as_str);
    // The request that agrees on a version comes before there is one.
    let agreed = agreed.filter(|_| request.method != "initialize");
    if let Some(version) = own.or(agreed) {
        put("mcp-protocol-version", version);
    }
    put("mcp-method", &request.method);
    let name = match request.method.as_str() {
        "tools/call" | "prompts/get" => Some("/params/name"),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => Some("/params/uri"),
        _ => None,
    };
    if let Some(name) = name.and_then(|name| request.body.pointer(name)).and_then(Value::as_str) {
        put("mcp-name", &header_text(name));
    }
    headers
}

/// A text as it can stand in a header, by the protocol's own rule.
fn header_text(text: &str) -> String {
    let is_plain = text.chars().all(|c| matches!(c, ' '..='~')) && text.trim() == text;
    let is_coded = text.starts_with("=?base64?") && text.ends_with("?=");
    if is_plain && !is_coded { text.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(text)) }
}

/// The version that an answer to `initialize` agrees on.
pub(super) fn agreed(answer: &Value) -> Option<String> {
    answer.pointer("/result/protocolVersion").and_then(Value::as_str).map(str::to_owned)
}

/// What the client is told of an answer that came with an error status: the protocol's own error as it is, and the API's in
/// the protocol's words.
pub(super) fn refused(id: &Value, status: u16, body: &[u8]) -> Value {
    let said: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if said.get("jsonrpc").is_some() {
        return with_id(said, id);
    }
    let text = said.pointer("/error/message").and_then(Value::as_str);
    match text {
        Some(text) => unanswered(id, text),
        None => unanswered(id, &format!("the gateway answered with status {status}")),
    }
}

/// An answer that could not be had.
pub(super) fn unanswered(id: &Value, message: &str) -> Value {
    failure(id, SERVER_ERROR, message)
}

/// An error that names no request is about the one it answers.
fn with_id(mut answer: Value, id: &Value) -> Value {
    if answer.get("id").is_none_or(Value::is_null) {
        answer["id"] = id.clone();
    }
    answer
}

fn failure(id: &Value, code: i64, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: Value) -> Request {
        match read(body.to_string().as_bytes()) {
            Ok(Message::Request(request) | Message::Notification(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_is_what_it_says() {
        let check = |line: &str, expect: &str| {
            let said = match read(line.as_bytes()) {
                Ok(Message::Request(request)) => format!("request {} {}", request.id, request.method),
                Ok(Message::Notification(request)) => format!("notification {}", request.method),
                Ok(Message::Cancelled { id }) => format!("cancelled {id}"),
                Ok(Message::Answer) => "answer".to_owned(),
                Err(answer) => format!("{} {}", answer["id"], answer["error"]["code"]),
            };
            assert_eq!(said, expect, "{line}");
        };
        check(r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#, r#"request "a" ping"#);
        check(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "notification notifications/initialized");
        check(r#"{"method":"notifications/cancelled","params":{"requestId":7}}"#, "cancelled 7");
        check(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, "answer");
        check("{", "null -32700");
        check("[]", "null -32600");
        check(r#"{"id":3}"#, "3 -32600");
    }

    #[test]
    fn headers_say_what_the_message_says() {
        let check = |body: Value, agreed: Option<&str>, expect: &[(&str, &str)]| {
            let headers = headers(&request(body.clone()), agreed);
            let said: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("it is text"))).collect();
            assert_eq!(said, expect, "{body}");
        };
        let old = Some("2025-06-18");
        check(json!({ "id": 1, "method": "initialize" }), old, &[("mcp-method", "initialize")]);
        check(
            json!({ "id": 1, "method": "tools/call", "params": { "name": "list_media" } }),
            old,
            &[("mcp-protocol-version", "2025-06-18"), ("mcp-method", "tools/call"), ("mcp-name", "list_media")],
        );
        let meta = json!({ VERSION_KEY: "2026-07-28" });
        check(
            json!({ "id": 1, "method": "tools/call", "params": { "name": "é", "_meta": meta } }),
            None,
            &[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "=?base64?w6k=?=")],
        );
        check(json!({ "method": "x\ny" }), None, &[]);
    }

    #[test]
    fn a_name_that_looks_coded_is_coded() {
        let check = |text: &str, expect: &str| assert_eq!(header_text(text), expect);
        check("a b", "a b");
        check(" a", "=?base64?IGE=?=");
        check("=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?=");
    }

    #[test]
    fn a_refusal_comes_in_the_words_of_the_protocol() {
        let check = |status: u16, body: &str, expect: &str| {
            let said = refused(&json!(7), status, body.as_bytes());
            assert_eq!(said["id"], 7);
            assert_eq!(said["error"]["message"], expect);
        };
        check(
            401,
            r#"{"error":{"message":"the token is not one of this gateway's"}}"#,
            "the token is not one of this gateway's",
        );
        check(400, r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"mismatch"}}"#, "mismatch");
        check(502, "<html>", "the gateway answered with status 502");
    }
}
