//! The body of a Responses request: what moved, items, calls and their outputs, sealed thoughts.

use serde_json::{Value, json};

use super::super::reply::sealed;
use super::{check, data_url, responses};
use crate::pictures;

#[tokio::test]
async fn parameters_have_their_own_names() {
    check(responses(&json!({"instructions": "Be kind.", "max_output_tokens": 16, "store": false})), "200").await;
    check(responses(&json!({"max_output_tokens": 15})), "400 integer_below_min_value max_output_tokens").await;
    check(responses(&json!({"messages": []})), "400 unsupported_parameter messages: Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'.").await;
    check(responses(&json!({"max_tokens": 5})), "400 unsupported_parameter max_tokens").await;
    check(responses(&json!({"n": 1})), "400 unknown_parameter n").await;
    check(responses(&json!({"input": null})), "400 missing_required_parameter input").await;
    check(responses(&json!({"input": 5})), "400 invalid_type input").await;
    check(responses(&json!({"model": "gpt-9"})), "404 model_not_found model").await;
    check(
        responses(&json!({"previous_response_id": "resp_1"})),
        "400 previous_response_not_found previous_response_id",
    )
    .await;
    check(responses(&json!({"model": "gpt-5-mini", "reasoning": {"effort": "low", "summary": "auto"}})), "200").await;
    check(responses(&json!({"reasoning": {"effort": "low"}})), "400 unsupported_parameter reasoning.effort").await;
    let stream = json!({"stream": true, "stream_options": {"include_usage": true}});
    check(responses(&stream), "400 unknown_parameter stream_options.include_usage").await;
    let tool = |name: &str| json!({"tools": [{"type": "function", "name": name, "parameters": {"type": "object"}}, {"type": "web_search"}]});
    check(responses(&tool("look")), "200").await;
    check(responses(&tool("lo ok")), "400 invalid_value tools[0].name").await;
    check(responses(&json!({"tools": [{"type": "search"}]})), "400 invalid_value tools[0].type").await;
}

#[tokio::test]
async fn items_are_checked_by_their_type() {
    let item = |item: Value| responses(&json!({"input": [item]}));
    let image = |url: String| json!({"role": "user", "content": [{"type": "input_image", "image_url": url}]});
    check(item(image(data_url("image/png", &pictures::png()))), "200").await;
    check(
        item(image(data_url("image/gif", &pictures::png()))),
        "400 invalid_image_format input[0].content[0].image_url",
    )
    .await;
    check(item(json!({"role": "user", "content": [{"type": "text", "text": "x"}]})), "400 invalid_value input[0].content[0].type: Invalid value: 'text'. Supported values are: 'input_text', 'input_image', and 'input_file'.").await;
    check(item(json!({"role": "assistant", "content": [{"type": "output_text", "text": "x"}]})), "200").await;
    check(
        item(json!({"role": "assistant", "content": [{"type": "input_text", "text": "x"}]})),
        "400 invalid_value input[0].content[0].type",
    )
    .await;
    check(item(json!({"role": "assistant", "id": "msg_1", "content": "x"})), "200").await;
    check(
        item(json!({"role": "assistant", "id": "rs_1", "content": "x"})),
        "400 invalid_value input[0].id: Invalid 'input[0].id': 'rs_1'. Expected an ID that begins with 'msg'.",
    )
    .await;
    check(item(json!({"type": "thought"})), "400 invalid_value input[0]").await;
    check(item(json!({"type": "item_reference", "id": "rs_1"})), "404 - input: Item with id 'rs_1' not found.").await;
}

#[tokio::test]
async fn calls_and_outputs_belong_together() {
    let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "look", "arguments": "{}"});
    let output = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "seen"});
    let talk = |items: &[Value]| responses(&json!({"input": items}));
    check(talk(&[call("a"), call("b"), output("b"), output("a")]), "200").await;
    check(
        talk(&[call("a"), output("a"), output("c")]),
        "400 - input: No tool call found for function call output with call_id c.",
    )
    .await;
    check(talk(&[output("a"), call("a")]), "400 - input: No tool call found for function call output with call_id a.")
        .await;
    check(talk(&[call("a")]), "400 - input: No tool output found for function call a.").await;
}

#[tokio::test]
async fn only_a_thought_of_its_own_is_believed() {
    let think = |summary: Value, seal: &str| {
        let thought = json!({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": seal});
        responses(&json!({"input": [{"role": "user", "content": "x"}, thought]}))
    };
    let summary = json!([{"type": "summary_text", "text": "hm"}]);
    check(think(summary.clone(), &sealed("hm")), "200").await;
    check(think(json!([]), &sealed("hm")), "200").await;
    check(think(summary.clone(), &sealed("hmm")), "400 invalid_encrypted_content").await;
    check(think(summary, ""), "400 invalid_encrypted_content").await;
    let mut broken = sealed("hm").into_bytes();
    broken[12] ^= 1;
    check(think(json!([]), &String::from_utf8(broken).unwrap()), "400 invalid_encrypted_content").await;
}
