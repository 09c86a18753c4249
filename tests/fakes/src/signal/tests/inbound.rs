//! Messages that come in, the event streams and the attachments.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::{Attachment, Config, Message, Quote};
use super::{ALICE, ALICE_ID, GROUP, alice, call, check, listen, next, start};
use crate::client::Call;
use crate::pictures;

#[tokio::test]
async fn a_message_comes_in_with_its_files() {
    let (fake, dir) = start(|config| config).await;
    let mut open = listen(&fake).await;
    let message = alice().saying("Look!").with(Attachment::jpeg(pictures::jpeg()).named("a.jpg"));
    let received = fake.receive(&message.with(Attachment::png(pictures::png()))).unwrap();
    let envelope = next(&mut open).await;
    assert_eq!(envelope, received.envelope);
    assert_eq!((&envelope["sourceNumber"], &envelope["sourceUuid"]), (&json!(ALICE), &json!(ALICE_ID)));
    let data = &envelope["dataMessage"];
    assert_eq!((&data["message"], &data["timestamp"]), (&json!("Look!"), &envelope["timestamp"]));
    let [first, second] = &received.attachment_ids[..] else { panic!("two attachments: {received:?}") };
    assert!(first.ends_with(".jpg") && second.ends_with(".png") && first.len() == 24);
    assert_eq!(data["attachments"][0]["id"], *first);
    assert_eq!(data["attachments"][0]["width"], 640);
    assert_eq!(data["attachments"][1]["contentType"], "image/png");
    assert_eq!(std::fs::read(dir.path().join(first)).unwrap(), pictures::jpeg());

    let get = call("getAttachment", &json!({"id": second, "recipient": ALICE})).send(&fake).await.json();
    assert_eq!(get["result"]["data"], STANDARD.encode(pictures::png()));
    assert_eq!(fake.refusals(), []);
}

#[tokio::test]
async fn envelopes_have_the_shapes_of_the_daemon() {
    let (fake, _dir) = start(|config| config).await;
    let mut open = listen(&fake).await;
    let hidden = Message::from_hidden_number(ALICE_ID, "Alice").in_group(GROUP);
    let first = fake.receive(&hidden.with(Attachment::jpeg(pictures::jpeg_of(1)))).unwrap();
    let envelope = next(&mut open).await;
    assert_eq!((&envelope["source"], &envelope["sourceNumber"]), (&json!(ALICE_ID), &Value::Null));
    assert_eq!(envelope["dataMessage"]["message"], Value::Null);
    let group = json!({"groupId": GROUP, "groupName": "Book club", "revision": 3, "type": "DELIVER"});
    assert_eq!(envelope["dataMessage"]["groupInfo"], group);

    let quote = Quote { timestamp_ms: first.timestamp_ms, author: ALICE_ID.into(), text: "so".into() };
    fake.receive(&alice().saying("yes").quoting(quote)).unwrap();
    let quote = next(&mut open).await["dataMessage"]["quote"].clone();
    assert_eq!((&quote["id"], &quote["authorUuid"]), (&json!(first.timestamp_ms), &json!(ALICE_ID)));

    fake.receive(&alice().saying("no").editing(first.timestamp_ms)).unwrap();
    let envelope = next(&mut open).await;
    assert_eq!(envelope["editMessage"]["targetSentTimestamp"], first.timestamp_ms);
    assert_eq!(envelope["editMessage"]["dataMessage"]["message"], "no");
    assert!(envelope.get("dataMessage").is_none());

    fake.receive_again(&first);
    assert_eq!(next(&mut open).await, first.envelope);
    let typing = json!({"sourceUuid": ALICE_ID, "typingMessage": {"action": "STARTED"}});
    fake.receive_envelope(&typing);
    assert_eq!(next(&mut open).await, typing);
}

#[tokio::test]
async fn two_equal_files_are_two_attachments() {
    let (fake, _dir) = start(|config| config).await;
    let message = alice().with(Attachment::jpeg(pictures::jpeg())).with(Attachment::jpeg(pictures::jpeg()));
    let received = fake.receive(&message).unwrap();
    assert_ne!(received.attachment_ids[0], received.attachment_ids[1]);
}

#[tokio::test]
async fn an_id_that_is_no_file_name_is_announced_and_not_written() {
    let (fake, dir) = start(|config| config).await;
    let mut message = alice();
    for id in ["../escaped.jpg", "/etc/passwd", "..", ".hidden", "a/b.jpg", ""] {
        message = message.with(Attachment::jpeg(pictures::jpeg()).announced_as(id));
    }
    let gone = Attachment::jpeg(pictures::jpeg()).announced_as("gone.jpg").missing();
    let received = fake.receive(&message.with(gone)).unwrap();
    assert_eq!(received.attachment_ids[0], "../escaped.jpg");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    check("getAttachment", json!({"id": "../x", "recipient": ALICE}), "-1 Could not find attachment with ID: ../x")
        .await;
    check("getAttachment", json!({"id": "gone.jpg"}), "-1 Either recipient or groupId must be given").await;
    check("getAttachment", json!({"recipient": ALICE}), "-1 No attachment id given").await;
}

#[tokio::test]
async fn what_nobody_hears_waits_for_a_listener() {
    let (fake, _dir) = start(|config| config).await;
    fake.receive(&alice().saying("one")).unwrap();
    let mut open = listen(&fake).await;
    assert_eq!(next(&mut open).await["dataMessage"]["message"], "one");
    fake.disconnect_all();
    fake.receive(&alice().saying("two")).unwrap();
    assert!(open.rest().await.broken);
    let mut open = listen(&fake).await;
    fake.wait_for_listeners(2).await.unwrap();
    assert_eq!(next(&mut open).await["dataMessage"]["message"], "two");
    fake.end_streams();
    assert!(!open.rest().await.broken);
}

#[tokio::test]
async fn what_nobody_hears_can_be_lost() {
    let (fake, _dir) = start(|config| Config { keeps_unheard: false, ..config }).await;
    fake.receive(&alice().saying("one")).unwrap();
    let mut first = listen(&fake).await;
    let mut second = Call::get("/api/v1/events?account=%2B15550100001").open(&fake).await;
    fake.receive(&alice().saying("two")).unwrap();
    assert_eq!(next(&mut first).await["dataMessage"]["message"], "two");
    assert_eq!(next(&mut second).await["dataMessage"]["message"], "two");
}

#[tokio::test]
async fn an_idle_stream_gets_comments_and_whatever_a_test_sends() {
    let (fake, _dir) = start(|config| Config { keep_alive_after: Duration::from_millis(1), ..config }).await;
    let mut open = listen(&fake).await;
    assert!(open.until(":\n").await.starts_with(":\n"));
    fake.push_bytes(b"event:receive\nda");
    open.until("event:receive\nda").await;
}
