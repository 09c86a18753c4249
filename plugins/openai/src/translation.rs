//! Whether a request in the dialect of responses can be put to a server that has none, as a chat completion. What tunes
//! an answer may be lost on the way; what the request means may not. How it is put is `request`'s.

use std::borrow::Cow;

use creel_sdk::native;
use creel_sdk::provider::{CallError, Fault, NativeRequest};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What of a body no chat completion can say.
#[derive(Deserialize)]
struct Body<'a> {
    previous_response_id: Option<IgnoredAny>,
    conversation: Option<IgnoredAny>,
    prompt: Option<IgnoredAny>,
    background: Option<bool>,
    top_logprobs: Option<IgnoredAny>,
    #[serde(borrow)]
    tools: Option<Vec<Kind<'a>>>,
    #[serde(borrow)]
    input: Option<Input<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input<'a> {
    Items(#[serde(borrow)] Vec<Kind<'a>>),
    Other(IgnoredAny),
}

/// A tool or an item, of which only the type matters. A message may leave it out.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    name: Option<Cow<'a, str>>,
}

/// Checks that nothing is lost which the request means.
///
/// # Errors
///
/// `unsupported-input` that names the first such thing.
pub(crate) fn check(native: &NativeRequest) -> Result<(), CallError> {
    let body: Body<'_> = native::read(&native.body_json)?;
    let kept = [
        ("previous_response_id", body.previous_response_id.is_some()),
        ("conversation", body.conversation.is_some()),
        ("prompt", body.prompt.is_some()),
        ("background", body.background == Some(true)),
        ("top_logprobs", body.top_logprobs.is_some()),
    ];
    let field = kept.into_iter().find(|(_, is_there)| *is_there).map(|(name, _)| name.to_owned());
    let tools = body.tools.unwrap_or_default();
    let is_function = |tool: &Kind<'_>| tool.name.as_deref() == Some("function");
    // Beside functions, which do the work, tools of the server's own may be missing.
    let tool = tools.first().filter(|_| !tools.iter().any(is_function)).map(|tool| of("tools", tool));
    let items = match &body.input {
        Some(Input::Items(items)) => items.as_slice(),
        Some(Input::Other(_)) | None => &[],
    };
    let item = items.iter().find(|item| !is_said(item)).map(|item| of("input", item));
    match field.or(tool).or(item) {
        Some(what) => {
            let message = format!("the server has no `/responses`, which `{what}` needs");
            Err(CallError::new(Fault::UnsupportedInput, message))
        }
        None => Ok(()),
    }
}

fn is_said(item: &Kind<'_>) -> bool {
    let said = ["message", "function_call", "function_call_output", "reasoning"];
    item.name.as_deref().is_none_or(|name| said.contains(&name))
}

fn of(field: &str, kind: &Kind<'_>) -> String {
    format!("{field}: {}", kind.name.as_deref().unwrap_or("untyped"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_body(body: &str, expected: Result<(), &str>) {
        let (dialect, body_json) = ("openai-responses".into(), body.into());
        let native = NativeRequest { dialect, body_json, headers: Vec::new(), media: Vec::new() };
        let found = check(&native).map_err(|error| {
            assert_eq!(error.fault, Fault::UnsupportedInput, "{body}");
            error.message
        });
        let expected = expected.map_err(|what| format!("the server has no `/responses`, which `{what}` needs"));
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn what_a_chat_can_say_is_let_through() {
        check_body(r#"{"input":"hi","store":true,"previous_response_id":null,"background":false}"#, Ok(()));
        check_body(
            r#"{"input":[{"role":"user","content":"hi"},{"type":"reasoning"},{"type":"function_call"}]}"#,
            Ok(()),
        );
        check_body(r#"{"tools":[{"type":"web_search"},{"type":"function","name":"x"}]}"#, Ok(()));
        check_body(r#"{"tools":[],"input":[]}"#, Ok(()));
    }

    #[test]
    fn what_it_cannot_say_is_refused() {
        check_body(r#"{"previous_response_id":"resp_1"}"#, Err("previous_response_id"));
        check_body(r#"{"conversation":{"id":"c"}}"#, Err("conversation"));
        check_body(r#"{"prompt":{"id":"p"}}"#, Err("prompt"));
        check_body(r#"{"background":true}"#, Err("background"));
        check_body(r#"{"top_logprobs":2}"#, Err("top_logprobs"));
        check_body(r#"{"tools":[{"type":"web_search"}]}"#, Err("tools: web_search"));
        check_body(r#"{"input":[{"type":"message"},{"type":"item_reference"}]}"#, Err("input: item_reference"));
    }
}
