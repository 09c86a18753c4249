//! Recorded exchanges, and what never goes on the wire.

use creel_plugin_anthropic::Anthropic;
use creel_sdk::Part;
use creel_sdk::provider::{ChatRequest, Fault, ResponseFormat, Tool};
use creel_sdk::test_kit::{self, Chunking, ProviderScript, cassette, chat, context, media};

#[test]
fn cassettes_play() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes");
    assert!(cassette::run_provider::<Anthropic>(directory) >= 52);
}

#[test]
fn cassettes_of_the_list_of_models_play() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes/models");
    assert!(cassette::run_catalog::<Anthropic>(directory) >= 9);
}

#[test]
fn cassettes_of_counts_play() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes/counter");
    assert!(cassette::run_counter::<Anthropic>(directory) >= 5);
}

/// A request that is refused before anything is sent.
fn check_refused(request: ChatRequest, fault: Fault, message: &str) {
    let mut script = ProviderScript::provider::<Anthropic>(context(), request);
    assert_eq!(script.next_command(), None);
    let error = script.result().and_then(|result| result.clone().err()).expect("it is refused");
    assert_eq!((error.fault, error.message.as_str()), (fault, message));
}

#[test]
fn media_that_the_provider_does_not_take_are_refused() {
    let message = "the provider takes no `video/mp4`: JPEG, PNG, GIF, WebP and PDF only";
    let parts = vec![Part::Media(media("a.mp4", "video/mp4"))];
    check_refused(chat("claude-haiku-4-5", parts), Fault::UnsupportedInput, message);
}

#[test]
fn schemas_that_are_none_are_refused() {
    let hi = || chat("claude-haiku-4-5", vec![Part::Text("hi".into())]);
    let tool = Tool { name: "t".into(), description: String::new(), parameters_json: "[1]".into() };
    let message = "the JSON schema of `t` cannot be used: it is not an object";
    check_refused(ChatRequest { tools: vec![tool], ..hi() }, Fault::InvalidRequest, message);
    let response_format = ResponseFormat::JsonSchema("{".into());
    let message = "the JSON schema of `the answer` cannot be used: EOF while parsing an object at line 1 column 1";
    check_refused(ChatRequest { response_format, ..hi() }, Fault::InvalidRequest, message);
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let mut cx = context();
    cx.settings_json = r#"{"maxTokens": -1}"#.into();
    let script = ProviderScript::provider::<Anthropic>(cx, chat("claude-haiku-4-5", Vec::new()));
    let error = script.result().and_then(|result| result.clone().err()).expect("it is refused");
    assert_eq!(error.fault, Fault::InvalidRequest);
}

#[test]
fn a_text_cannot_pass_for_a_medium() {
    let placeholder = format!("creel-media-{:016x}-0", context().entropy);
    let parts = vec![Part::Media(media("a.png", "image/png")), Part::Text(format!("\"{placeholder}\" {placeholder}"))];
    let mut script = ProviderScript::provider::<Anthropic>(context(), chat("claude-haiku-4-5", parts));
    let (_, request) = script.expect_send();
    assert_eq!(request.body.len(), 3);
    let body = test_kit::render(&request.body);
    assert_eq!(body.matches("base64:media://inbound/a.png").count(), 1);
}

#[test]
fn an_open_connection_is_given_half_a_second_and_then_up() {
    let parts = vec![Part::Text("hi".into())];
    let mut script = ProviderScript::provider::<Anthropic>(context(), chat("claude-haiku-4-5", parts));
    let (id, _) = script.expect_send();
    let head = test_kit::head(200, &[("content-type", "text/event-stream")]);
    let body = b"data: {\"type\":\"message_stop\"}\n\n";
    let mut events = vec![test_kit::head_event(id, head)];
    events.extend(test_kit::chunks(id, body, Chunking::Whole));
    script.resume(events);
    assert_eq!(script.result(), None);
    let wait = script.expect_wait(500);
    script.resume(vec![test_kit::elapsed(wait)]);
    assert_eq!(script.result(), Some(&Ok(())));
}
