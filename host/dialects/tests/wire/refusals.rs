//! Errors in both shapes: status, words for programs, and bodies.

use creel_dialects::{ApiError, ErrorKind, Shape, write_error};
use serde_json::{Value, json};

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).expect("an error is JSON")
}

fn check(kind: ErrorKind, openai: (u16, &str, Option<&str>), anthropic: (u16, &str)) {
    let error = ApiError::new(kind, "it is so");
    let (status, body) = write_error(Shape::Openai, &error, "req_1");
    let (kind_word, code) = (openai.1, openai.2);
    let expect = json!({ "error": { "message": "it is so", "type": kind_word, "param": null, "code": code } });
    assert_eq!((status, parsed(&body)), (openai.0, expect), "{kind:?}");
    let (status, body) = write_error(Shape::Anthropic, &error, "req_1");
    let body = parsed(&body);
    assert_eq!((status, body["error"]["type"].as_str()), (anthropic.0, Some(anthropic.1)), "{kind:?}");
    assert_eq!(body["error"]["message"], "it is so");
    assert_eq!((&body["type"], &body["request_id"]), (&"error".into(), &"req_1".into()));
}

#[test]
fn each_kind_has_its_status_and_words() {
    use ErrorKind as Kind;
    const INVALID: &str = "invalid_request_error";
    check(Kind::WrongToken, (401, INVALID, Some("invalid_api_key")), (401, "authentication_error"));
    check(Kind::InvalidRequest, (400, INVALID, None), (400, INVALID));
    check(Kind::ContextTooLong, (400, INVALID, Some("context_length_exceeded")), (400, INVALID));
    check(Kind::UnknownModel, (404, INVALID, Some("model_not_found")), (404, "not_found_error"));
    check(Kind::UnknownRoute, (404, INVALID, Some("unknown_url")), (404, "not_found_error"));
    check(Kind::TooLarge, (413, INVALID, Some("request_too_large")), (413, "request_too_large"));
    check(Kind::OverBudget, (429, "insufficient_quota", Some("insufficient_quota")), (429, "rate_limit_error"));
    check(Kind::RateLimited, (429, "requests", Some("rate_limit_exceeded")), (429, "rate_limit_error"));
    let refused = (502, "server_error", Some("upstream_credentials_refused"));
    check(Kind::UpstreamCredentials, refused, (502, "api_error"));
    check(Kind::TimedOut, (504, "server_error", Some("timeout")), (504, "timeout_error"));
    let busy = (503, "service_unavailable_error", Some("server_is_overloaded"));
    check(Kind::Overloaded, busy, (529, "overloaded_error"));
}

#[test]
fn every_other_kind_has_a_status_of_its_class() {
    use ErrorKind as Kind;
    for (kind, expect) in [
        (Kind::Forbidden, 403),
        (Kind::Unsupported, 400),
        (Kind::ContentRefused, 400),
        (Kind::NotFound, 404),
        (Kind::MethodNotAllowed, 405),
        (Kind::UpstreamFailed, 502),
        (Kind::Unavailable, 503),
        (Kind::Internal, 500),
    ] {
        for shape in [Shape::Openai, Shape::Anthropic] {
            assert_eq!(write_error(shape, &ApiError::new(kind, "x"), "req_1").0, expect, "{kind:?} {shape:?}");
        }
    }
}

#[test]
fn field_and_code_are_said() {
    let error =
        ApiError { code: Some("budget_exceeded"), ..ApiError::new(ErrorKind::OverBudget, "\"spent\"\n").about("a.b") };
    let expect =
        r#"{"error":{"message":"\"spent\"\n","type":"insufficient_quota","param":"a.b","code":"budget_exceeded"}}"#;
    assert_eq!(write_error(Shape::Openai, &error, "req_1").1, expect);
    let body = parsed(&write_error(Shape::Anthropic, &error, "req_1").1);
    assert_eq!(body["error"]["details"], json!({ "error_code": "budget_exceeded" }));
}
