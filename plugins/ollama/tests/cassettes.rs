//! Recorded exchanges, and what never goes on the wire.

use creel_plugin_ollama::Ollama;
use creel_sdk::Part;
use creel_sdk::embedding::EmbeddingRequest;
use creel_sdk::provider::{ChatRequest, Fault, ResponseFormat};
use creel_sdk::test_kit::{self, Chunking, EmbeddingScript, ProviderScript, cassette, chat, context, media};
use serde_json::{Value, json};

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

#[test]
fn cassettes_of_vectors_play() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes/embeddings");
    assert!(cassette::run_embedder::<Ollama>(directory) >= 7);
}

#[test]
fn many_texts_are_asked_for_in_parts() {
    let inputs: Vec<String> = (0..257).map(|n| format!("text {n}")).collect();
    let request = EmbeddingRequest { model: "m".into(), inputs, dimensions: Some(1) };
    let mut script = EmbeddingScript::embedder::<Ollama>(context(), request);
    for (first, count) in [(0, 256), (256, 1)] {
        let (id, sent) = script.expect_send();
        let body: Value = serde_json::from_str(&test_kit::render(&sent.body)).expect("the body is JSON");
        assert_eq!(body["input"][0], format!("text {first}"));
        assert_eq!(body["input"].as_array().map(Vec::len), Some(count));
        let vectors: Vec<Value> = (first..first + count).map(|n| json!([n])).collect();
        let answer = json!({ "embeddings": vectors, "prompt_eval_count": count }).to_string();
        let head = test_kit::head(200, &[("content-type", "application/json")]);
        script.respond(id, head, answer.as_bytes(), Chunking::Whole);
    }
    assert_eq!(script.result(), Some(&Ok(())));
    let embeddings = script.output().first().expect("there are vectors");
    assert_eq!((embeddings.vectors.len(), embeddings.input_tokens), (257, 257));
    assert_eq!(embeddings.vectors.last(), Some(&vec![256.0]));
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
