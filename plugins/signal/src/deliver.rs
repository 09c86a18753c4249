//! Sends one message and reads what came of it. The whole text goes in one message: cutting long answers is the host's
//! part, which knows the operator's limit.

use creel_sdk::channel::{ChannelError, Fault, Outbound};
use creel_sdk::{BodyPiece, Context, Io, Media, Request, log};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::attachment;
use crate::ids::{MessageId, Place};
use crate::limits::REPLY_BYTES_MAX;
use crate::rpc::{self, Reply, Spliced};
use crate::settings::Settings;

/// Sends a message; the answer is the timestamp by which Signal names it.
pub(crate) async fn deliver(cx: Context, io: Io, message: Outbound) -> Result<String, ChannelError> {
    let settings = Settings::read(&cx)?;
    let mut response = io.send(request(&settings, message)?).await?;
    if response.status() != 200 {
        return Err(rpc::status_error(response.status(), response.retry_after_ms(cx.now_ms)));
    }
    let reply: Reply = response.json(REPLY_BYTES_MAX).await?;
    let (timestamp, missed) = outcome(reply)?;
    if missed > 0 {
        log::warn(&format!("message {timestamp} did not reach {missed} of its recipients"));
    }
    Ok(timestamp.to_string())
}

/// The call that sends a message.
///
/// # Errors
///
/// [`Fault::Rejected`] where the conversation is none of Signal's, or there is nothing to say.
fn request(settings: &Settings, message: Outbound) -> Result<Request, ChannelError> {
    let Some(place) = Place::parse(&message.conversation.id) else {
        return Err(rejected(
            "this is not a conversation of Signal: `uuid:<uuid>`, a phone number with `+`, `group:<id>` \
            or `username:<name>` is",
        ));
    };
    if message.text.is_empty() && message.attachments.is_empty() {
        return Err(rejected("the message is empty, which Signal does not send"));
    }
    let mut params = Map::new();
    let mut set = |key: &str, value: Value| params.insert(key.to_owned(), value);
    match &place {
        Place::Person(person) => set("recipient", json!([person.recipient()])),
        Place::Group(id) => set("groupId", json!(id)),
        Place::Username(name) => set("username", json!([name])),
    };
    if let Some(account) = &settings.account {
        set("account", json!(account));
    }
    set("message", json!(message.text));
    if let Some((timestamp, author)) = message.reply_to.as_deref().and_then(|id| quote(id, settings)) {
        set("quoteTimestamp", json!(timestamp));
        set("quoteAuthor", json!(author));
    }
    let items = message.attachments.into_iter().map(spliced).collect();
    Ok(rpc::call("send", params, Some(Spliced { key: "attachments", items })))
}

fn spliced(media: Media) -> (String, BodyPiece) {
    (attachment::data_uri_head(&media), BodyPiece::MediaBase64(media))
}

/// Time and author of the message that is answered. An id that is none of ours, or one of this account's messages
/// where its number is not known, is no reason to keep the answer back: it goes out without the quote.
fn quote(id: &str, settings: &Settings) -> Option<(u64, String)> {
    let id = MessageId::parse(id)?;
    let author = match id.author {
        Some(person) => person.recipient().to_owned(),
        None => settings.account.clone()?,
    };
    Some((id.timestamp, author))
}

/// The result of `send`.
#[derive(Debug, Deserialize)]
struct Sent {
    timestamp: Option<u64>,
    #[serde(default)]
    results: Vec<SendResult>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SendResult {
    #[serde(rename = "type")]
    kind: String,
    retry_after_seconds: Option<u64>,
}

/// The timestamp of the message and how many of its recipients it did not reach.
///
/// # Errors
///
/// A [`ChannelError`] when it reached nobody.
fn outcome(reply: Reply) -> Result<(u64, usize), ChannelError> {
    if let Some(error) = reply.error {
        // A message that reached nobody is an error of the daemon; the results of its recipients say more than it.
        let sent =
            error.data.as_ref().and_then(|data| data.get("response")).and_then(|sent| Sent::deserialize(sent).ok());
        return match sent.map(reached) {
            Some(Ok(reached)) => Ok(reached),
            Some(Err(Some(failure))) => Err(failure),
            Some(Err(None)) | None => Err(error.to_channel_error()),
        };
    }
    let malformed = || ChannelError::new(Fault::MalformedResponse, "the daemon's answer to `send` has no timestamp");
    let sent = reply.result.and_then(|result| Sent::deserialize(result).ok()).ok_or_else(malformed)?;
    reached(sent).map_err(|failure| failure.unwrap_or_else(malformed))
}

/// Counts whom a message reached; `Err(None)` where nothing is said of it.
fn reached(sent: Sent) -> Result<(u64, usize), Option<ChannelError>> {
    let failed: Vec<&SendResult> = sent.results.iter().filter(|result| result.kind != "SUCCESS").collect();
    if !failed.is_empty() && failed.len() == sent.results.len() {
        return Err(worth_another_try(&failed));
    }
    sent.timestamp.map(|timestamp| (timestamp, failed.len())).ok_or(None)
}

/// Of several failures the one that says most about what to do: while another try can still reach somebody, that.
fn worth_another_try(failed: &[&SendResult]) -> Option<ChannelError> {
    let rank = |error: &ChannelError| match error.fault {
        Fault::RateLimited => 0,
        Fault::Unreachable => 1,
        Fault::Rejected
        | Fault::Authentication
        | Fault::Gone
        | Fault::MalformedResponse
        | Fault::Refused
        | Fault::Other => 2,
    };
    failed.iter().map(|result| failure(result)).min_by_key(rank)
}

fn failure(result: &SendResult) -> ChannelError {
    match result.kind.as_str() {
        "RATE_LIMIT_FAILURE" => ChannelError {
            retry_after_ms: result.retry_after_seconds.map(|seconds| seconds.saturating_mul(1_000)),
            ..ChannelError::new(Fault::RateLimited, "Signal limits how much this account may send")
        },
        "NETWORK_FAILURE" => {
            ChannelError::new(Fault::Unreachable, "the daemon could not reach Signal for this recipient")
        }
        "UNREGISTERED_FAILURE" => rejected("the recipient is not registered with Signal"),
        "IDENTITY_FAILURE" => rejected(rpc::UNTRUSTED),
        "INVALID_PRE_KEY_FAILURE" => {
            ChannelError::new(Fault::Unreachable, "the recipient's keys at Signal are not valid now")
        }
        // A daemon newer than this plugin.
        _ => ChannelError::new(Fault::Other, "the daemon names a failure that this plugin does not know"),
    }
}

fn rejected(message: &str) -> ChannelError {
    ChannelError::new(Fault::Rejected, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reply: Value, expect: Result<(u64, usize), (Fault, &str)>) {
        let text = reply.to_string();
        match (outcome(serde_json::from_value(reply).expect("a reply")), expect) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
            (Err(error), Err((fault, words))) => {
                assert_eq!(error.fault, fault, "{text}");
                assert!(error.message.contains(words), "{}", error.message);
            }
            (found, expected) => panic!("{text} is {found:?}, expected {expected:?}"),
        }
    }

    fn results(kinds: &[&str]) -> Value {
        let results: Vec<_> = kinds.iter().map(|kind| json!({ "recipientAddress": {}, "type": kind })).collect();
        json!({ "timestamp": 17, "results": results })
    }

    fn sent(kinds: &[&str]) -> Value {
        json!({ "jsonrpc": "2.0", "id": 1, "result": results(kinds) })
    }

    #[test]
    fn a_message_that_reached_somebody_is_delivered() {
        check(sent(&["SUCCESS"]), Ok((17, 0)));
        check(sent(&["SUCCESS", "NETWORK_FAILURE", "UNREGISTERED_FAILURE"]), Ok((17, 2)));
        check(sent(&[]), Ok((17, 0)));
    }

    #[test]
    fn a_message_that_reached_nobody_says_why() {
        check(sent(&["NETWORK_FAILURE"]), Err((Fault::Unreachable, "could not reach")));
        check(sent(&["UNREGISTERED_FAILURE"]), Err((Fault::Rejected, "not registered")));
        check(sent(&["IDENTITY_FAILURE"]), Err((Fault::Rejected, "safety number")));
        check(sent(&["RATE_LIMIT_FAILURE"]), Err((Fault::RateLimited, "limits")));
        check(sent(&["INVALID_PRE_KEY_FAILURE"]), Err((Fault::Unreachable, "keys")));
        check(sent(&["SOMETHING_NEW"]), Err((Fault::Other, "does not know")));
    }

    #[test]
    fn while_another_try_can_reach_somebody_that_is_said() {
        check(sent(&["UNREGISTERED_FAILURE", "NETWORK_FAILURE"]), Err((Fault::Unreachable, "")));
        check(sent(&["NETWORK_FAILURE", "RATE_LIMIT_FAILURE", "IDENTITY_FAILURE"]), Err((Fault::RateLimited, "")));
        check(sent(&["IDENTITY_FAILURE", "UNREGISTERED_FAILURE"]), Err((Fault::Rejected, "safety number")));
    }

    #[test]
    fn the_pause_that_signal_asks_for_is_passed_on() {
        let limited = json!({ "type": "RATE_LIMIT_FAILURE", "token": "t", "retryAfterSeconds": 3600 });
        let reply = json!({ "result": { "timestamp": 17, "results": [limited] } });
        let error = outcome(serde_json::from_value(reply).expect("a reply")).expect_err("a failure");
        assert_eq!(error.retry_after_ms, Some(3_600_000));
    }

    #[test]
    fn an_error_of_the_daemon_is_told_by_its_results_where_there_are_any() {
        let error = |code: i64, data: Value| json!({ "error": { "code": code, "message": "no", "data": data } });
        check(
            error(-1, json!({ "response": results(&["UNREGISTERED_FAILURE"]) })),
            Err((Fault::Rejected, "not registered")),
        );
        check(error(-1, json!({ "response": results(&["SUCCESS", "IDENTITY_FAILURE"]) })), Ok((17, 1)));
        check(error(-5, json!({ "response": { "results": [] } })), Err((Fault::RateLimited, "code -5")));
        check(error(-3, Value::Null), Err((Fault::Unreachable, "code -3")));
        check(error(-4, json!({ "response": "?" })), Err((Fault::Rejected, "safety number")));
    }

    #[test]
    fn an_answer_without_a_timestamp_is_none() {
        for reply in
            [json!({}), json!({ "result": null }), json!({ "result": {} }), json!({ "result": { "timestamp": "x" } })]
        {
            check(reply, Err((Fault::MalformedResponse, "timestamp")));
        }
    }

    #[test]
    fn a_quote_needs_an_author() {
        let settings = |account: Option<&str>| Settings { account: account.map(str::to_owned), ..Settings::default() };
        let own = settings(Some("+15550000000"));
        assert_eq!(quote("+15551234567:17", &settings(None)), Some((17, "+15551234567".to_owned())));
        assert_eq!(quote("17", &own), Some((17, "+15550000000".to_owned())));
        assert_eq!(quote("17", &settings(None)), None);
        assert_eq!(quote("<message@elsewhere>", &own), None);
    }
}
