//! Media go from the store onto the wire without passing through the plugin: every byte, with an exact length.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use creel_fakes::Answer;
use creel_tests::rig::Rig;
use serde_json::json;

use crate::upstream::{answers, answers_post, asker, asks, get, only, post, server, write};

/// Bytes of a medium that the engine reads at once; sizes around it are the ones that could go wrong.
const READ_BYTES: usize = 384 << 10;

/// Bytes that are all different from their neighbours, and no picture.
fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|index| u8::try_from(index * 31 % 251).unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spliced_body_is_exact_at_every_size() {
    let rig = Rig::new();
    for size in [0, 1, 2, 3, READ_BYTES - 1, READ_BYTES, READ_BYTES + 1, 2 * READ_BYTES, 2 * READ_BYTES + 2] {
        let server = server().await;
        answers_post(&server, Answer::text(200, "text/plain", "received"));
        let content = bytes(size);
        let medium = rig.medium(&content);
        let uri = medium.media.to_string();
        let body = json!([{"text": "{\"a\":\""}, {"base64": uri}, {"text": "\"}"}, {"raw": uri}, {"raw": uri}]);
        let told = asks(asker(&rig, &server).media([&medium]), json!([{"send": post(json!({"body": body}))}])).await;
        assert_eq!(told, "200: received\n", "{size}");
        let request = only(&server);
        let expect = [b"{\"a\":\"", STANDARD.encode(&content).as_bytes(), b"\"}", &content, &content].concat();
        assert!(request.body == expect, "the body of {size} bytes differs");
        assert_eq!(request.header("content-length"), Some(expect.len().to_string().as_str()), "{size}");
        assert_eq!(request.header("transfer-encoding"), None);
        assert!(server.refusals().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_medium_alone_is_a_whole_body() {
    let (rig, server) = (Rig::new(), server().await);
    answers_post(&server, Answer::status(204));
    let medium = rig.medium(b"only this");
    let body = json!([{"raw": medium.media.to_string()}]);
    let told = asks(asker(&rig, &server).media([&medium]), json!([{"send": post(json!({"body": body}))}])).await;
    assert_eq!(told, "204: \n");
    assert_eq!(only(&server).body, "only this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_fetched_is_stored_and_can_be_sent_on() {
    let (rig, server) = (Rig::new(), server().await);
    let content = bytes(3 << 20);
    answers(&server, Answer::text(200, "application/octet-stream", content.clone()).in_chunks_of(100_000));
    answers_post(&server, Answer::status(200));
    let told = asks(asker(&rig, &server), json!([{"return": [get(json!({})), post(json!({}))]}])).await;
    assert_eq!(told, "200\n");
    let sent = server.requests_to("/allowed/it");
    assert!(sent.len() == 1 && sent[0].body == content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_that_does_not_succeed_stores_nothing() {
    let (rig, server) = (Rig::new(), server().await);
    answers(&server, Answer::text(404, "text/plain", "gone"));
    answers(&server, Answer::text(200, "text/plain", "half of it").cut_before(0));
    answers(&server, Answer::text(200, "text/plain", "packed").header("content-encoding", "gzip"));
    let fetch = || json!({"fetch": get(json!({}))});
    let told = asks(asker(&rig, &server), json!([fetch(), fetch(), fetch()])).await;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "IoError::Status(404)");
    assert!(lines[1].starts_with("IoError::CutOff("), "{told}");
    assert_eq!(lines[2], "IoError::CutOff(\"the server sent `content-encoding: gzip` though none was asked for\")");
    let stored = rig.directory().join("state/media/outbound");
    let left: Vec<_> = std::fs::read_dir(&stored).map(Iterator::collect).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_plain_files_beneath_a_granted_directory_are_taken() {
    let (rig, server) = (Rig::new(), server().await);
    let inbox = rig.directory().join("inbox");
    write(&inbox, "note.txt", b"hello");
    write(&inbox, "sub/deep.txt", b"deeper");
    write(rig.directory(), "secret.txt", b"not yours");
    std::os::unix::fs::symlink(rig.directory().join("secret.txt"), inbox.join("link.txt")).expect("a link");
    std::os::unix::fs::symlink(rig.directory(), inbox.join("up")).expect("a link");
    std::fs::create_dir(inbox.join("directory")).expect("a directory");
    let names = [
        "note.txt",
        "sub/deep.txt",
        "../secret.txt",
        "sub/../note.txt",
        "/etc/passwd",
        "link.txt",
        "up/secret.txt",
        "directory",
        "absent.txt",
        "",
        ".",
    ];
    let wishes: Vec<_> = names.iter().map(|name| json!({"ingest": {"root": "inbox", "name": name}})).collect();
    let told = asks(asker(&rig, &server).root("inbox", &inbox), json!(wishes)).await;
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("media://outbound/") && lines[0].ends_with(" text/plain 5"), "{told}");
    assert!(lines[1].starts_with("media://outbound/") && lines[1].ends_with(" text/plain 6"), "{told}");
    for (name, line) in names.iter().zip(&lines).skip(2) {
        assert!(line.starts_with("IoError::Refused((Refusal::UnknownFile, \""), "{name}: {line}");
    }
    let stored = rig.directory().join("state/media/outbound");
    assert_eq!(std::fs::read_dir(stored).expect("the area is there").count(), 2);
}
