//! From the words of a client's dialect to those of the plugin interface, and back. Nothing is decided here.

use creel_dialects as dialects;
use creel_dialects::ChatCall;
use creel_engine::{chat, types};

/// The request in the words of the interface. `media` has the medium of each that the request names.
pub(super) fn request(call: &mut ChatCall, media: &[types::Media]) -> chat::ChatRequest {
    chat::ChatRequest {
        model: String::new(),
        messages: std::mem::take(&mut call.messages)
            .into_iter()
            .map(|message| types::Message {
                role: role(message.role),
                parts: message.content.into_iter().filter_map(|part| part_of(part, media)).collect(),
            })
            .collect(),
        tools: std::mem::take(&mut call.tools)
            .into_iter()
            .map(|tool| chat::Tool {
                name: tool.name,
                description: tool.description,
                parameters_json: tool.parameters_json,
            })
            .collect(),
        tool_choice: match std::mem::replace(&mut call.tool_choice, dialects::ToolChoice::Auto) {
            dialects::ToolChoice::Auto => chat::ToolChoice::Auto,
            dialects::ToolChoice::None => chat::ToolChoice::None,
            dialects::ToolChoice::Required => chat::ToolChoice::Required,
            dialects::ToolChoice::Named(name) => chat::ToolChoice::Named(name),
        },
        response_format: match std::mem::replace(&mut call.response_format, dialects::ResponseFormat::Text) {
            dialects::ResponseFormat::Text => chat::ResponseFormat::Text,
            dialects::ResponseFormat::Json => chat::ResponseFormat::Json,
            dialects::ResponseFormat::JsonSchema(schema) => chat::ResponseFormat::JsonSchema(schema),
        },
        max_tokens: call.max_tokens,
        temperature: call.temperature,
        top_p: call.top_p,
        stop: std::mem::take(&mut call.stop),
        seed: call.seed,
        reasoning_effort: call.reasoning_effort.take(),
        parallel_tool_calls: call.parallel_tool_calls,
        streaming: call.is_streaming,
        native: None,
    }
}

fn role(role: dialects::Role) -> types::Role {
    match role {
        dialects::Role::System => types::Role::System,
        dialects::Role::User => types::Role::User,
        dialects::Role::Assistant => types::Role::Assistant,
        dialects::Role::Tool => types::Role::Tool,
    }
}

/// A part; `None` for a medium that is not there, which the reader of the media has refused before.
fn part_of(part: dialects::Content, media: &[types::Media]) -> Option<types::Part> {
    Some(match part {
        dialects::Content::Text(text) => types::Part::Text(text),
        dialects::Content::Media(index) => types::Part::Media(media.get(index)?.clone()),
        dialects::Content::Reasoning { text, signature } => {
            types::Part::Reasoning(types::Reasoning { text, signature })
        }
        dialects::Content::ToolCall { id, name, arguments_json } => {
            types::Part::ToolCall(types::ToolCall { id, name, arguments_json })
        }
        dialects::Content::ToolResult { id, content, is_error } => {
            let parts = content.into_iter().filter_map(|part| {
                Some(match part {
                    dialects::ResultContent::Text(text) => types::ResultPart::Text(text),
                    dialects::ResultContent::Media(index) => types::ResultPart::Media(media.get(index)?.clone()),
                })
            });
            types::Part::ToolResult(types::ToolResult { id, parts: parts.collect(), is_error })
        }
    })
}

/// A piece of an answer in the words of the dialects. A medium's bytes are read by whoever asks.
pub(super) fn output(output: chat::Output, base64: impl FnOnce(&types::Media) -> String) -> dialects::Output {
    match output {
        chat::Output::Text(text) => dialects::Output::Text(text),
        chat::Output::Reasoning(types::Reasoning { text, signature }) => {
            dialects::Output::Reasoning { text, signature }
        }
        chat::Output::ToolCallStart((index, id, name)) => dialects::Output::ToolCallStart { index, id, name },
        chat::Output::ToolCallArguments((index, json)) => dialects::Output::ToolCallArguments { index, json },
        chat::Output::Media(media) => {
            let base64 = base64(&media);
            dialects::Output::Media { uri: media.uri, content_type: media.content_type, base64 }
        }
        chat::Output::Native(data) => dialects::Output::Native(data),
        chat::Output::Usage(usage) => dialects::Output::Usage(dialects::Usage {
            input: usage.input_tokens,
            output: usage.output_tokens,
            cache_read: usage.cache_read_tokens,
            cache_write: usage.cache_write_tokens,
            reasoning: usage.reasoning_tokens,
        }),
        chat::Output::Finished(finish) => dialects::Output::Finished(match finish {
            chat::Finish::Stop => dialects::Finish::Stop,
            chat::Finish::Length => dialects::Finish::Length,
            chat::Finish::ToolCalls => dialects::Finish::ToolCalls,
            chat::Finish::ContentFilter => dialects::Finish::ContentFilter,
            chat::Finish::Other => dialects::Finish::Other,
        }),
    }
}
