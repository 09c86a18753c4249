//! The JSON-RPC door of the daemon: single calls, notifications and batches, and the calls other than `send`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::message::is_attachment_id;
use super::{Mode, Signal, group_json, send};
use crate::answer::Answer;
use crate::wire::Verdict;

/// The version that the fake gives out.
const VERSION: &str = "0.14.1";

/// Why a call failed.
#[derive(Debug)]
pub(super) struct RpcError {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Value>,
    /// Whether a test asked for it: then it is no fault of the client.
    pub(super) is_scripted: bool,
}

impl RpcError {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None, is_scripted: false }
    }

    /// The client asked for something that the user may not have.
    pub(super) fn user(message: impl Into<String>) -> Self {
        Self::new(-1, message)
    }

    /// A parameter is not what it must be.
    pub(super) fn parameters(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    fn to_json(&self) -> Value {
        json!({"code": self.code, "message": self.message, "data": self.data})
    }
}

/// Answers the body of a request.
pub(super) fn answer(signal: &Signal, body: &[u8]) -> Verdict {
    let mut faults = Vec::new();
    let answer = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(calls)) if !calls.is_empty() => {
            let answers = calls.iter().filter_map(|call| respond(signal, call, &mut faults)).collect::<Vec<_>>();
            (!answers.is_empty()).then_some(Value::Array(answers))
        }
        Ok(call) => respond(signal, &call, &mut faults),
        Err(error) => {
            let error = RpcError::new(-32700, error.to_string());
            faults.push(format!("{}: {}", error.code, error.message));
            Some(json!({"jsonrpc": "2.0", "error": error.to_json(), "id": null}))
        }
    };
    let answer = answer.map_or_else(|| Answer::status(201), |answer| Answer::json(200, &answer));
    match faults.is_empty() {
        true => Verdict::good(answer),
        false => Verdict::refused(answer, faults.join("; ")),
    }
}

/// Runs one call; none is answered to a notification.
fn respond(signal: &Signal, call: &Value, faults: &mut Vec<String>) -> Option<Value> {
    let id = call.get("id").filter(|id| !id.is_null());
    let mut answer = match run(signal, call) {
        Ok(result) => json!({"jsonrpc": "2.0", "result": result}),
        Err(error) => {
            if !error.is_scripted {
                faults.push(format!("{}: {}", error.code, error.message));
            }
            json!({"jsonrpc": "2.0", "error": error.to_json()})
        }
    };
    // A call that could not be read is answered in any case: nobody knows whether it was a notification.
    if id.is_none() && call.get("method").is_some_and(Value::is_string) {
        return None;
    }
    answer["id"] = id.cloned().unwrap_or(Value::Null);
    Some(answer)
}

fn run(signal: &Signal, call: &Value) -> Result<Value, RpcError> {
    let Value::Object(call) = call else {
        return Err(RpcError::new(-32600, "a call is an object"));
    };
    if call.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(RpcError::new(-32600, "only jsonrpc version 2.0 is supported"));
    }
    let Some(method) = call.get("method").and_then(Value::as_str) else {
        return Err(RpcError::new(-32600, "method field must be set"));
    };
    if let Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) = call.get("id") {
        return Err(RpcError::new(-32600, "id must be a string or a number"));
    }
    let empty = Map::new();
    let params = match call.get("params") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(params)) => params,
        Some(_) => return Err(RpcError::parameters("params must be an object")),
    };
    match method {
        "version" => Ok(json!({"version": VERSION})),
        "listAccounts" => Ok(json!([{"number": signal.config.account}])),
        _ => {
            let known = ["send", "getAttachment", "sendTyping", "sendReceipt", "sendReaction", "listGroups"];
            if !known.contains(&method) {
                return Err(RpcError::new(-32601, "Method not implemented"));
            }
            check_account(signal, params)?;
            run_for_account(signal, method, params)
        }
    }
}

fn run_for_account(signal: &Signal, method: &str, params: &Map<String, Value>) -> Result<Value, RpcError> {
    match method {
        "send" => send::send(signal, params),
        "getAttachment" => attachment(signal, params),
        "sendTyping" => {
            send::known(params, &["recipient", "recipients", "groupId", "groupIds", "stop"])?;
            send::targets(signal, params)?;
            Ok(json!({}))
        }
        "sendReceipt" => {
            send::known(params, &["recipient", "recipients", "targetTimestamp", "targetTimestamps", "type"])?;
            send::targets(signal, params)?;
            Ok(json!({"timestamp": signal.now_ms(), "results": []}))
        }
        "sendReaction" => {
            let keys = [
                "recipient",
                "recipients",
                "groupId",
                "groupIds",
                "emoji",
                "targetAuthor",
                "targetTimestamp",
                "remove",
            ];
            send::known(params, &keys)?;
            send::targets(signal, params)?;
            Ok(json!({"timestamp": signal.now_ms(), "results": []}))
        }
        _ => {
            send::known(params, &["detailed", "groupId", "groupIds"])?;
            Ok(signal.config.groups.iter().map(group_json).collect())
        }
    }
}

fn check_account(signal: &Signal, params: &Map<String, Value>) -> Result<(), RpcError> {
    match (params.get("account").and_then(Value::as_str), signal.config.mode) {
        (Some(account), _) if account == signal.config.account => Ok(()),
        (Some(_), _) => Err(RpcError::parameters("Specified account does not exist")),
        (None, Mode::OneAccount) if !params.contains_key("account") => Ok(()),
        (None, Mode::OneAccount | Mode::AllAccounts) => {
            Err(RpcError::parameters("Method requires valid account parameter"))
        }
    }
}

fn attachment(signal: &Signal, params: &Map<String, Value>) -> Result<Value, RpcError> {
    send::known(params, &["id", "recipient", "groupId"])?;
    let Some(id) = params.get("id").and_then(Value::as_str) else {
        return Err(RpcError::user("No attachment id given"));
    };
    if !params.contains_key("recipient") && !params.contains_key("groupId") {
        return Err(RpcError::user("Either recipient or groupId must be given"));
    }
    let bytes = match is_attachment_id(id) {
        true => std::fs::read(signal.config.attachments_dir.join(id)).ok(),
        false => None,
    };
    match bytes {
        Some(bytes) => Ok(json!({"data": STANDARD.encode(bytes)})),
        None => Err(RpcError::user(format!("Could not find attachment with ID: {id}"))),
    }
}
