//! Embeddings, models and files.

use proptest::prelude::*;
use serde_json::Value;

use crate::{EmbeddingsCall, ErrorKind, FileEntry, ModelEntry, More, Shape};
use crate::{read_embeddings, write_deleted, write_embeddings, write_file, write_files, write_model, write_models};

fn embeddings(inputs: &[&str], is_base64: bool, dimensions: Option<u32>) -> EmbeddingsCall {
    let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
    EmbeddingsCall { model: "m".to_owned(), inputs, is_base64, dimensions }
}

#[test]
fn requests_for_embeddings_are_read() {
    let check = |body: &str, expect: EmbeddingsCall| assert_eq!(read_embeddings(body.as_bytes()), Ok(expect));
    check(r#"{"model":"m","input":"a"}"#, embeddings(&["a"], false, None));
    check(r#"{"model":"m","input":["a","b"],"encoding_format":"base64"}"#, embeddings(&["a", "b"], true, None));
    check(
        r#"{"model":"m","input":["a"],"encoding_format":"float","dimensions":3,"user":"u"}"#,
        embeddings(&["a"], false, Some(3)),
    );
}

#[test]
fn bad_requests_for_embeddings_are_refused() {
    let check = |body: &str, kind: ErrorKind, message: &str| {
        let error = read_embeddings(body.as_bytes()).expect_err("the request is bad");
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
    };
    let invalid = ErrorKind::InvalidRequest;
    check("{", invalid, "the body cannot be read as JSON: EOF while parsing an object at line 1 column 1");
    check(r#"{"input":"a"}"#, invalid, "`model` is missing");
    check(r#"{"model":"m"}"#, invalid, "`input` is missing");
    check(r#"{"model":"m","input":null}"#, invalid, "`input` is missing");
    check(r#"{"model":"m","input":""}"#, invalid, "`input` must be a text that is not empty");
    check(r#"{"model":"m","input":["a",""]}"#, invalid, "`input[1]` must be a text that is not empty");
    check(r#"{"model":"m","input":[]}"#, invalid, "`input` must be a text, or a list of at least one text");
    check(r#"{"model":"m","input":[{}]}"#, invalid, "`input[0]` must be a text");
    let tokens = "`input` holds tokens, and no other provider can read them: send texts (LangChain does with \
                  `check_embedding_ctx_length=False`)";
    check(r#"{"model":"m","input":[1,2]}"#, ErrorKind::Unsupported, tokens);
    check(r#"{"model":"m","input":[[1],[2]]}"#, ErrorKind::Unsupported, tokens);
    let format = "`encoding_format` must be `float` or `base64`";
    check(r#"{"model":"m","input":"a","encoding_format":"int8"}"#, invalid, format);
    let dimensions = "`dimensions` must be a whole number from 1 on";
    check(r#"{"model":"m","input":"a","dimensions":0}"#, invalid, dimensions);
}

#[test]
fn embeddings_are_written_word_for_word() {
    let vectors = [vec![1.0, -0.5], vec![0.1]];
    let check = |is_base64: bool, first: &str, second: &str| {
        let expect = format!(
            "{{\"object\":\"list\",\"data\":[{{\"object\":\"embedding\",\"index\":0,\"embedding\":{first}}},\
             {{\"object\":\"embedding\",\"index\":1,\"embedding\":{second}}}],\"model\":\"m\",\
             \"usage\":{{\"prompt_tokens\":4,\"total_tokens\":4}}}}"
        );
        assert_eq!(write_embeddings(&embeddings(&["a", "b"], is_base64, None), &vectors, 4), expect);
    };
    check(false, "[1.0,-0.5]", "[0.1]");
    check(true, "\"AACAPwAAAL8=\"", "\"zczMPQ==\"");
}

fn model(id: &str, created_s: u64, display_name: Option<&str>) -> ModelEntry {
    let display_name = display_name.map(str::to_owned);
    ModelEntry { id: id.to_owned(), created_s, owned_by: "creel".to_owned(), display_name }
}

#[test]
fn models_are_written_in_both_shapes() {
    let entries = [model("a/b", 0, None), model("c", 1_709_210_096, Some("Model C"))];
    let first = r#"{"id":"a/b","object":"model","created":0,"owned_by":"creel"}"#;
    let second = r#"{"id":"c","object":"model","created":1709210096,"owned_by":"creel"}"#;
    assert_eq!(write_model(Shape::Openai, &entries[0]), first);
    assert_eq!(write_models(Shape::Openai, &entries), format!(r#"{{"object":"list","data":[{first},{second}]}}"#));
    let first =
        r#"{"type":"model","id":"a/b","display_name":"a/b","created_at":"1970-01-01T00:00:00Z","lifecycle":"active"}"#;
    let second = r#"{"type":"model","id":"c","display_name":"Model C","created_at":"2024-02-29T12:34:56Z","lifecycle":"active"}"#;
    assert_eq!(write_model(Shape::Anthropic, &entries[1]), second);
    let list = format!(r#"{{"data":[{first},{second}],"has_more":false,"first_id":"a/b","last_id":"c"}}"#);
    assert_eq!(write_models(Shape::Anthropic, &entries), list);
    assert_eq!(write_models(Shape::Openai, &[]), r#"{"object":"list","data":[]}"#);
    let none = r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#;
    assert_eq!(write_models(Shape::Anthropic, &[]), none);
}

#[test]
fn points_in_time_are_dates() {
    let check = |created_s: u64, expect: &str| {
        let written = write_model(Shape::Anthropic, &model("m", created_s, None));
        assert!(written.contains(&format!("\"created_at\":\"{expect}\",")), "{written}");
    };
    check(951_782_399, "2000-02-28T23:59:59Z");
    check(951_782_400, "2000-02-29T00:00:00Z");
    check(951_868_800, "2000-03-01T00:00:00Z");
    check(1_735_689_599, "2024-12-31T23:59:59Z");
    check(1_735_689_600, "2025-01-01T00:00:00Z");
    check(4_107_542_400, "2100-03-01T00:00:00Z");
}

#[test]
fn files_are_written_word_for_word() {
    let entry = |id: &str| FileEntry {
        id: id.to_owned(),
        bytes: 5,
        content_type: "application/pdf".to_owned(),
        created_s: 9,
        expires_s: None,
        filename: "a \"b\".pdf".to_owned(),
        purpose: "user_data".to_owned(),
    };
    let file = |id: &str| {
        let named = format!(r#"{{"object":"file","id":"{id}","purpose":"user_data","filename":"a \"b\".pdf","#);
        named + r#""bytes":5,"created_at":9,"expires_at":null,"status":"processed","status_details":null}"#
    };
    assert_eq!(write_file(Shape::Openai, &entry("file-1")), file("file-1"));
    let list = format!(
        r#"{{"object":"list","data":[{},{}],"has_more":false,"first_id":"file-1","last_id":"file-2"}}"#,
        file("file-1"),
        file("file-2")
    );
    assert_eq!(write_files(Shape::Openai, &[entry("file-1"), entry("file-2")], More::Nowhere), list);
    let none = r#"{"object":"list","data":[],"has_more":false,"first_id":null,"last_id":null}"#;
    assert_eq!(write_files(Shape::Openai, &[], More::Nowhere), none);
    assert_eq!(write_deleted(Shape::Openai, "file-1"), r#"{"object":"file","deleted":true,"id":"file-1"}"#);

    let file = |id: &str| {
        let named = format!(r#"{{"type":"file","id":"{id}","filename":"a \"b\".pdf","mime_type":"application/pdf","#);
        named + r#""size_bytes":5,"created_at":"1970-01-01T00:00:09Z","expires_at":null,"downloadable":true}"#
    };
    assert_eq!(write_file(Shape::Anthropic, &entry("file-1")), file("file-1"));
    let list = format!(
        r#"{{"data":[{},{}],"has_more":false,"first_id":"file-1","last_id":"file-2","next_page":null}}"#,
        file("file-1"),
        file("file-2")
    );
    assert_eq!(write_files(Shape::Anthropic, &[entry("file-1"), entry("file-2")], More::Nowhere), list);
    let none = r#"{"data":[],"has_more":false,"first_id":null,"last_id":null,"next_page":null}"#;
    assert_eq!(write_files(Shape::Anthropic, &[], More::Nowhere), none);
    assert_eq!(write_deleted(Shape::Anthropic, "file-1"), r#"{"type":"file_deleted","id":"file-1"}"#);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_of_embeddings_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read_embeddings(&bytes).is_err());
    }

    #[test]
    fn any_point_in_time_is_written(created_s: u64) {
        let written = write_model(Shape::Anthropic, &model("m", created_s, None));
        prop_assert!(serde_json::from_str::<Value>(&written).is_ok());
    }
}
