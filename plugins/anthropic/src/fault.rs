//! What the provider's errors mean, before an answer and in the midst of one.

use creel_sdk::Response;
use creel_sdk::classify::{Signs, classify};
use creel_sdk::provider::{CallError, Fault};
use serde::Deserialize;

/// Bytes of an error that are read; what is longer is no error of the provider's.
const ERROR_BYTES_MAX: usize = 1 << 20;
/// Signs of a body that is no error of the provider's which are shown.
const EXCERPT_SIGNS_MAX: usize = 300;

/// The error itself.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Detail {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    message: String,
    details: Option<Particulars>,
}

#[derive(Debug, Deserialize)]
struct Particulars {
    error_code: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    error: Detail,
    request_id: Option<String>,
}

/// Reads the error from a response that is not 2xx.
pub(crate) async fn read(response: &mut Response, now_ms: u64) -> CallError {
    let status = response.status();
    let retry_after_ms = response.retry_after_ms(now_ms);
    let header_id = response.header("request-id").map(str::to_owned);
    let body = match response.bytes(ERROR_BYTES_MAX).await {
        Ok(body) => body,
        Err(error) => format!("its body could not be read: {error}").into_bytes(),
    };
    let (detail, body_id) = match serde_json::from_slice::<Body>(&body) {
        Ok(body) => (body.error, body.request_id),
        Err(_) => (Detail { message: excerpt(&body), ..Detail::default() }, None),
    };
    let fault = judge(Some(status), &detail);
    let mut message = if detail.message.is_empty() { format!("status {status}") } else { detail.message };
    if let Some(id) = body_id.or(header_id) {
        message.push_str(&format!(" (request id {id})"));
    }
    let code = detail.details.and_then(|details| details.error_code);
    let provider_code = code.or(Some(detail.kind).filter(|kind| !kind.is_empty()));
    // A spent limit does not come back by waiting.
    let retry_after_ms = retry_after_ms.or_else(|| {
        let code = provider_code.as_deref().unwrap_or_default();
        classify(Signs { status: Some(status), code, message: &message }).retry_after_ms
    });
    let retry_after_ms = retry_after_ms.filter(|_| fault != Fault::Billing);
    CallError { fault, message, provider_code, status: Some(status), retry_after_ms }
}

/// An error that came after an answer had begun, with status 200.
pub(crate) fn in_stream(detail: Option<Detail>) -> CallError {
    let detail = detail.unwrap_or_default();
    let fault = judge(None, &detail);
    let message = if detail.message.is_empty() { "the provider broke off the answer".into() } else { detail.message };
    let provider_code = Some(detail.kind).filter(|kind| !kind.is_empty());
    CallError { fault, message, provider_code, status: None, retry_after_ms: None }
}

/// Goes by the provider's own type; by what all providers share only where there is none, as behind a proxy.
fn judge(status: Option<u16>, detail: &Detail) -> Fault {
    let code = detail.details.as_ref().and_then(|details| details.error_code.as_deref());
    match detail.kind.as_str() {
        "invalid_request_error" => invalid_request(&detail.message),
        "authentication_error" => shared(status.or(Some(401)), detail),
        "billing_error" => Fault::Billing,
        "permission_error" => shared(status.or(Some(403)), detail),
        "not_found_error" => Fault::UnknownModel,
        "request_too_large" => Fault::ContextTooLong,
        "rate_limit_error" if code == Some("enforced_spend_limit_reached") => Fault::Billing,
        "rate_limit_error" => Fault::RateLimited,
        "timeout_error" => Fault::TimedOut,
        "api_error" | "overloaded_error" => Fault::Overloaded,
        // A page that is not there is no model that is not there: the provider names its type.
        _ if status == Some(404) => Fault::Other,
        _ => shared(status, detail),
    }
}

fn shared(status: Option<u16>, detail: &Detail) -> Fault {
    classify(Signs { status, code: &detail.kind, message: &detail.message }).fault.unwrap_or(Fault::Other)
}

/// The provider says many things with one type; only its words tell them apart.
fn invalid_request(message: &str) -> Fault {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["prompt is too long", "exceed context limit", "exceeds the context", "too many total text bytes"]) {
        Fault::ContextTooLong
    } else if says(&["credit balance", "usage limits"]) {
        Fault::Billing
    } else if says(&["content filtering"]) {
        Fault::ContentRefused
    } else if says(&[
        "could not process image",
        "image exceeds",
        "image dimensions",
        ".image.source",
        "pdf",
        ".document",
    ]) {
        Fault::UnsupportedInput
    } else {
        Fault::InvalidRequest
    }
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.trim().chars().filter(|sign| !sign.is_control()).take(EXCERPT_SIGNS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, kind: &str, message: &str, expected: Fault) {
        let detail = Detail { kind: kind.into(), message: message.into(), details: None };
        assert_eq!(judge(Some(status), &detail), expected, "{status} {kind} {message}");
    }

    #[test]
    fn every_type_has_its_fault() {
        check(400, "invalid_request_error", "max_tokens: Field required", Fault::InvalidRequest);
        check(401, "authentication_error", "invalid x-api-key", Fault::Authentication);
        check(401, "authentication_error", "This API key has been disabled.", Fault::CredentialInvalid);
        check(402, "billing_error", "", Fault::Billing);
        check(403, "permission_error", "", Fault::Permission);
        check(404, "not_found_error", "model: claude-none", Fault::UnknownModel);
        check(413, "request_too_large", "", Fault::ContextTooLong);
        check(429, "rate_limit_error", "", Fault::RateLimited);
        check(500, "api_error", "", Fault::Overloaded);
        check(504, "timeout_error", "", Fault::TimedOut);
        check(529, "overloaded_error", "Overloaded", Fault::Overloaded);
    }

    #[test]
    fn words_tell_invalid_requests_apart() {
        let check = |message, expected| check(400, "invalid_request_error", message, expected);
        check("prompt is too long: 210000 tokens > 200000 maximum", Fault::ContextTooLong);
        check("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", Fault::ContextTooLong);
        check("Your credit balance is too low to access the Anthropic API.", Fault::Billing);
        check("You have reached your specified API usage limits.", Fault::Billing);
        check("Output blocked by content filtering policy", Fault::ContentRefused);
        check("messages.0.content.0.image.source.base64: image exceeds 5 MB maximum", Fault::UnsupportedInput);
        check("Could not process image", Fault::UnsupportedInput);
        check("The PDF specified was not valid.", Fault::UnsupportedInput);
        check("messages: roles must alternate between \"user\" and \"assistant\"", Fault::InvalidRequest);
    }

    #[test]
    fn the_status_counts_where_there_is_no_type() {
        check(401, "", "", Fault::Authentication);
        check(404, "", "<html>", Fault::Other);
        check(413, "", "", Fault::ContextTooLong);
        check(500, "", "", Fault::Other);
        check(502, "", "", Fault::TimedOut);
        check(524, "new_error", "", Fault::Other);
        check(529, "new_error", "", Fault::Overloaded);
        check(418, "new_error", "", Fault::Other);
    }
}
