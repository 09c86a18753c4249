//! The doors of the crate: what they read, and what they write, word for word.

mod lists;

use crate::{ApiError, ChatCall, Dialect, ErrorKind, Finish, Output, Shape, Stamp, StreamWriter, WholeWriter};
use crate::{read_chat, read_count, write_count, write_error};

const STAMP: Stamp = Stamp { entropy: 1, created_s: 9 };
const DIALECTS: [Dialect; 3] = [Dialect::OpenaiCompletions, Dialect::OpenaiResponses, Dialect::AnthropicMessages];

fn ask(dialect: Dialect) -> ChatCall {
    let body = r#"{"model":"m","max_tokens":9,"input":"hi","messages":[{"role":"user","content":"hi"}]}"#;
    read_chat(dialect, body.as_bytes()).expect("the request is good")
}

#[test]
fn a_body_is_read_in_its_dialect() {
    for dialect in DIALECTS {
        let call = ask(dialect);
        assert_eq!((call.dialect, call.messages.len()), (dialect, 1));
        assert!(call.native("other", &[]).starts_with(r#"{"model":"other","max_tokens":9,"#));
        let error = read_chat(dialect, b"{\n  \"model\": }").expect_err("this is no JSON");
        let expect = "the body cannot be read as JSON: expected value at line 2 column 12";
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::InvalidRequest, expect));
        let error = read_chat(dialect, b"[1]").expect_err("this is no object");
        assert_eq!(error.message, "the body must be an object");
        assert!(read_chat(dialect, b"{\"model\":\"\xff\"}").is_err());
    }
}

#[test]
fn tokens_are_counted_in_anthropics_dialect() {
    let call = read_count(br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#).expect("it is good");
    assert_eq!((call.dialect, call.max_tokens), (Dialect::AnthropicMessages, None));
    assert_eq!(write_count(12), r#"{"input_tokens":12}"#);
}

#[test]
fn an_answer_has_an_id_of_its_own() {
    let id = |dialect: Dialect, entropy: u64| {
        let writer = WholeWriter::new(&ask(dialect), Stamp { entropy, created_s: 9 });
        let answer: serde_json::Value =
            serde_json::from_str(&writer.finish().expect("the answer is good")).expect("it is JSON");
        answer["id"].as_str().expect("an id is text").to_owned()
    };
    for (dialect, (prefix, length)) in DIALECTS.into_iter().zip([("chatcmpl-", 38), ("resp_", 53), ("msg_01", 28)]) {
        assert!(id(dialect, 1).starts_with(prefix));
        assert_eq!(id(dialect, 1).len(), length);
        assert_eq!(id(dialect, 1), id(dialect, 1));
        assert_ne!(id(dialect, 1), id(dialect, 2));
    }
}

#[test]
fn a_stream_says_nothing_after_its_end() {
    for dialect in DIALECTS {
        let mut writer = StreamWriter::new(&ask(dialect), STAMP);
        let mut out = String::new();
        writer.keep_alive(&mut out);
        assert!(!out.is_empty() && !writer.is_over());
        out.clear();
        writer.event(&Output::Text("hello".to_owned()), &mut out);
        writer.event(&Output::Finished(Finish::Stop), &mut out);
        assert!(out.contains("hello") && !writer.is_over());
        out.clear();
        writer.finish(&mut out);
        assert!(!out.is_empty() && writer.is_over());
        out.clear();
        writer.event(&Output::Text("more".to_owned()), &mut out);
        writer.error(&ApiError::new(ErrorKind::Internal, "late"), "req_1", &mut out);
        writer.keep_alive(&mut out);
        writer.finish(&mut out);
        assert_eq!(out, "");
    }
}

#[test]
fn a_broken_answer_is_an_error() {
    let broken = Output::ToolCallArguments { index: 3, json: "{}".to_owned() };
    let expect = "the answer of the provider is broken: call 3 has arguments and was never started";
    for dialect in DIALECTS {
        let mut writer = StreamWriter::new(&ask(dialect), STAMP);
        let mut out = String::new();
        writer.event(&broken, &mut out);
        assert!(out.contains(expect) && writer.is_over(), "{out}");
        out.clear();
        writer.finish(&mut out);
        assert_eq!(out, "");
        let mut writer = WholeWriter::new(&ask(dialect), STAMP);
        writer.event(&broken);
        writer.event(&Output::Text("a".to_owned()));
        assert_eq!(writer.finish().expect_err("the answer is broken").message, expect);
    }
}

#[test]
fn a_late_error_has_the_form_of_its_dialect() {
    let error = ApiError::new(ErrorKind::TimedOut, "too late");
    let late = |dialect: Dialect| {
        let mut writer = StreamWriter::new(&ask(dialect), STAMP);
        let mut out = String::new();
        writer.error(&error, "req_1", &mut out);
        out
    };
    let openai = r#"{"error":{"message":"too late","type":"server_error","param":null,"code":"timeout"}}"#;
    assert_eq!(late(Dialect::OpenaiCompletions), format!("data: {openai}\n\ndata: [DONE]\n\n"));
    let anthropic = r#"{"type":"error","error":{"type":"timeout_error","message":"too late"},"request_id":"req_1"}"#;
    assert_eq!(late(Dialect::AnthropicMessages), format!("event: error\ndata: {anthropic}\n\n"));
    assert!(late(Dialect::OpenaiResponses).contains("event: response.failed\n"));
}

#[test]
fn errors_have_status_type_and_code() {
    use ErrorKind as Kind;
    let check = |kind: Kind, openai: (u16, &str, &str), anthropic: (u16, &str)| {
        let error = ApiError::new(kind, "it is so").about("n");
        let code = if openai.2 == "null" { openai.2.to_owned() } else { format!("\"{}\"", openai.2) };
        let body = format!(r#"{{"error":{{"message":"it is so","type":"{}","param":"n","code":{code}}}}}"#, openai.1);
        assert_eq!(write_error(Shape::Openai, &error, "req_1"), (openai.0, body));
        let details = match kind {
            Kind::UpstreamCredentials => r#","details":{"error_code":"upstream_credentials_refused"}"#,
            _ => "",
        };
        let body = format!(
            r#"{{"type":"error","error":{{"type":"{}","message":"it is so"{details}}},"request_id":"req_1"}}"#,
            anthropic.1
        );
        assert_eq!(write_error(Shape::Anthropic, &error, "req_1"), (anthropic.0, body));
    };
    let invalid = "invalid_request_error";
    check(Kind::WrongToken, (401, invalid, "invalid_api_key"), (401, "authentication_error"));
    check(Kind::Forbidden, (403, invalid, "permission_denied"), (403, "permission_error"));
    check(Kind::InvalidRequest, (400, invalid, "null"), (400, invalid));
    check(Kind::Unsupported, (400, invalid, "unsupported_parameter"), (400, invalid));
    check(Kind::ContextTooLong, (400, invalid, "context_length_exceeded"), (400, invalid));
    check(Kind::ContentRefused, (400, invalid, "content_policy_violation"), (400, invalid));
    check(Kind::UnknownModel, (404, invalid, "model_not_found"), (404, "not_found_error"));
    check(Kind::NotFound, (404, invalid, "not_found"), (404, "not_found_error"));
    check(Kind::UnknownRoute, (404, invalid, "unknown_url"), (404, "not_found_error"));
    check(Kind::MethodNotAllowed, (405, invalid, "method_not_supported"), (405, invalid));
    check(Kind::TooLarge, (413, invalid, "request_too_large"), (413, "request_too_large"));
    check(Kind::OverBudget, (429, "insufficient_quota", "insufficient_quota"), (429, "rate_limit_error"));
    check(Kind::RateLimited, (429, "requests", "rate_limit_exceeded"), (429, "rate_limit_error"));
    check(Kind::Overloaded, (503, "service_unavailable_error", "server_is_overloaded"), (529, "overloaded_error"));
    check(Kind::UpstreamCredentials, (502, "server_error", "upstream_credentials_refused"), (502, "api_error"));
    check(Kind::UpstreamFailed, (502, "server_error", "upstream_failed"), (502, "api_error"));
    check(Kind::TimedOut, (504, "server_error", "timeout"), (504, "timeout_error"));
    check(Kind::Unavailable, (503, "service_unavailable_error", "unavailable"), (503, "api_error"));
    check(Kind::Internal, (500, "server_error", "internal_error"), (500, "api_error"));
}

#[test]
fn a_code_of_its_own_outweighs_that_of_the_kind() {
    let error = ApiError { code: Some("budget_exceeded"), ..ApiError::new(ErrorKind::OverBudget, "spent") };
    let openai = r#"{"error":{"message":"spent","type":"insufficient_quota","param":null,"code":"budget_exceeded"}}"#;
    assert_eq!(write_error(Dialect::OpenaiResponses.shape(), &error, "r"), (429, openai.to_owned()));
    let anthropic = concat!(
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"spent","#,
        r#""details":{"error_code":"budget_exceeded"}},"request_id":"r"}"#,
    );
    assert_eq!(write_error(Dialect::AnthropicMessages.shape(), &error, "r"), (429, anthropic.to_owned()));
    assert_eq!(Dialect::OpenaiCompletions.shape(), Shape::Openai);
}
