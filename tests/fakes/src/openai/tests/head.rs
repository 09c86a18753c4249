//! Credentials, headers, framing, paths, models, embeddings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::{Config, OpenAi, Variant, embedding};
use super::{KEY, chat, check, fake, post, refusal, responses};
use crate::client::Call;

#[tokio::test]
async fn a_key_goes_as_a_bearer_alone() {
    let bare = || chat(&json!({})).without("authorization");
    check(chat(&json!({})), "200").await;
    check(chat(&json!({})).header("openai-organization", "org-1"), "200").await;
    check(bare(), "401 - -: You didn't provide an API key.").await;
    let wrong = "401 invalid_api_key -: Incorrect API key provided: sk-proj*******5678. You can";
    check(bare().header("authorization", "Bearer sk-proj-wrong-5678"), wrong).await;
    let incorrect = "401 invalid_api_key -: Incorrect API key provided: . You can";
    check(bare().header("authorization", KEY), incorrect).await;
    check(bare().header("authorization", &format!("bearer {KEY}")), incorrect).await;
    for name in ["x-api-key", "api-key", "cookie", "anthropic-beta"] {
        let expect = format!("401 invalid_api_key -: `{name}` does not belong here");
        check(chat(&json!({})).header(name, KEY), &expect).await;
    }
    let twice = chat(&json!({})).header("authorization", &format!("Bearer {KEY}"));
    check(twice, "401 invalid_api_key -: more than one authorization header").await;
    let astray = "400 - -: a credential stands outside its header";
    check(chat(&json!({"user": KEY})), astray).await;
    check(chat(&json!({})).header("x-debug", KEY), astray).await;
    check(chat(&json!({"user": &KEY[..12]})), "200").await;
}

#[tokio::test]
async fn a_server_without_keys_takes_one_for_a_leak() {
    let config = Config::with_api_key(KEY).without_keys().as_variant(Variant::Compatible);
    let fake = OpenAi::start(config).await.unwrap();
    assert_eq!(chat(&json!({})).without("authorization").send(&fake).await.status, 200);
    let leak = "401 invalid_api_key -: a credential leaked to a server that needs none: `authorization`";
    assert_eq!(refusal(&chat(&json!({})).send(&fake).await), leak);
}

#[tokio::test]
async fn paths_bodies_and_headers_are_the_services_own() {
    let get = |path: &str| Call::get(path).header("authorization", &format!("Bearer {KEY}"));
    check(post("/chat/completions", &json!({})), "404 - -: Invalid URL (POST /chat/completions)").await;
    check(get("/v1/chat/completions"), "405 method_not_supported -: Not allowed to GET on /v1/chat/completions.").await;
    check(get("/v1/models/gpt-4o-mini"), "200").await;
    check(get("/v1/models/gpt-9"), "404 model_not_found model: The model 'gpt-9' does not exist").await;
    check(Call::get("/v1/models"), "401 - -: You didn't provide an API key.").await;
    check(chat(&json!({})).body("{"), "400 - -: We could not parse the JSON body of your request.").await;
    let text = chat(&json!({})).without("content-type").header("content-type", "text/plain");
    check(text, "400 unsupported_content_type -: Unsupported content type: 'text/plain'.").await;
    let charset = "application/json; charset=utf-8";
    check(chat(&json!({})).without("content-type").header("content-type", charset), "200").await;
    check(chat(&json!({})).chunked(), "411 - -: the body was sent chunked, without a content-length").await;
    let fake = fake().await;
    let models = get("/v1/models").send(&fake).await.json();
    assert_eq!((&models["object"], &models["data"][0]["id"]), (&json!("list"), &json!("gpt-4o-mini")));
    let got = chat(&json!({"model": "gpt-9"})).send(&fake).await;
    assert!(got.header("x-request-id").starts_with("req_"));
    assert_eq!((got.header("openai-version"), got.header("x-ratelimit-reset-tokens")), ("2020-10-01", "6m0s"));
}

#[tokio::test]
async fn other_servers_have_other_routes_and_errors() {
    let start = |variant| OpenAi::start(Config::with_api_key(KEY).as_variant(variant));
    let fake = start(Variant::Compatible).await.unwrap();
    assert_eq!(responses(&json!({})).send(&fake).await.error(), "404 Invalid URL (POST /v1/responses)");
    assert_eq!(chat(&json!({"repetition_penalty": 1.1})).send(&fake).await.status, 200);
    let fake = start(Variant::OpenRouter).await.unwrap();
    let error = chat(&json!({"model": "x"})).send(&fake).await.json();
    let text = "The model `x` does not exist or you do not have access to it.";
    assert_eq!(error, json!({"error": {"code": 404, "message": text}}));
    let fake = start(Variant::Vllm).await.unwrap();
    let error = chat(&json!({"model": "x"})).send(&fake).await.json();
    assert_eq!(error, json!({"error": {"code": 404, "message": text, "param": null, "type": "NotFoundError"}}));
}

#[tokio::test]
async fn embeddings_are_floats_or_base64() {
    let ask = |changes| {
        let hello = json!({"model": "text-embedding-3-small", "input": ["Hello.", "Bye."], "dimensions": 5});
        post("/v1/embeddings", &super::changed(hello, &changes))
    };
    let fake = fake().await;
    let floats = ask(json!({})).send(&fake).await.json();
    let base64 = ask(json!({"encoding_format": "base64"})).send(&fake).await.json();
    for (index, text) in ["Hello.", "Bye."].iter().enumerate() {
        let expect = embedding(text, 5);
        let numbers: Vec<f32> = serde_json::from_value(floats["data"][index]["embedding"].clone()).unwrap();
        assert_eq!(numbers, expect);
        let bytes = STANDARD.decode(base64["data"][index]["embedding"].as_str().unwrap()).unwrap();
        let (numbers, rest) = bytes.as_chunks::<4>();
        assert_eq!(numbers.iter().map(|four| f32::from_le_bytes(*four)).collect::<Vec<_>>(), expect);
        assert!(rest.is_empty());
    }
    let whole = ask(json!({"dimensions": null, "input": [1, 2]})).send(&fake).await.json();
    assert_eq!(whole["data"][0]["embedding"].as_array().unwrap().len(), 1536);
    check(ask(json!({"input": ""})), "400 - -: '$.input' is invalid.").await;
    check(ask(json!({"input": []})), "400 - -: '$.input' is invalid.").await;
    check(ask(json!({"input": null})), "400 missing_required_parameter input").await;
    check(ask(json!({"dimensions": 1537})), "400 - -: Invalid value for 'dimensions' = 1537.").await;
    check(ask(json!({"encoding_format": "hex"})), "400 invalid_value encoding_format: Invalid value: 'hex'.").await;
    check(ask(json!({"format": "x"})), "400 unknown_parameter format: Unknown parameter: 'format'.").await;
    check(ask(json!({"model": "gpt-4o-mini"})), "403 - -: You are not allowed to generate embeddings").await;
}
