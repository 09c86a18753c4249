//! What errors mean, before an answer and in the midst of one. Servers of the dialect agree on `error` and on little
//! within it, so that everything is read leniently.

use creel_sdk::Response;
use creel_sdk::classify::{Signs, classify};
use creel_sdk::provider::{CallError, Fault};
use serde_json::Value;

/// Bytes of an error that are read; what is longer is no error of a server's.
const ERROR_BYTES_MAX: usize = 1 << 20;
/// Signs of a body that is no error of a server's which are shown.
const EXCERPT_SIGNS_MAX: usize = 300;

/// What an error says.
#[derive(Debug, Default, PartialEq)]
struct Said {
    message: String,
    /// `code`, or else `type`.
    code: String,
    /// `type`, which tells less than `code`.
    kind: String,
}

/// Reads the error from a response that is not 2xx.
pub(crate) async fn read(response: &mut Response, now_ms: u64) -> CallError {
    let status = response.status();
    let retry_after_ms = response.retry_after_ms(now_ms);
    let request_id = response.header("x-request-id").map(str::to_owned);
    let body = match response.bytes(ERROR_BYTES_MAX).await {
        Ok(body) => body,
        Err(error) => format!("its body could not be read: {error}").into_bytes(),
    };
    let said = serde_json::from_slice::<Value>(&body).ok().as_ref().and_then(said_in);
    let said = said.unwrap_or_else(|| Said { message: excerpt(&body), ..Said::default() });
    let mut error = error(said, Some(status));
    if error.message.is_empty() {
        error.message = format!("status {status}");
    }
    if let Some(id) = request_id {
        error.message.push_str(&format!(" (request id {id})"));
    }
    // A spent account does not come back by waiting.
    error.retry_after_ms = retry_after_ms.or(error.retry_after_ms).filter(|_| error.fault != Fault::Billing);
    error
}

/// An error that came after an answer had begun, with status 200: what stood at `error`.
pub(crate) fn in_stream(detail: &Value) -> CallError {
    let mut error = error(said_of(detail), None);
    if error.message.is_empty() {
        error.message = "the provider broke off the answer".into();
    }
    error
}

fn error(said: Said, status: Option<u16>) -> CallError {
    let meaning = classify(Signs { status, code: &said.code, message: &said.message });
    let fault = judge(meaning.status, &said).or(meaning.fault).unwrap_or(Fault::Other);
    let provider_code = Some(said.code).filter(|code| !code.is_empty());
    CallError { fault, message: said.message, provider_code, status, retry_after_ms: meaning.retry_after_ms }
}

/// The error in a body: at `error`, or the body itself, perhaps in a list of one.
fn said_in(body: &Value) -> Option<Said> {
    let body = body.get(0).unwrap_or(body);
    let found = match body.get("error") {
        Some(error) if !error.is_null() => said_of(error),
        Some(_) | None => said_of(body),
    };
    (!found.message.is_empty() || !found.code.is_empty()).then_some(found)
}

fn said_of(error: &Value) -> Said {
    if let Value::String(message) = error {
        return Said { message: message.clone(), ..Said::default() };
    }
    let word = |key: &str| match error.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_)) | None => String::new(),
        Some(other @ (Value::Array(_) | Value::Object(_))) => other.to_string(),
    };
    let (code, kind) = (word("code"), word("type"));
    let mut message = word("message");
    if message.is_empty() {
        message = word("detail");
    }
    // OpenRouter says in `metadata` what the server behind it said.
    if let Some(raw) = error.pointer("/metadata/raw").and_then(Value::as_str).filter(|raw| !raw.is_empty()) {
        let raw: String = raw.chars().take(EXCERPT_SIGNS_MAX).collect();
        message = format!("{message}: {raw}");
    }
    Said { message, code: if code.is_empty() { kind.clone() } else { code }, kind }
}

/// What only servers of this dialect say; what all say alike is left to others.
fn judge(status: Option<u16>, said: &Said) -> Option<Fault> {
    match said.code.as_str() {
        "insufficient_quota" | "billing_hard_limit_reached" | "billing_not_active" => return Some(Fault::Billing),
        "context_length_exceeded" | "string_above_max_length" | "exceed_context_size_error" => {
            return Some(Fault::ContextTooLong);
        }
        "model_not_found" => return Some(Fault::UnknownModel),
        "content_policy_violation" | "content_filter" | "image_content_policy_violation" => {
            return Some(Fault::ContentRefused);
        }
        "rate_limit_exceeded" => return Some(Fault::RateLimited),
        "server_error" | "server_is_overloaded" | "slow_down" | "engine_overloaded" => return Some(Fault::Overloaded),
        "invalid_image"
        | "invalid_image_format"
        | "invalid_image_url"
        | "invalid_base64_image"
        | "image_parse_error"
        | "image_too_large"
        | "unsupported_image_media_type"
        | "empty_image_file"
        | "unsupported_file" => {
            return Some(Fault::UnsupportedInput);
        }
        _ => {}
    }
    let message = said.message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let is_of_request = matches!(status, None | Some(400 | 404 | 413 | 422 | 500));
    if is_of_request
        && says(&["context length", "context window", "context size", "prompt is too long", "too many tokens"])
    {
        return Some(Fault::ContextTooLong);
    }
    if is_of_request && says(&NO_MEDIA) {
        return Some(Fault::UnsupportedInput);
    }
    if matches!(status, Some(400 | 403)) && says(&["flagged", "moderation", "content management policy"]) {
        return Some(Fault::ContentRefused);
    }
    if says(&["model"])
        && matches!(status, None | Some(400 | 404))
        && says(&[
            "does not exist",
            "not found",
            "not a valid model",
            "invalid model",
            "model not exist",
            "no such model",
        ])
    {
        return Some(Fault::UnknownModel);
    }
    match status {
        // A page that is not there is no model that is not there: another server answered.
        Some(404) => Some(Fault::Other),
        Some(500) if said.kind == "server_error" => Some(Fault::Overloaded),
        _ => None,
    }
}

/// How servers say that a model does not take a medium.
const NO_MEDIA: [&str; 9] = [
    "not support image",
    "support image input",
    "not a multimodal model",
    "image input is not supported",
    "image_url is only supported",
    "invalid content type. image_url",
    "could not process image",
    "unsupported image",
    "not support audio",
];

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.trim().chars().filter(|sign| !sign.is_control()).take(EXCERPT_SIGNS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body with a status means.
    fn check(status: u16, body: &str, fault: Fault, code: &str) {
        let body: Value = serde_json::from_str(body).expect("the body is JSON");
        let error = error(said_in(&body).expect("it says something"), Some(status));
        assert_eq!((error.fault, error.provider_code.as_deref().unwrap_or("")), (fault, code), "{status} {body}");
    }

    /// The same with the provider's own body.
    fn check_own(status: u16, (kind, code): (&str, &str), message: &str, fault: Fault) {
        let body = serde_json::json!({ "error": { "message": message, "type": kind, "param": null, "code": code } });
        check(status, &body.to_string(), fault, code);
    }

    #[test]
    fn codes_decide() {
        let request = "invalid_request_error";
        check_own(429, ("insufficient_quota", "insufficient_quota"), "You exceeded your current quota", Fault::Billing);
        check_own(429, ("tokens", "rate_limit_exceeded"), "Rate limit reached", Fault::RateLimited);
        check_own(401, (request, "invalid_api_key"), "Incorrect API key provided: sk-1", Fault::CredentialInvalid);
        check_own(404, (request, "model_not_found"), "The model `x` does not exist", Fault::UnknownModel);
        check_own(400, (request, "context_length_exceeded"), "too long", Fault::ContextTooLong);
        check_own(400, (request, "content_policy_violation"), "no", Fault::ContentRefused);
        check_own(400, (request, "invalid_image_format"), "no", Fault::UnsupportedInput);
        check_own(400, (request, "decimal_below_min_value"), "no", Fault::InvalidRequest);
        check_own(500, ("server_error", "internal"), "The server had an error", Fault::Overloaded);
        check_own(503, ("x", "slow_down"), "Slow down", Fault::Overloaded);
    }

    #[test]
    fn bodies_of_other_servers_are_read() {
        // vLLM
        check(
            404,
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#,
            Fault::UnknownModel,
            "404",
        );
        check(
            400,
            r#"{"error":{"message":"This model's maximum context length is 9.","type":"BadRequest","code":400}}"#,
            Fault::ContextTooLong,
            "400",
        );
        check(
            400,
            r#"{"error":{"message":"x is not a multimodal model","type":"BadRequestError","code":400}}"#,
            Fault::UnsupportedInput,
            "400",
        );
        // llama.cpp
        check(
            400,
            r#"{"error":{"code":400,"message":"exceeds the context size","type":"exceed_context_size_error"}}"#,
            Fault::ContextTooLong,
            "400",
        );
        check(
            500,
            r#"{"error":{"code":500,"message":"image input is not supported - hint: mmproj","type":"server_error"}}"#,
            Fault::UnsupportedInput,
            "500",
        );
        // OpenRouter
        check(402, r#"{"error":{"code":402,"message":"Insufficient credits"}}"#, Fault::Billing, "402");
        check(400, r#"{"error":{"code":400,"message":"x/y is not a valid model ID"}}"#, Fault::UnknownModel, "400");
        check(
            404,
            r#"{"error":{"code":404,"message":"No endpoints found that support image input"}}"#,
            Fault::UnsupportedInput,
            "404",
        );
        check(
            403,
            r#"{"error":{"code":403,"message":"Input was flagged","metadata":{"reasons":["violence"]}}}"#,
            Fault::ContentRefused,
            "403",
        );
        // Mistral
        check(422, r#"{"detail":[{"type":"extra_forbidden","loc":["body","x"]}]}"#, Fault::InvalidRequest, "");
        check(401, r#"{"detail":"Unauthorized"}"#, Fault::Authentication, "");
        // DeepSeek, LM Studio, Gemini's compatible form, proxies
        check(
            402,
            r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}"#,
            Fault::Billing,
            "invalid_request_error",
        );
        check(400, r#"{"error":"Model does not support images"}"#, Fault::UnsupportedInput, "");
        check(
            400,
            r#"[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]"#,
            Fault::InvalidRequest,
            "400",
        );
        check(404, r#"{"error":{"message":"Invalid URL (POST /v1/x)"}}"#, Fault::Other, "");
        check(418, r#"{"message":"tea"}"#, Fault::Other, "");
    }

    #[test]
    fn an_error_in_an_answer_has_no_status() {
        let check = |detail: &str, fault, message: &str| {
            let error = in_stream(&serde_json::from_str(detail).expect("it is JSON"));
            assert_eq!((error.fault, error.message.as_str(), error.status), (fault, message, None), "{detail}");
        };
        check(r#"{"code":429,"message":"Rate limited"}"#, Fault::RateLimited, "Rate limited");
        check(r#"{"code":502,"message":"Down","metadata":{"raw":"upstream"}}"#, Fault::TimedOut, "Down: upstream");
        check(r#"{"code":"server_error","message":"Oops"}"#, Fault::Overloaded, "Oops");
        check(r#""out of memory""#, Fault::Other, "out of memory");
        check("{}", Fault::Other, "the provider broke off the answer");
    }
}
