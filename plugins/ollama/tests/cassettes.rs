//! Recorded exchanges, and what never goes on the wire.

use creel_plugin_ollama::Ollama;
use creel_sdk::Part;
use creel_sdk::provider::{ChatRequest, Fault, ResponseFormat};
use creel_sdk::test_kit::{ProviderScript, cassette, chat, context, media};

#[test]
fn cassettes_play() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes");
    assert!(cassette::run_provider::<Ollama>(directory) >= 25);
}

#[test]
fn cassettes_of_the_list_of_models_play() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes/models");
    assert!(cassette::run_catalog::<Ollama>(directory) >= 6);
}

/// A request that is refused before anything is sent.
fn check_refused(request: ChatRequest, fault: Fault, message: &str) {
    let mut script = ProviderScript::provider::<Ollama>(context(), request);
    assert_eq!(script.next_command(), None);
    let error = script.result().and_then(|result| result.clone().err()).expect("it is refused");
    assert_eq!((error.fault, error.message.as_str()), (fault, message));
}

#[test]
fn media_that_are_no_pictures_are_refused() {
    let parts = vec![Part::Media(media("a.pdf", "application/pdf"))];
    let message = "the server takes pictures only, no `application/pdf`";
    check_refused(chat("llava", parts), Fault::UnsupportedInput, message);
}

#[test]
fn schemas_that_are_none_are_refused() {
    let response_format = ResponseFormat::JsonSchema("{".into());
    let request = ChatRequest { response_format, ..chat("glm-5:cloud", Vec::new()) };
    let message = "the JSON schema of `the answer` cannot be used: EOF while parsing an object at line 1 column 1";
    check_refused(request, Fault::InvalidRequest, message);
}
