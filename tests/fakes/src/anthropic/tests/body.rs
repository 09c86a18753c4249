//! Required fields, roles, tools, thoughts and parameters.

use serde_json::{Value, json};

use super::super::reply::signature;
use super::{check, jpeg, user, with};

#[tokio::test]
async fn required_fields_are_required() {
    check(with(&json!({"model": null})), "400 model: Field required").await;
    check(with(&json!({"max_tokens": null})), "400 max_tokens: Field required").await;
    check(with(&json!({"messages": null})), "400 messages: Field required").await;
    check(with(&json!({"messages": []})), "400 messages: at least one message is required").await;
    check(with(&json!({"model": "claude-haiku-9"})), "404 model: claude-haiku-9").await;
    check(with(&json!({"model": "anthropic/claude-haiku-4-5"})), "404 model: anthropic/claude-haiku-4-5").await;
    check(with(&json!({"max_tokens": 0})), "400 max_tokens: Input should be greater than or equal to 1").await;
    check(with(&json!({"max_tokens": "1"})), "400 max_tokens: Input should be a valid integer").await;
    let many = "400 max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens for claude-haiku-4-5-20251001";
    check(with(&json!({"max_tokens": 64_001})), many).await;
    check(with(&json!({"max_token": 5})), "400 max_token: Extra inputs are not permitted").await;
    check(with(&json!({"stream": "yes"})), "400 stream: Input should be a valid boolean").await;
    check(json!([]), "400 Input should be a valid dictionary or object to extract fields from").await;
}

#[tokio::test]
async fn roles_alternate_and_system_is_none() {
    let messages = |roles: &[&str]| {
        let list: Vec<Value> = roles.iter().map(|role| json!({"role": role, "content": "x"})).collect();
        with(&json!({"messages": list}))
    };
    check(messages(&["user", "assistant", "user"]), "200").await;
    check(messages(&["user", "assistant"]), "200").await;
    let row = |role: &str| {
        format!(
            "400 messages: roles must alternate between \"user\" and \"assistant\", but found multiple \"{role}\" roles in a row"
        )
    };
    check(messages(&["user", "user"]), &row("user")).await;
    check(messages(&["user", "assistant", "assistant"]), &row("assistant")).await;
    check(messages(&["assistant"]), "400 messages: first message must use the \"user\" role").await;
    let system = "400 messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \"system\" as an input message role.";
    check(messages(&["system", "user"]), system).await;
    let tool = "400 messages: Unexpected role \"tool\". Allowed roles are \"user\" or \"assistant\"";
    check(messages(&["user", "tool"]), tool).await;
}

#[tokio::test]
async fn empty_content_is_refused() {
    let empty =
        "400 messages.0: all messages must have non-empty content except for the optional final assistant message";
    check(user(&json!("")), empty).await;
    check(user(&json!([])), empty).await;
    check(user(&json!([{"type": "text", "text": ""}])), "400 messages: text content blocks must be non-empty").await;
    let blank = "400 messages: text content blocks must contain non-whitespace text";
    check(user(&json!([{"type": "text", "text": " \n"}])), blank).await;
    check(user(&json!(5)), "400 messages.0.content: Input should be a valid list").await;
    check(
        with(&json!({"system": [{"type": "text", "text": ""}]})),
        "400 system: text content blocks must be non-empty",
    )
    .await;
    check(with(&json!({"system": [{"type": "text", "text": "Be kind."}]})), "200").await;
    let messages = json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": "So "}]);
    let trailing = "400 messages: final assistant content cannot end with trailing whitespace";
    check(with(&json!({"messages": messages})), trailing).await;
}

#[tokio::test]
async fn tool_calls_and_results_belong_together() {
    let tool_use = |id: &str| json!({"type": "tool_use", "id": id, "name": "look", "input": {}});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "seen"});
    let talk = |assistant: Value, last: Value| {
        with(&json!({"messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": assistant},
            {"role": "user", "content": last},
        ]}))
    };
    check(talk(json!([tool_use("a")]), json!([result("a")])), "200").await;
    check(
        talk(json!([tool_use("a")]), json!([{"type": "tool_result", "tool_use_id": "a", "content": [jpeg()]}])),
        "200",
    )
    .await;
    let open = "400 messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: b. Each `tool_use` block must have a corresponding `tool_result` block in the next message.";
    check(talk(json!([tool_use("a"), tool_use("b")]), json!([result("a")])), open).await;
    let stray = "400 messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: c. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.";
    check(talk(json!([tool_use("a")]), json!([result("a"), result("c")])), stray).await;
    let late = "400 messages.2.content.1: `tool_result` blocks must come first in the content of a message";
    check(talk(json!([tool_use("a")]), json!([{"type": "text", "text": "so"}, result("a")])), late).await;
    let text = json!({"type": "tool_use", "id": "a", "name": "look", "input": "{}"});
    let dictionary = "400 messages.1.content.0.tool_use.input: Input should be a valid dictionary";
    check(talk(json!([text]), json!([result("a")])), dictionary).await;
    let id = "400 messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'";
    check(talk(json!([tool_use("a b")]), json!([result("a b")])), id).await;
    check(user(&json!([tool_use("a")])), "400 messages: `tool_use` blocks can only be in `assistant` messages").await;
}

#[tokio::test]
async fn only_a_thought_of_its_own_is_believed() {
    let talk = |signature: &str| {
        let thought = json!({"type": "thinking", "thinking": "hm", "signature": signature});
        let answer = json!([thought, {"type": "text", "text": "yes"}]);
        with(&json!({"messages": [
            {"role": "user", "content": "x"}, {"role": "assistant", "content": answer}, {"role": "user", "content": "y"},
        ]}))
    };
    check(talk(&signature("hm")), "200").await;
    let invalid = "400 messages.1.content.0: Invalid `signature` in `thinking` block";
    check(talk(&signature("hmm")), invalid).await;
    check(talk(""), invalid).await;
}

#[tokio::test]
async fn parameters_fit_the_model() {
    let tool = |name: &str| json!({"name": name, "description": "d", "input_schema": {"type": "object"}});
    let tools = |tools: Value, choice: Value| with(&json!({"tools": tools, "tool_choice": choice}));
    check(tools(json!([tool("a")]), json!({"type": "tool", "name": "a"})), "200").await;
    check(tools(json!([tool("a")]), json!({"type": "tool", "name": "b"})), "400 Tool 'b' not found in provided tools")
        .await;
    check(tools(json!([tool("a"), tool("a")]), Value::Null), "400 tools: Tool names must be unique.").await;
    let pattern = "400 tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'";
    check(tools(json!([tool("a.b")]), Value::Null), pattern).await;
    let schema = json!([{"name": "a", "input_schema": {"type": "string"}}]);
    check(tools(schema, Value::Null), "400 tools.0.custom.input_schema.type: Input should be 'object'").await;
    let choice = "400 tool_choice may only be specified while providing tools";
    check(tools(Value::Null, json!({"type": "auto"})), choice).await;
    check(with(&json!({"temperature": 1.0})), "200").await;
    check(with(&json!({"temperature": 1.5})), "400 temperature: range: 0..1").await;
    let both = "400 `temperature` and `top_p` cannot both be specified for this model. Please use only one.";
    check(with(&json!({"temperature": 1.0, "top_p": 0.5})), both).await;
    let stop = "400 stop_sequences: each stop sequence must contain non-whitespace";
    check(with(&json!({"stop_sequences": ["\n"]})), stop).await;
    let thinking = |budget: u64| json!({"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": budget}});
    check(with(&thinking(1024)), "200").await;
    let low = "400 thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
    check(with(&thinking(1000)), low).await;
    check(with(&thinking(2000)), "400 `max_tokens` must be greater than `thinking.budget_tokens`.").await;
}
