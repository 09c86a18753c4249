//! Media of requests, and what stands in their place.

use serde_json::{Value, json};

use super::{body, native, read, refuse};
use crate::{ChatCall, Content, MediaSource, Placed, ResultContent};

fn asks(parts: Value) -> ChatCall {
    read(json!({ "messages": [{ "role": "user", "content": parts }] }))
}

fn inline(content_type: &str, base64: &str) -> MediaSource {
    MediaSource::Inline { content_type: content_type.to_owned(), base64: base64.to_owned() }
}

fn placed(content_type: &str) -> Vec<Placed> {
    vec![Placed { placeholder: "<here>".to_owned(), content_type: content_type.to_owned() }]
}

#[test]
fn media_of_every_kind_have_their_place() {
    let check = |part: Value, source: MediaSource, param: &str, sent: (&str, Value)| {
        let call = asks(json!([{ "type": "text", "text": "what is this?" }, part]));
        let medium = &call.media[0];
        assert_eq!(medium.source, source, "{part}");
        assert_eq!(medium.param, format!("messages[0].content[1].{param}"));
        assert_eq!(call.messages[0].content[1], Content::Media(0));
        assert!(call.native_only.is_empty());
        let (content_type, sent) = sent;
        let native = native(&call, "other", &placed(content_type));
        let parts = json!([{ "type": "text", "text": "what is this?" }, sent]);
        let expect = json!({ "model": "other", "messages": [{ "role": "user", "content": parts }] });
        assert_eq!(native, expect);
    };
    let picture = |url: Value| json!({ "type": "image_url", "image_url": url });
    let sent = ("image/png", picture(json!({ "url": "data:image/png;base64,<here>" })));
    check(picture(json!("data:image/png;base64,QUJD")), inline("image/png", "QUJD"), "image_url", sent.clone());
    check(
        picture(json!("https://a.example/b")),
        MediaSource::Reference("https://a.example/b".into()),
        "image_url",
        sent,
    );
    let sent = ("image/jpeg", picture(json!({ "url": "data:image/jpeg;base64,<here>", "detail": "low" })));
    check(
        picture(json!({ "url": "media://m/1", "detail": "low" })),
        MediaSource::Reference("media://m/1".into()),
        "image_url.url",
        sent.clone(),
    );
    check(
        picture(json!({ "url": "DATA:image/heic;charset=x;base64,QUJD", "detail": "low" })),
        inline("image/heic", "QUJD"),
        "image_url.url",
        sent,
    );
    check(
        json!({ "type": "video_url", "video_url": { "url": "https://a.example/v" } }),
        MediaSource::Reference("https://a.example/v".into()),
        "video_url.url",
        ("video/mp4", json!({ "type": "video_url", "video_url": { "url": "data:video/mp4;base64,<here>" } })),
    );
}

#[test]
fn audio_and_files_have_bare_base64() {
    let check = |part: Value, source: MediaSource, name: Option<&str>, sent: (&str, Value)| {
        let call = asks(json!([part]));
        assert_eq!((&call.media[0].source, call.media[0].name.as_deref()), (&source, name), "{part}");
        let native = native(&call, "m", &placed(sent.0));
        assert_eq!(native["messages"][0]["content"], json!([sent.1]));
    };
    let audio =
        |data: &str, format: &str| json!({ "type": "input_audio", "input_audio": { "data": data, "format": format } });
    check(audio("QUJD", "wav"), inline("audio/wav", "QUJD"), None, ("audio/wav", audio("<here>", "wav")));
    check(audio("QUJD", "mp3"), inline("audio/mpeg", "QUJD"), None, ("audio/wav", audio("<here>", "wav")));
    check(audio("QUJD", "flac"), inline("audio/flac", "QUJD"), None, ("audio/flac", audio("<here>", "flac")));
    let handle = MediaSource::Reference("media://m/1".into());
    check(audio("media://m/1", "wav"), handle.clone(), None, ("audio/mpeg", audio("<here>", "mp3")));
    let file = |file: Value| json!({ "type": "file", "file": file });
    let sent = |name: &str| {
        let file = file(json!({ "filename": name, "file_data": "data:application/pdf;base64,<here>" }));
        ("application/pdf", file)
    };
    let pdf = inline("application/pdf", "QUJD");
    let url = "data:application/pdf;base64,QUJD";
    check(file(json!({ "filename": "a.pdf", "file_data": url })), pdf.clone(), Some("a.pdf"), sent("a.pdf"));
    check(file(json!({ "file_data": url })), pdf, None, sent("file"));
    let bare = inline("application/octet-stream", "QUJD");
    check(file(json!({ "file_data": "QUJD", "filename": "" })), bare, None, sent("file"));
    check(file(json!({ "file_data": "media://m/1" })), handle, None, sent("file"));
    check(file(json!({ "file_id": "file-1" })), MediaSource::File("file-1".into()), None, sent("file"));
}

#[test]
fn media_stand_in_results_too() {
    let call = read(json!({ "messages": [
        { "role": "assistant", "tool_calls": [{ "id": "c", "function": { "name": "f", "arguments": "" } }] },
        { "role": "tool", "tool_call_id": "c", "content": [
            { "type": "text", "text": "see" },
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,QUJD" } },
        ] },
    ] }));
    let content = vec![ResultContent::Text("see".into()), ResultContent::Media(0)];
    let result = Content::ToolResult { id: "c".into(), content, is_error: false };
    assert_eq!(call.messages[1].content, [result]);
    let url = native(&call, "m", &placed("image/png"))["messages"][1]["content"][1]["image_url"]["url"].clone();
    assert_eq!(url, "data:image/png;base64,<here>");
}

#[test]
fn bytes_are_moved_out_of_the_body() {
    let bytes = "QUJD".repeat(10_000);
    let parts = json!([
        { "type": "image_url", "image_url": format!("data:image/png;base64,{bytes}") },
        { "type": "input_audio", "input_audio": { "data": bytes, "format": "wav" } },
        { "type": "file", "file": { "file_data": format!("data:application/pdf;base64,{bytes}") } },
    ]);
    let mut call = asks(parts);
    assert!(call.native("m", &[]).len() < 400);
    for medium in &mut call.media {
        assert_eq!(medium.inline_bytes(), 40_000);
        let without = medium.without_bytes();
        assert_eq!((without.inline_bytes(), &without.param, &without.name), (0, &medium.param, &medium.name));
        *medium = without;
    }
    let all = [placed("image/png"), placed("audio/wav"), placed("application/pdf")].concat();
    assert_eq!(call.native("m", &all).matches("<here>").count(), 3);
}

#[test]
fn bad_media_are_refused_with_their_place() {
    let check = |part: Value, expect: &str| {
        let error = refuse(body(json!({ "messages": [{ "role": "user", "content": [part] }] })));
        assert_eq!(error.message, expect);
    };
    let at = "messages[0].content[0]";
    check(json!({ "type": "image_url" }), &format!("`{at}.image_url` is missing"));
    check(json!({ "type": "image_url", "image_url": {} }), &format!("`{at}.image_url.url` is missing"));
    check(json!({ "type": "image_url", "image_url": 1 }), &format!("`{at}.image_url` must be an object or a string"));
    check(json!({ "type": "image_url", "image_url": "" }), &format!("`{at}.image_url` must be a URL"));
    check(
        json!({ "type": "image_url", "image_url": { "url": "data:image/png,QUJD" } }),
        &format!("`{at}.image_url.url` must be a URL `data:<type>;base64,<bytes>` or another URL"),
    );
    check(
        json!({ "type": "image_url", "image_url": { "url": [] } }),
        &format!("`{at}.image_url.url` must be a string"),
    );
    check(json!({ "type": "input_audio" }), &format!("`{at}.input_audio` is missing"));
    check(
        json!({ "type": "input_audio", "input_audio": { "data": "QUJD" } }),
        &format!("`{at}.input_audio.format` is missing"),
    );
    check(
        json!({ "type": "input_audio", "input_audio": { "format": "wav" } }),
        &format!("`{at}.input_audio.data` is missing"),
    );
    check(
        json!({ "type": "input_audio", "input_audio": { "format": "wav", "data": "" } }),
        &format!("`{at}.input_audio.data` must be the bytes in base64"),
    );
    check(
        json!({ "type": "file", "file": { "filename": "a" } }),
        &format!("`{at}.file` must be an object with `file_data` or `file_id`"),
    );
    check(json!({ "type": "file", "file": { "file_data": 1 } }), &format!("`{at}.file.file_data` must be a string"));
}
