//! Models, files and embeddings as clients list and read them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use creel_dialects::{
    EmbeddingsCall, ErrorKind, FileEntry, ModelEntry, More, Shape, read_embeddings, write_deleted, write_embeddings,
    write_file, write_files, write_model, write_models,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).expect("an answer is JSON")
}

fn model(created_s: u64) -> ModelEntry {
    ModelEntry { id: "house/m".to_owned(), created_s, owned_by: "house".to_owned(), display_name: None }
}

fn created_at(created_s: u64) -> String {
    parsed(&write_model(Shape::Anthropic, &model(created_s)))["created_at"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn moments_are_written_as_rfc_3339() {
    let check = |created_s, expect: &str| assert_eq!(created_at(created_s), expect);
    check(0, "1970-01-01T00:00:00Z");
    check(951_782_399, "2000-02-28T23:59:59Z");
    check(951_782_400, "2000-02-29T00:00:00Z");
    check(951_868_800, "2000-03-01T00:00:00Z");
    check(1_740_787_199, "2025-02-28T23:59:59Z");
    check(1_740_787_200, "2025-03-01T00:00:00Z");
    check(4_107_542_400, "2100-03-01T00:00:00Z");
    check(4_107_542_399, "2100-02-28T23:59:59Z");
}

/// The day after, by the rules of the calendar alone.
fn next_day([year, month, day]: [u64; 3]) -> [u64; 3] {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day < days {
        [year, month, day + 1]
    } else if month < 12 {
        [year, month + 1, 1]
    } else {
        [year + 1, 1, 1]
    }
}

#[test]
fn no_day_is_missed() {
    let mut date = [1970, 1, 1];
    // Beyond the year 2100, which is no leap year.
    for day in 0..50_000 {
        let [year, month, of_month] = date;
        let second = day * 86_400 + 3_723;
        assert_eq!(created_at(second), format!("{year:04}-{month:02}-{of_month:02}T01:02:03Z"));
        date = next_day(date);
    }
}

#[test]
fn models_are_listed_in_both_shapes() {
    let entry = ModelEntry { display_name: Some("M".to_owned()), ..model(0) };
    let openai = json!({ "id": "house/m", "object": "model", "created": 0, "owned_by": "house" });
    let anthropic = json!({ "type": "model", "id": "house/m", "display_name": "M", "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": "active" });
    assert_eq!(parsed(&write_model(Shape::Openai, &entry)), openai);
    assert_eq!(parsed(&write_model(Shape::Anthropic, &entry)), anthropic);
    let last = ModelEntry { id: "z".to_owned(), ..model(0) };
    let list = parsed(&write_models(Shape::Openai, &[entry.clone(), last.clone()]));
    assert_eq!((&list["object"], &list["data"][0], &list["data"][1]["id"]), (&"list".into(), &openai, &"z".into()));
    let list = parsed(&write_models(Shape::Anthropic, &[entry, last]));
    assert_eq!(
        (&list["first_id"], &list["last_id"], &list["has_more"]),
        (&"house/m".into(), &"z".into(), &false.into())
    );
    assert_eq!((&list["data"][0], &list["data"][1]["display_name"]), (&anthropic, &"z".into()));
    let none = json!({ "data": [], "has_more": false, "first_id": null, "last_id": null });
    assert_eq!(parsed(&write_models(Shape::Anthropic, &[])), none);
}

#[test]
fn files_are_listed() {
    let entry = FileEntry {
        id: "file-1".to_owned(),
        bytes: 3,
        content_type: "image/png".to_owned(),
        created_s: 5,
        expires_s: Some(3_605),
        filename: "a.png".to_owned(),
        purpose: "vision".to_owned(),
    };
    let file = parsed(&write_file(Shape::Openai, &entry));
    for (name, expect) in [
        ("id", json!("file-1")),
        ("object", json!("file")),
        ("bytes", json!(3)),
        ("created_at", json!(5)),
        ("expires_at", json!(3605)),
        ("filename", json!("a.png")),
        ("purpose", json!("vision")),
    ] {
        assert_eq!(file[name], expect, "{name}");
    }
    let list = parsed(&write_files(Shape::Openai, std::slice::from_ref(&entry), More::Nowhere));
    assert_eq!((&list["object"], &list["data"]), (&"list".into(), &json!([file])));
    let deleted = json!({ "id": "file-1", "object": "file", "deleted": true });
    assert_eq!(parsed(&write_deleted(Shape::Openai, "file-1")), deleted);

    let file = json!({ "type": "file", "id": "file-1", "filename": "a.png", "mime_type": "image/png", "size_bytes": 3,
        "created_at": "1970-01-01T00:00:05Z", "expires_at": "1970-01-01T01:00:05Z", "downloadable": true });
    assert_eq!(parsed(&write_file(Shape::Anthropic, &entry)), file);
    for (more, has_more, next_page) in [
        (More::Nowhere, false, Value::Null),
        (More::Behind, true, json!("page_file-1")),
        (More::Before, true, Value::Null),
    ] {
        let list = json!({ "data": [file], "has_more": has_more, "first_id": "file-1", "last_id": "file-1",
            "next_page": next_page });
        assert_eq!(parsed(&write_files(Shape::Anthropic, std::slice::from_ref(&entry), more)), list);
        let list = parsed(&write_files(Shape::Openai, std::slice::from_ref(&entry), more));
        assert_eq!((&list["has_more"], list.get("next_page")), (&json!(has_more), None));
    }
    assert_eq!(parsed(&write_deleted(Shape::Anthropic, "file-1")), json!({ "id": "file-1", "type": "file_deleted" }));
}

#[test]
fn embeddings_are_read() {
    let check = |body: Value, expect: Result<EmbeddingsCall, (ErrorKind, &str)>| {
        let read = read_embeddings(body.to_string().as_bytes());
        match (read, expect) {
            (Err(error), Err((kind, param))) => {
                assert_eq!((error.kind, error.param.as_deref()), (kind, Some(param)), "{body}");
            }
            (read, expect) => assert_eq!(read.ok(), expect.ok(), "{body}"),
        }
    };
    let good = |inputs: &[&str], is_base64, dimensions| {
        let inputs = inputs.iter().map(|text| (*text).to_owned()).collect();
        Ok(EmbeddingsCall { model: "m".to_owned(), inputs, is_base64, dimensions })
    };
    check(json!({ "model": "m", "input": "a" }), good(&["a"], false, None));
    check(
        json!({ "model": "m", "input": ["a", "b"], "encoding_format": "base64", "dimensions": 8, "user": "u" }),
        good(&["a", "b"], true, Some(8)),
    );
    let invalid = |param| Err((ErrorKind::InvalidRequest, param));
    check(json!({ "input": "a" }), invalid("model"));
    check(json!({ "model": "m" }), invalid("input"));
    check(json!({ "model": "m", "input": [] }), invalid("input"));
    check(json!({ "model": "m", "input": ["a", {}] }), invalid("input[1]"));
    check(json!({ "model": "m", "input": "a", "encoding_format": "hex" }), invalid("encoding_format"));
    check(json!({ "model": "m", "input": "a", "dimensions": 0 }), invalid("dimensions"));
    check(json!({ "model": "m", "input": [1, 2] }), Err((ErrorKind::Unsupported, "input")));
    check(json!({ "model": "m", "input": [[1], [2]] }), Err((ErrorKind::Unsupported, "input")));
}

proptest! {
    #[test]
    fn vectors_come_back_as_they_were(vectors in prop::collection::vec(prop::collection::vec(-1.0f32..1.0, 0..9), 1..4)) {
        for is_base64 in [false, true] {
            let call = EmbeddingsCall { model: "m".to_owned(), inputs: Vec::new(), is_base64, dimensions: None };
            let answer = parsed(&write_embeddings(&call, &vectors, 9));
            prop_assert_eq!(&answer["usage"], &json!({ "prompt_tokens": 9, "total_tokens": 9 }));
            for (index, vector) in vectors.iter().enumerate() {
                prop_assert_eq!(&answer["data"][index]["index"], index);
                prop_assert_eq!(&unpacked(&answer["data"][index]["embedding"]), vector);
            }
        }
    }
}

/// As clients do it.
fn unpacked(embedding: &Value) -> Vec<f32> {
    if let Some(base64) = embedding.as_str() {
        let bytes = STANDARD.decode(base64).expect("it is base64");
        return bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
    }
    #[expect(clippy::cast_possible_truncation, reason = "the numbers were made of as many bits")]
    let numbers = embedding.as_array().into_iter().flatten().filter_map(Value::as_f64).map(|number| number as f32);
    numbers.collect()
}
