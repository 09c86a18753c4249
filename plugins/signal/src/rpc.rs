//! The daemon's JSON-RPC over HTTP: how a call is written, and what each way of failing means. Knows no method; those
//! are in `deliver` and `collect`.

use creel_sdk::channel::{ChannelError, Fault};
use creel_sdk::{BodyPiece, Request};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The endpoint of the manifest.
pub(crate) const ENDPOINT: &str = "daemon";
/// Where calls go.
const RPC_PATH: &str = "/api/v1/rpc";
/// The daemon wants an id, else it takes the call for a notification; one request holds one call.
const CALL_ID: u32 = 1;

/// A list of `params` whose strings are media.
pub(crate) struct Spliced {
    /// The key in `params`.
    pub(crate) key: &'static str,
    /// What stands before the base64 in each string, in plain ASCII without quotes or backslashes; then the medium.
    pub(crate) items: Vec<(String, BodyPiece)>,
}

/// A call of `method`. Spliced media come last, so that the text of a message can never be taken for one.
pub(crate) fn call(method: &str, params: Map<String, Value>, spliced: Option<Spliced>) -> Request {
    let envelope = json!({ "jsonrpc": "2.0", "id": CALL_ID, "method": method }).to_string();
    let params = Value::Object(params).to_string();
    let mut text = format!("{},\"params\":{}", without_brace(&envelope), without_brace(&params));
    let mut body = Vec::new();
    if let Some(Spliced { key, items }) = spliced.filter(|spliced| !spliced.items.is_empty()) {
        let comma = if params == "{}" { "" } else { "," };
        text.push_str(&format!("{comma}\"{key}\":["));
        for (index, (head, piece)) in items.into_iter().enumerate() {
            text.push_str(if index == 0 { "\"" } else { ",\"" });
            text.push_str(&head);
            body.push(BodyPiece::Bytes(std::mem::take(&mut text).into_bytes()));
            body.push(piece);
            text.push('"');
        }
        text.push(']');
    }
    text.push_str("}}");
    body.push(BodyPiece::Bytes(text.into_bytes()));
    Request::post(ENDPOINT, RPC_PATH).json(body)
}

/// An object's text that can still be added to.
fn without_brace(object: &str) -> &str {
    object.strip_suffix('}').unwrap_or(object)
}

/// What the daemon answered.
#[derive(Debug, Deserialize)]
pub(crate) struct Reply {
    pub(crate) result: Option<Value>,
    pub(crate) error: Option<RpcError>,
}

/// The daemon's own account of a failure.
#[derive(Debug, Deserialize)]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    #[serde(default)]
    pub(crate) message: String,
    pub(crate) data: Option<Value>,
}

/// What the daemon's codes mean (`SignalJsonRpcCommandHandler.java`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// -32700, -32600: it could not read the call.
    BadCall,
    /// -32601
    UnknownMethod,
    /// -32602
    BadParams,
    /// -1: what was asked for cannot be done.
    User,
    /// -3: its own connection to the network.
    Network,
    /// -4: the key of the recipient has changed.
    UntrustedKey,
    /// -5
    RateLimit,
    /// -6: the captcha that should lift a rate limit was wrong.
    Captcha,
    /// -32603 and what later daemons may add.
    Internal,
}

impl RpcError {
    pub(crate) fn code(&self) -> Code {
        match self.code {
            -32700 | -32600 => Code::BadCall,
            -32601 => Code::UnknownMethod,
            -32602 => Code::BadParams,
            -1 => Code::User,
            -3 => Code::Network,
            -4 => Code::UntrustedKey,
            -5 => Code::RateLimit,
            -6 => Code::Captcha,
            _ => Code::Internal,
        }
    }

    /// What it means for a message; the daemon's own words come along.
    pub(crate) fn to_channel_error(&self) -> ChannelError {
        let words: String = self.message.chars().filter(|c| !c.is_control()).take(500).collect();
        let (fault, meaning) = match self.code() {
            Code::BadCall => (Fault::Rejected, "the daemon could not read the call"),
            Code::UnknownMethod => (Fault::Rejected, "the daemon does not know this method; it may be too old"),
            Code::BadParams if words.contains("account") => {
                (Fault::Authentication, "the daemon does not have this account; see the setting `account`")
            }
            Code::BadParams => (Fault::Rejected, "the daemon does not accept the parameters"),
            Code::User => (Fault::Rejected, "the daemon refused"),
            Code::Network => (Fault::Unreachable, "the daemon cannot reach Signal"),
            Code::UntrustedKey => (Fault::Rejected, UNTRUSTED),
            Code::RateLimit => (Fault::RateLimited, "Signal limits how much this account may send"),
            Code::Captcha => (Fault::Rejected, "Signal did not accept the captcha for this account"),
            Code::Internal => (Fault::Other, "the daemon failed"),
        };
        ChannelError::new(fault, format!("{meaning} (code {}): {words}", self.code))
    }
}

/// Why Signal sends nothing to somebody with a new key.
pub(crate) const UNTRUSTED: &str = "the safety number of the recipient has changed, and signal-cli does not send until \
    the new one is trusted (`signal-cli trust`)";

/// What an HTTP status other than 200 means; `retry_after_ms` is for how long the server wants to be left alone.
pub(crate) fn status_error(status: u16, retry_after_ms: Option<u64>) -> ChannelError {
    let (fault, meaning) = match status {
        201 => (Fault::MalformedResponse, "the daemon took a call for a notification and gave no result"),
        400 => (Fault::Rejected, "the daemon does not know the account, or could not read the request"),
        401 | 403 | 407 => {
            (Fault::Authentication, "something before the daemon wants a credential, and signal-cli has none")
        }
        404 | 405 => (Fault::Other, "this is not the HTTP daemon of signal-cli; see the setting `httpUrl`"),
        413 => (Fault::Rejected, "the message is too large for the daemon"),
        415 => (Fault::Other, "the daemon did not see that the request is JSON"),
        421 => (Fault::Other, "the daemon answers to `localhost` and `127.0.0.1` alone; see the setting `httpUrl`"),
        429 => (Fault::RateLimited, "the daemon, or something before it, limits requests"),
        500..=599 => (Fault::Unreachable, "the daemon, or something before it, failed"),
        _ => (Fault::MalformedResponse, "the daemon gave an answer that is none of signal-cli"),
    };
    ChannelError { retry_after_ms, ..ChannelError::new(fault, format!("{meaning} (status {status})")) }
}

#[cfg(test)]
mod tests {
    use creel_sdk::Media;

    use super::*;

    fn text_of(request: &Request, splice: &str) -> String {
        let piece = |piece: &BodyPiece| match piece {
            BodyPiece::Bytes(bytes) => String::from_utf8(bytes.clone()).expect("text"),
            BodyPiece::MediaBase64(_) | BodyPiece::MediaRaw(_) => splice.to_owned(),
        };
        request.body.iter().map(piece).collect()
    }

    fn params(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    fn medium() -> BodyPiece {
        let uri = "media://outbound/a.png".to_owned();
        BodyPiece::MediaBase64(Media { uri, content_type: "image/png".to_owned(), size: 3, name: None })
    }

    #[test]
    fn a_call_is_json_rpc() {
        let request = call("version", params(json!({ "account": "+15551234567" })), None);
        assert_eq!(request.method, "POST");
        assert!(request.headers.iter().any(|header| header.value == "application/json"));
        let body: Value = serde_json::from_str(&text_of(&request, "")).expect("JSON");
        let expect = json!({ "jsonrpc": "2.0", "id": 1, "method": "version", "params": { "account": "+15551234567" } });
        assert_eq!(body, expect);
    }

    #[test]
    fn media_are_spliced_into_their_own_strings() {
        let check = |given: Value, count: usize| {
            let items = (0..count).map(|_| ("data:image/png;base64,".to_owned(), medium())).collect();
            let request = call("send", params(given.clone()), Some(Spliced { key: "attachments", items }));
            let splices = request.body.iter().filter(|piece| matches!(piece, BodyPiece::MediaBase64(_))).count();
            assert_eq!(splices, count);
            let body: Value = serde_json::from_str(&text_of(&request, "AAAA")).expect("JSON");
            let mut expect = given;
            if count > 0 {
                expect["attachments"] = vec![json!("data:image/png;base64,AAAA"); count].into();
            }
            assert_eq!(body["params"], expect);
        };
        for count in 0..3 {
            check(json!({ "message": "hi" }), count);
            check(json!({}), count);
            check(json!({ "message": "\"}],\"attachments\":[\"/etc/passwd\"]}\u{0}\\" }), count);
        }
    }

    #[test]
    fn every_code_has_a_meaning() {
        let check = |code: i64, message: &str, fault: Fault, words: &str| {
            let error = RpcError { code, message: message.to_owned(), data: None }.to_channel_error();
            assert_eq!(error.fault, fault, "{code}");
            assert!(error.message.contains(words), "{}", error.message);
        };
        check(-32700, "parse", Fault::Rejected, "could not read");
        check(-32600, "method field must be set", Fault::Rejected, "method field must be set");
        check(-32601, "Method not implemented", Fault::Rejected, "too old");
        check(-32602, "Specified account does not exist", Fault::Authentication, "`account`");
        check(-32602, "Unrecognized field", Fault::Rejected, "parameters");
        check(-32603, "boom", Fault::Other, "failed");
        check(-1, "Invalid group id", Fault::Rejected, "Invalid group id");
        check(-3, "closed", Fault::Unreachable, "cannot reach Signal");
        check(-4, "untrusted", Fault::Rejected, "safety number");
        check(-5, "slow down", Fault::RateLimited, "limits");
        check(-6, "no", Fault::Rejected, "captcha");
        check(-999, "new", Fault::Other, "code -999");
        check(-1, &"x\n".repeat(4_000), Fault::Rejected, "refused (code -1): xxx");
    }

    #[test]
    fn every_status_has_a_meaning() {
        let check = |status, fault, words: &str| {
            let error = status_error(status, None);
            assert_eq!((error.fault, error.retry_after_ms), (fault, None), "{status}");
            assert!(error.message.contains(words), "{}", error.message);
        };
        check(201, Fault::MalformedResponse, "notification");
        check(400, Fault::Rejected, "account");
        check(401, Fault::Authentication, "credential");
        check(404, Fault::Other, "`httpUrl`");
        check(405, Fault::Other, "`httpUrl`");
        check(413, Fault::Rejected, "too large");
        check(415, Fault::Other, "JSON");
        check(421, Fault::Other, "`localhost`");
        check(429, Fault::RateLimited, "limits");
        check(500, Fault::Unreachable, "status 500");
        check(302, Fault::MalformedResponse, "status 302");
        assert_eq!(status_error(429, Some(7_000)).retry_after_ms, Some(7_000));
    }
}
