//! Betas, counted tokens, the cache, server tools, thoughts beside tools, structured output.

use serde_json::{Value, json};

use super::super::reply::{REDACTED, signature};
use super::super::{Anthropic, Cached, Config, Content, Reply};
use super::{KEY, call, check, check_call, fake, hello, user, with};
use crate::client::Call;

fn post(path: &str, body: &Value) -> Call {
    Call::post(path, body).header("x-api-key", KEY).header("anthropic-version", "2023-06-01")
}

#[tokio::test]
async fn betas_are_known_and_remembered() {
    let beta = |value: &str| call(&hello()).header("anthropic-beta", value);
    check_call(beta("prompt-caching-2024-07-31"), "200").await;
    let unknown = "400 Unexpected value(s) `context-management-2025-06-28` for the `anthropic-beta` header. Please consult our documentation at docs.anthropic.com or try again without the header.";
    check_call(beta("claude-code-20250219,context-management-2025-06-28"), unknown).await;
    let managed = |kind: &str| with(&json!({"context_management": {"edits": [{"type": kind}]}}));
    let good = managed("clear_tool_uses_20250919");
    check(good.clone(), "400 context_management: Extra inputs are not permitted").await;
    let allowed = |body: &Value| call(body).header("anthropic-beta", "context-management-2025-06-27");
    let tag =
        "400 context_management.edits.0: Input tag 'clear' found using 'type' does not match any of the expected tags";
    check_call(allowed(&managed("clear")), tag).await;
    let fake = fake().await;
    let got = allowed(&good).header("anthropic-beta", "claude-code-20250219").send(&fake).await.json();
    assert_eq!(got["context_management"], json!({"applied_edits": []}));
    assert_eq!(fake.accepted()[0].betas, ["context-management-2025-06-27", "claude-code-20250219"]);
}

#[tokio::test]
async fn the_small_routes_answer() {
    let fake = fake().await;
    assert_eq!(Call::new(http::Method::HEAD, "/").send(&fake).await.status, 200);
    let key = |path: &str| Call::get(path).header("x-api-key", KEY).header("anthropic-version", "2023-06-01");
    let model = key("/v1/models/claude-haiku-4-5").send(&fake).await.json();
    assert_eq!(model["id"], "claude-haiku-4-5-20251001");
    check_call(key("/v1/models/claude-haiku-9"), "404 model: claude-haiku-9").await;
    check_call(key("/"), "404 Not found").await;
    check_call(post("/v1/messages?beta=true", &hello()), "200").await;
    check_call(post("/v1/messages?beta=yes", &hello()), "400 beta=yes: Extra inputs are not permitted").await;
}

#[tokio::test]
async fn tokens_are_counted_without_an_answer() {
    let path = "/v1/messages/count_tokens";
    let count = |changes: &Value| {
        let mut changes = changes.clone();
        changes["max_tokens"] = Value::Null;
        post(path, &with(&changes))
    };
    let fake = fake().await;
    let short = count(&json!({})).send(&fake).await.json();
    let long = count(&json!({"system": "Be kind. ".repeat(40)})).send(&fake).await.json();
    assert!(short["input_tokens"].as_u64().unwrap() < long["input_tokens"].as_u64().unwrap());
    assert_eq!((fake.counted().len(), fake.accepted().len()), (2, 0));
    check_call(post(path, &hello()), "400 max_tokens: Extra inputs are not permitted").await;
    check_call(count(&json!({"messages": []})), "400 messages: at least one message is required").await;
    check_call(count(&json!({"model": "x"})), "404 model: x").await;
    check_call(count(&json!({})).without("x-api-key"), "401 x-api-key header is required").await;
}

#[tokio::test]
async fn a_marked_prompt_is_written_once_and_read_afterwards() {
    let marked = |mark: Value| with(&json!({"system": [{"type": "text", "text": "Be kind.", "cache_control": mark}]}));
    let fake = fake().await;
    let body = marked(json!({"type": "ephemeral", "ttl": "5m"}));
    let first = call(&body).send(&fake).await.json()["usage"].clone();
    let second = call(&body).send(&fake).await.json()["usage"].clone();
    let written = first["cache_creation_input_tokens"].as_u64().unwrap();
    assert!(written > 0 && first["cache_read_input_tokens"] == 0);
    assert_eq!(
        (&second["cache_read_input_tokens"], &second["cache_creation_input_tokens"]),
        (&json!(written), &json!(0))
    );
    call(&hello()).send(&fake).await;
    assert_eq!(fake.accepted()[2].cached, Cached::default());
    let kind = "400 system.0.cache_control: Input tag 'forever' found using 'type' does not match any of the expected tags: 'ephemeral'";
    check(marked(json!({"type": "forever"})), kind).await;
    let ttl = "400 system.0.cache_control.ephemeral.ttl: Input should be '5m' or '1h', not \"2h\"";
    check(marked(json!({"type": "ephemeral", "ttl": "2h"})), ttl).await;
    let text = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
    check(user(&json!(vec![text.clone(); 4])), "200").await;
    let many = "400 A maximum of 4 blocks with cache_control may be provided. Found 5.";
    check(user(&json!(vec![text; 5])), many).await;
}

#[tokio::test]
async fn tools_of_the_service_are_known_by_type() {
    let tools = |kind: &str, name: &str| with(&json!({"tools": [{"type": kind, "name": name, "max_uses": 3}]}));
    check(tools("web_search_20250305", "web_search"), "200").await;
    let name = "400 tools.0.web_search_20250305.name: Input should be 'web_search'";
    check(tools("web_search_20250305", "search"), name).await;
    let tag = "400 tools.0: Input tag 'web_search_20250306' found using 'type' does not match any of the expected tags";
    check(tools("web_search_20250306", "web_search"), tag).await;
}

#[tokio::test]
async fn a_thought_stands_before_the_tools_that_it_led_to() {
    let tool_use = json!({"type": "tool_use", "id": "a", "name": "look", "input": {}});
    let talk = |first: &[Value], thinking: &str| {
        let answer = [first, std::slice::from_ref(&tool_use)].concat();
        let result = json!([{"type": "tool_result", "tool_use_id": "a", "content": "seen"}]);
        with(&json!({"max_tokens": 2000, "thinking": {"type": thinking, "budget_tokens": 1024}, "messages": [
            {"role": "user", "content": "x"}, {"role": "assistant", "content": answer}, {"role": "user", "content": result},
        ]}))
    };
    let closed = |data: &str| json!({"type": "redacted_thinking", "data": data});
    check(talk(&[closed(&signature(REDACTED))], "enabled"), "200").await;
    check(talk(&[], "disabled"), "200").await;
    let missing = |found: &str| {
        format!(
            "400 messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{found}`. When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        )
    };
    check(talk(&[], "enabled"), &missing("tool_use")).await;
    check(talk(&[json!({"type": "text", "text": "so"})], "enabled"), &missing("text")).await;
    let invalid = "400 messages.1.content.0: Invalid `data` in `redacted_thinking` block";
    check(talk(&[closed("x")], "enabled"), invalid).await;
    let config = Config::with_api_key(KEY).replying(|_| {
        let mut reply = Reply::text("So.");
        reply.content.insert(0, Content::RedactedThinking);
        reply
    });
    let fake = Anthropic::start(config).await.unwrap();
    let said = call(&hello()).send(&fake).await.json();
    assert_eq!(said["content"][0], closed(&signature(REDACTED)));
}

#[tokio::test]
async fn the_answer_follows_its_schema() {
    let ask = |closed: bool| {
        let schema =
            json!({"type": "object", "properties": {"said": {"type": "string"}}, "additionalProperties": !closed});
        with(&json!({"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": schema}}}))
    };
    let fake = fake().await;
    let said = call(&ask(true)).send(&fake).await.json();
    assert_eq!(said["content"][0]["text"], "{\"said\":\"You said: Hello.\"}");
    let open =
        "400 output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false";
    check(ask(false), open).await;
    check(
        with(&json!({"output_config": {"format": {"type": "json"}}})),
        "400 output_config.format.type: Input should be 'json_schema'",
    )
    .await;
    let effort = "400 output_config.effort: Input should be 'low', 'medium', 'high' or 'max'";
    check(with(&json!({"output_config": {"effort": "most"}})), effort).await;
}
