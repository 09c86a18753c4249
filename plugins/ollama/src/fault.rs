//! What the server's errors mean, before an answer and in the midst of one. It gives words and a status, no codes.

use creel_sdk::Response;
use creel_sdk::classify::{Signs, classify};
use creel_sdk::provider::{CallError, Fault};
use serde::Deserialize;

/// Bytes of an error that are read; what is longer is no error of the server's.
const ERROR_BYTES_MAX: usize = 1 << 20;
/// Signs of a body that is no error of the server's which are shown.
const EXCERPT_SIGNS_MAX: usize = 300;

/// The server's words; gateways in between wrap them into an object.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Said {
    Plain(String),
    Wrapped { message: String },
}

#[derive(Deserialize)]
struct Body {
    error: Said,
}

impl Said {
    fn into_text(self) -> String {
        match self {
            Self::Plain(text) | Self::Wrapped { message: text } => text,
        }
    }
}

/// Reads the error from a response that is not 2xx.
pub(crate) async fn read(response: &mut Response, now_ms: u64) -> CallError {
    let status = response.status();
    let retry_after_ms = response.retry_after_ms(now_ms);
    let body = match response.bytes(ERROR_BYTES_MAX).await {
        Ok(body) => body,
        Err(error) => format!("its body could not be read: {error}").into_bytes(),
    };
    let said = serde_json::from_slice::<Body>(&body).map_or_else(|_| excerpt(&body), |body| body.error.into_text());
    let fault = judge(Some(status), &said);
    let in_words = || classify(Signs { status: Some(status), code: "", message: &said }).retry_after_ms;
    let retry_after_ms = retry_after_ms.or_else(in_words);
    let message = if said.is_empty() { format!("status {status}") } else { said };
    CallError { fault, message, provider_code: None, status: Some(status), retry_after_ms }
}

/// An error that came after an answer had begun, with status 200.
pub(crate) fn in_stream(said: Said) -> CallError {
    let message = said.into_text();
    CallError::new(judge(None, &message), message)
}

fn judge(status: Option<u16>, message: &str) -> Fault {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["exceeds the context", "context length", "prompt too long", "prompt is too long"]) {
        return Fault::ContextTooLong;
    }
    if says(&["does not support", "doesn't support", "not support image", "failed to process inputs", "unknown format"])
    {
        return Fault::UnsupportedInput;
    }
    // A page that is not there is no model that is not there: another server answered.
    if status == Some(404) && !says(&["model"]) {
        return Fault::Other;
    }
    classify(Signs { status, code: "", message: &message }).fault.unwrap_or(Fault::Other)
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.trim().chars().filter(|sign| !sign.is_control()).take(EXCERPT_SIGNS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_status_make_the_fault() {
        let check = |status, message, expected| assert_eq!(judge(status, message), expected, "{status:?} {message}");
        check(Some(404), "model 'x' not found", Fault::UnknownModel);
        check(Some(404), "404 page not found", Fault::Other);
        check(Some(400), "\"llama3\" does not support tools", Fault::UnsupportedInput);
        check(Some(400), "invalid options", Fault::InvalidRequest);
        check(Some(400), "the input length exceeds the context length", Fault::ContextTooLong);
        check(Some(500), "Failed to process inputs: image: unknown format", Fault::UnsupportedInput);
        check(Some(500), "model requires more system memory", Fault::Other);
        check(Some(503), "server busy, please try again", Fault::Overloaded);
        check(Some(502), "", Fault::TimedOut);
        check(Some(401), "unauthorized", Fault::Authentication);
        check(Some(401), "this api key has been revoked", Fault::CredentialInvalid);
        check(Some(402), "", Fault::Billing);
        check(Some(403), "", Fault::Permission);
        check(Some(413), "", Fault::ContextTooLong);
        check(Some(429), "too many requests", Fault::RateLimited);
        check(Some(504), "", Fault::TimedOut);
        check(None, "unauthorized", Fault::Authentication);
        check(None, "overloaded", Fault::Overloaded);
        check(None, "an error was encountered while running the model", Fault::Other);
    }
}
