//! Recorded exchanges, and what never goes on the wire.

use creel_plugin_openai::OpenAi;
use creel_sdk::Part;
use creel_sdk::embedding::EmbeddingRequest;
use creel_sdk::provider::{ChatRequest, Fault, NativeRequest, PlacedMedia, ResponseFormat, Tool};
use creel_sdk::test_kit::{self, Chunking, EmbeddingScript, ProviderScript, cassette, chat, context, media};
use serde_json::{Value, json};

#[test]
fn cassettes_play() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes");
    assert!(cassette::run_provider::<OpenAi>(directory) >= 49);
}

#[test]
fn cassettes_of_responses_play() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes/responses");
    assert!(cassette::run_provider::<OpenAi>(directory) >= 16);
}

#[test]
fn cassettes_of_the_list_of_models_play() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes/models");
    assert!(cassette::run_catalog::<OpenAi>(directory) >= 6);
}

#[test]
fn cassettes_of_vectors_play() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/cassettes/embeddings");
    assert!(cassette::run_embedder::<OpenAi>(directory) >= 7);
}

/// A request that is refused before anything is sent.
fn check_refused(settings: &str, request: ChatRequest, fault: Fault, message: &str) {
    let mut cx = context();
    cx.settings_json = settings.into();
    let mut script = ProviderScript::provider::<OpenAi>(cx, request);
    assert_eq!(script.next_command(), None);
    let error = script.result().and_then(|result| result.clone().err()).expect("it is refused");
    assert_eq!((error.fault, error.message.as_str()), (fault, message));
}

#[test]
fn media_that_the_dialect_has_no_part_for_are_refused() {
    let message = |kind| format!("the provider takes no `{kind}`: pictures, PDF, WAV and MP3 only");
    for kind in ["video/mp4", "audio/ogg", "text/plain", "application/zip", ""] {
        let parts = vec![Part::Media(media("a", kind))];
        check_refused("{}", chat("gpt-4o", parts), Fault::UnsupportedInput, &message(kind));
    }
}

#[test]
fn schemas_that_are_none_are_refused() {
    let hi = || chat("gpt-4o", vec![Part::Text("hi".into())]);
    let tool = Tool { name: "t".into(), description: String::new(), parameters_json: "[1]".into() };
    let message = "the JSON schema of `t` cannot be used: it is not an object";
    check_refused("{}", ChatRequest { tools: vec![tool], ..hi() }, Fault::InvalidRequest, message);
    let response_format = ResponseFormat::JsonSchema("{".into());
    let message = "the JSON schema of `the answer` cannot be used: EOF while parsing an object at line 1 column 1";
    check_refused("{}", ChatRequest { response_format, ..hi() }, Fault::InvalidRequest, message);
}

#[test]
fn settings_that_do_not_fit_are_refused() {
    let hi = || chat("gpt-4o", vec![Part::Text("hi".into())]);
    let message =
        "the settings of this plugin do not fit: invalid type: integer `1`, expected a boolean at line 1 column 15";
    check_refused(r#"{"responses": 1}"#, hi(), Fault::InvalidRequest, message);
}

#[test]
fn a_placeholder_that_stands_twice_is_refused() {
    let media = vec![PlacedMedia { placeholder: "P-1".into(), media: media("a.png", "image/png") }];
    let native = |dialect: &str| NativeRequest {
        dialect: dialect.into(),
        body_json: r#"["P-1","P-1"]"#.into(),
        headers: Vec::new(),
        media: media.clone(),
    };
    let message = "the placeholder of medium `media://inbound/a.png` stands 2 times in the body instead of once";
    for dialect in ["openai-completions", "openai-responses"] {
        let request = ChatRequest { native: Some(native(dialect)), ..chat("gpt-4o", Vec::new()) };
        check_refused("{}", request, Fault::InvalidRequest, message);
    }
}

#[test]
fn many_texts_are_asked_for_in_parts() {
    let inputs: Vec<String> = (0..300).map(|n| format!("text {n}")).collect();
    let request = EmbeddingRequest { model: "m".into(), inputs, dimensions: None };
    let mut script = EmbeddingScript::embedder::<OpenAi>(context(), request);
    for (first, count) in [(0, 256), (256, 44)] {
        let (id, sent) = script.expect_send();
        let body: Value = serde_json::from_str(&test_kit::render(&sent.body)).expect("the body is JSON");
        assert_eq!(body["input"][0], format!("text {first}"));
        assert_eq!(body["input"].as_array().map(Vec::len), Some(count));
        let data: Vec<Value> = (first..first + count).map(|n| json!({ "embedding": [n] })).collect();
        let answer = json!({ "data": data, "usage": { "prompt_tokens": count } }).to_string();
        let head = test_kit::head(200, &[("content-type", "application/json")]);
        script.respond(id, head, answer.as_bytes(), Chunking::Whole);
    }
    assert_eq!(script.result(), Some(&Ok(())));
    let embeddings = script.output().first().expect("there are vectors");
    assert_eq!((embeddings.vectors.len(), embeddings.input_tokens), (300, 300));
    assert_eq!(embeddings.vectors.last(), Some(&vec![299.0]));
}
