//! Tables of the fields, parts and lines that named media, and what they say. Cases K15, M4, M5 and M8.

use serde_json::json;

use super::*;

/// A medium on one line: what leads to it, and what to call it.
fn said(medium: &PastMedium) -> String {
    format!("{:?} {} as {}", medium.witness, medium.spellings.join(", "), medium.label())
}

#[track_caller]
fn check(message: Value, expect: &[&str]) {
    let Value::Object(object) = &message else { panic!("a message is an object") };
    assert_eq!(of_fields(object).iter().map(said).collect::<Vec<_>>(), expect, "{message}");
}

#[test]
fn parallel_lists_in_all_their_spellings() {
    check(json!({"MediaPath": "/m/a.png"}), &["Gateway /m/a.png as picture `a.png`"]);
    check(json!({"media_path": " /m/a "}), &["Gateway /m/a as file `a`"]);
    check(
        json!({"MediaPath": "/m/a.png", "MediaPaths": ["/m/a.png", "/m/b.pdf"], "MediaType": "image/png"}),
        &["Gateway /m/a.png as picture `a.png`", "Gateway /m/b.pdf as document `b.pdf`"],
    );
    check(json!({"mediaUrls": ["https://h/a.mp4?s=1"]}), &["Gateway https://h/a.mp4?s=1 as video `a.mp4`"]);
    // A local path in the field of URLs leads where it leads.
    check(json!({"MediaUrl": "/m/a.png"}), &["Gateway /m/a.png as picture `a.png`"]);
}

#[test]
fn m4_the_path_is_tried_before_the_url() {
    check(
        json!({"MediaPaths": ["/m/a.png", null, "/m/c.png"], "MediaUrls": ["https://h/a", "https://h/b.png", "/m/c.png"]}),
        &[
            "Gateway /m/a.png, https://h/a as picture `a.png`",
            "Gateway https://h/b.png as picture `b.png`",
            "Gateway /m/c.png as picture `c.png`",
        ],
    );
}

#[test]
fn m5_what_is_no_list_names_nothing() {
    for message in [
        json!({}),
        json!({"MediaPaths": "x", "MediaUrls": {}, "MediaTypes": 3}),
        json!({"MediaPaths": [null, "", 7]}),
        json!({"media": {}, "attachments": null}),
        json!({"media": [], "MediaPath": " "}),
    ] {
        check(message, &[]);
    }
}

#[test]
fn m8_the_name_that_people_saw_counts_last() {
    check(
        json!({"media": [{"url": "https://h/voice.ogg", "fileName": "photo.png"}]}),
        &["Gateway https://h/voice.ogg as sound `photo.png`"],
    );
    check(
        json!({"attachments": [{"path": "/m/x", "contentType": "audio/ogg", "fileName": "photo.png"}, {"path": "/m/y", "fileName": "photo.png"}]}),
        &["Gateway /m/x as sound `photo.png`", "Gateway /m/y as picture `photo.png`"],
    );
    check(
        json!({"media": [{"path": "/m/a.svg", "contentType": "image/svg+xml"}]}),
        &["Gateway /m/a.svg as file `a.svg`"],
    );
    check(json!({"media": ["/m/a.png", null, 3]}), &["Gateway /m/a.png as picture `a.png`"]);
    check(json!({"media": [{"url": "https://h"}]}), &["Gateway https://h as file"]);
}

#[test]
fn parts_with_bytes_and_parts_that_lost_them() {
    let check = |part: Value, expect: &str| {
        let Value::Object(object) = &part else { panic!("a part is an object") };
        assert_eq!(said(&of_part(object)), expect, "{part}");
    };
    check(
        json!({"type": "image", "data": "AA==", "mimeType": "image/png"}),
        "Gateway data:image/png;base64,AA== as picture",
    );
    check(
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "AA=="}}),
        "Gateway data:image/gif;base64,AA== as picture",
    );
    check(
        json!({"type": "image_url", "image_url": {"url": "https://h/a.png"}}),
        "Gateway https://h/a.png as picture `a.png`",
    );
    check(
        json!({"type": "input_image", "image_url": "data:image/png;base64,AA=="}),
        "Gateway data:image/png;base64,AA== as file",
    );
    check(
        json!({"type": "file", "data": "AA==", "fileName": "a.pdf"}),
        "Gateway data:application/octet-stream;base64,AA== as document `a.pdf`",
    );
    check(json!({"type": "image", "omitted": true, "mimeType": "image/png"}), "Gateway  as picture");
}

#[test]
fn lines_of_text_are_read_and_taken_away() {
    let check = |text: &str, kept: &str, expect: &[&str]| {
        let mut media = vec![PastMedium::new(["/m/known.png".to_owned()], Witness::Gateway)];
        assert_eq!(take_notes(text, &mut media), kept, "{text}");
        assert_eq!(media.iter().skip(1).map(said).collect::<Vec<_>>(), expect, "{text}");
    };
    check("[media attached: /m/known.png (image/png)]\nhello", "hello", &[]);
    check(
        "[media attached: 2 files]\n[media attached 1/2: /m/a (1).png (image/png, 3x4) | https://h/a]\n[media attached 2/2: media://inbound/ü.ogg]\nhello",
        "hello",
        &["Text /m/a (1).png, https://h/a as picture `a (1).png`", "Text media://inbound/ü.ogg as sound `ü.ogg`"],
    );
    check("[media attached: /m/b (draft)]", "", &["Text /m/b (draft) as file `b (draft)`"]);
    for text in [
        "hello",
        "see [media attached: /m/a.png]",
        "[media attached]",
        "[media attached x/y: /m/a.png]",
        "[media attached: /m/a.png] and",
        "[media attached",
    ] {
        check(text, text, &[]);
    }
}
