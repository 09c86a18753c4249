//! Media that requests name, and what stands for them in the form that goes on.

use creel_dialects::{Dialect, MediaSource, Placed};
use serde_json::{Value, json};

use crate::{least, read};

/// Base64 that would be seen if it were left anywhere.
const BYTES: &str = "QkFTRTY0LVdBUy1IRVJF";

/// A request with one part, and what it becomes: its source, its place for errors, and the part as it goes on.
struct Case<'a> {
    part: Value,
    source: MediaSource,
    param: &'a str,
    native: Value,
}

fn inline(content_type: &str) -> MediaSource {
    MediaSource::Inline { content_type: content_type.to_owned(), base64: BYTES.to_owned() }
}

fn reference(url: &str) -> MediaSource {
    MediaSource::Reference(url.to_owned())
}

fn check(dialect: Dialect, content_type: &str, case: Case<'_>) {
    let mut body = least(dialect);
    let field = if dialect == Dialect::OpenaiResponses { "input" } else { "messages" };
    body[field] = json!([{ "role": "user", "content": [{ "type": "x", "text": "before" }, case.part] }]);
    body[field][0]["content"][0]["type"] =
        if dialect == Dialect::OpenaiResponses { "input_text" } else { "text" }.into();
    let call = read(dialect, &body);
    let [medium] = &call.media[..] else {
        return assert_eq!(call.media.len(), 1, "one medium is named: {body}");
    };
    assert_eq!(medium.source, case.source);
    assert_eq!(medium.param, format!("{field}[0].content[1].{}", case.param));
    let placed = [Placed { placeholder: "<PLACED>".to_owned(), content_type: content_type.to_owned() }];
    let native = call.native("theirs", &placed);
    assert!(!native.contains(BYTES), "the bytes are left in {native}");
    assert_eq!(native.matches("<PLACED>").count(), 1, "{native}");
    body["model"] = "theirs".into();
    body[field][0]["content"][1] = case.native;
    assert_eq!(serde_json::from_str::<Value>(&native).expect("the native form is JSON"), body);
}

#[test]
fn chat_names_media() {
    let chat = |part, source, param, native| {
        check(Dialect::OpenaiCompletions, "image/webp", Case { part, source, param, native });
    };
    let placed = "data:image/webp;base64,<PLACED>";
    chat(
        json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{BYTES}"), "detail": "low" } }),
        inline("image/png"),
        "image_url.url",
        json!({ "type": "image_url", "image_url": { "url": placed, "detail": "low" } }),
    );
    chat(
        json!({ "type": "image_url", "image_url": { "url": "media://inbound/1" }, "cache_control": { "type": "ephemeral" } }),
        reference("media://inbound/1"),
        "image_url.url",
        json!({ "type": "image_url", "image_url": { "url": placed }, "cache_control": { "type": "ephemeral" } }),
    );
    chat(
        json!({ "type": "image_url", "image_url": "pictures/a.png" }),
        reference("pictures/a.png"),
        "image_url",
        json!({ "type": "image_url", "image_url": { "url": placed } }),
    );
    chat(
        json!({ "type": "image_url", "image_url": format!("DATA:image/gif;x=y;BASE64,{BYTES}") }),
        inline("image/gif"),
        "image_url",
        json!({ "type": "image_url", "image_url": { "url": placed } }),
    );
    chat(
        json!({ "type": "file", "file": { "file_id": "file-1" } }),
        MediaSource::File("file-1".to_owned()),
        "file.file_id",
        json!({ "type": "file", "file": { "file_data": placed, "filename": "file" } }),
    );
    chat(
        json!({ "type": "file", "file": { "file_data": format!("data:application/pdf;base64,{BYTES}"), "filename": "a.pdf" } }),
        inline("application/pdf"),
        "file.file_data",
        json!({ "type": "file", "file": { "file_data": placed, "filename": "a.pdf" } }),
    );
    let audio = json!({ "type": "input_audio", "input_audio": { "data": BYTES, "format": "wav" } });
    let native = json!({ "type": "input_audio", "input_audio": { "data": "<PLACED>", "format": "mp3" } });
    let case = Case { part: audio, source: inline("audio/wav"), param: "input_audio.data", native };
    check(Dialect::OpenaiCompletions, "audio/mpeg", case);
}

#[test]
fn responses_name_media() {
    let responses = |part, source, param, native| {
        check(Dialect::OpenaiResponses, "image/webp", Case { part, source, param, native });
    };
    let placed = "data:image/webp;base64,<PLACED>";
    responses(
        json!({ "type": "input_image", "image_url": format!("data:image/png;base64,{BYTES}"), "detail": "low" }),
        inline("image/png"),
        "image_url",
        json!({ "type": "input_image", "image_url": placed, "detail": "low" }),
    );
    responses(
        json!({ "type": "input_image", "file_id": "file-1" }),
        MediaSource::File("file-1".to_owned()),
        "file_id",
        json!({ "type": "input_image", "image_url": placed }),
    );
    responses(
        json!({ "type": "input_file", "file_url": "https://files.example/a.pdf" }),
        reference("https://files.example/a.pdf"),
        "file_url",
        json!({ "type": "input_file", "file_data": placed, "filename": "file" }),
    );
}

#[test]
fn messages_name_media() {
    let messages = |part, source, param, native| {
        check(Dialect::AnthropicMessages, "image/webp", Case { part, source, param, native });
    };
    let placed = json!({ "type": "base64", "media_type": "image/webp", "data": "<PLACED>" });
    messages(
        json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": BYTES }, "cache_control": {} }),
        inline("image/png"),
        "source.data",
        json!({ "type": "image", "source": placed, "cache_control": {} }),
    );
    messages(
        json!({ "type": "image", "source": { "type": "url", "url": "https://pictures.example/a.png" } }),
        reference("https://pictures.example/a.png"),
        "source.url",
        json!({ "type": "image", "source": placed }),
    );
    messages(
        json!({ "type": "document", "source": { "type": "file", "file_id": "file_1" } }),
        MediaSource::File("file_1".to_owned()),
        "source.file_id",
        json!({ "type": "document", "source": placed }),
    );
}

#[test]
fn media_keep_their_order() {
    let part = |n: usize| json!({ "type": "image_url", "image_url": { "url": format!("media://inbound/{n}") } });
    let mut body = least(Dialect::OpenaiCompletions);
    body["messages"] = json!([
        { "role": "user", "content": [part(0), { "type": "text", "text": "and" }, part(1)] },
        { "role": "assistant", "content": "yes" },
        { "role": "user", "content": [part(2)] },
    ]);
    let call = read(Dialect::OpenaiCompletions, &body);
    let placed: Vec<Placed> =
        (0..3).map(|n| Placed { placeholder: format!("<{n}>"), content_type: "image/png".to_owned() }).collect();
    let native: Value = serde_json::from_str(&call.native("m", &placed)).expect("the native form is JSON");
    let url = |message: usize, part: usize| native["messages"][message]["content"][part]["image_url"]["url"].clone();
    let urls = [url(0, 0), url(0, 2), url(2, 0)];
    assert_eq!(urls, [0, 1, 2].map(|n| Value::from(format!("data:image/png;base64,<{n}>"))));
}
