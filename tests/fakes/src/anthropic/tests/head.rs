//! Credentials, headers, framing, paths.

use serde_json::{Value, json};

use super::{Anthropic, Config, KEY, TOKEN, bare, call, check, check_call, fake, hello, user, with};
use crate::client::Call;

#[tokio::test]
async fn a_credential_goes_in_its_own_header() {
    check_call(bare(&hello()).header("x-api-key", KEY), "200").await;
    let bearer = format!("Bearer {TOKEN}");
    let oauth = |value: &str| bare(&hello()).header("authorization", value);
    let beta = "claude-code-20250219, oauth-2025-04-20";
    check_call(oauth(&bearer).header("anthropic-beta", beta), "200").await;

    check_call(bare(&hello()), "401 x-api-key header is required").await;
    check_call(bare(&hello()).header("x-api-key", "sk-ant-api03-wrong"), "401 invalid x-api-key").await;
    check_call(bare(&hello()).header("x-api-key", TOKEN), "401 invalid x-api-key").await;
    check_call(bare(&hello()).header("x-api-key", ""), "401 invalid x-api-key").await;
    check_call(oauth(&format!("Bearer {KEY}")), "401 Invalid bearer token").await;
    check_call(oauth(TOKEN), "401 Invalid bearer token").await;
    check_call(oauth(&format!("bearer {TOKEN}")), "401 Invalid bearer token").await;
    check_call(oauth(&bearer), "401 OAuth authentication is currently not supported.").await;
    let near = "oauth-2025-04-2";
    let unsupported = "401 OAuth authentication is currently not supported.";
    check_call(oauth(&bearer).header("anthropic-beta", near), unsupported).await;

    let twice = "401 more than one credential: send x-api-key or authorization";
    check_call(call(&hello()).header("authorization", &bearer), twice).await;
    check_call(call(&hello()).header("x-api-key", KEY), twice).await;
}

#[tokio::test]
async fn each_of_several_credentials_goes_in_the_header_of_its_kind() {
    let config = Config::with_api_key(KEY).and_oauth_token(TOKEN);
    let config = config.and_api_key("sk-ant-api03-second").and_oauth_token("sk-ant-oat01-second");
    let fake = Anthropic::start(config).await.unwrap();
    let key = |key: &str| bare(&hello()).header("x-api-key", key);
    let bearer = |token: &str| {
        let call = bare(&hello()).header("authorization", &format!("Bearer {token}"));
        call.header("anthropic-beta", "oauth-2025-04-20")
    };
    for good in [key(KEY), key("sk-ant-api03-second"), bearer(TOKEN), bearer("sk-ant-oat01-second")] {
        assert_eq!(good.send(&fake).await.status, 200);
    }
    assert_eq!(key("sk-ant-oat01-second").send(&fake).await.error(), "401 invalid x-api-key");
    assert_eq!(bearer("sk-ant-api03-second").send(&fake).await.error(), "401 Invalid bearer token");
    let astray = key(KEY).header("x-debug", "sk-ant-api03-second").send(&fake).await;
    assert_eq!(astray.error(), "400 a credential stands outside its header");
}

#[tokio::test]
async fn a_credential_stands_nowhere_else() {
    let astray = "400 a credential stands outside its header";
    check_call(call(&hello()).header("x-debug", KEY), astray).await;
    check(user(&json!(format!("my key is {KEY}"))), astray).await;
    check(user(&json!(format!("my token is {TOKEN}"))), astray).await;
    let fake = fake().await;
    let target = format!("/v1/messages?key={KEY}");
    let got = Call::post(&target, &hello()).header("x-api-key", KEY).send(&fake).await;
    assert_eq!(got.error(), astray);
}

#[tokio::test]
async fn oauth_serves_other_models_to_claude_code_alone() {
    let bearer = format!("Bearer {TOKEN}");
    let oauth = |body: &Value| bare(body).header("authorization", &bearer).header("anthropic-beta", "oauth-2025-04-20");
    let sonnet = json!({"model": "claude-sonnet-4-5"});
    check_call(oauth(&with(&sonnet)), "400 Error").await;
    let system = "You are Claude Code, Anthropic's official CLI for Claude.";
    check_call(oauth(&with(&json!({"model": "claude-sonnet-4-5", "system": system}))), "200").await;
    check(with(&sonnet), "200").await;
}

#[tokio::test]
async fn the_head_is_complete() {
    check_call(call(&hello()).without("anthropic-version"), "400 anthropic-version: header is required").await;
    let other = call(&hello()).without("anthropic-version").header("anthropic-version", "2024-01-01");
    check_call(other, "400 anthropic-version: \"2024-01-01\" is not a valid version").await;
    let not_json = "400 content-type: must be application/json";
    check_call(call(&hello()).without("content-type"), not_json).await;
    let text = call(&hello()).without("content-type").header("content-type", "text/plain");
    check_call(text, not_json).await;
    let charset = "application/json; charset=utf-8";
    check_call(call(&hello()).without("content-type").header("content-type", charset), "200").await;
    check_call(call(&hello()).chunked(), "411 the body was sent chunked, without a content-length").await;
    let cut = "400 The request body is not valid JSON: EOF while parsing an object at line 1 column 1";
    check_call(call(&hello()).body("{"), cut).await;
    let huge = vec![b' '; 32 * 1024 * 1024 + 1];
    check_call(call(&hello()).body(huge), "413 Request exceeds the maximum size").await;
}

#[tokio::test]
async fn paths_and_methods_are_the_services_own() {
    let key = |call: Call| call.header("x-api-key", KEY).header("anthropic-version", "2023-06-01");
    check_call(key(Call::get("/v1/messages")), "405 Method Not Allowed").await;
    check_call(key(Call::get("/v1/message")), "404 Not found").await;
    check_call(key(Call::get("/messages")), "404 Not found").await;
    check_call(Call::get("/v1/models"), "401 x-api-key header is required").await;
    let fake = fake().await;
    let models = key(Call::get("/v1/models")).send(&fake).await.json();
    assert_eq!(models["data"][0]["id"], "claude-haiku-4-5-20251001");
    assert_eq!(models["has_more"], false);
    let first = key(Call::get("/v1/models?limit=1")).send(&fake).await.json();
    assert_eq!((&first["has_more"], &first["last_id"]), (&json!(true), &json!("claude-haiku-4-5-20251001")));
    let after = key(Call::get("/v1/models?limit=1&after_id=claude-haiku-4-5-20251001")).send(&fake).await.json();
    assert_eq!((&after["has_more"], &after["data"][0]["id"]), (&json!(false), &json!("claude-sonnet-4-5-20250929")));
    let before = key(Call::get("/v1/models?before_id=claude-sonnet-4-5-20250929")).send(&fake).await.json();
    assert_eq!(before["data"][0]["id"], "claude-haiku-4-5-20251001");
    let much = "400 limit: Input should be less than or equal to 1000";
    check_call(key(Call::get("/v1/models?limit=1001")), much).await;
    check_call(key(Call::get("/v1/models?limit=0")), "400 limit: Input should be greater than or equal to 1").await;
    check_call(key(Call::get("/v1/models?page=2")), "400 page: Extra inputs are not permitted").await;
    check_call(key(Call::get("/v1/models?after_id=x")), "400 no model has the id `x`").await;
    let beta = Call::post("/v1/messages?beta=true", &hello());
    assert_eq!(key(beta).send(&fake).await.status, 200);
}
