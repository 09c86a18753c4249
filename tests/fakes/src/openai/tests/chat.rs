//! The body of a chat: parameters, messages, pictures, tools.

use serde_json::{Value, json};

use super::{chat, check, data_url};
use crate::pictures;

#[tokio::test]
async fn required_fields_are_required_and_others_known() {
    check(chat(&json!({"model": null})), "400 - -: you must provide a model parameter").await;
    check(chat(&json!({"model": "openai/gpt-4o-mini"})), "404 model_not_found -: The model `openai/gpt-4o-mini` does")
        .await;
    check(chat(&json!({"model": "gpt-4o-mini-2024-07-18"})), "200").await;
    check(
        chat(&json!({"messages": null})),
        "400 missing_required_parameter messages: Missing required parameter: 'messages'.",
    )
    .await;
    check(chat(&json!({"messages": []})), "400 empty_array messages: Invalid 'messages': empty array.").await;
    check(chat(&json!({"messages": "x"})), "400 invalid_type messages: Invalid type for 'messages': expected an array of objects, but got a string instead.").await;
    check(chat(&json!({"max_token": 5})), "400 unknown_parameter max_token: Unknown parameter: 'max_token'.").await;
    check(
        chat(&json!({"stream": "yes"})),
        "400 invalid_type stream: Invalid type for 'stream': expected a boolean, but got a string instead.",
    )
    .await;
}

#[tokio::test]
async fn parameters_fit_the_model() {
    check(chat(&json!({"temperature": 2, "top_p": 0.5, "stop": ["a", "b", "c", "d"]})), "200").await;
    check(chat(&json!({"temperature": 2.5})), "400 decimal_above_max_value temperature: Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.").await;
    check(chat(&json!({"temperature": -1})), "400 decimal_below_min_value temperature").await;
    check(chat(&json!({"stop": ["a", "b", "c", "d", "e"]})), "400 array_above_max_length stop").await;
    check(chat(&json!({"max_tokens": 0})), "400 integer_below_min_value max_tokens").await;
    check(chat(&json!({"max_tokens": 16_384})), "200").await;
    check(chat(&json!({"max_tokens": 16_385})), "400 invalid_value max_tokens: max_tokens is too large: 16385.").await;
    check(chat(&json!({"max_tokens": 5, "max_completion_tokens": 5})), "400 invalid_parameter_combination").await;
    let thinker = |changes: Value| chat(&super::changed(json!({"model": "gpt-5-mini"}), &changes));
    check(thinker(json!({"max_completion_tokens": 5, "temperature": 1, "reasoning_effort": "low"})), "200").await;
    check(thinker(json!({"max_tokens": 5})), "400 unsupported_parameter max_tokens: Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.").await;
    check(
        thinker(json!({"temperature": 0.5})),
        "400 unsupported_value temperature: Unsupported value: 'temperature' does not support 0.5 with this model.",
    )
    .await;
    check(thinker(json!({"logprobs": true})), "400 unsupported_parameter logprobs").await;
    check(thinker(json!({"reasoning_effort": "most"})), "400 invalid_value reasoning_effort").await;
    check(chat(&json!({"reasoning_effort": "low"})), "400 unsupported_parameter reasoning_effort").await;
    check(chat(&json!({"logprobs": true, "top_logprobs": 2})), "200").await;
    check(chat(&json!({"top_logprobs": 2})), "400 - top_logprobs: The 'top_logprobs' parameter is only allowed").await;
    check(
        chat(&json!({"stream_options": {"include_usage": true}})),
        "400 - stream_options: The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    )
    .await;
    check(
        chat(&json!({"stream": true, "stream_options": {"usage": true}})),
        "400 unknown_parameter stream_options.usage",
    )
    .await;
    let user = json!([{"role": "user", "content": "Answer in JSON."}]);
    check(chat(&json!({"response_format": {"type": "json_object"}, "messages": user})), "200").await;
    check(
        chat(&json!({"response_format": {"type": "json_object"}})),
        "400 - messages: 'messages' must contain the word 'json'",
    )
    .await;
    let schema = |closed: bool| {
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true,
        "schema": {"type": "object", "properties": {}, "required": [], "additionalProperties": !closed}}}})
    };
    check(chat(&schema(true)), "200").await;
    check(chat(&schema(false)), "400 invalid_json_schema response_format").await;
}

#[tokio::test]
async fn messages_have_their_roles_and_parts() {
    let say = |message: Value| chat(&json!({"messages": [{"role": "user", "content": "x"}, message]}));
    for role in ["system", "developer", "user", "assistant"] {
        check(say(json!({"role": role, "content": "x"})), "200").await;
        check(say(json!({"role": role, "content": [{"type": "text", "text": "x"}]})), "200").await;
    }
    check(say(json!({"role": "model", "content": "x"})), "400 invalid_value messages[1].role: Invalid value: 'model'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.").await;
    check(say(json!({"role": "user"})), "400 missing_required_parameter messages[1].content").await;
    check(
        say(json!({"role": "user", "content": null})),
        "400 - messages[1].content: Invalid value for 'content': expected a string, got null.",
    )
    .await;
    check(say(json!({"role": "assistant", "content": null})), "400 - messages[1].content").await;
    check(say(json!({"role": "user", "content": []})), "400 empty_array messages[1].content").await;
    check(
        say(json!({"role": "user", "content": "x", "cache_control": {}})),
        "400 unknown_parameter messages[1].cache_control",
    )
    .await;
    check(
        say(json!({"role": "user", "content": [{"type": "input_text", "text": "x"}]})),
        "400 invalid_value messages[1].content[0].type",
    )
    .await;
    let url = data_url("image/png", &pictures::png());
    let image = json!([{"type": "image_url", "image_url": {"url": url}}]);
    check(
        say(json!({"role": "system", "content": image})),
        "400 invalid_value messages[1].content[0].type: Invalid value: 'image_url'. Supported values are: 'text'.",
    )
    .await;
}

#[tokio::test]
async fn a_picture_is_what_its_url_says() {
    let see = |image: Value| {
        chat(&json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": image}]}]}))
    };
    let url = |url: &str| see(json!({"url": url}));
    let png = pictures::png();
    check(url(&data_url("image/png", &png)), "200").await;
    check(see(json!({"url": data_url("image/png", &png), "detail": "low"})), "200").await;
    let at = "messages[0].content[0].image_url";
    check(url(&data_url("image/jpeg", &png)), &format!("400 invalid_image_format {at}.url: The image was given as image/jpeg, but its bytes are those of image/png.")).await;
    check(url(&data_url("image/png", &png[..90])), &format!("400 image_parse_error {at}.url")).await;
    check(url(&data_url("image/heic", &png)), &format!("400 invalid_value {at}.url")).await;
    check(url("data:image/png;base64,!"), &format!("400 invalid_base64 {at}.url")).await;
    check(
        url("https://example.com/a.png"),
        &format!("400 invalid_image_url {at}.url: Error while downloading https://example.com/a.png."),
    )
    .await;
    check(url("/etc/passwd"), &format!("400 invalid_value {at}.url")).await;
    check(
        see(json!({"url": data_url("image/png", &png), "detail": "best"})),
        &format!("400 invalid_value {at}.detail"),
    )
    .await;
    check(
        see(json!(data_url("image/png", &png))),
        &format!("400 invalid_type {at}: Invalid type for '{at}': expected an object, but got a string instead."),
    )
    .await;
    check(see(json!({"path": "x"})), &format!("400 unknown_parameter {at}.path")).await;
    let file =
        |file: Value| chat(&json!({"messages": [{"role": "user", "content": [{"type": "file", "file": file}]}]}));
    check(file(json!({"file_data": data_url("application/pdf", b"%PDF"), "filename": "a.pdf"})), "200").await;
    check(
        file(json!({"file_data": data_url("application/pdf", b"%PDF")})),
        "400 missing_required_parameter messages[0].content[0].file.filename",
    )
    .await;
    check(
        file(json!({"file_data": "JVBERg==", "filename": "a.pdf"})),
        "400 invalid_value messages[0].content[0].file.file_data",
    )
    .await;
}

#[tokio::test]
async fn tool_calls_are_answered_at_once() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "seen"});
    let talk = |calls: Value, rest: &[Value]| {
        let mut messages = vec![
            json!({"role": "user", "content": "x"}),
            json!({"role": "assistant", "content": null, "tool_calls": calls}),
        ];
        messages.extend_from_slice(rest);
        chat(&json!({"messages": messages}))
    };
    check(
        talk(json!([call("a"), call("b")]), &[result("b"), result("a"), json!({"role": "user", "content": "so?"})]),
        "200",
    )
    .await;
    let open = "400 - messages: An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: b";
    check(talk(json!([call("a"), call("b")]), &[result("a")]), open).await;
    check(talk(json!([call("b")]), &[json!({"role": "user", "content": "so?"}), result("b")]), open).await;
    let stray = "400 - messages.[3].role: Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
    check(talk(json!([call("a")]), &[result("a"), result("c")]), stray).await;
    check(talk(json!([call("a")]), &[result("a"), result("a")]), stray).await;
    check(
        talk(json!([call("a")]), &[json!({"role": "tool", "content": "x"})]),
        "400 missing_required_parameter messages[2].tool_call_id",
    )
    .await;
    let object = json!([{"id": "a", "type": "function", "function": {"name": "look", "arguments": {}}}]);
    check(talk(object, &[result("a")]), "400 invalid_type messages[1].tool_calls[0].function.arguments").await;
}

#[tokio::test]
async fn tools_are_functions_with_names() {
    let tool = |name: &str, kind: &str| json!([{"type": "function", "function": {"name": name, "parameters": {"type": kind}}}]);
    let named = |name: &str| json!({"type": "function", "function": {"name": name}});
    check(chat(&json!({"tools": tool("a", "object"), "tool_choice": named("a"), "parallel_tool_calls": false})), "200")
        .await;
    check(
        chat(&json!({"tools": tool("a", "object"), "tool_choice": named("b")})),
        "400 - tool_choice: Tool choice 'b' not found in 'tools' parameter.",
    )
    .await;
    check(chat(&json!({"tools": tool("a", "object"), "tool_choice": "any"})), "400 invalid_value tool_choice").await;
    check(
        chat(&json!({"tool_choice": "auto"})),
        "400 - tool_choice: Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
    )
    .await;
    check(chat(&json!({"parallel_tool_calls": false})), "400 - parallel_tool_calls").await;
    check(chat(&json!({"tools": tool("a.b", "object")})), "400 invalid_value tools[0].function.name").await;
    check(chat(&json!({"tools": tool("a", "string")})), "400 invalid_function_parameters tools[0].function.parameters")
        .await;
    check(chat(&json!({"tools": [{"type": "web_search"}]})), "400 invalid_value tools[0].type").await;
    check(chat(&json!({"tools": [{"name": "a", "input_schema": {}}]})), "400 missing_required_parameter tools[0].type")
        .await;
}
